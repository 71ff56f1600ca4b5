"""What a client asks in Alpaca's words, as the simulated exchange takes it. Nothing asked for is dropped."""

from decimal import Decimal
from typing import TypeVar

from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trading import NewOrder
from agenttrader.simulation.orders import OrderClass, OrderType, Side, StopLoss, Submission, TimeInForce

_T = TypeVar("_T")
_TYPES = {each.value: each for each in (OrderType.MARKET, OrderType.LIMIT, OrderType.STOP)}
_TIMES_IN_FORCE = {each.value: each for each in (TimeInForce.DAY, TimeInForce.GTC)}
_CLASSES = {"": OrderClass.SIMPLE, "simple": OrderClass.SIMPLE, "bracket": OrderClass.BRACKET}
_UNSUPPORTED_FIELDS = (
    "notional",
    "trail_price",
    "trail_percent",
    "legs",
    "position_intent",
    "advanced_instructions",
)


class Unsupported(BadValue):
    """Alpaca has it and this venue does not."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not supported by this venue yet: {what}")


def to_submission(order: NewOrder) -> Submission:
    """The order as the exchange takes it. Raises Unsupported for what it has not, BadValue for a gap."""
    for field in _UNSUPPORTED_FIELDS:
        if getattr(order, field) is not None:
            raise Unsupported(field)
    if order.extended_hours:
        raise Unsupported("extended_hours")
    if order.order_class not in _CLASSES:
        raise Unsupported(f"order_class {order.order_class}")
    exits = _exits(order)
    return Submission(
        client_order_id=order.client_order_id or None,
        symbol=_required(order.symbol, "symbol"),
        side=Side(_required(order.side, "side")),
        type=_supported(order.type, _TYPES, "type"),
        time_in_force=_supported(order.time_in_force, _TIMES_IN_FORCE, "time_in_force"),
        quantity=_required(order.qty, "qty"),
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        order_class=_CLASSES[order.order_class],
        target=None if exits is None else exits[0],
        stop_loss=None if exits is None else exits[1],
    )


def closing_order(symbol: str, signed_quantity: Decimal, wanted: Decimal | None) -> Submission:
    """The market order that closes `wanted` of a holding, or all of it."""
    return Submission(
        client_order_id=None,
        symbol=symbol,
        side=Side.SELL if signed_quantity > 0 else Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        quantity=abs(signed_quantity) if wanted is None else wanted,
    )


def _exits(order: NewOrder) -> tuple[Decimal, StopLoss] | None:
    if order.order_class != "bracket":
        for field in ("take_profit", "stop_loss"):
            if getattr(order, field) is not None:
                raise BadValue(f"{field}: expected order_class bracket with it, found {order.order_class!r}")
        return None
    target = _required(order.take_profit, "take_profit")
    stop = _required(order.stop_loss, "stop_loss")
    if stop.limit_price is not None:
        raise Unsupported("stop_loss.limit_price")
    return target.limit_price, StopLoss(stop=stop.stop_price)


def _required(value: _T | None, field: str) -> _T:
    if value is None:
        raise BadValue(f"{field}: expected it in this order, found none")
    return value


def _supported(word: str, words: dict[str, _T], field: str) -> _T:
    if word not in words:
        raise Unsupported(f"{field} {word}")
    return words[word]
