"""The market of a world: prices that walk, and the market data that tell a gateway of them, or fail to."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from random import Random

from msgspec import structs

from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, MarketEvent, Watermark
from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen
from agenttrader.testing.worlds.faults import FeedFails
from agenttrader.testing.worlds.loop import Seconds
from agenttrader.testing.worlds.script import Script
from agenttrader.testing.worlds.stage import CLOSES, sessions_of

_CENT = Decimal("0.01")
LATE_SECONDS = 0.7
"""How late the market data come where they are late."""


class Market:
    """`prices` are the last true ones; every minute is made from the script alone."""

    def __init__(self, script: Script, chance: Random) -> None:
        self._script, self._chance = script, chance
        self.prices: dict[str, Decimal] = {str(symbol): price for symbol, price in CLOSES.items()}
        self.sessions = sessions_of(script.minutes)[: 2 if script.minutes[1] else 1]

    def minutes(self) -> Iterator[tuple[Instant, tuple[Bar, ...], tuple[CorporateActionSeen, ...]]]:
        """Every minute with its bars, and what happened to the shares in the night before it."""
        for number, session in enumerate(self.sessions):
            actions = self._script.actions if number else ()
            for action in actions:
                self._change(action)
            for minute in range((session.close - session.open) // MINUTE):
                end = Instant(session.open + (minute + 1) * MINUTE)
                yield end, tuple(self._bar(Symbol(symbol), end) for symbol in self.prices), actions
                actions = ()

    def _change(self, action: CorporateActionSeen) -> None:
        if action.kind is CorporateActionKind.SPLIT:
            price = self.prices[action.symbol] * action.old_rate / action.new_rate
            self.prices[action.symbol] = price.quantize(_CENT)

    def _bar(self, symbol: Symbol, end: Instant) -> Bar:
        before = self.prices[symbol]
        step = self._chance.randint(-5, 5) + self._script.drift[symbol]
        close = max(_CENT, (before * (1_000 + step) / 1_000).quantize(_CENT))
        reach = (before * self._chance.randint(0, 4) / 1_000).quantize(_CENT)
        self.prices[symbol] = close
        return Bar(
            symbol=symbol,
            start=Instant(end - MINUTE),
            interval=MINUTE,
            open=before,
            high=max(before, close) + reach,
            low=max(_CENT, min(before, close) - reach),
            close=close,
            volume=Decimal(self._chance.randint(200, 900)),
        )


class Feed:
    """What the gateway is told of the market: all of it, or what the faults that hold now leave."""

    def __init__(self) -> None:
        self.faults: list[tuple[FeedFails, Seconds]] = []
        self._missed: list[MarketEvent] = []
        """What was not told because the connection was down: it is told when that is up again."""
        self._frozen: dict[str, Bar] = {}

    def begin(self, fault: FeedFails) -> None:
        """From now on, for as long as it says."""
        self.faults.append((fault, asyncio.get_running_loop().time() + fault.seconds))

    def suffers(self, how: str, symbol: str | None = None) -> FeedFails | None:
        """The fault of that kind that holds now, for the symbol or for all."""
        now = asyncio.get_running_loop().time()
        for fault, until in self.faults:
            if fault.how == how and now < until and (fault.symbol is None or fault.symbol == symbol):
                return fault
        return None

    def told(self, time: Instant, bars: tuple[Bar, ...]) -> list[MarketEvent]:
        """What of a minute is told: in its order, with the watermark at its end where that is told."""
        watermark: list[MarketEvent] = [Watermark(time=time)]
        events = [event for bar in bars for event in self._of(bar)] + watermark
        if self.suffers("down"):
            self._missed += events
            return []
        missed, self._missed = self._missed, []
        if self.suffers("silent"):
            return []
        return [*missed, *events]

    def _of(self, bar: Bar) -> list[MarketEvent]:
        symbol = str(bar.symbol)
        if (fault := self.suffers("silent", symbol)) is not None and fault.symbol is not None:
            return []
        if self.suffers("frozen", symbol) is not None:
            return [self._frozen.setdefault(symbol, bar)]
        self._frozen.pop(symbol, None)
        if (fault := self.suffers("spike", symbol)) is not None:
            bar = _times(bar, fault.factor)
        return [bar, bar] if self.suffers("again", symbol) is not None else [bar]


def _times(bar: Bar, factor: Decimal) -> Bar:
    """The bar as somebody's mistake has it."""
    prices = {
        name: max(_CENT, (getattr(bar, name) * factor).quantize(_CENT))
        for name in ("open", "high", "low", "close")
    }
    return structs.replace(bar, **prices)
