"""Whether a bar fills an order, when in it and at which price: all that the venue assumes of a market.

- A market order fills at the open.
- A limit order fills at the open where that is better than its limit, and at its limit where the bar trades
  through it. At a price that only touches its limit we stand last in the queue, and nothing fills. An order
  that arrives with the bar takes what it finds: an open at its limit fills it.
- A stop order is triggered at the open where the price has gapped to it or through it, else at its price when
  the bar touches it, and then is a market order. A trailing stop is one whose price follows the best price of
  the bars that have passed. A buy stop becomes a limit order at its cap instead: see buy_stops.py.
- A stop-limit order is triggered so, and then is a limit order: from the open on where it was triggered at
  the open, else from the next bar on, because nobody knows what of the bar came after.
- IOC and FOK orders see one open, that of the first bar after they arrive. OPG orders see the open of their
  session's first bar, CLS orders the close of its last.

So no fill lies outside the bar's low and high, and what fills at the open came before whatever fills inside.
Where a bar touches a stop and a target inside, nobody knows which came first: the stop is taken, the worse
one.
"""

from collections.abc import Iterable
from typing import assert_never

from msgspec import Struct

from agenttrader.model.times import Instant
from agenttrader.model.words import Word
from agenttrader.simulation.orders import OrderType, Side, TimeInForce, VenueOrder

STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class Moment(Word):
    """When in a bar something happens."""

    OPEN = "open"
    INSIDE = "inside"
    CLOSE = "close"


class PriceBar(Struct, frozen=True, gc=False):
    """A bar of one symbol, its prices in units; `previous` is when the symbol's bar before it started.

    `opens` where it is its session's first, `closes` where it reaches its session's close.
    """

    start: Instant
    end: Instant
    open: int
    high: int
    low: int
    close: int
    previous: Instant | None = None
    opens: bool = False
    closes: bool = False


class Touch(Struct, frozen=True, gc=False):
    """A bar fills an order at `price`, or only triggers it where there is none."""

    price: int | None
    moment: Moment
    triggers: bool = False


def touched_by(bar: PriceBar, orders: Iterable[VenueOrder]) -> list[tuple[str, Touch]]:
    """What `bar` does to `orders`, which come by age, in the order in which it is tried: stops first."""
    stops: list[tuple[str, Touch]] = []
    others: list[tuple[str, Touch]] = []
    for order in orders:
        found = touch(order, bar)
        if found is not None:
            (stops if order.type in STOPS and not order.triggered else others).append((order.id, found))
    return stops + others


def touch(order: VenueOrder, bar: PriceBar) -> Touch | None:
    """What `bar` does to `order`, or None where that is nothing."""
    if order.time_in_force is TimeInForce.OPG:
        return _at_auction(order, bar.open, Moment.OPEN) if bar.opens else None
    if order.time_in_force is TimeInForce.CLS:
        return _at_auction(order, bar.close, Moment.CLOSE) if bar.closes else None
    found = _touch(order, bar)
    if found is not None and order.time_in_force in IMMEDIATE and found.moment is not Moment.OPEN:
        return None
    return found


def lapses(order: VenueOrder, bar: PriceBar) -> bool:
    """Whether what `bar` has left of `order` is canceled, as its time in force has it."""
    match order.time_in_force:
        case TimeInForce.IOC | TimeInForce.FOK:
            return True
        case TimeInForce.OPG:
            return bar.opens
        case TimeInForce.CLS:
            return bar.closes
        case TimeInForce.DAY | TimeInForce.GTC:
            return False
        case _:
            assert_never(order.time_in_force)


def _touch(order: VenueOrder, bar: PriceBar) -> Touch | None:
    match order.type:
        case OrderType.MARKET:
            return Touch(bar.open, Moment.OPEN)
        case OrderType.LIMIT:
            return _touch_limit(order, bar)
        case OrderType.STOP | OrderType.TRAILING_STOP:
            if order.cap is not None:
                return _touch_limit(order, bar) if order.triggered else _touch_capped_stop(order, bar)
            return Touch(bar.open, Moment.OPEN) if order.triggered else _touch_stop(order, bar)
        case OrderType.STOP_LIMIT:
            return _touch_limit(order, bar) if order.triggered else _touch_stop_limit(order, bar)
        case _:
            assert_never(order.type)


def _touch_limit(order: VenueOrder, bar: PriceBar, *, arrives: bool = False) -> Touch | None:
    limit, sign = order.cap if order.limit is None else order.limit, order.side.sign
    assert limit is not None
    arrives = arrives or bar.previous is None or bar.previous < order.eligible_from
    if bar.open * sign < limit * sign or (arrives and bar.open == limit):
        return Touch(bar.open, Moment.OPEN)
    best = bar.low if order.side is Side.BUY else bar.high
    return Touch(limit, Moment.INSIDE) if best * sign < limit * sign else None


def _touch_stop(order: VenueOrder, bar: PriceBar) -> Touch | None:
    """A trailing stop has no price before the first bar."""
    stop, sign = order.stop, order.side.sign
    if stop is None:
        return None
    if bar.open * sign >= stop * sign:
        return Touch(bar.open, Moment.OPEN, triggers=True)
    worst = bar.high if order.side is Side.BUY else bar.low
    return Touch(stop, Moment.INSIDE, triggers=True) if worst * sign >= stop * sign else None


def _touch_capped_stop(order: VenueOrder, bar: PriceBar) -> Touch | None:
    """Where its limit lies beyond the stop, a price inside the bar is within it; an open need not be."""
    trigger = _touch_stop(order, bar)
    return trigger if trigger is None or trigger.moment is Moment.INSIDE else _touch_stop_limit(order, bar)


def _touch_stop_limit(order: VenueOrder, bar: PriceBar) -> Touch | None:
    trigger = _touch_stop(order, bar)
    if trigger is None:
        return None
    if trigger.moment is Moment.INSIDE:
        return Touch(None, Moment.INSIDE, triggers=True)
    found = _touch_limit(order, bar, arrives=True)
    if found is None:
        return Touch(None, Moment.OPEN, triggers=True)
    return Touch(found.price, found.moment, triggers=True)


def _at_auction(order: VenueOrder, price: int, moment: Moment) -> Touch | None:
    """A market order has its auction's price, a limit order only where that is better than its limit."""
    sign = order.side.sign
    if order.limit is None or price * sign < order.limit * sign:
        return Touch(price, moment)
    return None
