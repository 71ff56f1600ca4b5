"""The drills: each passes, and each fails where the protection that it tries has been taken away.

What is taken away is taken from the processes of the drill by a module that Python loads at their start; of
what is configured, by configuring it away.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from agenttrader.testing.drills import killing
from agenttrader.testing.drills.catalog import DRILLS
from agenttrader.testing.drills.killing import Killing
from agenttrader.testing.drills.playing import run
from agenttrader.testing.drills.prices import thin_market
from agenttrader.testing.drills.stage import Tables
from agenttrader.testing.played_day import PASSED_ON, PROGRAM

pytestmark = pytest.mark.timeout(180)

NAMES = {each.name: each for each in DRILLS}
ONE = "order_reconciliation_fetch_failure"

AN_OUTAGE_AGREES = """
from msgspec.structs import replace
from agenttrader.model.errors import Unreachable
from agenttrader.runtime.recovery import Reconciler
compare, last = Reconciler._compare, []
async def careless(self, name, *others):
    try:
        last[:] = [await compare(self, name, *others)]
    except Unreachable:
        pass
    return replace(last[0], run=name)
Reconciler._compare = careless
"""
NO_LINK_EVER_BREAKS = """
from agenttrader.runtime.inputs import LinkSeen
from agenttrader.runtime.session import Session
tell = Session.tell
def deaf(self, received):
    if not isinstance(received, LinkSeen) or received.up:
        tell(self, received)
Session.tell = deaf
"""
NOTHING_IS_TOLD_AGAIN = """
from agenttrader.adapters.alpaca.account import AccountReader
async def forgotten(self, since):
    return ()
AccountReader.history = forgotten
"""
SENT_AGAIN = """
from agenttrader.adapters.alpaca.connection import Connection
from agenttrader.model.errors import Unreachable
send = Connection.send
async def stubborn(self, method, path, body, *others, **more):
    try:
        return await send(self, method, path, body, *others, **more)
    except Unreachable:
        return await send(self, method, path, body, *others, **more)
Connection.send = stubborn
"""
SENT_BEFORE_IT_IS_WRITTEN = """
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.model.events import Decided
from agenttrader.model.records import Recorded
append, owed = SqliteJournal.append, []
def lazy(self, records):
    if owed or any(isinstance(each.event, Decided) for each in records):
        owed.extend(records)
        return tuple(map(Recorded, records))
    return append(self, records)
SqliteJournal.append = lazy
SqliteJournal.sign_head = lambda self: None
"""
FAILURES_ARE_SWALLOWED = """
from agenttrader.app.gateway import wiring
wiring.append_report = lambda folder, day, report: folder
"""
HALTS_ARE_FORGOTTEN_OVER_A_START = """
from agenttrader.runtime.engine import Engine
start = Engine.start
def forgetful(self, *others):
    self.state.standing.latches.clear()
    return start(self, *others)
Engine.start = forgetful
"""
DECIDED_OTHERWISE = """
import sys
if "policy" in sys.argv:
    from agenttrader.gateway.checks import case
    from agenttrader.gateway.checks.catalog import CHECKS, CHECKS_FOR, RULES_FOR
    from msgspec import structs
    (rule,) = [each for each in CHECKS if each.code == "order_quantity"]
    honest = rule.check
    structs.force_setattr(rule, "check", lambda case: structs.replace(honest(case), passed=False))
    for kind, rules in RULES_FOR.items():
        CHECKS_FOR[kind] = tuple(each.check for each in rules)
"""
THE_FILE_IS_NOT_READ = """
from msgspec.structs import replace
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.model.decisions import TradingState
read = FileHalt.read
FileHalt.read = lambda self: replace(read(self), state=TradingState.ACTIVE)
"""
SPOILED = {
    "order_reconciliation_fetch_failure": AN_OUTAGE_AGREES,
    "broker_auth_token_expiry_recovery": NO_LINK_EVER_BREAKS,
    "data_quality_halt_on_critical_errors": NO_LINK_EVER_BREAKS,
    "slo_alert_failure_tolerance": FAILURES_ARE_SWALLOWED,
    "websocket_reconnect_storm_tolerance": NOTHING_IS_TOLD_AGAIN,
    "crash_recovery_idempotent_replay": SENT_BEFORE_IT_IS_WRITTEN,
    "multi_broker_failover_failback": NO_LINK_EVER_BREAKS,
    "broker_submit_timeout_rejected": SENT_AGAIN,
    "data_quality_breach_opens_incident": NO_LINK_EVER_BREAKS,
    "incident_ack_timeout_critical_slo": HALTS_ARE_FORGOTTEN_OVER_A_START,
    "shadow_drift_critical_threshold": DECIDED_OTHERWISE,
    "order_reconciliation_fetch_failure_health_signal": AN_OUTAGE_AGREES,
}


def any_age(tables: Tables) -> None:
    tables["limits"]["symbol"]["ALFA"]["quote_age_seconds_max"] = 100_000


def bare_for_an_hour(tables: Tables) -> None:
    thin_market(tables)
    tables["limits"]["account"]["unprotected_seconds_max"] = 3_600


MISCONFIGURED: dict[str, Callable[[Tables], None]] = {
    "quote_staleness_recovery": any_age,
    "partial_fill_stall_detection": bare_for_an_hour,
}


def drilled(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The verb as typed."""
    return subprocess.run(
        [PROGRAM, "drill", *words],
        cwd=folder,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_a_drill_is_run_by_name_and_reported(tmp_path: Path) -> None:
    done = await asyncio.to_thread(drilled, tmp_path, "run", ONE)
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert (told["drill"], told["passed"], told["failure"]) == (ONE, True, "")
    assert all(check["passed"] for check in told["checks"])
    (saved,) = (tmp_path / "audit_artifacts" / "drills").glob("*.json")
    assert json.loads(saved.read_text()) == told
    assert f"# {ONE}, {told['generated_at']}: pass\n" in saved.with_suffix(".md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != ONE])
async def test_it_passes(name: str) -> None:
    found = await run(NAMES[name])
    assert found.passed, found


def test_the_page_has_every_drill_in_its_words() -> None:
    page = (Path(__file__).parents[2] / "docs" / "drills.md").read_text(encoding="utf-8")
    rows = [f"| `{each.name}` | {each.group.value} | {each.about} |" for each in DRILLS]
    rows.append(f"| `{killing.NAME}` | kill | {killing.ABOUT} |")
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows


def test_every_drill_is_shown_failing() -> None:
    assert set(SPOILED) | set(MISCONFIGURED) == set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPOILED)
async def test_it_fails_without_its_protection(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SPOILED[name])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    found = await run(NAMES[name])
    assert not found.passed
    assert any(not look.passed for look in found.looks), found.failure


@pytest.mark.slow
@pytest.mark.parametrize("name", MISCONFIGURED)
async def test_it_fails_where_its_limit_is_none(name: str) -> None:
    found = await run(replace(NAMES[name], change=MISCONFIGURED[name]))
    assert not found.passed
    assert any(not look.passed for look in found.looks), found.failure


@pytest.mark.slow
async def test_a_small_drill_of_kill_keeps_the_promise(tmp_path: Path) -> None:
    words = ("--clients", "4", "--seconds", "0.5", "--channel", "api", "--channel", "fence")
    done = await asyncio.to_thread(drilled, tmp_path, "run", "kill", *words)
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert len(told["checks"]) == 4


@pytest.mark.slow
async def test_the_drill_of_kill_fails_where_the_switch_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(THE_FILE_IS_NOT_READ)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    found = await killing.find(Killing(clients=2, milliseconds=300, channels=("file",)))
    assert [look.passed for look in found.looks] == [True, False]
