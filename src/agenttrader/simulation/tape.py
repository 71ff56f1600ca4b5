"""The quotes and trades that a generated bar may have been made of, and now and then a trade told late.

A generated day is its bars; this is a story to them, by a stated rule, so that clients who listen to quotes
and trades hear something that agrees with the bars. Each bar depends on itself and the seed alone: equal bars
and seeds give equal stories, in whatever order they are told.

- A bar is four trades: its open, its high and low in either order, its close, one in each quarter of the
  interval. Their sizes add up to the bar's volume. A bar without volume has none.
- A millisecond before each trade a quote is told, one to three ticks wide. A trade that is not lower than the
  one before is at the ask; a lower one is at the bid.
- One bar in 200 is corrected: 30 seconds after its end a trade is told late (its condition is `Z`, sold out
  of sequence) at up to a tick outside the bar's range. It adds to volume, high and low, never to open or
  close.

Whoever shows this says that it is generated. It is no model of any market.
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from agenttrader.model.market import Bar, Quote, Trade, UpdatedBar
from agenttrader.model.times import MILLISECOND, MINUTE, SECOND, Instant
from agenttrader.simulation.chance import Chance

TICK = Decimal("0.01")
REGULAR, LATE = "@", "Z"
"""Conditions of trades: an ordinary one, and one that was told out of its sequence."""
LATE_SECONDS = 30
LATE_ODDS = 200

_QUARTERS = 4
_PARTS = (150, 300)
"""What each of the first three trades takes of the volume, in thousandths."""
_SPREAD_TICKS = (1, 3)
_LOTS = (1, 9)
_LOT = 100
_LATE_PART = (1, 20)
"""The size of a late trade, in thousandths of the bar's volume."""
_IDS = 10
"""Numbers for trades of one minute."""


class Minute(Struct, frozen=True, kw_only=True):
    """What a bar was made of, in the order of its times, and what corrects it after its end."""

    ticks: tuple[Quote | Trade, ...]
    late: tuple[Trade, UpdatedBar] | None


def tell_minute(bar: Bar, seed: int) -> Minute:
    """The story of a bar of whole shares. Times lie in the bar, but for what comes late."""
    assert bar.volume == bar.volume.to_integral_value(), "generated bars have whole shares"
    if not bar.volume:
        return Minute(ticks=(), late=None)
    chance = Chance("tape", seed, bar.symbol, bar.start)
    inner = (bar.high, bar.low) if chance.bits() & 1 else (bar.low, bar.high)
    prices = (bar.open, *inner, bar.close)
    times = _times(bar, chance)
    before = bar.open
    ticks: list[Quote | Trade] = []
    for number, (price, size, time) in enumerate(zip(prices, _sizes(bar, chance), times, strict=True)):
        ticks.append(_quote(bar, price, before, Instant(time - MILLISECOND), chance))
        ticks.append(_trade(bar, number, price, size, time, REGULAR))
        before = price
    return Minute(ticks=tuple(ticks), late=_late(bar, chance))


def _times(bar: Bar, chance: Chance) -> list[Instant]:
    """One time in each quarter, never in its first two milliseconds: a quote comes before it."""
    quarter = bar.interval // _QUARTERS // MILLISECOND
    return [
        Instant(bar.start + (number * quarter + chance.between(2, quarter - 1)) * MILLISECOND)
        for number in range(_QUARTERS)
    ]


def _sizes(bar: Bar, chance: Chance) -> tuple[Decimal, ...]:
    """Whole shares where there are enough of them, else equal parts."""
    parts = [int(bar.volume * chance.between(*_PARTS) / 1_000) for _ in range(_QUARTERS - 1)]
    if not all(parts):
        part = bar.volume / _QUARTERS
        return (part,) * _QUARTERS
    return (*map(Decimal, parts), bar.volume - sum(parts))


def _quote(bar: Bar, price: Decimal, before: Decimal, time: Instant, chance: Chance) -> Quote:
    spread = chance.between(*_SPREAD_TICKS) * TICK
    bid = max(Decimal(0), price - spread) if price >= before else price
    return Quote(
        symbol=bar.symbol,
        time=time,
        bid_price=bid,
        # Below the lowest price there is no bid.
        bid_size=Decimal(_LOT * chance.between(*_LOTS)) if bid else Decimal(0),
        ask_price=price if price >= before else price + spread,
        ask_size=Decimal(_LOT * chance.between(*_LOTS)),
    )


def _trade(bar: Bar, number: int, price: Decimal, size: Decimal, time: Instant, condition: str) -> Trade:
    return Trade(
        symbol=bar.symbol,
        time=time,
        price=price,
        size=size,
        trade_id=bar.start // MINUTE * _IDS + number,
        conditions=(condition,),
    )


def _late(bar: Bar, chance: Chance) -> tuple[Trade, UpdatedBar] | None:
    if chance.between(1, LATE_ODDS) != 1:
        return None
    low, high = max(TICK, bar.low - TICK), bar.high + TICK
    price = low + chance.between(0, int((high - low) / TICK)) * TICK
    size = max(Decimal(1), bar.volume * chance.between(*_LATE_PART) // 1_000)
    time = Instant(bar.end + LATE_SECONDS * SECOND)
    corrected = replace(bar, high=max(bar.high, price), low=min(bar.low, price), volume=bar.volume + size)
    trade = _trade(bar, _QUARTERS, price, size, time, LATE)
    return trade, UpdatedBar(bar=corrected, time=time)
