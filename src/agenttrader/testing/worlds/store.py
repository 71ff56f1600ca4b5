"""The journal of a world: the product's own store on a disk that fails, and a power cord that is pulled.

What a crash leaves is what SQLite had committed. What fails, fails inside of the product's own commit, and
what comes of that is the product's doing.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.testing.builders import ACCOUNT
from agenttrader.testing.worlds.loop import PowerCut

NEVER = 10**9


class Disk:
    """How the disk is just now. Counts are of writes from now on."""

    def __init__(self) -> None:
        self.is_full = False
        self.late_error_in = NEVER
        """The write after which an error is told, though it was done."""
        self.cut_before_in = NEVER
        self.cut_after_in = NEVER
        """The write before or after which the power is cut."""
        self.cut: Callable[[], None] = lambda: None
        """Ends the process that is writing."""
        self.writes = 0

    def make_room(self) -> None:
        """It is not full any more."""
        self.is_full = False

    def heal(self) -> None:
        """Nothing fails any more."""
        self.is_full = False
        self.late_error_in = self.cut_before_in = self.cut_after_in = NEVER


class WorldJournal(SqliteJournal):
    """One process's hand on the store in `folder`."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._disk = disk
        super().__init__(
            folder / "store" / f"{ACCOUNT}.sqlite",
            account=ACCOUNT,
            heads_folder=folder / "heads",
            key_folder=folder / "keys",
        )

    def abandon(self) -> None:
        """Let go as the kernel does for who died: nothing more is written, the lock is free."""
        self._lock.done()  # SQLite takes the write-ahead file away as it closes, which no kernel does.
        self._connection.close()
        self._lock.release()

    def _commit(self, batch: Any) -> None:
        disk = self._disk
        disk.writes += 1
        if disk.is_full:
            raise sqlite3.OperationalError("database or disk is full")
        disk.cut_before_in -= 1
        disk.cut_after_in -= 1
        disk.late_error_in -= 1
        if disk.cut_before_in == 0:
            disk.cut()
            raise PowerCut
        super()._commit(batch)
        if disk.cut_after_in == 0:
            disk.cut()
            raise PowerCut
        if disk.late_error_in == 0:
            raise sqlite3.OperationalError("disk I/O error")
