"""The sentinel put together: kill's settings, door and fence, and a heartbeat to ask for."""

from pathlib import Path

import aiohttp
import msgspec
from msgspec import Struct

from agenttrader.adapters.clocks import MonotonicClock
from agenttrader.app.kill.act import Kill
from agenttrader.app.kill.halting import begin
from agenttrader.app.kill.report import KillReport
from agenttrader.app.kill.settings import KillSettings, read_settings
from agenttrader.app.kill.wiring import address_of, fence_halt, side_log, wire_door
from agenttrader.app.kill.wish import Wish
from agenttrader.app.sections import Sentinel as Section
from agenttrader.app.sentinel.watch import Beat, Sentinel
from agenttrader.app.tables import Place, build, parse
from agenttrader.model.errors import ConfigurationError

BEAT_SECONDS = 1.0
"""How long a heartbeat may take."""


class SentinelParts(Struct, frozen=True):
    """A sentinel, assembled."""

    sentinel: Sentinel
    listen: str
    settings: KillSettings


def wire_sentinel(file: Path) -> SentinelParts:
    """The sentinel of the configuration in `file`. Raises ConfigurationError where it has no [sentinel]."""
    settings, table = read_settings(file), parse(file).get("sentinel")
    if table is None:
        raise ConfigurationError(
            f"{file}: expected the section [sentinel], found none; it says how long the gateway may be silent"
        )
    section = build(Section, table, Place(file).at("sentinel"))
    door = wire_door(settings)
    by = "the sentinel"
    reason = f"the gateway was silent for {section.silence_seconds_max} s"
    log, fence = side_log(settings, "sentinel", by), fence_halt(settings, by, reason)

    async def stop(wish: Wish, seconds: int) -> KillReport:
        begun = begin((fence,), lambda: log)
        return await Kill(begun=begun, tell=None, door=lambda: door, log=log).run(wish, seconds)

    return SentinelParts(
        sentinel=Sentinel(
            ask=lambda: ask(settings),
            stop=stop,
            elapsed=MonotonicClock().elapsed,
            silence_seconds_max=section.silence_seconds_max,
        ),
        listen=section.listen,
        settings=settings,
    )


async def ask(settings: KillSettings) -> Beat | None:
    """The gateway's heartbeat; None where none came."""
    address = address_of(settings, "gateway")
    if address is None:
        return None
    timeout = aiohttp.ClientTimeout(total=BEAT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{address}/heartbeat") as answer,
        ):
            return msgspec.json.decode(await answer.read(), type=Beat)
    except (TimeoutError, aiohttp.ClientError, OSError, msgspec.MsgspecError):
        return None
