"""Kill as typed, at real processes: with the gateway up, wedged, dead, and with nobody at the broker."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from agenttrader.app.gateway.status import ReconcileBody, StatusBody
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Halted, SegmentOpened
from agenttrader.model.outside import ActedOutside, OrderAdopted
from agenttrader.protocols.native import Snapshot
from agenttrader.protocols.person_bodies import EmptyBody
from agenttrader.testing.exits_day import ExitsDay, flat
from agenttrader.testing.killed_day import KilledDay
from agenttrader.testing.played_day import PASSED_ON, PROGRAM, PlayedDay, playing

pytestmark = pytest.mark.timeout(120)
KILL = ("kill", "--confirm", "HALT TRADING")
SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[KilledDay]:
    async with playing(KilledDay(tmp_path)) as made:
        await made.bar()
        await made.open_window()
        yield made


async def test_a_kill_halts_cancels_entries_and_leaves_protection(day: KilledDay) -> None:
    await day.hold()
    code, told = await day.type(*KILL, "--cancel-orders", "--reason", "a test")
    assert code == ExitCode.DONE, told
    assert [(each["name"], each["done"]) for each in told["halts"]] == [
        ("fence", True),
        ("switch", True),
        ("gateway", True),
    ]
    assert sorted((each["part"], each["outcome"]) for each in told["orders"]) == [
        ("entry", "ended"),
        ("entry", "ended"),  # Its stop and its target, which it had not armed yet.
        ("entry", "ended"),
        ("protective", "left"),
        ("protective", "left"),
    ]
    assert [(each["symbol"], each["left"], each["unprotected"]) for each in told["positions"]] == [
        ("ALFA", "10", "0")
    ]
    denied = await day.propose(reason="after the kill")
    assert denied["state"] == "denied"
    assert (await day.ask("/v1/status", StatusBody)).trading.state == "frozen"
    again, _ = await day.type(*KILL, "--cancel-orders")
    assert again == ExitCode.DONE


@pytest.mark.slow
async def test_a_wedged_gateway_sends_nothing_when_it_wakes_up_and_its_next_start_knows_why(
    day: KilledDay,
) -> None:
    await day.hold()
    gateway = day.processes["gateway"]
    gateway.send_signal(signal.SIGSTOP)
    proposing = asyncio.create_task(day.propose(reason="into the wedge"))
    code, told = await day.type(*KILL, "--cancel-orders")
    assert code == ExitCode.DONE, told
    assert [each["done"] for each in told["halts"]] == [True, True, False]
    before = {each["id"] for each in await day.at_venue("/v2/orders?status=all")}
    gateway.send_signal(signal.SIGCONT)
    answer = await proposing
    assert answer["state"] in {"denied", "withheld"}, answer
    assert {each["id"] for each in await day.at_venue("/v2/orders?status=all")} == before

    day.kill("gateway")
    day.start("gateway")
    await day.until(lambda: day.address("gateway"))
    await day.settled()
    events = day.journal()
    opened = [each.epoch for each in events if isinstance(each, SegmentOpened)]
    assert opened == [1, 4]
    halted = [each for each in events if isinstance(each, Halted)]
    assert halted[-1].state is TradingState.HALTED
    assert halted[-1].by.startswith("kill by ")
    acted = [(each.act, each.stage) for each in events if isinstance(each, ActedOutside)]
    assert ("fence", "answered") in acted
    assert ("cancel", "answered") in acted
    assert (await day.ask("/v1/status", StatusBody)).trading.state == "halted"


@pytest.mark.slow
@pytest.mark.parametrize("how", ("dead", "up", "wedged"))
async def test_everything_is_closed_and_the_next_start_knows_it_and_trades_again(
    day: KilledDay, how: str
) -> None:
    await day.hold()
    gateway = day.processes["gateway"]
    if how == "dead":
        day.kill("gateway")
        day.processes.pop("gateway")
    elif how == "wedged":
        gateway.send_signal(signal.SIGSTOP)
    code, told = await day.liquidated(*KILL)
    assert code == ExitCode.DONE, told
    assert [(each["symbol"], each["left"]) for each in told["positions"]] == [("ALFA", "0")]
    assert await day.at_venue("/v2/positions") == []
    assert await day.at_venue("/v2/orders?status=open") == []
    if how == "wedged":
        gateway.send_signal(signal.SIGCONT)
    if how != "dead":
        day.kill("gateway")

    day.start("gateway")
    await day.until(lambda: day.address("gateway"))
    await day.settled()
    compared = await day.say("/v1/reconcile", EmptyBody(), ReconcileBody)
    assert (compared.breaks, compared.failure) == ((), "")
    assert (await day.ask("/v1/snapshot", Snapshot)).positions == ()
    assert (await day.ask("/v1/status", StatusBody)).trading.state == "halted"
    (adopted,) = [each for each in day.journal() if isinstance(each, OrderAdopted)]
    assert (adopted.order.quantity, adopted.by.startswith("kill by ")) == (Decimal(10), True)
    await day.resumed()
    await day.bar()
    bought = await day.propose(type="market", limit_price=None, reason="after the kill")
    assert bought["state"] not in {"denied", "withheld"}, bought
    await day.bar()
    (position,) = await day.at_venue("/v2/positions")
    assert position["qty"] == "10"


@pytest.mark.slow
async def test_an_exits_unit_that_goes_on_closes_nothing_that_kill_closed(tmp_path: Path) -> None:
    """All through it the unit sees a position whose stop is gone, until the next start knows better."""
    async with playing(ExitsDay(tmp_path, flat(100, 60))) as day:
        await day.bar()
        await day.open_window()
        await day.enter(10)
        await day.bars(3)
        assert await day.held_at_venue() == 10
        code, told = await day.liquidated(*KILL)
        assert code == ExitCode.DONE, told
        await day.bars(6)
        await day.restarted()
        await day.settled()
        await day.bars(2)
        assert await day.position() is None
        assert await day.held_at_venue() == 0
        assert await day.working() == []
        compared = await day.say("/v1/reconcile", EmptyBody(), ReconcileBody)
        assert (compared.breaks, compared.failure) == ((), "")
        assert day.holdings() == [10, 0]
        await day.resumed()
        await day.bar()
        assert await day.enter(10) not in {"denied", "withheld"}


@pytest.mark.slow
async def test_what_remains_is_a_finding_and_a_rehearsal_does_nothing(day: KilledDay) -> None:
    await day.hold()
    code, told = await day.type("emergency-liquidate", "--confirm", "LIQUIDATE_ALL", "--dry-run")
    assert code == ExitCode.DONE
    assert len(told["would"]) == 4
    assert (await day.ask("/v1/status", StatusBody)).trading.state == "active"
    # No bar comes, so the close cannot fill.
    code, told = await day.type("emergency-liquidate", "--confirm", "LIQUIDATE_ALL", "--seconds", "2")
    assert code == ExitCode.FINDING
    assert told["remains"] == ["10 ALFA are still held"]
    assert told["positions"][0]["unprotected"] == "10"


@pytest.mark.slow
async def test_without_the_broker_what_halts_stands_and_the_code_says_so(day: KilledDay) -> None:
    day.kill("venue")
    day.processes.pop("venue")
    code, told = await day.type(*KILL, "--cancel-orders")
    assert code == ExitCode.UNREACHABLE
    assert [each["done"] for each in told["halts"]] == [True, True, True]
    assert "broker" in told["unreachable"]


@pytest.mark.parametrize(
    ("script", "phrase", "wrong"),
    (
        ("kill_switch.py", "HALT TRADING", "halt trading"),
        ("kill_switch.py", "HALT TRADING", ""),
        ("emergency_liquidate.py", "LIQUIDATE_ALL", "HALT TRADING"),
    ),
)
async def test_the_checklists_scripts_are_the_verbs_and_another_phrase_does_nothing(
    tmp_path: Path, script: str, phrase: str, wrong: str
) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / script).write_text((SCRIPTS / script).read_text())
    (tmp_path / "agenttrader").symlink_to(PROGRAM)
    (tmp_path / "day").mkdir()
    day = PlayedDay(tmp_path / "day")
    day.configuration.path(day.configuration.store.heads_directory).mkdir()  # as a gateway's start leaves it
    known = {name: os.environ[name] for name in PASSED_ON if name in os.environ}

    def run(said: str) -> subprocess.CompletedProcess[str]:
        words = ["--confirm", said, "--config", str(day.folder)]
        return subprocess.run(
            [sys.executable, tmp_path / "scripts" / script, *words],
            env=known,
            capture_output=True,
            text=True,
            check=False,
        )

    before = sorted(day.folder.rglob("*"))
    refused = await asyncio.to_thread(run, wrong)
    assert refused.returncode == ExitCode.USAGE
    assert f'expected "{phrase}", found "{wrong}"; nothing was done' in refused.stderr
    assert sorted(day.folder.rglob("*")) == before
    done = await asyncio.to_thread(run, phrase)
    assert done.returncode == ExitCode.UNREACHABLE, done.stderr
    assert "fence      done" in done.stdout
    assert (day.folder / "fence" / "DEMO-1.json").exists()
