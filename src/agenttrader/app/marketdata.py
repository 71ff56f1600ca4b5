"""Where the market-data role's data come from, by its configuration: a generated day and its pacer."""

from collections.abc import Mapping

import structlog
from msgspec import Struct

from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.clocks import MonotonicClock
from agenttrader.adapters.pacer import Pacer
from agenttrader.app.config import Configuration
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import Digest
from agenttrader.simulation.market import FEED, NOTICE, generate_day

FORCE_STALE_VARIABLE = "MARKETDATA_FORCE_STALE"
"""The drill: 1 makes `/healthz` say that fresh data are stale."""

logger = structlog.get_logger()


class Source(Struct, frozen=True, kw_only=True):
    """A feed with a pace, its name, what must be said of it, and which keys may hear it."""

    pacer: Pacer
    feed: str
    notice: str
    keys: dict[str, Digest]
    forced_stale: bool


def wire_marketdata(configuration: Configuration, environment: Mapping[str, str]) -> Source:
    """The source that [marketdata] describes. Raises ConfigurationError where there is no such day."""
    section = configuration.marketdata
    try:
        session = read_session(configuration.environment.calendar, section.date)
        day = generate_day(section.symbols, session, section.seed)
    except BadValue as error:
        raise ConfigurationError(f"[marketdata] {error}") from error
    logger.info(
        "day_generated",
        notice=NOTICE,
        feed=FEED,
        session=session.date,
        seed=day.seed,
        symbols=sorted(day.previous_closes),
        digest=day.digest,
    )
    speed = None if section.speed == "max" else section.speed
    return Source(
        pacer=Pacer(day, section.barrier, speed, MonotonicClock()),
        feed=FEED,
        notice=NOTICE,
        keys={key.key_id: Digest(key.secret_sha256) for key in section.keys},
        forced_stale=_is_forced_stale(environment),
    )


def _is_forced_stale(environment: Mapping[str, str]) -> bool:
    found = environment.get(FORCE_STALE_VARIABLE, "0").strip().lower()
    if found not in {"", "0", "false", "1", "true"}:
        raise ConfigurationError(f"{FORCE_STALE_VARIABLE}: expected 1 or 0, found {found!r}; unset it")
    return found in {"1", "true"}
