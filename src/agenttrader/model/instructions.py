"""What goes to the broker, and the legs that it makes of it."""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.identifiers import BrokerOrderId, OrderId
from agenttrader.model.orders import Leg, OrderType, Side, TimeInForce


class Instruction(
    Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Exactly what goes to the broker.

    `stop` and `target` are the legs of a bracket, armed when the order has filled. Of a `pair` the order
    itself is the target, and the stop works beside it from the start.
    """

    legs: tuple[Leg, ...]
    side: Side
    quantity: Decimal
    type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None
    stop_price: Decimal | None
    stop: Decimal | None
    target: Decimal | None
    pair: bool = False
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False


class ProtectiveLeg(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A leg of a bracket: our id for it, and the broker's."""

    order_id: OrderId
    broker_order_id: BrokerOrderId
