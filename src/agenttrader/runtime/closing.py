"""The closing procedure: cancel what protects the position, wait for its end, then send our reducing order.

A protective leg holds the shares that a close needs, so a close that does not wait is refused by the broker;
one that does not cancel flips the position when the stop fires later. The position is unprotected from the
cancel to the fill, and only then.
"""

from collections.abc import Iterator

from agenttrader.model.events import CancelRequested, Event, Sending, Withheld
from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import OrderState, Side
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.instructions import instruction_of

CANCEL_MAY_BE_ASKED = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.SUSPENDED})


def begin(book: Book, close: Order) -> Iterator[Event]:
    """The cancels of everything that works in the close's symbol.

    Where there is nothing to cancel it is the close itself.
    """
    in_the_way = _in_the_way(book, close)
    if not in_the_way:
        yield go_on(book, close)
    for order in in_the_way:
        if order.state in CANCEL_MAY_BE_ASKED and order.is_armed and order.broker_id is not None:
            yield CancelRequested(
                order_id=order.id,
                broker_order_id=order.broker_id,
                by=close.agent,
                reason=f"closing by order {close.id}",
            )


def may_go_on(book: Book, close: Order) -> bool:
    """Whether nothing of ours works in the symbol any more besides the close."""
    return not _in_the_way(book, close)


def go_on(book: Book, close: Order) -> Event:
    """The reducing order for what is held now.

    Where the protection has filled meanwhile it is the end of the close, unsent.
    """
    symbol = close.proposal.symbol
    held = book.position(symbol)
    if held == 0 or (held > 0) == (close.side is Side.BUY):
        return Withheld(
            order_id=close.id, reason=f"nothing is left to close: the position in {symbol} is {held}"
        )
    instruction = instruction_of(close.proposal, min(abs(held), close.quantity))
    return Sending(order_id=close.id, instruction=instruction)


def _in_the_way(book: Book, close: Order) -> list[Order]:
    """Open orders of the symbol besides the close.

    A held leg ends with its entry, so only its entry is asked to end.
    """
    symbols: set[Symbol] = {leg.symbol for leg in close.legs}
    return [order for symbol in symbols for order in book.orders.open_in(symbol) if order is not close]
