"""What agents, persons, strategies and groups may be called, so that nobody takes one for another.

Names stand in records, limits, halts, log lines and on screens. An agent by the name of one of our own units
would seem to be it, whatever the checks say.
"""

import re
from collections.abc import Iterable, Iterator

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""No blank, no colon (`breaker:drawdown`, `person:ann` are ours), nothing that looks like another letter."""
OURS = frozenset(
    {
        *("breaker", "conformance", "exits", "gateway", "kill", "marketdata", "operator", "ops", "person"),
        *("sentinel", "store", "supervisor", "system", "venue"),
    }
)
"""What acts here, or is acted by, under these words: no agent is called so, however it is spelled."""


def faults_of_names(table: str, names: Iterable[str], ours: frozenset[str] = frozenset()) -> Iterator[str]:
    """Why entries of `table` may not be called so; `ours` are words that are taken, in lower case."""
    for name in names:
        if not NAME.fullmatch(name):
            yield (
                f"[{table}] {name!r}: expected up to 64 letters, digits, - and _ with a letter or a digit "
                "first; give it such a name"
            )
        elif name.lower() in ours:
            yield f"[{table}] {name}: expected another name, for the program itself has this one"
