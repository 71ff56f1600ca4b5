import asyncio
import hashlib
import itertools
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.announcements import Announcements
from agenttrader.app.config import demo_template
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.model.times import Instant, from_rfc3339

CLOSE = from_rfc3339("2026-11-27T18:00:00Z")
KEYS = {"APCA-API-KEY-ID": "demo-strategy", "APCA-API-SECRET-KEY": "s1"}


def configuration(folder: Path, **changes: str) -> Path:
    """The demo's, for a half day without a pace, with a secret that the test knows."""
    numbers = itertools.count(1)
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
    digest = hashlib.sha256(b"s1").hexdigest()
    text = re.sub(r'(key_id = "demo-strategy"\nsecret_sha256 = )"\w+"', rf'\1"{digest}"', text)
    settings = {"date": '"2026-11-27"', "speed": '"max"', "barrier": '["strategy", "demo"]'} | changes
    for name, value in settings.items():
        text, count = re.subn(rf"(?m)^{name} = [^#\n]*", f"{name} = {value} ", text)
        assert count == 1, name
    path = folder / "run.toml"
    path.write_text(text)
    return path


@contextmanager
def role(path: Path) -> Iterator[subprocess.Popen[str]]:
    program = (
        "import sys; from agenttrader.roles.marketdata import main; sys.exit(main(['--config', sys.argv[1]]))"
    )
    words = [sys.executable, "-c", program, str(path)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=20)


class Participant:
    """Settles every watermark at once, as the strategy host does when it has nothing to decide."""

    def __init__(self, announcements: Announcements, name: str) -> None:
        self.events: list[MarketEvent] = []
        self.reached: Instant | None = None
        self._news = asyncio.Event()
        self._announcements = announcements
        self.feed = AlpacaFeed(
            address=self._address,
            feed="generated",
            credential=Credential(key_id="demo-strategy", secret=Secret("s1")),
            symbols=None,
            extended=True,
            participant=name,
        )

    async def _address(self) -> str:
        return (await self._announcements.find("marketdata", 20)).url

    def _receive(self, event: MarketEvent) -> None:
        self.events.append(event)
        if isinstance(event, Watermark):
            self.reached = event.time
            self._news.set()

    async def _settle(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            assert self.reached is not None
            await self.feed.settled(self.reached)

    @asynccontextmanager
    async def taking_part(self) -> AsyncIterator["Participant"]:
        tasks = [
            asyncio.create_task(self.feed.follow(self._receive, lambda _up, _reason: None)),
            asyncio.create_task(self._settle()),
        ]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def until(self, time: Instant) -> None:
        async with asyncio.timeout(30):
            while self.reached is None or self.reached < time:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)


async def ask(announcements: Announcements, path: str) -> tuple[int, Any]:
    url = (await announcements.find("marketdata", 20)).url + path
    async with aiohttp.ClientSession() as session, session.get(url, headers=KEYS) as response:
        return response.status, msgspec.json.decode(await response.read())


async def test_a_day_is_played_to_two_participants_and_survives_a_kill(tmp_path: Path) -> None:
    path = configuration(tmp_path)
    announcements = Announcements(tmp_path / "announcements")
    strategy, demo = Participant(announcements, "strategy"), Participant(announcements, "demo")
    late = from_rfc3339("2026-11-27T15:30:00Z")
    with role(path) as first:
        async with strategy.taking_part():
            await strategy.until(from_rfc3339("2026-11-27T14:30:00Z"))
            status, pace = await ask(announcements, "/v1/pacer")
            assert (status, pace["waiting_for"], pace["finished"]) == (200, ["demo"], False)
            assert pace["notice"].startswith("generated")
            assert (await ask(announcements, "/readyz"))[0] == 200
            assert (await ask(announcements, "/healthz"))[1]["ok"] is False
            async with demo.taking_part():
                await demo.until(late)
                first.kill()
                with role(path):
                    await strategy.until(CLOSE)
                    await demo.until(CLOSE)
                    async with asyncio.timeout(5):
                        while not pace["finished"]:
                            _, pace = await ask(announcements, "/v1/pacer")
                    status, found = await ask(announcements, "/v2/stocks/snapshots?symbols=ALFA")
                    assert status == 200
                    assert found["ALFA"]["latestTrade"]["p"] == found["ALFA"]["minuteBar"]["c"]
                    assert found["ALFA"]["latestQuote"]["t"] < found["ALFA"]["latestTrade"]["t"]
                    status, health = await ask(announcements, "/healthz")
                    assert (status, health["ok"], health["age_seconds"]) == (200, True, 0)
    for participant in (strategy, demo):
        bars = [event for event in participant.events if isinstance(event, Bar)]
        marks = [event.time for event in participant.events if isinstance(event, Watermark)]
        assert marks == sorted(set(marks))
        assert len(marks) == 211
        assert 6 * 210 - 10 <= len(bars) <= 6 * 210 - 5
        assert len({(bar.symbol, bar.start) for bar in bars}) == len(bars)
        halts = [event for event in participant.events if isinstance(event, StatusChange)]
        assert [halt.status for halt in halts].count(TradingStatus.HALTED) == 1
    assert strategy.events == demo.events


def test_a_day_that_cannot_be_played_ends_with_2_and_says_why(tmp_path: Path) -> None:
    with role(configuration(tmp_path, date='"2026-11-26"')) as process:
        _, log = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "near it are 2026-11-25 and 2026-11-27" in log
