"""The account at the marks of a moment, as the journal keeps it: what the breakers go by on replay."""

from collections.abc import Mapping
from decimal import Decimal

from agenttrader.model.events import EquitySampled
from agenttrader.model.identifiers import Symbol
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.losses import dead_machine_loss


def sample_of(book: Book, prices: Mapping[Symbol, Decimal]) -> EquitySampled | None:
    """The sample of now; None before the account is known, and where a position has no mark."""
    value = book.value(prices)
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
        dead_machine_loss=dead_machine_loss(book, prices),
    )
