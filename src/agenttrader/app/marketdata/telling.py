"""What a source tells, made whole: quotes, trades, price bands, corrected and daily bars beside its bars.

The source itself tells statuses, bars, perhaps quotes, and watermarks. Everything else follows from these,
so that who decides on bars alone hears the same as ever. What is derived comes before the bar that it belongs
to, and is known no later than the watermark that follows; what is corrected later waits for its time.
"""

from collections.abc import Callable, Mapping
from typing import assert_never

from agenttrader.app.marketdata.aggregation import joined
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import (
    Bar,
    DailyBar,
    Luld,
    Quote,
    StatusChange,
    Told,
    Trade,
    TradingStatus,
    UpdatedBar,
    Watermark,
    known_at,
)
from agenttrader.model.times import Instant
from agenttrader.protocols.alpaca_timeframes import ONE_DAY, Period, period_at
from agenttrader.simulation.bands import Bands
from agenttrader.simulation.tape import Minute

Story = Callable[[Bar], Minute]
"""What a bar was made of; see `simulation.tape`."""


class Teller:
    """Hands on to `publish` what it receives, and what follows from it.

    `story` is None for a source whose bars were real: no quote or trade is invented for them. A symbol
    without `bands` has none told.
    """

    def __init__(
        self, publish: Callable[[Told], None], *, story: Story | None, bands: Mapping[Symbol, Bands]
    ) -> None:
        self._publish = publish
        self._story = story
        self._bands = bands
        self._late: list[Trade | UpdatedBar] = []
        self._days: dict[Symbol, _Day] = {}
        self._changed: set[Symbol] = set()

    def receive(self, told: Told) -> None:
        """Tell it, after what it brings with it and what has become due."""
        self._tell_late(known_at(told))
        match told:
            case Bar():
                self._tell_bar(told)
            case Watermark():
                self._tell_days(told.time)
                self._publish(told)
            case StatusChange():
                if told.status is not TradingStatus.TRADING and told.symbol in self._bands:
                    self._bands[told.symbol].halt()
                self._publish(told)
            case UpdatedBar():
                self._remember(told.bar)
                self._publish(told)
            case Quote() | Trade() | Luld() | DailyBar():
                self._publish(told)
            case _:
                assert_never(told)

    def _tell_bar(self, bar: Bar) -> None:
        if self._story is not None:
            minute = self._story(bar)
            for tick in minute.ticks:
                self._publish(tick)
            self._late.extend(minute.late or ())
        self._remember(bar)
        self._publish(bar)
        bands = self._bands.get(bar.symbol)
        band = None if bands is None else bands.follow(bar)
        if band is not None:
            self._publish(band)

    def _tell_late(self, time: Instant) -> None:
        due = [told for told in self._late if told.time <= time]
        self._late = [told for told in self._late if told.time > time]
        for told in due:
            if isinstance(told, UpdatedBar):
                self._remember(told.bar)
            self._publish(told)

    def _remember(self, bar: Bar) -> None:
        day = self._days.get(bar.symbol)
        if day is None or bar.start >= day.period.end:
            day = self._days[bar.symbol] = _Day(period_at(bar.start, ONE_DAY))
        day.take(bar)
        self._changed.add(bar.symbol)

    def _tell_days(self, time: Instant) -> None:
        for symbol in sorted(self._changed):
            self._publish(DailyBar(bar=self._days[symbol].so_far(), time=time))
        self._changed.clear()


class _Day:
    """One symbol's day. Its bar grows minute by minute; only a corrected minute has it made anew."""

    def __init__(self, period: Period) -> None:
        self.period = period
        self._minutes: dict[Instant, Bar] = {}
        self._bar: Bar | None = None

    def take(self, bar: Bar) -> None:
        corrects = bar.start in self._minutes
        self._minutes[bar.start] = bar
        parts = [bar] if self._bar is None else [self._bar, bar]
        self._bar = joined(list(self._minutes.values()) if corrects else parts, self.period)

    def so_far(self) -> Bar:
        assert self._bar is not None
        return self._bar
