"""The demo's careless bot: it orders when it should not, so that a person sees what is said to it."""

from collections.abc import Awaitable, Callable
from decimal import Decimal

from agenttrader.app.demo.operator import patiently
from agenttrader.app.demo.setup import VISITOR
from agenttrader.model.errors import AgentTraderError
from agenttrader.model.identifiers import StrategyName, Symbol, derive_order_id, derive_proposed_id
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import Instant
from agenttrader.protocols.native import AnswerBody

QUANTITY = Decimal(10)
TICK = Decimal("0.01")
STOP, TARGET = Decimal("0.97"), Decimal("1.05")


class NotDenied(AgentTraderError):
    """An order that must not leave was approved."""


class Visitor:
    """A bot; `propose` sends an order under its key and gives the gateway's answer."""

    def __init__(self, propose: Callable[[Proposal], Awaitable[AnswerBody]]) -> None:
        self._propose = propose

    async def try_to_buy(self, symbol: Symbol, price: Decimal, time: Instant, reason: str) -> str:
        """Send a sound order; the sentence of its denial. Raises NotDenied where it is not denied."""
        name = derive_order_id("demo", VISITOR, symbol, time, reason)
        stop, target = (price * STOP).quantize(TICK), (price * TARGET).quantize(TICK)
        proposal = Proposal(
            id=derive_proposed_id(VISITOR, name),
            agent=VISITOR,
            strategy=StrategyName(""),
            legs=(Leg(symbol),),
            side=Side.BUY,
            quantity=QUANTITY,
            type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            effect=Effect.OPEN,
            reason=reason,
            decision_price=price,
            decision_time=time,
            correlation_id=name,
            exit_plan=ExitPlan(stop=stop, target=target),
            client_order_id=name,
        )
        # The same id is the same order, so asking again after a lost answer is safe.
        answer = await patiently(lambda: self._propose(proposal))
        if answer.state != "denied":
            raise NotDenied(
                f"{VISITOR}: expected order {proposal.id} to be denied, found it {answer.state}: {reason}"
            )
        return answer.decision.sentence
