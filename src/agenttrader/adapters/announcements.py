"""Where the processes of one run find each other: a folder in which each writes where it listens.

A role chooses its own port, so its peers cannot know it. It announces itself once it listens; whoever needs
it polls for the file. A peer that restarts has another port: look again before each new connection. What a
dead process left behind is not believed.
"""

import asyncio
import contextlib
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue, Unreachable

POLL_SECONDS = 0.05


class Announcement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One listening process. `address` is `host:port`."""

    role: str
    pid: int
    address: str
    started: int
    """When the process started, in the kernel's ticks since boot; 0 where the kernel does not say.

    With it, a pid that was given out again is another process.
    """

    @property
    def url(self) -> str:
        """The address as the beginning of an HTTP URL."""
        return f"http://{self.address}"


_decoder = msgspec.json.Decoder(Announcement)


class Announcements:
    """The announcements of one run. The folder is made at the first announcement, for its owner alone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def announce(self, role: str, address: str) -> Announcement:
        """Say that this process is `role` and listens on `address`. A reader never sees half a file."""
        pid = os.getpid()
        announcement = Announcement(role=role, pid=pid, address=address, started=_start_of(pid) or 0)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self.directory / f".{role}.{pid}"
        with open(partial, "wb", opener=_private) as file:
            file.write(msgspec.json.encode(announcement))
        partial.replace(self._path(role))
        return announcement

    def withdraw(self, role: str) -> None:
        """Take back this process's own announcement; another process's stays, and what is unreadable."""
        try:
            found = self._read(role)
        except Unreachable:
            return
        if found is not None and found.pid == os.getpid():
            self._path(role).unlink(missing_ok=True)

    def get(self, role: str) -> Announcement | None:
        """The living process that plays `role`, or None. Raises Unreachable where that cannot be read."""
        found = self._read(role)
        try:
            return found if found is not None and _lives(found) else None
        except OSError as error:
            raise Unreachable(
                f"{role}: expected to see whether process {found and found.pid} lives, found: {error}"
            ) from error

    async def find(self, role: str, timeout_seconds: float) -> Announcement:
        """The living process that plays `role`, waited for. Raises Unreachable when none announced itself."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while (found := self.get(role)) is None:  # noqa: ASYNC110  a file raises no event
                    await asyncio.sleep(POLL_SECONDS)
                return found
        raise Unreachable(
            f"{role}: expected a living process to announce itself in {self._path(role)} "
            f"within {timeout_seconds:g} s, found {self._finding(role)}; start it, or read its log"
        )

    def _finding(self, role: str) -> str:
        left = self._read(role)
        return "no file" if left is None else f"what process {left.pid} left, which is gone"

    def _path(self, role: str) -> Path:
        if not role.isidentifier():
            raise BadValue(f"role: expected a name of letters, digits and underscores, found {role!r}")
        return self.directory / f"{role}.json"

    def _read(self, role: str) -> Announcement | None:
        try:
            return _decoder.decode(self._path(role).read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            # Such as no descriptor being left: that passes, and must not end who asks.
            raise Unreachable(
                f"{self._path(role)}: expected to read an announcement, found: {error}"
            ) from error
        except msgspec.MsgspecError as error:
            raise Unreachable(
                f"{self._path(role)}: expected an announcement, found something else ({error}); remove it"
            ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _lives(announcement: Announcement) -> bool:
    try:
        os.kill(announcement.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # somebody else's process was given the pid
    started = _start_of(announcement.pid)
    return started is not None and started == announcement.started


def _start_of(pid: int) -> int | None:
    """When a running process started (see `Announcement.started`); None when it has ended."""
    if not Path("/proc/self/stat").exists():
        return 0
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field, the program's name, may hold blanks and brackets; everything after its last bracket is
    # regular.
    state, *rest = text.rpartition(")")[2].split()
    return None if state in "ZX" else int(rest[18])
