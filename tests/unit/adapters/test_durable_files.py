from pathlib import Path

import pytest

from agenttrader.adapters import durable_files
from agenttrader.adapters.durable_files import make_folder, replace, write_new


def test_replaces_a_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace(path, b"one")
    replace(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_replaces_what_a_link_points_to(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    replace(link, b"new")
    assert (link.is_symlink(), target.read_bytes()) == (True, b"new")


def test_two_at_once_keep_out_of_each_others_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / "file", durable_files.write_whole

    def meet_another(descriptor: int, content: bytes) -> None:
        monkeypatch.setattr(durable_files, "write_whole", write)
        replace(path, b"the other's")
        write(descriptor, content)

    monkeypatch.setattr(durable_files, "write_whole", meet_another)
    replace(path, b"ours")
    assert path.read_bytes() == b"ours"
    assert list(tmp_path.iterdir()) == [path]


def test_what_could_not_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable_files, "write_whole", full)
    with pytest.raises(OSError, match="No space"):
        replace(tmp_path / "file", b"whole")
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_process_left_half_written_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".file.0.new").write_bytes(b"hal")
    replace(tmp_path / "file", b"whole", 0o600)
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_never_writes_over_a_file_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_new(path, b"first")
    with pytest.raises(FileExistsError):
        write_new(path, b"second")
    assert path.read_bytes() == b"first"


def test_makes_folders_in_folders(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b" / "c", 0o700)
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file" / "folder")
