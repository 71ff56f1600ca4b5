"""How far an account lies below its highest equity, where money that came or went is no profit and no loss.

No single sample says anything: the highest is what three samples in a row reached, and the account lies as
far below it as three in a row say. So one bad price neither makes a loss nor a height to fall from.
"""

from collections import deque
from decimal import Decimal

from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO

SAMPLES = 3
"""How many in a row have to agree."""
_ALL = Decimal(1)


class HighWater:
    """The highest equity, moved along with every transfer: what part of it is gone stays as it was.

    It counts from the first samples above 0.
    """

    __slots__ = ("_equities", "_is_emptied", "high", "last")

    def __init__(self) -> None:
        self.high: Decimal | None = None
        """In the account's currency, as if all the money of now had always been there; None at first."""
        self._equities: deque[Decimal] = deque(maxlen=SAMPLES)
        self.last: Instant | None = None
        """When the last sample was taken; None before the first."""
        self._is_emptied = False

    def sample(self, equity: Decimal, time: Instant) -> None:
        """Take in the equity of `time`. A second one of the same instant says nothing more."""
        if self.last is not None and time <= self.last:
            return
        self.last = time
        self._equities.append(equity)
        self._rise()

    def transfer(self, amount: Decimal) -> None:
        """Take in that cash came from outside, or left where `amount` is below 0.

        The highest and the last samples keep their ratio to the middle one of these. Where that is not above
        0, before or after, no ratio can be kept: then all counts as lost, until somebody begins anew.
        """
        before = ZERO if self.high is None else sorted(self._equities)[SAMPLES // 2]
        if self.high is not None and before > 0 and before + amount > 0:
            after = before + amount
            self.high = self.high * after / before
            moved = [equity * after / before for equity in self._equities]
        else:
            self._is_emptied |= self.high is not None
            moved = [equity + amount for equity in self._equities]
        self._equities = deque(moved, maxlen=SAMPLES)

    def begin_anew(self) -> None:
        """Count from the equity of now: what the last samples all reached."""
        self.high, self._is_emptied = None, False
        self._rise()

    def drawdown(self) -> Decimal | None:
        """What part of the highest is gone by every one of the last samples; None where nobody knows yet."""
        if self.high is None:
            return None
        return _ALL if self._is_emptied else max(ZERO, self.high - max(self._equities)) / self.high

    def _rise(self) -> None:
        if len(self._equities) < SAMPLES:
            return
        reached = min(self._equities)
        if reached > (self.high or ZERO):
            self.high = reached
