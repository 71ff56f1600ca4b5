import os
from pathlib import Path

import pytest

from agenttrader.adapters.journal_lock import StoreLock
from agenttrader.model.errors import StoreError, StoreLocked


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    lock = StoreLock(path)
    os.utime(lock.path, (1_763_648_000, 1_763_648_000))
    with pytest.raises(
        StoreLocked, match=rf"only writer, found process {os.getpid()}, its writer since 2025-11-20T14:13:20Z"
    ):
        StoreLock(path)
    StoreLock(tmp_path / "another").release()
    lock.release()
    lock.release()
    StoreLock(path).release()


def test_a_file_from_before_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    (tmp_path / "journal.lock").write_text("123456789 and more than a pid\n")
    lock = StoreLock(path)
    assert lock.path.read_text() == f"{os.getpid()}\n"
    lock.release()
    assert lock.path.exists()


def test_a_holder_that_has_not_written_its_name_yet_is_said_to_be_nameless(tmp_path: Path) -> None:
    lock = StoreLock(tmp_path / "journal")
    lock.path.write_bytes(b"")
    with pytest.raises(StoreLocked, match=r"found process \(not named\)"):
        StoreLock(tmp_path / "journal")
    lock.release()


def test_a_place_where_no_lock_can_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected to make or open the store's lock, found: No such file"):
        StoreLock(tmp_path / "missing" / "journal")
