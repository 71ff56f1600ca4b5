"""The runtime state, shown: what stood, up to which record, and whether the journal agrees."""

from pathlib import Path
from typing import Any

from msgspec import Struct

from agenttrader.app.journals.wiring import find_archive
from agenttrader.app.state.wiring import find_state, reached_by
from agenttrader.model.errors import ConfigurationError


class StateShown(Struct, frozen=True, kw_only=True):
    """What the file says. `finding` is empty where it is whole and the journal agrees with it."""

    file: Path
    payload: dict[str, Any]
    records: int
    head: str
    behind: int | None
    """How many records the journal has beyond it; None where there is no journal to ask."""
    finding: str = ""


def show_state(path: Path) -> StateShown:
    """The runtime state that `path` means: a run's folder, a configuration, or the file itself.

    Raises ConfigurationError where none is configured, StoreError where neither it nor its backup is whole.
    """
    if path.suffix == ".json":
        found, written = find_state(path), None
    else:
        archive = find_archive(path)
        if archive.runtime_state is None:
            raise ConfigurationError(
                f'{path}: expected runtime_state in [store], such as "data/runtime_state.json", found none'
            )
        found = find_state(archive.runtime_state)
        written = archive.written() if archive.journal.exists() else None
    reached = reached_by(found)
    finding = found.finding
    if not finding and written is not None and path.suffix != ".json":
        finding = _against(path, reached.records, reached.head, written)
    return StateShown(
        file=found.file,
        payload=found.payload,
        records=reached.records,
        head=reached.head,
        behind=None if written is None else max(0, written - reached.records),
        finding=finding,
    )


def _against(path: Path, records: int, head: str, written: int) -> str:
    """Where the journal says otherwise, in a sentence."""
    if records > written:
        return f"it goes to record {records}, the journal ends with record {written}"
    ours = next(find_archive(path).read(records - 1)).hash if records else head
    return "" if ours == head else f"the journal gives record {records} hash {ours[:16]}…, it {head[:16]}…"
