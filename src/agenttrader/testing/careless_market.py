"""What the market does on a careless day: its sessions, the minutes around them, and the nights between."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

from msgspec import structs

from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.days import Moment
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen
from agenttrader.simulation.market import TICK, generate_day
from agenttrader.testing.careless_kind import Kind
from agenttrader.testing.careless_world import (
    CLOSES,
    COIN,
    COIN_CLOSE,
    EARLY_MINUTES,
    LATE_MINUTES,
)

QUIET_VOLUME = 1_000
NIGHT_MINUTES = 4
"""Of every night so many are played, in which only coins trade."""
_NIGHT_BEGINS = 4 * 60 * MINUTE
"""After the close."""
_OBSERVED = Decimal("0.000001")


class CarelessMarket:
    """The last price of each symbol in `marks`, and what moves it."""

    def __init__(self, kind: Kind, seed: int, chance: Random) -> None:
        self._kind, self._seed, self._chance = kind, seed, chance
        self.marks: dict[Symbol, Decimal] = CLOSES | ({COIN: COIN_CLOSE} if kind.coins else {})

    def day(self, session: Session) -> Iterator[Moment]:
        """Every minute, from the second before the session; before and after it prices stand still."""
        for minute in range(1, EARLY_MINUTES):
            yield self._quiet(Instant(session.open - (EARLY_MINUTES - minute) * MINUTE), self.marks)
        for moment in generate_day(self.marks, session, self._seed).moments:
            thinned = tuple(map(self._thinned, moment.bars))
            self.marks.update((bar.symbol, bar.close) for bar in thinned)
            yield structs.replace(moment, bars=thinned)
        for minute in range(1, LATE_MINUTES + 1):
            yield self._quiet(Instant(session.close + minute * MINUTE), self.marks)

    def night(self, before: Session) -> Iterator[Moment]:
        """A few minutes in the night after a session."""
        for minute in range(NIGHT_MINUTES):
            coins = {COIN: self._moved(self.marks[COIN])} if self._kind.coins else {}
            self.marks.update(coins)
            yield self._quiet(Instant(before.close + _NIGHT_BEGINS + minute * MINUTE), coins)

    def change(self, action: CorporateActionSeen) -> Decimal:
        """What a share is worth after it, exactly; it will trade at the nearest tick."""
        mark = self.marks[Symbol(action.symbol)]
        if action.kind is CorporateActionKind.SPLIT:
            mark = (mark * action.old_rate / action.new_rate).quantize(_OBSERVED)
            self.marks[Symbol(action.symbol)] = max(mark.quantize(TICK), TICK)
        return mark

    def _thinned(self, bar: Bar) -> Bar:
        """As much of a bar's volume as the day has: whole shares, or parts of a coin."""
        if bar.symbol == COIN:
            return structs.replace(bar, volume=bar.volume / self._kind.thinner)
        return structs.replace(bar, volume=bar.volume // self._kind.thinner)

    def _moved(self, mark: Decimal) -> Decimal:
        return (mark * self._chance.randint(985, 1_015) / 1_000).quantize(TICK)

    def _quiet(self, end: Instant, marks: dict[Symbol, Decimal]) -> Moment:
        """A minute in which some of everything trades, all at the last price."""
        bars = tuple(
            Bar(
                symbol=symbol,
                start=Instant(end - MINUTE),
                interval=MINUTE,
                open=mark,
                high=mark,
                low=mark,
                close=mark,
                volume=Decimal(QUIET_VOLUME // self._kind.thinner),
            )
            for symbol, mark in marks.items()
        )
        return Moment(time=end, statuses=(), bars=bars)
