"""The demo's patient bot: it buys once, holds over the nights of a run, and sells before the last close.

Its stop is a DAY order like every strategy's: the first close ends it. What is carried the exits unit covers,
where one runs.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal

from agenttrader.app.demo.operator import patiently
from agenttrader.app.demo.setup import KEEPER, Keeping
from agenttrader.model.identifiers import (
    StrategyName,
    derive_order_id,
    derive_proposed_id,
)
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.model.values import ZERO
from agenttrader.protocols.native import AnswerBody

AFTER_OPEN = Instant(5 * MINUTE)
BEFORE_CLOSE = Instant(5 * MINUTE)
STOP = Decimal("0.95")
"""Of the price: far enough to hold on."""
TICK = Decimal("0.01")


class Keeper:
    """A bot; `propose` sends an order under its key and gives the gateway's answer."""

    def __init__(self, keeping: Keeping, propose: Callable[[Proposal], Awaitable[AnswerBody]]) -> None:
        self.keeping = keeping
        self._propose = propose
        self._has_asked = False

    async def act(
        self, session: Session, time: Instant, price: Decimal | None, held: Decimal
    ) -> AnswerBody | None:
        """Propose what is due at `time`, once in a session; the gateway's answer, None where nothing is.

        `price` is the last one of the session, None before any.
        """
        if self._has_asked or price is None:
            return None
        proposal = wish(self.keeping, session, time, price, held)
        if proposal is None:
            return None
        self._has_asked = True
        # The same id is the same order, so asking again after a lost answer is safe.
        return await patiently(lambda: self._propose(proposal))


def wish(keeping: Keeping, session: Session, time: Instant, price: Decimal, held: Decimal) -> Proposal | None:
    """What the keeper wants at `time`, with `held` in its symbol."""
    if keeping.sells and held > ZERO and time >= session.close - BEFORE_CLOSE:
        return _proposal(keeping, time, price, Side.SELL, held, None)
    if keeping.buys and held == ZERO and session.open + AFTER_OPEN <= time < session.close - BEFORE_CLOSE:
        plan = ExitPlan(stop=(price * STOP).quantize(TICK))
        return _proposal(keeping, time, price, Side.BUY, keeping.quantity, plan)
    return None


def _proposal(
    keeping: Keeping,
    time: Instant,
    price: Decimal,
    side: Side,
    quantity: Decimal,
    plan: ExitPlan | None,
) -> Proposal:
    buys = side is Side.BUY
    name = derive_order_id("demo", KEEPER, keeping.symbol, time, side.value)
    return Proposal(
        id=derive_proposed_id(KEEPER, name),
        agent=KEEPER,
        strategy=StrategyName(""),
        legs=(Leg(keeping.symbol),),
        side=side,
        quantity=quantity,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        effect=Effect.OPEN if buys else Effect.CLOSE,
        reason="it buys once and holds over the nights" if buys else "the run's last close is near",
        decision_price=price,
        decision_time=time,
        correlation_id=name,
        exit_plan=plan,
        client_order_id=name,
    )
