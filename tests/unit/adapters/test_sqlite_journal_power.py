"""The power goes at any instant: what was committed is there, what was not is there whole or not at all.

Each commit is taken apart as a disk may: between two pictures of store and write-ahead file, the sectors that
differ are there up to any one of them, or all but one, as a disk that writes them in an order of its own
leaves them. Of SQLite's order only what it syncs for is kept: what is in the write-ahead file is there before
any page of the store is written. In each such picture a writer starts, reads, and goes on.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from agenttrader.adapters.journal_verification import verify
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Chain
from agenttrader.testing.events import filled, opened, sealed

SECTOR = 512
SECTORS_TRIED = 4
"""Of each commit about so many, first and last among them."""


class Picture(NamedTuple):
    """The bytes of both files."""

    store: bytes
    ahead: bytes


def picture_of(path: Path) -> Picture:
    ahead = path.with_name(f"{path.name}-wal")
    return Picture(path.read_bytes(), ahead.read_bytes() if ahead.exists() else b"")


def torn(before: bytes, after: bytes) -> Iterator[bytes]:
    """What a disk may hold between two states of a file, of which the second is not synced."""
    size = max(len(before), len(after))
    old, new = before.ljust(size, b"\0"), after.ljust(size, b"\0")
    changed = [at for at in range(0, size, SECTOR) if old[at : at + SECTOR] != new[at : at + SECTOR]]
    for place in changed[:: max(1, len(changed) // SECTORS_TRIED)]:
        yield new[:place] + old[place:]  # Written in order, up to here.
        yield new[:place] + old[place : place + SECTOR] + new[place + SECTOR :]  # All but this one.
        yield new[: place + 100] + old[place + 100 :]  # Torn inside of a sector.


def open_at(folder: Path) -> SqliteJournal:
    return SqliteJournal(
        folder / "store" / "SIM-1.journal",
        account=AccountName("SIM-1"),
        heads_folder=folder / "heads",
        key_folder=folder / "keys",
    )


def start_from(picture: Picture, folder: Path, template: Path) -> int:
    """How many records a writer finds that starts with this picture, and goes on after the last of them."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("heads", "keys"):
        shutil.copytree(template / name, folder / name)
    (folder / "store").mkdir()
    (folder / "store" / "SIM-1.journal").write_bytes(picture.store)
    (folder / "store" / "SIM-1.journal-wal").write_bytes(picture.ahead)
    with closing(open_at(folder)) as journal:
        records = list(journal.read())
        chain = Chain(len(records), records[-1].hash)
        journal.append(sealed(chain, opened(epoch=chain.sequence + 1), filled(1)))
    found = verify(journal.path, folder / "heads", journal.public_key)
    assert (found.verified, found.records) == (True, len(records) + 2), found
    return len(records)


@pytest.mark.parametrize("checkpoint_pages", (4, 1_000))
def test_a_power_cut_at_any_write_leaves_what_was_committed_and_no_half_batch(
    tmp_path: Path, checkpoint_pages: int
) -> None:
    tried = 0
    with closing(open_at(tmp_path)) as journal:
        journal._connection.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")
        chain = Chain()
        journal.append(sealed(chain, opened(), filled(1)))
        journal.sign_head()
        for size in (1, 30, 2, 1):
            before, acknowledged = picture_of(journal.path), chain.sequence
            journal.append(sealed(chain, *map(filled, range(size))))
            after = picture_of(journal.path)
            for ahead in torn(before.ahead, after.ahead):
                # Not acknowledged yet: the batch is there whole, or none of it.
                found = start_from(Picture(before.store, ahead), tmp_path / "cut", tmp_path)
                assert found in (acknowledged, chain.sequence)
                tried += 1
            for store in torn(before.store, after.store):
                # Acknowledged, while its pages were written to their places.
                found = start_from(Picture(store, after.ahead), tmp_path / "cut", tmp_path)
                assert found == chain.sequence
                tried += 1
    assert tried > 40
