import contextlib
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agenttrader.adapters.announcements import Announcement, Announcements
from agenttrader.model.errors import BadValue, Unreachable

ANNOUNCE = """
import sys, time
from pathlib import Path
from agenttrader.adapters.announcements import Announcements
Announcements(Path(sys.argv[1])).announce("venue", "127.0.0.1:1")
print("announced", flush=True)
sys.stdin.read()
"""


def another_process(directory: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", ANNOUNCE, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "announced\n"
    return process


async def test_a_peer_finds_what_was_announced(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path / "announcements")
    announcements.announce("gateway", "127.0.0.1:4711")
    found = await announcements.find("gateway", timeout_seconds=1)
    assert (found.role, found.pid, found.url) == ("gateway", os.getpid(), "http://127.0.0.1:4711")


def test_the_file_is_its_owners_alone_and_no_part_of_it_stays(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path / "announcements")
    announcements.announce("gateway", "127.0.0.1:1")
    announcements.announce("gateway", "127.0.0.1:2")
    assert [path.name for path in announcements.directory.iterdir()] == ["gateway.json"]
    assert stat.S_IMODE((announcements.directory / "gateway.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(announcements.directory.stat().st_mode) == 0o700
    found = announcements.get("gateway")
    assert found is not None
    assert found.address == "127.0.0.1:2"


def test_the_announcement_of_a_process_that_ended_is_not_believed(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path)
    with another_process(tmp_path) as process:
        found = announcements.get("venue")
        assert found is not None
        assert found.pid == process.pid
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert announcements.get("venue") is None, "a zombie is not a living process"
    assert announcements.get("venue") is None


def test_a_pid_that_was_given_out_again_is_another_process(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path)
    mine = announcements.announce("venue", "127.0.0.1:1")
    former = Announcement(role="venue", pid=mine.pid, address="127.0.0.1:1", started=mine.started - 1)
    (tmp_path / "venue.json").write_text(
        f'{{"role":"venue","pid":{former.pid},"address":"127.0.0.1:1","started":{former.started}}}'
    )
    assert announcements.get("venue") is None


def test_only_the_own_announcement_can_be_taken_back(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path)
    with another_process(tmp_path) as process:
        announcements.withdraw("venue")
        assert announcements.get("venue") is not None
        process.kill()
    announcements.announce("gateway", "127.0.0.1:1")
    announcements.withdraw("gateway")
    announcements.withdraw("gateway")
    assert not (tmp_path / "gateway.json").exists()


async def test_a_peer_that_never_comes_is_named_with_what_was_found(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path)
    with pytest.raises(
        Unreachable, match=r"marketdata: expected a living process .* within 0\.01 s, found no file"
    ):
        await announcements.find("marketdata", timeout_seconds=0.01)
    with another_process(tmp_path) as process:
        process.kill()
    with pytest.raises(Unreachable, match=rf"what process {process.pid} left, which is gone"):
        await announcements.find("venue", timeout_seconds=0.01)


@contextlib.contextmanager
def no_descriptor_left() -> Iterator[None]:
    """The process may open no file more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("is_read", (False, True), ids=["the file", "the process"])
def test_without_a_descriptor_a_peer_is_unreachable_and_nobody_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_read: bool
) -> None:
    announcements = Announcements(tmp_path)
    mine = announcements.announce("venue", "127.0.0.1:1")
    if is_read:
        monkeypatch.setattr(announcements, "_read", lambda _: mine)
    with no_descriptor_left():
        with pytest.raises(Unreachable, match="Too many open files"):
            announcements.get("venue")
        if not is_read:
            announcements.withdraw("venue")
    assert announcements.get("venue") == mine


def test_a_file_that_is_no_announcement_and_a_name_that_is_no_role_are_refused(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path)
    (tmp_path / "venue.json").write_text("{}")
    with pytest.raises(Unreachable, match="expected an announcement"):
        announcements.get("venue")
    with pytest.raises(BadValue, match=r"\.\./venue"):
        announcements.get("../venue")
