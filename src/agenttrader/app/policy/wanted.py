"""The limits that are asked about: a TOML file with some of the configuration's limits in its place.

What the file does not name stays as it ruled when a decision was made.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from agenttrader.app.config import Configuration
from agenttrader.app.tables import Place, build, parse
from agenttrader.gateway.limits import Limits
from agenttrader.model.errors import ConfigurationError
from agenttrader.runtime.rule_values import values_of, with_values
from agenttrader.runtime.rules import Rules

TABLE = "limits"


class Wanted(Struct, frozen=True, kw_only=True):
    """Values of limits by their names, such as `account.daily_orders_max`, as text."""

    values: dict[str, str]
    configured: dict[str, str]
    """What the configuration has in their places, where it has anything."""

    def ask(self) -> Callable[[Rules], Rules]:
        """The rules that ruled, with these values instead."""
        return lambda own: with_values(own, {**values_of(own), **self.values})


def read_wanted(file: Path, path: Path, configuration: Configuration, rules: Rules) -> Wanted:
    """What `file` asks about; `configuration` and its `rules` were read from `path`.

    Raises ConfigurationError where it is no such file, naming table, key and what to do.
    """
    tables, place = parse(file), Place(file)
    for key in tables:
        if key != TABLE:
            raise place.at(key).refuse(
                "expected limits alone, in tables such as [limits.account] or [limits.agent.NAME]"
            )
    if not isinstance(tables.get(TABLE), dict) or not list(_names(tables[TABLE])):
        raise place.refuse("expected limits, such as [limits.account] daily_orders_max = 10, found none")
    limits = build(Limits, _merged(parse(path)[TABLE], tables[TABLE]), place.at(TABLE))
    for fault in structs.replace(configuration, limits=limits).faults():
        raise ConfigurationError(f"{file}: {fault}")
    values, configured = values_of(structs.replace(rules, limits=limits)), values_of(rules)
    names = [name for name in _names(tables[TABLE]) if name in values]
    return Wanted(
        values={name: values[name] for name in names},
        configured={name: configured[name] for name in names if name in configured},
    )


def _merged(before: Any, changes: Any) -> Any:
    """The table with the other's values in the place of its own, in the tables within it, too."""
    if not isinstance(before, dict) or not isinstance(changes, dict):
        return changes
    return {**before, **{key: _merged(before.get(key), value) for key, value in changes.items()}}


def _names(table: dict[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from (f"{key}.{name}" for name in _names(value))
        else:
            yield key
