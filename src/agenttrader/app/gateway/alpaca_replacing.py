"""What a client wants changed of an order, as the engine takes it: its numbers on tick and lot."""

from decimal import Decimal

import msgspec

from agenttrader.app.gateway.alpaca_refusals import Unsupported
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, OrderId, derive_order_id
from agenttrader.model.instruments import Instrument, Spread
from agenttrader.model.orders import Changes, TimeInForce
from agenttrader.model.values import on_step
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trading import OrderReplacement

REFUSED_CHANGES = frozenset({"notional", "advanced_instructions"})
"""The fields that are refused by name where they say something."""


def changes_of(order: Order, asked: OrderReplacement, instrument: Instrument | None) -> Changes:
    """What is to be another of `order`: clients say again what stays, which is left out here.

    Raises Unsupported for what this face does not know, BadValue for what cannot be.
    """
    for field in sorted(REFUSED_CHANGES):
        if getattr(asked, field) is not None:
            raise Unsupported(field)
    follows = order.trail_price is not None or order.trail_percent is not None
    if asked.trail is not None and not follows:
        raise BadValue(f"trail: a {order.type.value} order has none, found {asked.trail}")
    single = None if isinstance(instrument, Spread) else instrument
    tick, lot = (None, None) if single is None else (single.tick, single.lot)
    time = None if asked.time_in_force is None else TimeInForce(asked.time_in_force)
    trail = order.trail_percent if order.trail_price is None else order.trail_price
    return Changes(
        quantity=_news(order.quantity, _fitted(asked.qty, lot, "qty")),
        limit_price=_news(order.limit_price, _fitted(asked.limit_price, tick, "limit_price")),
        stop_price=_news(order.stop_price, _fitted(asked.stop_price, tick, "stop_price")),
        trail=_news(trail, _fitted(asked.trail, None if order.trail_price is None else tick, "trail")),
        time_in_force=None if time is order.proposal.time_in_force else time,
    )


def words_of(agent: AgentName, order_id: OrderId, changes: Changes, client_order_id: str | None) -> str:
    """What these changes of the order are known by, and no others; the correlation id of what they make."""
    said = msgspec.json.encode(changes).decode()
    return derive_order_id("alpaca replacement", agent, order_id, said, client_order_id or "")


def _fitted(value: Decimal | None, step: Decimal | None, name: str) -> Decimal | None:
    return value if value is None or step is None else on_step(value, step, name)


def _news(present: Decimal | None, wanted: Decimal | None) -> Decimal | None:
    return None if wanted == present else wanted
