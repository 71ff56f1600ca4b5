"""Whether a bar fills an order, and at which price: the whole of what the venue assumes about a market.

- A market order fills at the open.
- A limit order fills at the open where that is as good or better, else at its limit when the bar touches it.
- A stop order fills at the open where the price has gapped through it, else at its price when the bar
  touches it.

So no fill lies outside the bar's low and high, and what fills at the open came before whatever fills
inside. Where a bar touches a stop and a target inside, nobody knows which came first: the stop is taken,
the worse one.
"""

from collections.abc import Iterable
from typing import assert_never

from msgspec import Struct

from agenttrader.model.times import Instant
from agenttrader.simulation.orders import OrderType, Side, VenueOrder


class PriceBar(Struct, frozen=True, gc=False):
    """A bar of one symbol, its prices in units."""

    start: Instant
    end: Instant
    open: int
    high: int
    low: int
    close: int


class Touch(Struct, frozen=True, gc=False):
    """A bar fills an order at `price`: at its very open, or somewhere inside."""

    price: int
    at_open: bool


def touched_by(bar: PriceBar, orders: Iterable[VenueOrder]) -> list[tuple[str, Touch]]:
    """What `bar` fills of `orders`, which come by age, in the order in which it is tried: stops first."""
    stops: list[tuple[str, Touch]] = []
    others: list[tuple[str, Touch]] = []
    for order in orders:
        found = touch(order, bar)
        if found is not None:
            (stops if order.type is OrderType.STOP else others).append((order.id, found))
    return stops + others


def touch(order: VenueOrder, bar: PriceBar) -> Touch | None:
    """How `bar` fills `order`, or None where it does not."""
    match order.type:
        case OrderType.MARKET:
            return Touch(bar.open, at_open=True)
        case OrderType.LIMIT:
            level, wants_below = order.limit, order.side is Side.BUY
        case OrderType.STOP:
            level, wants_below = order.stop, order.side is Side.SELL
        case OrderType.STOP_LIMIT | OrderType.TRAILING_STOP:
            raise AssertionError(f"{order.id}: a {order.type.value} order was accepted")
        case _:
            assert_never(order.type)
    assert level is not None
    if (bar.open <= level) if wants_below else (bar.open >= level):
        return Touch(bar.open, at_open=True)
    if (bar.low <= level) if wants_below else (bar.high >= level):
        return Touch(level, at_open=False)
    return None
