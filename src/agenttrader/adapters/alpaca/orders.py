"""An order on its way to Alpaca: what is posted, and what an answer to it means. Pure translation.

| answer to a new order, or to one in the place of another | report |
|---|---|
| 2xx with the order | ACCEPTED with its legs; REJECTED where the order itself says so |
| 429 | REJECTED, "rate limited": it was not taken, and is not sent again |
| 4xx with Alpaca's body | REJECTED, with the broker's own reason |
| 422, the client order id is used already | ANSWER_LOST: we use an id once, so it is this very order |
| anything else: 5xx (504 above all), a body that cannot be read, another order | ANSWER_LOST |

| answer to a cancel | report |
|---|---|
| 2xx | none: the stream tells when it is canceled |
| 4xx | CANCEL_REFUSED, with the broker's reason |
| anything else | nobody knows: ask for the order |
"""

from decimal import Decimal
from http import HTTPStatus

from msgspec import structs

from agenttrader.adapters.alpaca.connection import Answer
from agenttrader.adapters.alpaca.reports import told_by_answer
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId
from agenttrader.model.instructions import Instruction, Replacing
from agenttrader.model.orders import Leg
from agenttrader.model.reports import ExecutionReport, ReportKind
from agenttrader.model.times import Instant
from agenttrader.protocols.alpaca_trading import (
    ApiError,
    NewOrder,
    OptionLeg,
    Order,
    OrderReplacement,
    StopLoss,
    TakeProfit,
    decode,
)

RATE_LIMITED = "rate limited: the broker takes no more orders for the moment, and has not taken this one"


def body_of(instruction: Instruction, client_order_id: ClientOrderId) -> NewOrder:
    """What is posted for an instruction. Raises BadValue for what Alpaca has no words for."""
    stop, target = instruction.stop, instruction.target
    order = NewOrder(
        type=instruction.type.value,
        time_in_force=instruction.time_in_force.value,
        qty=instruction.quantity,
        limit_price=instruction.limit_price,
        stop_price=instruction.stop_price,
        trail_price=instruction.trail_price,
        trail_percent=instruction.trail_percent,
        extended_hours=instruction.extended_hours,
        client_order_id=client_order_id,
    )
    if len(instruction.legs) > 1:
        return _package(order, instruction)
    (leg,) = instruction.legs
    if abs(leg.ratio) != 1:
        raise BadValue(f"legs: expected a ratio of 1 or -1 where there is one leg, found {leg.ratio}")
    order = structs.replace(order, symbol=leg.symbol, side=_side(instruction, leg))
    if instruction.pair:
        return _pair(order, instruction)
    return order if stop is None and target is None else _with_protection(order, stop, target)


def changes_of(replacing: Replacing, client_order_id: ClientOrderId) -> OrderReplacement:
    """What of an order at the broker is to be another, under the id of the one that comes in its place."""
    changes = replacing.changes
    return OrderReplacement(
        qty=changes.quantity,
        time_in_force=None if changes.time_in_force is None else changes.time_in_force.value,
        limit_price=changes.limit_price,
        stop_price=changes.stop_price,
        trail=changes.trail,
        client_order_id=client_order_id,
    )


def answer_to_order(answer: Answer, client_order_id: ClientOrderId, time: Instant) -> ExecutionReport:
    """What the answer to a posted order means; `time` is the record's, for answers that carry none."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _answered(ReportKind.REJECTED, client_order_id, time, RATE_LIMITED)
    if _is_refusal(answer.status):
        error = _error(answer)
        if error is None or _names_used_id(error):
            return _answered(ReportKind.ANSWER_LOST, client_order_id, time, _strange(answer))
        return _answered(ReportKind.REJECTED, client_order_id, time, error.message)
    order = _order(answer)
    if order is None or order.client_order_id != client_order_id:
        return _answered(ReportKind.ANSWER_LOST, client_order_id, time, _strange(answer))
    return told_by_answer(order, time)


def answer_to_cancel(answer: Answer) -> str | None:
    """Why the broker refused to cancel; empty where it did not; None where nobody knows what it did."""
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return ""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate limited: the broker takes no more requests for the moment"
    if _is_refusal(answer.status):
        error = _error(answer)
        return None if error is None else error.message
    return None


def lost(client_order_id: ClientOrderId, time: Instant, reason: str) -> ExecutionReport:
    """The order left, and no answer came."""
    return _answered(ReportKind.ANSWER_LOST, client_order_id, time, reason)


def not_sent(client_order_id: ClientOrderId, time: Instant, reason: str) -> ExecutionReport:
    """The order cannot have arrived."""
    return _answered(ReportKind.NOT_SENT, client_order_id, time, reason)


def not_found(client_order_id: ClientOrderId, time: Instant) -> ExecutionReport:
    """The broker says that it has no such order."""
    return _answered(
        ReportKind.NOT_FOUND, client_order_id, time, "the broker knows no order of this client order id"
    )


def cancel_refused(broker_order_id: BrokerOrderId, time: Instant, reason: str) -> ExecutionReport:
    """The order was not canceled. It is known by the broker's id alone: a leg has no other."""
    return ExecutionReport(
        kind=ReportKind.CANCEL_REFUSED,
        client_order_id=ClientOrderId(""),
        broker_order_id=broker_order_id,
        time=time,
        reason=reason,
    )


def _package(order: NewOrder, instruction: Instruction) -> NewOrder:
    """Alpaca's `mleg`: a net price is above 0 where it is paid, below where it is received."""
    if instruction.opens is None or instruction.stop is not None or instruction.target is not None:
        raise BadValue("legs: expected whether an order of several opens, and no stop or target with it")
    limit = order.limit_price
    return structs.replace(
        order,
        order_class="mleg",
        limit_price=None if limit is None else limit * instruction.side.sign,
        legs=tuple(_package_leg(instruction, leg, opens=instruction.opens) for leg in instruction.legs),
    )


def _package_leg(instruction: Instruction, leg: Leg, *, opens: bool) -> OptionLeg:
    side = _side(instruction, leg)
    return OptionLeg(
        symbol=leg.symbol,
        ratio_qty=Decimal(abs(leg.ratio)),
        side=side,
        position_intent=f"{side}_to_{'open' if opens else 'close'}",
    )


def _side(instruction: Instruction, leg: Leg) -> str:
    side = instruction.side if leg.ratio > 0 else instruction.side.opposite
    return side.value


def _with_protection(order: NewOrder, stop: Decimal | None, target: Decimal | None) -> NewOrder:
    """One leg is Alpaca's `oto`, two are its `bracket`."""
    return structs.replace(
        order,
        order_class="oto" if stop is None or target is None else "bracket",
        take_profit=None if target is None else TakeProfit(limit_price=target),
        stop_loss=None if stop is None else StopLoss(stop_price=stop),
    )


def _pair(order: NewOrder, instruction: Instruction) -> NewOrder:
    """Alpaca's `oco`: the target is the order, its price that of `take_profit`, and the stop its one leg."""
    stop, target = instruction.stop, instruction.limit_price
    if stop is None or target is None:
        raise BadValue(f"pair: expected a stop and a limit price, found {stop} and {target}")
    return structs.replace(
        order,
        limit_price=None,
        order_class="oco",
        take_profit=TakeProfit(limit_price=target),
        stop_loss=StopLoss(stop_price=stop),
    )


def _answered(
    kind: ReportKind, client_order_id: ClientOrderId, time: Instant, reason: str
) -> ExecutionReport:
    return ExecutionReport(
        kind=kind, client_order_id=client_order_id, broker_order_id=None, time=time, reason=reason
    )


def _is_refusal(status: int) -> bool:
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR


def _error(answer: Answer) -> ApiError | None:
    try:
        return decode(answer.body, ApiError)
    except BadValue:
        return None


def _order(answer: Answer) -> Order | None:
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    try:
        return decode(answer.body, Order)
    except BadValue:
        return None


def _names_used_id(error: ApiError) -> bool:
    """Somebody between us and the broker sent the request twice, and this answers the second."""
    return "client_order_id" in error.message and "unique" in error.message


def _strange(answer: Answer) -> str:
    return f"the broker's answer to the order cannot be read as one: {answer.status} {answer.beginning}"
