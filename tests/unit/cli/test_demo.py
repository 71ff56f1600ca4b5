from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import cast

import msgspec
import pytest
import typer

from agenttrader.app.demo.outcome import Day, Profit
from agenttrader.app.demo.report import Compared, Ending, JournalFound, Result
from agenttrader.app.demo.setup import ROLES, Asked, Run, Wish
from agenttrader.app.demo.stretch import Played, Stretch
from agenttrader.cli.demo import asked_of, demo, exit_code_of, exit_code_of_days, sum_of, wish_of
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest
from agenttrader.testing.recordings import trade_rows, write_trades

GOOD = Result(
    day=Day(
        orders={},
        fills=(),
        denials=(),
        profit=Profit(realised=Decimal(0), unrealised=Decimal(0), fees=Decimal(0)),
        made=(),
        digest=Digest("d"),
    ),
    compared=Compared(breaks=(), failure=""),
    journal=JournalFound(records=1, head="h", verified=True, finding=""),
    is_halted=True,
    ending=Ending.CLOSE,
    ended_early="",
)
OUTAGE = Compared(breaks=(), failure="no answer")


@pytest.mark.parametrize(
    ("change", "code"),
    (
        ({}, ExitCode.DONE),
        ({"is_halted": False}, ExitCode.FINDING),
        ({"compared": OUTAGE}, ExitCode.FINDING),
        ({"ending": Ending.HALTED, "ended_early": "latched"}, ExitCode.DONE),
        ({"ending": Ending.HALTED, "ended_early": "latched", "compared": OUTAGE}, ExitCode.HALTED),
        ({"ending": Ending.STOPPED, "ended_early": "interrupted"}, ExitCode.FINDING),
        ({"ending": Ending.UNREACHABLE, "ended_early": "it stands still"}, ExitCode.UNREACHABLE),
    ),
)
def test_the_exit_code_is_0_only_for_what_is_reconciled_verified_and_halted(
    change: dict[str, object], code: ExitCode
) -> None:
    assert exit_code_of(msgspec.structs.replace(GOOD, **change)) is code


def test_without_words_the_day_is_as_the_template_has_it() -> None:
    assert wish_of(None, None, None, None, "watermark") == Wish()
    assert Wish().order == ROLES


def test_the_words_are_a_wish() -> None:
    wish = wish_of(7, "2026-11-27", "max", "gateway, venue,strategy,marketdata", "arrival")
    assert (wish.seed, wish.date, wish.speed, wish.inbox) == (7, "2026-11-27", "max", "arrival")
    assert wish.order == ("gateway", "venue", "strategy", "marketdata")
    assert wish_of(None, None, "40", None, "watermark").speed == 40


@pytest.mark.parametrize("speed", ("0", "-1", "1.5", "fast", "10001", ""))
def test_a_speed_that_is_none_is_refused(speed: str) -> None:
    with pytest.raises(BadValue, match="--speed: expected max or bars per second from 1 to 10000"):
        wish_of(None, None, speed, None, "watermark")


def test_an_order_of_hearing_that_is_none_is_refused() -> None:
    with pytest.raises(BadValue, match="--inbox: expected watermark or arrival, found 'random'"):
        wish_of(None, None, None, None, "random")


def test_without_a_folder_the_day_is_a_generated_one() -> None:
    assert asked_of(Wish(seed=7), None, None, None, None) is None


def test_a_folder_asks_for_recorded_days() -> None:
    folder = Path("data")
    assert asked_of(Wish(), "data", "SPY", "2013-10-04", "2013-10-08") == Asked(
        folder=folder, symbol="SPY", day="2013-10-04", last="2013-10-08"
    )
    assert asked_of(Wish(), "data", None, None, None) == Asked(
        folder=folder, symbol=None, day=None, last=None
    )


@pytest.mark.parametrize(
    ("words", "message"),
    (
        (("SPY", None, None), "--symbol: expected --data with it"),
        ((None, "2013-10-04", None), "--day: expected --data with it"),
        ((None, None, "2013-10-04"), "--to: expected --data with it"),
    ),
)
def test_words_of_a_recorded_day_without_a_folder_are_refused(
    words: tuple[str | None, str | None, str | None], message: str
) -> None:
    with pytest.raises(BadValue, match=message):
        asked_of(Wish(), None, *words)


@pytest.mark.parametrize(
    ("wish", "message"),
    ((Wish(seed=0), "--seed: expected none with --data"), (Wish(date="2026-11-20"), "--date: expected none")),
)
def test_words_of_a_generated_day_beside_a_folder_are_refused(wish: Wish, message: str) -> None:
    with pytest.raises(BadValue, match=message):
        asked_of(wish, "data", None, None, None)


@pytest.mark.parametrize(
    ("words", "message"),
    (
        (("", None, None, None), "--data: expected a name, found an empty text"),
        (("data", "", None, None), "--symbol: expected a name, found an empty text"),
        (("data", None, "nonsense", None), "--day: expected a day as YYYY-MM-DD, found 'nonsense'"),
        (("data", None, "20131004", None), "--day: expected a day as YYYY-MM-DD, found '20131004'"),
        (("data", None, "2013-10-04", "2013-10-32"), "--to: expected a day as YYYY-MM-DD"),
    ),
)
def test_words_that_name_nothing_are_refused(
    words: tuple[str, str | None, str | None, str | None], message: str
) -> None:
    """An empty --data would be the folder that the demo was started in."""
    with pytest.raises(BadValue, match=message):
        asked_of(Wish(), *words)
    with pytest.raises(BadValue, match="--date: expected a day as YYYY-MM-DD, found 'today'"):
        wish_of(None, "today", None, None, "watermark")


def stretch_of(*results: Result, ended_early: str = "") -> Stretch:
    """Days of one run; the whole is what the last of them says."""
    run = cast("Run", None)
    days = tuple(Played(run=run, result=result) for result in results)
    return Stretch(days=days, whole=results[-1].day, ended_early=ended_early)


def test_the_sum_is_of_all_sessions() -> None:
    profit = Profit(realised=Decimal("5.25"), unrealised=Decimal(0), fees=Decimal("0.35"))
    day = msgspec.structs.replace(GOOD.day, orders={"filled": 2, "canceled": 1}, profit=profit)
    played = msgspec.structs.replace(GOOD, day=day)
    outage = msgspec.structs.replace(played, compared=OUTAGE)
    assert sum_of(stretch_of(played, played)).split("sum       ")[1] == (
        "sessions: 2; orders: 3; fills: 0; held: nothing; realised +5.25; unrealised 0.00; fees 0.35; "
        "net +4.90; breaks: 0"
    )
    assert sum_of(stretch_of(played, outage)).endswith("breaks: not compared")


@pytest.mark.parametrize(
    ("results", "ended_early", "code"),
    (
        ((GOOD, GOOD), "", ExitCode.DONE),
        ((GOOD, msgspec.structs.replace(GOOD, is_halted=False)), "no", ExitCode.FINDING),
        ((GOOD, msgspec.structs.replace(GOOD, ending=Ending.UNREACHABLE)), "no", ExitCode.UNREACHABLE),
        ((GOOD,), "the second was not played", ExitCode.FINDING),
    ),
)
def test_the_exit_code_of_several_days_is_that_of_the_first_that_is_not_good(
    results: tuple[Result, ...], ended_early: str, code: ExitCode
) -> None:
    assert exit_code_of_days(stretch_of(*results, ended_early=ended_early)) is code


@pytest.mark.parametrize("holds", (False, True))
def test_sessions_up_to_a_day_are_one_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, *, holds: bool
) -> None:
    days = ["2014-06-06", "2014-06-09"]
    write_trades(tmp_path, "XYZ", [row for day in days for row in trade_rows(day, minutes=1)])
    seen: list[tuple[str, bool]] = []

    async def end(wishes: Sequence[Wish], *, prints: bool) -> Stretch:
        assert prints
        seen.extend((wish.recorded.day, wish.holds) for wish in wishes if wish.recorded)
        return stretch_of(GOOD, GOOD)

    monkeypatch.setattr("agenttrader.cli.demo._days", end)
    with pytest.raises(typer.Exit) as ended:
        demo(
            leaves=True,
            prints=True,
            data=str(tmp_path),
            symbol="XYZ",
            day=days[0],
            last=days[1],
            holds=holds,
        )
    assert seen == [(day, holds) for day in days]
    assert ended.value.exit_code == ExitCode.DONE
    assert "sum       sessions: 2; orders: 0" in capsys.readouterr().err


def test_to_hold_there_must_be_a_night(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="--hold: expected --to with it"):
        demo(data=str(tmp_path), leaves=True, holds=True)


def test_sessions_that_would_not_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="--to: expected --exit with it"):
        demo(data=str(tmp_path), last="2014-06-09")
