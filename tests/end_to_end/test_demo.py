"""The demo as a newcomer starts it: real processes, real sockets, one command."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.policy.perform import replay

PROGRAM = Path(sys.executable).with_name("agenttrader")
HALF_DAY = "2026-11-27"
WHOLE_DAY = "fb20c323d02a48879f77165de848a5cf9dffd63be406bd7ca81ad59d3a5fef0d"
"""The digest of the day that seed 7 means."""
DEADLINE_SECONDS = 100

pytestmark = pytest.mark.timeout(120)


class Demo:
    """One demo in a folder of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        folder.mkdir()
        self.said = folder / "said"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AGENTTRADER_HOME": str(folder / "home"),
        }
        # Kernels are compiled once for all tests, not once for each home.
        environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [PROGRAM, "demo", *words],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )

    def outcome(self) -> dict[str, Any]:
        """The one object that it printed, when it has ended."""
        printed, _ = self.process.communicate(timeout=DEADLINE_SECONDS)
        (line,) = printed.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found

    def lines(self) -> list[str]:
        """What it told so far."""
        return self.said.read_text().splitlines()

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.said.read_text()
            assert self.process.poll() is None, self.said.read_text()
            time.sleep(0.05)

    def has_told(self, word: str) -> bool:
        return any(word in line for line in self.lines())

    def pids(self) -> dict[str, int]:
        """The living roles."""
        (run,) = (self.folder / "home" / "demo").iterdir()
        roles = ("venue", "marketdata", "gateway", "exits", "strategy")
        found = {role: Announcements(run / "announcements").get(role) for role in roles}
        return {role: peer.pid for role, peer in found.items() if peer is not None}


Start = Callable[..., Demo]


@contextmanager
def demos(folder: Path) -> Iterator[Start]:
    started: list[Demo] = []

    def begin(*words: str) -> Demo:
        started.append(Demo(folder / str(len(started)), *words))
        return started[-1]

    try:
        yield begin
    finally:
        for demo in started:
            if demo.process.poll() is None:
                demo.process.kill()
            demo.process.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with demos(tmp_path) as begin:
        yield begin


class Played(NamedTuple):
    """A demo that has ended, with what it printed."""

    demo: Demo
    outcome: dict[str, Any]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """One half day, as fast as it goes."""
    with demos(tmp_path_factory.mktemp("played")) as begin:
        demo = begin("--exit", "--json", "--seed", "7", "--date", HALF_DAY, "--speed", "max")
        yield Played(demo, demo.outcome())


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def must_be_good(demo: Demo, outcome: dict[str, Any]) -> None:
    assert demo.process.returncode == 0, demo.said.read_text()
    assert outcome["fills"] >= 1
    assert outcome["reconciliation"] == {"breaks": 0}
    assert outcome["journal"]["verified"] is True
    assert outcome["halted"] is True


def test_a_day_from_one_command(played: Played) -> None:
    demo, outcome = played
    must_be_good(demo, outcome)
    assert set(outcome) == {
        *("session", "orders", "fills", "denials", "exits", "profit"),
        *("reconciliation", "journal", "halted", "digest"),
    }
    assert outcome["session"] == HALF_DAY
    assert {"trading_state", "symbol_status"} <= set(outcome["denials"])
    assert demo.pids() == {}


def test_the_first_line_of_the_show_is_a_denial_and_the_next_says_what_the_day_is_not(played: Played) -> None:
    first, notice, *_ = played.demo.lines()
    assert "denied    visitor, before anybody opened a window: buy 10" in first
    assert "GENERATED DATA · SIMULATED VENUE · throw-away demo person" in notice


def test_the_report_lies_where_the_show_says(played: Played) -> None:
    demo, outcome = played
    (report,) = (demo.folder / "audit_artifacts" / "demo").iterdir()
    assert str(report.relative_to(demo.folder)) in demo.said.read_text()
    assert "reconciled, verified, halted" in (report / "report.md").read_text()
    assert json.loads((report / "report.json").read_text())["digest"] == outcome["digest"]


def test_every_decision_of_the_day_comes_out_the_same_when_it_is_made_again(played: Played) -> None:
    (run,) = (played.demo.folder / "home" / "demo").iterdir()
    findings = replay(run / "run.toml", None, lambda _done, _of: None).findings
    assert findings.decisions == findings.same > 0


def test_no_secret_is_told_and_none_lies_open(played: Played) -> None:
    demo = played.demo
    (run,) = (demo.folder / "home" / "demo").iterdir()
    secrets = [file.read_text().strip() for file in (run / "secrets").iterdir()]
    told = [demo.said, run / "run.toml", *(run / "logs").iterdir()]
    assert not [file for file in told for secret in secrets if secret in file.read_text()]
    assert [
        file
        for file in run.rglob("*")
        if stat.S_IMODE(file.stat().st_mode) & 0o077 and file.parent == run / "secrets"
    ] == []


def test_the_same_day_has_the_same_digest_at_another_speed_and_in_another_order_of_starting(
    played: Played, start: Start
) -> None:
    words = ("--exit", "--json", "--seed", "7", "--date", HALF_DAY)
    demo = start(*words, "--speed", "60", "--order", "strategy,gateway,marketdata,venue,exits")
    outcome = demo.outcome()
    must_be_good(demo, outcome)
    assert outcome["digest"] == played.outcome["digest"]


def test_heard_as_it_arrives_a_day_keeps_its_promises_and_the_roles_stay_up_halted_until_ctrl_c(
    start: Start,
) -> None:
    demo = start("--json", "--seed", "7", "--date", HALF_DAY, "--speed", "max", "--inbox", "arrival")
    demo.until(lambda: demo.has_told("Ctrl-C stops them"))
    pids = demo.pids()
    assert len(pids) == 5
    demo.process.send_signal(signal.SIGINT)
    must_be_good(demo, demo.outcome())
    assert not any(is_alive(pid) for pid in pids.values())


def test_every_role_killed_once_in_mid_day_does_not_cost_the_book(start: Start) -> None:
    demo = start("--exit", "--json", "--seed", "7", "--date", HALF_DAY, "--speed", "30")
    demo.until(lambda: demo.has_told("fill "))
    for role in ("strategy", "exits", "marketdata", "venue", "gateway"):
        kill(demo, role)
    must_be_sound(demo, demo.outcome())


@pytest.mark.slow
@pytest.mark.parametrize("role", ("venue", "marketdata", "gateway", "exits", "strategy"))
def test_a_role_killed_in_mid_day_does_not_cost_the_book(start: Start, role: str) -> None:
    demo = start("--exit", "--json", "--seed", "7", "--speed", "40")
    demo.until(lambda: demo.has_told("fill "))
    kill(demo, role)
    outcome = demo.outcome()
    must_be_sound(demo, outcome)
    if role in ("exits", "strategy"):  # What it was about to do it does when it is back: once, and in time.
        must_be_good(demo, outcome)
        assert outcome["digest"] == WHOLE_DAY


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", (("--speed", "40"), ("--speed", "max", "--order", "gateway,exits,strategy,venue,marketdata"))
)
def test_a_whole_day_has_one_digest_with_a_process_burning_each_core(
    start: Start, words: tuple[str, ...]
) -> None:
    day = ("--exit", "--json", "--seed", "7")
    quiet = start(*day, "--speed", "max").outcome()
    burning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)
    ]
    try:
        busy = start(*day, *words).outcome()
    finally:
        for process in burning:
            process.kill()
            process.wait()
    assert busy["digest"] == quiet["digest"] == WHOLE_DAY


def kill(demo: Demo, role: str) -> None:
    """Kill the role, and wait until it is back."""
    os.kill(demo.pids()[role], signal.SIGKILL)
    demo.until(lambda: demo.has_told(f"back      {role} is back"))
    assert demo.has_told(f"died      {role} was ended by SIGKILL; it is started again (1 of 3)")


def must_be_sound(demo: Demo, outcome: dict[str, Any]) -> None:
    """The day ended with a book that agrees, or halted with a break that says what it is."""
    assert outcome["halted"] is True
    assert outcome["journal"]["verified"] is True
    if outcome["reconciliation"] == {"breaks": 0}:
        assert demo.process.returncode == 0, demo.said.read_text()
    else:
        assert demo.process.returncode in (1, 4)
        assert demo.has_told("finding   break ")


def test_the_roles_end_with_the_demo_however_it_ends(start: Start) -> None:
    demo = start("--date", HALF_DAY)
    demo.until(lambda: demo.has_told("window "))
    pids = demo.pids()
    assert len(pids) == 5
    demo.process.kill()
    demo.process.wait()
    deadline = time.monotonic() + 10
    while any(is_alive(pid) for pid in pids.values()):
        assert time.monotonic() < deadline, "a role outlives the demo"
        time.sleep(0.02)


def test_words_that_make_no_day_are_refused_before_anything_is_made(start: Start) -> None:
    demo = start("--date", "2026-11-26")
    demo.process.communicate(timeout=DEADLINE_SECONDS)
    assert demo.process.returncode == 2
    (line,) = demo.lines()
    assert line.startswith("agenttrader: date: expected a session of XNYS, found 2026-11-26; near it are ")
    assert not (demo.folder / "home").exists()
