"""A person's verbs, performed: at the gateway's desk, and in the files that only an operator may write."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from agenttrader.app.config import Configuration
from agenttrader.app.operators import agents
from agenttrader.app.operators.acts import Operator, Pen
from agenttrader.app.operators.by_files import FileDesk
from agenttrader.app.operators.person import PersonFiles
from agenttrader.app.operators.wiring import (
    at_files,
    at_gateway,
    file_switch,
    new_token,
    now,
    pen_of,
    read_agent_keys,
    write_agent_keys,
    write_person,
    write_secret,
)
from agenttrader.model.agent_keys import AgentKey
from agenttrader.model.identifiers import AgentName
from agenttrader.model.times import Duration

T = TypeVar("T")


class MadePerson(Struct, frozen=True, kw_only=True):
    """What configuration must know of a new person; the key and the token stay in their files."""

    public_key: str
    token_sha256: str


def at_desk(configuration: Configuration, person: PersonFiles, act: Callable[[Operator], Awaitable[T]]) -> T:
    """What `act` gives at the gateway of the run, in the person's name."""

    async def go() -> T:
        async with at_gateway(configuration, person.read_token()) as operator:
            return await act(operator)

    return asyncio.run(go())


def desk_of_files(folder: Path) -> FileDesk:
    """What waits in the folder of a decision-only process, and a person's word on it."""
    return at_files(folder)


def signature_of(person: PersonFiles, passphrase: str) -> Pen:
    """The person's signature. Raises BadValue where key or passphrase is wrong."""
    return pen_of(person, passphrase)


def make_person(stem: Path, passphrase: str) -> MadePerson:
    """Make a person's key and token in new files, for their owner alone. Raises StoreError."""
    token = new_token()
    public_key = write_person(PersonFiles(stem), passphrase, token)
    return MadePerson(public_key=public_key, token_sha256=hashlib.sha256(token.encode()).hexdigest())


def halt_by_file(configuration: Configuration, reason: str) -> Path | None:
    """Put the file switch to 1, which halts a gateway that does not answer, too; None where none is wired.

    Raises StoreError where it does not stand there then.
    """
    if "file" not in configuration.switches.wired:
        return None
    path = configuration.path(configuration.switches.file)
    file_switch(path).move(halted=True, reason=reason)
    return path


def give_key(configuration: Configuration, agent: str, to: Path | None) -> str:
    """A new key for an agent that has none, in the new file `to` as well. Raises BadValue, StoreError."""
    return _hand_out(
        configuration,
        to,
        lambda keys, token: agents.added(
            keys, AgentName(agent), token, now(), known=configuration.agent_names()
        ),
    )


def rotate_key(configuration: Configuration, agent: str, to: Path | None, grace: Duration) -> str:
    """A new key for an agent, in the new file `to` as well; the old one ends after the grace.

    Raises BadValue, StoreError.
    """
    return _hand_out(
        configuration,
        to,
        lambda keys, token: agents.rotated(
            keys, AgentName(agent), token, now(), grace, known=configuration.agent_names()
        ),
    )


def _hand_out(
    configuration: Configuration,
    to: Path | None,
    change: Callable[[tuple[AgentKey, ...], str], tuple[AgentKey, ...]],
) -> str:
    """A new key, accepted from now on. It lies in its file first: one that nobody has would end the old."""
    token, file = new_token(), configuration.path(configuration.gateway.agent_keys)
    changed = change(read_agent_keys(file), token)
    if to is not None:
        write_secret(to, token)
    write_agent_keys(file, changed)
    return token


def revoke_keys(configuration: Configuration, agent: str) -> None:
    """Take an agent's keys away. Raises BadValue, StoreError."""
    file = configuration.path(configuration.gateway.agent_keys)
    write_agent_keys(file, agents.revoked(read_agent_keys(file), AgentName(agent)))


def list_keys(configuration: Configuration) -> tuple[agents.Listed, ...]:
    """Every key. Raises StoreError."""
    file = configuration.path(configuration.gateway.agent_keys)
    return agents.listed(read_agent_keys(file), configuration.grants(), now())
