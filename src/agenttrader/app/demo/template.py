"""The demo's configuration, filled in: a run's own values go into the template's text, comments stay."""

import json
import re
from collections import Counter
from collections.abc import Mapping

Place = tuple[str, str]
"""A table as it stands in brackets, with `#1`, `#2` … where it is one of several, and a key of it."""
Value = str | int | tuple[str, ...]

_TABLE = re.compile(r"\[(\[?)([\w.\-]+)\]\]?\s*(#.*)?")
_ASSIGNMENT = re.compile(r"""(?P<key>\w+) = (?P<value>"[^"]*"|\[[^\]]*\]|[^\s#]+)(?P<rest>\s*(#.*)?)""")


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
