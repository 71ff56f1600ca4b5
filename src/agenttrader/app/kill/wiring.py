"""Kill put together from a configuration, of which only what it needs is read.

So that it works with a configuration that the gateway would refuse: a limit that somebody has just misspelt
must not keep anybody from stopping.
"""

import asyncio
import contextlib
import os
import pwd
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

from msgspec import Struct

from agenttrader.adapters.alpaca.connection import Connection, Surroundings
from agenttrader.adapters.alpaca.second_door import SecondDoor
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.clocks import WallClock
from agenttrader.adapters.fence import fence_path, raise_fence, read_fence
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.adapters.journal_file import journal_path, open_for_reading
from agenttrader.adapters.operator_client import OperatorClient
from agenttrader.adapters.side_journal import SideJournal
from agenttrader.app.config import secret_at
from agenttrader.app.credential_sections import KillCredentials
from agenttrader.app.kill.act import Halting, Kill
from agenttrader.app.sections import Account, Peers, Store, Switches
from agenttrader.app.tables import Place, build, parse
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.credentials import Credential
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import ConfigurationError, StoreError, Unreachable
from agenttrader.model.identifiers import BrokerOrderId, Symbol
from agenttrader.model.reports import BrokerPosition
from agenttrader.ports.fence import Fence, epoch_to_fence
from agenttrader.ports.kill_door import KillDoor, WorkingOrder
from agenttrader.protocols.native import TradingBody

ANSWER_SECONDS = 5.0
"""How long the broker may take for each answer."""


class Halt(Struct, frozen=True):
    """The body of POST /v1/halt."""

    scope: Any
    state: TradingState
    reason: str


class KillSettings(Struct, frozen=True, kw_only=True):
    """What kill needs of a configuration."""

    folder: Path
    account: Account
    store: Store
    switches: Switches
    peers: Peers
    credentials: KillCredentials

    @property
    def heads(self) -> Path:
        """The folder of the outside heads, beside which fence and side journals lie."""
        return self.folder / self.store.heads_directory

    @property
    def announcements(self) -> Announcements:
        """Where the processes say where they listen."""
        return Announcements(self.folder / self.peers.announcements)

    @property
    def broker(self) -> Credential:
        """The second door's own key. Raises ConfigurationError where it is not there."""
        key = self.credentials.broker
        return Credential(key_id=key.key_id, secret=secret_at(self.folder, key.secret))


def read_settings(file: Path) -> KillSettings:
    """What kill needs of the configuration in `file`. Raises ConfigurationError where that is not there."""
    tables, place = parse(file), Place(file)

    def section(kind: type[Any], name: str) -> Any:
        return build(kind, tables.get(name), place.at(name))

    credentials = tables.get("credentials")
    found = credentials.get("kill") if isinstance(credentials, dict) else None
    return KillSettings(
        folder=file.absolute().parent,
        account=section(Account, "account"),
        store=section(Store, "store"),
        switches=section(Switches, "switches"),
        peers=section(Peers, "peers"),
        credentials=build(KillCredentials, found, place.at("credentials").at("kill")),
    )


def who() -> str:
    """The user who runs this, for the record."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


@asynccontextmanager
async def wire_kill(settings: KillSettings, reason: str) -> AsyncIterator[Kill]:
    """One kill, in the name of the user who runs it. Connections are let go of with the block."""
    by = f"kill by {who()}"
    async with AsyncExitStack() as stack:
        door: KillDoor
        try:
            door = second = wire_door(settings)
            stack.push_async_callback(second.shut)
        except ConfigurationError as error:
            door = _NoDoor(str(error))  # What halts the gateway needs no key at the broker.
        yield Kill(
            halts=tuple(halts(settings, by, reason)),
            door=door,
            log=SideJournal(settings.heads, settings.account.name, "kill", by, WallClock().now),
        )


class _NoDoor:
    """A door that cannot be opened, and why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def orders(self) -> tuple[WorkingOrder, ...]:
        raise Unreachable(self._reason)

    async def positions(self) -> tuple[BrokerPosition, ...]:
        raise Unreachable(self._reason)

    async def cancel(self, order: BrokerOrderId) -> str:
        raise Unreachable(f"{order}: {self._reason}")

    async def close(self, symbol: Symbol) -> str:
        raise Unreachable(f"{symbol}: {self._reason}")


def wire_door(settings: KillSettings) -> SecondDoor:
    """The second door of the account. Raises ConfigurationError where this version cannot reach it."""
    if not settings.account.simulated:
        raise ConfigurationError(
            "[account] simulated: expected true, found false: this version trades only accounts of its own "
            "simulated venue"
        )
    return SecondDoor(
        Connection(
            address=lambda: address_of(settings, "venue"),
            credential=settings.broker,
            account=settings.account.name,
            surroundings=Surroundings.SIMULATED,
            answer_seconds=ANSWER_SECONDS,
        )
    )


def halts(settings: KillSettings, by: str, reason: str) -> list[Halting]:
    """The acts that stop the gateway, in their order."""
    found = [Halting("fence", lambda: aside(lambda: fence_off(settings, by, reason)), is_needed=True)]
    if "file" in settings.switches.wired:
        found.append(Halting("switch", lambda: aside(lambda: _switch_off(settings, reason)), is_needed=True))
    found.append(Halting("gateway", lambda: _tell_gateway(settings, by, reason), is_needed=False))
    return found


def fence_off(settings: KillSettings, by: str, reason: str) -> str:
    """Raise the fence above every process of now; a sentence on it. Raises StoreError."""
    path, now = fence_path(settings.heads, settings.account.name), WallClock().now()
    try:
        before = read_fence(path)
    except StoreError:
        before = None  # What cannot be read is replaced; it froze everybody, and this does, too.
    epoch = epoch_to_fence(_last_epoch(settings), before, now)
    raise_fence(path, Fence(epoch=epoch, by=by, reason=reason, time=now))
    return f"{path}: no process below epoch {epoch} sends anything"


def _last_epoch(settings: KillSettings) -> int | None:
    """The epoch of the journal's last writer, 0 where nobody has written; None where it cannot be read."""
    path = journal_path(settings.folder / settings.store.directory, settings.account.name)
    if not path.exists():
        return 0
    try:
        with closing(open_for_reading(path)) as connection:
            (found,) = connection.execute("SELECT max(epoch) FROM segments").fetchone()
    except (StoreError, sqlite3.Error):
        return None
    return int(found or 0)


def _switch_off(settings: KillSettings, reason: str) -> str:
    path = settings.folder / settings.switches.file
    FileHalt(path).move(halted=True, reason=reason)
    return f"{path} is 1"


async def _tell_gateway(settings: KillSettings, by: str, reason: str) -> str:
    token = secret_at(settings.folder, settings.credentials.gateway)
    async with OperatorClient(lambda: address_of(settings, "gateway"), token) as client:
        body = Halt(EVERYTHING, TradingState.HALTED, f"{by}: {reason}")
        trading = await client.post("/v1/halt", body, TradingBody)
    return f"the gateway says that trading is {trading.state}"


def address_of(settings: KillSettings, role: str) -> str | None:
    """Where the role listens now; None where nobody knows."""
    with contextlib.suppress(Unreachable):
        found = settings.announcements.get(role)
        return None if found is None else found.url
    return None


async def aside(act: Callable[[], str]) -> str:
    """What `act` gives, in a thread that nobody waits for at the end: a disk may hang for ever."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def tell(said: str, error: StoreError | None) -> None:
        if not answer.done():
            answer.set_result(said) if error is None else answer.set_exception(error)

    def work() -> None:
        said, failure = "", None
        try:
            said = act()
        except StoreError as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # Nobody waits any more: the loop is closed.
            loop.call_soon_threadsafe(tell, said, failure)

    threading.Thread(target=work, name="kill", daemon=True).start()
    return await answer
