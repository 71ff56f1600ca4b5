"""Recorded days as a person plays them: real processes, real sockets, one command.

The files of most tests are made up here. Those of real sessions lie beside the project, in ../shared/data;
where they do not, these tests say so and are skipped.
"""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.recorded_days import read_recorded_day
from agenttrader.model.identifiers import Symbol
from agenttrader.simulation.market import generate_day
from agenttrader.simulation.overnight import Overnight
from agenttrader.testing.recordings import quote_rows, rows_of, trade_rows, write_quotes, write_trades

PROGRAM = Path(sys.executable).with_name("agenttrader")
REAL = Path(__file__).parents[3] / "shared" / "data"
REAL_SESSIONS = (
    *(("SPY", f"2013-10-{day}") for day in ("04", "07", "08", "09", "10", "11")),
    ("SPY", "2023-08-03"),
    *(("AAPL", f"2014-06-{day}") for day in ("05", "06", "09")),
)
DEADLINE_SECONDS = 100
HALF_DAY = "2013-11-29"
HALF_DAY_MINUTES = 210

pytestmark = pytest.mark.timeout(120)
real = pytest.mark.skipif(not REAL.is_dir(), reason=f"no recorded sessions in {REAL}: nothing real is played")


class Played(NamedTuple):
    """What came of a command."""

    code: int
    outcomes: list[dict[str, Any]]
    lines: list[str]
    folder: Path

    @property
    def outcome(self) -> dict[str, Any]:
        (found,) = self.outcomes
        return found


def play(folder: Path, *words: str) -> Played:
    """`agenttrader demo --json` in a folder of its own, to its end."""
    folder.mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AGENTTRADER_HOME": str(folder / "home"),
        # Kernels are compiled once for all tests, not once for each home.
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
    }
    done = subprocess.run(
        [PROGRAM, "demo", "--json", *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    return Played(done.returncode, outcomes, done.stderr.splitlines(), folder)


def must_be_good(played: Played) -> None:
    assert played.code == 0, "\n".join(played.lines)
    for outcome in played.outcomes:
        assert outcome["reconciliation"] == {"breaks": 0}
        assert outcome["journal"]["verified"] is True
        assert outcome["halted"] is True
        assert outcome["denials"] == {"trading_state": 1, "symbol_status": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A half day of a made-up symbol, with all that may be repaired, kept apart or missing."""
    folder = tmp_path_factory.mktemp("data")
    session = read_session("XNYS", HALF_DAY)
    rows = rows_of(generate_day({Symbol("XYZ"): Decimal("48.20")}, session, 4))
    early = trade_rows(HALF_DAY, "645.57", start="08:00", minutes=30)
    late = trade_rows(HALF_DAY, "48.00", start="13:00", minutes=20)
    swapped = [*rows[:50], rows[51], rows[50], *rows[52:], rows[7]]
    write_trades(folder, "XYZ", [*early, *swapped, *late])
    write_quotes(folder, "XYZ", quote_rows(HALF_DAY, "48.20"))
    return folder


@pytest.fixture(scope="module")
def played(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("played") / "run", "--exit", "--data", str(data), "--speed", "max")


def test_a_recorded_day_from_one_command(played: Played) -> None:
    must_be_good(played)
    outcome = played.outcome
    assert outcome["session"] == HALF_DAY
    assert outcome["fills"] >= 1
    found = outcome["data"]
    assert (found["file"], found["symbol"], found["day"]) == ("XYZ_trade.csv.gz", "XYZ", HALF_DAY)
    assert found["bars"] + found["missing_minutes"] == HALF_DAY_MINUTES
    assert 5 <= found["missing_minutes"] <= 10
    assert found["outside_session"] == 50
    assert found["repaired"] == {"order": 2, "doubled": 1}
    assert found["rows"] == found["bars"] + found["outside_session"] + found["repaired"]["doubled"]
    assert found["quotes"] == HALF_DAY_MINUTES
    assert found["previous_close"]["rule"] == "not_recorded"


def test_the_show_begins_with_a_denial_and_says_what_is_played_and_what_was_done_to_it(
    played: Played,
) -> None:
    first, notice, day, *others = played.lines
    assert "denied    visitor, before anybody opened a window: buy 10 NO_DATA at market: Trading is" in first
    assert "RECORDED DATA · SIMULATED VENUE · throw-away demo person" in notice
    assert f"session {HALF_DAY} of XYZ as recorded in XYZ_trade.csv.gz, as fast as it goes" in day
    told = "\n".join(others)
    assert "the first recorded is played, for want of --symbol and --day: XYZ on 2013-11-29" in told
    assert "50 outside the session kept apart" in told
    assert "repaired: order 2, doubled 1" in told
    assert "the spread is not paid; a fill is told at the end of its bar" in told
    assert "a file tells of no halts, so this day has none" in told
    assert (
        "visitor: buy 10 NO_DATA at market: Whether the exchange lets the symbol trade is not known" in told
    )


def test_report_and_log_say_where_the_prices_come_from_and_nothing_calls_them_generated(
    played: Played,
) -> None:
    (report,) = (played.folder / "audit_artifacts" / "demo").iterdir()
    body = json.loads((report / "report.json").read_text())
    assert body["data"] == played.outcome["data"]
    assert body["notice"].startswith(f"Prices that XYZ had on {HALF_DAY}, a simulated venue")
    (run,) = (played.folder / "home" / "demo").iterdir()
    log = [json.loads(line) for line in (run / "logs" / "marketdata.log").read_text().splitlines()]
    (entry,) = (each for each in log if each["event"] == "day_recorded")
    assert entry["feed"] == "recorded"
    assert entry["data"] == played.outcome["data"]
    everywhere = "\n".join((*played.lines, (report / "report.md").read_text(), json.dumps(log)))
    assert "generated" not in everywhere.lower()


@pytest.mark.slow
def test_the_same_recorded_day_has_the_same_digest_at_another_speed_and_in_another_order(
    played: Played, data: Path, tmp_path: Path
) -> None:
    words = ("--exit", "--data", str(data), "--symbol", "XYZ", "--day", HALF_DAY)
    again = play(
        tmp_path / "again", *words, "--speed", "80", "--order", "strategy,gateway,marketdata,exits,venue"
    )
    must_be_good(again)
    assert again.outcome["digest"] == played.outcome["digest"]
    assert again.outcome["data"] == played.outcome["data"]


@pytest.mark.parametrize(
    ("words", "said"),
    (
        (("--symbol", "QQQ"), "refused by rule absent: expected --symbol as one of XYZ, found 'QQQ'"),
        (
            ("--day", "2013-11-27"),
            "refused by rule absent: expected --day as a recorded day, found 2013-11-27",
        ),
        (("--day", "nonsense"), "--day: expected a day as YYYY-MM-DD, found 'nonsense'"),
        (("--seed", "7"), "--seed: expected none with --data"),
        (("--to", HALF_DAY), "--to: expected --exit with it"),
        (("--hold",), "--hold: expected --to with it"),
    ),
)
def test_days_that_cannot_be_had_are_refused_before_anything_is_made(
    data: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    refused = play(tmp_path / "run", "--data", str(data), *words)
    assert refused.code == 2
    (line,) = refused.lines
    assert line.startswith("agenttrader: ")
    assert said in line
    assert not (refused.folder / "home").exists()


def test_a_file_that_was_cut_is_refused_before_anything_is_made(data: Path, tmp_path: Path) -> None:
    whole = (data / "XYZ_trade.csv.gz").read_bytes()
    (tmp_path / "XYZ_trade.csv.gz").write_bytes(whole[: len(whole) // 2])
    refused = play(tmp_path / "run", "--exit", "--data", str(tmp_path))
    assert refused.code == 2
    assert "XYZ_trade.csv.gz: refused by rule gzip: expected a whole gzip file" in refused.lines[0]
    assert not (refused.folder / "home").exists()


@real
@pytest.mark.parametrize(("symbol", "day"), REAL_SESSIONS)
def test_every_real_session_is_whole_and_needs_no_repair(symbol: str, day: str) -> None:
    recorded = read_recorded_day(REAL, symbol, day, "XNYS")
    found = recorded.found
    assert (found.bars, found.quotes, found.missing_minutes, found.repaired) == (390, 390, 0, {})
    assert found.rows == found.bars + found.outside_session
    assert found.sub_penny == (199 if day == "2023-08-03" else 0)
    split = found.previous_close.rule is Overnight.SPLIT_BETWEEN
    assert split == ((symbol, day) == ("AAPL", "2014-06-09"))


@real
def test_a_real_quote_is_near_the_close_of_its_minute_not_near_its_open() -> None:
    """What the files do not say: at which end of its minute a quote was seen."""
    for symbol, day in REAL_SESSIONS[::3]:
        moments = read_recorded_day(REAL, symbol, day, "XNYS").day.moments[1:]
        pairs = [
            (moment.bars[0], (moment.quotes[0].bid_price + moment.quotes[0].ask_price) / 2)
            for moment in moments
        ]
        from_close = sum(abs(middle - bar.close) for bar, middle in pairs)
        from_open = sum(abs(middle - bar.open) for bar, middle in pairs)
        assert 3 * from_close < from_open


SPLIT = ("--data", str(REAL), "--symbol", "AAPL", "--day", "2014-06-06", "--to", "2014-06-09")


def must_be_one_good_run(played: Played) -> dict[str, Any]:
    """The outcome of both days together, each of them and the whole as they should be."""
    assert played.code == 0, "\n".join(played.lines)
    found = played.outcome
    assert found["sessions"] == ["2014-06-06", "2014-06-09"]
    for outcome in (found, *found["days"]):
        assert outcome["reconciliation"] == {"breaks": 0}
        assert outcome["journal"]["verified"] is True
        assert outcome["halted"] is True
    for day in found["days"]:
        assert day["denials"] == {"trading_state": 1, "symbol_status": 1}
    first, second = (day["journal"]["records"] for day in found["days"])
    assert first < second == found["journal"]["records"], "the journal went on"
    (_,) = (played.folder / "home" / "demo").iterdir()
    return found


@real
@pytest.mark.slow
def test_both_sides_of_a_real_split_are_one_run_each_day_by_its_own_prices(tmp_path: Path) -> None:
    played = play(tmp_path / "run", "--exit", "--speed", "max", *SPLIT)
    found = must_be_one_good_run(played)
    friday, monday = found["days"]
    close = monday["data"]["previous_close"]
    assert (close["rule"], close["date"], close["found"], close["price"]) == (
        *("split_between", "2014-06-06"),
        *("645.57", None),
    )
    assert "look like a split of 7:1" in close["sentence"]
    assert friday["data"]["previous_close"]["price"] == "647.35"
    (night,) = found["nights"]
    assert (night["held"], night["carried"], night["split"]) == ([], [], "7:1")
    for told, low, high in zip(report_of(played)["days"], (600, 85), (700, 100), strict=True):
        prices = [Decimal(execution["price"]) for execution in told["executions"]]
        assert len(prices) == told["fills"] >= 1
        assert low < min(prices) <= max(prices) < high


@real
@pytest.mark.slow
def test_a_position_is_carried_over_a_real_split(tmp_path: Path) -> None:
    played = play(tmp_path / "run", "--exit", "--speed", "max", "--hold", *SPLIT)
    found = must_be_one_good_run(played)
    (night,) = found["nights"]
    (evening,), (morning,) = night["held"], night["carried"]
    assert (evening["quantity"], morning["quantity"]) == ("20", "140")
    bought, sold = (day["executions"][0] for day in report_of(played)["days"])
    paid, got = Decimal(bought["price"]), Decimal(sold["price"])
    assert Decimal(evening["average_price"]) == paid
    assert abs(7 * Decimal(morning["average_price"]) - paid) < Decimal("0.001")
    assert (bought["quantity"], sold["quantity"]) == ("20", "140")
    assert Decimal(found["profit"]["realised"]) == 140 * got - 20 * paid
    assert found["profit"]["unrealised"] == "0"
    assert sum(Decimal(day["profit"]["realised"]) for day in found["days"]) == 140 * got - 20 * paid
    assert evening["overnight"].startswith("bare: no stop rests at the venue")
    assert "the venue makes a split of 7:1, supposed from the prices" in "\n".join(played.lines)
    (run,) = (played.folder / "home" / "demo").iterdir()
    (action,) = (
        entry
        for entry in map(json.loads, (run / "venue" / "venue.log").read_text().splitlines())
        if entry.get("type") == "action"
    )
    assert (action["symbol"], action["new_rate"], action["old_rate"]) == ("AAPL", "7", "1")


def report_of(played: Played) -> dict[str, Any]:
    """The one report of a command."""
    (report,) = (played.folder / "audit_artifacts" / "demo").iterdir()
    body: dict[str, Any] = json.loads((report / "report.json").read_text())
    return body


@real
@pytest.mark.slow
@pytest.mark.parametrize(("symbol", "day"), REAL_SESSIONS)
def test_every_real_session_is_played_without_a_break(tmp_path: Path, symbol: str, day: str) -> None:
    words = ("--data", str(REAL), "--symbol", symbol, "--day", day)
    played = play(tmp_path / "run", "--exit", "--speed", "max", *words)
    must_be_good(played)
    found = played.outcome["data"]
    assert (found["symbol"], found["day"], found["repaired"]) == (symbol, day, {})
