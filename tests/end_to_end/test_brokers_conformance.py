"""The exam of a paper account, as a person types it: over TLS, at our own venue in a paper account's clothes.

Nothing here was asked of Alpaca: the host's name is found on loopback, and its certificate is the test's.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from agenttrader.adapters.journal_reader import read_records
from agenttrader.api.venue import create_venue_app
from agenttrader.app.brokers.exam import CASES
from agenttrader.app.conformance import Report, Standing, read_reports
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import VenueKey
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.model.events import Sending
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing
from agenttrader.testing import paper_host
from agenttrader.testing.broker_files import PAPER
from agenttrader.testing.serving import serving

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
SETTINGS = Settings(
    start=OPEN,
    listings=(Listing(symbol=Symbol("ALFA"), tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name=PAPER.account, cash=Decimal(100_000), shorting=False),),
    sessions=tuple(
        Session(date=day, open=from_rfc3339(f"{day}T14:30:00Z"), close=from_rfc3339(f"{day}T21:00:00Z"))
        for day in ("2026-11-20", "2026-11-23")
    ),
    fees=FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal(0)),
    market_reserve_percent=3,
)
SECRET = hashlib.sha256(b"SECRET").hexdigest()
SCRIPT = """
import sys
from pathlib import Path
from agenttrader.testing.paper_host import PAPER, put_on

put_on({{PAPER: {port}}}, Path({trusted!r}))
from agenttrader.cli.main import main

main()
"""
PATIENCE_SECONDS = 60


class MemoryLog:
    """A log of one test."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def read(self) -> Iterator[bytes]:
        yield from list(self.entries)

    def append(self, entry: bytes) -> None:
        self.entries.append(entry)


class Paper:
    """A paper account at a host that says that it is Alpaca's, and a run's folder that trades there."""

    def __init__(self, folder: Path, port: int, desk: Desk) -> None:
        self.folder = folder
        self.desk = desk
        self._script = SCRIPT.format(port=port, trusted=str(folder / f"{paper_host.PAPER}.pem"))

    async def type(self, *words: str) -> tuple[int, str]:
        """What the program ends with, and all that it says, where the host is found on loopback."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", self._script, "brokers", "conformance", "--config", str(self.folder)),
            *words,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "GIT_SHA": "0123abc"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    def switch(self, text: str) -> None:
        (self.folder / "EXECUTION_HALTED").write_text(text)

    @property
    def statuses(self) -> list[str]:
        """How each order ended that the exchange ever took, legs too."""
        return sorted(order.status.value for order in self.desk.exchange.books.orders.values())

    @property
    def report(self) -> Report:
        (report,) = read_reports(self.folder / "audit_artifacts" / "conformance")
        return report


@pytest.fixture
async def paper(tmp_path: Path) -> AsyncIterator[Paper]:
    async with dressed(tmp_path) as found:
        yield found


@asynccontextmanager
async def dressed(folder: Path, number: str = PAPER.account) -> AsyncIterator[Paper]:
    """Our venue under Alpaca's name, where `number` is the account."""
    PAPER.load(folder)
    account = structs.replace(SETTINGS.accounts[0], name=number)
    desk = Desk(structs.replace(SETTINGS, accounts=(account,)), MemoryLog())
    prices = dict.fromkeys(("open", "low", "high", "close"), Decimal(100))
    desk.hear(Bar(symbol=Symbol("ALFA"), start=OPEN, interval=MINUTE, volume=Decimal(100), **prices))
    desk.hear(Watermark(time=Instant(OPEN + MINUTE)))
    app = create_venue_app(desk, {PAPER.key: VenueKey(secret_sha256=SECRET, account=number)})
    async with serving(app) as address:
        host, _, port = address.partition(":")
        async with paper_host.hosting(folder, paper_host.PAPER, lambda: (host, int(port))) as found:
            paper = Paper(folder, found, desk)
            paper.switch("0")
            yield paper


async def test_a_paper_account_is_examined_and_left_as_it_was(paper: Paper) -> None:
    code, said = await paper.type("--against", "paper", "--yes")
    assert (code, "passed    account PA3T8N36NVJK" in said) == (ExitCode.DONE, True), said
    assert set(paper.statuses) == {"canceled", "replaced"}
    report = paper.report
    assert report.passed
    assert {finding.standing for finding in report.sitting.findings} == {Standing.PASS}
    assert len(report.sitting.findings) == 1 + len(CASES)
    assert (report.code, report.kind, report.account) == ("0123abc", "alpaca_paper", PAPER.account)
    (page,) = paper.folder.glob("audit_artifacts/conformance/*/report.md")
    assert "The account was left as it was found" in page.read_text()
    journal = page.parent / "journal" / f"{PAPER.account}.journal"
    sent = [each.event for each in read_records(journal) if isinstance(each.event, Sending)]
    assert {event.instruction.quantity for event in sent} == {Decimal(1)}
    assert max(event.instruction.limit_price or 0 for event in sent) == Decimal(2)
    assert len(sent) == 7


async def test_without_a_word_for_it_nothing_is_sent(paper: Paper) -> None:
    code, said = await paper.type("--against", "paper")
    assert (code, "--yes: expected your word" in said) == (ExitCode.USAGE, True), said
    assert paper.statuses == []
    assert not (paper.folder / "audit_artifacts").exists()


async def test_a_switch_that_halts_keeps_every_order_in(paper: Paper) -> None:
    """At rest it is at 1: a person puts it to 0 for the exam, and whoever halts stops that, too."""
    paper.switch("1")
    code, said = await paper.type("--against", "paper", "--yes")
    assert (code, "switch file: expected it to halt nothing" in said) == (ExitCode.USAGE, True), said
    assert paper.statuses == []


async def test_nothing_is_sent_to_another_account_under_the_hosts_name(tmp_path: Path) -> None:
    async with dressed(tmp_path, "PA3T8N36NVJL") as paper:
        code, said = await paper.type("--against", "paper", "--yes")
    assert (code, "expected account PA3T8N36NVJK, found PA3T8N36NVJL" in said) == (
        ExitCode.USAGE,
        True,
    ), said
    assert paper.statuses == []
