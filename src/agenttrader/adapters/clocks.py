"""The clocks: two that trading goes by, and the one that time-outs go by. Nothing else tells the time."""

import time

from agenttrader.model.times import Duration, Instant


class WallClock:
    """The wall clock, UTC. A `MarketClock` for real use."""

    def now(self) -> Instant:
        """The present instant, to the nanosecond that the system gives."""
        return Instant(time.time_ns())

    def advance(self, instant: Instant) -> None:
        """Nothing: the wall clock goes by itself, whatever the data's time is."""


class WatermarkClock:
    """The data's own time. A `MarketClock` where the broker is the loopback venue with simulated accounts."""

    def __init__(self) -> None:
        self._now: Instant | None = None

    def now(self) -> Instant | None:
        """The latest watermark; None before the first."""
        return self._now

    def advance(self, instant: Instant) -> None:
        """The data has reached `instant`; an earlier one than before changes nothing."""
        if self._now is None or instant > self._now:
            self._now = instant


class MonotonicClock:
    """Time since an arbitrary start, never back. A `BootClock`."""

    def elapsed(self) -> Duration:
        """Nanoseconds."""
        return Duration(time.monotonic_ns())
