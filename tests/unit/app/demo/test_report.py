import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agenttrader.adapters.recorded_days import read_recorded_day
from agenttrader.app.demo.outcome import Day, Denial, ExitAct, Held, Made, Profit, Why
from agenttrader.app.demo.report import Compared, Ending, JournalFound, Result, summary, write
from agenttrader.app.demo.setup import Chosen, Maker, Person, Run, Wish, prepare
from agenttrader.app.demo.wiring import keep_agent_keys
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import StoreError
from agenttrader.model.events import Filled
from agenttrader.model.identifiers import Digest, ExecutionId, OrderId, StrategyName, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.sessions import Session
from agenttrader.model.times import from_rfc3339
from agenttrader.testing.recordings import quote_rows, trade_rows, write_quotes, write_trades

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
ALFA = Symbol("ALFA")
DAY = Day(
    orders={"denied": 1, "filled": 2},
    fills=(
        Filled(
            order_id=OrderId("o"),
            execution_id=ExecutionId("e"),
            symbol=ALFA,
            side=Side.SELL,
            quantity=Decimal(100),
            price=Decimal("40.10"),
            fee=Decimal("0.13"),
            time=OPEN,
        ),
    ),
    denials=(
        Denial(
            time="2026-11-20T14:30:00Z",
            agent="visitor",
            symbol=ALFA,
            code="symbol_status",
            sentence="the exchange | halts it",
        ),
    ),
    profit=Profit(realised=Decimal(-110), unrealised=Decimal(0), fees=Decimal("0.13")),
    made=(
        Made(strategy=StrategyName("momentum"), symbol=ALFA, realised=Decimal(-110), fees=Decimal("0.13")),
    ),
    digest=Digest("d" * 64),
    whys={OrderId("o"): Why(strategy=StrategyName("momentum"), reason="it\n falls")},
)
GOOD = Result(
    day=DAY,
    compared=Compared(breaks=(), failure=""),
    journal=JournalFound(records=7, head="h" * 64, verified=True, finding=""),
    is_halted=True,
    ending=Ending.CLOSE,
    ended_early="",
)
NOTICE = (
    "Generated market data, a simulated venue and a throw-away demo person: nothing here is a real market."
)
BREAK = Break(kind=BreakKind.POSITION, ours="100", theirs="0", sentence="ALFA: we hold 100, the venue says 0")


def run_of(folder: Path, wish: Wish) -> Run:
    session = Session(date="2026-11-20", open=OPEN, close=from_rfc3339("2026-11-20T21:00:00Z"))
    maker = Maker(
        person=lambda: Person(public_key="ab" * 32, sign=str),
        token=iter(map(Secret, map(str, range(99)))).__next__,
        keep_agent_keys=keep_agent_keys,
        session=lambda *_: session,
        recorded=read_recorded_day,
    )
    return prepare(folder, wish, maker, OPEN)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return run_of(tmp_path, Wish(seed=7))


@pytest.fixture
def recorded(tmp_path: Path) -> Run:
    rows = [*trade_rows("2014-06-06", "645.57"), *trade_rows("2014-06-09", "92.69", minutes=395)]
    write_trades(tmp_path / "data", "XYZ", rows)
    write_quotes(tmp_path / "data", "XYZ", quote_rows("2014-06-09", minutes=2))
    chosen = Chosen(folder=tmp_path / "data", symbol=Symbol("XYZ"), day="2014-06-09")
    return run_of(tmp_path, Wish(recorded=chosen))


def test_the_summary_is_one_object_with_amounts_as_text(run: Run) -> None:
    assert json.loads(msgspec.json.encode(summary(run, GOOD))) == {
        "session": "2026-11-20",
        "orders": {"denied": 1, "filled": 2},
        "fills": 1,
        "denials": {"symbol_status": 1},
        "exits": {},
        "profit": {"realised": "-110", "unrealised": "0", "fees": "0.13"},
        "reconciliation": {"breaks": 0},
        "journal": {"records": 7, "head": "h" * 64, "verified": True},
        "halted": True,
        "digest": "d" * 64,
    }


def test_a_good_day_has_no_findings() -> None:
    assert GOOD.is_good
    assert list(GOOD.findings()) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    (
        ({"compared": Compared(breaks=(BREAK,), failure="")}, "break position: ALFA: we hold 100"),
        (
            {"compared": Compared(breaks=(), failure="no answer")},
            "could not be compared with the venue: no answer",
        ),
        (
            {"journal": JournalFound(records=3, head="h", verified=False, finding="record 4: changed")},
            "does not verify: record 4: changed",
        ),
        ({"is_halted": False}, "trading is not halted"),
    ),
)
def test_whatever_is_missing_is_a_finding(change: dict[str, object], finding: str) -> None:
    result = msgspec.structs.replace(GOOD, **change)
    assert not result.is_good
    (sentence,) = result.findings()
    assert finding in sentence


def test_an_outage_is_not_a_count_of_breaks(run: Run) -> None:
    result = msgspec.structs.replace(GOOD, compared=Compared(breaks=(), failure="no answer"))
    assert summary(run, result)["reconciliation"] == {"breaks": None}


def test_a_report_that_cannot_be_written_is_an_error_that_says_where_the_records_are(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "artifacts").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="expected to write the day's report there") as refused:
        write(run, GOOD, tmp_path / "artifacts", code="c")
    assert str(run.folder) in str(refused.value)


def test_the_report_lies_as_a_page_and_as_an_object_and_both_say_what_the_day_was_not(
    run: Run, tmp_path: Path
) -> None:
    act = ExitAct(
        time="2026-11-20T17:45:00Z",
        symbol=ALFA,
        act="protected",
        quantity=Decimal(63),
        stop=Decimal("39.50"),
        reason="no stop faces 63",
    )
    day = msgspec.structs.replace(GOOD.day, exits=(act,))
    result = msgspec.structs.replace(GOOD, day=day, compared=Compared(breaks=(BREAK,), failure=""))
    folder = write(run, result, tmp_path / "artifacts", code="c0ffee")
    assert folder == tmp_path / "artifacts" / "demo" / f"2026-11-20-{run.folder.name}"
    page = (folder / "report.md").read_text()
    body = json.loads((folder / "report.json").read_text())
    assert NOTICE in page
    assert body["notice"] == NOTICE
    for expected in (
        "# Demo day 2026-11-20: not as it should be",
        "- break position: ALFA: we hold 100, the venue says 0",
        "- realised: -110.00",
        "| momentum | ALFA | -110.00 | 0.13 |",
        "| visitor | ALFA | symbol_status | the exchange / halts it |",
        "- net, after fees: -110.13",
        "| 09:30:00 | 2026-11-20T14:30:00Z | visitor | ALFA | symbol_status |",
        "| 09:30:00 | 2026-11-20T14:30:00Z | ALFA | sell | 100 | 40.10 | 0.13 | momentum | it falls |",
        "| 12:45:00 | 2026-11-20T17:45:00Z | protected | 63 | ALFA | 39.50 | none | no stop faces 63 |",
        "- code c0ffee",
        "- SINGLE PERSON: one signs for what needs two",
        f"- digest of the day {'d' * 64}",
    ):
        assert expected in page
    assert body["breaks"][0]["kind"] == "position"
    assert (body["exits"], body["exit_acts"][0]["stop"]) == ({"protected": 1}, "39.50")
    (execution,) = body["executions"]
    assert (execution["price"], execution["time"]) == ("40.10", body["denied"][0]["time"])
    assert (execution["strategy"], execution["reason"]) == ("momentum", "it\n falls")
    assert body["net"] == "-110.13"
    assert (body["configuration"], body["single_person"]) == (run.configuration.digest, True)


def test_what_is_still_held_stands_in_the_report_and_among_what_a_person_must_look_at(
    run: Run, tmp_path: Path
) -> None:
    held = Held(
        symbol=ALFA,
        quantity=Decimal(100),
        average_price=Decimal("40.10"),
        mark=Decimal(41),
        unrealised=Decimal(90),
        protected_quantity=Decimal(100),
        stop=Decimal(39),
        target=None,
        is_protected_for_today_only=True,
    )
    day = msgspec.structs.replace(DAY, held=(held,), dead_machine_loss=Decimal(200))
    folder = write(run, msgspec.structs.replace(GOOD, day=day), tmp_path / "artifacts", code="c")
    page = (folder / "report.md").read_text()
    body = json.loads((folder / "report.json").read_text())
    looked_at, _, rest = page.partition("## Profit")
    assert held.sentence in looked_at
    assert "## Positions at the end" in rest
    assert "| ALFA | 100 | 40.10 | 41 | 90.00 | 100 | 39 | none |" in rest
    assert "Dead-machine loss, were everything of ours to stop now: 200.00, of 10,000.00 that" in rest
    assert body["findings"] == [held.sentence]
    assert (body["held"][0]["stop"], body["dead_machine_loss"]) == ("39", "200")


def test_a_generated_day_names_its_seed_and_has_no_data(run: Run, tmp_path: Path) -> None:
    folder = write(run, GOOD, tmp_path / "artifacts", code="c")
    body = json.loads((folder / "report.json").read_text())
    assert body["seed"] == 7
    assert "data" not in body
    page = (folder / "report.md").read_text()
    assert f"- run {run.folder.name}: 6 generated symbols, seed 7, speed 8" in page
    assert "## Data" not in page


def test_a_recorded_day_says_what_was_found_in_its_files_wherever_it_is_told(
    recorded: Run, tmp_path: Path
) -> None:
    assert recorded.recorded is not None
    digest = recorded.recorded.found.sha256
    sentence = "645.59 at the close of 2014-06-06 and 92.69 at this open look like a split of 7:1 between"
    data = json.loads(msgspec.json.encode(summary(recorded, GOOD)))["data"]
    assert data.pop("previous_close") == {
        "rule": "split_between",
        "date": "2014-06-06",
        "found": "645.59",
        "price": None,
        "sentence": f"{sentence}: that close is not taken over, no price is adjusted",
    }
    assert data == {
        "file": "XYZ_trade.csv.gz",
        "quotes_file": "XYZ_quote.csv.gz",
        "sha256": digest,
        "symbol": "XYZ",
        "day": "2014-06-09",
        "rows": 395,
        "bars": 390,
        "quotes": 2,
        "outside_session": 5,
        "missing_minutes": 0,
        "sub_penny": 0,
        "repaired": {},
    }
    folder = write(recorded, GOOD, tmp_path / "artifacts", code="c")
    body = json.loads((folder / "report.json").read_text())
    assert body["data"]["rows"] == 395
    assert "seed" not in body
    assert body["notice"].startswith("Prices that XYZ had on 2014-06-09, a simulated venue and a throw-away")
    page = (folder / "report.md").read_text()
    assert f"**{body['notice']}**" in page
    _, _, part = page.partition("## Data\n")
    part = part.partition("## ")[0]
    assert "395 rows: 390 bars played, 5 outside the session kept apart" in part
    assert sentence in part
    assert digest in part
    assert "XYZ as recorded in XYZ_trade.csv.gz, speed 8" in page
