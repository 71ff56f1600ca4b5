"""The closing procedure: cancel what protects the position, wait for its end, then send our reducing order.

A protective leg holds the shares that a close needs, so a close that does not wait is refused by the broker;
one that does not cancel flips the position when the stop fires later. The position is unprotected from the
cancel to the fill, and only then. A close is of the position: what an entry still adds while it waits is as
unprotected as the rest, and leaves with it. One that ends and leaves something bare is a break.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.events import BreakFound, Event, Sending, Withheld
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.orders import Effect, OrderState, Role, Side
from agenttrader.model.records import Sealed
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.instructions import instruction_of


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


def go_on(book: Book, close: Order) -> Sending | Withheld:
    """The reducing order for all that is held now, more or less than when the close was asked for.

    Where the protection has filled meanwhile it is the end of the close, unsent.
    """
    left = _left(book, close)
    if left <= 0:
        held = ", ".join(f"{book.position(leg.symbol)} {leg.symbol}" for leg in close.legs)
        return Withheld(order_id=close.id, reason=f"nothing is left to close: we hold {held}")
    return Sending(order_id=close.id, instruction=instruction_of(close.proposal, left))


def _left(book: Book, close: Order) -> Decimal:
    """Units of the close that every leg of it can still take off."""
    return min([_left_in(book.position(leg.symbol), leg.ratio, close.side) for leg in close.legs])


def _left_in(held: Decimal, ratio: int, side: Side) -> Decimal:
    if held * ratio * side.sign >= 0:
        return ZERO
    return abs(held) if abs(ratio) == 1 else abs(held) // abs(ratio)


def left_bare(book: Book, records: Iterable[Sealed[Event]]) -> tuple[BreakFound, ...]:
    """What the closes that ended in `records`, filled or not, left without protection.

    It was canceled for them, so whoever ended them, the broker or a person, what they left is bare.
    """
    told = (book.orders.by_id.get(getattr(each.event, "order_id", OrderId(""))) for each in records)
    closes = {order.id: order for order in told if order is not None and _is_close_that_ended(order)}
    return tuple(BreakFound(found=found) for close in closes.values() for found in _breaks_of(book, close))


def _is_close_that_ended(order: Order) -> bool:
    """Whether `order` is a close and is over; one that was denied has had no protection canceled."""
    return order.effect is Effect.CLOSE and order.state.is_terminal and order.denied_by is None


def _breaks_of(book: Book, close: Order) -> Iterator[Break]:
    for symbol in (leg.symbol for leg in close.legs):
        held, working = book.position(symbol), book.orders.open_in(symbol)
        covered = sum((_covered_by(order, symbol, held) for order in working), ZERO)
        if abs(held) > covered and not any(order.effect is Effect.CLOSE for order in working):
            yield Break(
                kind=BreakKind.UNPROTECTED,
                ours=f"{held} held",
                theirs=f"{covered} protected",
                sentence=f"order {close.id}: the close is {close.state.value}, what protected was canceled "
                f"for it, and of {held} {symbol} only {covered} are protected",
                symbol=symbol,
                order_id=close.id,
            )


def _covered_by(order: Order, symbol: Symbol, held: Decimal) -> Decimal:
    """Units of what is held that a stop faces: of an entry that still works, what has filled of it."""
    ratio = order.ratio_in(symbol)
    if order.parent is None or order.role is not Role.STOP or order.side.sign * ratio * held >= 0:
        return ZERO
    if OrderState.CANCEL_REQUESTED in (order.state, order.parent.state):
        return ZERO
    if order.is_armed:
        return order.remaining * abs(ratio)
    return ZERO if order.parent.state.is_terminal else order.parent.filled * abs(ratio)
