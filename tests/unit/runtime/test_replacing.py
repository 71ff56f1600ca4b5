"""One order in the place of another: which may be, how both count meanwhile, and every end of it."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Decided, Event, Rejected, Replaced, ReplaceRefused, ReplaceRequested
from agenttrader.model.identifiers import AgentName, OrderId
from agenttrader.model.orders import (
    Changes,
    Effect,
    ExitPlan,
    OrderState,
    OrderType,
    Proposal,
    Role,
    TimeInForce,
)
from agenttrader.model.reports import ReportKind
from agenttrader.portfolio.orders import Order, protective_id
from agenttrader.runtime.inputs import (
    CancelAsked,
    HaltAsked,
    LastLookStopped,
    ReplaceAsked,
    WindowCloseAsked,
)
from agenttrader.runtime.recorder import Step
from agenttrader.testing.builders import AGENT, ALFA, EXITS, OTHER_AGENT, closing_proposal, proposal, rules
from agenttrader.testing.driver import Driver, trading
from agenttrader.testing.hostile_day import folded
from agenttrader.testing.state_dump import dump_state

D = Decimal
S, K = OrderState, ReportKind
NEW = OrderId("the replacement")


def limited(number: int = 1, price: int = 100, **changes: Any) -> Proposal:
    return proposal(number, type=OrderType.LIMIT, limit_price=D(price), **changes)


def alone(number: int = 1, **changes: Any) -> Proposal:
    """An entry without legs: its protection follows the fill."""
    fields = {"type": OrderType.TRAILING_STOP, "trail_price": D(5)}
    return proposal(number, **(fields | changes))


def working(driver: Driver, asked: Proposal) -> Order:
    driver.propose(asked)
    driver.accept(asked.id)
    return driver.order(asked.id)


def asked(order: Order, replacement: OrderId = NEW, agent: AgentName = AGENT, **changes: Any) -> ReplaceAsked:
    return ReplaceAsked(order.id, replacement, Changes(**changes), agent, "nearer")


def replace(driver: Driver, order: Order, replacement: OrderId = NEW, **changes: Any) -> Order:
    """Asked for, and approved."""
    step = driver.hear(asked(order, replacement, **changes))
    assert step.refusal == ""
    assert driver.order(replacement).denied_by is None
    return driver.order(replacement)


def done(driver: Driver, old: Order, new: Order) -> None:
    """The broker has put the new one in its place."""
    driver.report(K.REPLACED, old.id)
    driver.report(K.ACCEPTED, new.id)
    assert (old.state, new.state.is_working) == (S.REPLACED, True)


def seen(*values: Any) -> tuple[Any, ...]:
    """Numbers, whichever their type."""
    return values


def refusal(driver: Driver, order: Order, **changes: Any) -> str:
    step = driver.hear(asked(order, **changes))
    assert step.records == []
    return step.refusal


def totals(driver: Driver) -> Any:
    """What is reserved, and how many orders are open."""
    orders = driver.engine.state.book.orders
    return orders.open_notional_total, orders.open_count_total


# What leaves.


def test_it_is_decided_and_on_record_before_it_leaves_as_changes_alone() -> None:
    driver = trading()
    old = working(driver, limited())
    step = driver.hear(asked(old, limit_price=D(99)))
    requested, decided = (record.event for record in step.records)
    assert requested == ReplaceRequested(order_id=old.id, replacement=NEW, by=AGENT, reason="nearer")
    assert isinstance(decided, Decided)
    assert step.sends == step.records[1:]
    assert decided.instruction is not None
    replacing = decided.instruction.replacing
    assert replacing is not None
    assert (replacing.broker_order_id, replacing.changes) == (old.broker_id, Changes(limit_price=D(99)))
    assert (decided.instruction.stop, decided.instruction.target) == (None, None)
    assert (old.state, driver.order(NEW).state) == (S.REPLACE_REQUESTED, S.SENDING)


def test_asked_again_it_is_the_same_one_and_other_words_are_refused() -> None:
    driver = trading()
    old = working(driver, limited())
    replace(driver, old, limit_price=D(99))
    assert driver.hear(asked(old, limit_price=D(99))) == Step(records=[], sends=[])
    assert "was used for another order" in refusal(driver, old, limit_price=D(98))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    (
        ({}, "changes: expected at least one value that is another"),
        ({"limit_price": D(100)}, "changes: expected at least one value that is another"),
        ({"stop_price": D(99)}, "stop_price: a limit order has none"),
        ({"trail": D(1)}, "trail: a limit order has none"),
        ({"quantity": D(5)}, "of an order with legs"),
        ({"time_in_force": TimeInForce.GTC}, "of an order with legs"),
    ),
)
def test_what_the_order_cannot_change_is_refused(changes: dict[str, Any], sentence: str) -> None:
    driver = trading()
    assert sentence in refusal(driver, working(driver, limited()), **changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    (
        ({"quantity": D(4)}, "quantity: expected more than is filled, 4"),
        ({"quantity": D(-1)}, "quantity: expected more than is filled"),
        ({"time_in_force": TimeInForce.IOC}, "time_in_force: expected day or gtc for both"),
        ({"trail": D(0)}, "trail: expected above 0"),
    ),
)
def test_what_no_order_can_be_is_refused(changes: dict[str, Any], sentence: str) -> None:
    driver = trading()
    old = working(driver, alone())
    driver.fill(old.id, "part", 4)
    assert sentence in refusal(driver, old, **changes)


def test_only_an_agents_own_order_that_the_broker_has_is_replaced() -> None:
    driver = trading()
    driver.propose(limited())
    old = driver.order(limited().id)
    assert "has not confirmed it" in refusal(driver, old, limit_price=D(99))
    assert "of yours is known" in refusal(driver, old, agent=OTHER_AGENT, limit_price=D(99))
    driver.accept(old.id)
    replace(driver, old, limit_price=D(99))
    assert "has not confirmed it" in refusal(driver, old, replacement=OrderId("other"), limit_price=D(98))
    driver.report(K.CANCELED, old.id)
    assert "canceled already" in refusal(driver, old, replacement=OrderId("other"), limit_price=D(98))


def test_a_close_is_not_replaced() -> None:
    driver = trading()
    driver.enter()
    driver.propose(closing_proposal())
    order = driver.order(closing_proposal().id)
    assert "a close is not replaced" in refusal(driver, order, quantity=D(5))


# The decision: the larger of the two counts, not both.


@pytest.mark.parametrize(("quantity", "reserved"), ((4, 10), (10, 10), (15, 15)))
def test_of_the_two_the_larger_is_reserved_and_the_order_counts_once(quantity: int, reserved: int) -> None:
    driver = trading()
    old = working(driver, alone())
    price = old.reserve_price
    if quantity == 10:
        replace(driver, old, trail=D(4))
    else:
        replace(driver, old, quantity=D(quantity))
    notional, count = totals(driver)
    assert count == 1
    assert notional == max(reserved * price, quantity * driver.order(NEW).reserve_price)
    working_units = driver.engine.state.book.working(ALFA)
    assert working_units.buys == reserved


@pytest.mark.parametrize("code", ("position", "open_orders_agent", "gross_exposure_account"))
def test_a_limit_that_the_order_fills_has_room_for_it_changed_and_not_for_it_grown(code: str) -> None:
    driver = trading(**exactly_full())
    old = working(driver, alone())
    same = driver.hear(asked(old, trail=D(5), time_in_force=TimeInForce.DAY, quantity=D(11)))
    assert same.refusal == ""
    checks = {check.code: check for check in decision_of(driver, NEW).checks}
    assert checks[code].passed is (code == "open_orders_agent"), checks[code]
    smaller = OrderId("smaller")
    driver.hear(asked(old, smaller, quantity=D(9)))
    assert driver.order(smaller).denied_by is None


def exactly_full() -> dict[str, Any]:
    """Limits that ten units at 105 fill whole."""
    plain = rules()
    account = msgspec.structs.replace(plain.limits.account, gross_exposure_max=D(1050))
    agent = msgspec.structs.replace(plain.limits.agent[AGENT], open_orders_max=1)
    symbol = msgspec.structs.replace(plain.limits.symbol[ALFA], position_quantity_max=D(10))
    limits = msgspec.structs.replace(
        plain.limits,
        account=account,
        agent=plain.limits.agent | {AGENT: agent},
        symbol=plain.limits.symbol | {ALFA: symbol},
    )
    return {"limits": limits, "limits_digest": limits.digest}


def decision_of(driver: Driver, order_id: OrderId) -> Any:
    decision = driver.order(order_id).decision
    assert decision is not None
    return decision


def test_what_has_filled_is_not_counted_again() -> None:
    driver = trading(**exactly_full())
    old = working(driver, alone())
    driver.fill(old.id, "part", 4)
    new = replace(driver, old, quantity=D(9))
    assert seen(new.filled, new.remaining) == (4, 5)
    assert totals(driver)[0] == 6 * old.reserve_price
    done(driver, old, new)
    assert seen(old.filled, new.filled, new.state) == (4, 4, S.PARTIALLY_FILLED)
    assert totals(driver) == (5 * new.reserve_price, 1)
    driver.fill(new.id, "rest", 5)
    assert seen(new.state, driver.engine.state.book.position(ALFA)) == (S.FILLED, 9)
    assert totals(driver) == (0, 0)


def test_a_denied_replacement_leaves_the_order_alone() -> None:
    driver = trading()
    old = working(driver, limited())
    before = totals(driver)
    driver.give(HaltAsked(EVERYTHING, TradingState.HALTED, "ada", "enough"))
    step = driver.hear(asked(old, limit_price=D(99)))
    assert step.sends == []
    assert driver.order(NEW).denied_by == "trading_state"
    assert seen(old.state, old.replaced_by, totals(driver)) == (S.ACCEPTED, None, before)


# Every end of it.


def test_the_new_one_takes_over_the_legs_and_arms_them_when_it_has_filled() -> None:
    driver = trading()
    old = working(driver, limited())
    legs = old.protection
    new = replace(driver, old, limit_price=D(99))
    assert new.protection == ()
    done(driver, old, new)
    assert (new.protection, old.protection) == (legs, ())
    assert not any(leg.is_armed for leg in legs)
    driver.fill(new.id, "whole", 10, 99)
    assert all(leg.is_armed for leg in legs)
    assert driver.engine.state.book.covered(ALFA) == 10
    assert driver.engine.state.bare == {}


@pytest.mark.parametrize("end", (K.REJECTED, K.NOT_SENT))
def test_refused_it_leaves_the_order_as_it_was(end: ReportKind) -> None:
    driver = trading()
    old = working(driver, limited())
    before = totals(driver)
    new = replace(driver, old, limit_price=D(101))
    events = driver.report(end, new.id, reason="too late", broker_order_id=None)
    assert isinstance(events[1], ReplaceRefused)
    assert seen(old.state, old.replaced_by, new.filled) == (S.ACCEPTED, None, 0)
    assert new.state in (S.REJECTED, S.WITHHELD)
    assert totals(driver) == before
    again = replace(driver, old, OrderId("again"), limit_price=D(98))
    done(driver, old, again)


def test_what_the_last_look_stops_leaves_the_order_as_it_was() -> None:
    driver = trading()
    old = working(driver, limited())
    new = replace(driver, old, limit_price=D(99))
    driver.give(LastLookStopped(new.id, "halted"))
    assert (old.state, new.state) == (S.ACCEPTED, S.WITHHELD)


def test_a_replacement_that_loses_to_a_fill() -> None:
    """The broker took the request, filled the order, and says so afterwards."""
    driver = trading()
    old = working(driver, limited())
    new = replace(driver, old, limit_price=D(99))
    driver.report(K.ACCEPTED, new.id)
    driver.fill(old.id, "whole", 10)
    driver.report(K.REPLACE_REFUSED, old.id)
    driver.report(K.REJECTED, new.id)
    assert seen(old.state, new.state, new.filled) == (S.FILLED, S.REJECTED, 0)
    book = driver.engine.state.book
    assert seen(book.position(ALFA), book.covered(ALFA), totals(driver)) == (10, 10, (0, 0))
    assert driver.engine.state.breaks == ()


def test_a_fill_of_the_old_one_that_is_told_late_counts_for_both() -> None:
    driver = trading()
    old = working(driver, alone())
    new = replace(driver, old, quantity=D(12))
    done(driver, old, new)
    driver.fill(old.id, "late", 3)
    assert seen(old.state, old.filled, new.filled) == (S.REPLACED, 3, 3)
    driver.fill(new.id, "rest", 9)
    assert seen(new.state, driver.engine.state.book.position(ALFA)) == (S.FILLED, 12)
    assert driver.engine.state.breaks == ()


def test_a_fill_of_the_new_one_says_that_it_has_come() -> None:
    driver = trading()
    old = working(driver, limited())
    new = replace(driver, old, limit_price=D(99))
    events = driver.fill(new.id, "first", 10, 99)
    assert [type(event).__name__ for event in events][:1] == ["Replaced"]
    assert (old.state, new.state) == (S.REPLACED, S.FILLED)
    assert driver.report(K.REPLACED, old.id) == []


def test_a_lost_answer_leaves_both_unknown_and_is_never_sent_again() -> None:
    driver = trading()
    old = working(driver, alone())
    new = replace(driver, old, quantity=D(15))
    driver.report(K.ANSWER_LOST, new.id, broker_order_id=None)
    assert (old.state, new.state) == (S.REPLACE_REQUESTED, S.UNKNOWN)
    assert totals(driver) == (15 * new.reserve_price, 1)
    assert driver.hear(asked(old, quantity=D(15))).sends == []
    done(driver, old, new)


@pytest.mark.parametrize("end", (K.CANCELED, K.EXPIRED, K.REPLACE_REFUSED))
def test_the_old_ones_end_says_that_an_unknown_one_never_came(end: ReportKind) -> None:
    driver = trading()
    old = working(driver, alone())
    new = replace(driver, old, quantity=D(15))
    driver.report(K.ANSWER_LOST, new.id, broker_order_id=None)
    events = driver.report(end, old.id)
    assert isinstance(events[-1], Rejected)
    assert new.state is S.REJECTED
    assert totals(driver)[1] == (1 if end is K.REPLACE_REFUSED else 0)


def test_a_refused_cancel_of_the_old_one_says_nothing_of_an_unknown_one() -> None:
    """It may be refused because the order was replaced: then the new one works, and must go on counting."""
    driver = trading()
    old = working(driver, alone())
    new = replace(driver, old, quantity=D(15))
    driver.report(K.ANSWER_LOST, new.id, broker_order_id=None)
    driver.hear(CancelAsked(old.id, "ada", "enough"))
    driver.report(K.CANCEL_REFUSED, old.id, reason="the order was replaced")
    assert (old.state, new.state) == (S.ACCEPTED, S.UNKNOWN)
    assert totals(driver) == (15 * new.reserve_price, 1)
    done(driver, old, new)


def test_a_crash_between_record_and_answer_is_a_lost_answer() -> None:
    driver = trading()
    old = driver.enter().protection[0]
    replace(driver, old, stop_price=D(96))
    engine = folded(driver.records)
    assert dump_state(engine.state) == dump_state(driver.engine.state)
    after = Driver(engine, driver.now)
    after.start(2)
    assert (after.order(old.id).state, after.order(NEW).state) == (S.REPLACE_REQUESTED, S.UNKNOWN)
    assert after.engine.state.book.covered(ALFA) == 10
    done(after, after.order(old.id), after.order(NEW))


# What protects.


def test_a_stop_is_replaced_and_the_position_is_never_bare() -> None:
    driver = trading()
    entry = driver.enter()
    stop, target = entry.protection
    book = driver.engine.state.book
    new = replace(driver, stop, stop_price=D(96))
    assert (new.role, new.parent, new.protects) == (Role.STOP, entry, True)
    assert book.covered(ALFA) == 10
    working_units = book.working(ALFA)
    assert seen(working_units.protecting, working_units.sells) == (10, 10)
    driver.report(K.ACCEPTED, new.id)
    assert book.covered(ALFA) == 10
    driver.report(K.REPLACED, stop.id)
    assert book.covered(ALFA) == 10
    assert entry.protection == (new, target)
    assert driver.engine.state.bare == {}
    driver.fill(new.id, "stopped", 10, 96)
    driver.report(K.CANCELED, target.id)
    assert seen(book.position(ALFA), driver.engine.state.breaks) == (0, ())


def test_a_target_is_replaced_and_shrinks_with_the_stop_beside_it() -> None:
    driver = trading()
    entry = driver.enter()
    stop, target = entry.protection
    new = replace(driver, target, limit_price=D(112))
    assert (new.role, new.proposal.exit_plan) == (Role.TARGET, ExitPlan(stop=D(95)))
    driver.fill(stop.id, "part", 4, 95)
    done(driver, target, new)
    assert seen(new.quantity, new.remaining) == (6, 6)
    driver.fill(new.id, "rest", 6, 112)
    assert driver.engine.state.book.position(ALFA) == 0


def test_the_target_of_a_pair_takes_the_stop_with_it() -> None:
    driver = trading()
    driver.enter(exit_plan=ExitPlan(stop=D(95)))
    driver.give(CancelAsked(protective_id(proposal().id, Role.STOP), "ada", "why"))
    driver.report(K.CANCELED, protective_id(proposal().id, Role.STOP))
    fields = {"effect": Effect.REDUCE, "type": OrderType.LIMIT, "limit_price": D(110)}
    pair = closing_proposal(50, exit_plan=ExitPlan(stop=D(95)), **fields)
    old = working(driver, pair)
    (stop,) = old.protection
    new = replace(driver, old, limit_price=D(112))
    book = driver.engine.state.book
    assert seen(book.working(ALFA).protecting, book.covered(ALFA)) == (10, 10)
    done(driver, old, new)
    assert (new.protection, stop.parent, new.pair) == ((stop,), new, (new, stop))
    assert seen(book.working(ALFA).protecting, book.covered(ALFA)) == (10, 10)


@pytest.mark.parametrize(("price", "code"), ((100, "stop_price"), (101, "stop_price"), (0, "stop_price")))
def test_a_stop_that_would_not_protect_is_denied(price: int, code: str) -> None:
    driver = trading()
    stop = driver.enter().protection[0]
    driver.hear(asked(stop, stop_price=D(price)))
    assert driver.order(NEW).denied_by == code
    assert driver.engine.state.book.covered(ALFA) == 10


def test_a_stop_further_away_is_held_to_the_dead_machine_loss_and_a_nearer_one_is_not() -> None:
    plain = rules()
    account = msgspec.structs.replace(plain.limits.account, dead_machine_loss_max=D(60))
    limits = msgspec.structs.replace(plain.limits, account=account)
    driver = trading(limits=limits, limits_digest=limits.digest)
    stop = driver.enter().protection[0]
    valued = driver.engine.valued
    assert valued.dead_machine_loss() == 50
    driver.hear(asked(stop, OrderId("far"), stop_price=D(93)))
    assert driver.order(OrderId("far")).denied_by == "dead_machine_loss"
    new = replace(driver, stop, stop_price=D(94))
    assert valued.dead_machine_loss() == 60
    done(driver, stop, new)
    nearer = replace(driver, new, OrderId("near"), stop_price=D(97))
    assert valued.dead_machine_loss() == 60
    done(driver, new, nearer)
    assert valued.dead_machine_loss() == 30


def test_a_position_is_covered_when_the_broker_says_replaced_before_it_says_what_by() -> None:
    driver = trading()
    stop = driver.enter().protection[0]
    new = replace(driver, stop, stop_price=D(96))
    driver.report(K.REPLACED, stop.id)
    assert (new.state, driver.engine.state.bare) == (S.ACCEPTED, {})
    assert driver.engine.state.book.covered(ALFA) == 10
    driver.report(K.ACCEPTED, new.id)
    assert new.broker_id is not None


def test_a_late_word_on_the_entry_does_not_give_the_new_leg_the_old_ones_id() -> None:
    driver = trading()
    entry = driver.enter()
    stop, target = entry.protection
    new = replace(driver, stop, stop_price=D(96))
    driver.report(K.REPLACED, stop.id)
    assert driver.accept(entry.id) == []
    assert new.broker_id is None
    # Nor does what is told again of the old leg end the new one, which rests at the broker.
    assert driver.report(K.REPLACED, stop.id) == []
    driver.report(K.ACCEPTED, new.id)
    assert (new.state, entry.protection, driver.engine.state.breaks) == (S.ACCEPTED, (new, target), ())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    (
        ({"quantity": D(9)}, "expected no less of what protects"),
        ({"time_in_force": TimeInForce.DAY}, "expected gtc, for what rests for the day ends with it"),
    ),
)
def test_what_protects_is_not_made_to_protect_less(changes: dict[str, Any], sentence: str) -> None:
    driver = trading()
    driver.enter(exit_plan=ExitPlan(stop=D(95)))
    leg = protective_id(proposal().id, Role.STOP)
    driver.give(CancelAsked(leg, "ada", "why"))
    driver.report(K.CANCELED, leg)
    stop = closing_proposal(
        50, effect=Effect.REDUCE, type=OrderType.STOP, stop_price=D(95), time_in_force=TimeInForce.GTC
    )
    assert sentence in refusal(driver, working(driver, stop), **changes)


def test_the_exits_unit_moves_its_own_stop_while_agents_are_halted_and_no_others() -> None:
    driver = trading()
    driver.enter(exit_plan=ExitPlan(stop=D(95)))
    leg = protective_id(proposal().id, Role.STOP)
    driver.give(CancelAsked(leg, "ada", "why"))
    driver.report(K.CANCELED, leg)
    fields = {"effect": Effect.REDUCE, "type": OrderType.STOP, "stop_price": D(95)}
    stop = closing_proposal(50, agent=EXITS, time_in_force=TimeInForce.GTC, **fields)
    old = working(driver, stop)
    driver.give(HaltAsked(EVERYTHING, TradingState.HALTED, "ada", "enough"))
    assert "of yours is known" in refusal(driver, old, stop_price=D(96))
    driver.hear(asked(old, agent=EXITS, stop_price=D(96)))
    new = driver.order(NEW)
    assert new.denied_by is None
    done(driver, old, new)
    assert driver.engine.state.book.covered(ALFA) == 10


@pytest.mark.parametrize(
    ("state", "denied_by"), ((TradingState.REDUCE_ONLY, None), (TradingState.HALTED, "trading_state"))
)
def test_an_agents_stop_moves_while_only_reducing_is_permitted_and_its_entry_does_not(
    state: TradingState, denied_by: str | None
) -> None:
    driver = trading()
    stop = driver.enter().protection[0]
    entry = working(driver, limited(2))
    driver.give(HaltAsked(EVERYTHING, state, "ada", "enough"))
    driver.hear(asked(stop, stop_price=D(96)))
    driver.hear(asked(entry, OrderId("entry"), limit_price=D(99)))
    assert driver.order(NEW).denied_by == denied_by
    assert driver.order(OrderId("entry")).denied_by == "trading_state"


# What ends meanwhile.


def test_a_window_that_ends_meanwhile_ends_both() -> None:
    driver = trading()
    old = working(driver, limited())
    new = replace(driver, old, limit_price=D(99))
    driver.give(WindowCloseAsked("ada", "enough"))
    assert old.state is S.CANCEL_REQUESTED
    driver.report(K.REPLACED, old.id)
    driver.report(K.ACCEPTED, new.id)
    assert (old.state, new.state) == (S.REPLACED, S.CANCEL_REQUESTED)


def test_a_close_waits_for_both_and_takes_all_that_is_held() -> None:
    driver = trading()
    stop, target = driver.enter().protection
    new = replace(driver, stop, stop_price=D(96))
    close = closing_proposal()
    driver.propose(close)
    assert (stop.state, target.state) == (S.CANCEL_REQUESTED, S.CANCEL_REQUESTED)
    driver.report(K.REPLACED, stop.id)
    driver.report(K.ACCEPTED, new.id)
    assert new.state is S.CANCEL_REQUESTED
    for leg in (new, target):
        driver.report(K.CANCELED, leg.id)
    assert (driver.order(close.id).state, driver.order(close.id).quantity) == (S.SENDING, D(10))


def test_what_somebody_replaced_at_the_broker_is_replaced_by_nothing_of_ours() -> None:
    driver = trading()
    old = working(driver, limited())
    events: list[Event] = driver.report(K.REPLACED, old.id)
    assert [type(event) for event in events] == [Replaced]
    assert old.replaced_by is None
