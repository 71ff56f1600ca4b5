"""A start: the chain is walked in any case, and a written fold saves folding where it may be believed."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.model.errors import StoreError, TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.identifiers import Digest
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.times import Duration
from agenttrader.runtime.recovery import fold
from agenttrader.runtime.starting import Folding
from agenttrader.runtime.state import State
from agenttrader.testing.builders import ACCOUNT, MULTIPLIERS
from agenttrader.testing.driver import trading
from agenttrader.testing.state_dump import dump_state

MADE_BY = Digest("program")


class Clock:
    """A boot clock on which each look takes a second."""

    def __init__(self) -> None:
        self.now = 0

    def elapsed(self) -> Duration:
        self.now += 1_000_000_000
        return Duration(self.now)


def folding_of(journal: SqliteJournal, made_by: Digest = MADE_BY) -> Folding:
    return Folding(journal, MULTIPLIERS, made_by, Clock(), keep_after=5)


@pytest.fixture
def records() -> list[Sealed[Event]]:
    driver = trading()
    driver.enter(1)
    driver.enter(2)
    return driver.records


@pytest.fixture
def journal(tmp_path: Path, records: Sequence[Sealed[Event]]) -> Iterator[SqliteJournal]:
    """All records but the last two, which came after the fold was kept."""
    with closing(
        SqliteJournal(
            tmp_path / "store" / "SIM-1.journal",
            account=ACCOUNT,
            heads_folder=tmp_path / "heads",
            key_folder=tmp_path / "keys",
        )
    ) as made:
        made.append(records[:-2])
        folding_of(made).start()
        made.append(records[-2:])
        yield made


def start(journal: SqliteJournal, made_by: Digest = MADE_BY) -> tuple[State, Chain, list[dict[str, Any]]]:
    with capture_logs() as logs:
        state, chain = folding_of(journal, made_by).start()
    return state, chain, [dict(each) for each in logs]


def assert_whole(journal: SqliteJournal, state: State, chain: Chain) -> None:
    expected, end = fold(journal, MULTIPLIERS)
    assert repr(dump_state(state)) == repr(dump_state(expected))
    assert (chain.sequence, chain.head) == (end.sequence, end.head)


def tamper(journal: SqliteJournal, *statements: str) -> None:
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


def test_a_start_folds_what_came_after_the_fold_that_was_kept_and_says_what_it_did(
    journal: SqliteJournal, records: Sequence[Sealed[Event]]
) -> None:
    state, chain, logs = start(journal)
    assert_whole(journal, state, chain)
    assert logs == [
        {
            "event": "journal_folded",
            "log_level": "info",
            "records": len(records),
            "of_which_kept": len(records) - 2,
            "epoch": 1,
            "seconds": 1.0,
        }
    ]


def test_it_is_kept_again_where_much_came_after_it_and_only_then(
    journal: SqliteJournal, records: Sequence[Sealed[Event]]
) -> None:
    folding = folding_of(journal)
    state, chain = folding.start()
    before = journal.snapshot()
    folding.keep(state, chain)
    assert journal.snapshot() == before
    assert before is not None
    assert before.sequence == len(records) - 2
    engine_records = [Chain(chain.sequence, chain.head)]
    tail = [engine_records[0].seal(records[-1].event, records[-1].time) for _ in range(4)]
    journal.append(tail)
    _, _, logs = start(journal)
    assert [each["event"] for each in logs] == ["journal_folded", "fold_kept"]
    kept = journal.snapshot()
    assert kept is not None
    assert kept.sequence == len(records) + 4


@pytest.mark.parametrize(
    ("made_by", "broken", "reason"),
    (
        (Digest("another"), None, "expected a fold by this program and these multipliers"),
        (MADE_BY, b"\x00", "expected the fold that was signed, found another"),
        (MADE_BY, b"", "expected a fold that our key signed, found another"),
    ),
)
def test_one_that_is_of_no_use_is_thrown_away_aloud_and_the_chain_is_folded(
    journal: SqliteJournal, made_by: Digest, broken: bytes | None, reason: str
) -> None:
    path = journal.path.with_name(f"{journal.path.name}.fold")
    if broken is not None:
        path.write_bytes(path.read_bytes() + broken if broken else b"")
    state, chain, logs = start(journal, made_by)
    assert_whole(journal, state, chain)
    assert [each["event"] for each in logs] == ["fold_thrown_away", "journal_folded", "fold_kept"]
    assert (logs[0]["log_level"], reason in logs[0]["reason"]) == ("warning", True)
    assert logs[1]["of_which_kept"] == 0
    assert start(journal, made_by)[2][0]["of_which_kept"] == chain.sequence


def test_one_that_our_key_signed_and_that_is_no_fold_is_thrown_away_too(journal: SqliteJournal) -> None:
    found = journal.snapshot()
    assert found is not None
    end = fold(journal, MULTIPLIERS)[1]
    journal.keep(type(found)(sequence=end.sequence, head=end.head, made_by=MADE_BY, body=found.body[:-3]))
    state, chain, logs = start(journal)
    assert_whole(journal, state, chain)
    assert "expected a fold as this version writes it down" in logs[0]["reason"]


@pytest.mark.parametrize(
    ("statement", "finding"),
    (
        ("UPDATE records SET body = x'00' WHERE sequence = 2", "record 2: its hash does not cover"),
        ("UPDATE records SET time = time + 1 WHERE sequence = 3", "record 3: its hash does not cover"),
        ("DELETE FROM records WHERE sequence = 2", "record 2: it is missing: expected it before record 3"),
        ("UPDATE records SET hash = 'x' || hash WHERE sequence = 2", "record 2: its hash does not cover"),
    ),
)
def test_what_lies_before_the_fold_is_walked_all_the_same(
    journal: SqliteJournal, statement: str, finding: str
) -> None:
    tamper(journal, statement)
    with pytest.raises(TamperingFound, match=finding):
        start(journal)


def test_a_tail_that_was_cut_and_a_chain_that_was_made_anew_are_found_by_the_fold(
    journal: SqliteJournal, records: Sequence[Sealed[Event]]
) -> None:
    kept = len(records) - 2
    rows = journal._connection.execute(
        "SELECT * FROM records WHERE sequence >= ? ORDER BY sequence", (kept,)
    ).fetchall()
    tamper(journal)
    journal._connection.execute("DELETE FROM records WHERE sequence >= ?", (kept,))
    cut = f"record {kept}: it is missing: a fold that our key signed goes up to it; the tail is cut"
    with pytest.raises(TamperingFound, match=cut):
        start(journal)
    end = rows[0]
    anew = Chain(kept - 1, end[5]).seal(records[1].event, records[1].time)
    row = (anew.sequence, end[1], anew.time, anew.kind, anew.body, anew.previous, anew.hash)
    journal._connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    with pytest.raises(TamperingFound, match=f"record {kept}: a fold that our key signed gives it hash"):
        start(journal)


def test_a_fold_that_is_not_of_the_last_record_on_the_disk_is_not_kept(
    journal: SqliteJournal, records: Sequence[Sealed[Event]]
) -> None:
    state, chain, _ = start(journal)
    ahead = Chain(chain.sequence + 5, chain.head)
    folding = folding_of(journal)
    before = journal.snapshot()
    with capture_logs() as logs:
        folding.keep(state, ahead)
    assert [each["event"] for each in logs] == ["fold_not_kept"]
    assert f"expected a fold up to record {len(records)} of the disk" in logs[0]["reason"]
    assert journal.snapshot() == before


def test_a_disk_that_does_not_take_it_stops_no_start(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise StoreError("no space left")

    monkeypatch.setattr(journal, "keep", full)
    state, chain, logs = start(journal, Digest("another"))
    assert_whole(journal, state, chain)
    assert [each["event"] for each in logs] == ["fold_thrown_away", "journal_folded", "fold_not_kept"]
