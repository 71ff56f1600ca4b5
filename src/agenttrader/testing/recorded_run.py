"""A run's folder with a journal in which something was decided: what reads journals is tried on it."""

import itertools
import re
from contextlib import closing
from pathlib import Path

from msgspec import structs

from agenttrader.adapters.journal_file import journal_path
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.gateway.rules import rules_of
from agenttrader.model.records import Chain
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.state import State
from agenttrader.testing.builders import ACCOUNT, AGENT, SWITCH, authority, calendar
from agenttrader.testing.driver import READY, Driver

_NAMES = {
    'name = "DEMO-1"': f'name = "{ACCOUNT}"',
    "agents.momentum": f"agents.{AGENT}",
    "limits.agent.momentum": f"limits.agent.{AGENT}",
    'agent = "momentum"': f'agent = "{AGENT}"',
}


def configured(folder: Path) -> Configuration:
    """The demo's configuration in the folder, with the account and the agent of `testing.builders`."""
    numbers, text = itertools.count(1), demo_template()
    for name, other in _NAMES.items():
        text = text.replace(name, other)
    path = folder / "run.toml"
    path.write_text(re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', text), encoding="utf-8")
    return load(path, environment={})


def trading_by(configuration: Configuration) -> Driver:
    """A gateway one minute into the day, that goes by the configuration's limits."""
    rules = rules_of(configuration, calendar(), ("store", SWITCH))
    engine = Engine(
        structs.replace(rules, authority=authority()), State(configuration.multipliers()), Chain()
    )
    driver = Driver(engine)
    driver.start()
    driver.give(*READY)
    return driver


def keep(configuration: Configuration, driver: Driver) -> None:
    """Write what the gateway recorded into the run's journal."""
    store = configuration.store
    journal = SqliteJournal(
        journal_path(configuration.path(store.directory), ACCOUNT),
        account=ACCOUNT,
        heads_folder=configuration.path(store.heads_directory),
        key_folder=configuration.path(store.keys_directory),
        head_every=configuration.gateway.heads_every_records,
    )
    with closing(journal):
        journal.append(driver.records)
