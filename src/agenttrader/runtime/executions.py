"""What a broker's report means for the book: reports in, events out.

Repeats are quiet; what cannot be is a break.
"""

from collections.abc import Mapping
from decimal import Decimal

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
    Rejected,
    Replaced,
    ReplaceRefused,
    Restated,
    Suspended,
    Withheld,
)
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.instructions import PackageLeg, ProtectiveLeg
from agenttrader.model.orders import OrderState, Role, Side
from agenttrader.model.reports import Execution, ExecutionReport, ReportKind, StatedOrder
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
    ReportKind.REPLACE_REFUSED: Trigger.REFUSE_REPLACE,
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


def events_of(book: Book, fees: FeeSchedule, order: Order, report: ExecutionReport) -> tuple[Event, ...]:
    """The events that `report` adds to what the book knows of `order`; none where it repeats that."""
    match report.kind:
        case ReportKind.FILLED:
            return _filled(book, fees, order, report)
        case ReportKind.BUSTED:
            return _busted(book, order, report)
        case ReportKind.UNRECOGNISED:
            sentence = "the broker's report is not one that we know"
            return (_break(BreakKind.UNRECOGNISED_REPORT, order, report, sentence),)
        case ReportKind.NOT_FOUND:
            if order.state is not OrderState.SENDING:
                return ()
            # Not finding it is no proof that it will not arrive: it stays UNKNOWN, counted as if it may fill.
            reason = "the broker, asked by client order id, does not know it"
            return (AnswerLost(order_id=order.id, reason=reason),)
        case _:
            return _moved(order, report)


def break_of_stranger(report: ExecutionReport, name: str) -> Break:
    """The break of a report on an order that this book does not have; `name` is what the broker calls it."""
    if report.kind is ReportKind.UNRECOGNISED:
        kind, sentence = (
            BreakKind.UNRECOGNISED_REPORT,
            f"the broker's report on {name} is not one that we know",
        )
    else:
        kind = BreakKind.ORDER_MISSING_HERE
        sentence = f"the broker reports {report.kind.value} on an order that this book does not have: {name}"
    return Break(
        kind=kind,
        ours="none",
        theirs=f"{report.kind.value} {name}",
        sentence=f"{sentence}{': ' + report.reason if report.reason else ''}",
        symbol=report.execution.symbol if report.execution else None,
    )


def is_of_stranger(found: Break, made: StatedOrder) -> bool:
    """Whether the break is of a report on this order, from when the book did not have it."""
    is_kind = found.kind is BreakKind.ORDER_MISSING_HERE and found.order_id is None
    return is_kind and found.theirs.partition(" ")[2] in (made.client_order_id, made.broker_order_id)


def _moved(order: Order, report: ExecutionReport) -> tuple[Event, ...]:
    trigger = _TRIGGERS[report.kind]
    state = next_state(order.state, trigger)
    if state is None:
        sentence = f"{trigger.value} cannot follow {order.state.value}"
        return (_break(BreakKind.IMPOSSIBLE_TRANSITION, order, report, sentence),)
    if trigger is Trigger.ACCEPT:
        # An accept is news when it moves the order, or tells an id of the broker's for the first time.
        is_news = state is not order.state or order.broker_id is None
        if is_news or _legs_told(order, report) or _package_told(order, report):
            return _accepted(order, report)
    elif state is not order.state or trigger is Trigger.RESTATE:
        moved = _move_event(order, report)
        entry = order.parent
        if report.kind is ReportKind.REJECTED and entry is not None and entry.adds_risk and entry.filled:
            sentence = "the broker rejected what protects a position"
            return (moved, _break(BreakKind.UNPROTECTED, order, report, sentence))
        return (moved,)
    return ()


def _move_event(order: Order, report: ExecutionReport) -> Event:  # noqa: C901, PLR0911 - an arm for each kind
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
        case ReportKind.REPLACE_REFUSED:
            return ReplaceRefused(order_id=order.id, time=report.time, reason=report.reason)
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


def _accepted(order: Order, report: ExecutionReport) -> tuple[Event, ...]:
    if report.broker_order_id is None:
        sentence = "the broker accepted it without an id of its own"
        return (_break(BreakKind.UNRECOGNISED_REPORT, order, report, sentence),)
    legs = _legs_told(order, report)
    accepted = Accepted(
        order_id=order.id,
        broker_order_id=report.broker_order_id,
        time=report.time,
        stop=legs.get(Role.STOP),
        target=legs.get(Role.TARGET),
        package=_package_told(order, report),
    )
    # What ended unfilled has nothing to protect.
    if _lacks_legs(order, legs) and (order.filled or not order.state.is_terminal):
        sentence = "the broker accepted it without all of its protective legs"
        return (_break(BreakKind.UNPROTECTED, order, report, sentence), accepted)
    return (accepted,)


def _legs_told(order: Order, report: ExecutionReport) -> dict[Role, ProtectiveLeg]:
    """The protective legs whose broker's ids the report tells for the first time.

    What is to come in the place of a leg is told of by its own accept alone: a late word on the entry names
    the leg of before.
    """
    if not report.legs:
        return {}
    theirs = {Role.STOP if leg.stop_price is not None else Role.TARGET: leg for leg in report.legs}
    return {
        leg.role: ProtectiveLeg(leg.id, theirs[leg.role].broker_order_id)
        for leg in order.protection
        if leg.broker_id is None and leg.replaces is None and leg.role in theirs
    }


def _package_told(order: Order, report: ExecutionReport) -> tuple[PackageLeg, ...]:
    """The legs of an order of several whose broker's ids the report tells for the first time."""
    if len(order.legs) == 1 or order.package:
        return ()
    return tuple(
        PackageLeg(leg.symbol, leg.broker_order_id)
        for leg in report.legs
        if leg.symbol is not None and order.ratio_in(leg.symbol)
    )


def _lacks_legs(order: Order, told: Mapping[Role, ProtectiveLeg]) -> bool:
    return any(
        leg.broker_id is None and leg.replaces is None and leg.role not in told for leg in order.protection
    )


def _filled(book: Book, fees: FeeSchedule, order: Order, report: ExecutionReport) -> tuple[Event, ...]:
    execution = report.execution
    if execution is None:
        sentence = "a fill without price and quantity"
        return (_break(BreakKind.UNRECOGNISED_REPORT, order, report, sentence),)
    if execution.id in book.executions:
        return _told_again(book.executions[execution.id], order, execution)
    if execution.id in book.busted:
        return ()
    if not book.can_hold(execution.symbol):
        sentence = f"a fill in {execution.symbol}, which is not a configured instrument, cannot be counted"
        return (_break(BreakKind.IMPOSSIBLE_TRANSITION, order, report, sentence),)
    filled = Filled(
        order_id=order.id,
        execution_id=execution.id,
        symbol=execution.symbol,
        side=execution.side,
        quantity=execution.quantity,
        price=execution.price,
        fee=fees.on(sells=execution.side is Side.SELL, quantity=execution.quantity, price=execution.price),
        time=report.time if execution.corrects is None else book.busted.get(execution.corrects, report.time),
    )
    before = _accepted(order, report) if _carries_accept(order, report) else ()
    if _is_possible(order, execution):
        return (*before, filled)
    # The money moved whether we expected it or not, so the fill counts even then.
    sentence = _impossible_fill(order, execution)
    return (*before, _break(BreakKind.IMPOSSIBLE_TRANSITION, order, report, sentence), filled)


def _told_again(had: Filled, order: Order, execution: Execution) -> tuple[BreakFound, ...]:
    """A fill that the book has: quiet, unless the broker says something else of it by now."""
    ours = _terms(had.order_id, had.side, had.quantity, had.symbol, had.price)
    theirs = _terms(order.id, execution.side, execution.quantity, execution.symbol, execution.price)
    if ours == theirs:
        return ()
    found = Break(
        kind=BreakKind.EXECUTION_TERMS,
        ours=ours,
        theirs=theirs,
        sentence=f"Execution {execution.id} is {ours} here, and {theirs} in the broker's history: ask the "
        "broker which it is. Position, cash and the order's own count may be wrong.",
        symbol=had.symbol,
        order_id=had.order_id,
    )
    return (BreakFound(found=found),)


def _terms(order_id: OrderId, side: Side, quantity: Decimal, symbol: Symbol, price: Decimal) -> str:
    return f"{side.value} {quantity.normalize():f} {symbol} at {price.normalize():f} for order {order_id}"


def _carries_accept(order: Order, report: ExecutionReport) -> bool:
    """Whether the fill beat the accept and says all that an accept would: the broker's id and the legs.

    A fill that does not name the legs says nothing about them; the accept that follows does.
    """
    if order.broker_id is not None or report.broker_order_id is None or order.is_leg or len(order.legs) > 1:
        return False
    return not _lacks_legs(order, _legs_told(order, report))


def _is_possible(order: Order, execution: Execution) -> bool:
    trigger = order.fill_trigger(execution.symbol, execution.quantity)
    side = order.side if order.ratio_in(execution.symbol) > 0 else order.side.opposite
    return trigger is not None and next_state(order.state, trigger) is not None and execution.side is side


def _impossible_fill(order: Order, execution: Execution) -> str:
    return (
        f"a fill that {execution.side.value}s {execution.quantity} {execution.symbol} cannot follow "
        f"{order.state.value} with {order.filled} of {order.quantity} filled"
    )


def _busted(book: Book, order: Order, report: ExecutionReport) -> tuple[Event, ...]:
    execution = report.execution
    if execution is not None and execution.id in book.busted:
        return ()
    fill = None if execution is None else book.executions.get(execution.id)
    if fill is not None and fill.order_id == order.id:
        return (Busted(order_id=order.id, execution_id=fill.execution_id, time=report.time),)
    sentence = "the broker took back a fill that this order does not have"
    return (_break(BreakKind.IMPOSSIBLE_TRANSITION, order, report, sentence),)


def _break(kind: BreakKind, order: Order, report: ExecutionReport, sentence: str) -> BreakFound:
    found = Break(
        kind=kind,
        ours=order.state.value,
        theirs=report.kind.value,
        sentence=f"order {order.id}: {sentence}{': ' + report.reason if report.reason else ''}",
        symbol=order.legs[0].symbol,
        order_id=order.id,
    )
    return BreakFound(found=found)
