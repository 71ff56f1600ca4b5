"""What an account has lost since the day's open, where money that came or went is no profit and no loss.

As with the highest equity no single sample says anything: lost is what three in a row say at least, and the
day counts from the middle one of the equity at its open and of the two samples before. So one bad price
neither makes a loss nor a height to fall from.
"""

from collections import deque
from decimal import Decimal

from agenttrader.model.times import Instant
from agenttrader.portfolio.high_water import SAMPLES


class DayLoss:
    """The loss of the day in the account's currency, open profit included."""

    __slots__ = ("_equities", "_last", "start")

    def __init__(self) -> None:
        self.start: Decimal | None = None
        """What the loss counts from, as if all the money of now had been there; None before a first day."""
        self._equities: deque[Decimal] = deque(maxlen=SAMPLES)
        self._last: Instant | None = None

    def open(self, equity: Decimal) -> None:
        """The day has turned, at `equity`: what was lost before is another day's."""
        around = [*list(self._equities)[1 - SAMPLES :], equity]
        self.start = sorted(around)[SAMPLES // 2] if len(around) == SAMPLES else equity
        self._equities.clear()

    def sample(self, equity: Decimal, time: Instant) -> None:
        """Take in the equity of `time`. A second one of the same instant says nothing more."""
        if self._last is None or time > self._last:
            self._last = time
            self._equities.append(equity)

    def transfer(self, amount: Decimal) -> None:
        """Take in that cash came from outside, or left where `amount` is below 0: no loss and no profit."""
        if self.start is not None:
            self.start += amount
        self._equities = deque([equity + amount for equity in self._equities], maxlen=SAMPLES)

    def begin_anew(self) -> None:
        """Count from the equity of now: what the last samples all reached."""
        if len(self._equities) == SAMPLES:
            self.start = min(self._equities)

    def loss(self) -> Decimal | None:
        """What every one of the last samples lies below the start; below 0 is a profit, None is not known."""
        if self.start is None or len(self._equities) < SAMPLES:
            return None
        return self.start - max(self._equities)
