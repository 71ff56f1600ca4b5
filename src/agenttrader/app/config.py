"""The configuration of one environment: one TOML file, every value present, nothing unknown, no default.

Secrets never stand in the file: it holds hashes, public keys, and the names of the files or variables that
hold the secrets. Relative paths are relative to the file's own folder. This is the only module that reads the
environment.
"""

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

from agenttrader.app.credential_sections import KeyFile, SecretSource
from agenttrader.app.sections import EXITS, Agent, Document
from agenttrader.app.tables import Place, build, folder_of, parse
from agenttrader.gateway.limits import Grant
from agenttrader.model.authority import Approval
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AgentName, Digest, Symbol, digest_of
from agenttrader.model.instruments import Spread

HOME_VARIABLE = "AGENTTRADER_HOME"
HALT_FILE_VARIABLE = "EXECUTION_HALTED_FILE"
HALT_VARIABLE = "EXECUTION_HALTED"
TRADING_MODE_VARIABLE = "TRADING_MODE"


class Configuration(Document, frozen=True, kw_only=True):
    """What the file says, with the digest of its canonical content and the folder that it stands in."""

    digest: Digest
    folder: Path

    def path(self, text: str) -> Path:
        """A path of the file, from the file's folder where it is relative."""
        return self.folder / text

    def multipliers(self) -> dict[Symbol, Decimal]:
        """Units of the underlying in one unit of each instrument; a spread is held as its legs."""
        return {
            symbol: Decimal(1) if isinstance(instrument, Spread) else instrument.multiplier
            for symbol, instrument in self.instruments.items()
        }

    def grants(self) -> dict[AgentName, Grant]:
        """What each agent may act for, as the gateway's checks look it up."""
        grants = {name: self._grant(agent) for name, agent in self.agents.items()}
        if self.exits is not None:
            # It names the strategy whose position it leaves, so that what that makes is counted where it was.
            grants[EXITS] = Grant(
                strategies=frozenset().union(*(grant.strategies for grant in grants.values())),
                symbols=frozenset(self.limits.symbol),
                mode_ceiling=self.environment.mode_ceiling,
                approval=self.environment.approval,
                reduces_only=True,
            )
        return grants

    def _grant(self, agent: Agent) -> Grant:
        return Grant(
            strategies=frozenset(agent.strategies),
            symbols=frozenset(agent.symbols),
            mode_ceiling=agent.mode_ceiling,
            approval=Approval.MANUAL if self.asks(agent) else Approval.AUTO,
        )

    def agent_names(self) -> frozenset[AgentName]:
        """Everybody who may propose, where they have a key."""
        return frozenset(self.agents) if self.exits is None else frozenset((*self.agents, EXITS))

    def secret(self, source: SecretSource, environment: Mapping[str, str] | None = None) -> Secret:
        """The secret that `source` names. Raises ConfigurationError where it is missing or empty."""
        return secret_at(self.folder, source, environment)

    def halt_variable(self, environment: Mapping[str, str] | None = None) -> str | None:
        """What EXECUTION_HALTED says now; None where it is not set."""
        return (os.environ if environment is None else environment).get(HALT_VARIABLE)

    def credential(self, key: KeyFile, environment: Mapping[str, str] | None = None) -> Credential:
        """The key's id with its secret. Raises ConfigurationError as `secret` does."""
        return Credential(key_id=key.key_id, secret=self.secret(key.secret, environment))


def load(path: Path, environment: Mapping[str, str] | None = None) -> Configuration:
    """The configuration in `path`. Raises ConfigurationError naming file, table, key, and what to do."""
    tables = parse(path)
    place = Place(path)
    for symbol, table in _tables(tables.get("instruments")).items():
        # The table's name is the symbol; it is not written twice.
        if isinstance(table, dict) and table.setdefault("symbol", symbol) != symbol:
            raise (
                place.at("instruments")
                .at(symbol)
                .at("symbol")
                .refuse(f"expected {symbol}, found {table['symbol']!r}")
            )
    document = build(Document, tables, place)
    for fault in document.faults():
        raise ConfigurationError(f"{path}: {fault}")
    values = {name: getattr(document, name) for name in Document.__struct_fields__}
    found = Configuration(**values, digest=digest_of(_canonical(tables)), folder=folder_of(path))
    _agree_on_halt_file(found, os.environ if environment is None else environment)
    _agree_on_trading_mode(found, os.environ if environment is None else environment)
    return found


def home(environment: Mapping[str, str] | None = None) -> Path:
    """The folder of all state: what AGENTTRADER_HOME says, else ./var."""
    return Path((os.environ if environment is None else environment).get(HOME_VARIABLE) or "var").absolute()


def demo_template() -> str:
    """The demo's configuration without its throw-away keys, from the wheel or from the checkout."""
    packaged = files("agenttrader.app").joinpath("demo.toml")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return Path(__file__).parents[3].joinpath("config", "demo.toml").read_text(encoding="utf-8")


def _tables(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _canonical(tables: dict[str, Any]) -> bytes:
    """The content without its spelling: comments, order and blanks make no other configuration."""
    return json.dumps(tables, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def secret_at(folder: Path, source: SecretSource, environment: Mapping[str, str] | None = None) -> Secret:
    """The secret that `source`, of a configuration in `folder`, names. Raises ConfigurationError."""
    if source.file is not None:
        return _secret_of_file(folder / source.file)
    name = source.variable or ""
    text = (os.environ if environment is None else environment).get(name, "")
    if not text:
        raise ConfigurationError(
            f"{name}: expected a secret in this environment variable, found none; export it"
        )
    return Secret(text)


def _secret_of_file(file: Path) -> Secret:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{file}: expected a file with a secret, found none that can be read: {error}"
        ) from error
    if not text:
        raise ConfigurationError(f"{file}: expected a secret, found an empty file")
    return Secret(text)


def _agree_on_halt_file(found: Configuration, environment: Mapping[str, str]) -> None:
    """A variable that named another switch could move the halt away from the operator's hand."""
    named = environment.get(HALT_FILE_VARIABLE)
    if named is not None and Path(named).absolute() != found.path(found.switches.file):
        raise ConfigurationError(
            f"{HALT_FILE_VARIABLE}: expected {found.path(found.switches.file)}, as [switches] file says, "
            f"found {named}; unset it, or make both say the same"
        )


def _agree_on_trading_mode(found: Configuration, environment: Mapping[str, str]) -> None:
    """Whoever set the variable believes that this is what is traded with."""
    word = environment.get(TRADING_MODE_VARIABLE)
    if word is not None and word != found.broker.trading_mode:
        raise ConfigurationError(
            f"{TRADING_MODE_VARIABLE}: expected {found.broker.trading_mode}, for [broker] kind is "
            f"{found.broker.kind.value}, found {word!r}; unset it, or make both say the same"
        )
