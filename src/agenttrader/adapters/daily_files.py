"""The daily export on disk: `audit_YYYYMMDD_NNNN.jsonl`, a file for each day, and more where it is long.

Lines are only ever added, whole and synced; each is a record with its hash, and names the one before it, over
the files' edges too. The day is UTC's, of the record's own time; a time that goes back stays with its file.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from agenttrader.adapters.durable_files import make_folder, sync_folder, write_whole
from agenttrader.adapters.journal_lock import StoreLock
from agenttrader.model.errors import StoreError, TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.record_lines import chained, line_of, record_of
from agenttrader.model.records import GENESIS, Sealed
from agenttrader.model.times import to_datetime

RECORDS_MAX = 10_000
"""In one file; the next goes on in another of the same day."""
BATCH_RECORDS = 1_000
"""Written and synced at a time."""

_NAME = re.compile(r"audit_(\d{8})_(\d{4})\.jsonl")


class End(NamedTuple):
    """How far the export goes: the last record, and the file that it stands in."""

    sequence: int
    head: str
    file: Path | None
    records: int
    """In that file."""


class DailyFiles:
    """The export of one account, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._end: End | None = None
        """Where it ends, as whoever adds to it alone knows."""

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While this is held, nobody else adds. Raises StoreLocked, naming who does; StoreError."""
        try:
            make_folder(self.folder)
        except OSError as error:
            raise StoreError(
                f"{self.folder}: expected a folder for the daily export, found: {error.strerror}"
            ) from error
        lock = StoreLock(self.folder / "audit")
        try:
            yield
        finally:
            lock.release()

    def files(self) -> list[Path]:
        """Every file, oldest first. Raises StoreError where the folder cannot be read."""
        try:
            names = sorted(entry.name for entry in self.folder.iterdir() if _NAME.fullmatch(entry.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{self.folder}: expected the daily export, found: {error.strerror}") from error
        return [self.folder / name for name in names]

    def read(self) -> Iterator[Sealed[Event]]:
        """Every record, each verified against the one before it. Raises TamperingFound, StoreError.

        A last line without an end is one that is being written.
        """
        return chained(self._records())

    def end(self) -> End:
        """How far it goes, by its last line alone. Raises TamperingFound, StoreError."""
        files = self.files()
        for file in reversed(files):
            lines = _lines(file)
            if lines:
                last = record_of(lines[-1], 1)
                return End(last.sequence, last.hash, file, len(lines))
        return End(0, GENESIS, files[-1] if files else None, 0)

    def add(self, read: Callable[[int], Iterable[Sealed[Event]]]) -> int:
        """Add all that `read` has after the last record that is there; which is the last then.

        What was added before it failed stays, and is whole. Raises StoreError; TamperingFound where the
        records do not follow what is there.
        """
        end = self._end = self._end or self.end()
        self._append(end, read(end.sequence))
        return self._end.sequence

    def _append(self, end: End, records: Iterable[Sealed[Event]]) -> None:
        batch: list[Sealed[Event]] = []
        for sealed in chained(records, end.sequence, end.head):
            file = self._file_of(sealed, end, len(batch))
            if batch and (file != end.file or len(batch) >= BATCH_RECORDS):
                end = self._end = self._write(end, batch)
                batch = []
            if file != end.file:
                end = End(end.sequence, end.head, file, 0)
            batch.append(sealed)
        if batch:
            self._end = self._write(end, batch)

    def _file_of(self, sealed: Sealed[Event], end: End, waiting: int) -> Path:
        """The file for the record: the last one, or a new one for a new day, or where the last is full."""
        day = f"{to_datetime(sealed.time):%Y%m%d}"
        named = None if end.file is None else _NAME.fullmatch(end.file.name)
        if named is None or day > named[1]:
            return self.folder / f"audit_{day}_0001.jsonl"
        if end.records + waiting < RECORDS_MAX:
            return self.folder / named[0]
        return self.folder / f"audit_{named[1]}_{int(named[2]) + 1:04d}.jsonl"

    def _write(self, end: End, batch: list[Sealed[Event]]) -> End:
        assert end.file is not None
        text = b"".join(line_of(sealed) + b"\n" for sealed in batch)
        try:
            make_folder(self.folder)
            is_new = not end.file.exists()
            descriptor = os.open(end.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                whole = _cut_torn(descriptor)
                os.lseek(descriptor, whole, os.SEEK_SET)
                try:
                    write_whole(descriptor, text)
                except OSError:
                    os.ftruncate(descriptor, whole)
                    raise
            finally:
                os.close(descriptor)
            if is_new:
                sync_folder(self.folder)
        except OSError as error:
            raise StoreError(
                f"{end.file}: expected to add {len(batch)} records to the daily export, found: "
                f"{error.strerror}; make room, and it catches up"
            ) from error
        return End(batch[-1].sequence, batch[-1].hash, end.file, end.records + len(batch))

    def _records(self) -> Iterator[Sealed[Event]]:
        sequence = 0
        for file in self.files():
            for line in _lines(file):
                sequence += 1
                try:
                    yield record_of(line, sequence)
                except TamperingFound as error:
                    raise TamperingFound(error.sequence, f"in {file.name}: {error.finding}") from error


def _lines(file: Path) -> list[bytes]:
    """The whole lines of the file."""
    try:
        return file.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise StoreError(f"{file}: expected a file of the daily export, found: {error.strerror}") from error


def _cut_torn(descriptor: int) -> int:
    """Cut off what a crash left of a last line; where the file then ends."""
    size = os.fstat(descriptor).st_size
    if not size or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    whole = os.pread(descriptor, size, 0).rfind(b"\n") + 1
    os.ftruncate(descriptor, whole)
    return whole
