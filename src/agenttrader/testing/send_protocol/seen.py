"""What the model and the product must say alike after every act."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from agenttrader.model.orders import OrderState, OrderType, Proposal
from agenttrader.testing.builders import proposal
from agenttrader.testing.send_protocol.state import QUANTITIES, Ours, Place, World

UNIT = 10
"""Shares to one of the model."""
ENTRY = Decimal(98)
"""What entries would pay at most."""
OURS = {
    OrderState.SENDING: Ours.SENDING,
    OrderState.UNKNOWN: Ours.UNKNOWN,
    OrderState.ACCEPTED: Ours.WORKING,
    OrderState.FILLED: Ours.FILLED,
    OrderState.WITHHELD: Ours.ENDED,
}
"""The product's states in the model's words."""


class Seen(Struct, frozen=True):
    """What the model and the product must say alike."""

    wire: tuple[tuple[int, bool], ...]
    """Each wish that is on the wire, and whether the broker has it."""
    at_broker: int
    """What is held there."""
    written: tuple[int, ...]
    """The wishes of which a decision is on disk."""
    book: Mapping[int, Ours] | None
    """The gateway's, by wish; None where none runs."""
    held: int
    may_trade: bool


def seen_of(world: World) -> Seen:
    """What the model says."""
    gateway = world.gateways[0]
    there = (Place.WORKING, Place.FILLED)
    held = sum(QUANTITIES[sent.wish] for sent in world.wire if sent.place is Place.FILLED)
    book = None
    if gateway is not None:
        decided = [gateway.decided] if gateway.decided is not None else []
        book = {order.wish: order.state for order in (*gateway.book, *decided)}
    return Seen(
        wire=tuple((sent.wish, sent.place in there) for sent in world.wire),
        at_broker=held + world.by_hand,
        written=tuple(order.wish for order in world.disk),
        book=book,
        held=0 if gateway is None else gateway.held,
        may_trade=gateway is not None and gateway.is_compared,
    )


def wished(wish: int, number: int = 0) -> Proposal:
    """The wish as the agent proposes it; with a number, as another wish for as much."""
    quantity = Decimal(UNIT * QUANTITIES[wish])
    return proposal(
        len(QUANTITIES) * number + wish + 1, quantity=quantity, type=OrderType.LIMIT, limit_price=ENTRY
    )
