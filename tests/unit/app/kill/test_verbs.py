"""Kill from a configuration to its report, where nobody listens anywhere."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agenttrader.adapters.fence import read_fence
from agenttrader.adapters.journal_file import journal_path, open_for_writing
from agenttrader.app.kill.verbs import kill, rehearse
from agenttrader.app.kill.wish import EVERYTHING, Wish
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AccountName

FENCE = (
    '[account]\nname = "DEMO-1"\n[broker]\nkind = "venue"\n'
    '[store]\ndirectory = "store"\nheads_directory = "heads"\n'
)


BEYOND_COUNTING = 1_000_000_000
"""An epoch in seconds, where the journal does not tell its last one."""


def test_what_is_wrong_with_the_rest_keeps_the_fence_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(FENCE)
    (tmp_path / "heads").mkdir()
    report = kill(tmp_path / "run.toml", Wish(), "a test", 1)
    assert [(halt.name, halt.done) for halt in report.halts] == [
        ("fence", True),
        ("switch", False),
        ("gateway", False),
    ]
    assert "switches: expected a table" in report.halts[1].said
    assert "credentials: expected a table" in report.halts[2].said
    assert "credentials: expected a table" in report.unreachable
    assert not report.is_done
    fence = read_fence(tmp_path / "fence" / "DEMO-1.json")
    assert fence is not None
    assert (fence.epoch, fence.reason) == (2, "a test")
    notes = (tmp_path / "fence" / "DEMO-1.kill.jsonl").read_text().splitlines()
    assert sum('"act":"fence"' in note for note in notes) == 1


@pytest.mark.parametrize("reason", ("stop \udcff now", "x" * 5000, "\x00" * 5000, "\U0001f6d1" * 5000))
def test_whatever_the_reason_is_made_of_the_fence_stands_and_is_read(tmp_path: Path, reason: str) -> None:
    (tmp_path / "run.toml").write_text(FENCE)
    (tmp_path / "heads").mkdir()
    report = kill(tmp_path / "run.toml", Wish(), reason, 1)
    assert report.halts[0].done, report.halts[0].said
    fence = read_fence(tmp_path / "fence" / "DEMO-1.json")
    assert fence is not None
    assert fence.reason == reason.encode("utf-8", "backslashreplace").decode()[:400]
    assert report.side_journal == ""


def raised(folder: Path) -> int:
    """The epoch of the fence that a kill raises there."""
    report = kill(folder / "run.toml", Wish(), "a test", 1)
    assert report.halts[0].done, report.halts[0].said
    fence = read_fence(folder / "fence" / "DEMO-1.json")
    assert fence is not None
    return fence.epoch


def test_a_store_that_may_not_be_entered_keeps_no_fence_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.toml").write_text(FENCE)
    (tmp_path / "heads").mkdir()
    (tmp_path / "store").mkdir()
    stat = Path.stat

    def shut(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.is_relative_to(tmp_path / "store") and path != tmp_path / "store":
            raise PermissionError(13, "Permission denied")
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", shut)
    assert raised(tmp_path) > BEYOND_COUNTING


def test_a_journal_that_a_tool_holds_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(FENCE)
    (tmp_path / "heads").mkdir()
    (tmp_path / "store").mkdir()
    path = journal_path(tmp_path / "store", AccountName("DEMO-1"))
    open_for_writing(path).close()
    assert raised(tmp_path) == 2
    with closing(sqlite3.connect(path, isolation_level=None)) as tool:
        tool.execute("PRAGMA locking_mode = EXCLUSIVE")
        tool.execute("BEGIN EXCLUSIVE")
        assert raised(tmp_path) > BEYOND_COUNTING


def test_where_no_gateway_can_ever_have_been_the_fence_is_raised_and_not_taken_for_done(
    tmp_path: Path,
) -> None:
    (tmp_path / "run.toml").write_text(FENCE)
    fence = kill(tmp_path / "run.toml", Wish(), "a test", 1).halts[0]
    assert not fence.done
    assert f"found neither {tmp_path / 'store'} nor {tmp_path / 'heads'}" in fence.said
    found = read_fence(tmp_path / "fence" / "DEMO-1.json")
    assert found is not None
    assert found.reason == "a test"


def test_a_rehearsal_raises_no_fence(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(FENCE)
    with pytest.raises(ConfigurationError, match="credentials: expected a table"):
        rehearse(tmp_path / "run.toml", EVERYTHING)
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]
