"""Which tables of limits count what is held in a symbol, and what an order is about.

A table is named as in the configuration: `("group", "tech")` is that of `[limits.group.tech]`. One that the
configuration has no row for, such as the options that end on one day, is named in the same way.
"""

from collections.abc import Collection, Mapping

from agenttrader.model.identifiers import AgentName, StrategyName, Symbol
from agenttrader.model.orders import Leg

Table = tuple[str, str]
About = tuple[StrategyName, tuple[Leg, ...]]
"""What an order is about, as far as limits ask: whose idea it is, and in what."""
_GROUP = "group"


def agent_table(name: AgentName) -> Table:
    """That of an agent."""
    return "agent", name


def group_table(name: str) -> Table:
    """That of a group of symbols."""
    return _GROUP, name


def strategy_table(name: StrategyName) -> Table:
    """That of a strategy."""
    return "strategy", name


def expiry_table(day: str) -> Table:
    """That of all options that end on one day."""
    return "expiry", day


class Scopes:
    """The tables that count each symbol. It does not change."""

    def __init__(
        self, tables: Mapping[Symbol, tuple[Table, ...]], strategies: Collection[StrategyName] = ()
    ) -> None:
        """`strategies` are those of which each one's part of a position counts in its own table."""
        self.strategies = tuple(strategies)
        self._tables = tables
        self._groups = {
            symbol: tuple([table for table in named if table[0] == _GROUP])
            for symbol, named in tables.items()
        }
        self._of: dict[About, tuple[Table, ...]] = {}

    def of_symbol(self, symbol: Symbol) -> tuple[Table, ...]:
        """The tables that count a position in `symbol`."""
        return self._tables.get(symbol, ())

    def groups_of(self, symbol: Symbol) -> tuple[Table, ...]:
        """Those of them that are groups of symbols."""
        return self._groups.get(symbol, ())

    def of(self, about: About) -> tuple[Table, ...]:
        """The tables that count an order: each once, whichever of its legs are in it."""
        found = self._of.get(about)
        if found is None:
            strategy, legs = about
            tables = [table for leg in legs for table in self.of_symbol(leg.symbol)]
            if strategy in self.strategies:
                tables.append(strategy_table(strategy))
            found = self._of[about] = tuple(dict.fromkeys(tables))
        return found
