"""A fold that is kept beside the writer is one that the writer's next start reads."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agenttrader.adapters.journal_beside import JournalBeside
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName, Digest
from agenttrader.model.records import Chain
from agenttrader.ports.journal import Snapshot
from agenttrader.testing.events import filled, opened, sealed

ACCOUNT = AccountName("SIM-1")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    """One of three records, which somebody writes."""
    path = tmp_path / "store" / "SIM-1.journal"
    with closing(
        SqliteJournal(path, account=ACCOUNT, heads_folder=tmp_path / "heads", key_folder=tmp_path / "keys")
    ) as made:
        made.append(sealed(Chain(), opened(), filled(1), filled(2)))
        yield made


def test_it_reads_what_is_on_the_disk_and_what_it_keeps_the_writer_reads(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    beside = JournalBeside(journal.path, ACCOUNT, tmp_path / "keys")
    records = list(beside.read())
    assert [each.sequence for each in records] == [1, 2, 3]
    assert list(beside.read(2)) == records[2:]
    assert [beside.hash_at(2), beside.hash_at(4)] == [records[1].hash, None]
    assert beside.snapshot() is None
    snapshot = Snapshot(sequence=2, head=records[1].hash, made_by=Digest("us"), body=b"what it came to")
    beside.keep(snapshot)
    assert beside.snapshot() == journal.snapshot() == snapshot


def test_without_the_journals_key_it_makes_none(journal: SqliteJournal, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected the journal's key, found none; a start makes it"):
        JournalBeside(journal.path, ACCOUNT, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()
