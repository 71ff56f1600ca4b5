"""What a client asks in Alpaca's words, as the simulated exchange takes it. Nothing asked for is dropped."""

from decimal import ROUND_DOWN, Decimal
from typing import TypeVar

from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trading import POSITION_INTENTS, SIDES, NewOrder, OrderReplacement
from agenttrader.protocols.alpaca_trading import OptionLeg as AskedLeg
from agenttrader.simulation.listings import FRACTION, Listing
from agenttrader.simulation.orders import (
    Intent,
    OptionLeg,
    OrderClass,
    OrderType,
    PackageSubmission,
    Replacement,
    Side,
    StopLoss,
    Submission,
    TimeInForce,
)

_T = TypeVar("_T")
_TYPES = {each.value: each for each in OrderType}
_TIMES_IN_FORCE = {each.value: each for each in TimeInForce}
_CLASSES = {"": OrderClass.SIMPLE} | {each.value: each for each in OrderClass}
_UNSUPPORTED_FIELDS = ("advanced_instructions",)
PACKAGE_CLASS = "mleg"
"""The class of an order of several options."""
_PACKAGE_HAS_NO = (
    *("notional", "stop_price", "trail_price", "trail_percent", "take_profit", "stop_loss", "symbol", "side"),
    "position_intent",
)
_WHOLE = Decimal(100)
"""Per cent."""


class Unsupported(BadValue):
    """Alpaca has it and this venue does not."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not supported by this venue yet: {what}")


def to_submission(order: NewOrder) -> Submission:
    """The order as the exchange takes it. Raises Unsupported for what it has not, BadValue for a gap."""
    for field in _UNSUPPORTED_FIELDS:
        if getattr(order, field) is not None:
            raise Unsupported(field)
    if order.legs is not None or order.order_class == PACKAGE_CLASS:
        raise BadValue(f"legs: expected them in orders of class mleg alone, found {order.order_class!r}")
    if (order.qty is None) is (order.notional is None):
        found = "neither" if order.qty is None else "both"
        raise BadValue(f"qty: expected either qty or notional in this order, found {found}")
    order_class = _CLASSES[order.order_class]
    target, stop_loss = _exits(order, order_class)
    return Submission(
        client_order_id=order.client_order_id or None,
        symbol=_required(order.symbol, "symbol"),
        side=Side(_required(order.side, "side")),
        type=_TYPES[order.type],
        time_in_force=_TIMES_IN_FORCE[order.time_in_force],
        quantity=order.qty,
        notional=order.notional,
        limit_price=None if order_class is OrderClass.OCO else order.limit_price,
        stop_price=order.stop_price,
        trail_price=order.trail_price,
        trail_percent=order.trail_percent,
        extended_hours=order.extended_hours,
        order_class=order_class,
        target=target,
        stop_loss=stop_loss,
    )


def to_package(order: NewOrder) -> PackageSubmission:
    """An order of several options as the exchange takes it. Raises Unsupported and BadValue as above."""
    for field in _UNSUPPORTED_FIELDS:
        if getattr(order, field) is not None:
            raise Unsupported(field)
    for field in _PACKAGE_HAS_NO:
        if getattr(order, field) is not None:
            raise BadValue(f"{field}: an mleg order has none, found {getattr(order, field)}")
    if order.extended_hours:
        raise BadValue("extended_hours: options orders are not supported in extended hours")
    return PackageSubmission(
        client_order_id=order.client_order_id or None,
        type=_TYPES[order.type],
        time_in_force=_TIMES_IN_FORCE[order.time_in_force],
        quantity=_required(order.qty, "qty"),
        limit_price=order.limit_price,
        legs=tuple(map(_leg, _required(order.legs, "legs"))),
    )


def _leg(leg: AskedLeg) -> OptionLeg:
    """A leg says a side, an intent, or both."""
    for name, found, words in (
        ("side", leg.side, SIDES),
        ("position_intent", leg.position_intent, POSITION_INTENTS),
    ):
        if found is not None and found not in words:
            raise BadValue(f"legs, {name}: expected one of {', '.join(sorted(words))}, found {found!r}")
    intent = None if leg.position_intent is None else Intent(leg.position_intent)
    side = Side(leg.side) if leg.side is not None else _required(intent, "legs, side").side
    return OptionLeg(symbol=leg.symbol, side=side, ratio=leg.ratio_qty, intent=intent)


def to_replacement(asked: OrderReplacement) -> Replacement:
    """What is to change of an order. Raises Unsupported for what the venue has not."""
    for field in ("notional", "advanced_instructions"):
        if getattr(asked, field) is not None:
            raise Unsupported(field)
    return Replacement(
        client_order_id=asked.client_order_id or None,
        quantity=asked.qty,
        time_in_force=None if asked.time_in_force is None else _TIMES_IN_FORCE[asked.time_in_force],
        limit_price=asked.limit_price,
        stop_price=asked.stop_price,
        trail=asked.trail,
    )


def closing_order(listing: Listing, held: Decimal, wanted: Decimal | None) -> Submission:
    """The market order that closes `wanted` of a holding, which is negative when short, or all of it."""
    is_coin = listing.is_coin
    return Submission(
        client_order_id=None,
        symbol=listing.symbol,
        side=Side.SELL if held > 0 else Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC if is_coin else TimeInForce.DAY,
        quantity=abs(held) if wanted is None else wanted,
    )


def part_of(listing: Listing, held: Decimal, percentage: Decimal) -> Decimal:
    """So much per cent of a holding: whole lots of a whole holding, billionths of one with a fraction.

    Raises BadValue for a percentage that is none, and where nothing would be left of it.
    """
    if not 0 < percentage <= _WHOLE:
        raise BadValue(f"percentage: expected above 0 and at most 100, found {percentage}")
    step = listing.lot if held % listing.lot == 0 else FRACTION
    part = (abs(held) * percentage / _WHOLE / step).to_integral_value(ROUND_DOWN) * step
    if not part:
        raise BadValue(f"percentage: expected at least {step:f} of {abs(held)}, found {percentage} per cent")
    return part


def _exits(order: NewOrder, order_class: OrderClass) -> tuple[Decimal | None, StopLoss | None]:
    """The exit with a profit and the one that protects, as the class has them."""
    target = None if order.take_profit is None else order.take_profit.limit_price
    protection = order.stop_loss
    stop = None if protection is None else StopLoss(stop=protection.stop_price, limit=protection.limit_price)
    match order_class:
        case OrderClass.SIMPLE:
            for field in ("take_profit", "stop_loss"):
                if getattr(order, field) is not None:
                    raise BadValue(f"{field}: expected a class of order with it, found {order.order_class!r}")
        case OrderClass.BRACKET:
            _required(target, "take_profit")
            _required(stop, "stop_loss")
        case OrderClass.OCO:
            target = _target_of_oco(order, target)
            _required(stop, "stop_loss")
        case OrderClass.OTO:
            if (target is None) is (stop is None):
                found = "neither" if target is None else "both"
                raise BadValue(f"oto: expected either take_profit or stop_loss in this order, found {found}")
        case OrderClass.MLEG:
            raise AssertionError("several options are no submission")
    return target, stop


def _target_of_oco(order: NewOrder, target: Decimal | None) -> Decimal:
    """Alpaca takes it as the order's own limit too."""
    if target is not None and order.limit_price not in (None, target):
        raise BadValue(
            f"limit_price: expected it to be take_profit.limit_price, {target}, found {order.limit_price}"
        )
    return _required(order.limit_price if target is None else target, "take_profit")


def _required(value: _T | None, field: str) -> _T:
    if value is None:
        raise BadValue(f"{field}: expected it in this order, found none")
    return value
