"""The halt switch that is a file, EXECUTION_HALTED_FILE: it holds `0` or `1`, and everything else is a halt.

Anybody who can write the file can halt, with `echo 1`; moving it to 0 is one of the things that opening a
window needs, and resumes nothing by itself.
"""

import os
import stat
from pathlib import Path

from agenttrader.adapters.durable_files import replace
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import StoreError

CONTENT_BYTES_MAX = 2
"""A digit and a line feed. What is longer is another file."""


class FileHalt:
    """The switch in the file `path`; implements `ports.halt_switch.HaltSwitch`."""

    def __init__(self, path: Path, name: str = "file") -> None:
        self._path = path
        self._name = name

    @property
    def name(self) -> str:
        """What operators and configuration call it."""
        return self._name

    is_movable = True
    """Opening a window moves it to 0, closing to 1."""

    def read(self) -> SwitchReading:
        """The switch as it stands now; missing, unreadable, a folder or with other words it is HALTED."""
        try:
            content = _content(self._path)
        except OSError as error:
            return self._reading(
                TradingState.HALTED, f"expected 0 or 1 in {self._path}, found: {error.strerror}"
            )
        match content.removesuffix(b"\n"):
            case b"0":
                return self._reading(TradingState.ACTIVE, f"{self._path} is 0")
            case b"1":
                return self._reading(TradingState.HALTED, f"{self._path} is 1")
            case _:
                found = repr(content.decode("ascii", "backslashreplace")) if content else "an empty file"
                return self._reading(TradingState.HALTED, f"expected 0 or 1 in {self._path}, found {found}")

    def move(self, *, halted: bool, reason: str) -> None:
        """Write 1 or 0 durably and read it back; the file is replaced whole, and a link is followed.

        Raises StoreError, naming `reason`, when it does not stand there then.
        """
        wanted = b"1\n" if halted else b"0\n"
        try:
            replace(self._path, wanted)
            found = _content(self._path)
        except OSError as error:
            raise StoreError(
                f"{self._path}: expected to set the halt switch to {wanted[:1].decode()} ({reason}), "
                f"found: {error.strerror}. Set it by hand, or mend the folder"
            ) from error
        if found != wanted:
            raise StoreError(
                f"{self._path}: expected {wanted!r} after setting the halt switch ({reason}), found "
                f"{found!r}: somebody else moves it too"
            )

    def _reading(self, state: TradingState, reason: str) -> SwitchReading:
        return SwitchReading(name=self._name, state=state, reason=reason)


def _content(path: Path) -> bytes:
    """The file's first bytes, without blocking: a pipe in its place would make every order wait for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        return os.read(descriptor, CONTENT_BYTES_MAX + 1)
    finally:
        os.close(descriptor)
