"""The supervisor with real processes: they start in any order, come back, and never outlive their parent."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.runtime.supervisor import (
    Child,
    Died,
    Notice,
    Ready,
    RoleFailed,
    Started,
    Stopped,
    Supervisor,
    readable,
)

ROLE = """
import asyncio, os, signal, sys
from pathlib import Path
from agenttrader.adapters.announcements import Announcements
from agenttrader.api.probes import nothing_else
from agenttrader.roles import process

role, folder, *peers = sys.argv[1:]
announcements = Announcements(Path(folder))
process.hold_lifeline(0)
if role == "dying":
    sys.exit("a reason to die")

def ready():
    missing = [peer for peer in peers if announcements.get(peer) is None]
    return f"{missing[0]} to announce itself" if missing else None

async def work():
    print("SECRET", os.environ.get("SECRET"), "HOME", os.environ.get("HOME"), flush=True)
    if role == "deaf":
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

asyncio.run(process.serve(role, nothing_else, "127.0.0.1:0", announcements, background=[work], ready=ready))
"""

PARENT = """
import asyncio, sys
from pathlib import Path
from agenttrader.adapters.announcements import Announcements
from agenttrader.runtime.supervisor import Child, Supervisor

folder = Path(sys.argv[1])
children = [
    Child(role=role, command=(sys.executable, "-c", sys.argv[2], role, str(folder)), environment={})
    for role in ("venue", "gateway")
]

async def main():
    supervisor = Supervisor(children, Announcements(folder), folder / "logs", lambda notice: None)
    await supervisor.start()
    print("ready", flush=True)
    await supervisor.watch()

asyncio.run(main())
"""


def child(folder: Path, role: str, *peers: str, environment: dict[str, str] | None = None) -> Child:
    command = (sys.executable, "-c", ROLE, role, str(folder), *peers)
    return Child(role=role, command=command, environment=environment or {})


class Run:
    """A supervisor with what it has told."""

    def __init__(
        self, folder: Path, children: Sequence[Child], ready_seconds: float, stop_seconds: float
    ) -> None:
        self.announcements = Announcements(folder)
        self.told: list[Notice] = []
        self.supervisor = Supervisor(
            children,
            self.announcements,
            folder / "logs",
            self.told.append,
            ready_seconds=ready_seconds,
            stop_seconds=stop_seconds,
            first_pause_seconds=0.01,
        )

    def pids(self) -> list[int]:
        return [notice.pid for notice in self.told if isinstance(notice, Started)]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110  what other processes do raises no event
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    folder: Path, children: Sequence[Child], *, ready_seconds: float = 20, stop_seconds: float = 8
) -> AsyncIterator[Run]:
    run = Run(folder, children, ready_seconds, stop_seconds)
    try:
        yield run
    finally:
        await run.supervisor.stop([child.role for child in reversed(children)])
        assert not any(is_alive(pid) for pid in run.pids())


def is_alive(pid: int) -> bool:
    """Whether the process runs: one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("order", ((0, 1, 2), (2, 0, 1), (2, 1, 0)))
async def test_roles_that_wait_for_each_other_start_in_any_order(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    roles = [
        child(tmp_path, "venue"),
        child(tmp_path, "gateway", "venue"),
        child(tmp_path, "strategy", "gateway", "venue"),
    ]
    async with running(tmp_path, [roles[place] for place in order]) as run:
        await run.supervisor.start()
        ready = {notice.role for notice in run.told if isinstance(notice, Ready)}
        assert ready == {"venue", "gateway", "strategy"}
        await run.supervisor.stop(["strategy", "gateway", "venue"])
        stopped = [notice for notice in run.told if isinstance(notice, Stopped)]
        assert stopped == [Stopped(role, killed=False) for role in ("strategy", "gateway", "venue")]
        assert [run.announcements.get(role) for role in ready] == [None, None, None]


async def test_a_child_has_only_the_environment_that_is_given_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "the parent's")
    children = [child(tmp_path, "venue", environment={"SECRET": "mine"}), child(tmp_path, "gateway")]
    async with running(tmp_path, children) as run:
        await run.supervisor.start()
        await run.until(lambda: "SECRET mine HOME None" in run.supervisor.log("venue").read_text())
        await run.until(lambda: "SECRET None HOME None" in run.supervisor.log("gateway").read_text())


async def test_a_role_that_is_killed_is_started_again_and_is_found_again(tmp_path: Path) -> None:
    async with running(tmp_path, [child(tmp_path, "venue")]) as run:
        await run.supervisor.start()
        before = run.announcements.get("venue")
        assert before is not None
        os.kill(before.pid, signal.SIGKILL)
        await run.until(lambda: sum(isinstance(notice, Ready) for notice in run.told) == 2)
        after = run.announcements.get("venue")
        assert after is not None
        assert after.pid != before.pid
        assert run.told == [
            Started("venue", before.pid),
            Ready("venue", before.pid),
            Died("venue", "was ended by SIGKILL", 1, 3, 0.01),
            Started("venue", after.pid),
            Ready("venue", after.pid),
        ]


async def test_a_role_that_dies_again_and_again_is_given_up_after_three_growing_pauses(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, [child(tmp_path, "venue")]) as run:
        await run.supervisor.start()
        watching = asyncio.create_task(run.supervisor.watch())
        for deaths in range(1, 5):
            await run.until(lambda: sum(isinstance(notice, Ready) for notice in run.told) == deaths)  # noqa: B023
            os.kill(run.pids()[-1], signal.SIGKILL)
        with pytest.raises(RoleFailed, match=r"venue: expected it to stay up, found that it ended 4 times"):
            await watching
        assert [it.pause_seconds for it in run.told if isinstance(it, Died)] == [0.01, 0.02, 0.04]


async def test_a_role_that_ends_before_it_is_ready_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    async with running(tmp_path, [child(tmp_path, "venue"), child(tmp_path, "dying")]) as run:
        with pytest.raises(RoleFailed) as failed:
            await run.supervisor.start()
        assert "dying: expected it to become ready, found that it ended with exit code 1; " in str(
            failed.value
        )
        assert f"the end of its log, {tmp_path}/logs/dying.log:\n    a reason to die" in str(failed.value)
        assert not any(isinstance(notice, Died) for notice in run.told), "it is not started again"


async def test_a_role_that_never_gets_ready_is_named_with_what_it_waited_for(tmp_path: Path) -> None:
    async with running(tmp_path, [child(tmp_path, "gateway", "venue")], ready_seconds=2) as run:
        with pytest.raises(RoleFailed) as failed:
            await run.supervisor.start()
        expected = (
            "gateway: expected it to become ready, found that it was not ready after 2 s and waited for"
        )
        assert f"{expected} venue to announce itself" in str(failed.value)


async def test_a_role_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    async with running(tmp_path, [child(tmp_path, "deaf")], stop_seconds=0.2) as run:
        await run.supervisor.start()
        await run.until(lambda: "SECRET" in run.supervisor.log("deaf").read_text())
        await asyncio.sleep(0.05)
        await run.supervisor.stop(["deaf"])
        assert run.told[-1] == Stopped("deaf", killed=True)


@pytest.mark.parametrize("started", (0, 1))
async def test_stopping_while_roles_start_leaves_no_process(tmp_path: Path, started: int) -> None:
    async with running(tmp_path, [child(tmp_path, "venue"), child(tmp_path, "gateway")]) as run:
        starting = asyncio.create_task(run.supervisor.start())
        await asyncio.sleep(0)
        await run.until(lambda: len(run.pids()) >= started)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting


def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), ROLE], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        found = [Announcements(tmp_path).get(role) for role in ("venue", "gateway")]
        pids = [it.pid for it in found if it is not None]
        assert len(pids) == 2
        assert all(is_alive(pid) for pid in pids)
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 10
        while any(is_alive(pid) for pid in pids):
            assert time.monotonic() < deadline, "the children outlive their parent"
            time.sleep(0.02)


def test_a_log_line_is_told_without_what_every_line_says() -> None:
    line = '{"time":"T","level":"error","service":"s","role":"r","git_sha":"g","event":"e","reason":"why"}'
    assert readable(line) == "T error e reason=why"
    trace = '{"event":"e","exception":"Traceback:\\n  there\\nKeyError: 7"}'
    assert readable(trace).endswith("e exception=KeyError: 7")
    assert readable('{"event":"folded","records":541,"seconds":0.5}') == "  folded records=541 seconds=0.5"
    assert readable("plain {text") == "plain {text"
    assert readable("[1]") == "[1]"
