"""How many requests a key may make: so many in each minute of the wall clock, as Alpaca counts them.

Alpaca documents 200 a minute and 429 beyond, and tells in each answer's headers how many are left and when
the count begins anew (alpaca.markets/support, "Usage limit of API calls"; its forum names the headers). That
the minute is one of the clock and not a sliding one is our own rule.
"""

from collections.abc import Callable

from msgspec import Struct

from agenttrader.model.errors import AgentTraderError
from agenttrader.model.times import MINUTE, SECOND, Instant


class Allowance(Struct, frozen=True):
    """What a key may still do in this minute, and when the next one begins, in seconds since 1970."""

    limit: int
    remaining: int
    reset_epoch_seconds: int

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """As every answer carries it."""
        return (
            ("x-ratelimit-limit", str(self.limit)),
            ("x-ratelimit-remaining", str(self.remaining)),
            ("x-ratelimit-reset", str(self.reset_epoch_seconds)),
        )


class RateExceeded(AgentTraderError):
    """The key has made all the requests of this minute; nothing of this one was done."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__("rate limit exceeded")
        self.allowance = allowance


class RateLimit:
    """The count of each key's requests. `per_minute` None is no limit; `now` is the wall clock."""

    def __init__(self, per_minute: int | None, now: Callable[[], Instant]) -> None:
        self._per_minute = per_minute
        self._now = now
        self._minute = 0
        self._used: dict[str, int] = {}

    def take(self, key_id: str) -> Allowance | None:
        """Count a request of a key that is known. Raises RateExceeded where it was one too many."""
        if self._per_minute is None:
            return None
        minute = self._now() // MINUTE
        if minute != self._minute:
            self._minute = minute
            self._used.clear()
        used = self._used.get(key_id, 0) + 1
        allowance = Allowance(
            self._per_minute, max(self._per_minute - used, 0), (minute + 1) * (MINUTE // SECOND)
        )
        if used > self._per_minute:
            raise RateExceeded(allowance)
        self._used[key_id] = used
        return allowance


NO_LIMIT = RateLimit(None, lambda: Instant(0))
"""Every key may ask as often as it likes."""
