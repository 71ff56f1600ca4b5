"""The audit export: every record as a line of JSON, and the file's own digest beside it."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from agenttrader.app.journals.wiring import find_archive
from agenttrader.model.errors import BadValue, StoreError
from agenttrader.model.events import Event
from agenttrader.model.identifiers import Digest
from agenttrader.model.record_lines import line_of
from agenttrader.model.records import Sealed


class Exported(Struct, frozen=True, kw_only=True):
    """What was read, what was written, how many records stand in it, and the SHA-256 of its bytes."""

    journal: Path
    file: Path
    records: int
    digest: Digest


def export(path: Path, target: Path) -> Exported:
    """Write the journal that `path` means to the file `target`, or under its own name into that folder.

    Raises BadValue where there is a file already, StoreError where the disk does not take it, TamperingFound
    where the chain does not hold: then nothing is left of it.
    """
    archive = find_archive(path)
    file = target / f"{archive.journal.stem}.jsonl" if target.is_dir() else target
    count, digest = write(archive.read(), file)
    return Exported(journal=archive.journal, file=file, records=count, digest=digest)


def write(records: Iterable[Sealed[Event]], file: Path) -> tuple[int, Digest]:
    """Write the records to a new file, and its digest beside it as `sha256sum -c` reads it."""
    digest_file = file.with_name(f"{file.name}.sha256")
    for path in (file, digest_file):
        if path.exists():
            raise BadValue(
                f"{path}: expected a new file for the export, found one; name another, or remove it"
            )
    waiting = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            count, digest = _write_lines(records, waiting)
            waiting.rename(file)
        finally:
            waiting.unlink(missing_ok=True)
        # Last: where it stands, the export is whole.
        digest_file.write_text(f"{digest}  {file.name}\n", encoding="utf-8")
    except (FileExistsError, NotADirectoryError) as error:
        raise BadValue(
            f"{file.parent}: expected a folder for the export, found a file on the way; name another"
        ) from error
    except OSError as error:
        raise StoreError(
            f"{file}: expected to write the export, found: {error.strerror}; make room"
        ) from error
    return count, digest


def _write_lines(records: Iterable[Sealed[Event]], file: Path) -> tuple[int, Digest]:
    digest = hashlib.sha256()
    count = 0
    with file.open("wb") as out:
        for sealed in records:
            line = line_of(sealed) + b"\n"
            digest.update(line)
            out.write(line)
            count += 1
        out.flush()
        os.fsync(out.fileno())
    return count, Digest(digest.hexdigest())
