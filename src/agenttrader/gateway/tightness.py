"""Which of two values of a limit is the tighter. What cannot be told apart is not tighter: a person decides.

Values are text as a person writes them; names as in `model.ruling`. A value that one side has and the other
has not is judged by what it is about: an agent, a symbol or a person that is gone permits nothing, so that is
tighter; a group or a check that is gone binds nobody, so that is looser.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

from agenttrader.model.authority import Approval, Mode, PersonRole

Values = Mapping[str, str]
UNGROUPED_NAME = "account.ungrouped_permitted"
"""Whether what is in no group may be opened."""


class Direction(Enum):
    """Which way is tighter."""

    LESS = "a smaller number"
    MORE = "a larger number"
    FEWER = "fewer names"
    ALSO = "more names"
    WORD = "a stricter word"
    FIXED = "no other value"


_BY_NAME = {
    "account.restricted": Direction.ALSO,
    "account.market_symbols": Direction.ALSO,
    "group.symbols": Direction.ALSO,
    "program.checks": Direction.ALSO,
    "agent.symbols": Direction.FEWER,
    "agent.strategies": Direction.FEWER,
    "agent.order_types": Direction.FEWER,
    "agent.times_in_force": Direction.FEWER,
    # More is counted where it is counted for longer.
    "agent.repeat_seconds": Direction.MORE,
    "symbol.price_move_seconds": Direction.MORE,
    # Narrower, it keeps who holds something from leaving; wider, it lets them leave too dearly.
    "symbol.reducing_price_collar_fraction_max": Direction.FIXED,
    "breakers.reject_minutes": Direction.MORE,
    "breakers.error_minutes": Direction.MORE,
    "breakers.broker_latency_answers": Direction.LESS,
    "approvals.persons_needed": Direction.MORE,
    "approvals.expiry_seconds": Direction.LESS,
    "agent.mode_ceiling": Direction.WORD,
    "agent.approval": Direction.WORD,
    "environment.mode_ceiling": Direction.WORD,
    "person.role": Direction.WORD,
    "environment.people": Direction.MORE,
    "environment.wired_switches": Direction.ALSO,
}
_BY_SUFFIX = {
    "_max": Direction.LESS,
    "_fraction": Direction.LESS,
    "_min": Direction.MORE,
    "_permitted": Direction.WORD,
}
WORDS = (
    tuple(each.value for each in Mode),
    (Approval.MANUAL.value, Approval.AUTO.value),
    tuple(each.value for each in PersonRole),
    ("false", "true"),
)
"""Words from the strictest to the laxest."""
_BINDING = frozenset({"group", "program"})
"""What binds by being there; everything else permits by being there."""


def scope_of(name: str) -> str:
    """What the value is about: `account`, `symbol.ALFA`. A symbol may have points in it, a key has none."""
    return name.rpartition(".")[0]


def kind_of(name: str) -> str:
    """What kind of thing it is about: `account`, `symbol`."""
    return name.partition(".")[0]


def direction_of(name: str) -> Direction:
    """Which way the value of that name is tighter."""
    key = name.rpartition(".")[2]
    known = _BY_NAME.get(f"{kind_of(name)}.{key}")
    if known is not None:
        return known
    return next((way for suffix, way in _BY_SUFFIX.items() if key.endswith(suffix)), Direction.FIXED)


def names_in(value: str) -> frozenset[str]:
    """The names of a list such as `limit,market`; an empty text is none."""
    return frozenset(value.split(",")) if value else frozenset()


def list_of(names: frozenset[str]) -> str:
    """Names as a value."""
    return ",".join(sorted(names))


def tighter(name: str, ruled: str, wanted: str) -> str:
    """The tighter of two values; what `ruled` before, where neither is."""
    way = direction_of(name)
    match way:
        case Direction.LESS:
            return wanted if Decimal(wanted) < Decimal(ruled) else ruled
        case Direction.MORE:
            return wanted if Decimal(wanted) > Decimal(ruled) else ruled
        case Direction.FEWER:
            return _fewer(name, names_in(ruled), names_in(wanted))
        case Direction.ALSO:
            return list_of(names_in(ruled) | names_in(wanted))
        case Direction.WORD:
            return _stricter(ruled, wanted)
        case Direction.FIXED:
            return ruled


def tightest(ruled: Values, wanted: Values) -> dict[str, str]:
    """What rules where `ruled` did and `wanted` is configured: of each value the tighter.

    What only one of them has: see above. A key that is new in what both have binds from now on.
    """
    scopes_ruled, scopes_wanted = set(map(scope_of, ruled)), set(map(scope_of, wanted))
    found: dict[str, str] = {}
    for name in sorted({*ruled, *wanted}):
        scope, is_binding = scope_of(name), kind_of(name) in _BINDING
        before, after = ruled.get(name), wanted.get(name)
        if before is not None and after is not None:
            found[name] = tighter(name, before, after)
        elif after is not None and (is_binding or scope in scopes_ruled):
            found[name] = after
        elif before is not None and (is_binding or scope in scopes_wanted):
            found[name] = before
    return _within_groups(found, ruled)


def _within_groups(found: dict[str, str], ruled: Values) -> dict[str, str]:
    """Where only what is in a group may be opened, no group takes in a symbol that was in none: that waits.

    It would permit more than it binds. A new group that none is left of waits whole.
    """
    if ruled.get(UNGROUPED_NAME) != "false":
        return found
    grouped = frozenset[str]().union(*(names_in(ruled[name]) for name in ruled if _is_of_group(name)))
    within = {name: list_of(names_in(value) & grouped) for name, value in found.items() if _is_of_group(name)}
    empty = {scope_of(name) for name, value in within.items() if not value}
    return {name: value for name, value in (found | within).items() if scope_of(name) not in empty}


def _fewer(name: str, ruled: frozenset[str], wanted: frozenset[str]) -> str:
    """What both name.

    An agent whose list of strategies is empty runs none, and no strategy's limits bind it. That is not fewer:
    where nothing is in both, what ruled goes on ruling.
    """
    both = ruled & wanted
    return list_of(ruled if name.endswith(".strategies") and not both else both)


def _is_of_group(name: str) -> bool:
    return kind_of(name) == "group" and name.endswith(".symbols")


def _stricter(ruled: str, wanted: str) -> str:
    for words in WORDS:
        if ruled in words and wanted in words:
            return min(ruled, wanted, key=words.index)
    return ruled
