"""What kill closed at the broker, as an order of the book."""

from decimal import Decimal

from agenttrader.model.events import AccountOpened, Canceled, Event, Filled
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, ExecutionId, OrderId, StrategyName
from agenttrader.model.orders import Effect, OrderState, Role, Side
from agenttrader.model.outside import OrderAdopted
from agenttrader.model.records import Chain
from agenttrader.model.reports import StatedOrder
from agenttrader.portfolio.book import Book
from agenttrader.testing.builders import ALFA, CASH, MULTIPLIERS, OPEN, proposal, sending
from agenttrader.testing.builders import decided as approved

D = Decimal
ADOPTED = OrderAdopted(
    order_id=OrderId("adopted"),
    order=StatedOrder(
        broker_order_id=BrokerOrderId("b-9"),
        client_order_id=ClientOrderId("theirs"),
        symbol=ALFA,
        side=Side.SELL,
        type="market",
        quantity=D(10),
        time=OPEN,
    ),
    strategy=StrategyName("momentum"),
    by="kill by ann",
    reason="a side journal names it",
)
ENTRY = proposal(exit_plan=None)


def fill(order_id: OrderId, name: str, side: Side, quantity: int) -> Filled:
    return Filled(
        order_id=order_id,
        execution_id=ExecutionId(name),
        symbol=ALFA,
        side=side,
        quantity=D(quantity),
        price=D(100),
        fee=D(0),
        time=OPEN,
    )


def book(*events: Event) -> Book:
    """Ten of ALFA, bought by an entry of ours, and what kill made of them."""
    made, chain = Book(MULTIPLIERS), Chain()
    bought = (approved(ENTRY), sending(ENTRY), fill(ENTRY.id, "e-1", Side.BUY, 10))
    for event in (AccountOpened(cash=CASH), *bought, ADOPTED, *events):
        made.apply(chain.seal(event, OPEN))
    return made


def test_it_works_at_the_broker_and_is_found_by_both_of_its_names() -> None:
    orders = book().orders
    order = orders.by_id[ADOPTED.order_id]
    assert orders.by_client_id[ClientOrderId("theirs")] is orders.by_broker_id[BrokerOrderId("b-9")] is order
    assert (order.state, order.role, order.effect) == (OrderState.ACCEPTED, Role.EXIT, Effect.CLOSE)
    assert (order.agent, order.is_adopted, order.adds_risk) == ("kill by ann", True, False)
    assert not orders.by_id[ENTRY.id].is_adopted
    assert list(orders.open_in(ALFA)) == [order]


def test_while_it_works_nothing_else_may_reduce_what_it_closes() -> None:
    made = book()
    working = made.working(ALFA)
    assert (working.sells, working.closing) == (D(10), D(10))
    assert made.reducible(ALFA, cancels_protection=True) == 0
    assert made.reducible(ALFA, cancels_protection=False) == 0
    made = book(fill(ADOPTED.order_id, "e-2", Side.SELL, 4), Canceled(order_id=ADOPTED.order_id, time=OPEN))
    assert made.reducible(ALFA, cancels_protection=True) == 6


def test_its_fills_are_the_strategys() -> None:
    made = book(fill(ADOPTED.order_id, "e-2", Side.SELL, 10))
    assert made.positions() == {}
    assert made.by_strategy[StrategyName("momentum"), ALFA].quantity == 0
    assert made.cash == CASH
    assert made.orders.by_id[ADOPTED.order_id].state is OrderState.FILLED
    assert made.orders.open_count_total == 0
