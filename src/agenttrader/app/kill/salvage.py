"""What kill needs of a configuration that is no TOML: its tables, cut out and parsed each by itself.

A mistake in one table leaves the others readable. A table that stands there twice is had no more than one
that cannot be parsed: which of the two was meant is not for kill to say.
"""

import contextlib
import re
import tomllib
from pathlib import Path
from typing import Any

_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_NEEDED = re.compile(r"\s*\[\s*(?:(account|store|switches|peers)|(credentials)\s*\.\s*kill\b[\w.\s-]*)\s*\]")


def salvage(file: Path) -> dict[str, Any]:
    """The tables that kill needs, those that can be had. Raises OSError where the file cannot be read."""
    text = file.read_bytes().decode("utf-8", "replace")
    starts = [found.start() for found in _HEADER.finditer(text)]
    pieces: dict[str, str] = {}
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        if found := _NEEDED.match(text, start, end):
            name = found[1] or found[2]
            pieces[name] = pieces.get(name, "") + text[start:end] + "\n"
    tables: dict[str, Any] = {}
    for piece in pieces.values():
        with contextlib.suppress(tomllib.TOMLDecodeError):
            tables |= tomllib.loads(piece)
    return tables
