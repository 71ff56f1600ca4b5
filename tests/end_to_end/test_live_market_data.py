"""The market-data role with a live source: Alpaca's stream in, over TLS, and the role's own out.

Nothing here was asked of Alpaca: its stream's host is found on loopback, and our own server of the same
protocol answers there, with prices that the test makes of now.
"""

import asyncio
import hashlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.clocks import WallClock
from agenttrader.api.probes import Application
from agenttrader.app.config import demo_template, load
from agenttrader.app.marketdata.wiring import wire_marketdata
from agenttrader.app.new_york import day_of
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.model.times import SECOND, Instant
from agenttrader.testing import paper_host
from agenttrader.testing.live_source import LiveSource
from agenttrader.testing.serving import serving

ALFA = Symbol("ALFA")
HASHED = hashlib.sha256(b"SECRET").hexdigest()
PRICES = f"""[credentials.marketdata.alpaca]
key_id = "PKDATA"
secret = {{ file = "secrets/alpaca-data" }}

[marketdata.prices]
source = "iex"
symbols = ["ALFA"]

[[marketdata.keys]]
key_id = "reader"
secret_sha256 = "{HASHED}"

"""
SCRIPT = """
import sys
from pathlib import Path
from agenttrader.testing.paper_host import DATA, put_on

put_on({{DATA: {port}}}, Path({trusted!r}))
from agenttrader.roles.marketdata import main

sys.exit(main(["--config", {config!r}]))
"""
PATIENCE_SECONDS = 30


def now() -> Instant:
    return WallClock().now()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    text = re.sub(
        r"\[marketdata\.prices\].*?(?=\[\[marketdata\.keys)", PRICES, demo_template(), flags=re.DOTALL
    )
    text = re.sub(r"barrier = [^#\n]*", "barrier = [] ", re.sub(r"speed = [^#\n]*", 'speed = "max" ', text))
    text = re.sub(r"(?m)^date = [^#\n]*", f'date = "{day_of(now()).isoformat()}" ', text)
    text = re.sub(r'= ""', lambda _: f'= "{HASHED}"', text)
    (tmp_path / "run.toml").write_text(text)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "alpaca-data").write_text("SECRET")
    return tmp_path


class Listener:
    """What a subscriber of the role hears."""

    def __init__(self) -> None:
        self.heard: list[MarketEvent] = []

    @property
    def bars(self) -> list[Decimal]:
        return [event.close for event in self.heard if isinstance(event, Bar)]

    @property
    def statuses(self) -> list[TradingStatus]:
        return [event.status for event in self.heard if isinstance(event, StatusChange)]

    @property
    def watermarks(self) -> list[Instant]:
        return [event.time for event in self.heard if isinstance(event, Watermark)]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition raises no event
            await asyncio.sleep(0.01)


@pytest.fixture
async def role(
    run: Path, alpacas_stream: Callable[[LiveSource, str], Application]
) -> AsyncIterator[tuple[LiveSource, Callable[[], str | None], Callable[[], None]]]:
    """The source, where the role listens, and how its connection to the source is broken."""
    source = LiveSource(now, ALFA)
    async with serving(alpacas_stream(source, "PKDATA")) as address:
        host, _, port = address.partition(":")
        target = [(host, int(port))]
        async with paper_host.hosting(run, paper_host.DATA, lambda: target[0]) as found:
            trusted = str(run / f"{paper_host.DATA}.pem")
            script = SCRIPT.format(port=found, trusted=trusted, config=str(run / "run.toml"))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", script),
                env={"PATH": os.environ["PATH"]},
                stderr=asyncio.subprocess.DEVNULL,
            )

            def where() -> str | None:
                try:
                    told: dict[str, Any] = json.loads((run / "announcements" / "marketdata.json").read_text())
                except (OSError, ValueError):
                    return None
                return f"http://{told['address']}"

            try:
                yield source, where, lambda: target.__setitem__(0, ("127.0.0.1", 1))
            finally:
                process.terminate()
                await process.wait()


async def test_what_alpaca_tells_is_told_with_time_and_its_silence_is_found(
    role: tuple[LiveSource, Callable[[], str | None], Callable[[], None]],
) -> None:
    """A late bar is passed over, a halt comes through, and the age of the last bar is for all to see."""
    source, where, _ = role
    await until(where)
    address = where() or ""
    await until(lambda: source.broadcast.subscribers)
    listener = Listener()

    async def asked() -> str:
        return address

    feed = AlpacaFeed(
        address=asked,
        feed="iex",
        credential=Credential(key_id="reader", secret=Secret("SECRET")),
        symbols=(ALFA,),
        extended=True,
    )
    following = asyncio.create_task(feed.follow(listener.heard.append, lambda *_: None))
    try:
        async with aiohttp.ClientSession() as session:
            assert (await session.get(f"{address}/healthz")).status == 503
            await until(lambda: len(listener.watermarks) > 1)
            source.bar(101, ended_seconds_ago=30)
            source.bar(102)
            source.status(TradingStatus.HALTED)
            await until(lambda: listener.statuses)
            assert (listener.bars, listener.statuses) == ([Decimal(102)], [TradingStatus.HALTED])
            answer = await session.get(f"{address}/healthz")
            assert (answer.status, (await answer.json())["age_seconds"] < 10) == (200, True)
            behind = now() - listener.watermarks[-1]
            assert 0 < behind < 30 * SECOND
            answer = await session.get(
                f"{address}/v2/stocks/ALFA/bars/latest",
                headers={"APCA-API-KEY-ID": "reader", "APCA-API-SECRET-KEY": "SECRET"},
            )
            assert answer.headers["X-Market-Data"].startswith("live market data of one exchange")
    finally:
        following.cancel()


async def test_a_source_that_is_gone_is_stale_at_once(
    role: tuple[LiveSource, Callable[[], str | None], Callable[[], None]],
) -> None:
    source, where, breaks = role
    await until(where)
    await until(lambda: source.broadcast.subscribers)
    source.bar(102)
    async with aiohttp.ClientSession() as session:

        async def status() -> int:
            return (await session.get(f"{where()}/healthz")).status

        await until_status(status, HTTPStatus.OK)
        breaks()
        source.broadcast.lag_max = -1
        source.bar(103)
        await until_status(status, HTTPStatus.SERVICE_UNAVAILABLE)


async def until_status(status: Callable[[], Awaitable[int]], expected: HTTPStatus) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await status() != expected:  # noqa: ASYNC110 - another process raises no event
            await asyncio.sleep(0.02)


def test_another_day_than_today_is_refused(run: Path) -> None:
    text = (run / "run.toml").read_text()
    (run / "run.toml").write_text(re.sub(r'(?m)^date = "[^"]*"', 'date = "2026-01-05"', text))
    with pytest.raises(ConfigurationError, match=r"\[marketdata\] date: expected .*, today in New York"):
        wire_marketdata(load(run / "run.toml", environment={}), {})
