"""A person's shell and the gateway of a run: the files that they need, and the way between them."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agenttrader.adapters.agent_keys import read_keys, write_keys
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.clocks import WallClock
from agenttrader.adapters.durable_files import make_folder, write_new
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.adapters.operator_client import OperatorClient
from agenttrader.adapters.persons import make_key, public_key_text, read_key, sign, write_key
from agenttrader.adapters.waiting_files import WaitingFiles
from agenttrader.app.config import Configuration
from agenttrader.app.operators.acts import Operator, Pen
from agenttrader.app.operators.by_files import FileDesk
from agenttrader.app.operators.person import PersonFiles
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import StoreError
from agenttrader.model.times import Instant
from agenttrader.ports.halt_switch import HaltSwitch

TOKEN_BYTES = 32


def pen_of(files: PersonFiles, passphrase: str) -> Pen:
    """The person's signature. Raises BadValue where key or passphrase is wrong."""
    key = read_key(files.key, passphrase)
    return Pen(files.name, lambda statement: sign(statement, key))


def write_person(files: PersonFiles, passphrase: str, token: str) -> str:
    """Make a person's key, and keep it and the token in new files; the public key. Raises StoreError."""
    key = make_key()
    try:
        make_folder(files.stem.parent.absolute(), 0o700)
    except OSError as error:
        raise StoreError(f"{files.stem}: expected to make new files there, found: {error}") from error
    if files.token.exists():
        raise StoreError(f"{files.token}: expected no person of that name here, found one")
    write_key(files.key, key, passphrase)
    write_secret(files.token, token)
    return public_key_text(key.public_key())


def write_secret(file: Path, secret: str) -> None:
    """Keep a secret in a new file, for its owner alone. Raises StoreError."""
    try:
        write_new(file, f"{secret}\n".encode(), 0o600)
    except OSError as error:
        raise StoreError(f"{file}: expected to make a new file, found: {error.strerror}") from error


def new_token() -> str:
    """A random token of 256 bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def now() -> Instant:
    """The wall clock's time."""
    return WallClock().now()


@asynccontextmanager
async def at_gateway(configuration: Configuration, token: Secret) -> AsyncIterator[Operator]:
    """A person at the desk of the run's gateway, wherever that listens now."""
    announcements = Announcements(configuration.path(configuration.peers.announcements))

    def address() -> str | None:
        found = announcements.get("gateway")
        return None if found is None else found.url

    async with OperatorClient(address, token) as client:
        yield Operator(client, WallClock().now, lambda: secrets.token_hex(16))


def at_files(folder: Path) -> FileDesk:
    """A person's desk in the folder of a decision-only process."""
    return FileDesk(WaitingFiles(folder), WallClock().now, lambda: secrets.token_hex(16))


def file_switch(path: Path) -> HaltSwitch:
    """The switch in that file."""
    return FileHalt(path)


read_agent_keys = read_keys
write_agent_keys = write_keys
