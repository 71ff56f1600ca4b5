"""What the book has, in words that alpaca-py's own models take."""

import uuid
from decimal import Decimal

import pytest
from alpaca.trading import models
from alpaca.trading.enums import OrderStatus
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.gateway.alpaca_answers import (
    HELD,
    STATUSES,
    find_order,
    moment_of,
    order_answer,
    position_answer,
    wire_id,
)
from agenttrader.app.gateway.alpaca_symbols import asset_id
from agenttrader.model.identifiers import OrderId
from agenttrader.model.instruments import CryptoPair
from agenttrader.model.orders import Effect, ExitPlan, OrderState, OrderType, Role
from agenttrader.model.records import Chain
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import rfc3339
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.orders import protective_id
from agenttrader.protocols.alpaca_trading import encode
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    MULTIPLIERS,
    OTHER_AGENT,
    at,
    execution,
    instruments,
    proposal,
    reported_legs,
    rules,
)
from agenttrader.testing.driver import READY, Driver

D = Decimal
ENTRY = proposal().id


@pytest.fixture
def driver() -> Driver:
    return accepted()


def accepted() -> Driver:
    """Ten of ALFA asked for, and accepted with their legs."""
    made = Driver(Engine(rules(), State(MULTIPLIERS), Chain()))
    made.start()
    made.give(*READY)
    made.propose(proposal())
    legs = reported_legs("broker-1", D(95), D(110))
    made.report(ReportKind.ACCEPTED, ENTRY, legs=legs)
    return made


def read(driver: Driver, order_id: OrderId = ENTRY) -> models.Order:
    """The order as alpaca-py reads it."""
    order = driver.order(order_id)
    answer = order_answer(order, instruments()[ALFA], moment_of(order), nested=True)
    return models.Order.model_validate_json(encode(answer))


def test_every_state_has_a_status_that_alpaca_py_knows() -> None:
    assert set(STATUSES) == set(OrderState)
    assert {*STATUSES.values(), HELD} <= {status.value for status in OrderStatus}


def test_terminal_states_are_terminal_there_too() -> None:
    closed = {"filled", "canceled", "expired", "replaced", "rejected"}
    assert {state for state, status in STATUSES.items() if status in closed} == {
        state for state in OrderState if state.is_terminal
    }


def test_an_entry_and_its_legs_are_read_by_alpaca_py(driver: Driver) -> None:
    order = read(driver)
    assert (str(order.id), order.client_order_id, order.symbol) == (ENTRY, proposal().client_order_id, "ALFA")
    assert (order.qty, order.filled_qty, order.filled_avg_price) == ("10", "0", None)
    assert (order.status, order.order_class, order.side) == ("new", "bracket", "buy")
    assert (order.type, order.time_in_force, order.position_intent) == ("market", "day", "buy_to_open")
    assert rfc3339(at(1)) == order.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert order.legs is not None
    stop, target = order.legs
    assert [(leg.status, leg.side, leg.qty) for leg in (stop, target)] == [("held", "sell", "10")] * 2
    assert (stop.stop_price, target.limit_price) == ("95", "110")
    assert len({order.id, stop.id, target.id}) == 3


def test_a_leg_has_no_price_of_its_entrys() -> None:
    driver = Driver(Engine(rules(), State(MULTIPLIERS), Chain()))
    driver.start()
    driver.give(*READY)
    driver.propose(proposal(type=OrderType.LIMIT, limit_price=D(99)))
    driver.propose(proposal(2, type=OrderType.STOP, stop_price=D(101)))
    for order_id in (ENTRY, proposal(2).id):
        legs = [(leg.type, leg.stop_price, leg.limit_price) for leg in read(driver, order_id).legs or ()]
        assert legs == [("stop", "95", None), ("limit", None, "110")]


def test_a_filled_entry_has_its_average_and_its_legs_can_trade(driver: Driver) -> None:
    part = execution("e-1", quantity=D(3), price=D("100.01"))
    driver.report(ReportKind.FILLED, ENTRY, execution=part)
    half = read(driver)
    assert (half.status, half.filled_qty, half.filled_avg_price) == ("partially_filled", "3", "100.01")
    assert half.filled_at is None
    driver.report(ReportKind.FILLED, ENTRY, execution=execution("e-2", quantity=D(7)))
    whole = read(driver)
    assert (whole.status, whole.filled_qty, whole.filled_avg_price) == ("filled", "10", "100.003")
    assert whole.filled_at is not None
    assert [leg.status for leg in whole.legs or ()] == ["new", "new"]


@pytest.mark.parametrize(
    ("plan", "effect", "order_class"),
    (
        (ExitPlan(stop=D(95), target=D(110)), Effect.OPEN, "bracket"),
        (ExitPlan(stop=D(95)), Effect.OPEN, "oto"),
        (ExitPlan(trail=D(1)), Effect.OPEN, "simple"),
        (None, Effect.REDUCE, "simple"),
    ),
)
def test_the_order_class_says_what_belongs_together(
    plan: ExitPlan | None, effect: Effect, order_class: str
) -> None:
    driver = Driver(Engine(rules(), State(MULTIPLIERS), Chain()))
    driver.start()
    driver.give(*READY)
    driver.propose(proposal(exit_plan=plan, effect=effect))
    assert read(driver).order_class == order_class


def test_an_order_is_found_by_its_id_in_any_spelling_of_a_uuid_and_a_leg_by_its_own(driver: Driver) -> None:
    book = driver.engine.state.book
    for order_id in (ENTRY, protective_id(ENTRY, Role.STOP), protective_id(ENTRY, Role.TARGET)):
        order = driver.order(order_id)
        assert find_order(book, AGENT, wire_id(order)) is order
        assert find_order(book, AGENT, wire_id(order).upper()) is order
        assert find_order(book, OTHER_AGENT, wire_id(order)) is None
    assert find_order(book, AGENT, protective_id(ENTRY, Role.STOP)) is None
    assert find_order(book, AGENT, "") is None


BOOK = accepted().engine.state.book


@given(
    st.integers(min_value=0, max_value=127).map(lambda bit: uuid.UUID(int=uuid.UUID(ENTRY).int ^ 1 << bit))
)
def test_an_id_that_differs_in_a_bit_finds_no_order(name: uuid.UUID) -> None:
    assert find_order(BOOK, AGENT, str(name)) is None


def test_a_denied_order_is_not_found(driver: Driver) -> None:
    driver.propose(proposal(2, quantity=D(5_000)))
    assert driver.order(proposal(2).id).state is OrderState.DENIED
    assert find_order(driver.engine.state.book, AGENT, proposal(2).id) is None


def test_a_position_is_read_by_alpaca_py(driver: Driver) -> None:
    driver.report(ReportKind.FILLED, ENTRY, execution=execution("e-1"))
    book = driver.engine.state.book
    answer = position_answer(book, ALFA, book.holdings[ALFA], instruments()[ALFA], D("101.50"))
    position = models.Position.model_validate_json(encode(answer))
    assert (position.symbol, position.qty, position.side) == ("ALFA", "10", "long")
    assert (position.avg_entry_price, position.cost_basis) == ("100", "1000")
    assert (position.market_value, position.unrealized_pl) == ("1015.00", "15.00")
    assert (position.unrealized_plpc, position.qty_available) == ("0.015000", "0")
    assert str(position.asset_id) == asset_id(ALFA)


def test_an_average_is_told_to_the_finest_that_anybody_quotes(driver: Driver) -> None:
    for number, (quantity, price) in enumerate(((3, "0.00001234"), (3, "0.00001235"), (1, "0.00001235"))):
        made = execution(f"e-{number}", quantity=D(quantity), price=D(price))
        driver.report(ReportKind.FILLED, ENTRY, execution=made)
    assert read(driver).filled_avg_price == "0.000012346"
    book = driver.engine.state.book
    answer = position_answer(book, ALFA, book.holdings[ALFA], instruments()[ALFA], None)
    assert models.Position.model_validate_json(encode(answer)).avg_entry_price == "0.000012346"


def test_a_short_is_negative_and_without_a_price_nothing_is_guessed(driver: Driver) -> None:
    holding = Holding(D(1))
    holding.trade(D(-4), D(50), D(0))
    book = driver.engine.state.book
    answer = position_answer(book, ALFA, holding, None, None)
    assert (answer.side, answer.qty, answer.cost_basis) == ("short", D(-4), D(-200))
    assert (answer.market_value, answer.unrealized_pl, answer.current_price) == (None, None, None)
    coin = CryptoPair(symbol=ALFA, tick=D(1), lot=D(1))
    assert position_answer(book, ALFA, holding, coin, None).asset_class == "crypto"
