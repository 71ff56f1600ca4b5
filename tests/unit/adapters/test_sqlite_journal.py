import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agenttrader.adapters import journal_file
from agenttrader.adapters.journal_lock import StoreLock
from agenttrader.adapters.journal_verification import verify
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.model.errors import StoreError, StoreLocked, TamperingFound
from agenttrader.model.events import SegmentOpened, SegmentSealed
from agenttrader.model.identifiers import AccountName, Digest
from agenttrader.model.records import GENESIS, Chain, Recorded
from agenttrader.model.times import Instant
from agenttrader.testing.events import filled, opened, sealed

ACCOUNT = AccountName("SIM-1")

Open = Callable[..., SqliteJournal]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "SIM-1.journal"


@pytest.fixture
def open_journal(tmp_path: Path, path: Path) -> Iterator[Open]:
    made = []

    def make(*, account: str = ACCOUNT, head_every: int = 1_000) -> SqliteJournal:
        journal = SqliteJournal(
            path,
            account=AccountName(account),
            heads_folder=tmp_path / "heads",
            key_folder=tmp_path / "keys",
            head_every=head_every,
        )
        made.append(journal)
        return journal

    yield make
    for journal in made:
        journal.close()


def made_in(folder: Path) -> SqliteJournal:
    return SqliteJournal(
        folder / "store" / "SIM-1.journal",
        account=AccountName(ACCOUNT),
        heads_folder=folder / "heads",
        key_folder=folder / "keys",
    )


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def open_segment(journal: SqliteJournal) -> tuple[Chain, Recorded[SegmentOpened]]:
    recorded = journal.open_segment(
        session="2026-11-20",
        configuration=Digest("c0"),
        code="abc",
        parameters=Digest("d0"),
        calendar=Digest("e0"),
        time=Instant(7),
    )
    return Chain(recorded.sealed.sequence, recorded.sealed.hash), recorded


def test_a_segment_and_its_first_record_agree_and_the_head_is_signed(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    _, recorded = open_segment(journal)
    assert recorded.event == SegmentOpened(
        session="2026-11-20",
        account=ACCOUNT,
        epoch=1,
        configuration=Digest("c0"),
        code="abc",
        parameters=Digest("d0"),
        calendar=Digest("e0"),
    )
    assert (recorded.sealed.sequence, recorded.sealed.time, recorded.sealed.previous) == (1, 7, GENESIS)
    assert rows(path, "SELECT * FROM segments") == [
        (1, "2026-11-20", "SIM-1", 1, "c0", "abc", "d0", "e0", GENESIS, None)
    ]
    assert rows(path, "SELECT sequence, segment, hash FROM records") == [(1, 1, recorded.sealed.hash)]
    assert rows(path, "SELECT sequence, hash FROM heads") == [(1, recorded.sealed.hash)]


def test_each_opening_is_the_next_epoch(open_journal: Open, path: Path) -> None:
    for _ in range(3):
        with closing(open_journal()) as journal:
            open_segment(journal)
    assert rows(path, "SELECT epoch, session FROM segments ORDER BY id") == [
        (1, "2026-11-20"),
        (2, "2026-11-20"),
        (3, "2026-11-20"),
    ]


def test_a_sealed_segment_keeps_its_last_hash(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    chain, _ = open_segment(journal)
    journal.append(
        sealed(chain, filled(1), SegmentSealed(reason="end of session"), opened(epoch=2), filled(2))
    )
    heads = rows(path, "SELECT hash FROM records WHERE sequence = 3")[0]
    assert rows(path, "SELECT id, previous_head, sealed_head FROM segments") == [
        (1, GENESIS, *heads),
        (2, *heads, None),
    ]
    assert rows(path, "SELECT segment FROM records ORDER BY sequence") == [(1,), (1,), (1,), (2,), (2,)]


def test_the_store_commits_as_promised(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    tables = rows(
        path, "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'"
    )
    assert sorted(tables) == [("heads", 1), ("records", 1), ("segments", 1)]


@pytest.mark.parametrize(
    "statement",
    (
        "UPDATE records SET time = 0",
        "DELETE FROM records",
        "INSERT OR REPLACE INTO records SELECT * FROM records WHERE sequence = 2",
        "INSERT INTO records SELECT 0, segment, time, kind, body, previous, hash FROM records LIMIT 1",
        "UPDATE heads SET hash = ''",
        "DELETE FROM heads",
        "INSERT OR REPLACE INTO heads SELECT sequence, '', key_id, signature FROM heads",
        "DELETE FROM segments",
        "INSERT OR REPLACE INTO segments SELECT * FROM segments",
        "UPDATE segments SET session = 'another' WHERE id = 2",
        "UPDATE segments SET sealed_head = 'x', epoch = 9 WHERE id = 2",
        "UPDATE segments SET sealed_head = 'x' WHERE id = 1",
        "UPDATE segments SET sealed_head = NULL WHERE id = 1",
    ),
)
def test_triggers_refuse_whatever_is_not_an_addition(open_journal: Open, path: Path, statement: str) -> None:
    journal = open_journal()
    chain, _ = open_segment(journal)
    journal.append(sealed(chain, filled(1), SegmentSealed(reason=""), opened(epoch=2)))
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    assert [record.sequence for record in journal.read()] == [1, 2, 3, 4]


def test_signs_a_head_at_least_every_so_many_records(open_journal: Open, path: Path) -> None:
    journal = open_journal(head_every=10)
    chain, _ = open_segment(journal)
    for number in range(35):
        journal.append(sealed(chain, filled(number)))
    assert rows(path, "SELECT sequence FROM heads ORDER BY sequence") == [(1,), (11,), (21,), (31,)]
    journal.close()
    assert rows(path, "SELECT max(sequence) FROM heads") == [(36,)]


def test_another_account_is_refused(open_journal: Open) -> None:
    with closing(open_journal()) as journal:
        open_segment(journal)
    with pytest.raises(StoreError, match="expected the journal of account SIM-2, found that of SIM-1"):
        open_journal(account="SIM-2")
    open_journal()


def test_a_second_writer_is_refused_and_told_who_the_first_is(open_journal: Open) -> None:
    journal = open_journal()
    with pytest.raises(StoreLocked, match=rf"found process {os.getpid()}, its writer since 20\d\d-.*Z"):
        open_journal()
    journal.close()
    open_journal()


def test_a_lock_that_a_dead_process_left_is_none(open_journal: Open, tmp_path: Path, path: Path) -> None:
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from agenttrader.adapters.sqlite_journal import SqliteJournal
        folder = Path(sys.argv[1])
        journal = SqliteJournal(
            folder / "store" / "SIM-1.journal",
            account="SIM-1", heads_folder=folder / "heads", key_folder=folder / "keys",
        )
        journal.open_segment(session="", configuration="", code="", parameters="", calendar="", time=1)
        print("open", flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(StoreLocked, match=f"found process {process.pid}, its writer since"):
            open_journal()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.with_name("SIM-1.journal.lock").read_text() == f"{process.pid}\nwriting\n"
    _, recorded = open_segment(open_journal())
    assert (recorded.sealed.sequence, recorded.event.epoch) == (2, 2)


@pytest.mark.parametrize("lost", (("",), ("-wal",), ("", "-wal")))
def test_a_dead_writers_store_without_what_it_wrote_ahead_is_refused_until_somebody_says_so(
    tmp_path: Path, lost: tuple[str, ...]
) -> None:
    """A copy of a store that is open is what a process leaves that is killed."""
    folder = tmp_path / "crashed"
    with closing(made_in(tmp_path / "first")) as journal:
        open_segment(journal)
        shutil.copytree(tmp_path / "first", folder)
    store = folder / "store" / "SIM-1.journal"
    for ending in lost:
        store.with_name(store.name + ending).rename(folder / f"put away{ending}")
    for _ in range(2):  # It is not forgotten.
        with pytest.raises(StoreError, match=r"its last records may be lost\. Put the file back"):
            made_in(folder)
    for ending in lost:
        (folder / f"put away{ending}").rename(store.with_name(store.name + ending))
    with closing(made_in(folder)) as journal:
        assert len(list(journal.read())) == 1


def test_a_dead_writers_store_goes_on_without_it_where_the_lock_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "crashed"
    with closing(made_in(tmp_path / "first")) as journal:
        chain, _ = open_segment(journal)
        journal._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        journal.append(sealed(chain, filled(1)))
        shutil.copytree(tmp_path / "first", folder)
    store = folder / "store" / "SIM-1.journal"
    store.with_name("SIM-1.journal-wal").unlink()
    with pytest.raises(StoreError, match=r"remove SIM-1\.journal\.lock"):
        made_in(folder)
    store.with_name("SIM-1.journal.lock").unlink()
    with closing(made_in(folder)) as journal:
        assert len(list(journal.read())) == 1


def test_a_writer_that_dies_before_it_wrote_or_after_it_was_done_leaves_a_store_as_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(made_in(tmp_path / "first")) as journal:
        open_segment(journal)
    again = made_in(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "before")
    again.close()
    with closing(made_in(tmp_path / "before")):
        pass
    last = made_in(tmp_path / "first")
    open_segment(last)
    monkeypatch.setattr(
        StoreLock, "release", lambda _: shutil.copytree(tmp_path / "first", tmp_path / "after")
    )
    last.close()
    monkeypatch.undo()
    last._lock.release()
    assert not (tmp_path / "after" / "store" / "SIM-1.journal-wal").exists()
    with closing(made_in(tmp_path / "after")) as journal:
        assert len(list(journal.read())) == 2


def test_a_store_that_another_tool_holds_is_named_and_taken_when_free(
    open_journal: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "BUSY_SECONDS_MAX", 0.05)
    journal = open_journal()
    chain, _ = open_segment(journal)
    batch = sealed(chain, filled(1))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"database is locked\. None of them counts"):
            journal.append(batch)
        with pytest.raises(StoreError, match=r"database is locked\. None of them counts"):
            journal.append([*batch, *sealed(Chain(2, batch[0].hash), filled(2))])
        other.execute("ROLLBACK")
    journal.append(batch)
    assert [record.sequence for record in journal.read()] == [1, 2]


class LateFailure:
    """A connection whose commits reach the disk and are reported as failed: the power of a disk that lies."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        done = self._connection.execute(statement, *parameters)
        if statement == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return done


def test_what_was_committed_after_all_is_not_committed_twice(open_journal: Open) -> None:
    """The disk is asked what it holds; the caller, told of a failure, folds again and goes on from there."""
    journal = open_journal()
    chain, _ = open_segment(journal)
    whole = journal._connection
    journal._connection = LateFailure(whole)  # type: ignore[assignment]
    batch = sealed(chain, filled(1), filled(2))
    with pytest.raises(StoreError, match="disk I/O error"):
        journal.append(batch)
    journal._connection = whole
    assert list(journal.read(1)) == batch
    with pytest.raises(StoreError, match=r"expected record 4 .* a gap or a fork"):
        journal.append(batch)
    journal.append(sealed(chain, filled(3)))
    assert [record.sequence for record in journal.read()] == [1, 2, 3, 4]


def test_a_segment_that_was_opened_or_sealed_after_all_is_so(open_journal: Open) -> None:
    journal = open_journal()
    chain = Chain()
    whole = journal._connection
    for epoch in (1, 2):
        journal._connection = LateFailure(whole)  # type: ignore[assignment]
        with pytest.raises(StoreError, match="disk I/O error"):
            journal.append(sealed(chain, opened(epoch=epoch), filled(1)))
        journal._connection = whole
        journal.append(sealed(chain, filled(2)))
        journal._connection = LateFailure(whole)  # type: ignore[assignment]
        with pytest.raises(StoreError, match="disk I/O error"):
            journal.append(sealed(chain, SegmentSealed(reason="end of session")))
        journal._connection = whole
        with pytest.raises(StoreError, match="expected an open segment"):
            journal.append(sealed(Chain(chain.sequence, chain.head), filled(3)))
    assert len(list(journal.read())) == 8


def test_a_record_that_somebody_forced_in_is_met_without_harm(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    chain, _ = open_segment(journal)
    batch = sealed(chain, filled(1), filled(2))
    with closing(sqlite3.connect(path)) as other:
        other.execute("INSERT INTO records SELECT 3, segment, time, kind, body, previous, hash FROM records")
        other.commit()
    with pytest.raises(StoreError, match=r"records are only added at the end.*None of them counts"):
        journal.append(batch)
    assert not journal._connection.in_transaction
    with pytest.raises(StoreError, match=r"expected record 4 .* a gap or a fork"):
        journal.append(batch)
    with pytest.raises(TamperingFound, match="record 2: it is missing"):
        list(journal.read())


def test_a_full_disk_stops_it_and_room_lets_it_go_on(tmp_path: Path) -> None:
    """In a process of its own, because the limit on the size of files holds for all of a process."""
    script = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from agenttrader.adapters.journal_verification import verify
        from agenttrader.adapters.sqlite_journal import SqliteJournal
        from agenttrader.model.errors import StoreError
        from agenttrader.model.records import Chain
        from agenttrader.testing.events import filled, sealed

        folder = Path(sys.argv[1])
        path = folder / "store" / "SIM-1.journal"
        journal = SqliteJournal(
            path, account="SIM-1", heads_folder=folder / "heads", key_folder=folder / "keys"
        )
        journal.open_segment(session="", configuration="", code="", parameters="", calendar="", time=1)
        (first,) = journal.read()
        chain = Chain(first.sequence, first.hash)
        room = path.with_name(path.name + "-wal").stat().st_size + 20_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        refused = 0
        for size in (1, 64) * 30:
            batch = sealed(chain, *map(filled, range(size)))
            try:
                journal.append(batch)
            except StoreError as error:
                refused += 1
                assert "None of them counts; make room" in str(error), error
                records = list(journal.read())
                assert records[-1].sequence == batch[0].sequence - 1
                chain = Chain(records[-1].sequence, records[-1].hash)
        assert refused > 50, refused
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        journal.append(sealed(chain, *map(filled, range(64))))
        journal.close()
        found = verify(path, folder / "heads", journal.public_key)
        assert found.verified and found.records == chain.sequence, found
    """)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_heads_that_cannot_be_written_stop_it_before_the_batch(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal(head_every=1)
    chain, _ = open_segment(journal)
    journal.append(sealed(chain, filled(1)))
    heads = tmp_path / "heads" / "SIM-1.journal.heads"
    kept = heads.read_bytes()
    heads.unlink()
    heads.mkdir()
    batch = sealed(chain, filled(2))
    with pytest.raises(StoreError, match="expected to write a head outside the store, found: Is a directory"):
        journal.append(batch)
    assert [record.sequence for record in journal.read()] == [1, 2]
    heads.rmdir()
    heads.write_bytes(kept)
    journal.append(batch)
    journal.close()
    assert verify(journal.path, tmp_path / "heads", journal.public_key).verified


def test_a_store_that_was_moved_away_is_not_written_on(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    chain, _ = open_segment(journal)
    batch = sealed(chain, filled(1))
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    with pytest.raises(StoreError, match="No such file"):
        journal.append(batch)
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="another file in the place of the one that was opened"):
        journal.append(batch)
    path.unlink()
    elsewhere.rename(path)
    journal.append(batch)


def test_does_not_go_on_from_a_tail_that_was_cut(open_journal: Open, path: Path) -> None:
    with closing(open_journal()) as journal:
        chain, _ = open_segment(journal)
        journal.append(sealed(chain, filled(1), filled(2)))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER records_keep")
        connection.execute("DELETE FROM records WHERE sequence = 3")
        connection.commit()
    with pytest.raises(TamperingFound, match="record 3: it is missing"):
        open_journal()


def test_reads_while_it_is_written(open_journal: Open) -> None:
    journal = open_journal()
    chain, _ = open_segment(journal)
    journal.append(sealed(chain, *map(filled, range(2_500))))
    reading = journal.read()
    first = next(reading)
    journal.append(sealed(chain, filled(0)))
    assert [first.sequence, *(record.sequence for record in reading)] == list(range(1, 2_503))


def test_reading_stops_at_the_record_that_does_not_hold(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    chain, _ = open_segment(journal)
    journal.append(sealed(chain, *map(filled, range(4))))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER records_unchanged")
        connection.execute("UPDATE records SET time = 0 WHERE sequence = 4")
        connection.commit()
    reading = journal.read()
    assert [next(reading).sequence for _ in range(3)] == [1, 2, 3]
    with pytest.raises(TamperingFound, match="record 4: its hash does not cover"):
        next(reading)
    with pytest.raises(TamperingFound, match="record 9: it is missing"):
        next(journal.read(after=9))


def test_the_heads_may_not_lie_beside_the_store(path: Path) -> None:
    with pytest.raises(StoreError, match="expected the heads in another folder than the store's"):
        SqliteJournal(path, account=ACCOUNT, heads_folder=path.parent, key_folder=path.parent / "keys")


def test_a_journal_that_cannot_be_made_holds_no_lock(open_journal: Open, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o755)
    with pytest.raises(StoreError, match="expected access for its owner alone, found mode 755"):
        open_journal()
    keys.chmod(0o700)
    open_journal()
