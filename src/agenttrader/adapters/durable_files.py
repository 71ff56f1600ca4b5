"""Files that are there after a power cut, whole or not at all.

A name is durable when the folder that holds it is; so every function here syncs both. All raise OSError.
"""

import contextlib
import errno
import itertools
import os
from pathlib import Path


def write_new(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Make the file; FileExistsError where one is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        write_whole(descriptor, content)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put the content in the file's place, so that nobody ever reads half of it; a link is followed.

    The content waits in a file of its own beside it, so that of two processes at once each puts its own
    there, whole. What a process that died left waiting is in nobody's way, and stays.
    """
    target = Path(os.path.realpath(path))
    waiting, descriptor = _open_waiting(target, mode)
    try:
        try:
            write_whole(descriptor, content)
        finally:
            os.close(descriptor)
        waiting.replace(target)
    except OSError:
        waiting.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _open_waiting(target: Path, mode: int) -> tuple[Path, int]:
    """A file beside `target` that nobody else has, open to be written."""
    for number in itertools.count():
        waiting = target.with_name(f".{target.name}.{number}.new")
        with contextlib.suppress(FileExistsError):
            return waiting, os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    raise AssertionError("numbers do not end")


def make_folder(folder: Path, mode: int = 0o755) -> None:
    """Make the folder and whatever it lies in, unless it is there."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode, exist_ok=True)
        sync_folder(folder.parent)


def write_whole(descriptor: int, content: bytes) -> None:
    """Write and sync; OSError where the disk took only a part."""
    if os.write(descriptor, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the folder's own entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
