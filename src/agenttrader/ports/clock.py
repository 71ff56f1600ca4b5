"""Two clocks.

The market's rules sessions, windows, freshness, rates and record times; the boot clock rules time-outs.
"""

from typing import Protocol

from agenttrader.model.times import Duration, Instant


class MarketClock(Protocol):
    """The time that trading goes by: the wall clock, or at the loopback venue the data's watermark."""

    def now(self) -> Instant | None:
        """The present instant; None before the first data has been seen."""
        ...


class BootClock(Protocol):
    """Time since an arbitrary start; it never goes back."""

    def elapsed(self) -> Duration:
        """Nanoseconds on the monotonic clock."""
        ...
