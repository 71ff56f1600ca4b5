"""What goes to the broker, and the legs that it makes of it."""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.identifiers import BrokerOrderId, OrderId, Symbol
from agenttrader.model.orders import Changes, Leg, OrderType, Side, TimeInForce


class Replacing(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """The order at the broker in whose place an instruction's order comes, and what of it is another."""

    broker_order_id: BrokerOrderId
    changes: Changes


class Instruction(
    Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Exactly what goes to the broker.

    `stop` and `target` are the legs of a bracket, armed when the order has filled. Of a `pair` the order
    itself is the target, and the stop works beside it from the start. An order that comes in the place of
    another leaves as the changes of that one, and takes over its legs.
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
    replacing: Replacing | None = None
    opens: bool | None = None
    """Of several legs, whether each opens a position or takes from one; the broker is told so."""


class PackageLeg(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A leg of an order of several: its symbol, and the broker's id for it."""

    symbol: Symbol
    broker_order_id: BrokerOrderId


class ProtectiveLeg(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A leg of a bracket: our id for it, and the broker's."""

    order_id: OrderId
    broker_order_id: BrokerOrderId
