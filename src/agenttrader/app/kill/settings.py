"""What kill needs of a configuration, and nothing else of it.

So that it works with a configuration that the gateway would refuse: a limit that somebody has just misspelt
must not keep anybody from stopping. Only what the fence needs is read at once; a fault in the rest spoils the
act that needs it, and no other.
"""

from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from agenttrader.app.broker_sections import Broker
from agenttrader.app.credential_sections import KillCredentials
from agenttrader.app.kill.salvage import salvage
from agenttrader.app.section import Section, require_account
from agenttrader.app.tables import Place, build, folder_of, parse
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AccountName

S = TypeVar("S", bound=Section)


class _Environment(Section, frozen=True):
    people: int


class _Name(Section, frozen=True):
    name: AccountName

    def __post_init__(self) -> None:
        super().__post_init__()
        require_account(self.name)


class _Store(Section, frozen=True):
    directory: str
    heads_directory: str


class _Switches(Section, frozen=True):
    wired: tuple[str, ...]
    file: str


class _Peers(Section, frozen=True):
    announcements: str


class _Credentials(Section, frozen=True):
    kill: KillCredentials


class _Said(Struct, frozen=True, kw_only=True):
    """The file's tables, and what is wrong with it as a whole: then they are those that could be had."""

    file: Path
    tables: dict[str, Any]
    fault: str = ""

    def section(self, kind: type[S], name: str) -> S:
        """The keys of the section that `kind` knows; whatever else stands there is for others to judge."""
        found = self.tables.get(name)
        if found is None and self.fault:
            raise ConfigurationError(self.fault)
        if isinstance(found, dict):
            found = {key: value for key, value in found.items() if key in kind.__struct_fields__}
        return build(kind, found, Place(self.file).at(name))


class KillSettings(Struct, frozen=True, kw_only=True):
    """What kill needs of a configuration. The methods raise ConfigurationError where it is not there."""

    said: _Said
    account: AccountName
    store: Path
    """The folder of the journal."""
    heads: Path
    """The folder of the outside heads, beside which fence and side journals lie."""

    @property
    def folder(self) -> Path:
        """The configuration's own folder."""
        return folder_of(self.said.file)

    def switch(self) -> Path | None:
        """The file switch; None where none is wired."""
        found = self.said.section(_Switches, "switches")
        return self.folder / found.file if "file" in found.wired else None

    def announcements(self) -> Path:
        """The folder where the processes say where they listen."""
        return self.folder / self.said.section(_Peers, "peers").announcements

    def broker(self) -> Broker:
        """Which broker the account is at."""
        return self.said.section(Broker, "broker")

    def is_single_person(self) -> bool:
        """Whether the file says that one person signs for two; where it cannot be read, nobody knows."""
        try:
            return self.said.section(_Environment, "environment").people == 1
        except ConfigurationError:
            return False

    def credentials(self) -> KillCredentials:
        """What the broker and the gateway are shown."""
        return self.said.section(_Credentials, "credentials").kill


def read_settings(file: Path) -> KillSettings:
    """What the configuration in `file` says. Raises ConfigurationError without what the fence needs."""
    said, folder = _read(file), folder_of(file)
    store = said.section(_Store, "store")
    return KillSettings(
        said=said,
        account=said.section(_Name, "account").name,
        store=folder / store.directory,
        heads=folder / store.heads_directory,
    )


def _read(file: Path) -> _Said:
    try:
        return _Said(file=file, tables=parse(file))
    except ConfigurationError as error:
        try:
            return _Said(file=file, tables=salvage(file), fault=str(error))
        except OSError:
            raise error from None
