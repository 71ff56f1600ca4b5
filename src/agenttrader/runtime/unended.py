"""Orders that should have ended and have not: the broker was asked, and has not said that they did.

An entry must not outlive its window, and a cancel that nobody confirms may never have arrived. Both are asked
for again and again; where that does not help, somebody must know. It ends when the order does.
"""

from collections.abc import Iterator

from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.orders import OrderState
from agenttrader.model.times import SECOND, Duration, Instant, rfc3339
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.state import State

CONFIRMED_WITHIN = Duration(60 * SECOND)
"""How long the broker may take to end an order."""
_NOT_AT_BROKER = frozenset({OrderState.APPROVED, OrderState.PENDING_APPROVAL})


def unended(state: State, now: Instant) -> Iterator[Break]:
    """A break for each order whose end is overdue at `now`."""
    for order in state.book.orders.open_orders():
        since = _asked_since(state, order)
        if since is not None and now - since > CONFIRMED_WITHIN:
            symbol = order.legs[0].symbol
            yield Break(
                kind=BreakKind.CANCEL_UNCONFIRMED,
                ours=order.state.value,
                theirs="not ended",
                sentence=f"Order {order.id} ({order.side.value} {order.remaining:f} {symbol}) should have "
                f"ended at {rfc3339(since)}, and the broker has not confirmed it. It may fill: cancel it "
                "there.",
                symbol=symbol,
                order_id=order.id,
            )


def _asked_since(state: State, order: Order) -> Instant | None:
    """Since when the order should have ended; None where it may go on, or its answer is a break already."""
    if order.state in (OrderState.UNKNOWN, OrderState.SENDING) or order.state in _NOT_AT_BROKER:
        return None
    if order.adds_risk and state.standing.window is None and state.standing.closed_at is not None:
        return state.standing.closed_at
    return order.updated if order.state is OrderState.CANCEL_REQUESTED else None
