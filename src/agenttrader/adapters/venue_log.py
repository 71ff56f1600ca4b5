"""The simulated exchange's memory: a file of lines, each whole or not there.

A line is handed to the kernel in one write before anybody is answered, so a process that is killed has lost
nothing that it said; it is not synced, so a machine that loses its power may. A line that a dying process
left half written was never answered, and is cut off when the file is opened. One process writes at a time.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from agenttrader.adapters.journal_lock import StoreLock
from agenttrader.model.errors import StoreError

_CHUNK_BYTES = 65_536


class VenueLog:
    """The log at `path`, made with its folder where there is none.

    Raises StoreLocked where another process writes it, StoreError where it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = StoreLock(path)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._size = self._cut_unfinished()
        except OSError as error:
            raise StoreError(
                f"{path}: expected to open the venue's log, found: {error.strerror}; see who owns the folder"
            ) from error

    def read(self) -> Iterator[bytes]:
        """Every line as it was appended, in order."""
        with self.path.open("rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")

    def append(self, entry: bytes) -> None:
        """Add a line; on return it outlives this process. Raises StoreError, with nothing added."""
        assert b"\n" not in entry
        line = entry + b"\n"
        try:
            written = os.write(self._descriptor, line)
            if written != len(line):
                os.ftruncate(self._descriptor, self._size)
                raise StoreError(
                    f"{self.path}: expected room for {len(line)} bytes, found room for {written}; "
                    "make room on the disk"
                )
        except OSError as error:
            raise StoreError(
                f"{self.path}: expected to write the venue's log, found: {error.strerror}; "
                "make room on the disk"
            ) from error
        self._size += len(line)

    def close(self) -> None:
        """Let go of the file; another process may write it."""
        os.close(self._descriptor)
        self._lock.release()

    def _cut_unfinished(self) -> int:
        """Cut off a last line without its end; the size that is left."""
        size = os.fstat(self._descriptor).st_size
        end = size
        while end > 0:
            start = max(end - _CHUNK_BYTES, 0)
            found = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end != size:
            os.ftruncate(self._descriptor, end)
        return end
