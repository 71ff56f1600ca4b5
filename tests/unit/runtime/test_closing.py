"""Closing: cancel what protects, wait for its end, then send what is left; once, and never the wrong way."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.gateway.sentences import sentence_of
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.events import CancelRequested, Decided, Event, Sending, Withheld
from agenttrader.model.identifiers import OrderId
from agenttrader.model.instruments import Equity
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderState, OrderType, Proposal, Role, Side
from agenttrader.model.reports import ReportKind
from agenttrader.portfolio.orders import Order, protective_id
from agenttrader.runtime.closing import go_on, in_the_way, must_end_for
from agenttrader.runtime.inputs import LastLookStopped, TimeReached
from agenttrader.runtime.protection import bare_units
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ALFA,
    BRAVO,
    MULTIPLIERS,
    at,
    closing_proposal,
    compared,
    execution,
    proposal,
    rules,
)
from agenttrader.testing.driver import Driver, trading

D = Decimal
S, K = OrderState, ReportKind


def protection(entry: OrderId) -> tuple[OrderId, OrderId]:
    return protective_id(entry, Role.STOP), protective_id(entry, Role.TARGET)


def held(driver: Driver, number: int = 1, **changes: Any) -> Order:
    """A position of 10 with its protection resting."""
    return driver.enter(number, **changes)


def names(events: list[Event]) -> list[tuple[str, OrderId]]:
    return [
        (
            type(event).__name__,
            event.proposal.id if isinstance(event, Decided) else getattr(event, "order_id", OrderId("")),
        )
        for event in events
    ]


def sent(events: list[Event]) -> list[Sending]:
    return [event for event in events if isinstance(event, Sending)]


def test_a_close_asks_for_the_end_of_stop_and_target_and_sends_nothing_yet() -> None:
    driver = trading()
    entry = held(driver)
    stop, target = protection(entry.id)
    close = closing_proposal()
    assert names(driver.propose(close)) == [
        ("Decided", close.id),
        ("CancelRequested", stop),
        ("CancelRequested", target),
    ]
    assert driver.order(close.id).state is S.APPROVED


def test_a_cancel_says_for_whom_and_why() -> None:
    driver = trading()
    entry = held(driver)
    close = closing_proposal()
    cancel = driver.propose(close)[1]
    stop = driver.order(protection(entry.id)[0])
    assert cancel == CancelRequested(
        order_id=stop.id,
        broker_order_id=stop.broker_id or "",  # type: ignore[arg-type]
        by=close.agent,
        reason=f"closing by order {close.id}",
    )


def test_it_waits_until_every_leg_has_ended_then_sends_what_is_held() -> None:
    driver = trading()
    stop, target = protection(held(driver).id)
    close = closing_proposal()
    driver.propose(close)
    assert sent(driver.report(K.CANCELED, stop)) == []
    assert driver.order(close.id).state is S.APPROVED
    (sending,) = sent(driver.report(K.CANCELED, target))
    instruction = sending.instruction
    assert sending.order_id == close.id
    assert (instruction.side, instruction.quantity, instruction.type) == (
        Side.SELL,
        D(10),
        OrderType.MARKET,
    )
    assert (instruction.stop, instruction.target) == (None, None)
    driver.accept(close.id)
    driver.fill(close.id, "out", 10, 101)
    assert driver.engine.state.book.positions() == {}
    assert list(driver.engine.state.book.orders.open_orders()) == []


def test_with_nothing_in_its_way_it_leaves_at_once() -> None:
    driver = trading()
    entry = held(driver)
    for leg in entry.protection:
        driver.report(K.CANCELED, leg.id)
    close = closing_proposal()
    assert names(driver.propose(close)) == [("Decided", close.id), ("Sending", close.id)]


def test_a_stop_that_fills_during_the_wait_ends_the_close_unsent() -> None:
    driver = trading()
    stop, target = protection(held(driver).id)
    close = closing_proposal()
    driver.propose(close)
    driver.fill(stop, "stopped", 10, 95)
    events = driver.report(K.CANCELED, target)
    assert sent(events) == []
    (withheld,) = [event for event in events if isinstance(event, Withheld)]
    assert withheld == Withheld(order_id=close.id, reason="nothing is left to close: we hold 0 ALFA")
    assert driver.order(close.id).state is S.WITHHELD


def test_a_stop_that_fills_in_part_leaves_the_rest_to_the_close() -> None:
    driver = trading()
    stop, target = protection(held(driver).id)
    close = closing_proposal()
    driver.propose(close)
    driver.fill(stop, "stopped", 4, 95)
    driver.report(K.CANCELED, target)
    (sending,) = sent(driver.report(K.CANCELED, stop))
    assert sending.instruction.quantity == 6
    assert driver.order(close.id).quantity == 6


def test_there_is_one_close_of_a_position() -> None:
    driver = trading()
    held(driver)
    first, second = closing_proposal(100), closing_proposal(101)
    driver.propose(first)
    (decided,) = driver.propose(second)
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "reduces"


def part(quantity: int, number: int = 100, **changes: Any) -> Proposal:
    return closing_proposal(number, quantity=D(quantity), **changes)


def end_protection(driver: Driver, entry: OrderId) -> list[Sending]:
    """What leaves when the broker has ended the legs that were to be canceled."""
    return [each for leg in protection(entry) for each in sent(driver.report(K.CANCELED, leg))]


def test_of_a_part_that_part_leaves_and_the_clock_of_what_stays_runs() -> None:
    driver = trading()
    entry = held(driver)
    close = part(4)
    assert names(driver.propose(close))[1:] == [("CancelRequested", leg) for leg in protection(entry.id)]
    (sending,) = end_protection(driver, entry.id)
    assert sending.instruction.quantity == 4
    driver.accept(close.id)
    driver.fill(close.id, "a part", 4)
    state = driver.engine.state
    assert not state.parts
    assert state.book.position(ALFA) == bare_units(state.book, ALFA) == 6
    assert ALFA in state.bare


def test_of_a_part_no_more_leaves_whatever_an_entry_adds_meanwhile() -> None:
    driver = trading()
    entry = held(driver)
    working = proposal(2)
    driver.propose(working)
    driver.accept(working.id)
    driver.propose(part(4))
    driver.fill(working.id, "too late", 10)
    assert end_protection(driver, entry.id) == []
    (sending,) = end_protection(driver, working.id)
    assert sending.instruction.quantity == 4


def test_of_a_part_no_more_leaves_than_is_held() -> None:
    driver = trading()
    stop, target = protection(held(driver).id)
    close = part(4)
    driver.propose(close)
    driver.fill(stop, "stopped", 9, 95)
    driver.report(K.CANCELED, target)
    (sending,) = sent(driver.report(K.CANCELED, stop))
    assert sending.instruction.quantity == 1


def test_two_parts_leave_one_after_the_other_and_a_third_finds_nothing() -> None:
    driver = trading()
    entry = held(driver)
    first, second, third = part(4, 100), part(6, 101), part(1, 102)
    driver.propose(first)
    driver.propose(second)
    (denied,) = driver.propose(third)
    assert isinstance(denied, Decided)
    assert denied.decision.denied_by == "reduces"
    assert [each.order_id for each in end_protection(driver, entry.id)] == [first.id]
    (withheld, sending) = driver.give(LastLookStopped(first.id, "the switch"))
    assert isinstance(withheld, Withheld)
    assert isinstance(sending, Sending)
    assert (sending.order_id, sending.instruction.quantity) == (second.id, D(6))


def test_that_a_close_is_of_a_part_is_known_after_a_restart() -> None:
    driver = trading()
    entry = held(driver)
    driver.propose(part(4))
    again = State(MULTIPLIERS)
    for record in driver.records:
        again.apply(record)
    assert again.parts == driver.engine.state.parts == {part(4).id}
    assert end_protection(driver, entry.id)[0].instruction.quantity == 4


@pytest.mark.parametrize("lacking", ("an exits unit", "a plan"))
def test_a_part_is_denied_where_nobody_would_protect_what_stays(lacking: str) -> None:
    grants = {name: grant for name, grant in rules().grants.items() if not grant.reduces_only}
    driver = trading(grants=grants) if lacking == "an exits unit" else trading()
    held(driver)
    if lacking == "a plan":
        book = driver.engine.state.book
        book.tenures[ALFA] = replace(book.tenures[ALFA], plan=None)
    (decided,) = driver.propose(part(4))
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "whole"
    (failed,) = (check for check in decided.decision.checks if not check.passed)
    assert "an exits unit runs and the position has a plan" in sentence_of(failed)
    assert len(driver.engine.state.book.protection(ALFA)) == 2


def test_a_close_that_could_rest_is_denied_and_protection_stays() -> None:
    driver = trading()
    entry = held(driver)
    resting = closing_proposal(101, type=OrderType.LIMIT, limit_price=D(110))
    (decided,) = driver.propose(resting)
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "whole"
    assert len(driver.engine.state.book.protection(ALFA)) == 2
    assert driver.order(entry.id).state is OrderState.FILLED


def test_held_legs_end_with_their_entry_and_are_not_asked_to() -> None:
    driver = trading()
    held(driver, 1)
    working = proposal(2)
    driver.propose(working)
    driver.accept(working.id)
    events = driver.propose(closing_proposal())
    asked = {event.order_id for event in events if isinstance(event, CancelRequested)}
    assert asked == {*protection(proposal(1).id), working.id}


def test_an_entry_that_the_broker_confirms_later_is_asked_then() -> None:
    driver = trading()
    stop, target = protection(held(driver, 1).id)
    leaving = proposal(2)
    driver.propose(leaving)
    close = closing_proposal()
    driver.propose(close)
    driver.report(K.CANCELED, stop)
    driver.report(K.CANCELED, target)
    assert driver.order(close.id).state is S.APPROVED
    events = driver.accept(leaving.id)
    assert names(events) == [("Accepted", leaving.id), ("CancelRequested", leaving.id)]
    late = protection(leaving.id)
    driver.report(K.CANCELED, leaving.id)
    driver.report(K.CANCELED, late[0])
    assert [each.order_id for each in sent(driver.report(K.CANCELED, late[1]))] == [close.id]


def test_an_entry_whose_answer_was_lost_is_not_waited_for() -> None:
    driver = trading()
    stop, target = protection(held(driver, 1).id)
    leaving = proposal(2)
    driver.propose(leaving)
    close = closing_proposal()
    driver.propose(close)
    driver.report(K.CANCELED, stop)
    driver.report(K.CANCELED, target)
    events = driver.report(K.ANSWER_LOST, leaving.id)
    assert [each.order_id for each in sent(events)] == [close.id]


def test_an_exit_whose_answer_was_lost_is_waited_for() -> None:
    driver = trading()
    entry = held(driver, 1)
    for leg in entry.protection:
        driver.report(K.CANCELED, leg.id)
    leaving = closing_proposal(99, effect=Effect.REDUCE, quantity=D(4))
    driver.propose(leaving)
    driver.report(K.ANSWER_LOST, leaving.id)
    close = closing_proposal()
    assert sent(driver.propose(close)) == []
    assert driver.order(close.id).state is S.APPROVED
    assert [each.order_id for each in sent(driver.report(K.CANCELED, leaving.id))] == [close.id]


def test_an_exit_that_rests_far_away_keeps_no_position_from_being_closed() -> None:
    driver = trading()
    for leg in held(driver, 1).protection:
        driver.report(K.CANCELED, leg.id)
    resting = closing_proposal(99, effect=Effect.REDUCE, type=OrderType.LIMIT, limit_price=D(120))
    driver.propose(resting)
    driver.accept(resting.id)
    close = closing_proposal()
    driver.propose(close)
    assert driver.order(resting.id).state is S.CANCEL_REQUESTED
    assert [each.order_id for each in sent(driver.report(K.CANCELED, resting.id))] == [close.id]


def test_legs_of_an_entry_that_fills_during_the_wait_are_asked_to_end() -> None:
    driver = trading()
    held(driver, 1)
    working = proposal(2)
    driver.propose(working)
    driver.accept(working.id)
    driver.propose(closing_proposal())
    events = driver.fill(working.id, "too late", 10)
    asked = {event.order_id for event in events if isinstance(event, CancelRequested)}
    assert asked == set(protection(working.id))


@pytest.mark.parametrize("filled", (10, 4))
def test_what_an_entry_adds_during_the_wait_is_closed_too(filled: int) -> None:
    driver = trading()
    legs = protection(held(driver, 1).id)
    working = proposal(2)
    driver.propose(working)
    driver.accept(working.id)
    close = closing_proposal()
    driver.propose(close)
    driver.fill(working.id, "too late", filled)
    if filled < working.quantity:
        driver.report(K.CANCELED, working.id)
    events = [driver.report(K.CANCELED, leg) for leg in (*legs, *protection(working.id))]
    (sending,) = sent(events[-1])
    assert sending.instruction.quantity == 10 + filled
    driver.accept(close.id)
    driver.fill(close.id, "out", 10 + filled)
    assert driver.engine.state.book.positions() == {}
    assert list(driver.engine.state.book.orders.open_orders()) == []


def test_a_refused_cancel_is_asked_again_when_time_goes_on_and_not_before() -> None:
    driver = trading()
    stop, target = protection(held(driver).id)
    driver.propose(closing_proposal())
    driver.report(K.CANCELED, target)
    assert names(driver.report(K.CANCEL_REFUSED, stop, reason="rate limited")) == [("CancelRefused", stop)]
    asked = [event for event in driver.give(TimeReached(at(2))) if isinstance(event, CancelRequested)]
    assert [event.order_id for event in asked] == [stop]


def test_a_close_goes_on_when_what_was_leaving_is_stopped_by_the_last_look() -> None:
    driver = trading()
    entry = held(driver)
    for leg in entry.protection:
        driver.report(K.CANCELED, leg.id)
    leaving = proposal(2)
    driver.propose(leaving)
    close = closing_proposal()
    driver.propose(close)
    assert driver.order(close.id).state is S.APPROVED
    events = driver.give(LastLookStopped(leaving.id, "the switch"))
    assert [each.order_id for each in sent(events)] == [close.id]


def test_orders_in_other_symbols_are_in_nobodys_way() -> None:
    driver = trading()
    held(driver, 1)
    other = held(driver, 2, legs=(Leg(BRAVO),))
    events = driver.propose(closing_proposal())
    asked = {event.order_id for event in events if isinstance(event, CancelRequested)}
    assert asked.isdisjoint({other.id, *protection(other.id)})


def test_a_short_is_closed_by_buying() -> None:
    driver = trading()
    plan = ExitPlan(stop=D(105), target=D(90))
    stop, target = protection(held(driver, 1, side=Side.SELL, exit_plan=plan).id)
    driver.propose(closing_proposal(side=Side.BUY))
    driver.report(K.CANCELED, stop)
    (sending,) = sent(driver.report(K.CANCELED, target))
    assert (sending.instruction.side, sending.instruction.quantity) == (Side.BUY, D(10))


def test_a_part_of_a_share_is_closed_whole() -> None:
    parts = {ALFA: Equity(symbol=ALFA, tick=D("0.01"), lot=D("0.001"))}
    driver = trading(instruments=parts)
    entry = proposal(quantity=D("0.125"))
    driver.propose(entry)
    driver.accept(entry.id)
    driver.report(K.FILLED, entry.id, execution=execution("in", quantity=D("0.125")))
    assert driver.order(entry.id).protection == ()
    (sending,) = sent(driver.propose(closing_proposal(quantity=D("0.125"))))
    assert sending.instruction.quantity == D("0.125")


# What is left, of several legs too.


def test_a_close_takes_no_more_than_the_broker_holds() -> None:
    driver = trading()
    held(driver, 1)
    differs = Break(kind=BreakKind.POSITION, ours="10", theirs="4", sentence="differs", symbol=ALFA)
    driver.give(compared(differs))
    close = Order(closing_proposal(), Role.EXIT, at(1))
    event = go_on(driver.engine.state, close)
    assert isinstance(event, Sending)
    assert event.instruction.quantity == 4


@pytest.mark.parametrize(
    ("alfa", "bravo", "left"),
    (
        (10, -20, 10),
        (4, -20, 4),
        (10, -7, 3),
        (10, 0, None),
        (0, -20, None),
        (-10, -20, None),
        (10, 20, None),
    ),
)
def test_a_spread_closes_as_far_as_every_leg_can(alfa: int, bravo: int, left: int | None) -> None:
    driver = trading()
    for number, (symbol, quantity) in enumerate(((ALFA, alfa), (BRAVO, bravo))):
        if quantity:
            side, stop = (Side.BUY, D(50)) if quantity > 0 else (Side.SELL, D(150))
            plan = ExitPlan(stop=stop)
            held(driver, number, legs=(Leg(symbol),), side=side, quantity=D(abs(quantity)), exit_plan=plan)
    close = Order(spread(), Role.EXIT, at(1))
    event = go_on(driver.engine.state, close)
    if left is None:
        assert isinstance(event, Withheld)
    else:
        assert isinstance(event, Sending)
        assert event.instruction.quantity == left
        assert event.instruction.legs == close.legs


def spread() -> Proposal:
    return closing_proposal(legs=(Leg(ALFA, 1), Leg(BRAVO, -2)))


def test_what_is_in_the_way_is_told_once_and_oldest_first() -> None:
    driver = trading()
    first = held(driver, 1)
    second = held(driver, 2, legs=(Leg(BRAVO),))
    close = Order(spread(), Role.EXIT, at(1))
    assert in_the_way(driver.engine.state.book, close) == (*first.protection, *second.protection)
    assert all(must_end_for(close, leg) for leg in (*first.protection, *second.protection))
    assert not must_end_for(Order(closing_proposal(), Role.EXIT, at(1)), second.protection[0])
    assert not must_end_for(close, Order(closing_proposal(101), Role.EXIT, at(1)))
    reduce = Order(closing_proposal(102, effect=Effect.REDUCE), Role.EXIT, at(1))
    assert must_end_for(close, reduce)
