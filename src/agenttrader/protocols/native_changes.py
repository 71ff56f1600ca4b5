"""What `PATCH /v1/orders/{order_id}` takes: the values of an order that are to be others, and why."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, OrderId, derive_agents_order_id, derive_proposed_id
from agenttrader.model.orders import Changes, TimeInForce
from agenttrader.protocols.native import UNREADABLE, meant
from agenttrader.protocols.plain_digits import PlainDecoder
from agenttrader.protocols.uuids import expect_uuid


class ChangesBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is left out stays as it is. `quantity` is the whole order's, with what has filled of it.

    `proposal_id` is what the agent calls the order that comes in the place of this one.
    """

    reason: Annotated[str, Meta(max_length=1_000)]
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    """A price or per cent, as the order has."""
    time_in_force: TimeInForce | None = None
    proposal_id: str | None = None
    correlation_id: Annotated[str, Meta(max_length=128)] | None = None


class Replacement(Struct, frozen=True, kw_only=True):
    """The changes, and by what the order is known that they make."""

    changes: Changes
    id: OrderId
    reason: str
    proposal_id: str | None
    correlation_id: str | None


_decoder = PlainDecoder(ChangesBody)


def decode_replacement(body: bytes, order: str, agent: AgentName) -> Replacement:
    """What `body` asks of the order that the agent calls `order`. Raises BadValue, naming the field.

    Without a `proposal_id` the order and the body's own bytes make the id: sent twice, it is the same order.
    """
    try:
        asked = _decoder.decode(body)
    except UNREADABLE as error:
        raise BadValue(f"changes: {error}") from error
    name = asked.proposal_id
    return Replacement(
        changes=Changes(
            quantity=_meant(asked.quantity),
            limit_price=_meant(asked.limit_price),
            stop_price=_meant(asked.stop_price),
            trail=_meant(asked.trail),
            time_in_force=asked.time_in_force,
        ),
        id=derive_agents_order_id(agent, "replacement", order, body.decode())
        if name is None
        else derive_proposed_id(agent, expect_uuid(name)),
        reason=asked.reason,
        proposal_id=name,
        correlation_id=asked.correlation_id,
    )


def _meant(value: Decimal | None) -> Decimal | None:
    return None if value is None else meant(value)
