"""The account at the marks of a moment, as the journal keeps it: what the breakers go by on replay.

It is sampled once in each minute, the length of the bars that make the marks. More often, as often as a
machine's clock is told, one bad price would be sampled again and again, and three samples say no more than
one.
"""

from agenttrader.model.events import EquitySampled
from agenttrader.model.times import MINUTE, Instant
from agenttrader.portfolio.marked_book import MarkedBook


def sample_of(valued: MarkedBook, last: Instant | None, now: Instant) -> EquitySampled | None:
    """The sample of `now`, where the `last` one is of an earlier minute.

    None before the account is known, and where a position has no mark.
    """
    if last is not None and now // MINUTE <= last // MINUTE:
        return None
    book, value = valued.book, valued.value()
    if not book.is_open or value.equity is None:
        return None
    return EquitySampled(
        equity=value.equity,
        cash=book.cash,
        gross_exposure=value.gross_exposure,
        net_exposure=value.net_exposure,
        realised=book.realised,
        unrealised=value.unrealised,
        fees=book.fees,
        dead_machine_loss=valued.dead_machine_loss(),
    )
