"""The market-data role, assembled by its configuration: a generated day, its pacer, and who may hear it."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog
from msgspec import Struct

from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.clocks import MonotonicClock, WatermarkClock
from agenttrader.adapters.pacer import Pacer
from agenttrader.app.config import Configuration
from agenttrader.app.marketdata.broadcast import Broadcast
from agenttrader.app.marketdata.health import Health, judge_health
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import Digest
from agenttrader.model.market import MarketEvent, Watermark
from agenttrader.model.times import Instant
from agenttrader.simulation.days import Day
from agenttrader.simulation.market import generate_day

FORCE_STALE_VARIABLE = "MARKETDATA_FORCE_STALE"
"""The drill: 1 makes `/healthz` say that fresh data are stale."""

logger = structlog.get_logger()


class MarketDataParts(Struct, frozen=True, kw_only=True):
    """Market data, assembled: what its face serves, what it does until it is stopped, what it waits for."""

    broadcast: Broadcast
    feed: str
    notice: str
    keys: dict[str, Digest]
    settle: Callable[[str, Instant], None]
    pace: Callable[[], Struct]
    health: Callable[[], Health]
    work: Callable[[], Coroutine[Any, Any, None]]
    ready: Callable[[], str | None]


def wire_marketdata(configuration: Configuration, environment: Mapping[str, str]) -> MarketDataParts:
    """What [marketdata] describes. Raises ConfigurationError where there is no such day."""
    section = configuration.marketdata
    forced_stale = _is_forced_stale(environment)
    speed = None if section.speed == "max" else section.speed
    day = _day(configuration)
    pacer = Pacer(day, section.barrier, speed, MonotonicClock())
    broadcast, clock = Broadcast(), WatermarkClock()

    def receive(event: MarketEvent) -> None:
        broadcast.publish(event)
        if isinstance(event, Watermark):
            clock.advance(event.time)

    def health() -> Health:
        return judge_health(
            clock.now(),
            broadcast.last_tick,
            max_age_seconds=section.max_age_seconds,
            forced_stale=forced_stale,
        )

    return MarketDataParts(
        broadcast=broadcast,
        feed=day.feed,
        notice=day.notice,
        keys={key.key_id: Digest(key.secret_sha256) for key in section.keys},
        settle=pacer.settle,
        pace=pacer.pace,
        health=health,
        work=lambda: pacer.follow(receive, _log_link),
        # Ready when the day can be heard: who takes part in it may wait for this role to be ready.
        ready=lambda: "the session's open" if broadcast.watermark is None else None,
    )


def _day(configuration: Configuration) -> Day:
    section = configuration.marketdata
    try:
        session = read_session(configuration.environment.calendar, section.date)
        day = generate_day(section.symbols, session, section.seed)
    except BadValue as error:
        raise ConfigurationError(f"[marketdata] {error}") from error
    logger.info(
        "day_generated",
        notice=day.notice,
        feed=day.feed,
        session=session.date,
        seed=section.seed,
        symbols=day.symbols,
        digest=day.digest,
    )
    return day


def _log_link(up: bool, reason: str) -> None:  # noqa: FBT001 - the port's shape
    logger.info("feed_link", up=up, reason=reason)


def _is_forced_stale(environment: Mapping[str, str]) -> bool:
    found = environment.get(FORCE_STALE_VARIABLE, "0").strip().lower()
    if found not in {"", "0", "false", "1", "true"}:
        raise ConfigurationError(f"{FORCE_STALE_VARIABLE}: expected 1 or 0, found {found!r}; unset it")
    return found in {"1", "true"}
