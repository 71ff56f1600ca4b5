"""What kill does next, from what the broker says and what was asked for. Pure.

An order is *protective* where it is a stop or a limit that faces a position and no more than it: what it
fills only reduces. It is *closing* where it is a market order that does the same. Everything else is an
*entry*. Stops and targets are counted apart, because an order that cancels the other is a pair.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import assert_never

from msgspec import Struct

from agenttrader.app.kill.wish import Wish
from agenttrader.model.identifiers import BrokerOrderId, Symbol
from agenttrader.model.reports import BrokerPosition
from agenttrader.model.values import ZERO
from agenttrader.ports.kill_door import WorkingOrder

STOPS = frozenset({"stop", "stop_limit", "trailing_stop"})
TARGETS = frozenset({"limit"})
CLOSES = frozenset({"market"})


class Part(Enum):
    """What an order is to the positions."""

    ENTRY = "entry"
    PROTECTIVE = "protective"
    CLOSING = "closing"


class Look(Struct, frozen=True, kw_only=True):
    """The account as the broker stated it just now."""

    orders: tuple[WorkingOrder, ...]
    positions: tuple[BrokerPosition, ...]


class Acts(Struct, frozen=True, kw_only=True):
    """What to ask for now, and what was asked for and is still there."""

    cancel: tuple[WorkingOrder, ...]
    close: tuple[BrokerPosition, ...]
    remains: tuple[str, ...]


def parts(look: Look) -> dict[BrokerOrderId, Part]:
    """What each order is."""
    held = {position.symbol.replace("/", ""): position.quantity for position in look.positions}
    found: dict[BrokerOrderId, Part] = {}
    for kinds, part in ((STOPS, Part.PROTECTIVE), (TARGETS, Part.PROTECTIVE), (CLOSES, Part.CLOSING)):
        left = dict(held)
        for order in look.orders:
            name = order.symbol.replace("/", "")
            faced = left.get(name, ZERO)
            if order.type in kinds and _faces(order, faced):
                found[order.broker_order_id] = part
                left[name] = faced - order.quantity.copy_sign(faced)
    return {order.broker_order_id: found.get(order.broker_order_id, Part.ENTRY) for order in look.orders}


def next_acts(look: Look, wish: Wish) -> Acts:
    """What follows from the look.

    A leg whose entry is canceled ends with it. A position is closed once nothing but its close works in it,
    for a broker keeps units back for the orders that would sell them.
    """
    part_of = parts(look)
    ending = [order for order in look.orders if _is_to_end(part_of[order.broker_order_id], wish)]
    names = {order.broker_order_id for order in ending}
    busy = {order.symbol.replace("/", "") for order in look.orders}
    open_positions = look.positions if wish.liquidate else ()
    return Acts(
        cancel=tuple(order for order in ending if order.parent not in names),
        close=tuple(each for each in open_positions if each.symbol.replace("/", "") not in busy),
        remains=(
            *(f"order {order.broker_order_id} ({words_of(order)}) still works" for order in ending),
            *(f"{each.quantity} {each.symbol} are still held" for each in open_positions),
        ),
    )


def unprotected(look: Look) -> dict[Symbol, Decimal]:
    """The units of each position that no resting stop faces; those that are covered are left out."""
    part_of = parts(look)
    stops = [order for order in look.orders if order.type in STOPS]
    found = {}
    for position in look.positions:
        covered = _sum(
            order.quantity
            for order in stops
            if order.symbol.replace("/", "") == position.symbol.replace("/", "")
            and part_of[order.broker_order_id] is Part.PROTECTIVE
        )
        if abs(position.quantity) > covered:
            found[position.symbol] = abs(position.quantity) - covered
    return found


def words_of(order: WorkingOrder) -> str:
    """The order as a person reads it."""
    return f"{order.side} {order.quantity} {order.symbol or 'several legs'} {order.type}"


def _faces(order: WorkingOrder, quantity: Decimal) -> bool:
    reduces = (order.side == "sell" and quantity > 0) or (order.side == "buy" and quantity < 0)
    return reduces and order.quantity <= abs(quantity)


def _is_to_end(part: Part, wish: Wish) -> bool:
    match part:
        case Part.ENTRY:
            return wish.cancels
        case Part.PROTECTIVE:
            return wish.including_protective or wish.liquidate
        case Part.CLOSING:
            return wish.including_protective and not wish.liquidate
        case _:
            assert_never(part)


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)
