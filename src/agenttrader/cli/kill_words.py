"""What was typed after `kill` and `emergency-liquidate`, and the words of it that are understood at once.

`understood` knows each option by its whole name and nothing else. What it does not know (help, a mistake, an
option that stands twice) is for the command line's library, which says what is wrong. A test holds the two
to the same meaning.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

KILL = "kill"
LIQUIDATE = "emergency-liquidate"
PHRASES = {KILL: "HALT TRADING", LIQUIDATE: "LIQUIDATE_ALL"}
REASONS = {KILL: "kill", LIQUIDATE: "emergency liquidation"}
"""What is on record where no reason was typed."""
SECONDS = 20
CONFIG_VARIABLE = "AGENTTRADER_CONFIG"

_FLAGS = {
    KILL: frozenset({"--cancel-orders", "--liquidate", "--including-protective", "--json"}),
    LIQUIDATE: frozenset({"--dry-run", "--json"}),
}
_VALUES = frozenset({"--config", "--confirm", "--reason", "--seconds"})
_SECONDS = re.compile(r"[1-9][0-9]{0,5}")


class KillWords(NamedTuple):
    """One call of `kill`, or of `emergency-liquidate`."""

    verb: str
    config: Path
    confirm: str
    reason: str
    cancel_orders: bool = False
    liquidate: bool = False
    including_protective: bool = False
    dry_run: bool = False
    seconds: int = SECONDS
    as_json: bool = False


def understood(words: Sequence[str], environment: Mapping[str, str]) -> KillWords | None:
    """The call that `words`, all that stands behind the program's name, make; None where they need a look."""
    if not words or words[0] not in PHRASES:
        return None
    found = _read(words[1:], _FLAGS[words[0]])
    if found is None:
        return None
    config = found.get("--config", environment.get(CONFIG_VARIABLE))
    seconds = found.get("--seconds", str(SECONDS))
    if not config or "--confirm" not in found or not _SECONDS.fullmatch(seconds):
        return None
    return KillWords(
        verb=words[0],
        config=Path(config),
        confirm=found["--confirm"],
        reason=found.get("--reason", REASONS[words[0]]),
        cancel_orders="--cancel-orders" in found,
        liquidate="--liquidate" in found,
        including_protective="--including-protective" in found,
        dry_run="--dry-run" in found,
        seconds=int(seconds),
        as_json="--json" in found,
    )


def _read(words: Sequence[str], flags: frozenset[str]) -> dict[str, str] | None:
    """Each option with its value, a flag with none; None where something else is there."""
    found: dict[str, str] = {}
    left = list(reversed(words))
    while left:
        name, is_joined, value = left.pop().partition("=")
        if name in found or name not in flags | _VALUES:
            return None
        if name in flags and is_joined:
            return None
        if name in _VALUES and not is_joined:
            value = left.pop() if left else "-"
            if value.startswith("-"):
                return None
        found[name] = value
    return found
