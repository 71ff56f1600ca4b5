"""One writer: the live lock beside a store.

The kernel holds it for the process, so that what a dead process left behind is no lock. The file stays when
the lock is let go: removing it would let two processes lock two files of one name.
"""

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path

from agenttrader.model.errors import StoreError, StoreLocked


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
        # Written anew each time, so that the file's own time says since when.
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go; another process may be the writer. Letting go twice does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _holder(self) -> str:
        pid = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
        since = datetime.fromtimestamp(int(os.fstat(self._descriptor).st_mtime), UTC)
        return f"process {pid or '(not named)'}, its writer since {since:%Y-%m-%dT%H:%M:%SZ}"
