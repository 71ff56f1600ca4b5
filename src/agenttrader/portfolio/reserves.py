"""Amounts that orders stand for, summed as they come and go: over all, by agent, and by table of limits.

Which tables count an order is known to who asks, not to the journal: amounts are kept by what the orders are
about, and what has changed is summed up by table when it is next asked for.
"""

from decimal import Decimal
from typing import Generic, TypeVar

from agenttrader.model.identifiers import AgentName
from agenttrader.model.values import ZERO
from agenttrader.portfolio.scopes import About, Scopes, Table

N = TypeVar("N", int, Decimal)


class Sums(Generic[N]):
    """Amounts by what they are about, and their sum in each table."""

    def __init__(self, nought: N) -> None:
        self._nought: N = nought
        self._amounts: dict[About, N] = {}
        self._scopes: Scopes | None = None
        """By which `_sums` were made."""
        self._sums: dict[Table, N] = {}
        self._counted: dict[About, N] = {}
        """What of each is in the sums."""
        self._stale: dict[About, None] = {}

    def change(self, about: About, amount: N) -> None:
        """Count so much more; less where it is below 0."""
        now = self._amounts.get(about, self._nought) + amount
        if now:
            self._amounts[about] = now
        else:
            self._amounts.pop(about, None)
        self._stale[about] = None

    def within(self, table: Table, scopes: Scopes) -> N:
        """The sum over what `table` counts, by these `scopes`."""
        if scopes is not self._scopes:
            self._scopes, self._sums, self._counted = scopes, {}, {}
            self._stale = dict.fromkeys(self._amounts)
        if self._stale:
            for about in self._stale:
                self._recount(about, scopes)
            self._stale.clear()
        return self._sums.get(table, self._nought)

    def _recount(self, about: About, scopes: Scopes) -> None:
        was, now = self._counted.pop(about, self._nought), self._amounts.get(about, self._nought)
        if now:
            self._counted[about] = now
        for table in scopes.of(about):
            # A nought that sums to nothing is a plain one again, whatever decimals went through it.
            self._sums[table] = self._sums.get(table, self._nought) - was + now or self._nought


class Reserves:
    """What is reserved for working entries of one direction, in the account's currency."""

    def __init__(self) -> None:
        self.total = ZERO
        self._of: dict[AgentName, Decimal] = {}
        self._by_table = Sums(ZERO)

    def of(self, agent: AgentName) -> Decimal:
        """What is reserved for the agent's entries."""
        return self._of.get(agent, ZERO)

    def within(self, table: Table, scopes: Scopes) -> Decimal:
        """What is reserved for entries that `table` counts, by these `scopes`."""
        return self._by_table.within(table, scopes)

    def change(self, agent: AgentName, amount: Decimal, about: About) -> None:
        """Reserve so much more for the agent; less where it is below 0."""
        self._of[agent] = self._of.get(agent, ZERO) + amount
        self.total += amount
        self._by_table.change(about, amount)
