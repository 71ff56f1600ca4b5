import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agenttrader.adapters import side_journal
from agenttrader.adapters.side_journal import UNREADABLE, SideJournal, read_side_journals
from agenttrader.model.identifiers import AccountName, BrokerOrderId, ClientOrderId, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.outside import ActedOutside
from agenttrader.model.reports import StatedOrder
from agenttrader.model.times import Instant

ACCOUNT = AccountName("SIM-1")
NOW = Instant(1_795_185_000_000_000_000)
MADE = StatedOrder(
    broker_order_id=BrokerOrderId("b-1"),
    client_order_id=ClientOrderId("c-1"),
    symbol=Symbol("ALFA"),
    side=Side.BUY,
    type="market",
    quantity=Decimal("2.5"),
    time=NOW,
)
Open = Callable[[str], SideJournal]


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    return tmp_path / "heads"


@pytest.fixture
def opened(heads: Path) -> Open:
    return lambda name: SideJournal(heads, ACCOUNT, name, f"{name} by ann", lambda: NOW)


def test_what_is_written_is_read_in_its_order_by_its_journal(heads: Path, opened: Open) -> None:
    opened("kill").write("fence", "", "asked")
    opened("kill").write("cancel", "b-1", "answered", "taken")
    opened("sentinel").write("cancel", "b-2", "asked")
    found = read_side_journals(heads, ACCOUNT)
    assert [(each.journal, each.line, each.by, each.act, each.subject, each.stage) for each in found] == [
        ("kill", 1, "kill by ann", "fence", "", "asked"),
        ("kill", 2, "kill by ann", "cancel", "b-1", "answered"),
        ("sentinel", 1, "sentinel by ann", "cancel", "b-2", "asked"),
    ]
    assert found[1].outcome == "taken"
    assert found[1].time == NOW


def test_a_close_is_read_with_what_it_was_about_and_with_its_order(heads: Path, opened: Open) -> None:
    journal = opened("kill")
    journal.write("close", "ALFA", "asked", held=Decimal("-2.5"), broker_time=NOW)
    journal.write("close", "ALFA", "answered", "taken", order=MADE)
    asked, answered = read_side_journals(heads, ACCOUNT)
    assert (asked.held, asked.broker_time, asked.order) == (Decimal("-2.5"), NOW, None)
    assert (answered.held, answered.broker_time, answered.order) == (None, None, MADE)


def test_without_a_folder_there_is_nothing(heads: Path) -> None:
    assert read_side_journals(heads, ACCOUNT) == ()


def test_a_torn_line_is_kept_as_it_stands(heads: Path, opened: Open) -> None:
    journal = opened("kill")
    journal.write("fence", "", "asked")
    with journal.path.open("ab") as file:
        file.write(b'{"time": 17951\n')
    journal.write("fence", "", "answered", "done")
    assert [each.act for each in read_side_journals(heads, ACCOUNT)] == ["fence", UNREADABLE, "fence"]
    assert read_side_journals(heads, ACCOUNT)[1].outcome == '{"time": 17951'


def test_a_line_after_a_torn_one_stands_by_itself(heads: Path, opened: Open) -> None:
    journal = opened("kill")
    journal.write("fence", "", "asked")
    with journal.path.open("ab") as file:
        file.write(b'{"time": 17951')
    opened("kill").write("fence", "", "answered", "done")
    found = read_side_journals(heads, ACCOUNT)
    assert [(each.line, each.act) for each in found] == [(1, "fence"), (2, UNREADABLE), (3, "fence")]


@pytest.mark.parametrize(
    ("key", "value"),
    (
        *(("quantity", number) for number in ("0", "-10", "NaN", "sNaN", "Infinity", "1E+40", "1E-40")),
        *(("held", number) for number in ("NaN", "1E+40", "0")),
        *((key, time) for key in ("time", "broker_time") for time in (-1, 1 << 63, 1 << 70)),
    ),
)
def test_a_line_with_a_number_that_cannot_be_is_unreadable(
    heads: Path, opened: Open, key: str, value: object
) -> None:
    journal = opened("kill")
    journal.write("close", "ALFA", "answered", "taken", held=Decimal(10), broker_time=NOW, order=MADE)
    line = json.loads(journal.path.read_bytes())
    assert read_side_journals(heads, ACCOUNT)[0].act == "close"
    (line["order"] if key == "quantity" else line)[key] = value
    journal.path.write_text(f"{json.dumps(line)}\n")
    (found,) = read_side_journals(heads, ACCOUNT)
    assert (found.act, found.order, found.outcome) == (UNREADABLE, None, json.dumps(line))
    assert msgspec.json.decode(msgspec.json.encode(found), type=ActedOutside) == found


def test_a_line_that_is_nested_without_end_is_unreadable(heads: Path, opened: Open) -> None:
    opened("kill").write("fence", "", "asked")
    opened("kill").path.write_bytes(b"[" * 100_000)
    assert [each.act for each in read_side_journals(heads, ACCOUNT)] == [UNREADABLE]


@pytest.mark.parametrize("name", ("SIM-2", "SIM", "S*", "SIM-[1]"))
def test_another_accounts_lines_are_not_read(heads: Path, opened: Open, name: str) -> None:
    opened("kill").write("fence", "", "asked")
    SideJournal(heads, AccountName("SIM.eu"), "kill", "kill by ann", lambda: NOW).write("fence", "", "asked")
    assert read_side_journals(heads, AccountName(name)) == ()


def test_a_disk_that_takes_nothing_stops_nobody_and_is_told(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(side_journal, "write_whole", full)
    journal = opened("kill")
    journal.write("cancel", "b-1", "asked")
    assert "No space left on device" in journal.failure
