"""Planted bugs of the book: what filled, what it cost, and what open orders may still do."""

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from agenttrader.adapters.alpaca import account, reports
from agenttrader.model.identifiers import ExecutionId
from agenttrader.model.orders import OrderState
from agenttrader.model.reports import ReportKind
from agenttrader.model.values import ZERO
from agenttrader.portfolio import ledger, totals
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.estimates import FeeEstimates
from agenttrader.portfolio.ledger import OrderLedger
from agenttrader.portfolio.orders import Order
from agenttrader.runtime import closing, engine
from agenttrader.runtime.state import State
from agenttrader.testing.planting import planted, spoiled, wrapped


@planted("A fill has one name in the stream and another in the history, so it counts twice.")
def fill_has_two_names() -> Iterator[None]:
    """In the adapter, where the id of an activity becomes that of an execution."""

    def whole(fill: Any) -> ExecutionId:
        return ExecutionId(fill.id)

    with spoiled(reports, "execution_id_of", whole), spoiled(account, "execution_id_of", whole):
        yield


@planted("A fill that is told again counts again.")
def fill_counts_twice() -> Iterator[None]:
    """In the book: only the record of it is known by its id."""

    def events(original: Any, of: Any, fees: Any, order: Any, report: Any) -> Any:
        found = report.execution
        if report.kind is ReportKind.FILLED and found is not None and found.id in of.executions:
            again = structs.replace(found, id=ExecutionId(f"{found.id}-{len(of.executions)}"))
            report = structs.replace(report, execution=again)
        return original(of, fees, order, report)

    with wrapped(engine, "events_of", events):
        yield


@planted("A fill that the exchange took back stays.")
def bust_is_ignored() -> Iterator[None]:
    """In the engine, where reports become records."""

    def events(original: Any, of: Any, fees: Any, order: Any, report: Any) -> Any:
        return () if report.kind is ReportKind.BUSTED else original(of, fees, order, report)

    with wrapped(engine, "events_of", events):
        yield


@planted("A fill that the exchange took back gives back the shares, and not the money.")
def bust_keeps_the_money() -> Iterator[None]:
    """In the book."""

    def trade(original: Any, book: Any, *given: Any, sign: int) -> None:
        cash = book.cash
        original(book, *given, sign=sign)
        if sign < 0:
            book.cash = cash

    with wrapped(Book, "_trade", trade):
        yield


@planted("A fill that was taken back and is told again counts again.")
def bust_is_forgotten() -> Iterator[None]:
    """In the book, which knows by its id what was taken back."""

    def busted(original: Any, book: Any, sealed: Any) -> None:
        original(book, sealed)
        book.busted.clear()

    with wrapped(Book, "_busted", busted):
        yield


@planted("Nothing is reserved for an order whose answer was lost.")
def unknown_reserves_nothing() -> Iterator[None]:
    """In the ledger, where the worst cost of the rest is known."""

    def cost(original: Any, order: Any) -> Any:
        return ZERO if order.state is OrderState.UNKNOWN else original(order)

    with wrapped(ledger, "_worst_cost", cost):
        yield


@planted("An order whose answer was lost counts as if it could fill no more.")
def unknown_cannot_fill() -> Iterator[None]:
    """In the totals by symbol."""

    def working(original: Any, leg: Any, orders: Any) -> Any:
        return original(leg, [order for order in orders if order.state is not OrderState.UNKNOWN])

    with wrapped(totals, "working_in", working):
        yield


@planted("Once an order has filled in part, nothing is reserved for its rest.")
def rest_reserves_nothing() -> Iterator[None]:
    """In the ledger."""

    def cost(original: Any, order: Any) -> Any:
        return ZERO if order.filled else original(order)

    with wrapped(ledger, "_worst_cost", cost):
        yield


@planted("Once its cancel is asked for, nothing is reserved for an order.")
def canceling_reserves_nothing() -> Iterator[None]:
    """In the ledger: the cancel may come too late."""

    def cost(original: Any, order: Any) -> Any:
        return ZERO if order.state is OrderState.CANCEL_REQUESTED else original(order)

    with wrapped(ledger, "_worst_cost", cost):
        yield


@planted("What was never sent stays reserved, and counted as open.")
def withheld_stays_counted() -> Iterator[None]:
    """In the ledger, where an order ends."""

    def close(original: Any, book: Any, order: Any) -> None:
        if order.state is not OrderState.WITHHELD:
            original(book, order)

    with wrapped(OrderLedger, "_close", close):
        yield


@planted("While an order is replaced only the one of before counts.")
def replacement_counts_nothing() -> Iterator[None]:
    """In the order: the one in its place may be larger."""
    with spoiled(Order, "beyond", property(lambda order: ZERO if order.is_replacing else order.remaining)):
        yield


@planted("What an order had filled before it was replaced is filled again by the one in its place.")
def replacement_fills_anew() -> Iterator[None]:
    """In the ledger, where the two are linked."""

    def link(original: Any, new: Any, old: Any) -> None:
        original(new, old)
        new.filled = new.filled_value = ZERO

    with wrapped(ledger, "_link", link):
        yield


@planted("What works to reduce a position is not taken off what may be reduced.")
def reduced_twice() -> Iterator[None]:
    """In the book: exits and closes together sell more than is held."""

    def reducible(book: Any, symbol: Any, **_: Any) -> Any:
        return abs(book.position(symbol))

    with spoiled(Book, "reducible", reducible):
        yield


@planted("What may be reduced is what we hold, whatever the broker says that it holds.")
def only_our_book_counts() -> Iterator[None]:
    """In the state."""

    def shared(state: Any, symbol: Any) -> Any:
        return abs(state.book.position(symbol))

    with spoiled(State, "shared", shared):
        yield


@planted("A close leaves without waiting for the end of what protects the position.")
def close_does_not_wait() -> Iterator[None]:
    """In the closing procedure: the stop fires after the close."""
    with spoiled(closing, "may_go_on", lambda *_: True):
        yield


@planted("A close is for what was held when it was asked for, not for what is held when it leaves.")
def close_is_for_what_was() -> Iterator[None]:
    """In the closing procedure: the stop may have filled while it waited."""
    with spoiled(closing, "_left", lambda _, close: close.quantity):
        yield


@planted("A fee that the broker takes is counted beside its estimate.")
def fee_counts_twice() -> Iterator[None]:
    """In the estimates, which end when fees are posted."""
    with spoiled(FeeEstimates, "settle", lambda *_: ZERO):
        yield


@planted("A fee that the broker takes late ends its estimate, and is not taken off our cash.")
def late_fee_is_not_paid() -> Iterator[None]:
    """In the book: it seems to be one of a day that is over."""

    def posted(original: Any, book: Any, sealed: Any) -> None:
        original(book, sealed)
        book.cash -= sum((each.amount for each in sealed.event.activities), ZERO)

    with wrapped(Book, "_fees_posted", posted):
        yield


@planted("A split is applied twice.")
def split_counts_twice() -> Iterator[None]:
    """In the book."""

    def adjusted(original: Any, book: Any, sealed: Any) -> None:
        original(book, sealed)
        original(book, sealed)

    with wrapped(Book, "_adjusted", adjusted):
        yield


@planted("What the broker posted counts again each time that it is told.")
def posting_is_not_noted() -> Iterator[None]:
    """In the book, which knows postings by their ids."""
    with spoiled(Book, "_note", lambda *_: None):
        yield


@planted("After a fill in part the stop of an entry counts as if it rested already.")
def held_stop_protects() -> Iterator[None]:
    """In the order: brokers arm what protects an entry when that has filled whole."""

    def is_armed(order: Any) -> bool:
        entry = order.parent
        return entry is None or not entry.adds_risk or bool(entry.filled)

    with spoiled(Order, "is_armed", property(is_armed)):
        yield
