from pathlib import Path

import pytest

from agenttrader.app.demo.perform import days_of
from agenttrader.app.demo.setup import Asked, Chosen, Wish
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.testing.recordings import trade_rows, write_trades

FRIDAY, MONDAY = "2014-06-06", "2014-06-09"
XYZ = Symbol("XYZ")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [*trade_rows(FRIDAY, minutes=3), *trade_rows(MONDAY, minutes=3)]
    write_trades(tmp_path, "XYZ", rows)
    return tmp_path


def test_a_generated_day_is_one_wish() -> None:
    assert days_of(Wish(seed=7), None) == (Wish(seed=7),)


@pytest.mark.parametrize(
    ("symbol", "day", "picked"),
    (
        (None, None, "the first recorded is played, for want of --symbol and --day"),
        ("XYZ", None, "the symbol's first recorded day is played, for want of --day"),
        (None, FRIDAY, "the first symbol that has the day is played, for want of --symbol"),
        ("XYZ", FRIDAY, ""),
    ),
)
def test_what_nobody_asked_for_is_picked_and_said(
    folder: Path, symbol: str | None, day: str | None, picked: str
) -> None:
    asked = Asked(folder=folder, symbol=symbol, day=day, last=None)
    (wish,) = days_of(Wish(speed="max"), asked)
    assert wish == Wish(speed="max", recorded=Chosen(folder=folder, symbol=XYZ, day=FRIDAY, picked=picked))


def test_each_session_up_to_a_day_is_a_wish(folder: Path) -> None:
    wishes = days_of(Wish(), Asked(folder=folder, symbol="XYZ", day=FRIDAY, last=MONDAY))
    assert [wish.recorded and wish.recorded.day for wish in wishes] == [FRIDAY, MONDAY]


def test_what_was_picked_is_said_once_of_all_sessions(folder: Path) -> None:
    wishes = days_of(Wish(), Asked(folder=folder, symbol=None, day=FRIDAY, last=MONDAY))
    assert [bool(wish.recorded and wish.recorded.picked) for wish in wishes] == [True, False]


def test_a_folder_is_named_from_the_root_on_because_the_roles_stand_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (wish,) = days_of(Wish(), Asked(folder=Path(), symbol="XYZ", day=FRIDAY, last=None))
    assert wish.recorded is not None
    assert wish.recorded.folder == folder


def test_what_is_not_recorded_is_refused(folder: Path) -> None:
    with pytest.raises(BadValue, match="refused by rule absent"):
        days_of(Wish(), Asked(folder=folder, symbol="XYZ", day="2014-06-10", last=None))


def test_a_run_is_no_longer_than_its_venue_knows_sessions(tmp_path: Path) -> None:
    write_trades(tmp_path, "XYZ", [*trade_rows(FRIDAY, minutes=3), *trade_rows("2014-06-30", minutes=3)])
    with pytest.raises(BadValue, match=r"--to: expected a day at most 23 days after 2014-06-06, .*06-30"):
        days_of(Wish(), Asked(folder=tmp_path, symbol="XYZ", day=FRIDAY, last="2014-06-30"))
