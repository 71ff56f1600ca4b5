"""Market data as it is observed: bars, statuses, and the watermark of how far a source has told everything.

A strategy, the gateway and the venue decide on `MarketEvent` alone. What a source tells besides (quotes,
trades, price bands, corrected and daily bars) is for the clients of its stream: `Told`.

Observed prices need not lie on a tick (real feeds carry sub-penny prints); they are finite, positive and have
at most nine decimals.
"""

from decimal import Decimal
from typing import assert_never

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


class Quote(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag="quote"):
    """The best bid and ask from `time` on, sizes in units; a side that nobody offers has price and size 0.

    Real feeds tell bids above asks for moments; they are told as they are.
    """

    symbol: Symbol
    time: Instant
    bid_price: Decimal
    bid_size: Decimal
    ask_price: Decimal
    ask_size: Decimal

    def __post_init__(self) -> None:
        for name in ("bid_price", "bid_size", "ask_price", "ask_size"):
            _require(getattr(self, name), f"quote of {self.symbol}, {name}", above_zero=False)


class Trade(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag="trade"):
    """One trade; `trade_id` is unique in its symbol and day, `conditions` are the tape's own letters."""

    symbol: Symbol
    time: Instant
    price: Decimal
    size: Decimal
    trade_id: int
    conditions: tuple[str, ...]

    def __post_init__(self) -> None:
        _require(self.price, f"trade of {self.symbol}, price", above_zero=True)
        _require(self.size, f"trade of {self.symbol}, size", above_zero=True)


class BandKind(Word):
    """Why a price band is told."""

    OPENING = "opening"
    INTRADAY = "intraday"
    REOPENING = "reopening"


class Luld(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag="luld"):
    """The limit-up limit-down price band from `time` on: nothing trades outside it."""

    symbol: Symbol
    time: Instant
    limit_up: Decimal
    limit_down: Decimal
    kind: BandKind

    def __post_init__(self) -> None:
        _require(self.limit_up, f"price band of {self.symbol}, limit up", above_zero=True)
        _require(self.limit_down, f"price band of {self.symbol}, limit down", above_zero=False)
        if self.limit_down >= self.limit_up:
            raise BadValue(
                f"price band of {self.symbol}: expected limit down below limit up, "
                f"found {self.limit_down} and {self.limit_up}"
            )


class UpdatedBar(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag="updated_bar"):
    """A bar as late trades have corrected it, known at `time`, after its end."""

    bar: Bar
    time: Instant

    def __post_init__(self) -> None:
        if self.time <= self.bar.end:
            raise BadValue(
                f"updated bar of {self.bar.symbol}: expected to be told after its end {self.bar.end}, "
                f"found {self.time}"
            )


class DailyBar(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag="daily_bar"):
    """The day so far, as it stands at `time`: `bar` covers the exchange's whole date, ended or not."""

    bar: Bar
    time: Instant

    def __post_init__(self) -> None:
        if not self.bar.start < self.time <= self.bar.end:
            raise BadValue(
                f"daily bar of {self.bar.symbol}: expected a time in its day from {self.bar.start} "
                f"to {self.bar.end}, found {self.time}"
            )


MarketEvent = Bar | StatusChange | Watermark
"""What decisions are made on."""
Told = MarketEvent | Quote | Trade | Luld | UpdatedBar | DailyBar
"""All that a source may tell."""


def known_at(told: Told) -> Instant:
    """When this became known: a bar at its end, everything else at its time."""
    return told.end if isinstance(told, Bar) else told.time


def symbol_of(told: Told) -> Symbol | None:
    """The symbol that it is about; None for a watermark, which is about all."""
    match told:
        case Bar() | StatusChange() | Quote() | Trade() | Luld():
            return told.symbol
        case UpdatedBar() | DailyBar():
            return told.bar.symbol
        case Watermark():
            return None
        case _:
            assert_never(told)


def _require(value: Decimal, name: str, *, above_zero: bool) -> None:
    number = exact(value, name)
    if number < 0 or (above_zero and not number):
        raise BadValue(f"{name}: expected {'above 0' if above_zero else '0 or more'}, found {value}")


class Mark(Struct, frozen=True, gc=False, kw_only=True):
    """The price used to value and to judge an order, with where and when it was observed."""

    price: Decimal
    time: Instant
    source: str
