"""One symbol's price from minute to minute: a seeded walk in integers, with trends and clustered volatility.

Returns are counted in billionths. The level is kept a million times finer than a tick, so that small returns
add up; what is shown is whole ticks, at least one.
"""

from math import isqrt

from msgspec import Struct

from agenttrader.simulation.chance import NORMAL_UNIT, Chance

RETURN_UNIT = 1_000_000_000
PERMILLE = 1_000
_LEVEL_UNIT = 1_000_000
"""Parts of a tick that the level is counted in."""

_DEVIATION = 450_000
"""The usual standard deviation of a minute's return: 4.5 basis points, about 0.9 % over a session."""
_BASE = _DEVIATION**2
_SHOCK_WEIGHT, _MEMORY_WEIGHT = 120, 840
"""GARCH(1, 1): what the last return and the last variance weigh in the next one, in thousandths."""
_VARIANCE_MAX = 25 * _BASE
_STEPS = 5
"""Prices that a minute is made of; high and low are found among them."""
_STEP_DEVIATION = 447
"""1/√5 in thousandths: what a step's standard deviation is of the minute's."""

_TREND_MINUTES = (15, 60)
_TREND_STRENGTH = (100, 320)
"""A trend's drift in thousandths of the usual deviation a minute."""
_SURGE_ODDS = 11
"""In a trend, one minute in so many brings a surge of volume in its direction."""
_SURGE_VOLUME = (2_000, 4_000)


class Candle(Struct, frozen=True, kw_only=True):
    """A minute in ticks and shares."""

    open: int
    high: int
    low: int
    close: int
    volume: int


class Walk:
    """A price that starts at `ticks` and walks by `chance`; `volume` is its usual shares a minute."""

    def __init__(self, chance: Chance, ticks: int, volume: int) -> None:
        self._chance = chance
        self._level = ticks * _LEVEL_UNIT
        self._volume = volume
        self._variance = _BASE
        self._trend_minutes = 0
        self._drift = 0

    def gap(self, move: int) -> None:
        """Move by `move` billionths at once, as between a close and an open."""
        self._level = max(_LEVEL_UNIT, self._level + self._level * move // RETURN_UNIT)

    def minute(self, activity: int, shove: int = 0) -> Candle:
        """The next minute. `activity` in thousandths is how busy this time of day is.

        `shove`, in billionths, is what the price is made to move besides; volume comes with it.
        """
        drift, surge = self._next_trend()
        deviation = isqrt(self._variance) * isqrt(activity * PERMILLE) // PERMILLE
        before = self._level
        self.gap(deviation * self._chance.normal() // (8 * NORMAL_UNIT))
        prices = [self._ticks()]
        for _ in range(_STEPS):
            noise = deviation * _STEP_DEVIATION // PERMILLE * self._chance.normal() // NORMAL_UNIT
            self.gap((drift + shove) // _STEPS + noise)
            prices.append(self._ticks())
        move = (self._level - before) * RETURN_UNIT // before
        self._remember(move - drift - shove // 2, activity)
        return Candle(
            open=prices[0],
            high=max(prices),
            low=min(prices),
            close=prices[-1],
            volume=self._shares(activity, surge, move),
        )

    def _next_trend(self) -> tuple[int, int]:
        """This minute's drift in billionths and its surge of volume in thousandths; trends turn here."""
        if self._trend_minutes == 0:
            self._trend_minutes = self._chance.between(*_TREND_MINUTES)
            direction = (-1, -1, -1, 0, 0, 1, 1, 1)[self._chance.between(0, 7)]
            self._drift = direction * _DEVIATION * self._chance.between(*_TREND_STRENGTH) // PERMILLE
        self._trend_minutes -= 1
        surges = self._chance.between(1, _SURGE_ODDS) == 1
        surge = self._chance.between(*_SURGE_VOLUME) if surges and self._drift else PERMILLE
        return (3 * self._drift if surge > PERMILLE else self._drift), surge

    def _remember(self, surprise: int, activity: int) -> None:
        """What the time of day explains of a move is no surprise, else busy hours feed on themselves."""
        rest = (PERMILLE - _SHOCK_WEIGHT - _MEMORY_WEIGHT) * _BASE
        shock = surprise**2 * PERMILLE // activity
        variance = (rest + _SHOCK_WEIGHT * shock + _MEMORY_WEIGHT * self._variance) // PERMILLE
        self._variance = min(variance, _VARIANCE_MAX)

    def _shares(self, activity: int, surge: int, move: int) -> int:
        """Volume follows the time of day, the surge, the size of the move, and chance."""
        moved = 600 + min(500 * abs(move) // _DEVIATION, 8_000)
        noise = self._chance.between(600, 1_400) * self._chance.between(600, 1_400) // PERMILLE
        shares = self._volume * activity * surge * moved * noise // PERMILLE**4
        return max(1, shares)

    def _ticks(self) -> int:
        return max(1, (self._level + _LEVEL_UNIT // 2) // _LEVEL_UNIT)
