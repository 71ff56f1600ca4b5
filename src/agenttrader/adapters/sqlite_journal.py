"""The journal in SQLite: one file an account, one writer, every batch on the disk before it is believed.

Threads: the writer's methods (`open_segment`, `append`, `sign_head`, `close`) belong to one thread at a time,
the session's writer thread; `read` has a connection of its own and may run in any. WAL with synchronous=FULL:
when `append` returns, the records survive a power cut.

A commit that fails leaves the store as it was, and the journal usable when the disk is. What the disk then
holds is asked of the disk before the next commit, never remembered.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from agenttrader.adapters.durable_files import make_folder
from agenttrader.adapters.journal_file import open_for_writing
from agenttrader.adapters.journal_heads import OutsideHeads, load_or_make_key, sign_head
from agenttrader.adapters.journal_lock import StoreLock
from agenttrader.adapters.journal_reader import hash_at, last_record, read_records
from agenttrader.adapters.journal_snapshots import SnapshotFile
from agenttrader.adapters.journal_verification import refuse_lost_records
from agenttrader.model.errors import StoreError
from agenttrader.model.events import Event, SegmentOpened, SegmentSealed
from agenttrader.model.identifiers import AccountName, Digest
from agenttrader.model.records import Chain, Recorded, Sealed
from agenttrader.model.times import Instant
from agenttrader.ports.journal import Snapshot

HEAD_EVERY_RECORDS = 1_000
"""Records between two signed heads, unless the journal is told otherwise: a cut tail can hide no more."""

_INSERT_RECORD = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)"
_INSERT_SEGMENT = "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)"
_SEAL_SEGMENT = "UPDATE segments SET sealed_head = ? WHERE id = ?"
_INSERT_HEAD = "INSERT INTO heads VALUES (?, ?, ?, ?)"


class _End(Struct, frozen=True, kw_only=True):
    """Where the chain ends, and the segment that takes records: None until this writer has opened one."""

    sequence: int
    head: str
    last_segment: int
    epoch: int
    open_segment: int | None


class _Batch:
    """Rows for one commit, and where the chain ends after it."""

    __slots__ = ("end", "records", "sealed", "segments")

    def __init__(self, end: _End) -> None:
        self.end = end
        self.segments: list[tuple[int | str, ...]] = []
        self.records: list[tuple[object, ...]] = []
        self.sealed: list[tuple[str, int]] = []


class SqliteJournal:
    """The journal of one account in the file `path`; implements `ports.journal.FoldedJournal`.

    Raises StoreLocked where another process writes it; TamperingFound where a signed head outside the store
    names a record that is gone or another; StoreError where it cannot be used: another account's, not a
    journal, on a network file system, or with a key that others can read. Only reading it through verifies
    the chain.
    """

    def __init__(
        self,
        path: Path,
        *,
        account: AccountName,
        heads_folder: Path,
        key_folder: Path,
        head_every: int = HEAD_EVERY_RECORDS,
    ) -> None:
        self.path = path
        self._account = account
        self._head_every = head_every
        self._outside = OutsideHeads(heads_folder, path)
        self._snapshots = SnapshotFile(path, account)
        try:
            make_folder(path.parent)
        except OSError as error:
            raise StoreError(
                f"{path.parent}: expected a folder for the store, found: {error.strerror}"
            ) from error
        with contextlib.ExitStack() as undo:
            self._lock = StoreLock(path)
            undo.callback(self._lock.release)
            self._refuse_torn_apart()
            self._key = load_or_make_key(key_folder)
            self._connection = open_for_writing(path)
            undo.callback(self._connection.close)
            self._file = path.stat()
            self._others_segment: int | None = None  # The last one from before this writer.
            self._end = self._find_end()
            self._signed = refuse_lost_records(
                self._connection, self._outside.read(), account, self.public_key
            )
            undo.pop_all()
        self._is_certain = True
        self._is_closed = False
        self._has_written = False

    @property
    def public_key(self) -> Ed25519PublicKey:
        """What the heads of this journal are verified with."""
        return self._key.public_key()

    def open_segment(
        self,
        *,
        session: str,
        configuration: Digest,
        code: str,
        parameters: Digest,
        calendar: Digest,
        time: Instant,
    ) -> Recorded[SegmentOpened]:
        """Become the account's writer: commit the segment and its first record together, and sign the head.

        The caller's chain goes on after the record that is returned; its event carries the epoch.
        """
        end = self._certain_end()
        opened = SegmentOpened(
            session=session,
            account=self._account,
            epoch=end.epoch + 1,
            configuration=configuration,
            code=code,
            parameters=parameters,
            calendar=calendar,
        )
        (recorded,) = self.append([Chain(end.sequence, end.head).seal(opened, time)])
        self.sign_head()
        return cast("Recorded[SegmentOpened]", recorded)

    def append(self, records: Sequence[Sealed[Event]]) -> tuple[Recorded[Event], ...]:
        """Commit all of `records`, or none: on return they survive a power cut.

        A SegmentOpened opens its segment in the same commit, a SegmentSealed seals it. Raises StoreError
        where the records do not follow the last one, where no segment is open, and where the disk does not
        take them.
        """
        end = self._certain_end()
        if end.sequence - self._signed >= self._head_every:
            self.sign_head()
        batch = self._place(end, records)
        try:
            self._refuse_moved()
            self._commit(batch)
        except (sqlite3.Error, OSError) as error:
            self._is_certain = False
            raise StoreError(
                f"{self.path}: expected to commit {len(records)} records after record {end.sequence}, found: "
                f"{error}. None of them counts; make room or mend the disk. Nothing that adds risk may leave"
            ) from error
        self._end = batch.end
        if not self._has_written:
            self._lock.writing()
            self._has_written = True
        return tuple(map(Recorded, records))

    def read(self, after: int = 0) -> Iterator[Sealed[Event]]:
        """Every record with a sequence above `after`, in order, each verified against its predecessor."""
        return read_records(self.path, after)

    def hash_at(self, sequence: int) -> str | None:
        """The hash of record `sequence`, after the chain was walked to it; None where it ends before."""
        return hash_at(self.path, sequence)

    def snapshot(self) -> Snapshot | None:
        """The last fold that was kept; None where there is none. BadValue where it is not our own."""
        return self._snapshots.read(self.public_key)

    def keep(self, snapshot: Snapshot) -> None:
        """Put a fold in the place of the last. Raises StoreError where it is not of the last record."""
        end = self._certain_end()
        if (snapshot.sequence, snapshot.head) != (end.sequence, end.head):
            raise StoreError(
                f"{self.path}: expected a fold up to record {end.sequence} of the disk, found one up to "
                f"record {snapshot.sequence} with another hash or number"
            )
        self._snapshots.write(snapshot, self._key)

    def sign_head(self) -> None:
        """Sign the present head, outside the store first, then in it; StoreError where either fails."""
        end = self._certain_end()
        if end.sequence in (0, self._signed):
            return
        head = sign_head(self._key, self._account, end.sequence, end.head)
        self._outside.append(head)
        try:
            self._connection.execute(_INSERT_HEAD, (head.sequence, head.hash, head.key_id, head.signature))
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: expected to keep a signed head, found: {error}") from error
        self._signed = end.sequence

    def close(self) -> None:
        """Sign the head and let go of the store; StoreError where the head was not signed. Twice is once."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self.sign_head()
        finally:
            self._lock.done()  # Before SQLite takes the write-ahead file away.
            self._connection.close()
            self._lock.release()

    def _place(self, end: _End, records: Sequence[Sealed[Event]]) -> _Batch:
        batch = _Batch(end)
        sequence, head = end.sequence, end.head
        last_segment, epoch, segment = end.last_segment, end.epoch, end.open_segment
        for sealed in records:
            if sealed.sequence != sequence + 1 or sealed.previous != head:
                raise StoreError(
                    f"{self.path}: expected record {sequence + 1} after {head[:16]}, found record "
                    f"{sealed.sequence} after {sealed.previous[:16]}: a gap or a fork. Fold the journal again"
                )
            event = sealed.event
            if isinstance(event, SegmentOpened):
                self._refuse_foreign(event, epoch)
                last_segment = segment = last_segment + 1
                epoch = event.epoch
                batch.segments.append(_segment_row(segment, event, head))
            if segment is None:
                raise StoreError(
                    f"{self.path}: expected an open segment for record {sealed.sequence}, found none"
                )
            sequence, head = sealed.sequence, sealed.hash
            batch.records.append(
                (sequence, segment, sealed.time, sealed.kind, sealed.body, sealed.previous, head)
            )
            if isinstance(event, SegmentSealed):
                batch.sealed.append((head, segment))
                segment = None
        batch.end = _End(
            sequence=sequence, head=head, last_segment=last_segment, epoch=epoch, open_segment=segment
        )
        return batch

    def _commit(self, batch: _Batch) -> None:
        connection = self._connection
        if len(batch.records) == 1 and not batch.segments and not batch.sealed:
            connection.execute(_INSERT_RECORD, batch.records[0])  # A statement by itself is a transaction.
            return
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT_SEGMENT, batch.segments)
            connection.executemany(_INSERT_RECORD, batch.records)
            connection.executemany(_SEAL_SEGMENT, batch.sealed)
            connection.execute("COMMIT")
        except sqlite3.Error:
            # A rollback that fails as well changes nothing: the end is asked of the disk before the next
            # commit.
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            raise

    def _certain_end(self) -> _End:
        """The end of the chain; after a failed commit as the disk has it, for it may have failed late."""
        if not self._is_certain:
            self._end = self._find_end()
            self._is_certain = True
        return self._end

    def _find_end(self) -> _End:
        """The end of the chain as the disk has it. A segment takes records if this writer opened it."""
        try:
            sequence, head = last_record(self._connection)
            row = self._connection.execute(
                "SELECT id, epoch, account, sealed_head FROM segments ORDER BY id DESC LIMIT 1"
            ).fetchone()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: expected to find the journal's end, found: {error}") from error
        last_segment, epoch, account, seal = row or (0, 0, self._account, None)
        if account != self._account:
            raise StoreError(
                f"{self.path}: expected the journal of account {self._account}, found that of {account}: "
                "one file holds one account"
            )
        if self._others_segment is None:
            self._others_segment = last_segment
        is_open = last_segment > self._others_segment and seal is None
        return _End(
            sequence=sequence,
            head=head,
            last_segment=last_segment,
            epoch=epoch,
            open_segment=last_segment if is_open else None,
        )

    def _refuse_foreign(self, opened: SegmentOpened, last_epoch: int) -> None:
        if opened.account != self._account or opened.epoch <= last_epoch:
            raise StoreError(
                f"{self.path}: expected a segment of account {self._account} in an epoch above {last_epoch}, "
                f"found one of {opened.account} in epoch {opened.epoch}"
            )

    def _refuse_torn_apart(self) -> None:
        """Raise StoreError where a writer died and what it wrote ahead is gone: SQLite would not miss it."""
        ahead = self.path.with_name(f"{self.path.name}-wal")
        if self._lock.was_writing and not (self.path.exists() and ahead.exists()):
            raise StoreError(
                f"{self.path}: expected it with {ahead.name} beside it, as the writer that died here left "
                f"them, found {'the first' if self.path.exists() else 'none'} alone: its last records may "
                "be lost. Put the file back. Where it is gone for good, or another tool has moved what "
                f"stood in it into the store, remove {self._lock.path.name}: it then goes on from the last "
                "record that is there, and the comparison with the broker finds what is missing"
            )

    def _refuse_moved(self) -> None:
        """Raise OSError where another file lies at the path: SQLite would write on into the lost one."""
        found = self.path.stat()
        if (found.st_ino, found.st_dev) != (self._file.st_ino, self._file.st_dev):
            raise FileNotFoundError("another file in the place of the one that was opened")


def _segment_row(segment: int, opened: SegmentOpened, previous_head: str) -> tuple[int | str, ...]:
    return (
        segment,
        opened.session,
        opened.account,
        opened.epoch,
        opened.configuration,
        opened.code,
        opened.parameters,
        opened.calendar,
        previous_head,
    )
