"""An order that was made at the broker by kill, as an order of the book."""

from agenttrader.model.identifiers import AgentName
from agenttrader.model.orders import Effect, Leg, OrderState, OrderType, Proposal, Role, TimeInForce
from agenttrader.model.outside import OrderAdopted
from agenttrader.model.values import ZERO
from agenttrader.portfolio.orders import Order


def adopted_order(event: OrderAdopted) -> Order:
    """A close that the broker has, by whoever acted outside: no agent's, decided by nobody here.

    A broker's closing call makes a market order. Nobody saw a price as it was asked for, so there is none.
    """
    made = event.order
    proposal = Proposal(
        id=event.order_id,
        agent=AgentName(event.by),
        strategy=event.strategy,
        legs=(Leg(made.symbol),),
        side=made.side,
        quantity=made.quantity,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        effect=Effect.CLOSE,
        reason=event.reason,
        decision_price=ZERO,
        decision_time=made.time,
        correlation_id=event.order_id,
    )
    order = Order(proposal, Role.EXIT, made.time)
    order.client_id, order.broker_id = made.client_order_id, made.broker_order_id
    order.state = OrderState.ACCEPTED
    return order
