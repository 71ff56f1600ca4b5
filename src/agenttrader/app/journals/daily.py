"""The daily export: is it whole, as it was written, and current? And what is missing, added.

The gateway adds to it as it goes. What is asked here is asked of the files: every hash is computed again, and
the last record is held against the journal's own.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from agenttrader.app.journals.wiring import Archive, daily_files, find_archive
from agenttrader.model.errors import TamperingFound
from agenttrader.model.records import GENESIS

LOOKS_MAX = 6
"""How often it is looked at, before what stood in the journal at first counts as missing."""
LOOK_AGAIN_SECONDS = 1


class DailyExport(Struct, frozen=True, kw_only=True):
    """What was found. `records` and `head` are how far the export goes, `journal_records` the journal.

    `record` is the first record that is not as it was written; `finding` is empty where all is well.
    """

    journal: Path
    folder: Path
    files: int
    records: int
    head: str
    journal_records: int
    finding: str = ""
    record: int | None = None

    @property
    def is_current(self) -> bool:
        """Whether it stands as it was written, and nothing is missing."""
        return not self.finding


def catch_up(path: Path) -> int:
    """Add what is missing to the export of the journal that `path` means; how many records.

    Raises StoreLocked while the gateway adds to it, TamperingFound where the two do not join.
    """
    archive = find_archive(path)
    files = daily_files(archive)
    with files.alone():
        before = files.end().sequence
        return files.add(archive.read) - before


def check(path: Path, sleep_seconds: Callable[[int], None]) -> DailyExport:
    """Whether the export of the journal that `path` means is whole and current.

    Where something is missing it is looked at again for a while: a gateway may be adding it. Raises
    ConfigurationError where no export is configured, StoreError where the journal cannot be read.
    """
    archive = find_archive(path)
    wanted, found = archive.written(), _look(archive)
    for _ in range(LOOKS_MAX - 1):
        if found.finding or found.records >= wanted:
            break
        sleep_seconds(LOOK_AGAIN_SECONDS)
        found = _look(archive)
    if not found.finding and found.records < wanted:
        missing = f"records {found.records + 1} to {wanted} are missing"
        return _with(found, f"it is stale: {missing}; start the gateway, or add them: --catch-up", None)
    return found


def _look(archive: Archive) -> DailyExport:
    files = daily_files(archive)
    records, head, damage = 0, GENESIS, None
    try:
        for sealed in files.read():
            records, head = sealed.sequence, sealed.hash
    except TamperingFound as error:
        damage = error
    found = DailyExport(
        journal=archive.journal,
        folder=files.folder,
        files=len(files.files()),
        records=records,
        head=head,
        journal_records=archive.written(),  # After the export was read: a gateway may be adding to both.
    )
    if damage is not None:
        return _with(found, damage.finding, damage.sequence)
    if records > found.journal_records:
        finding = f"the journal ends with record {found.journal_records}: its tail was cut"
        return _with(found, finding, found.journal_records + 1)
    if records and (ours := next(archive.read(records - 1)).hash) != head:
        return _with(found, f"the journal gives it hash {ours[:16]}…, the export {head[:16]}…", records)
    return found


def _with(found: DailyExport, finding: str, record: int | None) -> DailyExport:
    return replace(found, finding=finding, record=record)
