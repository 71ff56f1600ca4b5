"""What the strategies of one agent remember over their host's end: one file, replaced whole, with its digest.

A file that is damaged, of another account, agent or market, or of another version refuses the start: to trade
on half a memory, or silently on none, could propose twice. A person looks, and moves it away to begin anew.
"""

from pathlib import Path
from typing import TypeVar

import msgspec
import structlog
from msgspec import Struct

from agenttrader.adapters.durable_files import make_folder, replace
from agenttrader.model.errors import ConfigurationError, StoreError
from agenttrader.model.identifiers import AccountName, AgentName, Digest, digest_of
from agenttrader.strategies.memory import Memory

T = TypeVar("T")

logger = structlog.get_logger()

FORMAT = 1
"""Of the file. It moves when what is remembered changes; there is no reading of another one's."""
NEXT = "move it away to begin as on a first day, from the session's open"


class _Head(Struct, frozen=True):
    format: int


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    account: AccountName
    market: str
    memory: msgspec.Raw
    digest: Digest


_heads = msgspec.json.Decoder(_Head)
_files = msgspec.json.Decoder(_File)
_memories = msgspec.json.Decoder(Memory)


class StrategyCheckpoints:
    """The file of one agent of one account; `market` names the market data that it heard."""

    def __init__(self, folder: Path, account: AccountName, agent: AgentName, market: str) -> None:
        self.path = folder / f"{agent}.json"
        self._account = account
        self._agent = agent
        self._market = market

    def read(self, session: str) -> Memory | None:
        """What was written last, in the session of that date.

        None where nothing ever was, and where it is of an earlier session: each begins anew. Raises
        ConfigurationError for all else.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refusal("a file that can be read", str(error.strerror)) from error
        version = self._decode(_heads, content).format
        if version != FORMAT:
            raise self._refusal(
                f"format {FORMAT}", f"format {version}: another version of the program wrote it"
            )
        found = self._decode(_files, content)
        if found.digest != _digest(found):
            raise self._refusal("the digest of what it says", "another: it is damaged, or was edited")
        memory = self._decode(_memories, found.memory)
        self._expect("account", self._account, found.account)
        self._expect("agent", self._agent, memory.agent)
        if memory.session.date < session:
            logger.info("begun_anew", file=str(self.path), reason=f"it is of {memory.session.date}")
            return None
        self._expect("market data", self._market, found.market)
        return memory

    def write(self, memory: Memory) -> None:
        """Durable on return. Raises StoreError where the disk does not take it."""
        file = _File(
            format=FORMAT,
            account=self._account,
            market=self._market,
            memory=msgspec.Raw(msgspec.json.encode(memory)),
            digest=Digest(""),
        )
        file = msgspec.structs.replace(file, digest=_digest(file))
        try:
            make_folder(self.path.parent.absolute(), 0o700)
            replace(self.path, msgspec.json.encode(file) + b"\n", 0o600)
        except OSError as error:
            raise StoreError(f"{self.path}: expected to write a checkpoint, found: {error}") from error

    def refusal(self, why: str) -> ConfigurationError:
        """The refusal of a memory that does not fit, with what to do."""
        return ConfigurationError(f"{self.path}: {why}; {NEXT}")

    def _decode(self, decoder: msgspec.json.Decoder[T], content: bytes | msgspec.Raw) -> T:
        try:
            return decoder.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._refusal("a checkpoint of strategies", f"none: {error}") from error

    def _expect(self, what: str, ours: str, found: str) -> None:
        if found != ours:
            raise self._refusal(f"{what} {ours}", found)

    def _refusal(self, expected: str, found: str) -> ConfigurationError:
        return self.refusal(f"expected {expected}, found {found}")


def _digest(file: _File) -> Digest:
    return digest_of(msgspec.json.encode((file.format, file.account, file.market)) + bytes(file.memory))
