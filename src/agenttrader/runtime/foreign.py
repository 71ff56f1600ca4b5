"""What somebody else has in our account: an order, or a position where we hold none.

A person may leave it to whoever made it, by accepting the break that it is. It is told by each comparison
from then on, and as long as it is there nothing is opened in its symbol: whose a fill would be, nobody could
say. Anything more or less of it is another break.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import Symbol
from agenttrader.reconciliation.compare import NOT_WORKING


def is_foreign(found: Break) -> bool:
    """Whether the difference is an order, or a position, of which our book has nothing at all."""
    match found.kind:
        case BreakKind.ORDER_MISSING_HERE:
            return found.ours == NOT_WORKING
        case BreakKind.POSITION:
            return not Decimal(found.ours)
        case _:
            return False


def halts_of(left: Iterable[Break], symbols: tuple[Symbol, ...]) -> Iterator[tuple[TradingState, str]]:
    """What a person has left to others keeps everybody from opening anything in its symbol."""
    for found in left:
        if found.symbol in symbols:
            yield TradingState.REDUCE_ONLY, f"left to whoever made it: {found.sentence}"
