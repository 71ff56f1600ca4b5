"""The demo's configuration as text: tables replaced, names changed, a run's own values filled in.

Comments stay, so that who reads a run's configuration finds what its values mean.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping

Place = tuple[str, str]
"""A table as it stands in brackets, with `#1`, `#2` … where it is one of several, and a key of it."""
Value = str | int | tuple[str, ...]

_TABLE = re.compile(r"\[(\[?)([\w.\-]+)\]\]?\s*(#.*)?")
_KEY = re.compile(r"\w+ = ")
_ASSIGNMENT = re.compile(r"""(?P<key>\w+) = (?P<value>"[^"]*"|\[[^\]]*\]|[^\s#]+)(?P<rest>\s*(#.*)?)""")


def recast(template: str, *, names: Mapping[str, str], tables: Mapping[str, str]) -> str:
    """The template with other `tables` in the place of those named, and whole words changed as `names` says.

    A table whose text is empty is left out.
    """
    left = dict(tables)
    word = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b")
    is_replaced = False
    lines = []
    for line in template.splitlines():
        if found := _TABLE.fullmatch(line):
            is_replaced = found[2] in tables
            if is_replaced:
                lines.append(left.pop(found[2]))
                continue
        elif is_replaced and _KEY.match(line):
            continue
        lines.append(word.sub(lambda found: names[found[0]], line) if names else line)
    assert not left, f"expected in the demo's template: {sorted(left)}"
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def fill(template: str, values: Mapping[Place, Value]) -> str:
    """The template with each value of `values` in its place, on one line as it was."""
    left = dict(values)
    counted: Counter[str] = Counter()
    table = ""
    lines = []
    for line in template.splitlines():
        if found := _TABLE.fullmatch(line):
            table = found[2]
            if found[1]:
                counted[table] += 1
                table = f"{table}#{counted[table]}"
        elif (found := _ASSIGNMENT.fullmatch(line)) and (table, found["key"]) in left:
            lines.append(f"{found['key']} = {json.dumps(left.pop((table, found['key'])))}{found['rest']}")
            continue
        lines.append(line)
    assert not left, f"expected in the demo's template: {sorted(left)}"
    return "\n".join(lines) + "\n"
