"""What the exits unit remembers over its own end: the best price of each position since it was opened.

One file, replaced whole, with the digest of what it says. One that is missing, damaged or of another account
is no memory: the best prices are then counted from the market data of this session alone.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from agenttrader.adapters.durable_files import make_folder, replace
from agenttrader.exits.acts import Tenancy
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName, Digest, Symbol, digest_of

FILE = "exits.json"

logger = structlog.get_logger()


class _Best(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: Symbol
    sequence: int
    best: Decimal


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: AccountName
    bests: tuple[_Best, ...]
    digest: Digest


_decoder = msgspec.json.Decoder(_File)


class ExitCheckpoints:
    """The file of one account, in its folder."""

    def __init__(self, folder: Path, account: AccountName) -> None:
        self._path = folder / FILE
        self._account = account

    def read(self) -> dict[Tenancy, Decimal]:
        """What was written last; nothing where that is not to be had, and the log says why."""
        try:
            found = _decoder.decode(self._path.read_bytes())
        except FileNotFoundError:
            return self._nothing("there is no file")
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            return self._nothing(str(error))
        if found.digest != _digest(found.account, found.bests):
            return self._nothing("its digest is another")
        if found.account != self._account:
            return self._nothing(f"it is of account {found.account}")
        return {Tenancy(each.symbol, each.sequence): each.best for each in found.bests}

    def write(self, bests: Mapping[Tenancy, Decimal]) -> None:
        """Durable on return. Raises StoreError where the disk does not take it."""
        rows = tuple(
            _Best(symbol=tenancy.symbol, sequence=tenancy.sequence, best=best)
            for tenancy, best in bests.items()
        )
        file = _File(account=self._account, bests=rows, digest=_digest(self._account, rows))
        try:
            make_folder(self._path.parent.absolute(), 0o700)
            replace(self._path, msgspec.json.encode(file) + b"\n", 0o600)
        except OSError as error:
            raise StoreError(f"{self._path}: expected to write the best prices, found: {error}") from error

    def _nothing(self, why: str) -> dict[Tenancy, Decimal]:
        logger.warning(
            "nothing_remembered",
            file=str(self._path),
            reason=why,
            then="best prices are counted from this session's market data",
        )
        return {}


def _digest(account: AccountName, bests: tuple[_Best, ...]) -> Digest:
    return digest_of(msgspec.json.encode((account, bests)))
