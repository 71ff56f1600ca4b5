"""Since when a position is held, and the plan to leave it by: that of the last entry that filled in it."""

from decimal import Decimal

from msgspec import Struct, structs

from agenttrader.model.identifiers import AgentName, OrderId, StrategyName
from agenttrader.model.orders import ExitPlan
from agenttrader.model.times import Instant
from agenttrader.model.values import NANO
from agenttrader.portfolio.orders import Order


class Tenure(Struct, frozen=True, kw_only=True, gc=False):
    """One position from flat to flat, or from one side to the other."""

    sequence: int
    """The record that opened it: with the symbol, what it is called for as long as it is held."""
    since: Instant
    entry: OrderId | None = None
    """The last entry that filled in it; None where no entry did: somebody sold more than was held."""
    agent: AgentName = AgentName("")
    strategy: StrategyName = StrategyName("")
    plan: ExitPlan | None = None
    """None where nobody has said how it is left: without an entry, and where the plan's prices are net prices
    over several instruments, which say nothing of one.
    """

    def entered_by(self, order: Order) -> "Tenure":
        """The tenure after a fill of the entry `order`."""
        proposal = order.proposal
        is_plain = len(order.legs) == 1 and order.legs[0].ratio == 1
        return Tenure(
            sequence=self.sequence,
            since=self.since,
            entry=order.id,
            agent=order.agent,
            strategy=proposal.strategy,
            plan=proposal.exit_plan if is_plain else None,
        )

    def split(self, before: Decimal, after: Decimal, *, is_exact: bool) -> "Tenure":
        """The tenure after a split made `after` units of `before`: the plan's prices go the other way.

        Where the quantities are not exact, nobody knows the plan's prices any more.
        """
        if not is_exact:
            return structs.replace(self, plan=None)
        if self.plan is None or not after:
            return self

        def price(old: Decimal | None) -> Decimal | None:
            return None if old is None else (old * before / after).quantize(NANO)

        plan = structs.replace(
            self.plan,
            stop=price(self.plan.stop),
            target=price(self.plan.target),
            trail=price(self.plan.trail),
        )
        return structs.replace(self, plan=plan)
