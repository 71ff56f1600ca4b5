"""The agents' keys: a file of hashes that the gateway looks at before each request, so a revoked key is dead.

A key is a random 256-bit token; the file holds its SHA-256 alone, whose it is, and until when. It is looked
at anew whenever it has changed. One that is missing, unreadable or says anything unexpected knows nobody.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from agenttrader.adapters.durable_files import make_folder, replace
from agenttrader.model.agent_keys import AgentKey
from agenttrader.model.errors import BadValue, StoreError
from agenttrader.model.identifiers import AgentName
from agenttrader.model.times import Instant

FORMAT = 1


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    keys: tuple[AgentKey, ...]


_decoder = msgspec.json.Decoder(_File)


def read_keys(path: Path) -> tuple[AgentKey, ...]:
    """Every key in the file; none where there is no file. Raises StoreError for one that cannot be read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StoreError(f"{path}: expected to read the agents' keys, found: {error.strerror}") from error
    try:
        found = _decoder.decode(content)
    except (msgspec.MsgspecError, BadValue, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: expected the agents' keys as `agenttrader agents` writes them, found: {error}. "
            "No agent is known until it is mended: make the file anew and give each agent a new key"
        ) from error
    hashes = [key.sha256 for key in found.keys]
    if found.format != FORMAT or len(set(hashes)) != len(hashes):
        raise StoreError(f"{path}: expected format {FORMAT} and each key once, found something else")
    return found.keys


def write_keys(path: Path, keys: tuple[AgentKey, ...]) -> None:
    """Replace the file whole, for its owner alone. Raises StoreError where the disk does not take it."""
    content = msgspec.json.format(msgspec.json.encode(_File(format=FORMAT, keys=keys)), indent=1)
    try:
        make_folder(path.parent.absolute(), 0o700)
        replace(path, content + b"\n", 0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: expected to write the agents' keys, found: {error}; nothing has changed"
        ) from error


class AgentKeys(Mapping[str, AgentName]):
    """Whose key it is, by its SHA-256, as the file says at this moment."""

    def __init__(self, path: Path, agents: frozenset[AgentName], now: Callable[[], Instant]) -> None:
        """`agents` are those that the configuration knows: a key of any other opens nothing."""
        self._path = path
        self._agents = agents
        self._now = now
        self._seen: tuple[int, int, int] | None = None
        self._keys: dict[str, AgentKey] = {}
        self.trouble = ""
        """Why nobody is known; empty where the file could be read."""

    def __getitem__(self, sha256: str) -> AgentName:
        """The agent. Raises KeyError for a key that is not accepted now."""
        key = self._look()[sha256]
        if not key.holds_at(self._now()):
            raise KeyError(sha256)
        return key.agent

    def __iter__(self) -> Iterator[str]:
        return (sha256 for sha256, key in self._look().items() if key.holds_at(self._now()))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _look(self) -> dict[str, AgentKey]:
        """The keys, read anew where the file is another than before: it is replaced, never written in."""
        try:
            found = self._path.stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        except OSError as error:
            self._seen, self._keys = None, {}
            self.trouble = f"{self._path}: expected the agents' keys, found: {error.strerror}"
            return self._keys
        if seen != self._seen:
            try:
                keys, self.trouble = read_keys(self._path), ""
            except StoreError as error:
                keys, self.trouble = (), str(error)
            self._seen = seen
            self._keys = {key.sha256: key for key in keys if key.agent in self._agents}
        return self._keys
