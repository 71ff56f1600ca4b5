"""The folder of a guarded bot: a simulated exchange, a gateway, an exits unit, one agent and one person.

It is the demo's configuration with another cast: a bot that owns every symbol, and a person who keeps a key
of their own. What it permits is meant to be read and changed.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.names import NAME
from agenttrader.app.template import Place, Value, fill, recast
from agenttrader.app.throwaway import Throwaway, write_private
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import AgentName, PersonName

CONFIGURATION = "run.toml"
PARTIAL_FILL_SECONDS = 120
"""How long what has filled of an entry may be bare before the exits unit cancels its rest."""
UNPROTECTED_SECONDS_MAX = 300
PEOPLE = "people"
"""The folder of the person's key and token."""

_BOT = """[agents.{bot}]
symbols = {symbols}
strategies = []                 # a bot names none
mode_ceiling = "paper"          # the farthest mode in which its entries may leave
approval = "auto"               # manual: persons approve its entries, by [approvals]
dedupe_window_seconds = 60      # an order without an id, sent again within this time, is the same order

[agents.{bot}.exit_plan]        # for entries without a bracket: fractions of the price
stop = "0.03"
target = "0.05"
"""
_LIMITS = """[limits.agent.{bot}]
gross_exposure_max = "60000"
net_exposure_max = "60000"
long_exposure_max = "60000"
short_exposure_max = "60000"
orders_per_minute_max = 30
messages_per_minute_max = 90    # what leaves for the broker: orders, replacements and cancels of its own
open_orders_max = 10
daily_orders_max = 300          # entries approved in a day, whatever came of them
daily_new_risk_max = "3000000"  # what they may cost together, at their worst
repeats_max = 10                # the same symbol, side and quantity, approved within
repeat_seconds = 60             # so long: one more halts the agent until a person resumes it
order_types = ["market", "limit", "stop", "stop_limit", "trailing_stop"]
times_in_force = ["day", "gtc", "ioc", "fok"]
extended_hours_permitted = false
"""
_PERSON = """[people.{person}]
public_key = ""
token_sha256 = ""               # lets its holder look, halt and close; loosening takes a signature
role = "admin"                  # who signs for wider limits, too; alone: [environment] people = 1
"""


class GuardWish(Struct, frozen=True, kw_only=True):
    """What a person would like to have."""

    bot: str
    person: str
    port: int
    """The gateway's, so that the bot's base address stays."""
    seed: int
    speed: int
    """Minutes of the market in a second, at most."""


class MadeSigner(Struct, frozen=True, kw_only=True):
    """A person whose key and token lie in files."""

    public_key: str
    token: Secret


class GuardMaker(Struct, frozen=True, kw_only=True):
    """What of the outside world it is made with."""

    signer: Callable[[Path], MadeSigner]
    """Make the key and the token of the person whose files have this stem."""
    token: Callable[[], Secret]
    keep_agent_keys: Callable[[Path, Mapping[AgentName, Secret]], None]


class Guard(Struct, frozen=True, kw_only=True):
    """A folder that is ready."""

    configuration: Configuration
    path: Path
    key: Secret
    """The bot's; it is kept nowhere."""
    signer: Path
    address: str
    """The bot's base address."""


def make_guard(folder: Path, wish: GuardWish, maker: GuardMaker) -> Guard:
    """Make the folder. Raises BadValue for a wish that cannot be had, ConfigurationError where it fails."""
    for name, option in ((wish.bot, "--bot"), (wish.person, "--person-name")):
        if not NAME.fullmatch(name):
            raise BadValue(f"{option}: expected up to 64 letters, digits, - and _, found {name!r}")
    template = _template(wish)
    tables = tomllib.loads(template)
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: expected to make a new folder, found: {error.strerror}; name another"
        ) from error
    # Nothing in it is for a repository: the person's token and the broker's secrets least of all.
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    signer = folder / PEOPLE / wish.person
    made = maker.signer(signer)
    throwaway = Throwaway(tables, maker.token, people={PersonName(wish.person): made.token})
    values: dict[Place, Value] = {
        ("environment", "name"): "guard",
        ("gateway", "listen"): f"127.0.0.1:{wish.port}",
        ("marketdata", "speed"): wish.speed,
        ("marketdata", "barrier"): ("exits",),
        ("marketdata.prices", "seed"): wish.seed,
        ("exits", "partial_fill_seconds"): PARTIAL_FILL_SECONDS,
        ("limits.account", "unprotected_seconds_max"): UNPROTECTED_SECONDS_MAX,
        (f"people.{wish.person}", "public_key"): made.public_key,
        **throwaway.hashes(),
    }
    path = folder / CONFIGURATION
    path.write_text(fill(template, values), encoding="utf-8")
    configuration = load(path, environment={})
    write_private(configuration.path(configuration.switches.file), "1\n")
    key = throwaway.agents[AgentName(wish.bot)]
    for place, secret in throwaway.files().items():
        if secret is not key:  # The bot keeps its own key; nobody else has it.
            write_private(folder / place, f"{secret.reveal()}\n")
    maker.keep_agent_keys(configuration.path(configuration.gateway.agent_keys), throwaway.agents)
    return Guard(
        configuration=configuration,
        path=path,
        key=key,
        signer=signer,
        address=f"http://{configuration.gateway.listen}",
    )


def _template(wish: GuardWish) -> str:
    """The demo's configuration with the bot in the place of its agents."""
    template = demo_template()
    tables: dict[str, Any] = tomllib.loads(template)
    symbols = list(tables["instruments"])
    first, *others = tables["agents"]
    (person,) = tables["people"]
    written = str(symbols).replace("'", '"')
    texts = {
        f"agents.{first}": _BOT.format(bot=wish.bot, symbols=written),
        f"limits.agent.{first}": _LIMITS.format(bot=wish.bot),
        f"people.{person}": _PERSON.format(person=wish.person),
        "strategy": _strategy(tables["strategy"], wish.bot),
        "strategy.run": "",
        "venue.rules": "",
        **{f"limits.strategy.{name}": "" for name in tables["limits"]["strategy"]},
        "strategy.run.parameters": "",
        **{f"{table}.{name}": "" for name in others for table in ("agents", "limits.agent")},
    }
    return recast(template, names={}, tables=texts)


def _strategy(table: Mapping[str, Any], bot: str) -> str:
    """A host of strategies that hosts none: it is not started."""
    return (
        f'[strategy]\nlisten = "{table["listen"]}"\ninbox = "{table["inbox"]}"\nagent = "{bot}"\n'
        f'checkpoints = "{table["checkpoints"]}"\nrun = []\n'
    )
