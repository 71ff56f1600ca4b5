"""What the dispatcher's account of approvals begins with, and what follows where it stops an order."""

from collections.abc import Iterable
from decimal import Decimal

from agenttrader.gateway.balance import Imbalance
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Decided, Event, Sending
from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import OrderState, Proposal
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.inputs import HaltAsked, Input, LastLookStopped

BY = "balance"
"""Who halts where what leaves is not what was approved."""


Before = tuple[list[Proposal], list[Proposal], dict[Symbol, Decimal]]
"""What was approved and has not left; what has left or may have; what is held, signed."""


def known_before(book: Book) -> Before:
    """What the dispatcher's account begins with, of all that is open."""
    orders = [order for order in book.orders.open_orders() if not order.is_leg]
    waiting = [order.proposal for order in orders if order.state is OrderState.APPROVED]
    working = [order.proposal for order in orders if order.state.is_working]
    return waiting, working, {symbol: held.quantity for symbol, held in book.positions().items()}


def inputs_of(reason: str, imbalance: Imbalance | None, order: Order) -> tuple[Input, ...]:
    """What the engine is told: that the order was stopped, and where it was not approved so, to halt.

    One that came before may be at the broker, and one that is not leaving is not stopped: these only halt.
    """
    withheld = LastLookStopped(order.id, reason)
    if imbalance is None:
        return (withheld,)
    halt = HaltAsked(EVERYTHING, TradingState.HALTED, BY, reason)
    may_have_left = imbalance.was_here or order.state is not OrderState.SENDING
    return (halt,) if may_have_left else (withheld, halt)


def never_sent(book: Book, unsent: Iterable[Event]) -> tuple[Input, ...]:
    """What the engine is told of what was to leave with a failed commit, and that the disk has all the same.

    It was not sent, and waits for no answer.
    """
    reason = "the store failed as it was recorded, so it was not sent"
    names = dict.fromkeys(each.order_id for each in unsent if isinstance(each, Decided | Sending))
    orders = [book.orders.by_id[name] for name in names if name in book.orders.by_id]
    return tuple(LastLookStopped(order.id, reason) for order in orders if order.state is OrderState.SENDING)
