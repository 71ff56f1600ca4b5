"""The reports of comparisons on disk: a file for each day, a line of JSON for each run, oldest first.

The journal is the record. These are its runs again, for whoever reads files.
"""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from agenttrader.adapters.durable_files import make_folder, write_whole
from agenttrader.model.errors import StoreError


def append_report(folder: Path, day: str, report: Struct) -> Path:
    """Add the report to the file of `day`, YYYY-MM-DD, and sync it; where it lies. Raises StoreError."""
    path = folder / f"{day}.ndjson"
    try:
        make_folder(folder)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            write_whole(descriptor, msgspec.json.encode(report) + b"\n")
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(
            f"{path}: expected to add the report of a comparison, found: {error}. The journal has it; make "
            "room on the disk, and see who owns the folder"
        ) from error
    return path
