"""Orders that kill made by the broker's closing call become ours: only what its side journal names. Pure.

A line with the order of the broker's answer names it. Where the answer was lost, the line before says what
the call would make, and the broker's history must leave no doubt: exactly one order that our book does not
have is at the market, in that symbol, against all that was held, and came within a minute of the broker's
time at kill's look. Everything else stays a stranger's, and a break.
"""

from collections.abc import Iterator, Sequence

from agenttrader.model.breaks import BreakKind
from agenttrader.model.events import BreakSettled
from agenttrader.model.identifiers import BrokerOrderId, StrategyName, derive_order_id
from agenttrader.model.outside import ActedOutside, OrderAdopted
from agenttrader.model.reports import ExecutionReport, ReportKind, StatedOrder
from agenttrader.model.times import MINUTE
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.executions import is_of_stranger
from agenttrader.runtime.outside import asks_for
from agenttrader.runtime.state import State

ARRIVES_WITHIN = MINUTE
"""From the broker's time at kill's look to the order's: kill acts on what it saw a moment ago."""
MARKET = "market"

Adoption = OrderAdopted | BreakSettled


def named(state: State) -> Iterator[Adoption]:
    """What follows from the lines on record that name an order which is not ours yet."""
    for line in state.outside.answered.values():
        if line.order is not None and _can_be_ours(state.book, line.order):
            reason = f"line {line.line} of the side journal {line.journal} names it"
            yield from _adopted(state, line, line.order, reason)


def evident(state: State, told: Sequence[ExecutionReport]) -> Iterator[Adoption]:
    """What follows from the broker's history for the closing calls whose answer was lost."""
    stated = [report.stated for report in told if report.kind is ReportKind.ACCEPTED]
    strangers = {
        made.broker_order_id: made for made in stated if made is not None and _can_be_ours(state.book, made)
    }
    found: dict[BrokerOrderId, tuple[ActedOutside, StatedOrder]] = {}
    for asked in state.outside.unanswered:
        candidates = [made for made in strangers.values() if _came_of(asked, made)]
        if len(candidates) == 1:
            found[candidates[0].broker_order_id] = (asked, candidates[0])
    for asked, made in found.values():
        line = f"line {asked.line} of the side journal {asked.journal}"
        reason = f"{line} asked for it; the answer was lost, and no other order can have come of that"
        yield from _adopted(state, asked, made, reason)


def covered(state: State, order: Order) -> Iterator[BreakSettled]:
    """The breaks of a bare position that are over, because an adopted close left nothing of it."""
    symbol = order.proposal.symbol
    if order.is_adopted and not state.book.position(symbol):
        reason = f"order {order.id} closed the position"
        for found in state.found:
            if found.kind is BreakKind.UNPROTECTED and found.symbol == symbol:
                yield BreakSettled(found=found, by=order.agent, reason=reason)


def _adopted(state: State, line: ActedOutside, made: StatedOrder, reason: str) -> Iterator[Adoption]:
    """The adoption, and the end of the breaks that its reports raised while nobody knew whose it was."""
    tenure = state.book.tenure(made.symbol)
    order_id = derive_order_id("adopted", made.broker_order_id)
    yield OrderAdopted(
        order_id=order_id,
        order=made,
        strategy=StrategyName("") if tenure is None else tenure.strategy,
        by=line.by,
        reason=reason,
    )
    for found in state.found:
        if is_of_stranger(found, made):
            yield BreakSettled(found=found, by=line.by, reason=f"order {order_id} was adopted: {reason}")


def _came_of(asked: ActedOutside, made: StatedOrder) -> bool:
    since = asked.broker_time
    return (
        since is not None
        and since <= made.time <= since + ARRIVES_WITHIN
        and made.type == MARKET
        and asks_for(asked, made)
    )


def _can_be_ours(book: Book, made: StatedOrder) -> bool:
    """Whether the book does not have the order, and its fills could be counted there."""
    orders = book.orders
    is_known = made.broker_order_id in orders.by_broker_id or made.client_order_id in orders.by_client_id
    return not is_known and book.can_hold(made.symbol)
