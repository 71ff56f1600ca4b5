"""A person's shell and the gateway of a run: the files that they need, and the way between them."""

import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.clocks import WallClock
from agenttrader.adapters.durable_files import make_folder, write_new
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.adapters.operator_client import OperatorClient
from agenttrader.adapters.persons import make_key, public_key_text, read_key, sign, write_key
from agenttrader.app.config import Configuration
from agenttrader.app.operators.acts import Operator, Pen
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import ConfigurationError, StoreError
from agenttrader.model.identifiers import PersonName

TOKEN_BYTES = 32


class PersonFiles(Struct, frozen=True):
    """Where a person keeps key and token: `FOLDER/NAME` stands for `NAME.key` and `NAME.token` in it."""

    stem: Path

    @property
    def name(self) -> PersonName:
        """What the person is called in [people]."""
        return PersonName(self.stem.name)

    @property
    def key(self) -> Path:
        """The file of the Ed25519 key, under its passphrase."""
        return self.stem.with_name(f"{self.stem.name}.key")

    @property
    def token(self) -> Path:
        """The file of the token, which looks, halts and closes."""
        return self.stem.with_name(f"{self.stem.name}.token")

    def read_token(self) -> Secret:
        """The token. Raises ConfigurationError, saying what to do."""
        try:
            text = self.token.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{self.token}: expected the token of {self.name}, found none that can be read: {error}; "
                "make a person with `agenttrader persons new`, or name another with --person"
            ) from error
        return Secret(text)

    def pen(self, passphrase: str) -> Pen:
        """The person's signature. Raises StoreError where key or passphrase is not right."""
        key = read_key(self.key, passphrase)
        return Pen(self.name, lambda statement: sign(statement, key))


class MadePerson(Struct, frozen=True, kw_only=True):
    """What configuration must know of a new person; the key and the token stay in their files."""

    public_key: str
    token_sha256: str


def make_person(files: PersonFiles, passphrase: str) -> MadePerson:
    """Make a person's key and token in new files, for their owner alone. Raises StoreError."""
    key, token = make_key(), secrets.token_urlsafe(TOKEN_BYTES)
    try:
        make_folder(files.stem.parent.absolute(), 0o700)
        if files.token.exists():
            raise StoreError(f"{files.token}: expected no person of that name here, found one")
        write_key(files.key, key, passphrase)
        write_new(files.token, f"{token}\n".encode(), 0o600)
    except OSError as error:
        raise StoreError(f"{files.stem}: expected to make new files there, found: {error}") from error
    return MadePerson(
        public_key=public_key_text(key.public_key()), token_sha256=hashlib.sha256(token.encode()).hexdigest()
    )


@asynccontextmanager
async def at_gateway(configuration: Configuration, token: Secret) -> AsyncIterator[Operator]:
    """A person at the desk of the run's gateway, wherever that listens now."""
    announcements = Announcements(configuration.path(configuration.peers.announcements))

    def address() -> str | None:
        found = announcements.get("gateway")
        return None if found is None else found.url

    async with OperatorClient(address, token) as client:
        yield Operator(client, WallClock().now, lambda: secrets.token_hex(16))


def move_file_switch(configuration: Configuration, reason: str) -> Path | None:
    """Put the file switch to 1, which halts a gateway that does not answer, too; None where none is wired.

    Raises StoreError where it does not stand there then.
    """
    if "file" not in configuration.switches.wired:
        return None
    path = configuration.path(configuration.switches.file)
    FileHalt(path).move(halted=True, reason=reason)
    return path
