"""What the broker's books show of an order whose answer never came, by position arithmetic.

The broker was asked for the order by its client order id, and its executions were read, before this: an order
that it knows is UNKNOWN no more. What is left is what the positions say. They end nothing by themselves: a
request may still arrive. They are what a person goes by.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from agenttrader.model.identifiers import Symbol
from agenttrader.model.values import ZERO

NOTHING = "nothing of it"
"""The broker does not know the order, every execution is in our book, and the positions agree without it."""

Move = tuple[Symbol, Decimal]
"""What an order would add to a position if the rest of it filled, signed."""


def trace_of(
    moves: Iterable[Move], gaps: Mapping[Symbol, Decimal], *, is_alone: bool, is_accounted: bool
) -> str:
    """What of an order that would make these `moves` can be seen in what the broker holds beyond our book.

    `gaps` are the broker's positions less ours. `is_alone`: no other order whose answer never came is in its
    symbols. `is_accounted`: our book has every execution that the broker lists.
    """
    found = {symbol: (gaps.get(symbol, ZERO), move) for symbol, move in moves}
    if not any(gap for gap, _ in found.values()):
        return NOTHING if is_accounted else "executions of no order that we know"
    parts = {gap / move for gap, move in found.values()} if all(move for _, move in found.values()) else set()
    if is_alone and len(parts) == 1 and 0 < min(parts) <= 1:
        return "positions as if all of it had filled" if parts == {1} else "positions as if some had filled"
    return "positions that it does not explain"
