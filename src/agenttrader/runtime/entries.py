"""The entries that were approved today: how many, and what they may cost, of each agent and of all.

Counted is what was approved, whatever came of it: an entry that was canceled, rejected or withheld has used
what the day permits all the same, and so has what it grew by where it was replaced. They are folded from the
journal, so that a restart forgets none.
"""

from decimal import Decimal

from agenttrader.model.identifiers import AgentName
from agenttrader.model.values import ZERO
from agenttrader.portfolio.orders import Order


class Entries:
    """The sums of one day. `note` is called with the order as it was approved, before it can have filled."""

    def __init__(self) -> None:
        self.count: dict[AgentName, int] = {}
        self.count_total = 0
        self.risk: dict[AgentName, Decimal] = {}
        """What they may cost at the worst price that their decisions knew, in the account's currency."""
        self.risk_total = ZERO

    def note(self, order: Order) -> None:
        """Count an order that was approved; what does not enter is not counted."""
        if order.adds_risk:
            self._count(order.agent, 1, order.reserved)

    def forget(self, order: Order) -> None:
        """Take back one that was only tried, and is still as it was approved."""
        if order.adds_risk:
            self._count(order.agent, -1, -order.reserved)

    def _count(self, agent: AgentName, number: int, risk: Decimal) -> None:
        self.count[agent] = self.count.get(agent, 0) + number
        self.count_total += number
        self.risk[agent] = self.risk.get(agent, ZERO) + risk
        self.risk_total += risk
