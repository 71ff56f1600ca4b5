"""From the words of a command to an archive: where the journal lies, its outside heads and its public key.

Of a configuration only `[store]` and the account's name are read, so that the journal of an old run can be
verified by a release that would not start with that run's limits.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from agenttrader.adapters.clocks import MonotonicClock
from agenttrader.adapters.daily_files import DailyFiles
from agenttrader.adapters.journal_beside import JournalBeside
from agenttrader.adapters.journal_file import journal_path
from agenttrader.adapters.journal_heads import OutsideHeads, SignedHead, load_public_key
from agenttrader.adapters.journal_reader import read_records, span_of
from agenttrader.adapters.journal_snapshots import SnapshotFile, maker_of
from agenttrader.adapters.journal_verification import verify
from agenttrader.adapters.proof_bundles import first_head, read_bundle, write_bundle
from agenttrader.adapters.state_file import write_state
from agenttrader.app.config import Configuration
from agenttrader.app.sections import Store
from agenttrader.app.tables import Place, build, folder_of, parse
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.events import Event
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Sealed
from agenttrader.ports.journal import Verification
from agenttrader.ports.proofs import Proven
from agenttrader.runtime.starting import Folding


class Archive(Struct, frozen=True, kw_only=True):
    """A journal's file with its outside heads (their folder or file) and its public key (its folder or file).

    Implements `ports.journal.JournalArchive`.
    """

    journal: Path
    heads: Path | None
    key: Path | None
    audit_logs: Path | None = None
    """The folder of its daily export; None where that is not known, or not wanted."""
    runtime_state: Path | None = None
    """The file of what stands now, in the same way."""

    def verify(self) -> Verification:
        """Hold the journal against its heads; ConfigurationError where heads or key are not known."""
        if self.heads is None or self.key is None:
            raise ConfigurationError(
                f"{self.journal}: expected to know its signed heads and public key, found no configuration "
                "beside it. Give --heads FOLDER and --key FILE, or the run's folder in the journal's place"
            )
        return verify(self.journal, self.heads, load_public_key(self.key))

    def written(self) -> int:
        """How many records stand in it, unverified."""
        span = span_of(self.journal)
        return 0 if span is None else span.records

    def read(self, after: int = 0) -> Iterator[Sealed[Event]]:
        """Every record above `after`, each verified against its predecessor."""
        return read_records(self.journal, after)


class Proofs:
    """Proof bundles of an archive's records."""

    def __init__(self, archive: Archive) -> None:
        if archive.heads is None or archive.key is None:
            raise ConfigurationError(
                f"{archive.journal}: expected to know its signed heads and public key, found no "
                "configuration beside it; give the run's folder, or its configuration"
            )
        self._heads = OutsideHeads(archive.heads, archive.journal)
        self._key = load_public_key(archive.key)

    def first_head(self, sequence: int) -> SignedHead:
        """The first signed head at or after the record. Raises StoreError where none is."""
        return first_head(self._heads.read(), self._key, sequence)

    write = staticmethod(write_bundle)

    def read(self, bundle: Path) -> Proven:
        """What the bundle proves. Raises TamperingFound, BadValue."""
        return read_bundle(bundle, self._key)


def bundle_reader(key: Path) -> Callable[[Path], Proven]:
    """What reads bundles by the public key in the file, or folder, `key`. Raises StoreError."""
    return partial(read_bundle, key=load_public_key(key))


def folding_of(configuration: Configuration) -> tuple[Folding, Path, Path]:
    """How the run's journal is folded beside its writer, with the journal's file and that of its fold.

    Raises ConfigurationError where there is no journal, StoreError without its key.
    """
    store, account = configuration.store, configuration.account.name
    journal = journal_path(configuration.path(store.directory), account)
    if not journal.is_file():
        raise ConfigurationError(f"{journal}: expected a journal, found none; start the run first")
    multipliers = configuration.multipliers()
    beside = JournalBeside(journal, account, configuration.path(store.keys_directory))
    folding = Folding(beside, multipliers, maker_of(multipliers), MonotonicClock())
    return folding, journal, SnapshotFile(journal, account).path


def find_archive(path: Path, heads: Path | None = None, key: Path | None = None) -> Archive:
    """The journal that `path` means: a run's folder, a configuration, or the journal's own file.

    `heads` and `key` go before what a configuration says. Raises ConfigurationError where a folder has not
    one configuration, or one that names no store.
    """
    if not path.exists():
        raise ConfigurationError(
            f"{path}: expected a run's folder, its configuration or a journal's file, found no such thing"
        )
    if path.is_dir():
        found = of_configuration(_only_configuration(path))
    elif path.suffix == ".toml":
        found = of_configuration(path)
    else:
        found = _beside(path)
    return replace(found, heads=heads or found.heads, key=key or found.key)


def daily_files(archive: Archive) -> DailyFiles:
    """The daily export of the archive. Raises ConfigurationError where there is none to be had."""
    if archive.audit_logs is None:
        raise ConfigurationError(
            f"{archive.journal}: expected a configuration that says where the daily export lies, found none; "
            'give the run\'s folder or its configuration, with audit_logs = "audit_logs" in [store]'
        )
    return DailyFiles(archive.audit_logs)


def of_configuration(file: Path) -> Archive:
    """The archive that a configuration names. Raises ConfigurationError where it names none."""
    tables, place = parse(file), Place(file)
    store = build(Store, tables.get("store"), place.at("store"))
    account = tables.get("account")
    name = account.get("name") if isinstance(account, dict) else None
    folder, account = folder_of(file), AccountName(build(str, name, place.at("account").at("name")))
    return Archive(
        journal=journal_path(folder / store.directory, account),
        heads=folder / store.heads_directory,
        key=folder / store.keys_directory,
        audit_logs=None if store.audit_logs is None else folder / store.audit_logs / account,
        runtime_state=None if store.runtime_state is None else folder / store.runtime_state,
    )


def export_of(configuration: Configuration) -> DailyFiles | None:
    """Where the gateway of this configuration adds to the daily export; None where none is wanted."""
    folder, account = configuration.store.audit_logs, configuration.account.name
    return None if folder is None else DailyFiles(configuration.path(folder) / account)


def reader_of(configuration: Configuration) -> Callable[[int], Iterator[Sealed[Event]]]:
    """What reads the records of its journal after one."""
    folder = configuration.path(configuration.store.directory)
    return partial(read_records, journal_path(folder, configuration.account.name))


def state_writer_of(configuration: Configuration) -> Callable[[Struct], None] | None:
    """What writes its runtime state; None where none is wanted."""
    file = configuration.store.runtime_state
    return None if file is None else partial(write_state, configuration.path(file))


def _only_configuration(folder: Path) -> Path:
    files = sorted(folder.glob("*.toml"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise ConfigurationError(
            f"{folder}: expected a run's folder with one configuration, found {found}. "
            "Name the configuration, or the journal's file"
        )
    return files[0]


def _beside(journal: Path) -> Archive:
    """The journal with what the run's configuration says of it, if its store stands in a run's folder."""
    for file in sorted(journal.absolute().parent.parent.glob("*.toml")):
        try:
            found = of_configuration(file)
        except ConfigurationError:
            continue  # Another program's, or of a release that we do not know: then it says nothing.
        if found.journal == journal.absolute():
            return Archive(journal=journal, heads=found.heads, key=found.key)
    return Archive(journal=journal, heads=None, key=None)
