"""Reading an account: what recovery and reconciliation need. It cannot send anything."""

from typing import Protocol

from agenttrader.model.identifiers import ClientOrderId
from agenttrader.model.reports import BrokerStatement, ExecutionReport
from agenttrader.model.times import Instant


class Broker(Protocol):
    """A broker account as it answers questions; where there is no usable answer, Unreachable is raised."""

    async def statement(self, since: Instant) -> BrokerStatement:
        """Account, positions, open orders, and the executions since `since`, read as one.

        With all other activities since then; some from before are among them, because brokers post late.
        """
        ...

    async def history(self, since: Instant) -> tuple[ExecutionReport, ...]:
        """Every order since `since`, told again as reports, oldest first: accepts with legs, fills, ends."""
        ...

    async def find(self, client_order_id: ClientOrderId) -> tuple[ExecutionReport, ...]:
        """What became of one order; a single NOT_FOUND report where the broker does not know it."""
        ...
