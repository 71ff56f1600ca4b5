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
from agenttrader.app.section import Section, require_account
from agenttrader.app.tables import Place, build, parse
from agenttrader.model.identifiers import AccountName

S = TypeVar("S", bound=Section)


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


class KillSettings(Struct, frozen=True, kw_only=True):
    """What kill needs of a configuration. The methods raise ConfigurationError where it is not there."""

    file: Path
    tables: dict[str, Any]
    account: AccountName
    store: Path
    """The folder of the journal."""
    heads: Path
    """The folder of the outside heads, beside which fence and side journals lie."""

    @property
    def folder(self) -> Path:
        """The configuration's own folder."""
        return self.file.absolute().parent

    def switch(self) -> Path | None:
        """The file switch; None where none is wired."""
        found = _section(_Switches, self.file, self.tables, "switches")
        return self.folder / found.file if "file" in found.wired else None

    def announcements(self) -> Path:
        """The folder where the processes say where they listen."""
        return self.folder / _section(_Peers, self.file, self.tables, "peers").announcements

    def broker(self) -> Broker:
        """Which broker the account is at."""
        return _section(Broker, self.file, self.tables, "broker")

    def credentials(self) -> KillCredentials:
        """What the broker and the gateway are shown."""
        return _section(_Credentials, self.file, self.tables, "credentials").kill


def read_settings(file: Path) -> KillSettings:
    """What the configuration in `file` says. Raises ConfigurationError without what the fence needs."""
    tables, folder = parse(file), file.absolute().parent
    store = _section(_Store, file, tables, "store")
    return KillSettings(
        file=file,
        tables=tables,
        account=_section(_Name, file, tables, "account").name,
        store=folder / store.directory,
        heads=folder / store.heads_directory,
    )


def _section(kind: type[S], file: Path, tables: dict[str, Any], name: str) -> S:
    """The keys of the section that `kind` knows; whatever else stands there is for others to judge."""
    found = tables.get(name)
    if isinstance(found, dict):
        found = {key: value for key, value in found.items() if key in kind.__struct_fields__}
    return build(kind, found, Place(file).at(name))
