"""Market data as it is observed: bars, statuses, and the watermark of how far a source has told everything.

Observed prices need not lie on a tick (real feeds carry sub-penny prints); they are finite, positive and have
at most nine decimals.
"""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import Duration, Instant
from agenttrader.model.values import exact
from agenttrader.model.words import Word


class Bar(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag="bar"):
    """One interval of trading in one symbol. It is known at `end`, never before."""

    symbol: Symbol
    start: Instant
    interval: Duration
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    @property
    def end(self) -> Instant:
        """When the bar is complete: its data time."""
        return Instant(self.start + self.interval)

    def __post_init__(self) -> None:
        for name in ("open", "high", "low", "close", "volume"):
            exact(getattr(self, name), f"bar of {self.symbol}, {name}")
        if self.interval <= 0:
            raise BadValue(f"bar of {self.symbol}: expected an interval above 0, found {self.interval}")
        if (
            not self.low <= self.open <= self.high
            or not self.low <= self.close <= self.high
            or self.low <= 0
            or self.volume < 0
        ):
            raise BadValue(
                f"bar of {self.symbol}: expected 0 < low <= open, close <= high and volume >= 0, found "
                f"open {self.open} high {self.high} low {self.low} close {self.close} volume {self.volume}"
            )


class TradingStatus(Word):
    """Whether the exchange lets a symbol trade. What is not known to be TRADING is not traded."""

    TRADING = "trading"
    HALTED = "halted"


class StatusChange(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag="status"):
    """The exchange halted a symbol or let it trade again."""

    symbol: Symbol
    time: Instant
    status: TradingStatus
    reason: str


class Watermark(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag="watermark"):
    """A source's promise: everything that it has to say with a data time up to `time` has been said."""

    time: Instant


MarketEvent = Bar | StatusChange | Watermark


class Mark(Struct, frozen=True, gc=False, kw_only=True):
    """The price used to value and to judge an order, with where and when it was observed."""

    price: Decimal
    time: Instant
    source: str
