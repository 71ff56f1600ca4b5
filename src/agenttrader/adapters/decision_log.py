"""Decisions on disk: a file of lines for each day, and beside them which proposals were decided already.

A line is synced before anybody is told; only then its proposal counts as decided. Between the two lies a
crash at most, so the newest file is read again at the start. A last line that a crash left half written was
never told, and is cut off.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from agenttrader.adapters.durable_files import make_folder, sync_folder, write_whole
from agenttrader.adapters.journal_lock import StoreLock
from agenttrader.model.errors import StoreError

FILE, INDEX = "decisions.ndjson", "decided.index"
_TABLES = """
CREATE TABLE IF NOT EXISTS decided (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS approved (id TEXT PRIMARY KEY, day TEXT NOT NULL, body BLOB NOT NULL) STRICT;
"""
_TAIL_BYTES = 1_048_576
"""How much of a file is looked at for the end of its last line, which is far shorter."""


class _Told(Struct, frozen=True):
    proposal_id: str | None = None
    recommended_order: msgspec.Raw = msgspec.Raw(b"null")


_decoder = msgspec.json.Decoder(_Told)


class DecisionLog:
    """The decisions in `folder`, which is made. One process writes it: StoreLocked for a second one.

    Every method raises StoreError where the disk does not do it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            make_folder(folder)
            self._lock = StoreLock(folder / INDEX)
        except OSError as error:
            raise self._fault(error) from error
        try:
            self._index = sqlite3.connect(folder / INDEX, isolation_level=None)
            self._index.execute("PRAGMA synchronous=FULL")
            self._index.executescript(_TABLES)
            self._take_in_newest()
        except (OSError, sqlite3.Error) as error:
            self._lock.release()
            raise self._fault(error) from error

    def is_decided(self, proposal_id: str) -> bool:
        """Whether a decision on the proposal is in one of the files, of today or of any day before."""
        try:
            with closing(self._index.execute("SELECT 1 FROM decided WHERE id = ?", (proposal_id,))) as found:
                return found.fetchone() is not None
        except sqlite3.Error as error:
            raise self._fault(error) from error

    def append(self, day: str, line: bytes, proposal_id: str | None, approved: bytes | None = None) -> None:
        """Add the line to the file of `day`, YYYY-MM-DD; None where it decides on no proposal.

        What was `approved` is kept before its line: after a crash in between it counts, and is decided anew.
        """
        path = self.folder / day / FILE
        try:
            if approved is not None:
                self._keep(day, proposal_id, approved)
            make_folder(path.parent)
            is_new = not path.exists()
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                write_whole(descriptor, line)
            finally:
                os.close(descriptor)
            if is_new:
                sync_folder(path.parent)
            if proposal_id is not None:
                self._note(proposal_id)
        except (OSError, sqlite3.Error) as error:
            raise self._fault(error) from error

    def approved(self, day: str) -> tuple[bytes, ...]:
        """What was approved on `day`, the oldest first."""
        try:
            rows = self._index.execute("SELECT body FROM approved WHERE day = ? ORDER BY rowid", (day,))
            with closing(rows):
                return tuple([body for (body,) in rows])
        except sqlite3.Error as error:
            raise self._fault(error) from error

    def close(self) -> None:
        """Let go of the folder; another process may write it."""
        self._index.close()
        self._lock.release()

    def _note(self, proposal_id: str) -> None:
        self._index.execute("INSERT OR IGNORE INTO decided VALUES (?)", (proposal_id,))

    def _keep(self, day: str, proposal_id: str | None, approved: bytes) -> None:
        """Keep an approval, and those of no other day: they count no more."""
        self._index.execute("DELETE FROM approved WHERE day <> ?", (day,))
        self._index.execute("INSERT OR REPLACE INTO approved VALUES (?, ?, ?)", (proposal_id, day, approved))

    def _take_in_newest(self) -> None:
        """Note what the newest file decides: the process before may have died between line and note."""
        newest = max(self.folder.glob(f"*/{FILE}"), default=None, key=lambda path: path.parent.name)
        if newest is None:
            return
        _cut_unfinished(newest)
        for told in _told(newest):
            if told.proposal_id is not None and bytes(told.recommended_order) != b"null":
                self._note(told.proposal_id)

    def _fault(self, error: Exception) -> StoreError:
        return StoreError(
            f"{self.folder}: expected to keep decisions there, found: {error}. Nothing more is decided; see "
            "who owns the folder, and make room on the disk"
        )


def _told(path: Path) -> Iterator[_Told]:
    with path.open("rb") as lines:
        for line in lines:
            try:
                yield _decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise OSError(0, f"a line of {path} that is no decision: {error}") from error


def _cut_unfinished(path: Path) -> None:
    """Cut off a last line without its end."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - _TAIL_BYTES)
        file.seek(start)
        end = start + file.read().rfind(b"\n") + 1
        if end != size:
            file.truncate(end)
            os.fsync(file.fileno())
