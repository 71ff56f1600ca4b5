"""Limit-up limit-down: the price bands outside which a symbol may not trade, found from its bars.

As the plan publishes them (National Market System Plan to Address Extraordinary Market Volatility):

- The band lies around a reference price: the opening price first, then the mean of the last five minutes'
  trades, taken up when it differs by 1 % or more.
- Its width goes by tier and by the last close: above 3.00 it is 5 % in tier 1 and 10 % in tier 2; from 0.75
  to 3.00 it is 20 %; below it is the lesser of 0.15 and 75 %.
- In the last 25 minutes it is twice as wide, in tier 2 only up to 3.00. (Before 2020 it was so after the open
  as well.)
- After a halt the first price is the reference anew.

Rules of our own: a minute's trades are its bar's close; a band is told at the end of the bar that it follows
from, the opening one too, because nothing of a bar is known before; without a last close the opening price
stands in for it. What a band forbids is not enforced here: halts are the market's own.
"""

from collections import deque
from decimal import ROUND_HALF_UP, Decimal

from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import BandKind, Bar, Luld
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.model.values import ZERO
from agenttrader.model.words import Word

PENNY = Decimal("0.01")
REFERENCE_MINUTES = 5
REFERENCE_CHANGE = Decimal("0.01")
CLOSING_MINUTES = 25
"""For so long before the close the bands are twice as wide."""
_HIGH, _LOW = Decimal(3), Decimal("0.75")
_MIDDLE_PART = Decimal("0.20")
_LOW_PART, _LOW_WIDTH = Decimal("0.75"), Decimal("0.15")


class Tier(Word):
    """Which width a symbol has: 1 for the S&P 500, the Russell 1000 and chosen funds, 2 for the others."""

    ONE = "1"
    TWO = "2"


_HIGH_PART = {Tier.ONE: Decimal("0.05"), Tier.TWO: Decimal("0.10")}


def band_width(reference: Decimal, previous_close: Decimal, tier: Tier, *, closing: bool) -> Decimal:
    """How far a band reaches up and down from `reference`, not rounded."""
    doubled = 2 if closing and (tier is Tier.ONE or previous_close <= _HIGH) else 1
    if previous_close > _HIGH:
        return doubled * reference * _HIGH_PART[tier]
    if previous_close >= _LOW:
        return doubled * reference * _MIDDLE_PART
    return doubled * min(_LOW_WIDTH, reference * _LOW_PART)


class Bands:
    """One symbol's bands through one session."""

    def __init__(
        self, symbol: Symbol, session: Session, previous_close: Decimal | None, tier: Tier = Tier.ONE
    ) -> None:
        self._symbol = symbol
        self._session = session
        self._previous_close = previous_close
        self._tier = tier
        self._recent: deque[Bar] = deque()
        self._reference: Decimal | None = None
        self._kind = BandKind.OPENING
        self._told: tuple[Decimal, Decimal] | None = None

    def halt(self) -> None:
        """The symbol was halted: the next bar reopens it."""
        if self._reference is not None:
            self._reference, self._kind = None, BandKind.REOPENING
        self._recent.clear()

    def follow(self, bar: Bar) -> Luld | None:
        """The band from the bar's end on, where it is another than before. Bars come in their order."""
        self._recent.append(bar)
        while self._recent[0].end <= bar.end - REFERENCE_MINUTES * MINUTE:
            self._recent.popleft()
        kind = BandKind.INTRADAY
        if self._reference is None:
            self._reference, kind = bar.open, self._kind
        mean = sum((each.close for each in self._recent), ZERO) / len(self._recent)
        if abs(mean - self._reference) >= REFERENCE_CHANGE * self._reference:
            self._reference = mean
        if self._previous_close is None:
            self._previous_close = bar.open
        limits = self._limits(self._reference, self._previous_close, bar.end)
        if limits == self._told and kind is BandKind.INTRADAY:
            return None
        self._told = limits
        down, up = limits
        return Luld(symbol=self._symbol, time=bar.end, limit_up=up, limit_down=down, kind=kind)

    def _limits(self, reference: Decimal, previous_close: Decimal, time: Instant) -> tuple[Decimal, Decimal]:
        """Down and up, to the penny and a penny apart at least; down is never below nothing."""
        closing = time >= self._session.close - CLOSING_MINUTES * MINUTE
        width = band_width(reference, previous_close, self._tier, closing=closing)
        up = max(PENNY, (reference + width).quantize(PENNY, ROUND_HALF_UP))
        down = max(ZERO, (reference - width).quantize(PENNY, ROUND_HALF_UP))
        return min(down, up - PENNY), up
