"""Making a run: a folder with a configuration of its own, throw-away keys, and a halt switch that halts.

Everything in it is made for one day. The person's key never leaves this process; the other secrets lie in
files for their owner alone, and the configuration holds only their hashes.
"""

import contextlib
import hashlib
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from agenttrader.app.config import HOME_VARIABLE, Configuration, demo_template, load
from agenttrader.app.demo.casting import Cast, cast_generated, cast_recorded
from agenttrader.app.demo.template import Place, Value, fill
from agenttrader.model.authority import Statement
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import AgentName, PersonName, Symbol
from agenttrader.model.sessions import Session
from agenttrader.model.times import Instant, rfc3339
from agenttrader.simulation.recorded import RecordedDay

ROLES = ("venue", "marketdata", "gateway", "strategy")
"""The processes of a run, in the order in which they are started unless told otherwise."""
STOP_ORDER = ("strategy", "gateway", "venue", "marketdata")
"""What proposes stops first; what others still need stops last."""

PERSON = PersonName("demo")
VISITOR = AgentName("visitor")
SHOW_KEY = "demo-show"
CONFIGURATION = "run.toml"


class Asked(Struct, frozen=True, kw_only=True):
    """Recorded sessions as a person asks for them; None is what is to be picked."""

    folder: Path
    symbol: str | None
    day: str | None
    last: str | None
    """None for one session, else up to which they are played, one after the other."""


class Chosen(Struct, frozen=True, kw_only=True):
    """A recorded session, by the folder that its files lie in."""

    folder: Path
    symbol: Symbol
    day: str
    picked: str = ""
    """What of it nobody asked for, and so was picked, as a sentence."""


class Wish(Struct, frozen=True, kw_only=True):
    """What day a person would like to see, and how. None is as the template has it.

    `seed` and `date` are a generated day's; a day that is `recorded` has none.
    """

    seed: int | None = None
    date: str | None = None
    recorded: Chosen | None = None
    speed: int | Literal["max"] | None = None
    inbox: Literal["watermark", "arrival"] = "watermark"
    order: tuple[str, ...] = ROLES


class Person(Struct, frozen=True, kw_only=True):
    """A throw-away person: the public half of the key, and the pen."""

    public_key: str
    sign: Callable[[Statement], str]


class Maker(Struct, frozen=True, kw_only=True):
    """What of the outside world a run is made with."""

    person: Callable[[], Person]
    token: Callable[[], Secret]
    keep_agent_keys: Callable[[Path, Mapping[AgentName, Secret]], None]
    """Write the file of the agents' keys, as the gateway reads it."""
    session: Callable[[str, str], Session]
    """The session of an exchange on a day. Raises BadValue where there is none."""
    recorded: Callable[[Path, str, str, str], RecordedDay]
    """The recorded day of folder, symbol, day and exchange. Raises BadValue where there is none."""


class Run(Struct, frozen=True, kw_only=True):
    """A day that is ready to be played."""

    folder: Path
    path: Path
    """The configuration file, which every role is given."""
    configuration: Configuration
    session: Session
    visited: Symbol
    """The visitor's. The exchange halts it for some minutes; on a recorded day nothing is told of it."""
    price: Decimal
    """What the visitor's first order is measured by."""
    recorded: RecordedDay | None
    """None for a generated day."""
    picked: str
    order: tuple[str, ...]
    person: Person
    operator: Secret
    """The person's token: to look, halt and close."""
    visitor: Secret
    market: Credential


def prepare(home: Path, wish: Wish, maker: Maker, now: Instant) -> Run:
    """Make the folder of a new run under `home`. Raises BadValue for a wish that cannot be had."""
    if sorted(wish.order) != sorted(ROLES):
        raise BadValue(f"--order: expected each of {', '.join(ROLES)} once, found {', '.join(wish.order)}")
    cast = _cast(wish, maker)
    tables = tomllib.loads(cast.template)
    person = maker.person()
    throwaway = _Secrets(tables, maker.token)
    values: dict[Place, Value] = {
        ("marketdata", "date"): cast.session.date,
        ("marketdata", "speed"): wish.speed or tables["marketdata"]["speed"],
        ("gateway", "inbox"): wish.inbox,
        ("strategy", "inbox"): wish.inbox,
        ("people.demo", "public_key"): person.public_key,
        **cast.values,
        **throwaway.hashes(),
    }
    folder = _new_folder(home / "demo", f"{_stamp(now)}-{cast.label}")
    path = folder / CONFIGURATION
    path.write_text(fill(cast.template, values), encoding="utf-8")
    configuration = load(path, environment={})
    _write_private(configuration.path(configuration.switches.file), "1\n")
    for place, secret in throwaway.files().items():
        _write_private(folder / place, f"{secret.reveal()}\n")
    maker.keep_agent_keys(configuration.path(configuration.gateway.agent_keys), throwaway.agents)
    return Run(
        folder=folder,
        path=path,
        configuration=configuration,
        session=cast.session,
        visited=cast.visited,
        price=cast.price,
        recorded=cast.recorded,
        picked=wish.recorded.picked if wish.recorded else "",
        order=wish.order,
        person=person,
        operator=throwaway.people[PERSON],
        visitor=throwaway.agents[VISITOR],
        market=Credential(key_id=SHOW_KEY, secret=throwaway.keys[SHOW_KEY]),
    )


def _cast(wish: Wish, maker: Maker) -> Cast:
    template = demo_template()
    tables = tomllib.loads(template)
    market, calendar = tables["marketdata"], tables["environment"]["calendar"]
    if (chosen := wish.recorded) is not None:
        day = maker.recorded(chosen.folder, chosen.symbol, chosen.day, calendar)
        return cast_recorded(template, tables, str(chosen.folder), day)
    session = maker.session(calendar, wish.date or market["date"])
    return cast_generated(
        template, tables, session, market["prices"]["seed"] if wish.seed is None else wish.seed
    )


class _Secrets:
    """A secret for each key, agent and person of the template."""

    def __init__(self, tables: Mapping[str, Any], token: Callable[[], Secret]) -> None:
        self._tables = tables
        accounts, keys = tables["venue"]["accounts"], tables["marketdata"]["keys"]
        more = [key for account in accounts for key in account["more_keys"]]
        self.keys = {entry["key_id"]: token() for entry in (*accounts, *more, *keys)}
        self.agents = {AgentName(name): token() for name in tables["agents"]}
        self.people = {PersonName(name): token() for name in tables["people"]}

    def hashes(self) -> dict[Place, Value]:
        """What the configuration holds of them."""
        found: dict[Place, Value] = {}
        accounts = self._tables["venue"]["accounts"]
        for table, entries in (
            ("venue.accounts", accounts),
            ("venue.accounts.more_keys", [key for account in accounts for key in account["more_keys"]]),
            ("marketdata.keys", self._tables["marketdata"]["keys"]),
        ):
            for number, entry in enumerate(entries, 1):
                found[f"{table}#{number}", "secret_sha256"] = _sha256(self.keys[entry["key_id"]])
        found |= {(f"people.{name}", "token_sha256"): _sha256(secret) for name, secret in self.people.items()}
        return found

    def files(self) -> dict[str, Secret]:
        """In which files of the run's folder the roles look for theirs."""
        found: dict[str, Secret] = {}
        for role, credentials in self._tables["credentials"].items():
            for credential in credentials.values():
                if "key_id" in credential:
                    found[credential["secret"]["file"]] = self.keys[credential["key_id"]]
                elif role == "kill":
                    found[credential["file"]] = self.people[PERSON]
                else:
                    found[credential["file"]] = self.agents[self._tables["strategy"]["agent"]]
        return found


def _new_folder(parent: Path, name: str) -> Path:
    """A new folder, for its owner alone; the second run of one second gets a number."""
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1, 100):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                return folder
    except OSError as error:
        raise ConfigurationError(
            f"{parent}: expected to make the run's folder there, found: {error.strerror}; "
            f"name a folder that you may write by {HOME_VARIABLE}"
        ) from error
    raise ConfigurationError(f"{parent}: expected room for a run named {name}, found a hundred; remove some")


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _stamp(now: Instant) -> str:
    return rfc3339(Instant(now - now % 1_000_000_000)).replace("-", "").replace(":", "")


def _sha256(secret: Secret) -> str:
    return hashlib.sha256(secret.reveal().encode()).hexdigest()
