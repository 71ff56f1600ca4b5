"""Alpaca's own client hears a generated day over a real socket, as it would hear Alpaca."""

import asyncio
import hashlib
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from alpaca.data.models import Bar as AlpacaBar
from alpaca.data.models import TradingStatus as AlpacaStatus

from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.clocks import MonotonicClock
from agenttrader.adapters.pacer import Pacer
from agenttrader.api.market_stream import Terms
from agenttrader.api.marketdata import create_marketdata_app
from agenttrader.app.marketdata.aggregation import Actions
from agenttrader.app.marketdata.broadcast import Broadcast
from agenttrader.app.marketdata.health import judge_health
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, to_datetime
from agenttrader.simulation.days import Day
from agenttrader.simulation.market import FEED, NOTICE, generate_day
from agenttrader.testing.serving import serving

with warnings.catch_warnings():
    # alpaca-py uses the part of websockets that websockets calls legacy.
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.data.live import StockDataStream

OPEN = from_rfc3339("2026-11-27T14:30:00Z")
SESSION = Session(date="2026-11-27", open=OPEN, close=Instant(OPEN + 90 * MINUTE))
DAY = generate_day({Symbol("ALFA"): Decimal(50), Symbol("BRVO"): Decimal(70)}, SESSION, 7)


def told(day: Day) -> tuple[list[Bar], list[StatusChange]]:
    bars = [bar for moment in day.moments for bar in moment.bars]
    return bars, [change for moment in day.moments for change in moment.statuses]


@asynccontextmanager
async def playing(pacer: Pacer, broadcast: Broadcast | None = None) -> AsyncIterator[str]:
    """The day over a real socket; the value is `host:port`."""
    broadcast = broadcast or Broadcast()
    keys = {"k1": Digest(hashlib.sha256(b"s1").hexdigest())}
    terms = Terms(
        feed=FEED,
        notice=NOTICE,
        channels=frozenset({"bars", "statuses"}),
        actions=Actions(splits=None, without_dividends=False),
        keys=keys,
        settle=pacer.settle,
    )
    health = partial(judge_health, None, None, max_age_seconds=60, forced_stale=False)
    app = create_marketdata_app(broadcast, terms, health=health, pace=pacer.pace)
    async with serving(app) as address:
        task = asyncio.create_task(pacer.follow(broadcast.publish, lambda _up, _reason: None))
        try:
            yield address
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.002)


@asynccontextmanager
async def alpaca_stream(address: str) -> AsyncIterator[tuple[list[Any], list[Any]]]:
    """alpaca-py's stream with all bars and statuses that it hears."""
    bars: list[Any] = []
    statuses: list[Any] = []

    async def hear_bar(bar: Any) -> None:
        bars.append(bar)

    async def hear_status(status: Any) -> None:
        statuses.append(status)

    stream = StockDataStream("k1", "s1", url_override=f"ws://{address}/v2/{FEED}")
    stream.subscribe_bars(hear_bar, "*")
    stream.subscribe_trading_statuses(hear_status, "*")
    task = asyncio.create_task(stream._run_forever())
    try:
        yield bars, statuses
    finally:
        await stream.stop_ws()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.close()


def reached(pacer: Pacer) -> Instant:
    watermark = pacer.pace().watermark
    return Instant(0) if watermark is None else from_rfc3339(watermark)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets", "ignore::DeprecationWarning:alpaca")
async def test_alpacas_client_hears_the_whole_day() -> None:
    pacer, broadcast = Pacer(DAY, ["strategy"], None, MonotonicClock()), Broadcast()
    async with playing(pacer, broadcast) as address, alpaca_stream(address) as (heard_bars, heard_statuses):
        await until(lambda: broadcast.subscribers == 1)
        for moment in DAY.moments:
            while reached(pacer) < moment.time:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
            pacer.settle("strategy", moment.time)
        bars, statuses = told(DAY)
        # The statuses of the open were told before anybody listened.
        statuses = statuses[2:]
        await until(lambda: len(heard_bars) == len(bars) and len(heard_statuses) == len(statuses))
    assert heard_bars == [
        AlpacaBar(
            bar.symbol,
            {
                "t": to_datetime(bar.start),
                "o": float(bar.open),
                "h": float(bar.high),
                "l": float(bar.low),
                "c": float(bar.close),
                "v": float(bar.volume),
                "n": None,
                "vw": None,
            },
        )
        for bar in bars
    ]
    assert all(isinstance(status, AlpacaStatus) for status in heard_statuses)
    assert [(status.symbol, status.status_code, status.timestamp) for status in heard_statuses] == [
        (change.symbol, "H" if change.status is TradingStatus.HALTED else "T", to_datetime(change.time))
        for change in statuses
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets", "ignore::DeprecationWarning:alpaca")
@pytest.mark.parametrize(
    ("key", "feed", "words"),
    (("k2", FEED, "auth failed"), ("k1", "iex", "insufficient subscription: expected /v2/generated")),
)
async def test_alpacas_client_is_told_why_it_may_not_listen(key: str, feed: str, words: str) -> None:
    async with playing(Pacer(DAY, [], None, MonotonicClock())) as address:
        stream = StockDataStream(key, "s1", url_override=f"ws://{address}/v2/{feed}")
        with pytest.raises(ValueError, match=words):
            await stream._start_ws()
        await stream.close()


class Participant:
    """Our own feed, settling each watermark when it is heard."""

    def __init__(self, name: str, address: Callable[[], str]) -> None:
        async def find() -> str:
            return f"http://{address()}"

        self.events: list[MarketEvent] = []
        self._settling: set[asyncio.Task[None]] = set()
        self.feed = AlpacaFeed(
            address=find,
            feed=FEED,
            credential=Credential(key_id="k1", secret=Secret("s1")),
            symbols=None,
            extended=True,
            participant=name,
        )

    def receive(self, event: MarketEvent) -> None:
        self.events.append(event)
        if isinstance(event, Watermark):
            task = asyncio.create_task(self.feed.settled(event.time))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    @asynccontextmanager
    async def taking_part(self) -> AsyncIterator["Participant"]:
        task = asyncio.create_task(self.feed.follow(self.receive, lambda _up, _reason: None))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_two_participants_and_a_source_that_starts_anew_hear_one_whole_day() -> None:
    addresses = [""]
    strategy, demo = Participant("strategy", lambda: addresses[0]), Participant("demo", lambda: addresses[0])
    first = Pacer(DAY, ["strategy", "demo"], 200, MonotonicClock())
    second = Pacer(DAY, ["strategy", "demo"], None, MonotonicClock())
    async with playing(first) as addresses[0], strategy.taking_part(), demo.taking_part():
        await until(lambda: reached(first) >= Instant(OPEN + 20 * MINUTE))
    assert not first.pace().finished
    async with playing(second) as addresses[0], strategy.taking_part(), demo.taking_part():
        await until(lambda: second.pace().finished)
    bars, statuses = told(DAY)
    for participant in (strategy, demo):
        # Around a break an event may come twice; none is left out, and the order holds.
        assert list(dict.fromkeys(participant.events)) == [
            event
            for moment in DAY.moments
            for event in (*moment.statuses, *moment.bars, Watermark(time=moment.time))
        ]
        assert len(participant.events) <= len(bars) + len(statuses) + len(DAY.moments) + 5
