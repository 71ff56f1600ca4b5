"""The broker's last word on buying power, carried on by what we have traded and approved since."""

from decimal import Decimal

from agenttrader.model.reports import BrokerStatement
from agenttrader.portfolio.book import Book


class BuyingPower:
    """How far the broker's buying power lay from our cash less reservations when it last stated it."""

    def __init__(self) -> None:
        self._offset: Decimal | None = None

    def hear(self, statement: BrokerStatement, book: Book) -> None:
        """Take the broker's word; `book` has what it says already."""
        self.take(statement.buying_power, book)

    def take(self, left: Decimal | None, book: Book) -> None:
        """Take it that so much is left with `book` as it is; None: it was not stated."""
        self._offset = None if left is None else left - _ours(book)

    def left(self, book: Book) -> Decimal | None:
        """What it must be by now; None before it was stated."""
        return None if self._offset is None else self._offset + _ours(book)


def _ours(book: Book) -> Decimal:
    return book.cash - book.orders.open_notional_total
