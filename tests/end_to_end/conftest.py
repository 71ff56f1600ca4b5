"""What the end-to-end tests of market data share: its face over a real socket."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import pytest

from agenttrader.api.market_stream import Terms
from agenttrader.api.marketdata import create_marketdata_app
from agenttrader.app.marketdata.health import judge_health
from agenttrader.model.identifiers import Digest
from agenttrader.simulation.market import FEED, NOTICE
from agenttrader.testing.market_day import MarketDay
from agenttrader.testing.serving import serving


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
