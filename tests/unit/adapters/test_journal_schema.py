"""A journal of an older version: read as it is, taken over by the first who writes, and never half of it.

`journal_of_version_1.sql` is the schema as version 1 made it; do not change it.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agenttrader.adapters import journal_schema
from agenttrader.adapters.journal_file import open_for_reading, open_for_writing
from agenttrader.adapters.journal_reader import read_records
from agenttrader.adapters.journal_schema import APPLICATION_ID, SCHEMA_VERSION, create, version_of
from agenttrader.adapters.journal_verification import verify
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import GENESIS, Chain, hash_of
from agenttrader.model.times import Instant
from agenttrader.testing.events import opened, sealed

HERE = Path(__file__).parent
V1 = (HERE / "journal_of_version_1.sql").read_text()


def _records() -> list[tuple[int, int, str, bytes, str, str]]:
    """A golden record of each kind, in one segment that is never sealed."""
    lines = (HERE.parent / "model" / "golden_records.jsonl").read_text().splitlines()
    records: list[tuple[int, int, str, bytes, str, str]] = []
    head = GENESIS
    for golden in map(json.loads, lines):
        kind, body, time = golden["kind"], golden["body"].encode(), Instant(golden["time"])
        if kind == "segment_sealed.1" or (kind == "segment_opened.1" and records):
            continue
        found = hash_of(head, len(records) + 1, time, kind, body)
        records.append((len(records) + 1, time, kind, body, head, found))
        head = found
    return records


RECORDS = _records()
HASHES = [record[-1] for record in RECORDS]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store of version 1, as a process leaves it that dies."""
    path = tmp_path / "store" / "SIM-1.journal"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(
            f"{V1} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1; BEGIN;"
        )
        said = json.loads(RECORDS[0][3])
        names = ("session", "account", "epoch", "configuration", "code", "parameters", "calendar")
        row = [1, *(said[name] for name in names), GENESIS, None]
        connection.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        for sequence, *rest in RECORDS:
            connection.execute("INSERT INTO records VALUES (?, 1, ?, ?, ?, ?, ?)", (sequence, *rest))
        connection.execute("COMMIT")
    return path


def schema_of(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))


def test_an_older_store_is_read_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    assert [sealed.hash for sealed in read_records(old)] == HASHES
    with closing(open_for_reading(old)) as connection:
        assert version_of(connection) == 1
    assert old.read_bytes() == before


def test_whoever_writes_makes_it_one_of_today_and_goes_on_after_the_last_record(
    old: Path, tmp_path: Path
) -> None:
    journal = SqliteJournal(
        old, account=AccountName("SIM-1"), heads_folder=tmp_path / "heads", key_folder=tmp_path / "keys"
    )
    chain = Chain(len(RECORDS), HASHES[-1])
    journal.append(sealed(chain, opened(epoch=9)))
    journal.close()
    found = verify(old, tmp_path / "heads", journal.public_key)
    assert (found.verified, found.finding, found.records) == (True, "", len(RECORDS) + 1)
    assert [sealed.hash for sealed in read_records(old)][:-1] == HASHES
    new = tmp_path / "new"
    with closing(sqlite3.connect(new, isolation_level=None)) as connection:
        create(connection)
    assert schema_of(old) == schema_of(new)
    with closing(open_for_writing(old)) as connection:  # Once is enough.
        assert version_of(connection) == SCHEMA_VERSION


def test_one_that_would_not_be_as_a_new_one_is_left_as_it_was(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("DROP TRIGGER records_unchanged")
    before = schema_of(old)
    with pytest.raises(StoreError, match=r"version 1 to become .* found others .* records_unchanged"):
        open_for_writing(old)
    assert schema_of(old) == before
    with closing(open_for_reading(old)) as connection:
        assert version_of(connection) == 1


def test_a_process_that_dies_on_the_way_leaves_the_older_one(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied as a crash leaves it, between the steps and their commit."""
    crashed = tmp_path / "crashed"
    shown = journal_schema.create

    def dies(connection: sqlite3.Connection) -> None:
        if not crashed.exists():
            shutil.copytree(old.parent, crashed)
        shown(connection)

    monkeypatch.setattr(journal_schema, "create", dies)
    open_for_writing(old).close()
    with closing(open_for_reading(crashed / old.name)) as connection:
        assert version_of(connection) == 1
    open_for_writing(crashed / old.name).close()
    assert schema_of(crashed / old.name) == schema_of(old)


def test_a_step_that_fails_leaves_it_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_schema, "MIGRATIONS", {1: "DROP TABLE snapshots; DROP TABLE others;"})
    before = schema_of(old)
    with pytest.raises(StoreError, match="expected a journal that can be written, found: no such table"):
        open_for_writing(old)
    assert schema_of(old) == before
