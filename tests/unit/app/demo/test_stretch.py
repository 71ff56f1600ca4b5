"""Several sessions as one run, told as one."""

import itertools
import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agenttrader.adapters.recorded_days import read_recorded_day
from agenttrader.app.demo.outcome import Day, Held, Profit
from agenttrader.app.demo.report import Compared, Ending, JournalFound, Result
from agenttrader.app.demo.setup import Chosen, Maker, Person, Run, Wish, prepare_days
from agenttrader.app.demo.stretch import (
    SUPPOSED,
    Played,
    Stretch,
    stretch_page,
    stretch_summary,
    write_stretch,
)
from agenttrader.app.demo.wiring import keep_agent_keys
from agenttrader.model.credentials import Secret
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.times import Instant
from agenttrader.testing.recordings import trade_rows, write_trades

FRIDAY, MONDAY = "2014-06-06", "2014-06-09"
XYZ = Symbol("XYZ")
EVENING = Held(
    symbol=XYZ,
    quantity=Decimal(20),
    average_price=Decimal(700),
    mark=Decimal("645.57"),
    unrealised=Decimal("-1088.60"),
    protected_quantity=Decimal(0),
    stop=None,
    target=None,
    is_protected_for_today_only=False,
)
MORNING = msgspec.structs.replace(EVENING, quantity=Decimal(140), average_price=Decimal(100), mark=None)


def profit(realised: int, unrealised: int = 0) -> Profit:
    return Profit(realised=Decimal(realised), unrealised=Decimal(unrealised), fees=Decimal(1))


def day(realised: int, unrealised: int = 0, **others: object) -> Day:
    plain = Day(
        orders={"filled": 1},
        fills=(),
        denials=(),
        profit=profit(realised, unrealised),
        made=(),
        digest=Digest("d" * 64),
    )
    return msgspec.structs.replace(plain, **others)


def result(found: Day) -> Result:
    return Result(
        day=found,
        compared=Compared(breaks=(), failure=""),
        journal=JournalFound(records=7, head="h" * 64, verified=True, finding=""),
        is_halted=True,
        ending=Ending.CLOSE,
        ended_early="",
        is_final=True,
    )


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Run, ...]:
    rows = [*trade_rows(FRIDAY, "645.57"), *trade_rows(MONDAY, "92.69")]
    write_trades(tmp_path / "data", "XYZ", rows)
    maker = Maker(
        person=lambda: Person(public_key="ab" * 32, sign=str),
        token=map(Secret, map(str, itertools.count())).__next__,
        keep_agent_keys=keep_agent_keys,
        session=lambda *_: pytest.fail("no day of these is generated"),
        recorded=read_recorded_day,
    )
    wishes = [
        Wish(recorded=Chosen(folder=tmp_path / "data", symbol=XYZ, day=each), holds=True)
        for each in (FRIDAY, MONDAY)
    ]
    return prepare_days(tmp_path, wishes, maker, Instant(0))


@pytest.fixture
def stretch(runs: tuple[Run, ...]) -> Stretch:
    friday, monday = runs
    return Stretch(
        days=(
            Played(run=friday, result=result(day(0, -1088, held=(EVENING,)))),
            Played(run=monday, result=result(day(-1000, carried=(MORNING,)))),
        ),
        whole=day(-1000, orders={"filled": 2}),
        ended_early="",
    )


def test_the_night_says_what_was_held_how_it_was_protected_and_what_became_of_it(stretch: Stretch) -> None:
    (night,) = stretch.nights
    assert (night.evening, night.morning, str(night.split)) == (FRIDAY, MONDAY, "7:1")
    assert list(night.sentences) == [
        "20 XYZ at 700 was held; bare: no stop rests at the venue, for DAY orders end at the close",
        f"the venue made a split of 7:1, {SUPPOSED}",
        "in the morning 140 XYZ at 100 is held",
    ]


@pytest.mark.parametrize(
    ("protected", "stop", "today_only", "words"),
    (
        (20, 690, False, "protected by a stop at 690 that rests until canceled"),
        (5, 690, False, "5 of it protected by a stop at 690"),
        (20, 690, True, "bare"),
        (0, None, False, "bare"),
    ),
)
def test_only_what_rests_beyond_the_close_protects_over_the_night(
    protected: int, stop: int | None, *, today_only: bool, words: str
) -> None:
    held = msgspec.structs.replace(
        EVENING,
        protected_quantity=Decimal(protected),
        stop=None if stop is None else Decimal(stop),
        is_protected_for_today_only=today_only,
    )
    assert held.overnight.startswith(words)


def test_the_summary_is_of_the_whole_and_of_each_day_and_night(stretch: Stretch) -> None:
    found = json.loads(msgspec.json.encode(stretch_summary(stretch)))
    assert found["sessions"] == [FRIDAY, MONDAY]
    assert found["orders"] == {"filled": 2}
    assert found["profit"] == {"realised": "-1000", "unrealised": "0", "fees": "1"}
    assert (found["reconciliation"], found["halted"]) == ({"breaks": 0}, True)
    assert [each["session"] for each in found["days"]] == [FRIDAY, MONDAY]
    assert [each["data"]["day"] for each in found["days"]] == [FRIDAY, MONDAY]
    (night,) = found["nights"]
    assert (night["split"], night["held"][0]["quantity"], night["carried"][0]["quantity"]) == (
        "7:1",
        "20",
        "140",
    )
    assert {"session", "data"}.isdisjoint(found)


def test_one_report_names_the_whole_each_day_and_the_night(stretch: Stretch, tmp_path: Path) -> None:
    folder = write_stretch(stretch, tmp_path / "reports", "c0de")
    page = (folder / "report.md").read_text()
    places = [
        page.index(words)
        for words in (
            f"# Demo days {FRIDAY} to {MONDAY}: reconciled, verified, halted",
            f"**Prices that XYZ had from {FRIDAY} to {MONDAY}",
            "- digest of all days dddd",
            "## The days together",
            "- net, after fees: -1,001.00",
            f"\n# {FRIDAY}\n",
            f"## The night from {FRIDAY} to {MONDAY}",
            "- in the morning 140 XYZ at 100 is held",
            f"\n# {MONDAY}\n",
        )
    ]
    assert places == sorted(places)
    body = json.loads((folder / "report.json").read_text())
    assert [each["ending"] for each in body["days"]] == ["close", "close"]
    assert len({each["configuration"] for each in body["days"]}) == 2


def test_a_day_that_was_not_compared_leaves_the_number_of_breaks_unknown(stretch: Stretch) -> None:
    friday, monday = stretch.days
    outage = msgspec.structs.replace(monday.result, compared=Compared(breaks=(), failure="no answer"))
    changed = msgspec.structs.replace(monday, result=outage)
    found = msgspec.structs.replace(stretch, days=(friday, changed), ended_early="not compared")
    assert (found.breaks, found.is_good, stretch.is_good) == (None, False, True)
    assert "not as it should be" in stretch_page(found, "c0de")
