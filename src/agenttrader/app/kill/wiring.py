"""Kill put together: the fence and the switch at once, the clients of gateway and broker when they are up.

What the clients need takes a tenth of a second to load, so it is loaded where it is used.
"""

import contextlib
import functools
import os
import pwd
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from agenttrader.adapters.clocks import WallClock
from agenttrader.adapters.fence import fence_path, raise_fence, read_fence
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.adapters.journal_file import journal_path, open_for_reading
from agenttrader.app.kill.halting import Halt
from agenttrader.app.kill.settings import KillSettings
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import ConfigurationError, StoreError, Unreachable
from agenttrader.ports.fence import Fence, epoch_to_fence

if TYPE_CHECKING:
    from agenttrader.adapters.alpaca.second_door import SecondDoor
    from agenttrader.ports.kill_door import KillDoor
    from agenttrader.ports.side_journal import SideLog

JOURNAL_SECONDS = 0.05
"""How long the fence waits for whoever holds the journal with a tool of their own."""
ANSWER_SECONDS = 5.0
"""How long the broker may take for each answer."""


def who() -> str:
    """The user who runs this, for the record."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def side_log(settings: KillSettings, name: str, by: str) -> "SideLog":
    """Where `by` notes what it does."""
    from agenttrader.adapters.side_journal import SideJournal  # noqa: PLC0415 - not before the fence stands

    return SideJournal(settings.heads, settings.account, name, by, WallClock().now)


def local_halts(settings: KillSettings, by: str, reason: str) -> tuple[Halt, ...]:
    """What stops the gateway without asking anybody: the fence, and the file switch where it is wired."""
    fence = fence_halt(settings, by, reason)
    try:
        has_switch = settings.switch() is not None
    except ConfigurationError:
        has_switch = True  # It says so when it is tried.
    return (fence, Halt("switch", lambda: _switch_off(settings, reason))) if has_switch else (fence,)


def fence_halt(settings: KillSettings, by: str, reason: str) -> Halt:
    """The fence alone."""
    return Halt(
        "fence",
        lambda: fence_off(settings, by, reason),
        plainly=lambda: fence_off(settings, "kill", "halted; the reason given could not be written"),
    )


def fence_off(settings: KillSettings, by: str, reason: str) -> str:
    """Raise the fence above every process of now; a sentence on it.

    Raises StoreError where it does not stand, or where it stands in a place that no gateway can be at.
    """
    path, now = fence_path(settings.heads, settings.account), WallClock().now()
    try:
        before = read_fence(path)
    except StoreError:
        before = None  # What cannot be read is replaced; it froze everybody, and this does, too.
    epoch = epoch_to_fence(_last_epoch(settings), before, now)
    raise_fence(path, Fence(epoch=epoch, by=by, reason=reason, time=now))
    if not _is_there(settings.store) and not _is_there(settings.heads):
        raise StoreError(
            f"{path}: the fence is raised, but expected it where a gateway runs, found neither "
            f"{settings.store} nor {settings.heads}: is this the gateway's own configuration?"
        )
    return f"{path}: no process below epoch {epoch} sends anything"


def _is_there(folder: Path) -> bool:
    """Whether there is such a folder, or nobody knows."""
    try:
        folder.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _last_epoch(settings: KillSettings) -> int | None:
    """The epoch of the journal's last writer, 0 where nobody has written; None where it cannot be read."""
    path = journal_path(settings.store, settings.account)
    try:
        path.stat()  # `exists` takes a folder that is a file for nothing.
        with closing(open_for_reading(path, JOURNAL_SECONDS)) as connection:
            (found,) = connection.execute("SELECT max(epoch) FROM segments").fetchone()
    except FileNotFoundError:
        return 0
    except (OSError, StoreError, sqlite3.Error):
        return None
    return int(found or 0)


def _switch_off(settings: KillSettings, reason: str) -> str:
    path = settings.switch()
    assert path is not None, "asked for only where it is wired"
    FileHalt(path).move(halted=True, reason=reason)
    return f"{path} is 1"


async def tell_gateway(settings: KillSettings, by: str, reason: str) -> str:
    """Ask the gateway to latch a halt; a sentence on what it said. Raises Unreachable, ConfigurationError."""
    from agenttrader.adapters.operator_client import OperatorClient  # noqa: PLC0415 - see above
    from agenttrader.app.config import secret_at  # noqa: PLC0415 - the same
    from agenttrader.protocols.native import TradingBody  # noqa: PLC0415 - the same
    from agenttrader.protocols.person_bodies import HaltBody  # noqa: PLC0415 - the same

    token = secret_at(settings.folder, settings.credentials().gateway)
    async with OperatorClient(lambda: address_of(settings, "gateway"), token) as client:
        body = HaltBody(EVERYTHING, TradingState.HALTED, f"{by}: {reason}")
        trading = await client.post("/v1/halt", body, TradingBody)
    return f"the gateway says that trading is {trading.state}"


@asynccontextmanager
async def at_door(settings: KillSettings) -> AsyncIterator["Callable[[], KillDoor]"]:
    """What opens the second door; it is shut with the block. Opening raises ConfigurationError."""
    async with AsyncExitStack() as stack:

        @functools.cache
        def door() -> "KillDoor":
            found = wire_door(settings)
            stack.push_async_callback(found.shut)
            return found

        yield door


def wire_door(settings: KillSettings) -> "SecondDoor":
    """The second door of the account. Raises ConfigurationError where it is not said which."""
    from agenttrader.adapters.alpaca.allowance import Allowance  # noqa: PLC0415 - see above
    from agenttrader.adapters.alpaca.connection import Connection  # noqa: PLC0415 - the same
    from agenttrader.adapters.alpaca.second_door import SecondDoor  # noqa: PLC0415 - the same
    from agenttrader.app.config import secret_at  # noqa: PLC0415 - the same
    from agenttrader.model.credentials import Credential  # noqa: PLC0415 - the same

    broker, key = settings.broker(), settings.credentials().broker
    return SecondDoor(
        Connection(
            address=broker.where(lambda: address_of(settings, "venue")),
            credential=Credential(key_id=key.key_id, secret=secret_at(settings.folder, key.secret)),
            account=settings.account,
            surroundings=broker.kind,
            answer_seconds=ANSWER_SECONDS,
            # Nothing holds it back: it has a key of its own, and a broker that refuses says so.
            allowance=Allowance(None, lambda: 0.0),
        )
    )


def address_of(settings: KillSettings, role: str) -> str | None:
    """Where the role listens now; None where nobody knows."""
    from agenttrader.adapters.announcements import Announcements  # noqa: PLC0415 - as the door's client

    with contextlib.suppress(Unreachable, ConfigurationError):
        found = Announcements(settings.announcements()).get(role)
        return None if found is None else found.url
    return None
