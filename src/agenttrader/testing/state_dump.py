"""Everything that a fold holds, as plain data: two states that dump alike are the same state."""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
from msgspec import Struct

from agenttrader.portfolio.orders import Order
from agenttrader.runtime.state import State

_SUMS = (
    *("_stale", "_working", "_loss", "_resting", "resting", "working"),
    *("_scopes", "_sums", "_counted"),
)
"""What is summed up over orders when it is asked for; `walked_totals` holds it to them."""
_NO_FACTS = frozenset({"_handlers", "handlers", "_multipliers", "_touch", "_watched", "_book", *_SUMS})
"""How a book folds, by what configuration, and who watches or reads it; not what it has folded."""


def dump_state(state: State) -> Any:
    """All that `state` says, in the order in which it would be walked.

    What is only forgotten when it is next asked for (decisions of long ago) is asked for.
    """
    for agent in {order.agent for order in state.book.orders.by_id.values()}:
        state.decided_last_minute(agent, state.last_time)
        state.messages.last_minute(agent, state.last_time)
    return _plain(state, top=True)


def _plain(value: Any, *, top: bool = False) -> Any:
    match value:
        case Order() if not top:
            return {"order": value.id}
        case Struct():
            return msgspec.json.decode(msgspec.json.encode(value))
        case Decimal() | str() | bool() | int() | None:
            return value
        case Enum():
            return value.value
        case Mapping() if value and all(isinstance(each, int | Decimal | deque) for each in value.values()):
            # Totals and times are looked up, never walked, and one of nothing is as none.
            return sorted(([_plain(key), _plain(each)] for key, each in value.items() if each), key=str)
        case Mapping():
            return [[_plain(key), _plain(each, top=key == _id_of(each))] for key, each in value.items()]
        case set() | frozenset():
            return sorted(map(repr, value))
        case tuple() | list() | deque():
            return list(map(_plain, value))
        case _:
            return {name: _plain(getattr(value, name)) for name in _names(value) if name not in _NO_FACTS}


def _id_of(value: Any) -> Any:
    """An order is dumped whole under its own id, and by its id everywhere else."""
    return value.id if isinstance(value, Order) else value


def _names(value: Any) -> list[str]:
    return [*getattr(type(value), "__slots__", ()), *getattr(value, "__dict__", ())]
