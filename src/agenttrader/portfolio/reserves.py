"""What is reserved for working entries of one direction, summed as they open, fill and end."""

from decimal import Decimal

from agenttrader.model.identifiers import AgentName
from agenttrader.model.values import ZERO


class Reserves:
    """The sum over all agents, and that of each, in the account's currency."""

    def __init__(self) -> None:
        self.total = ZERO
        self._of: dict[AgentName, Decimal] = {}

    def of(self, agent: AgentName) -> Decimal:
        """What is reserved for the agent's entries."""
        return self._of.get(agent, ZERO)

    def change(self, agent: AgentName, amount: Decimal) -> None:
        """Reserve so much more for the agent; less where it is below 0."""
        self._of[agent] = self._of.get(agent, ZERO) + amount
        self.total += amount
