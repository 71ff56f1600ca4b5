"""What the broker's statement adds to the book besides fills: its postings and permits in, events out.

Each activity is taken in once, by its id. What has no treatment, and a split that does not lead from our
position to the broker's, is left out: the comparison that follows finds it, and names it.
"""

from collections.abc import Iterator, Sequence
from typing import assert_never

from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.events import (
    AccountOpened,
    CashPosted,
    Event,
    FeesPosted,
    PastIncluded,
    PositionAdjusted,
)
from agenttrader.model.identifiers import Symbol
from agenttrader.model.permits import PermitsStated
from agenttrader.model.reports import BrokerStatement
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book


def events_of_statement(book: Book, statement: BrokerStatement) -> Iterator[Event]:
    """The events that a statement of this account adds to what the book knows; none where it repeats that.

    The first word on an account without positions opens the book: it fills its cash, never its positions, and
    that cash has whatever was posted before.
    """
    if statement.permits != book.permits:
        yield PermitsStated(permits=statement.permits)
    by_id = {each.id: each for each in statement.activities}
    news = tuple(each for name, each in by_id.items() if name not in book.activities)
    if book.is_open:
        yield from _posted(book, statement, news)
    elif not statement.positions:
        if news:
            yield PastIncluded(activities=news)
        yield AccountOpened(cash=statement.cash)


def _posted(book: Book, statement: BrokerStatement, news: Sequence[AccountActivity]) -> Iterator[Event]:
    fees: list[AccountActivity] = []
    adjustments: dict[Symbol, list[AccountActivity]] = {}
    for activity in news:
        match activity.kind:
            case ActivityKind.FEE:
                fees.append(activity)
            case ActivityKind.DIVIDEND | ActivityKind.INTEREST | ActivityKind.TRANSFER:
                yield CashPosted(activity=activity)
            case ActivityKind.SPLIT | ActivityKind.COIN_FEE:
                assert activity.symbol is not None, f"expected a symbol, found {activity}"
                adjustments.setdefault(activity.symbol, []).append(activity)
            case ActivityKind.CORRECTION | ActivityKind.UNTREATED:
                pass
            case _:
                assert_never(activity.kind)
    if fees:
        yield FeesPosted(activities=tuple(fees))
    for symbol, several in adjustments.items():
        if _leads_to_theirs(book, statement, symbol, several):
            yield PositionAdjusted(symbol=symbol, activities=tuple(several))


def _leads_to_theirs(
    book: Book, statement: BrokerStatement, symbol: Symbol, several: Sequence[AccountActivity]
) -> bool:
    """Whether our position, so adjusted, is the broker's: still on its side, or paid out whole in cash."""
    before = book.position(symbol)
    after = before + sum((activity.quantity for activity in several), ZERO)
    theirs = sum((held.quantity for held in statement.positions if held.symbol == symbol), ZERO)
    is_paid_out = after == 0 and any(activity.amount for activity in several)
    return after == theirs and (before * after > 0 or (before != 0 and is_paid_out))
