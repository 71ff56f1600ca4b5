"""The disk under the journal fails for real, under load: it is full, or it writes and does not sync, or EIO.

Two disks are the kernel's own and need root; one is a library before the C library's, and needs a compiler.
What cannot be tried on this machine is skipped, and says why.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Self

import pytest

from agenttrader.testing.played_day import playing
from agenttrader.testing.rounds.day import RoundsDay
from agenttrader.testing.rounds.judge import wrong_at_death
from agenttrader.testing.rounds.load import Load
from agenttrader.testing.rounds.settling import settled

STORE = "store"
LOADED_SECONDS = 0.5
BROKEN_SECONDS_MAX = 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Disk:
    """A disk under the store that can be broken and mended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing of it stays."""

    @property
    def prefix(self) -> list[str | Path]:
        """Words before those that start the gateway."""
        return []

    def break_(self) -> None:
        raise NotImplementedError

    def mend(self) -> None:
        raise NotImplementedError


class FullDisk(Disk):
    """A tmpfs of 16 MB, filled to the brim."""

    def __enter__(self) -> Self:
        need_root("mount")
        run("mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        run("umount", "-l", self.folder)

    def break_(self) -> None:
        fill(self.folder / "filler")

    def mend(self) -> None:
        (self.folder / "filler").unlink()


class UnsyncedDisk(Disk):
    """A file system in a file that has no room to grow: a write succeeds, and the sync after it fails."""

    def __enter__(self) -> Self:
        need_root("mount", "mkfs.ext2", "losetup")
        self.under = self.folder.with_name("under")
        self.under.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", self.under)
        image = self.under / "image"
        run("truncate", "-s", "64m", image)
        run("mkfs.ext2", "-q", "-F", image)
        run("mount", "-o", "loop,errors=continue", image, self.folder)
        self.folder.chmod(0o700)
        return self

    def __exit__(self, *_: object) -> None:
        run("umount", "-l", self.folder)
        run("umount", "-l", self.under)

    def break_(self) -> None:
        fill(self.under / "filler")

    def mend(self) -> None:
        (self.under / "filler").unlink()


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
static int fails(int fd) {
    char link[64], path[4096];
    const char *flag = getenv("DISK_FLAG");
    if (flag == NULL || access(flag, F_OK) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, getenv("DISK_UNDER")) != NULL;
}
#define FAILING(kind, name, parameters, words) \
    kind name parameters { \
        static kind (*plain) parameters; \
        if (plain == NULL) plain = dlsym(RTLD_NEXT, #name); \
        if (fails(fd)) { errno = EIO; return -1; } \
        return plain words; \
    }
FAILING(ssize_t, write, (int fd, const void *data, size_t count), (fd, data, count))
FAILING(ssize_t, pwrite, (int fd, const void *data, size_t count, off_t at), (fd, data, count, at))
FAILING(ssize_t, pwrite64, (int fd, const void *data, size_t count, off64_t at), (fd, data, count, at))
FAILING(int, fsync, (int fd), (fd))
FAILING(int, fdatasync, (int fd), (fd))
"""


class FailingDisk(Disk):
    """Every write and sync of the store is EIO."""

    def __enter__(self) -> Self:
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("EIO needs a C compiler, and cc is not there")
        self.flag, self.library = self.folder.with_name("flag"), self.folder.with_name("eio.so")
        source = self.folder.with_name("eio.c")
        source.write_text(SHIM)
        run(compiler, "-shared", "-fPIC", "-o", self.library, source, "-ldl")
        return self

    @property
    def prefix(self) -> list[str | Path]:
        under = f"{self.folder}/"
        return ["env", f"LD_PRELOAD={self.library}", f"DISK_FLAG={self.flag}", f"DISK_UNDER={under}"]

    def break_(self) -> None:
        self.flag.touch()

    def mend(self) -> None:
        self.flag.unlink()


class BrokenDay(RoundsDay):
    """A day whose gateway keeps its journal on that disk."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.disk = disk
        super().__init__(folder)

    def command(self, role: str) -> list[str | Path]:
        words = super().command(role)
        return [*self.disk.prefix, *words] if role == "gateway" else words


def need_root(*tools: str) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"a disk of its own needs root and {', '.join(tools)}; missing: {missing or 'root'}")


def run(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(map(str, words))}: {done.stderr.strip()}")


def fill(path: Path) -> None:
    """Take all room that is left."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


@pytest.fixture(params=(FullDisk, UnsyncedDisk, FailingDisk), ids=("full", "unsynced", "eio"))
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    (tmp_path / STORE).mkdir(mode=0o700)
    with request.param(tmp_path / STORE) as made:
        yield made


@contextlib.asynccontextmanager
async def broken(day: BrokenDay) -> AsyncIterator[Load]:
    """The day under load, from the moment at which the gateway says that it cannot write."""
    load = Load(day, Random(7), await day.prices())
    try:
        await asyncio.sleep(LOADED_SECONDS)
        day.disk.break_()

        async def says_so() -> bool:
            return bool((await day.status()).failure)

        assert await day.eventually(says_so, BROKEN_SECONDS_MAX), "it never said that it cannot write"
        yield load
    finally:
        load.cancel()


@pytest.fixture
async def day(tmp_path: Path, disk: Disk) -> AsyncIterator[BrokenDay]:
    async with playing(BrokenDay(tmp_path, disk)) as made:
        await made.bar()
        await made.open_window()
        yield made


async def test_it_goes_on_by_itself_when_the_disk_is_mended(day: BrokenDay) -> None:
    async with broken(day) as load:
        status = await day.status()
        assert status.trading.state != "active", status
        day.disk.mend()

        async def is_back() -> bool:
            return not (await day.status()).failure

        assert await day.eventually(is_back), (await day.status()).failure
        assert (await day.status()).latches, "expected a latch: the disk has failed"
        _, findings = await settled(day, load)
    assert findings == []


async def test_it_is_killed_on_the_broken_disk_and_starts_on_the_mended_one(day: BrokenDay) -> None:
    async with broken(day) as load:
        day.kill("gateway")
        load.stopped.set()
        marked, _ = day.look()
        assert list(wrong_at_death(day.books, marked)) == []
        day.disk.mend()
        await day.back("gateway")
        _, findings = await settled(day, load)
    assert findings == []
