import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agenttrader.adapters import journal_file
from agenttrader.adapters.journal_file import (
    file_system_of,
    journal_path,
    open_for_reading,
    open_for_writing,
    refuse_network,
)
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName

MOUNTS = r"""
/dev/sda1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
filer:/home /home nfs4 rw,addr=10.0.0.1 0 0
/dev/sdb1 /home/local xfs rw 0 0
//filer/share /mnt/our\040share cifs rw 0 0
tmpfs /over tmpfs rw 0 0
filer:/over /over nfs rw 0 0
""".lstrip()


@pytest.mark.parametrize(
    ("folder", "kind"),
    (
        ("/", "ext4"),
        ("/var/lib", "ext4"),
        ("/homes", "ext4"),
        ("/home", "nfs4"),
        ("/home/ann/var", "nfs4"),
        ("/home/local/var", "xfs"),
        ("/mnt/our share/var", "cifs"),
        ("/over/there", "nfs"),
    ),
)
def test_the_innermost_and_latest_mount_counts(folder: str, kind: str) -> None:
    assert file_system_of(Path(folder), MOUNTS) == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_network(tmp_path)
    for kind in ("nfs4", "cifs", "fuse.sshfs"):
        monkeypatch.setattr(journal_file, "file_system_of", lambda _folder, _mounts, kind=kind: kind)
        with pytest.raises(
            StoreError, match=rf"{tmp_path}: expected a local disk, found {kind}: .* Put the store on"
        ):
            open_for_writing(tmp_path / "journal")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("account", ("", ".", "..", "a/b", "../x", "x\0y", ".hidden"))
def test_an_account_whose_name_no_file_can_have_is_refused(account: str) -> None:
    with pytest.raises(StoreError, match="expected an account's name that a file can have"):
        journal_path(Path("store"), AccountName(account))


def test_each_account_has_a_file() -> None:
    assert journal_path(Path("store"), AccountName("PA3 X")) == Path("store/PA3 X.journal")


def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.commit()
    before = path.read_bytes()
    for open_it in (open_for_reading, open_for_writing):
        with pytest.raises(StoreError, match="expected a journal of AgentTrader, found another SQLite file"):
            open_it(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("time,price\n" * 100)
    for open_it in (open_for_reading, open_for_writing):
        with pytest.raises(StoreError, match="file is not a database"):
            open_it(path)


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with closing(open_for_writing(path)) as connection:
        connection.execute("PRAGMA user_version = 3")
    for open_it in (open_for_reading, open_for_writing):
        with pytest.raises(
            StoreError, match="expected a journal of version 2 at most, found 3; read it with the release"
        ):
            open_it(path)


def test_a_reader_makes_and_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected a journal, found no such file"):
        open_for_reading(tmp_path / "journal")
    path = tmp_path / "journal"
    with (
        closing(open_for_writing(path)),
        closing(open_for_reading(path)) as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader.execute("INSERT INTO heads VALUES (1, '', '', '')")


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file"):
        open_for_writing(tmp_path)
