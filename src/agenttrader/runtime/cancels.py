"""Which orders may be asked to end, by whom, and which we ask of ourselves."""

from collections.abc import Callable, Iterable, Iterator

from agenttrader.gateway.limits import Limits
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import CancelRequested, Withheld
from agenttrader.model.orders import Effect, OrderState, Proposal
from agenttrader.model.times import Instant
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.closing import must_end_for
from agenttrader.runtime.halts import HaltStanding
from agenttrader.runtime.inputs import CancelAsked
from agenttrader.runtime.state import State

_FROZEN = TradingState.FROZEN
MAY_BE_ASKED = frozenset(
    {
        *(OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.SUSPENDED),
        # Which of it and the order that is to come in its place there is, the broker's answer tells.
        OrderState.REPLACE_REQUESTED,
    }
)


def refusal_of(
    book: Book,
    asked: CancelAsked,
    standing: Callable[[Proposal], HaltStanding],
    *,
    only_reduces: bool = False,
) -> str:
    """The sentence with which a cancel is refused; empty where it may be asked, or has been.

    A key that only reduces may also end anybody's entry, and whatever is its own. What is frozen only a
    person takes apart: an entry may be ended by its agent even then, what protects may not.
    """
    order = book.orders.by_id.get(asked.order_id)
    is_own = order is not None and asked.agent in (None, order.agent)
    if order is None or not (is_own or (only_reduces and order.adds_risk)):
        return f"no order {asked.order_id} of yours is known"
    if order.state.is_terminal:
        return f"the order is {order.state.value} already"
    if asked.agent is not None and not order.adds_risk and standing(order.proposal).state is _FROZEN:
        return "trading is frozen: what protects stays as it is, and only a person ends it"
    refusal = "" if asked.agent is None or only_reduces else _refusal_to_agent(book, order)
    if refusal or order.state is OrderState.CANCEL_REQUESTED or cancel_of(order, "", "") is not None:
        return refusal
    return f"the order is {order.state.value}: the broker has not confirmed it; ask again when it has"


def too_many(state: State, asked: CancelAsked, limits: Limits, now: Instant) -> str:
    """Why no more cancels of the agent's own leave for a while; empty where this one may, or need not.

    The order stays with its stop; a person, the exits unit and the window's end have no such limit.
    """
    found = None if asked.agent is None else limits.agent.get(asked.agent)
    if asked.agent is None or found is None:
        return ""
    count, most = state.messages.last_minute(asked.agent, now), found.messages_per_minute_max
    order = state.book.orders.by_id.get(asked.order_id)
    if count < most or order is None or order.state not in MAY_BE_ASKED:
        return ""
    return (
        f"{count} messages of {asked.agent} left for the broker within a minute, at most {most} are "
        "permitted: the order stays as it is; ask again in a moment, or have a person cancel it"
    )


def _refusal_to_agent(book: Book, order: Order) -> str:
    """An agent may end its entries; what protects a position, or is about to close it, it may not."""
    if order.effect is Effect.CLOSE:
        return "what protected the position was canceled for this close; let it go on"
    if not order.protects:
        return ""
    if not order.is_armed:
        return "it is held to protect what its entry will fill; cancel the entry"
    if _leaves_bare(book, order):
        return "it protects a position; replace it, or close the position"
    if order.parent is not None and order.parent.adds_risk and _others_armed(book, order):
        return "other protection of its position can still trade, and may need it; ask a person to cancel all"
    return ""


def _leaves_bare(book: Book, order: Order) -> bool:
    """Whether units of a position that it protects would be faced by no stop without it and its pair."""
    return any(
        order.side.sign * leg.ratio * book.position(leg.symbol) < 0
        and abs(book.position(leg.symbol)) > book.covered(leg.symbol, without=order.pair)
        for leg in order.legs
    )


def _others_armed(book: Book, leg: Order) -> bool:
    """Whether others that protect can trade in its symbols: alone, they would open what nothing protects."""
    others = (other for each in leg.legs for other in book.orders.open_in(each.symbol))
    return any(other.protects and other.is_armed and other is not leg for other in others)


def cancel_of(order: Order, by: str, reason: str) -> CancelRequested | Withheld | None:
    """What ends the order as far as it is up to us; None where the broker cannot be asked now."""
    if order.state in (OrderState.APPROVED, OrderState.PENDING_APPROVAL):
        return Withheld(order_id=order.id, reason=f"{by}: {reason}")
    if order.state in MAY_BE_ASKED and order.broker_id is not None:
        return CancelRequested(order_id=order.id, broker_order_id=order.broker_id, by=by, reason=reason)
    return None


def unwanted(state: State, orders: Iterable[Order]) -> Iterator[CancelRequested | Withheld]:
    """The cancels of those `orders` that should have ended, as far as they may be asked now.

    Unwanted is an entry without a window, and what stands in the way of a close that waits. Asked when it
    should end, an order that the broker has not confirmed cannot be canceled, and a cancel may be refused.
    """
    closes = tuple(state.closing.values())
    for order in orders:
        close = next((each for each in closes if must_end_for(each, order)), None)
        if close is not None:
            cancel = cancel_of(order, close.agent, f"closing by order {close.id}")
        elif order.adds_risk and state.standing.window is None:
            cancel = cancel_of(order, "window", "its window is over")
        else:
            cancel = None
        if cancel is not None:
            yield cancel


def unconfirmed(book: Book) -> Iterator[CancelRequested]:
    """Cancels to ask again: their answer never came, so perhaps they did not leave. Twice does no harm."""
    for order in book.orders.open_orders():
        if order.state is OrderState.CANCEL_REQUESTED and order.broker_id is not None:
            yield CancelRequested(
                order_id=order.id,
                broker_order_id=order.broker_id,
                by="recovery",
                reason="asked again, because the request may not have left",
            )
