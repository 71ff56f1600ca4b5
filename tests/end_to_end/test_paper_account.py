"""A gateway at a paper account: our own venue and stream stand where Alpaca's hosts would, over TLS.

The processes are as they run: `marketdata` with a live source, `gateway` with this machine's clock. Only
where the hosts are found, who is trusted to sign for them, and what time it is (a session's, whatever the day
of the test) are the test's. Nothing here was asked of Alpaca.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agenttrader.api.probes import Application
from agenttrader.api.venue import create_venue_app
from agenttrader.app.brokers.wiring import write_report
from agenttrader.app.config import load
from agenttrader.app.conformance import Finding, Report, Sitting, Standing
from agenttrader.app.guarding.paper import SECRETS, SYMBOLS, PaperWish
from agenttrader.app.guarding.perform import make
from agenttrader.app.guarding.setup import GuardWish
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import VenueKey
from agenttrader.model.identifiers import AccountName, Symbol
from agenttrader.model.market import Bar, TradingStatus, Watermark
from agenttrader.model.times import Duration, Instant, from_rfc3339, rfc3339
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing
from agenttrader.testing import paper_host
from agenttrader.testing.broker_files import PAPER, PAPER_HOST
from agenttrader.testing.live_source import LiveSource
from agenttrader.testing.serving import serving

SPY = Symbol("SPY")
SHIFT = from_rfc3339("2026-11-20T15:00:00Z") - time.time_ns()
"""From this machine's time to one in a session."""
CODE = "0123abc"
SETTINGS = Settings(
    start=from_rfc3339("2026-11-20T14:30:00Z"),
    listings=tuple(Listing(symbol=Symbol(name), tick=Decimal("0.01"), lot=Decimal(1)) for name in SYMBOLS),
    accounts=(AccountOpening(name=PAPER.account, cash=Decimal(100_000), shorting=False),),
    sessions=tuple(
        Session(date=day, open=from_rfc3339(f"{day}T14:30:00Z"), close=from_rfc3339(f"{day}T21:00:00Z"))
        for day in ("2026-11-20", "2026-11-23")
    ),
    fees=FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal(0)),
    market_reserve_percent=3,
)
SCRIPT = """
import sys, time
from pathlib import Path
real = time.time_ns
time.time_ns = lambda: real() + {shift}
from agenttrader.testing.paper_host import put_on

put_on({ports!r}, Path({trusted!r}))
from agenttrader.cli.main import main

sys.argv = ["agenttrader", *{words!r}]
main()
"""
PATIENCE_SECONDS = 40

pytestmark = pytest.mark.timeout(120)


def now() -> Instant:
    return Instant(time.time_ns() + SHIFT)


class MemoryLog:
    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def read(self) -> Iterator[bytes]:
        yield from list(self.entries)

    def append(self, entry: bytes) -> None:
        self.entries.append(entry)


class PaperRun:
    """A folder that trades the paper account, and what stands in for Alpaca."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desk = Desk(SETTINGS, MemoryLog())
        self.source = LiveSource(now, SPY)
        self.ports: dict[str, int] = {}
        self.quiet = asyncio.Lock()
        wish = GuardWish(bot="bot", person="me", port=1, seed=7, speed=1)
        keys = {"key_id": PAPER.key, "kill_key_id": PAPER.kill_key, "data_key_id": "PKDATA1"}
        guard = make(folder, wish, "a passphrase", PaperWish(account=PAPER.account, **keys))
        self.secret = guard.key.reveal()
        text = guard.path.read_text().replace('listen = "127.0.0.1:1"', 'listen = "127.0.0.1:0"', 1)
        # It was made for today; here it is another day.
        text = re.sub(r"(?m)^date = [^#\n]*", 'date = "2026-11-20" ', text)
        # The books are compared every second: nobody waits for two minutes here.
        guard.path.write_text(re.sub(r"(?m)^every_seconds = 120", "every_seconds = 1", text))
        for name in SECRETS:
            assert (folder / name).read_text() == ""
            (folder / name).write_text("SECRET")

    def pass_exam(self) -> None:
        found = load(self.folder / "run.toml", {})
        assert found.conformance is not None
        sat = Sitting(findings=(Finding(case="a", promise="b", standing=Standing.PASS, found="c"),), left=())
        report = Report(
            kind="alpaca_paper",
            address=PAPER_HOST,
            account=AccountName(PAPER.account),
            symbol=SPY,
            began=rfc3339(now()),
            ended=rfc3339(now()),
            configuration=found.digest,
            code=CODE,
            passed=True,
            sitting=sat,
        )
        write_report(found.path(found.conformance.reports) / "one", report)

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        trusted = str(self.folder / "trusted.pem")
        script = SCRIPT.format(shift=SHIFT, ports=self.ports, trusted=trusted, words=words)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script),
            env={"PATH": os.environ["PATH"], "GIT_SHA": CODE},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def type(self, *words: str) -> tuple[int | None, str]:
        process = await self.start(*words, "--config", str(self.folder / "run.toml"))
        said, _ = await process.communicate(b"a passphrase\n")
        return process.returncode, said.decode()

    async def trade(self, price: int) -> None:
        """A moment in which the symbol trades at the exchange, told when it is over, before time goes on."""
        async with self.quiet:
            start = now()
            await asyncio.sleep(0.1)
            prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(price))
            length = Duration(now() - start)
            self.desk.hear(Bar(symbol=SPY, start=start, interval=length, volume=Decimal(1_000), **prices))

    async def tick(self) -> None:
        """The exchange's time is that of everybody here."""
        while True:
            async with self.quiet:
                self.desk.hear(Watermark(time=now()))
            await asyncio.sleep(0.1)

    async def told(self, *words: str) -> str:
        """What the program says that ends well."""
        code, said = await self.type(*words)
        assert code == 0, said
        return said

    def address(self, role: str) -> str | None:
        try:
            told: dict[str, Any] = json.loads((self.folder / "announcements" / f"{role}.json").read_text())
        except (OSError, ValueError):
            return None
        return f"http://{told['address']}"

    def compared(self) -> list[str]:
        """What came of each comparison, by its report."""
        (path,) = self.folder.glob("audit_artifacts/reconciliation/*.ndjson")
        return [json.loads(line)["verdict"] for line in path.read_text().splitlines()]

    @property
    def at_broker(self) -> list[tuple[str, str]]:
        """Of each entry that the exchange ever took, whose id it has, and how it stands."""
        orders = sorted(self.desk.exchange.books.orders.values(), key=lambda order: order.sequence)
        entries = [order for order in orders if order.entry is None]
        return [(order.client_order_id[:3], order.status.value) for order in entries]


@pytest.fixture
async def paper(
    tmp_path: Path, alpacas_stream: Callable[[LiveSource, str], Application]
) -> AsyncIterator[PaperRun]:
    run = PaperRun(tmp_path / "desk")
    key = VenueKey(secret_sha256=hashlib.sha256(b"SECRET").hexdigest(), account=PAPER.account)
    async with AsyncExitStack() as stack:
        for host, app in (
            (paper_host.PAPER, create_venue_app(run.desk, {PAPER.key: key})),
            (paper_host.DATA, alpacas_stream(run.source, "PKDATA1")),
        ):
            name, _, port = (await stack.enter_async_context(serving(app))).partition(":")
            where = (name, int(port))
            run.ports[host] = await stack.enter_async_context(
                paper_host.hosting(run.folder, host, lambda where=where: where)  # type: ignore[misc]
            )
        texts = [(run.folder / f"{host}.pem").read_text() for host in run.ports]
        (run.folder / "trusted.pem").write_text("".join(texts))
        ticking = asyncio.create_task(run.tick())
        try:
            yield run
        finally:
            ticking.cancel()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - other processes raise no event
            await asyncio.sleep(0.02)


async def test_without_an_exam_the_gateway_of_a_paper_account_does_not_start(paper: PaperRun) -> None:
    code, said = await paper.type("run", "gateway")
    assert (code, "expected a report of alpaca_paper, found none" in said) == (2, True), said


async def test_an_order_leaves_for_the_paper_account_within_a_window_and_at_live_prices(
    paper: PaperRun,
) -> None:
    """Denied without a window; sent once within it, under our id; and canceled when the window closes."""
    paper.pass_exam()
    config = ("--config", str(paper.folder / "run.toml"))
    roles = [await paper.start("run", role, *config) for role in ("marketdata", "gateway", "exits")]
    person = ("--person", str(paper.folder / "people" / "me"))
    bot = {"APCA-API-KEY-ID": "bot", "APCA-API-SECRET-KEY": paper.secret}
    order = {"symbol": "SPY", "qty": "2", "side": "buy", "type": "limit", "limit_price": "99"}
    order |= {"time_in_force": "day"}
    try:
        await until(lambda: paper.address("gateway") and paper.source.broadcast.subscribers)
        async with aiohttp.ClientSession(paper.address("gateway") or "", headers=bot) as session:

            async def post(name: str, **changes: str | None) -> tuple[int, str]:
                answer = await session.post("/v2/orders", json=order | {"client_order_id": name} | changes)
                return answer.status, await answer.text()

            paper.source.status(TradingStatus.TRADING)
            paper.source.bar(100)
            assert "the books agree" in await paper.told("reconcile", *person)
            status, said = await post("too early")
            assert (status, "no window is open" in said) == (403, True), said
            await paper.told("window", "open", *person, "--reason", "a paper day")
            status, said = await post("first")
            assert status == 200, said
            assert paper.at_broker == [("at-", "new")]
            assert (await post("first"))[0] == 200
            await paper.trade(100)
            status, said = await post("second", type="market", limit_price=None)
            assert status == 200, said
            await until(lambda: paper.at_broker[1:] == [("at-", "new")])
            await paper.trade(100)
            await until(lambda: paper.at_broker[1:] == [("at-", "filled")])
            assert "the books agree" in await paper.told("reconcile", *person)
            held = await (await session.get("/v2/positions/SPY")).json()
            assert (held["qty"], held["avg_entry_price"]) == ("2", "100")
            await paper.told("window", "close", *person, "--reason", "enough")
            await until(lambda: paper.at_broker == [("at-", "canceled"), ("at-", "filled")])
            # By the clock too, with nobody asking, and every time they agreed.
            await until(lambda: len(paper.compared()) >= 6)
            assert set(paper.compared()) == {"agreed"}
    finally:
        for process in roles:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        ended = [await process.communicate() for process in roles]
    assert all(b'"level":"error"' not in said for said, _ in ended), ended
