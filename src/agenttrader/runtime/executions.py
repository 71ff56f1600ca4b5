"""What a broker's report means for the book: reports in, events out.

Repeats are quiet; what cannot be is a break.
"""

from collections.abc import Iterator

from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.events import (
    Accepted,
    AnswerLost,
    BreakFound,
    Busted,
    Canceled,
    CancelRefused,
    DoneForDay,
    Event,
    Expired,
    Filled,
    ProtectiveLeg,
    Rejected,
    Replaced,
    Restated,
    Suspended,
    Withheld,
)
from agenttrader.model.orders import OrderState, Role, Side
from agenttrader.model.reports import ExecutionReport, ReportKind
from agenttrader.model.transitions import Trigger, next_state
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.holdings import FeeSchedule
from agenttrader.portfolio.orders import Order

_TRIGGERS = {
    ReportKind.ACCEPTED: Trigger.ACCEPT,
    ReportKind.REJECTED: Trigger.REJECT,
    ReportKind.CANCELED: Trigger.CANCEL,
    ReportKind.CANCEL_REFUSED: Trigger.REFUSE_CANCEL,
    ReportKind.EXPIRED: Trigger.EXPIRE,
    ReportKind.REPLACED: Trigger.REPLACE,
    ReportKind.SUSPENDED: Trigger.SUSPEND,
    ReportKind.DONE_FOR_DAY: Trigger.DONE_FOR_DAY,
    ReportKind.RESTATED: Trigger.RESTATE,
    ReportKind.ANSWER_LOST: Trigger.LOSE,
    ReportKind.NOT_SENT: Trigger.WITHHOLD,
}


def find_order(book: Book, report: ExecutionReport) -> Order | None:
    """The order that the report is about.

    It is found by our id towards the broker, or by the broker's own for a leg that it made.
    """
    order = book.orders.by_client_id.get(report.client_order_id)
    if order is None and report.broker_order_id is not None:
        order = book.orders.by_broker_id.get(report.broker_order_id)
    return order


def events_of(book: Book, fees: FeeSchedule, order: Order, report: ExecutionReport) -> Iterator[Event]:
    """The events that `report` adds to what the book knows of `order`; none where it repeats that."""
    match report.kind:
        case ReportKind.FILLED:
            yield from _filled(book, fees, order, report)
        case ReportKind.BUSTED:
            yield from _busted(book, order, report)
        case ReportKind.UNRECOGNISED:
            yield BreakFound(
                found=_break(
                    BreakKind.UNRECOGNISED_REPORT,
                    order,
                    report,
                    "the broker's report is not one that we know",
                )
            )
        case ReportKind.NOT_FOUND:
            # Not finding it is no proof that it will not arrive: it stays UNKNOWN, counted as if it may fill.
            if order.state is OrderState.SENDING:
                yield AnswerLost(
                    order_id=order.id, reason="the broker, asked by client order id, does not know it"
                )
        case _:
            yield from _moved(order, report)


def _moved(order: Order, report: ExecutionReport) -> Iterator[Event]:
    trigger = _TRIGGERS[report.kind]
    state = next_state(order.state, trigger)
    if state is None:
        yield BreakFound(
            found=_break(
                BreakKind.IMPOSSIBLE_TRANSITION,
                order,
                report,
                f"{trigger.value} cannot follow {order.state.value}",
            )
        )
    elif trigger is Trigger.ACCEPT:
        # An accept is news when it moves the order or tells the broker's id for the first time.
        if state is not order.state or order.broker_id is None:
            yield from _accepted(order, report)
    elif state is not order.state or trigger is Trigger.RESTATE:
        yield _move_event(order, report)


def _move_event(order: Order, report: ExecutionReport) -> Event:  # noqa: C901 - one arm for each kind
    match report.kind:
        case ReportKind.REJECTED:
            return Rejected(order_id=order.id, time=report.time, reason=report.reason)
        case ReportKind.CANCELED:
            return Canceled(order_id=order.id, time=report.time, reason=report.reason)
        case ReportKind.CANCEL_REFUSED:
            return CancelRefused(order_id=order.id, time=report.time, reason=report.reason)
        case ReportKind.EXPIRED:
            return Expired(order_id=order.id, time=report.time)
        case ReportKind.REPLACED:
            return Replaced(order_id=order.id, time=report.time)
        case ReportKind.SUSPENDED:
            return Suspended(order_id=order.id, time=report.time)
        case ReportKind.DONE_FOR_DAY:
            return DoneForDay(order_id=order.id, time=report.time)
        case ReportKind.RESTATED:
            return Restated(order_id=order.id, time=report.time, raw=report.raw)
        case ReportKind.ANSWER_LOST:
            return AnswerLost(order_id=order.id, reason=report.reason)
        case ReportKind.NOT_SENT:
            return Withheld(order_id=order.id, reason=report.reason)
        case (
            ReportKind.ACCEPTED
            | ReportKind.FILLED
            | ReportKind.BUSTED
            | ReportKind.NOT_FOUND
            | ReportKind.UNRECOGNISED
        ):
            raise AssertionError(f"{report.kind} is not a plain move")


def _accepted(order: Order, report: ExecutionReport) -> Iterator[Event]:
    if report.broker_order_id is None:
        yield BreakFound(
            found=_break(
                BreakKind.UNRECOGNISED_REPORT,
                order,
                report,
                "the broker accepted it without an id of its own",
            )
        )
        return
    theirs = {Role.STOP if leg.stop_price is not None else Role.TARGET: leg for leg in report.legs}
    legs = {
        leg.role: ProtectiveLeg(leg.id, theirs[leg.role].broker_order_id)
        for leg in order.protection
        if leg.role in theirs
    }
    if len(legs) < len(order.protection):
        yield BreakFound(
            found=_break(
                BreakKind.UNPROTECTED,
                order,
                report,
                "the broker accepted it without all of its protective legs",
            )
        )
    yield Accepted(
        order_id=order.id,
        broker_order_id=report.broker_order_id,
        time=report.time,
        stop=legs.get(Role.STOP),
        target=legs.get(Role.TARGET),
    )


def _filled(book: Book, fees: FeeSchedule, order: Order, report: ExecutionReport) -> Iterator[Event]:
    execution = report.execution
    if execution is None:
        yield BreakFound(
            found=_break(BreakKind.UNRECOGNISED_REPORT, order, report, "a fill without price and quantity")
        )
        return
    if execution.id in book.executions:
        return
    if order.broker_id is None and report.broker_order_id is not None and order.parent is None:
        # The fill beat the accept: the broker's id and the legs are taken from it.
        yield from _accepted(order, report)
    trigger = order.fill_trigger(execution.symbol, execution.quantity)
    if trigger is None or next_state(order.state, trigger) is None:
        yield BreakFound(
            found=_break(BreakKind.IMPOSSIBLE_TRANSITION, order, report, _impossible_fill(order, report))
        )
    # The money moved whether we expected it or not, so the fill counts even then.
    yield Filled(
        order_id=order.id,
        execution_id=execution.id,
        symbol=execution.symbol,
        side=execution.side,
        quantity=execution.quantity,
        price=execution.price,
        fee=fees.on(sells=execution.side is Side.SELL, quantity=execution.quantity, price=execution.price),
        time=report.time,
    )


def _impossible_fill(order: Order, report: ExecutionReport) -> str:
    quantity = report.execution.quantity if report.execution else None
    return (
        f"a fill of {quantity} cannot follow {order.state.value} "
        f"with {order.filled} of {order.quantity} filled"
    )


def _busted(book: Book, order: Order, report: ExecutionReport) -> Iterator[Event]:
    execution = report.execution
    if execution is not None and execution.id in book.executions:
        yield Busted(order_id=order.id, execution_id=execution.id, time=report.time)
    else:
        yield BreakFound(
            found=_break(
                BreakKind.IMPOSSIBLE_TRANSITION,
                order,
                report,
                "the broker took back a fill that we do not have",
            )
        )


def _break(kind: BreakKind, order: Order, report: ExecutionReport, sentence: str) -> Break:
    return Break(
        kind=kind,
        ours=order.state.value,
        theirs=report.kind.value,
        sentence=f"order {order.id}: {sentence}{': ' + report.reason if report.reason else ''}",
        symbol=order.legs[0].symbol,
        order_id=order.id,
    )
