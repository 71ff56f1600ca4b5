"""What Alpaca says of an order, as execution reports: pure translation.

An order is told as: accepted (with the legs that the broker made), its fills, and its end if it has one. The
same order told twice gives the same reports, so a receiver that knows executions by their ids loses nothing
and counts nothing twice.

| event or status | report |
|---|---|
| new, accepted | ACCEPTED |
| fill, partial_fill | FILLED, under the stream's execution id |
| canceled, expired, rejected, replaced, suspended, done_for_day | the same word |
| order_cancel_rejected | CANCEL_REFUSED |
| order_replace_rejected | REPLACE_REFUSED |
| trade_bust | BUSTED, of the execution that it names |
| trade_correct | BUSTED, of the execution that it names, and FILLED |
| restated | RESTATED, with the broker's own body |
| pending_new, pending_cancel, pending_replace, stopped, calculated | none: what comes of it is told later |
| `mleg`: a fill of the whole, and what is said of a leg but its fills | none: each fill is told of its leg |
| any other word, a field that is missing, a number or time that is none | UNRECOGNISED, with the body |
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec import structs

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, ExecutionId, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.reports import Execution, ExecutionReport, ReportedLeg, ReportKind, StatedOrder
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.model.values import ZERO, exact
from agenttrader.protocols.alpaca_trade_updates import TradeUpdate
from agenttrader.protocols.alpaca_trading import OPEN_STATUSES, Activity, Order, encode

RAW_LENGTH_MAX = 4_000
"""Of a body that is kept; a broker that says more than this of one order says nothing that anybody reads."""

Fills = Mapping[str, Sequence[Activity]]
"""Activities of type FILL by the broker's id of their order."""

Begun = Mapping[str, Decimal]
"""What an order had filled in whose place another came, by the id of that other: its count begins there."""

_NONE: Begun = {}
_SIDES = {"buy": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL}
_ENDS = {
    "canceled": ReportKind.CANCELED,
    "expired": ReportKind.EXPIRED,
    "rejected": ReportKind.REJECTED,
    "replaced": ReportKind.REPLACED,
    "suspended": ReportKind.SUSPENDED,
    "done_for_day": ReportKind.DONE_FOR_DAY,
}
PACKAGE = "mleg"
"""Alpaca's class of an order of several legs."""
_FILLS = frozenset({"fill", "partial_fill"})
_SILENT_EVENTS = frozenset({"pending_new", "pending_cancel", "pending_replace", "stopped", "calculated"})


def reports_of_update(update: TradeUpdate, raw: str, now: Instant) -> tuple[ExecutionReport, ...]:
    """What one event of the stream means: one report, or none; `now` is for where its time is unreadable."""
    try:
        return _reports_of_update(update, raw)
    except BadValue as error:
        return (unrecognised(raw, now, str(error), update.order),)


def unrecognised(raw: str, now: Instant, reason: str, order: Order | None = None) -> ExecutionReport:
    """A report that says no more than that we could not read one, with what was said."""
    return ExecutionReport(
        kind=ReportKind.UNRECOGNISED,
        client_order_id=ClientOrderId(order.client_order_id if order else ""),
        broker_order_id=BrokerOrderId(order.id) if order else None,
        time=now,
        reason=reason,
        raw=raw[:RAW_LENGTH_MAX],
    )


def reports_of_order(
    order: Order, fills: Fills, now: Instant, begun: Begun = _NONE
) -> tuple[ExecutionReport, ...]:
    """All that is known of an order and its legs, in order of time; `fills` may hold other orders' too."""
    told: list[ExecutionReport] = []
    try:
        if order.status == "rejected":
            # Its legs never came to be, and nobody else has heard of them.
            return tuple(_end_of(order, ZERO))
        if not _is_part(order):
            accepted = _report(ReportKind.ACCEPTED, order, from_rfc3339(order.submitted_at))
            told.append(structs.replace(accepted, stated=stated_order(order)))
        # A leg that came in the place of another is an order of ours, which nobody tells with its entry.
        came = [leg for leg in order.legs or () if leg.replaces is not None]
        told.extend(_report(ReportKind.ACCEPTED, leg, from_rfc3339(leg.submitted_at)) for leg in came)
        for member in family_of(order):
            told.extend(_fill_of_activity(fill, member) for fill in fills.get(member.id, ()))
        for member in family_of(order):
            told.extend(_end_of(member, _executed(member, fills, begun)))
    except BadValue as error:
        told.append(unrecognised(_text(order), now, str(error), order))
    # Sorting is stable: at one time an accept stands before fills, and fills before ends.
    return tuple(sorted(told, key=lambda report: report.time))


def told_by_answer(order: Order, time: Instant) -> ExecutionReport:
    """What the broker's answer to a new order says; its fills, if any yet, are told by the stream.

    `time` is for where the order's own time is unreadable: it was taken all the same.
    """
    kind = ReportKind.REJECTED if order.status == "rejected" else ReportKind.ACCEPTED
    reason = "the broker took the order and rejected it" if kind is ReportKind.REJECTED else ""
    try:
        time = from_rfc3339(order.submitted_at)
    except BadValue as error:
        reason = str(error)
    return _report(kind, order, time, reason=reason)


def _legs_of(order: Order) -> tuple[ReportedLeg, ...]:
    """The legs that the broker made for an order, as far as it told them."""
    return tuple(
        ReportedLeg(
            broker_order_id=BrokerOrderId(leg.id),
            client_order_id=ClientOrderId(leg.client_order_id),
            limit_price=leg.limit_price,
            stop_price=leg.stop_price,
            symbol=Symbol(leg.symbol) if leg.symbol and is_package(order) else None,
        )
        for leg in order.legs or ()
    )


def stated_order(order: Order) -> StatedOrder | None:
    """The order as a plain one of one instrument; None where it is another, or cannot be read as that."""
    if order.order_class not in ("", "simple") or not order.symbol:
        return None
    with contextlib.suppress(BadValue):
        return StatedOrder(
            broker_order_id=BrokerOrderId(order.id),
            client_order_id=ClientOrderId(order.client_order_id),
            symbol=Symbol(order.symbol),
            side=side_of(order.side),
            type=order.type or order.order_type or "",
            quantity=_positive(order.qty, "qty"),
            time=from_rfc3339(order.submitted_at),
        )
    return None


def lacks_fills(order: Order, fills: Fills, begun: Begun = _NONE) -> bool:
    """Whether the order, or a leg of it, counts more as filled than `fills` explain: the broker lags."""
    return any((member.filled_qty or ZERO) > _executed(member, fills, begun) for member in family_of(order))


def execution_id_of(fill: Activity) -> ExecutionId:
    """The execution id under which the stream told this fill: the last part of the activity's id."""
    return ExecutionId(fill.id.rpartition("::")[2])


def side_of(word: str | None) -> Side:
    """The side that a broker's word means. Raises BadValue."""
    side = _SIDES.get(word or "")
    if side is None:
        raise BadValue(f"side: expected one of {', '.join(_SIDES)}, found {word!r}")
    return side


def _reports_of_update(update: TradeUpdate, raw: str) -> tuple[ExecutionReport, ...]:
    order, event = update.order, update.event
    if event in _SILENT_EVENTS or _is_told_elsewhere(order, event):
        return ()
    time = from_rfc3339(update.timestamp or order.updated_at)
    if event in ("new", "accepted"):
        return (_report(ReportKind.ACCEPTED, order, time),)
    if event in _FILLS:
        return (_report(ReportKind.FILLED, order, time, execution=_execution(update)),)
    if event in _ENDS:
        return (_report(_ENDS[event], order, time),)
    if event == "order_cancel_rejected":
        return (_report(ReportKind.CANCEL_REFUSED, order, time, reason="the broker refused to cancel it"),)
    if event == "order_replace_rejected":
        return (_report(ReportKind.REPLACE_REFUSED, order, time, reason="the broker refused to replace it"),)
    if event == "trade_bust":
        return (_report(ReportKind.BUSTED, order, time, execution=_busted(update)),)
    if event == "trade_correct":
        # The old execution never was, the new one is another: each counts once, whoever tells of it.
        _given(update.previous_execution_id, "previous_execution_id")
        taken_back = _report(ReportKind.BUSTED, order, time, execution=_busted(update))
        return (taken_back, _report(ReportKind.FILLED, order, time, execution=_execution(update)))
    if event == "restated":
        return (_report(ReportKind.RESTATED, order, time, raw=raw[:RAW_LENGTH_MAX]),)
    return (unrecognised(raw, time, f"the event {event!r} has no treatment", order),)


def _is_told_elsewhere(order: Order, event: str) -> bool:
    if event in _FILLS:
        return is_package(order)
    return _is_part(order) or (event in ("new", "accepted") and _lacks_legs(order))


def _lacks_legs(order: Order) -> bool:
    """Whether legs belong to the order that are not told here.

    The answer to the order, or asking for it, tells it with its legs. A leg itself looks the same, and is
    known by its entry.
    """
    has_legs = order.order_class in ("bracket", "oto", "oco") or is_package(order)
    return has_legs and not order.legs


def _report(
    kind: ReportKind,
    order: Order,
    time: Instant,
    *,
    execution: Execution | None = None,
    reason: str = "",
    raw: str = "",
) -> ExecutionReport:
    return ExecutionReport(
        kind=kind,
        client_order_id=ClientOrderId(order.client_order_id),
        broker_order_id=BrokerOrderId(order.id),
        time=time,
        execution=execution,
        reason=reason,
        legs=_legs_of(order) if kind in (ReportKind.ACCEPTED, ReportKind.FILLED) else (),
        raw=raw,
    )


def _execution(update: TradeUpdate) -> Execution:
    return Execution(
        id=ExecutionId(_given(update.execution_id, "execution_id")),
        symbol=Symbol(_given(update.order.symbol, "symbol")),
        side=side_of(update.order.side),
        quantity=_positive(update.qty, "qty"),
        price=_positive(update.price, "price"),
        corrects=ExecutionId(corrected) if (corrected := update.previous_execution_id) else None,
    )


def _busted(update: TradeUpdate) -> Execution:
    """Of an execution that was taken back only its id counts; the broker may leave out the rest."""
    return Execution(
        id=ExecutionId(_given(update.previous_execution_id or update.execution_id, "previous_execution_id")),
        symbol=Symbol(_given(update.order.symbol, "symbol")),
        side=side_of(update.order.side),
        quantity=update.qty or ZERO,
        price=update.price or ZERO,
    )


def _fill_of_activity(fill: Activity, order: Order) -> ExecutionReport:
    execution = Execution(
        id=execution_id_of(fill),
        symbol=Symbol(_given(fill.symbol, "symbol")),
        side=side_of(fill.side),
        quantity=_positive(fill.qty, "qty"),
        price=_positive(fill.price, "price"),
    )
    time = from_rfc3339(_given(fill.transaction_time, "transaction_time"))
    return _report(ReportKind.FILLED, order, time, execution=execution)


_END_TIMES: dict[str, Callable[[Order], str | None]] = {
    "canceled": lambda order: order.canceled_at,
    "expired": lambda order: order.expired_at,
    "rejected": lambda order: order.failed_at,
    "replaced": lambda order: order.replaced_at,
}


def _end_of(order: Order, executed: Decimal) -> Iterator[ExecutionReport]:
    if (order.filled_qty or ZERO) > executed:
        raise BadValue(f"fills of order {order.id}: expected {order.filled_qty} in sum, found {executed}")
    if order.status in _ENDS and _is_part(order):
        return  # It ends with the whole.
    if order.status in _ENDS:
        time = _END_TIMES.get(order.status, _updated)(order) or order.updated_at
        yield _report(_ENDS[order.status], order, from_rfc3339(time))
    elif order.status not in OPEN_STATUSES and order.status != "filled":
        raise BadValue(f"status of order {order.id}: expected a word that is known, found {order.status!r}")


def family_of(order: Order) -> tuple[Order, ...]:
    """The order and its legs."""
    return (order, *(order.legs or ()))


def is_package(order: Order) -> bool:
    """Whether it is the whole of an order of several legs: it trades in nothing itself, its legs do."""
    return order.order_class == PACKAGE and not order.symbol


def _is_part(order: Order) -> bool:
    """Whether it is a leg of an order of several."""
    return order.order_class == PACKAGE and not is_package(order)


def _executed(order: Order, fills: Fills, begun: Begun) -> Decimal:
    """What the fills of one order, without its legs, add up to, with those that it began with.

    Of several legs each is asked for itself, and the whole has what it says.
    """
    if is_package(order):
        return order.filled_qty or ZERO
    return sum((fill.qty or ZERO for fill in fills.get(order.id, ())), begun.get(order.id, ZERO))


def _updated(order: Order) -> str:
    return order.updated_at


def _positive(value: Decimal | None, name: str) -> Decimal:
    if value is None or exact(value, name) <= 0:
        raise BadValue(f"{name}: expected a number above 0, found {value}")
    return value


def _given(value: str | None, name: str) -> str:
    if not value:
        raise BadValue(f"{name}: expected a text, found none")
    return value


def _text(order: Order) -> str:
    return encode(order).decode()
