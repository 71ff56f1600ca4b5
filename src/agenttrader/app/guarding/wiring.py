"""The outside world of a guarded bot: chance for its secrets, files, and its roles as processes."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import aiohttp
import msgspec

from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.calendars import read_calendar
from agenttrader.adapters.clocks import WallClock
from agenttrader.app.config import Configuration
from agenttrader.app.demo.wiring import KNOWN_TO_ROLES, keep_agent_keys
from agenttrader.app.guarding.setup import GuardMaker, MadeSigner
from agenttrader.app.marketdata.health import Health
from agenttrader.app.new_york import day_of
from agenttrader.app.operators.person import PersonFiles
from agenttrader.app.operators.wiring import new_token, write_person
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.times import SECOND
from agenttrader.runtime.supervisor import Child, Notice, Supervisor

LOOK_SECONDS, PROBE_SECONDS = 2.0, 2.0
"""How often it is asked whether the day is over, and how long an answer may take."""

_health = msgspec.json.Decoder(Health)


def maker(passphrase: str) -> GuardMaker:
    """Secrets from the system's own chance; the person's key under `passphrase`."""

    def signer(stem: Path) -> MadeSigner:
        token = new_token()
        return MadeSigner(public_key=write_person(PersonFiles(stem), passphrase, token), token=Secret(token))

    return GuardMaker(signer=signer, token=lambda: Secret(new_token()), keep_agent_keys=keep_agent_keys)


def today() -> date:
    """The date in New York, by this machine's clock."""
    return day_of(WallClock().now())


def require_rest(configuration: Configuration, roles: tuple[str, ...]) -> None:
    """Raises ConfigurationError where a process of the run lives: a second one would take its place."""
    announcements = Announcements(configuration.path(configuration.peers.announcements))
    for role in roles:
        found = announcements.get(role)
        if found is not None:
            raise ConfigurationError(
                f"{configuration.folder}: expected a run that is not up, found its {role} as process "
                f"{found.pid}; stop it where it was started, with Ctrl-C"
            )


def supervisor(
    configuration: Configuration,
    path: Path,
    roles: tuple[str, ...],
    environment: Mapping[str, str],
    tell: Callable[[Notice], None],
) -> Supervisor:
    """The roles of the run at `path`, each with its lifeline to us."""
    program = Path(sys.executable).with_name("agenttrader")
    if not program.exists():
        raise ConfigurationError(f"expected the program at {program}, found nothing; install the package")
    known = {name: environment[name] for name in KNOWN_TO_ROLES if name in environment}
    words = ("--config", str(path), "--lifeline")
    children = [
        Child(role=role, command=(str(program), "run", role, *words), environment=known) for role in roles
    ]
    announcements = Announcements(configuration.path(configuration.peers.announcements))
    return Supervisor(children, announcements, configuration.folder / "logs", tell)


async def played_out(configuration: Configuration) -> None:
    """Return when the day that the market data play has told its last price; never where they are live."""
    announcements = Announcements(configuration.path(configuration.peers.announcements))
    settings = configuration.marketdata
    day = read_calendar(configuration.environment.calendar, settings.date, settings.date)
    close = day.sessions[-1].close // SECOND
    timeout = aiohttp.ClientTimeout(total=PROBE_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not settings.is_live and await _last_price(session, announcements) >= close:
                return


async def _last_price(session: aiohttp.ClientSession, announcements: Announcements) -> int:
    """The second at which the last bar ended; 0 where nobody says."""
    peer = announcements.get("marketdata")
    if peer is None:
        return 0
    try:
        async with session.get(f"{peer.url}/healthz") as answer:
            return _health.decode(await answer.read()).last_tick_epoch_seconds or 0
    except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError):
        return 0
