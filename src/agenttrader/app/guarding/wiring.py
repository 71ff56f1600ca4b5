"""The outside world of a guarded bot: chance for its secrets, files, and its roles as processes."""

import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.clocks import WallClock
from agenttrader.app.config import Configuration
from agenttrader.app.demo.wiring import KNOWN_TO_ROLES, keep_agent_keys
from agenttrader.app.guarding.setup import GuardMaker, MadeSigner
from agenttrader.app.new_york import day_of
from agenttrader.app.operators.person import PersonFiles
from agenttrader.app.operators.wiring import new_token, write_person
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import ConfigurationError
from agenttrader.runtime.supervisor import Child, Notice, Supervisor


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
