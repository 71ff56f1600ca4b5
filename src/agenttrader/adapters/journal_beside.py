"""A journal that is read beside its writer, if there is one, and a fold of it kept for the next start."""

from collections.abc import Iterator
from pathlib import Path

from agenttrader.adapters.journal_heads import PRIVATE_KEY_NAME, load_or_make_key
from agenttrader.adapters.journal_reader import hash_at, read_records
from agenttrader.adapters.journal_snapshots import SnapshotFile
from agenttrader.model.errors import StoreError
from agenttrader.model.events import Event
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Sealed
from agenttrader.ports.journal import Snapshot


class JournalBeside:
    """The journal of one account in the file `path`; implements `ports.journal.FoldedJournal`.

    It needs the journal's own key: what nobody signed is read by no start. Raises StoreError without it.
    """

    def __init__(self, path: Path, account: AccountName, key_folder: Path) -> None:
        if not (key_folder / PRIVATE_KEY_NAME).exists():
            raise StoreError(f"{key_folder}: expected the journal's key, found none; a start makes it")
        self._path = path
        self._key = load_or_make_key(key_folder)
        self._snapshots = SnapshotFile(path, account)

    def read(self, after: int = 0) -> Iterator[Sealed[Event]]:
        """Every record above `after` that is on the disk, each verified against its predecessor."""
        return read_records(self._path, after)

    def hash_at(self, sequence: int) -> str | None:
        """The hash of record `sequence`, after the chain was walked to it; None where it ends before."""
        return hash_at(self._path, sequence)

    def snapshot(self) -> Snapshot | None:
        """The last fold that was kept; None where there is none. BadValue where it is not our own."""
        return self._snapshots.read(self._key.public_key())

    def keep(self, snapshot: Snapshot) -> None:
        """Put a fold in the place of the last. Raises StoreError where the disk does not take it."""
        self._snapshots.write(snapshot, self._key)
