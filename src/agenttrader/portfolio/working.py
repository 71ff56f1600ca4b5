"""What open orders may still do in one symbol, as sums, and what the stops that rest there are good for.

Sums of Decimals are exact as far as 28 digits go, so what comes and goes leaves nothing behind.
"""

from bisect import bisect_left, insort
from decimal import Decimal
from typing import NamedTuple

from agenttrader.model.values import ZERO


class Working(NamedTuple):
    """What some open orders may still do in one symbol: in units, unsigned, unless it says otherwise."""

    buys: Decimal = ZERO
    sells: Decimal = ZERO
    closing: Decimal = ZERO
    """By orders of agents that reduce and do not protect."""
    protecting: Decimal = ZERO
    """By what protects and can trade."""
    closes: Decimal = ZERO
    """By closes of the position, of which each cancels what protects it."""
    loss: Decimal = ZERO
    """What the entries whose first leg it is would lose at their stops, gaps aside, in the currency."""
    awaiting: int = 0
    """How many entries came with protection: that is still to be armed, for the whole of each."""
    longs: int = 0
    """How many orders go with a long position: they enter it, or came to protect it."""
    shorts: int = 0

    def changed(self, before: "Working", now: "Working") -> "Working":
        """The sums after what was counted as `before` is counted as `now`."""
        return Working(
            buys=self.buys - before.buys + now.buys,
            sells=self.sells - before.sells + now.sells,
            closing=self.closing - before.closing + now.closing,
            protecting=self.protecting - before.protecting + now.protecting,
            closes=self.closes - before.closes + now.closes,
            loss=self.loss - before.loss + now.loss,
            awaiting=self.awaiting - before.awaiting + now.awaiting,
            longs=self.longs - before.longs + now.longs,
            shorts=self.shorts - before.shorts + now.shorts,
        )


NOTHING = Working()


class Stop(NamedTuple):
    """A stop that rests at the broker, as far as it covers one side of a symbol.

    What `units` lose until it has left them is `slope` × mark + `level`, while the mark has not passed its
    `price`.
    """

    is_long: bool
    """Whether it faces a long position."""
    covers: Decimal
    units: Decimal
    """Of those that it covers: none at a net price over several instruments, which says nothing of one."""
    slope: Decimal
    level: Decimal
    price: Decimal | None
    """None of one that follows the price."""


class Stops:
    """The sums over all stops that face one side of one symbol, and the nearest of their prices."""

    __slots__ = ("_is_long", "_prices", "covers", "level", "slope", "units")

    def __init__(self, *, is_long: bool) -> None:
        self._is_long = is_long
        self.covers = self.units = self.slope = self.level = ZERO
        self._prices: list[Decimal] = []
        """In order."""

    def add(self, stop: Stop) -> None:
        """One more rests."""
        self.covers += stop.covers
        self.units += stop.units
        self.slope += stop.slope
        self.level += stop.level
        if stop.price is not None:
            insort(self._prices, stop.price)

    def remove(self, stop: Stop) -> None:
        """One that was added rests no more."""
        self.covers -= stop.covers
        self.units -= stop.units
        self.slope -= stop.slope
        self.level -= stop.level
        if stop.price is not None:
            del self._prices[bisect_left(self._prices, stop.price)]

    def loss(self, held: Decimal, mark: Decimal) -> Decimal | None:
        """What `held` units at `mark` lose by them, times the multiplier; what none covers counts whole.

        None where sums cannot say: more rests than is held, or the mark has passed one of the prices.
        """
        if self.units > held or self._is_passed(mark):
            return None
        return self.slope * mark + self.level + (held - self.units) * mark

    def _is_passed(self, mark: Decimal) -> bool:
        if not self._prices:
            return False
        return mark < self._prices[-1] if self._is_long else mark > self._prices[0]
