"""What the runtime state and a lost store need of the disk."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from agenttrader.adapters.clocks import WallClock
from agenttrader.adapters.fence import fence_path, raise_fence, read_fence
from agenttrader.adapters.journal_file import journal_path
from agenttrader.adapters.journal_heads import PRIVATE_KEY_NAME, OutsideHeads, load_public_key
from agenttrader.adapters.journal_rebuilding import rebuild, refuse_other_heads
from agenttrader.adapters.persons import is_restoration, public_key_of, read_key, sign_restoration
from agenttrader.adapters.side_journal import SideJournal
from agenttrader.adapters.state_file import StateFound, read_state
from agenttrader.app.config import Configuration
from agenttrader.app.journals.wiring import export_of
from agenttrader.app.operators.person import PersonFiles
from agenttrader.model.errors import (
    BadValue,
    ConfigurationError,
    StatementRefused,
    StoreError,
    TamperingFound,
)
from agenttrader.model.events import Event, SegmentOpened
from agenttrader.model.identifiers import PersonName
from agenttrader.model.records import GENESIS, Sealed
from agenttrader.model.times import Instant
from agenttrader.ports.fence import Fence, epoch_to_fence


class Reached(Struct, frozen=True):
    """Up to which record a state file goes."""

    records: int
    head: str


def find_state(path: Path) -> StateFound:
    """The runtime state in the file, or its backup. Raises StoreError where neither says anything."""
    return read_state(path)


def reached_by(state: StateFound) -> Reached:
    """Up to which record the state goes. Raises StoreError where it does not say."""
    try:
        return msgspec.convert(state.payload.get("journal"), Reached)
    except msgspec.ValidationError as error:
        raise StoreError(f"{state.file}: expected it to name its record in `journal`: {error}") from error


def signer_of(files: PersonFiles, passphrase: str) -> Callable[[Struct], str]:
    """What signs a restoration with the person's key. Raises BadValue where key or passphrase is wrong."""
    key = read_key(files.key, passphrase)
    return lambda restoration: sign_restoration(restoration, key)


class Looked(Struct, frozen=True):
    """What export, heads and runtime state say: how many records, the last's hash and its writer's epoch."""

    records: int
    head: str
    epoch: int
    known: int
    """The last record that anything names."""


class Rebuilding:
    """The places of one configuration's store."""

    def __init__(self, configuration: Configuration) -> None:
        store, export = configuration.store, export_of(configuration)
        if export is None:
            raise ConfigurationError(
                'expected audit_logs in [store], such as "audit_logs", found none: without a daily export '
                "there is nothing to restore from"
            )
        self.folder = export.folder
        self.journal = journal_path(configuration.path(store.directory), configuration.account.name)
        self._export = export
        self._account = configuration.account.name
        self._people = configuration.people
        self._keys = configuration.path(store.keys_directory)
        self._heads = configuration.path(store.heads_directory)
        self._state = None if store.runtime_state is None else configuration.path(store.runtime_state)
        self.now: Callable[[], Instant] = WallClock().now

    def refuse_journal(self) -> None:
        """Raise StoreError unless the journal is gone and its key is there."""
        for path in (self.journal, self.journal.with_name(f"{self.journal.name}-wal")):
            if path.exists():
                raise StoreError(
                    f"{path}: expected no journal, found one; only a store that is lost is restored. Move it "
                    "away if it is damaged, and keep it"
                )
        if not (self._keys / PRIVATE_KEY_NAME).exists():
            raise StoreError(
                f"{self._keys / PRIVATE_KEY_NAME}: expected the journal's key, found none; put it back from "
                "a copy: with another key its signed heads would be nobody's"
            )

    def look(self) -> Looked:
        """Read all of the export, each record verified.

        Raises TamperingFound where export, heads and state do not say the same.
        """
        reached = self._reached()
        records, head, epoch = 0, GENESIS, 0

        def read() -> Iterator[Sealed[Event]]:
            nonlocal records, head, epoch
            for sealed in self._export.read():
                records, head = sealed.sequence, sealed.hash
                if isinstance(sealed.event, SegmentOpened):
                    epoch = sealed.event.epoch
                if reached is not None and records == reached.records and head != reached.head:
                    other = f"the runtime state gives it hash {reached.head[:16]}…, the export {head[:16]}…"
                    raise TamperingFound(records, other)
                yield sealed

        heads = OutsideHeads(self._heads, self.journal).read()
        named = refuse_other_heads(heads, load_public_key(self._keys), read())
        return Looked(records, head, epoch, max(named, 0 if reached is None else reached.records))

    def refuse_forged(self, envelope: str, said: Struct, person: PersonName) -> None:
        """Raise StatementRefused unless the person's configured key signed just this."""
        if not is_restoration(envelope, said, public_key_of(self._people[person].public_key)):
            raise StatementRefused(
                f"{person}: expected a signature with the key whose public half is configured, found "
                "another; nothing was restored"
            )

    def fence_off(self, looked: Looked, person: PersonName, reason: str) -> None:
        """Halt whoever starts next, by an epoch that no writer of lost records can have had.

        So no statement that was given in them holds again. Raises StoreError where it does not stand then.
        """
        path = fence_path(self._heads, self._account)
        lost = max(0, looked.known - looked.records)
        epoch = max(epoch_to_fence(looked.epoch, read_fence(path), self.now()), looked.epoch + 2 + lost)
        raise_fence(path, Fence(epoch=epoch, by=person, reason=reason, time=self.now()))

    def rebuild(self) -> Path | None:
        """Make the journal of the export; where the heads of lost records were put. Raises StoreError."""
        return rebuild(
            self.journal,
            account=self._account,
            heads_folder=self._heads,
            key_folder=self._keys,
            records=self._export.read(),
        )

    def note(self, act: str, person: PersonName, outcome: str) -> None:
        """Note the act beside the journal; the next start takes it in. Raises StoreError."""
        side = SideJournal(self._heads, self._account, act, person, self.now)
        side.write(act, "", "answered", outcome)
        if side.failure:
            raise StoreError(side.failure)

    def _reached(self) -> Reached | None:
        """What the runtime state says, where there is one that can be read."""
        if self._state is None or not self._state.exists():
            return None
        try:
            return reached_by(read_state(self._state))
        except (StoreError, BadValue):
            return None  # The heads say how far it went, too; a damaged state is no proof of anything.
