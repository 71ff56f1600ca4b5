"""The account at the marks of a moment, as the journal keeps it: what the breakers go by on replay."""

from agenttrader.model.events import EquitySampled
from agenttrader.portfolio.marked_book import MarkedBook


def sample_of(valued: MarkedBook) -> EquitySampled | None:
    """The sample of now; None before the account is known, and where a position has no mark."""
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
