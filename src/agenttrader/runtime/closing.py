"""The closing procedure: cancel what protects the position, wait for its end, then send our reducing order.

A protective leg holds the shares that a close needs, so a close that does not wait is refused by the broker;
one that does not cancel flips the position when the stop fires later. The position is unprotected from the
cancel to the fill, and only then. A close is of the position: what an entry still adds while it waits is as
unprotected as the rest, and leaves with it. A close of a part takes that part alone: it is approved only
where an exits unit protects what stays. What a close leaves bare when it ends is bare since its protection
was canceled: `protection` keeps that clock.
"""

from decimal import Decimal

from agenttrader.model.events import Sending, Withheld
from agenttrader.model.orders import Effect, Leg, OrderState, Side
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.instructions import instruction_of
from agenttrader.runtime.state import State


def in_the_way(book: Book, close: Order) -> tuple[Order, ...]:
    """What the close waits for in its symbols, oldest first; when there is nothing, it leaves.

    Not in its way is another close that waits too: they leave one after the other. Nor is an entry whose
    answer was lost, with its legs: it may never have arrived, and what it fills is protected by itself.
    """
    found = {order.id: order for leg in close.legs for order in book.orders.open_in(leg.symbol)}
    return tuple([order for order in found.values() if _is_in_the_way(order)])


def _is_in_the_way(order: Order) -> bool:
    entry = order.parent or order
    may_never_be = entry.adds_risk and entry.state is OrderState.UNKNOWN
    waits_too = order.state is OrderState.APPROVED
    return not (may_never_be or waits_too)


def must_end_for(close: Order, order: Order) -> bool:
    """Whether `order` is asked to end so that the close can leave.

    A held leg is not, because it ends with its entry; nor is another close, which does the same work.
    """
    if order.effect is Effect.CLOSE or not order.is_armed:
        return False
    return any(close.ratio_in(leg.symbol) for leg in order.legs)


def may_go_on(state: State, close: Order) -> bool:
    """Whether nothing is in its way, and the broker has stated since this start what is held.

    Until then nobody knows what was done meanwhile: somebody else may have closed the position.
    """
    if any(state.stated(leg.symbol) is None for leg in close.legs):
        return False
    # Asked at every input while it waits: the first in the way is enough, however many there are.
    orders = (order for leg in close.legs for order in state.book.orders.open_in(leg.symbol))
    return not any(map(_is_in_the_way, orders))


def go_on(state: State, close: Order) -> Sending | Withheld:
    """The reducing order for all that is held now, more or less than when the close was asked for.

    Of a part it is for no more than that part. Where the broker holds less than we do, it is for that: more
    would open what nobody wanted. Where the protection has filled meanwhile, the close ends unsent.
    """
    left = _left(state, close)
    if close.id in state.parts:
        left = min(left, close.quantity)
    if left <= 0:
        held = ", ".join(f"{state.book.position(leg.symbol)} {leg.symbol}" for leg in close.legs)
        return Withheld(order_id=close.id, reason=f"nothing is left to close: we hold {held}")
    return Sending(order_id=close.id, instruction=instruction_of(close.proposal, left))


def _left(state: State, close: Order) -> Decimal:
    """Units of the close that every leg of it can still take off."""
    return min([_left_in(state, leg, close.side) for leg in close.legs])


def _left_in(state: State, leg: Leg, side: Side) -> Decimal:
    held, shared = state.book.position(leg.symbol), state.shared(leg.symbol)
    if held * leg.ratio * side.sign >= 0:
        return ZERO
    assert shared is not None, f"{leg.symbol}: expected the broker's word on it, found none"
    return shared if abs(leg.ratio) == 1 else shared // abs(leg.ratio)
