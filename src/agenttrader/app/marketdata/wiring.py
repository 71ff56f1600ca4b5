"""The market-data role, assembled by its configuration: a day that is played, or a live source."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, assert_never

import msgspec
import structlog
from msgspec import Struct, structs

from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.clocks import MonotonicClock, WallClock, WatermarkClock
from agenttrader.adapters.pacer import Pacer
from agenttrader.adapters.recorded_days import read_recorded_day
from agenttrader.app.config import Configuration
from agenttrader.app.marketdata.aggregation import Actions
from agenttrader.app.marketdata.broadcast import Broadcast
from agenttrader.app.marketdata.health import Health, judge_health
from agenttrader.app.marketdata.live import LiveMarket
from agenttrader.app.marketdata.offers import Offer, generated_offer, live_offer, recorded_offer
from agenttrader.app.new_york import day_of
from agenttrader.app.prices import Generated, Live, Recorded
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import Digest
from agenttrader.model.market import Told, Watermark
from agenttrader.model.times import Instant
from agenttrader.ports.feed import Feed
from agenttrader.simulation.days import Day
from agenttrader.simulation.market import generate_day

FORCE_STALE_VARIABLE = "MARKETDATA_FORCE_STALE"
"""The drill: 1 makes `/healthz` say that fresh data are stale."""

ALPACA_DATA = "wss://stream.data.alpaca.markets"
"""Where Alpaca tells stock data (docs.alpaca.markets, "Real-time Stock Data"); no file says otherwise."""
TICK_SECONDS = 0.5
"""How often time is told where prices are live."""
LIVE_NOTICE = "live market data of one exchange (IEX), as Alpaca tells them: not the whole market"

logger = structlog.get_logger()


class MarketDataParts(Struct, frozen=True, kw_only=True):
    """Market data, assembled: what its face serves, what it does until it is stopped, what it waits for."""

    broadcast: Broadcast
    feed: str
    notice: str
    channels: frozenset[str]
    actions: Actions
    keys: dict[str, Digest]
    settle: Callable[[str, Instant], None] | None
    """None where nobody is waited for."""
    pace: Callable[[], Struct] | None
    """The same."""
    health: Callable[[], Health]
    work: Callable[[], Coroutine[Any, Any, None]]
    ready: Callable[[], str | None]


def wire_marketdata(configuration: Configuration, environment: Mapping[str, str]) -> MarketDataParts:
    """What [marketdata] describes. Raises ConfigurationError where there is no such day."""
    if isinstance(prices := configuration.marketdata.prices, Live):
        return _wire_live(configuration, prices, _is_forced_stale(environment))
    section = configuration.marketdata
    forced_stale = _is_forced_stale(environment)
    speed = None if section.speed == "max" else section.speed
    day, offer = _day(configuration)
    pacer = Pacer(day, section.barrier, speed, MonotonicClock())
    broadcast, clock = Broadcast(), WatermarkClock()
    teller = offer.teller(broadcast.publish)

    def receive(event: Told) -> None:
        teller.receive(event)
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
        channels=offer.channels,
        actions=offer.actions,
        keys={key.key_id: Digest(key.secret_sha256) for key in section.keys},
        settle=pacer.settle,
        pace=pacer.pace,
        health=health,
        work=lambda: pacer.follow(receive, _log_link),
        # Ready when the day can be heard: who takes part in it may wait for this role to be ready.
        ready=lambda: "the session's open" if broadcast.watermark is None else None,
    )


def _wire_live(configuration: Configuration, prices: Live, forced_stale: bool) -> MarketDataParts:  # noqa: FBT001
    section, clock = configuration.marketdata, WallClock()
    _require_today(section.date, clock.now())
    broadcast, offer = Broadcast(), live_offer()
    market = LiveMarket(offer.teller(broadcast.publish).receive)
    assert configuration.credentials.marketdata is not None, "live prices have a key"
    feed = AlpacaFeed(
        address=_alpacas_stream,
        feed=section.source,
        credential=configuration.credential(configuration.credentials.marketdata.alpaca),
        symbols=prices.symbols,
        extended=False,
    )

    def link(up: bool, reason: str) -> None:  # noqa: FBT001 - the port's shape
        market.link(up=up, now=clock.now())
        _log_link(up, reason)

    def health() -> Health:
        found = judge_health(
            clock.now(),
            broadcast.last_tick,
            max_age_seconds=section.max_age_seconds,
            forced_stale=forced_stale,
        )
        return structs.replace(found, ok=found.ok and market.is_connected)

    return MarketDataParts(
        broadcast=broadcast,
        feed=section.source,
        notice=LIVE_NOTICE,
        channels=offer.channels,
        actions=offer.actions,
        keys={key.key_id: Digest(key.secret_sha256) for key in section.keys},
        settle=None,
        pace=None,
        health=health,
        work=lambda: _follow(feed, market, link, clock),
        ready=lambda: None if market.is_connected else "Alpaca's stream",
    )


async def _follow(
    feed: Feed, market: LiveMarket, link: Callable[[bool, str], None], clock: WallClock
) -> None:
    """Hear the source, and let time go on whether it is heard or not."""

    async def tick() -> None:
        while True:
            market.tick(clock.now())
            await asyncio.sleep(TICK_SECONDS)

    async with asyncio.TaskGroup() as group:
        group.create_task(tick())
        group.create_task(feed.follow(lambda event: market.receive(event, clock.now()), link))


async def _alpacas_stream() -> str:
    return ALPACA_DATA


def _require_today(date: str, now: Instant) -> None:
    today = day_of(now).isoformat()
    if date != today:
        raise ConfigurationError(
            f"[marketdata] date: expected {today}, today in New York, where prices are live, found {date}; "
            "write it there, and start all roles anew"
        )


def _day(configuration: Configuration) -> tuple[Day, Offer]:
    try:
        match configuration.marketdata.prices:
            case Generated() as prices:
                return _generated(configuration, prices)
            case Recorded() as prices:
                return _recorded(configuration, prices)
            case Live():
                raise AssertionError("a live source plays no day")
            case never:
                assert_never(never)
    except BadValue as error:
        raise ConfigurationError(f"[marketdata] {error}") from error


def _generated(configuration: Configuration, prices: Generated) -> tuple[Day, Offer]:
    session = read_session(configuration.environment.calendar, configuration.marketdata.date)
    day = generate_day(prices.symbols, session, prices.seed)
    _log_day("day_generated", day, seed=prices.seed)
    return day, generated_offer(session, prices.symbols, prices.seed)


def _recorded(configuration: Configuration, prices: Recorded) -> tuple[Day, Offer]:
    recorded = read_recorded_day(
        configuration.path(prices.folder),
        prices.symbol,
        configuration.marketdata.date,
        configuration.environment.calendar,
        prices.files_sha256,
    )
    _log_day("day_recorded", recorded.day, data=msgspec.to_builtins(recorded.found))
    quotes = any(moment.quotes for moment in recorded.day.moments)
    closes = {prices.symbol: recorded.found.previous_close.price}
    return recorded.day, recorded_offer(recorded.day.session, closes, quotes=quotes)


def _log_day(event: str, day: Day, **facts: Any) -> None:
    logger.info(
        event,
        notice=day.notice,
        feed=day.feed,
        session=day.session.date,
        symbols=day.symbols,
        digest=day.digest,
        **facts,
    )


def _log_link(up: bool, reason: str) -> None:  # noqa: FBT001 - the port's shape
    logger.info("feed_link", up=up, reason=reason)


def _is_forced_stale(environment: Mapping[str, str]) -> bool:
    found = environment.get(FORCE_STALE_VARIABLE, "0").strip().lower()
    if found not in {"", "0", "false", "1", "true"}:
        raise ConfigurationError(f"{FORCE_STALE_VARIABLE}: expected 1 or 0, found {found!r}; unset it")
    return found in {"1", "true"}
