"""Does a journal stand as it was written? The answer is a finding that names the first record that does not.

Three things are held against each other: the chain of hashes in the store, the rows of its segments, and the
signed heads, which lie in the store and outside it. The chain finds what was changed by hand; the heads find
what was made anew with care, and a tail that was cut. What lies after the last outside head is held by the
chain alone.

Verifying needs no lock and may run beside the writer.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agenttrader.adapters.journal_file import open_for_reading
from agenttrader.adapters.journal_heads import OutsideHeads, SignedHead, key_id_of
from agenttrader.adapters.journal_reader import damaged, last_record, walk
from agenttrader.adapters.journal_segments import SegmentRows
from agenttrader.adapters.journal_snapshots import SnapshotFile
from agenttrader.model.errors import StoreError, TamperingFound
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import GENESIS
from agenttrader.ports.journal import Verification, require_record


class _Progress:
    """How far the walk has come: what is reported when it stops."""

    __slots__ = ("anchored", "epoch", "head", "records", "written")

    def __init__(self) -> None:
        self.records = 0
        self.written = 0
        self.head = GENESIS
        self.anchored = 0
        self.epoch = 0

    def report(self, finding: str = "", record: int | None = None) -> Verification:
        return Verification(
            records=self.records,
            written=max(self.written, self.records),
            head=self.head,
            anchored=self.anchored,
            epoch=self.epoch,
            verified=not finding,
            finding=finding,
            record=record,
        )


def verify(path: Path, heads_folder: Path, public_key: Ed25519PublicKey) -> Verification:
    """Verify the journal at `path` against the heads in `heads_folder`, which `public_key` must have signed.

    Raises StoreError only where there is nothing to verify: no file, or not a journal.
    """
    progress = _Progress()
    with closing(open_for_reading(path)) as connection:
        progress.written = _count(connection)
        try:
            _verify(connection, OutsideHeads(heads_folder, path), public_key, progress)
            _hold_against_fold(connection, path, public_key)
        except TamperingFound as found:
            return progress.report(found.finding, found.sequence)
        except StoreError as error:
            return progress.report(str(error))
    return progress.report()


def _count(connection: sqlite3.Connection) -> int:
    """How many records the file has, whatever they are worth; 0 where it cannot be read so far."""
    try:
        (count,) = connection.execute("SELECT count(*) FROM records").fetchone()
    except sqlite3.Error:
        return 0
    return int(count)


def refuse_lost_records(
    connection: sqlite3.Connection,
    heads: Iterable[SignedHead],
    account: AccountName,
    public_key: Ed25519PublicKey,
) -> int:
    """Hold the outside heads against the store without walking it; return the last record that they cover.

    Raises TamperingFound where a head is not ours, or its record is gone or another: a writer that went on
    from there would fork the journal.
    """
    last = 0
    for head in sorted(heads, key=lambda head: head.sequence):
        _refuse_forged(head, public_key)
        found = _hash_of(connection, head.sequence)
        if found is None:
            raise _cut(min(head.sequence, last_record(connection)[0] + 1), head)
        if found != head.hash:
            raise _remade(last, head, found)
        _refuse_foreign(head, account)
        last = head.sequence
    return last


def _hash_of(connection: sqlite3.Connection, sequence: int) -> str | None:
    try:
        row = connection.execute("SELECT hash FROM records WHERE sequence = ?", (sequence,)).fetchone()
    except sqlite3.Error as error:
        raise damaged(error, sequence) from error
    return None if row is None else str(row[0])


def _verify(
    connection: sqlite3.Connection, outside: OutsideHeads, key: Ed25519PublicKey, progress: _Progress
) -> None:
    # One view of the store, for a writer may be at work; the first reading takes it. The outside is read
    # after it, because a head is outside before it is in the store.
    connection.execute("BEGIN")
    inside = _heads_inside(connection)
    anchors, unreadable = _heads_outside(outside)
    signed = {head.sequence: head for head in anchors if head.is_signed_by(key)}
    segments = SegmentRows(connection)
    _walk(connection, segments, signed, progress)
    connection.execute("COMMIT")
    if unreadable is not None:
        raise unreadable
    # What was signed since then must be in the store by now.
    beyond = [head for head in signed.values() if head.sequence > progress.records]
    refuse_lost_records(connection, beyond, segments.account, key)
    for head in anchors:
        _refuse_forged(head, key)
        _refuse_foreign(head, segments.account)
        if signed[head.sequence] != head:
            raise TamperingFound(
                head.sequence, "two signed heads name it by different hashes: the journal was forked"
            )
    for sequence, claimed, key_id, signature in inside:
        head = SignedHead(
            account=segments.account, sequence=sequence, hash=claimed, key_id=key_id, signature=signature
        )
        _refuse_forged(head, key)
        _refuse_foreign(head, segments.account)
        if signed.get(sequence) != head:
            raise TamperingFound(
                sequence, f"its signed head lies in the store, but is missing in {outside.path}"
            )
    if progress.records and not anchors:
        raise TamperingFound(
            1, f"no signed head covers it: expected heads outside the store in {outside.path}"
        )


def _hold_against_fold(connection: sqlite3.Connection, path: Path, key: Ed25519PublicKey) -> None:
    """Raise TamperingFound where a fold that our key signed names a record that is gone, or another."""
    account = connection.execute("SELECT account FROM segments LIMIT 1").fetchone()
    named = None if account is None else SnapshotFile(path, AccountName(account[0])).signed_for(key)
    if named is None:
        return
    sequence, claimed = named
    require_record(sequence, claimed, _hash_of(connection, sequence))


def _walk(
    connection: sqlite3.Connection,
    segments: SegmentRows,
    signed: Mapping[int, SignedHead],
    progress: _Progress,
) -> None:
    for sealed, segment in walk(connection):
        segments.follow(sealed, segment)
        head = signed.get(sealed.sequence)
        if head is not None:
            if head.hash != sealed.hash:
                raise _remade(progress.anchored, head, sealed.hash)
            progress.anchored = sealed.sequence
        progress.records, progress.head, progress.epoch = sealed.sequence, sealed.hash, segments.epoch
    segments.end(progress.records)


def _heads_inside(connection: sqlite3.Connection) -> list[tuple[int, str, str, str]]:
    try:
        return connection.execute(
            "SELECT sequence, hash, key_id, signature FROM heads ORDER BY sequence"
        ).fetchall()
    except sqlite3.Error as error:
        raise damaged(error, 1) from error


def _heads_outside(outside: OutsideHeads) -> tuple[tuple[SignedHead, ...], StoreError | None]:
    """The heads, or why they cannot be read: the chain is walked all the same, to say how far it holds."""
    try:
        return outside.read(), None
    except StoreError as error:
        return (), error


def _refuse_forged(head: SignedHead, key: Ed25519PublicKey) -> None:
    if not head.is_signed_by(key):
        raise TamperingFound(
            head.sequence,
            f"its head names key {head.key_id} and is not signed by our key {key_id_of(key)}: forged, or of "
            "another store",
        )


def _refuse_foreign(head: SignedHead, account: AccountName) -> None:
    if head.account != account:
        raise TamperingFound(
            head.sequence, f"its head is signed for account {head.account}: expected {account}"
        )


def _cut(sequence: int, head: SignedHead) -> TamperingFound:
    return TamperingFound(
        sequence,
        f"it is missing: a signed head outside the store names record {head.sequence}; the tail is cut",
    )


def _remade(anchored: int, head: SignedHead, found: str) -> TamperingFound:
    return TamperingFound(
        head.sequence,
        f"a signed head gives it hash {head.hash[:16]}…, found {found[:16]}…: "
        f"the chain was made anew, from a record after {anchored} on",
    )
