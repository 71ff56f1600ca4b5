"""An agent's fills in Alpaca's words, as the journal's fold has them, by pages.

Of all that moves an account Alpaca calls activities; the gateway knows fills, and refuses the others by name:
an empty list would say that there was no dividend.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from agenttrader.app.gateway.alpaca_answers import execution_uuid, is_shown, wire_id
from agenttrader.app.gateway.alpaca_questions import ActivitiesAsked, day_of, time_of
from agenttrader.app.gateway.alpaca_refusals import Unsupported
from agenttrader.app.new_york import day_of as new_york_day
from agenttrader.model.errors import BadValue
from agenttrader.model.events import Filled
from agenttrader.model.identifiers import AccountName, AgentName, OrderId, derive_order_id
from agenttrader.model.times import MILLISECOND, SECOND, rfc3339
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trading import ACTIVITY_TYPES, Activity

FILL = "FILL"


def activities_answer(
    book: Book, account: AccountName, agent: AgentName, asked: ActivitiesAsked
) -> list[Activity]:
    """The page of the agent's fills that is asked for, the newest first unless told otherwise.

    Raises Unsupported for activities that are not fills, and BadValue for what is none at all.
    """
    _expect_fills(asked)
    day, after, until = day_of(asked.date, "date"), time_of(asked.after), time_of(asked.until)
    found = [
        (fill, activity)
        for fill, activity in _fills(book, account, agent)
        if (after is None or fill.time > after)
        and (until is None or fill.time < until)
        and (day is None or new_york_day(fill.time).isoformat() == day)
    ]
    if asked.direction == "desc":
        found.reverse()
    page = [activity for _, activity in found]
    start = _place_after(page, asked.page_token)
    return page[start : start + asked.page_size]


def _expect_fills(asked: ActivitiesAsked) -> None:
    types = [FILL] if asked.activity_types is None else asked.activity_types.split(",")
    for kind in types:
        if kind not in ACTIVITY_TYPES:
            raise BadValue(f"activity_types: expected types of Alpaca's, found {kind!r}")
        if kind != FILL:
            raise Unsupported(f"activity_types {kind}")
    if asked.category == "non_trade_activity":
        raise Unsupported(f"category {asked.category}")


def _fills(book: Book, account: AccountName, agent: AgentName) -> Iterator[tuple[Filled, Activity]]:
    filled: dict[OrderId, Decimal] = {}
    for fill in book.executions.values():
        order = book.orders.by_id[fill.order_id]
        if is_shown(order, agent):
            total = filled[order.id] = _filled(order, filled) + fill.quantity
            yield fill, _activity(fill, order, total, account)


def _filled(order: Order, filled: Mapping[OrderId, Decimal]) -> Decimal:
    """What had filled of the order, what had of those in whose place it came counted."""
    if order.id in filled or order.replaces is None:
        return filled.get(order.id, ZERO)
    return _filled(order.replaces, filled)


def _activity(fill: Filled, order: Order, total: Decimal, account: AccountName) -> Activity:
    left = max(ZERO, order.quantity - total)
    moment = datetime.fromtimestamp(fill.time // SECOND, UTC).strftime("%Y%m%d%H%M%S")
    milliseconds = fill.time % SECOND // MILLISECOND
    return Activity(
        id=f"{moment}{milliseconds:03d}::{execution_uuid(fill.execution_id)}",
        activity_type=FILL,
        account_id=derive_order_id("account", account),
        transaction_time=rfc3339(fill.time),
        type="partial_fill" if left else "fill",
        price=fill.price,
        qty=fill.quantity,
        side=fill.side.value,
        symbol=fill.symbol,
        leaves_qty=left,
        cum_qty=total,
        order_id=wire_id(order),
        order_status="partially_filled" if left else "filled",
    )


def _place_after(page: Sequence[Activity], token: str | None) -> int:
    """The place after the activity that `token` names."""
    if token is None:
        return 0
    for place, activity in enumerate(page, start=1):
        if activity.id == token:
            return place
    raise BadValue(f"page_token: expected the id of an activity in this list, found {token!r}")
