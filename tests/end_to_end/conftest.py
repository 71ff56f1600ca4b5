"""What end-to-end tests share: market data and a small venue, served, and alpaca-py's clients of them."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.models import TradeUpdate
from alpaca.trading.stream import TradingStream

from agenttrader.api.market_stream import Terms
from agenttrader.api.marketdata import create_marketdata_app
from agenttrader.api.probes import Application
from agenttrader.api.venue import create_venue_app
from agenttrader.app.marketdata.health import judge_health
from agenttrader.app.marketdata.offers import live_offer
from agenttrader.model.identifiers import Digest
from agenttrader.simulation.market import FEED, NOTICE
from agenttrader.testing.live_source import LiveSource
from agenttrader.testing.market_day import MarketDay
from agenttrader.testing.serving import serving
from agenttrader.testing.small_venue import KEYS, SECRET, SmallVenue, small_settings

Listening = Callable[..., AbstractAsyncContextManager[list[TradeUpdate]]]
Opened = Callable[..., AbstractAsyncContextManager[SmallVenue]]


@pytest.fixture
def opened() -> Opened:
    """A venue with other settings, served, its market open at 100."""

    @contextlib.asynccontextmanager
    async def open_(**changes: Any) -> AsyncIterator[SmallVenue]:
        venue = SmallVenue(small_settings(**changes))
        async with venue.served(create_venue_app(venue.desk, KEYS)):
            venue.bar(100)
            yield venue

    return open_


@pytest.fixture
async def venue(opened: Opened) -> AsyncIterator[SmallVenue]:
    async with opened() as venue:
        yield venue


@pytest.fixture
def client(venue: SmallVenue) -> TradingClient:
    """The first account's."""
    return TradingClient("KEY-1", SECRET, url_override=venue.url)


@pytest.fixture
def listening() -> Listening:
    """What alpaca-py's TradingStream is told while the block lasts."""

    @contextlib.asynccontextmanager
    async def listen(venue: SmallVenue, key: str = "KEY-1") -> AsyncIterator[list[TradeUpdate]]:
        updates: list[TradeUpdate] = []

        async def take(update: TradeUpdate) -> None:
            updates.append(update)

        stream = TradingStream(key, SECRET, url_override=venue.stream_url)
        stream.subscribe_trade_updates(take)
        running = asyncio.create_task(stream._run_forever())  # type: ignore[no-untyped-call]
        async with asyncio.timeout(5):
            while not any(each.streams for each in venue.desk.updates._listeners):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        yield updates
        await stream.stop_ws()
        await stream.close()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    return listen


@asynccontextmanager
async def serving_market_data(day: MarketDay) -> AsyncIterator[str]:
    """The day as its role serves it, to the key k1 with the secret s1; the value is `host:port`."""
    terms = Terms(
        feed=FEED,
        notice=NOTICE,
        channels=day.offer.channels,
        actions=day.offer.actions,
        keys={"k1": Digest(hashlib.sha256(b"s1").hexdigest())},
        settle=None,
    )
    health = partial(judge_health, None, None, max_age_seconds=60, forced_stale=False)
    app = create_marketdata_app(day.broadcast, terms, health=health, pace=None)
    async with serving(app) as address:
        yield address


@pytest.fixture
def serve_market_data() -> Callable[[MarketDay], AbstractAsyncContextManager[str]]:
    return serving_market_data


@pytest.fixture
def alpacas_stream() -> Callable[[LiveSource, str], Application]:
    """Our own server of Alpaca's data protocol, telling what a source says; the secret is SECRET."""

    def make(source: LiveSource, key_id: str) -> Application:
        offer = live_offer()
        terms = Terms(
            feed="iex",
            notice="made by a test",
            channels=offer.channels,
            actions=offer.actions,
            keys={key_id: Digest(hashlib.sha256(b"SECRET").hexdigest())},
            settle=None,
        )
        health = judge_health(None, None, max_age_seconds=1, forced_stale=False)
        return create_marketdata_app(source.broadcast, terms, health=lambda: health, pace=None)

    return make
