from pathlib import Path

import pytest

from agenttrader.adapters.recorded_days import Choice, choose_days, read_recorded_day
from agenttrader.adapters.recorded_files import read_recording
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.simulation.overnight import Overnight
from agenttrader.simulation.recording import RecordingRefused, Rule
from agenttrader.testing.recordings import quote_rows, trade_rows, write_quotes, write_trades

FRIDAY, MONDAY, TUESDAY = "2014-06-06", "2014-06-09", "2014-06-10"
HALF_DAY = "2013-11-29"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two symbols; a split of 7:1 lies between two days of the first."""
    split = [*trade_rows(FRIDAY, "645.57"), *trade_rows(MONDAY, "92.69"), *trade_rows(TUESDAY, "94")]
    write_trades(tmp_path, "AAA", split)
    write_trades(tmp_path, "BBB", [*trade_rows(HALF_DAY, minutes=400), *trade_rows(MONDAY)])
    return tmp_path


@pytest.mark.parametrize(
    ("symbol", "day", "found"),
    (
        (None, None, ("AAA", FRIDAY)),
        ("BBB", None, ("BBB", HALF_DAY)),
        (None, MONDAY, ("AAA", MONDAY)),
        (None, HALF_DAY, ("BBB", HALF_DAY)),
        ("BBB", MONDAY, ("BBB", MONDAY)),
    ),
)
def test_what_is_not_asked_for_is_the_first(
    folder: Path, symbol: str | None, day: str | None, found: tuple[str, str]
) -> None:
    assert choose_days(folder, "XNYS", symbol, day) == (Choice(symbol=Symbol(found[0]), day=found[1]),)


def test_every_recorded_session_up_to_a_day(folder: Path) -> None:
    days = choose_days(folder, "XNYS", "AAA", FRIDAY, MONDAY)
    assert [each.day for each in days] == [FRIDAY, MONDAY]
    assert [each.day for each in choose_days(folder, "XNYS", "AAA", None, TUESDAY)] == [
        FRIDAY,
        MONDAY,
        TUESDAY,
    ]


@pytest.mark.parametrize(
    ("symbol", "day", "last", "words"),
    (
        ("AAA", HALF_DAY, None, "found 2013-11-29; recorded are AAA 2014-06-06, 2014-06-09"),
        (None, "2014-06-11", None, "expected --day .*recorded are AAA 2014-06-06.*; BBB 2013-11-29"),
        (
            "AAA",
            MONDAY,
            FRIDAY,
            "expected --to as a recorded day of AAA from 2014-06-09 on, found 2014-06-06",
        ),
        ("AAA", FRIDAY, "2014-06-12", "on, found 2014-06-12; recorded are 2014"),
        ("CCC", None, None, "expected --symbol as one of AAA, BBB, found 'CCC'"),
    ),
)
def test_what_is_not_recorded_is_refused(
    folder: Path, symbol: str | None, day: str | None, last: str | None, words: str
) -> None:
    with pytest.raises(RecordingRefused, match=words) as refused:
        choose_days(folder, "XNYS", symbol, day, last)
    assert refused.value.rule is Rule.ABSENT


def test_files_behind_the_first_that_has_the_day_are_not_read(folder: Path) -> None:
    (folder / "BBB_trade.csv.gz").write_bytes(b"spoilt")
    assert choose_days(folder, "XNYS", None, MONDAY) == (Choice(symbol=Symbol("AAA"), day=MONDAY),)
    with pytest.raises(RecordingRefused, match=r"BBB_trade\.csv\.gz: refused by rule gzip"):
        choose_days(folder, "XNYS", None, HALF_DAY)


def test_a_file_without_rows_has_no_day(tmp_path: Path) -> None:
    write_trades(tmp_path, "AAA", [])
    with pytest.raises(RecordingRefused, match="expected any day to be recorded; recorded are AAA none"):
        choose_days(tmp_path, "XNYS", None, None)


def test_a_day_on_which_the_exchange_was_closed_is_refused(tmp_path: Path) -> None:
    write_trades(tmp_path, "AAA", trade_rows("2014-06-07"))
    for wish in (lambda: choose_days(tmp_path, "XNYS", None, None), lambda: day_of(tmp_path, "2014-06-07")):
        with pytest.raises(BadValue, match="expected a session of XNYS, found 2014-06-07"):
            wish()


def day_of(folder: Path, day: str) -> Overnight:
    return read_recorded_day(folder, "AAA", day, "XNYS").found.previous_close.rule


def test_each_side_of_a_split_has_its_own_prices_and_the_close_before_is_not_taken_over(folder: Path) -> None:
    friday = read_recorded_day(folder, "AAA", FRIDAY, "XNYS")
    monday = read_recorded_day(folder, "AAA", MONDAY, "XNYS")
    assert friday.found.previous_close.rule is Overnight.NOT_RECORDED
    assert monday.found.previous_close.rule is Overnight.SPLIT_BETWEEN
    assert monday.found.previous_close.price is None
    assert monday.found.previous_close.date == FRIDAY
    assert "split of 7:1" in monday.found.previous_close.sentence
    assert min(bar.low for moment in friday.day.moments for bar in moment.bars) > 645
    assert max(bar.high for moment in monday.day.moments for bar in moment.bars) < 93
    assert day_of(folder, TUESDAY) is Overnight.TAKEN


def test_a_half_day_ends_when_the_exchange_does(folder: Path) -> None:
    found = read_recorded_day(folder, "BBB", HALF_DAY, "XNYS").found
    assert (found.bars, found.outside_session, found.rows) == (210, 190, 400)


def test_files_other_than_those_of_the_run_are_refused(folder: Path) -> None:
    digest = read_recording(folder, "AAA").digest
    assert read_recorded_day(folder, "AAA", FRIDAY, "XNYS", digest).found.sha256 == digest
    write_quotes(folder, "AAA", quote_rows(FRIDAY))
    with pytest.raises(RecordingRefused, match=f"rule changed: expected files of AAA with digest {digest}"):
        read_recorded_day(folder, "AAA", FRIDAY, "XNYS", digest)
    assert read_recorded_day(folder, "AAA", FRIDAY, "XNYS").found.quotes == 390
