"""Paper never touches a live account, nor live a paper one.

What this proves, with configuration files as an operator writes them, and with servers that say that they are
Alpaca's over TLS, on loopback:

1. A file is taken only where the broker's kind, its address, the account's number, the keys of gateway and
   kill, the ceiling and TRADING_MODE are all of one kind. One of them of another kind, whichever, or an
   address with a port, a path, a name and password or another scheme, and no role starts.
2. With TRADING_MODE=paper, or unset, Alpaca's paper host is allowed where the file means paper, and its live
   host never is.
3. Before the broker itself has said that it is that account, no order leaves: not to a live account that
   answers under the paper host, not to whoever answers without a certificate for it, not over a redirect.
4. What is right in every respect does not start either, before an exam of the paper account has passed, by
   this code and lately. Live also needs a verdict that it is ready, which this version cannot give.

It does not prove that Alpaca numbers its accounts and keys as we read it to: `docs/brokers.md` says what was
tried against it.
"""

import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from msgspec import structs

from agenttrader.adapters.alpaca.allowance import Allowance
from agenttrader.adapters.alpaca.connection import Connection
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.clocks import WallClock
from agenttrader.app.brokers.wiring import write_report
from agenttrader.app.conformance import Finding, Report, Sitting, Standing
from agenttrader.app.gateway.wiring import wire_gateway
from agenttrader.app.kill.settings import read_settings
from agenttrader.app.kill.wiring import wire_door
from agenttrader.app.venue.wiring import wire_venue
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.errors import ConfigurationError, Unreachable, Unsent
from agenttrader.model.identifiers import AccountName, Symbol
from agenttrader.model.times import rfc3339
from agenttrader.protocols.alpaca_surroundings import Surroundings
from agenttrader.testing.broker_files import (
    LIVE,
    LIVE_HOST,
    PAPER,
    PAPER_HOST,
    RESTS_ON,
    VENUE,
    Written,
    at,
)
from agenttrader.testing.paper_host import Loopback, certificate

ORDER = b'{"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}'


@pytest.mark.parametrize(
    ("written", "kind"),
    ((VENUE, Surroundings.SIMULATED), (PAPER, Surroundings.PAPER), (LIVE, Surroundings.LIVE)),
)
def test_a_file_that_is_of_one_kind_is_read(written: Written, kind: Surroundings, tmp_path: Path) -> None:
    assert written.load(tmp_path).broker.kind is kind


MIXED = [
    pytest.param(base._replace(**{field: getattr(other, field)}), id=f"{name}-with-{field}-of-{other_name}")
    for (name, base), (other_name, other) in itertools.permutations(
        (("venue", VENUE), ("paper", PAPER), ("live", LIVE)), 2
    )
    for field in Written._fields
    if getattr(base, field) != getattr(other, field)
    # The venue may go by arrival, and on live prices, too.
    and not (name == "venue" and field in ("inbox", "prices"))
]


@pytest.mark.parametrize("written", MIXED)
def test_one_thing_of_another_kind_starts_nothing(written: Written, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"run\.toml: .*expected .*found"):
        written.load(tmp_path)


@pytest.mark.parametrize(
    "address",
    (
        LIVE_HOST,
        "http://paper-api.alpaca.markets",
        f"{PAPER_HOST}:443",
        f"{PAPER_HOST}:8443",
        f"{PAPER_HOST}/v2",
        f"{PAPER_HOST}/",
        f"{PAPER_HOST}?to=live",
        f"{PAPER_HOST}@api.alpaca.markets",
        f"{PAPER_HOST}.example.org",
        "https://me:sesame@paper-api.alpaca.markets",
        "https://me@paper-api.alpaca.markets",
        "http://127.0.0.1:8000",
        "",
    ),
)
def test_paper_is_at_its_host_and_nowhere_else(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\[broker\] address: expected .*, found") as refused:
        PAPER._replace(broker=at("alpaca_paper", address)).load(tmp_path)
    assert "sesame" not in str(refused.value)


def test_a_real_broker_without_an_address_and_the_venue_with_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\[broker\] address: expected where alpaca_paper is"):
        PAPER._replace(broker='kind = "alpaca_paper"').load(tmp_path)
    with pytest.raises(ConfigurationError, match=r"\[broker\] address: expected none: the venue announces"):
        VENUE._replace(broker=at("venue", PAPER_HOST)).load(tmp_path)


def test_nobody_is_taken_for_the_venue_where_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\[broker\] kind: this key is missing"):
        VENUE._replace(broker="").load(tmp_path)


@pytest.mark.parametrize(
    ("written", "word", "allowed"),
    (
        (PAPER, "paper", True),
        (PAPER, "live", False),
        (LIVE, "live", True),
        (LIVE, "paper", False),
        (VENUE, "paper", True),
        (VENUE, "live", False),
        (PAPER, "PAPER", False),
        (PAPER, "", False),
        (LIVE, "", False),
        (LIVE, "yes", False),
    ),
)
def test_trading_mode_blocks_the_host_of_the_other_kind(
    written: Written,
    word: str,
    allowed: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    if allowed:
        written.load(tmp_path, TRADING_MODE=word)
        return
    with pytest.raises(ConfigurationError, match=r"TRADING_MODE: expected .*; unset it, or make"):
        written.load(tmp_path, TRADING_MODE=word)


@pytest.mark.parametrize("written", (PAPER, LIVE))
def test_what_is_right_in_every_respect_does_not_start_without_an_exam(
    written: Written, tmp_path: Path
) -> None:
    found = written.load(tmp_path)
    with pytest.raises(ConfigurationError, match="of alpaca_paper, found none, in audit_artifacts/conf"):
        wire_gateway(found, Announcements(tmp_path), "code")
    with pytest.raises(ConfigurationError, match="does not run beside a real broker"):
        wire_venue(found, Announcements(tmp_path))
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("written", "changes", "lacks"),
    (
        (LIVE, {}, "no verdict that it is ready"),
        *(
            (written, changes, lacks)
            for written in (PAPER, LIVE)
            for changes, lacks in (
                ({"passed": False}, "expected the newest report to have passed"),
                ({"code": "other"}, "expected a report of this code, code, found the newest of other"),
                ({"ended": "2020-01-02T00:00:00Z"}, "expected a report of the last 7 days"),
                ({"kind": "venue"}, "expected a report of alpaca_paper, found none"),
            )
        ),
    ),
)
def test_a_real_account_needs_an_exam_that_passed_and_live_a_verdict_that_nobody_gives(
    written: Written, changes: dict[str, Any], lacks: str, tmp_path: Path
) -> None:
    """Passed, lately, and by the very code; nothing is written before that."""
    found = written.load(tmp_path)
    assert found.conformance is not None
    sat = Sitting(findings=(Finding(case="a", promise="b", standing=Standing.PASS, found="c"),), left=())
    now = rfc3339(WallClock().now())
    report = Report(
        kind="alpaca_paper",
        address=PAPER_HOST,
        account=AccountName(PAPER.account),
        symbol=Symbol("SPY"),
        began=now,
        ended=now,
        configuration=found.digest,
        code="code",
        passed=True,
        sitting=sat,
    )
    write_report(found.path(found.conformance.reports) / "one", structs.replace(report, **changes))
    with pytest.raises(ConfigurationError, match=lacks):
        wire_gateway(found, Announcements(tmp_path), "code")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "written",
    (
        LIVE._replace(broker=at("alpaca_live", LIVE_HOST)),
        PAPER._replace(broker=at("alpaca_paper", PAPER_HOST)),
        VENUE._replace(broker=VENUE.broker + RESTS_ON),
    ),
)
def test_a_real_account_says_which_exams_it_rests_on(written: Written, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\[conformance\]: expected .*, found"):
        written.load(tmp_path)


async def test_kill_keeps_to_the_same_rules(tmp_path: Path) -> None:
    """It reads a file that others would refuse, and yet asks nobody whose parts do not agree."""
    mixed = PAPER._replace(kill_key="AKKILL1")
    with pytest.raises(ConfigurationError):
        mixed.load(tmp_path)
    door = wire_door(read_settings(tmp_path / "run.toml"))
    with pytest.raises(Unreachable, match="the key of a broker of kind alpaca_paper"):
        await door.orders()
    await door.shut()


class Double:
    """Says over TLS that it is an account at Alpaca's paper host, and notes what arrives."""

    def __init__(self, folder: Path, number: str, moved: str | None = None) -> None:
        self.arrived: list[str] = []
        self._number = number
        self._moved = moved
        self._file = folder / "double.pem"
        self._file.write_bytes(certificate("paper-api.alpaca.markets"))

    @asynccontextmanager
    async def connection(self, *, is_trusted: bool = True) -> AsyncIterator[Connection]:
        """A connection for paper that finds this double wherever it looks."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        served.load_cert_chain(self._file)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served).start()
        trusted = ssl.create_default_context(cafile=str(self._file) if is_trusted else None)
        port = runner.addresses[0][1]
        connection = Connection(
            address=lambda: PAPER_HOST,
            credential=Credential(key_id=PAPER.key, secret=Secret("SECRET")),
            account=AccountName(PAPER.account),
            surroundings=Surroundings.PAPER,
            answer_seconds=2.0,
            allowance=Allowance(None, lambda: 0.0),
            connector=lambda: aiohttp.TCPConnector(
                resolver=Loopback({"paper-api.alpaca.markets": port}), ssl=trusted
            ),
        )
        try:
            yield connection
        finally:
            await connection.close()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.arrived.append(f"{request.method} {request.host}{request.path}")
        if request.method == "POST" and self._moved is not None:
            return web.Response(status=307, headers={"Location": f"{self._moved}{request.path}"})
        return web.json_response({"account_number": self._number, "id": "an-order", "status": "ACTIVE"})


async def test_an_order_leaves_for_the_paper_account_that_the_paper_host_says_it_is(tmp_path: Path) -> None:
    double = Double(tmp_path, PAPER.account)
    async with double.connection() as connection:
        answer = await connection.send("POST", "v2/orders", ORDER)
    assert answer.status == 200
    assert double.arrived == [
        "GET paper-api.alpaca.markets/v2/account",
        "POST paper-api.alpaca.markets/v2/orders",
    ]


@pytest.mark.parametrize("number", (LIVE.account, "PA3T8N36NVJL", ""))
async def test_no_order_leaves_for_another_account_under_the_paper_host(number: str, tmp_path: Path) -> None:
    double = Double(tmp_path, number)
    async with double.connection() as connection:
        with pytest.raises(Unsent, match="by the broker's word; no order was sent"):
            await connection.send("POST", "v2/orders", ORDER)
    assert double.arrived == ["GET paper-api.alpaca.markets/v2/account"]


async def test_nothing_arrives_at_whoever_cannot_prove_to_be_the_paper_host(tmp_path: Path) -> None:
    double = Double(tmp_path, PAPER.account)
    async with double.connection(is_trusted=False) as connection:
        with pytest.raises(Unsent, match=r"no connection to https://paper-api\.alpaca"):
            await connection.send("POST", "v2/orders", ORDER)
    assert double.arrived == []


async def test_an_order_does_not_follow_a_redirect_to_the_live_host(tmp_path: Path) -> None:
    """The double has it then, so nobody knows what it did with it: that is never sent again, and no fill."""
    double = Double(tmp_path, PAPER.account, moved=LIVE_HOST)
    async with double.connection() as connection:
        with pytest.raises(Unreachable, match="redirects: whoever does that is not the broker"):
            await connection.send("POST", "v2/orders", ORDER)
    assert all(" paper-api.alpaca.markets/" in line for line in double.arrived)
    assert len(double.arrived) == 2
