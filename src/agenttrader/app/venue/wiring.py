"""The venue of a configuration, put together: its log, its desk, and the market data that it trades on."""

from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from agenttrader.adapters.alpaca.feed import BEGINNING, AlpacaFeed
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.calendars import read_calendar
from agenttrader.adapters.clocks import WallClock
from agenttrader.adapters.venue_log import VenueLog
from agenttrader.app.config import Configuration
from agenttrader.app.new_york import at
from agenttrader.app.venue.book_faults import BookFaults
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.faults import Faults
from agenttrader.app.venue.keys import VenueKey
from agenttrader.app.venue.rate_limit import RateLimit
from agenttrader.app.venue.settings import venue_keys, venue_rate_limit, venue_settings
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import Symbol
from agenttrader.model.sessions import Calendar
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen, Settings

CALENDAR_DAYS = 30
"""How far beyond the day at hand the calendar is read: day orders and the clock need the next sessions."""
FIND_SECONDS = 2.0
"""How long market data that do not announce themselves are waited for before the link is said to be down."""

Work = Callable[[], Coroutine[Any, Any, None]]

logger = structlog.get_logger()


class FaultParts(Struct, frozen=True):
    """What goes wrong on purpose: around the venue, and in its books."""

    faults: Faults
    books: BookFaults


class VenueParts(Struct, frozen=True):
    """A venue, assembled: what its face serves, and to whom; what it does; what it waits for."""

    desk: Desk
    keys: dict[str, VenueKey]
    limit: RateLimit
    work: tuple[Work, ...]
    ready: Callable[[], str | None]
    faults: FaultParts | None


def wire_venue(configuration: Configuration, announcements: Announcements) -> VenueParts:
    """The simulated exchange, as its log has it.

    Raises StoreError and its kin, and ConfigurationError where the log is of another venue
    or the broker is a real one.
    """
    if not configuration.broker.is_simulated:
        raise ConfigurationError(
            f"[broker] kind: expected venue, found {configuration.broker.kind.value}: the simulated exchange "
            "does not run beside a real broker"
        )
    log = VenueLog(configuration.path(configuration.venue.log))
    begun = _as_begun(configuration, log)
    settings = venue_settings(begun, _calendar(begun))
    desk = Desk(settings, log)
    _split(desk, configuration)

    async def marketdata() -> str:
        return (await announcements.find("marketdata", FIND_SECONDS)).url

    feed = AlpacaFeed(
        address=marketdata,
        feed=configuration.marketdata.source,
        credential=configuration.credential(configuration.credentials.venue.marketdata),
        symbols=tuple(Symbol(listing.symbol) for listing in settings.listings if not listing.is_option),
        extended=True,
        since=desk.exchange.watermark or BEGINNING,
    )
    standing = _Standing()
    plan = configuration.venue.faults
    faults = None
    work: tuple[Work, ...] = (
        lambda: feed.follow(desk.hear, standing.link),
        lambda: _until_failed(desk, log),
    )
    if plan is not None:
        planned = Faults(plan.seed, desk.exchange.watermark or BEGINNING, plan.planned)
        faults = FaultParts(planned, BookFaults(desk, planned))
        work = (*work, planned.until_ended, faults.books.follow)
    return VenueParts(
        desk=desk,
        keys=venue_keys(configuration),
        limit=venue_rate_limit(configuration, WallClock().now),
        work=work,
        ready=lambda: standing.waits_for,
        faults=faults,
    )


class _Standing:
    """Whether the market data are there."""

    def __init__(self) -> None:
        self.waits_for: str | None = "market data"

    def link(self, up: bool, reason: str) -> None:  # noqa: FBT001 - the port's shape
        self.waits_for = None if up else f"market data: {reason}"
        logger.info("feed_link", up=up, reason=reason)


async def _until_failed(desk: Desk, log: VenueLog) -> None:
    try:
        await desk.until_failed()
    finally:
        log.close()


def _as_begun(configuration: Configuration, log: VenueLog) -> Configuration:
    """The configuration as of the day that the log began with: a venue that is older than today goes on.

    A log that cannot be read so is left to `Desk`, which refuses another venue's.
    """
    today = configuration.marketdata.date
    first = next(log.read(), None)
    if first is None:
        return configuration
    try:
        sessions = msgspec.json.decode(first, type=Settings).sessions
    except (msgspec.MsgspecError, BadValue):
        return configuration
    dates = [session.date for session in sessions]
    if not dates[0] < today:
        return configuration
    if today not in dates:
        raise ConfigurationError(
            f"[marketdata] date: expected a session that the venue knew when its log began, from {dates[0]} "
            f"to {dates[-1]}, found {today}; name another `log` in [venue], or move the file away"
        )
    begun = msgspec.structs.replace(configuration.marketdata, date=dates[0])
    return msgspec.structs.replace(configuration, marketdata=begun)


def _split(desk: Desk, configuration: Configuration) -> None:
    """Make the splits of the days up to today, each at the midnight before its day, and none twice."""
    for split in configuration.venue.splits:
        time = at(date.fromisoformat(split.date), 0)
        if not (desk.exchange.settings.start < time and split.date <= configuration.marketdata.date):
            continue
        seen = CorporateActionSeen(
            symbol=split.symbol,
            time=time,
            kind=CorporateActionKind.SPLIT,
            new_rate=split.new_rate,
            old_rate=split.old_rate,
        )
        try:
            desk.apply(seen)
        except BadValue as error:
            raise ConfigurationError(f"[[venue.splits]] {error}") from error


def _calendar(configuration: Configuration) -> Calendar:
    section = configuration.marketdata
    last = date.fromisoformat(section.date) + timedelta(days=CALENDAR_DAYS)
    try:
        return read_calendar(configuration.environment.calendar, section.date, last.isoformat())
    except BadValue as error:
        raise ConfigurationError(f"[marketdata] {error}") from error
