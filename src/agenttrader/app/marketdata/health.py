"""How old the market data are, by the clock that the market goes by."""

from msgspec import Struct

from agenttrader.model.times import SECOND, Instant

SERVICE = "marketdata"
FUTURE_SECONDS_MAX = 5
"""A last bar that lies further ahead of the clock is bad data, not fresh data."""


class Health(Struct, frozen=True, kw_only=True):
    """The answer of `/healthz`, field by field as its consumers expect; null is what is not known."""

    service: str
    last_tick_epoch_seconds: int | None
    age_seconds: int | None
    max_age_seconds: int
    ok: bool
    forced_stale: bool


def judge_health(
    now: Instant | None, last_tick: Instant | None, *, max_age_seconds: int, forced_stale: bool
) -> Health:
    """Whether data whose last bar ended at `last_tick` are fresh. Without a bar or a time they are not."""
    age = None if now is None or last_tick is None else (now - last_tick) // SECOND
    return Health(
        service=SERVICE,
        last_tick_epoch_seconds=None if last_tick is None else last_tick // SECOND,
        age_seconds=age,
        max_age_seconds=max_age_seconds,
        ok=age is not None and -FUTURE_SECONDS_MAX <= age <= max_age_seconds and not forced_stale,
        forced_stale=forced_stale,
    )
