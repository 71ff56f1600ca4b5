"""Whether a bar fills an order, and at which price: the whole of what the venue assumes about a market.

- A market order fills at the open.
- A limit order fills at the open where that is as good or better, else at its limit when the bar touches it.
- A stop order fills at the open where the price has gapped through it, else at its price when the bar
  touches it.

So no fill lies outside the bar's low and high, and what fills at the open came before whatever fills
inside. Where a bar touches a stop and a target inside, nobody knows which came first: the stop is taken,
the worse one.
"""

from typing import NamedTuple, assert_never

from agenttrader.model.times import Instant
from agenttrader.simulation.orders import OrderType, Side, VenueOrder


class PriceBar(NamedTuple):
    """A bar of one symbol, its prices in units."""

    start: Instant
    end: Instant
    open: int
    high: int
    low: int
    close: int


class Touch(NamedTuple):
    """A bar fills an order at `price`: at its very open, or somewhere inside."""

    price: int
    at_open: bool


def touch(order: VenueOrder, bar: PriceBar) -> Touch | None:
    """How `bar` fills `order`, or None where it does not."""
    match order.type:
        case OrderType.MARKET:
            return Touch(bar.open, at_open=True)
        case OrderType.LIMIT:
            assert order.limit is not None
            return (
                _at_or_below(order.limit, bar) if order.side is Side.BUY else _at_or_above(order.limit, bar)
            )
        case OrderType.STOP:
            assert order.stop is not None
            return _at_or_above(order.stop, bar) if order.side is Side.BUY else _at_or_below(order.stop, bar)
        case _:
            assert_never(order.type)


def stops_first(order: VenueOrder) -> tuple[bool, int]:
    """The order in which fills inside one bar are tried: stops, then the others, each by age."""
    return order.type is not OrderType.STOP, order.sequence


def _at_or_below(level: int, bar: PriceBar) -> Touch | None:
    """A price at or below `level` is wanted: a buyer's limit, a seller's stop."""
    if bar.open <= level:
        return Touch(bar.open, at_open=True)
    return Touch(level, at_open=False) if bar.low <= level else None


def _at_or_above(level: int, bar: PriceBar) -> Touch | None:
    """A price at or above `level` is wanted: a seller's limit, a buyer's stop."""
    if bar.open >= level:
        return Touch(bar.open, at_open=True)
    return Touch(level, at_open=False) if bar.high >= level else None
