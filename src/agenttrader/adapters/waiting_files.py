"""What waits for a person, a file each, and what persons say of it, a file each beside them.

The process that decides writes `waiting` and reads `words`; who is asked reads the one and writes the other.
A word is a signed envelope, so whoever else can write there says nothing that counts.
"""

import errno
import os
import stat
from pathlib import Path

from agenttrader.adapters.durable_files import make_folder, replace, sync_folder
from agenttrader.adapters.persons import ENVELOPE_CHARACTERS_MAX
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import OrderId

WAITING, WORDS = "waiting", "words"
WORDS_MAX = 64
"""How many are read at a time."""


class WaitingFiles:
    """The two folders in the folder of the decisions. Every method raises StoreError where the disk fails."""

    def __init__(self, folder: Path) -> None:
        self._waiting, self._words = folder / WAITING, folder / WORDS

    def read(self) -> tuple[bytes, ...]:
        """Every file of what waits."""
        try:
            return tuple([path.read_bytes() for path in sorted(self._waiting.glob("*.json"))])
        except OSError as error:
            raise self._fault(error) from error

    def keep(self, order_id: OrderId, content: bytes) -> None:
        """Keep the file of one that waits, in the place of what it said before."""
        try:
            for folder in (self._waiting, self._words):
                make_folder(folder)
            replace(self._file(order_id), content)
        except OSError as error:
            raise self._fault(error) from error

    def drop(self, order_id: OrderId) -> None:
        """It waits no more."""
        self._remove(self._file(order_id))

    def words(self) -> dict[str, str]:
        """The envelopes that persons have put there, by their files' names, and not more than `WORDS_MAX`."""
        try:
            return {path.name: _text(path) for path in sorted(self._words.glob("*.json"))[:WORDS_MAX]}
        except OSError as error:
            raise self._fault(error) from error

    def say(self, name: str, envelope: str) -> Path:
        """Put a word there, under a name that nothing else has."""
        path = self._words / f"{name}.json"
        try:
            replace(path, envelope.encode())
        except OSError as error:
            raise self._fault(error) from error
        return path

    def drop_word(self, name: str) -> None:
        """It was taken, or refused."""
        self._remove(self._words / name)

    def _file(self, order_id: OrderId) -> Path:
        return self._waiting / f"{order_id}.json"

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
            sync_folder(path.parent)
        except OSError as error:
            raise self._fault(error) from error

    def _fault(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._waiting.parent}: expected to read and write what waits for a person, found: {error}. "
            "See who owns the folder, and make room on the disk"
        )


def _text(path: Path) -> str:
    """What the file says; nothing where it is no file that somebody put there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOENT):
            return ""
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return os.read(descriptor, ENVELOPE_CHARACTERS_MAX + 1).decode("utf-8", "replace")
    finally:
        os.close(descriptor)
