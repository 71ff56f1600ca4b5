"""What is shown of orders, positions, the account and the standing: the fold's facts."""

from decimal import Decimal

import pytest
from msgspec import structs

from agenttrader.app.gateway.views import (
    account_body,
    decision_body,
    decision_on,
    order_body,
    position_bodies,
    snapshot_body,
    trading_body,
    viewer,
    visible_positions,
)
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.orders import ExitPlan, Leg, OrderType, Role, Side
from agenttrader.model.reports import ReportKind
from agenttrader.portfolio.orders import protective_id
from agenttrader.protocols.native import AccountBody, ExitPlanBody, PositionBody, TradingBody
from agenttrader.runtime.inputs import HaltAsked, MarketSeen, WindowCloseAsked
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    BRAVO,
    CASH,
    CHARLY,
    EXITS,
    OTHER_AGENT,
    STRATEGY,
    at,
    bar,
    closing_proposal,
    compared,
    proposal,
)
from agenttrader.testing.driver import Driver, at_rest, trading
from agenttrader.testing.hostile_day import folded

D = Decimal


def test_an_entry_is_shown_with_its_plan_state_and_fills() -> None:
    driver = trading()
    plan = ExitPlan(stop=D(95), target=D(110), until=at(60))
    entry = proposal(type=OrderType.LIMIT, limit_price=D("100.5"), exit_plan=plan, group=None)
    driver.propose(entry)
    driver.accept(entry.id)
    driver.fill(entry.id, "e-1", 3, 100)
    driver.now = at(2)
    driver.fill(entry.id, "e-2", 4, 101)
    body = order_body(driver.order(entry.id))
    assert (body.id, body.agent, body.strategy, body.symbol) == (entry.id, AGENT, "momentum", ALFA)
    assert (body.side, body.type, body.role, body.reason) == (Side.BUY, OrderType.LIMIT, "entry", "it rises")
    assert (body.quantity, body.filled_quantity, body.state) == (D(10), D(7), "partially_filled")
    assert body.average_price == D("100.5714")
    assert (body.limit_price, body.stop_price, body.parent) == (D("100.5"), None, None)
    assert body.time == "2026-11-20T14:32:00Z"
    assert body.exit_plan == ExitPlanBody(stop=D(95), target=D(110), until="2026-11-20T15:30:00Z")
    assert (body.denied_by, body.sentence) == (None, "")


def test_a_protective_leg_is_shown_as_its_own_order_of_its_entry() -> None:
    driver = trading()
    entry = driver.enter()
    body = order_body(driver.order(protective_id(entry.id, Role.STOP)))
    assert (body.parent, body.role, body.side, body.type) == (entry.id, "stop", Side.SELL, OrderType.STOP)
    assert (body.stop_price, body.state, body.exit_plan, body.average_price) == (
        D(95),
        "accepted",
        None,
        None,
    )


def test_a_denial_is_shown_in_its_code_and_in_words() -> None:
    driver = at_rest()
    driver.propose(proposal())
    order = driver.order(proposal().id)
    body = order_body(order)
    assert (body.state, body.denied_by) == ("denied", "trading_state")
    assert body.sentence.startswith("Trading is halted: no window is open")
    assert order.decision is not None
    assert decision_body(order.decision).sentence == body.sentence


def test_a_decision_of_long_ago_is_shown_by_the_check_that_denied_it() -> None:
    driver = trading()
    driver.propose(proposal(), proposal(2, quantity=D(5_000)))
    approved, denied = driver.order(proposal().id), driver.order(proposal(2).id)
    whole = decision_on(denied)
    assert approved.decision is not None
    assert decision_on(approved) == decision_body(approved.decision)
    approved.decision = denied.decision = None
    assert (decision_on(approved).code, decision_on(approved).checks) == ("approved", ())
    shown = decision_on(denied)
    assert (shown.code, shown.sentence) == (whole.code, whole.sentence)
    assert shown.checks == tuple(check for check in whole.checks if check.code == "order_quantity")


def test_a_decision_shows_every_check_and_the_same_after_a_restart() -> None:
    driver = trading()
    driver.propose(proposal(), proposal(2, quantity=D(5_000)))
    again = folded(driver.records)
    for order_id, code in ((proposal().id, "approved"), (proposal(2).id, "order_quantity")):
        decision = driver.order(order_id).decision
        read_back = again.state.book.orders.by_id[order_id].decision
        assert decision is not None
        assert read_back is not None
        body = decision_body(decision)
        assert body.code == code
        assert [check.code for check in body.checks] == [check.code for check in decision.checks]
        assert decision_body(read_back) == body
    approved = driver.order(proposal().id).decision
    assert approved is not None
    shown = decision_body(approved)
    assert shown.sentence == f"approved: all {len(approved.checks)} checks passed"
    quantity = next(check for check in shown.checks if check.code == "order_quantity")
    assert (quantity.observed, quantity.permitted, quantity.passed) == ("10", "1000", True)


# Positions.


def test_a_position_shows_what_protects_it() -> None:
    driver = trading()
    driver.enter()
    driver.give(MarketSeen(bar(2, 103)))
    (body,) = positions(driver)
    assert body == PositionBody(
        symbol=ALFA,
        quantity=D(10),
        average_price=D(100),
        mark=D(103),
        unrealised=D(30),
        protected_quantity=D(10),
        stop=D(95),
        target=D(110),
        sequence=next(each.sequence for each in driver.records if each.kind == "filled.1"),
        since="2026-11-20T14:31:00Z",
        agent=AGENT,
        strategy=STRATEGY,
        exit_plan=ExitPlanBody(stop=D(95), target=D(110)),
    )


def test_a_position_shows_since_when_it_is_bare_and_what_the_broker_says() -> None:
    driver = trading()
    for leg in driver.enter().protection:
        driver.report(ReportKind.CANCELED, leg.id)
    differs = Break(kind=BreakKind.POSITION, ours="10", theirs="4", sentence="differs", symbol=ALFA)
    driver.give(compared(differs))
    (body,) = visible_positions(driver.engine, None)
    assert (body.unprotected_since, body.stated_quantity) == ("2026-11-20T14:31:00Z", D(4))
    assert body.closing is False
    driver.propose(closing_proposal(agent=EXITS, quantity=D(4)))
    (body,) = visible_positions(driver.engine, None)
    assert body.closing is True


@pytest.mark.parametrize(
    ("side", "stop", "target", "told"),
    (
        (Side.BUY, "33.333333333", "36.666666667", ("33.34", "36.66")),
        (Side.SELL, "36.666666667", "33.333333333", ("36.66", "33.34")),
        (Side.BUY, "33.34", None, ("33.34", None)),
    ),
)
def test_a_plan_between_ticks_is_told_on_the_tick_nearer_to_the_market(
    side: Side, stop: str, target: str | None, told: tuple[str, str | None]
) -> None:
    driver = trading()
    far = (D(50), D(150)) if side is Side.BUY else (D(150), D(50))
    driver.enter(side=side, exit_plan=ExitPlan(stop=far[0], target=far[1]))
    book = driver.engine.state.book
    between = ExitPlan(stop=D(stop), target=None if target is None else D(target), trail=D("1.333333333"))
    book.tenures[ALFA] = structs.replace(book.tenures[ALFA], plan=between)
    (body,) = visible_positions(driver.engine, None)
    expected = tuple(None if price is None else D(price) for price in told)
    assert body.exit_plan == ExitPlanBody(stop=expected[0], target=expected[1], trail=D("1.333333333"))
    assert book.tenures[ALFA].plan == between


def test_the_exits_unit_sees_what_an_operator_sees() -> None:
    driver = trading()
    driver.enter()
    for agent, sees in ((EXITS, True), (AGENT, True), (OTHER_AGENT, False)):
        body = snapshot_body(driver.engine, viewer(driver.engine, agent), None)
        assert (bool(body.orders), bool(body.positions)) == (sees, sees), agent


def positions(driver: Driver) -> tuple[PositionBody, ...]:
    return position_bodies(driver.engine.state.book, driver.engine.market.prices)


def test_a_stop_that_is_held_or_asked_to_end_protects_nothing() -> None:
    driver = trading()
    entry = proposal()
    driver.propose(entry)
    driver.accept(entry.id)
    driver.fill(entry.id, "e-1", 4)
    (held,) = positions(driver)
    assert (held.quantity, held.protected_quantity, held.stop, held.target) == (D(4), D(0), None, None)
    driver.fill(entry.id, "e-2", 6)
    assert positions(driver)[0].protected_quantity == 10
    driver.propose(closing_proposal())
    (closing,) = positions(driver)
    assert (closing.protected_quantity, closing.stop) == (D(0), None)


def test_without_a_mark_nothing_is_made_up() -> None:
    driver = trading()
    driver.enter()
    driver.forget_prices()
    (body,) = positions(driver)
    assert (body.mark, body.unrealised) == (None, D(0))


def test_positions_stand_in_the_order_of_their_symbols_and_flat_ones_not_at_all() -> None:
    driver = trading()
    driver.enter(1, legs=(Leg(BRAVO),))
    second = driver.enter(2)
    assert [body.symbol for body in positions(driver)] == [ALFA, BRAVO]
    driver.fill(protective_id(second.id, Role.TARGET), "out", 10, 110)
    assert [body.symbol for body in positions(driver)] == [BRAVO]


# The account.


def test_the_account_is_shown_at_the_marks_and_at_cost_where_there_is_none() -> None:
    driver = trading()
    driver.enter()
    driver.give(MarketSeen(bar(2, 103)))
    expected = AccountBody(
        equity=CASH + 30,
        cash=CASH - 1_000,
        realised=D(0),
        unrealised=D(30),
        fees=D(0),
        gross_exposure=D(1_030),
        dead_machine_loss=D(80),
    )
    assert account_body(driver.engine) == expected
    driver.forget_prices()
    assert account_body(driver.engine).equity == CASH


# What may leave.


def test_at_rest_everything_that_stands_against_trading_is_told() -> None:
    body = trading_body(at_rest().engine)
    assert (body.state, body.mode, body.window_start, body.window_end) == ("halted", "off", None, None)
    assert "no window is open" in body.reasons
    assert len(body.reasons) == 5


def test_in_a_window_its_mode_and_times_are_told_and_halted_the_mode_is_off() -> None:
    driver = trading()
    assert trading_body(driver.engine) == TradingBody(
        state="active",
        reasons=(),
        mode="paper",
        window_start="2026-11-20T14:30:00Z",
        window_end="2026-11-20T21:00:00Z",
    )
    driver.give(HaltAsked(EVERYTHING, TradingState.REDUCE_ONLY, "ada", "lunch"))
    body = trading_body(driver.engine)
    assert (body.state, body.mode, body.window_end) == ("reduce_only", "off", "2026-11-20T21:00:00Z")
    assert body.reasons == ("everything was halted by ada: lunch",)
    driver.give(WindowCloseAsked("ada", "enough"))
    assert trading_body(driver.engine).window_end is None


# Who sees what.


@pytest.mark.parametrize(
    ("agent", "seen"), ((AGENT, {1}), (OTHER_AGENT, {2}), (None, {1, 2}), (AgentName("nobody"), set()))
)
def test_an_agent_sees_its_own_orders_and_an_operator_all(agent: AgentName | None, seen: set[int]) -> None:
    driver = trading()
    made = {1: proposal(1), 2: proposal(2, agent=OTHER_AGENT, strategy="", legs=(Leg(CHARLY),))}
    driver.propose(*made.values())
    snapshot = snapshot_body(driver.engine, agent, "2026-11-20T14:31:00Z")
    entries = {order.id for order in snapshot.orders if order.role == "entry"}
    assert entries == {made[number].id for number in seen}
    assert len(snapshot.orders) == 3 * len(seen)
    assert snapshot.watermark == "2026-11-20T14:31:00Z"
    assert (snapshot.account, snapshot.trading) == (
        account_body(driver.engine),
        trading_body(driver.engine),
    )


@pytest.mark.parametrize(
    ("agent", "seen"),
    ((AGENT, [ALFA]), (OTHER_AGENT, [CHARLY]), (None, [ALFA, CHARLY]), (AgentName("nobody"), [])),
)
def test_an_agent_sees_the_positions_in_its_own_symbols_and_an_operator_all(
    agent: AgentName | None, seen: list[Symbol]
) -> None:
    driver = trading()
    driver.enter(1)
    driver.enter(2, agent=OTHER_AGENT, strategy="", legs=(Leg(CHARLY),))
    snapshot = snapshot_body(driver.engine, agent, None)
    assert [position.symbol for position in snapshot.positions] == seen


def test_a_canceled_order_is_shown_as_that() -> None:
    driver = trading()
    driver.propose(proposal())
    driver.accept(proposal().id)
    driver.report(ReportKind.CANCELED, proposal().id)
    assert order_body(driver.order(proposal().id)).state == "canceled"
