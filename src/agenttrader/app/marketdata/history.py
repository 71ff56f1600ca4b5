"""All that is known of a market up to its watermark, and never a moment more.

What is told waits until a watermark covers it; only then can it be asked for. So an answer holds what
everybody could have known at the watermark, whenever in between two of them it is asked. A corrected bar
takes the place of the first one when its correction became known.
"""

from typing import assert_never

from agenttrader.app.marketdata.series import Series
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import (
    Bar,
    DailyBar,
    Luld,
    Quote,
    StatusChange,
    Told,
    Trade,
    UpdatedBar,
    Watermark,
    known_at,
)
from agenttrader.model.times import Instant

WAITING_MAX = 100_000
"""Told items that may wait for a watermark; a source that tells more without one is broken."""


class History:
    """Bars, quotes and trades by symbol, as they are known at `watermark`."""

    def __init__(self) -> None:
        self.watermark: Instant | None = None
        """How far all is known; None before anything is."""
        self._waiting: list[Bar | Quote | Trade | UpdatedBar] = []
        self._bars: dict[Symbol, Series[Bar]] = {}
        self._quotes: dict[Symbol, Series[Quote]] = {}
        self._trades: dict[Symbol, Series[Trade]] = {}

    def take(self, told: Told) -> None:
        """Something was told. What nobody asks for later (statuses, bands, daily bars) is not kept."""
        match told:
            case Watermark():
                if self.watermark is None or told.time > self.watermark:
                    self.watermark = told.time
                    self._learn(told.time)
            case Bar() | Quote() | Trade() | UpdatedBar():
                self._waiting.append(told)
                assert len(self._waiting) <= WAITING_MAX, "a source tells watermarks"
            case StatusChange() | Luld() | DailyBar():
                pass
            case _:
                assert_never(told)

    def bars(self, symbol: Symbol) -> Series[Bar]:
        """The symbol's minute bars by their start, corrected as far as is known."""
        return self._bars.get(symbol) or Series()

    def quotes(self, symbol: Symbol) -> Series[Quote]:
        """The symbol's quotes by their time."""
        return self._quotes.get(symbol) or Series()

    def trades(self, symbol: Symbol) -> Series[Trade]:
        """The symbol's trades by the time at which they were told."""
        return self._trades.get(symbol) or Series()

    def _learn(self, time: Instant) -> None:
        waiting, self._waiting = self._waiting, []
        for told in waiting:
            if known_at(told) > time:
                self._waiting.append(told)
            else:
                self._keep(told)

    def _keep(self, told: Bar | Quote | Trade | UpdatedBar) -> None:
        match told:
            case Bar():
                self._bars.setdefault(told.symbol, Series()).put(told.start, told)
            case UpdatedBar():
                self._bars.setdefault(told.bar.symbol, Series()).put(told.bar.start, told.bar)
            case Quote():
                self._quotes.setdefault(told.symbol, Series()).add(told.time, told)
            case Trade():
                self._trades.setdefault(told.symbol, Series()).add(told.time, told)
            case _:
                assert_never(told)
