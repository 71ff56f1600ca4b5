"""What the calendar's library said is believed while it is whole, and of the same library and time zones."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agenttrader.adapters import calendars
from agenttrader.adapters.calendars import read_calendar
from agenttrader.adapters.kept_sessions import KeptSessions, beside_the_library
from agenttrader.model.sessions import Session

WEEK = ("XNYS", "2026-11-23", "2026-11-29")


@pytest.fixture
def sessions() -> tuple[Session, ...]:
    return read_calendar(*WEEK).sessions


def test_what_was_kept_is_what_was_said(tmp_path: Path, sessions: tuple[Session, ...]) -> None:
    kept = KeptSessions(tmp_path, "1")
    assert kept.read(*WEEK) is None
    kept.keep(*WEEK, sessions)
    assert KeptSessions(tmp_path, "1").read(*WEEK) == sessions
    assert KeptSessions(tmp_path, "2").read(*WEEK) is None
    for other in (("XNAS", *WEEK[1:]), (*WEEK[:2], "2026-11-30"), ("../XNYS", *WEEK[1:])):
        assert kept.read(*other) is None


@pytest.mark.parametrize(
    "change",
    (
        lambda content: content[:-1],
        lambda _: b"",
        lambda content: content.replace(b"2026-11-27", b"2026-11-26"),
        lambda content: content.replace(b'"XNYS"', b'"XNAS"'),
        lambda content: content.replace(b'"sessions":[', b'"sessions":[{},'),
    ),
)
def test_what_is_not_whole_is_not_believed_and_asked_for_again(
    tmp_path: Path,
    sessions: tuple[Session, ...],
    change: Callable[[bytes], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = KeptSessions(tmp_path, "1")
    monkeypatch.setattr(calendars, "beside_the_library", lambda: kept)
    assert read_calendar(*WEEK).sessions == sessions
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(change(whole))
    assert read_calendar(*WEEK).sessions == sessions
    assert file.read_bytes() == whole


def test_where_nothing_can_be_written_it_is_asked_each_time(
    tmp_path: Path, sessions: tuple[Session, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendars, "beside_the_library", lambda: KeptSessions(tmp_path / "none", "1"))
    assert read_calendar(*WEEK).sessions == sessions
    assert not (tmp_path / "none").exists()


def test_it_lies_beside_the_library_and_is_found_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    kept = beside_the_library()
    assert kept._folder.parent.name == "exchange_calendars"
    assert "pandas" not in sys.modules
