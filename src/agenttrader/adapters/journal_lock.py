"""One writer: the live lock beside a store.

The kernel holds it for the process, so that what a dead process left behind is no lock. The file stays when
the lock is let go: removing it would let two processes lock two files of one name. So it can say, too,
whether the last who wrote came to an end of its own.
"""

import contextlib
import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path

from agenttrader.model.errors import StoreError, StoreLocked

_WRITING = b"writing"


class StoreLock:
    """The lock of the store at `path`, held from construction until `release`.

    Raises StoreLocked, naming the process that holds it and since when.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".lock")
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(
                f"{self.path}: expected to make or open the store's lock, found: {error.strerror}"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._holder()
            os.close(self._descriptor)
            raise StoreLocked(
                f"{path}: expected to be the only writer, found {holder}. Two writers would fork the "
                "journal: stop the other, or give this one a store of its own"
            ) from None
        self.was_writing = _WRITING in os.pread(self._descriptor, 64, 0)
        """Whether the last who wrote did not say that it was done."""
        # Written anew each time, so that the file's own time says since when.
        self._say(_WRITING if self.was_writing else b"")

    def writing(self) -> None:
        """Say that something is written: from now on the end of this process is none of its own choice."""
        with contextlib.suppress(OSError):  # What was written counts, whether or not it is said here.
            self._say(_WRITING)

    def done(self) -> None:
        """Say that nothing more is written, now or since a writer died."""
        with contextlib.suppress(OSError):
            self._say(b"")

    def _say(self, word: bytes) -> None:
        said = b"%d\n%b\n" % (os.getpid(), word) if word else b"%d\n" % os.getpid()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, said, 0)

    def release(self) -> None:
        """Let go; another process may be the writer. Letting go twice does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _holder(self) -> str:
        pid, *_ = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").splitlines() or [""]
        since = datetime.fromtimestamp(int(os.fstat(self._descriptor).st_mtime), UTC)
        return f"process {pid or '(not named)'}, its writer since {since:%Y-%m-%dT%H:%M:%SZ}"
