"""Who may end what, and what we end ourselves."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.gateway.limits import Limits
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import CancelRequested, Event, Withheld
from agenttrader.model.identifiers import OrderId
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderState, OrderType, Role, Side, TimeInForce
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import MINUTE, Instant
from agenttrader.portfolio.orders import protective_id
from agenttrader.runtime.cancels import cancel_of, unwanted
from agenttrader.runtime.inputs import (
    CancelAsked,
    GroupProposed,
    HaltAsked,
    TimeReached,
    WindowCloseAsked,
)
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    BRAVO,
    EXITS,
    OTHER_AGENT,
    at,
    closing_proposal,
    compared,
    execution,
    proposal,
    rules,
)
from agenttrader.testing.driver import Driver, trading
from agenttrader.testing.hostile_day import folded

S, K = OrderState, ReportKind
A_STOP = {
    "side": Side.SELL,
    "effect": Effect.REDUCE,
    "exit_plan": None,
    "type": OrderType.STOP,
    "stop_price": Decimal(95),
    "time_in_force": TimeInForce.GTC,
}


def working(driver: Driver, number: int = 1, **changes: Any) -> OrderId:
    """An accepted entry that rests."""
    entry = proposal(number, **changes)
    driver.propose(entry)
    driver.accept(entry.id)
    return entry.id


RESTS = {"type": OrderType.LIMIT, "limit_price": Decimal(100)}


def limited(**changes: Any) -> Limits:
    """Other limits of each agent."""
    base = rules().limits
    return replace(base, agent={name: replace(each, **changes) for name, each in base.agent.items()})


def asked(events: list[Event]) -> list[OrderId]:
    return [event.order_id for event in events if isinstance(event, CancelRequested)]


def refusal(driver: Driver, order_id: OrderId, agent: str | None = AGENT) -> str:
    step = driver.hear(CancelAsked(order_id, "who", "why", agent))  # type: ignore[arg-type]
    assert not (step.refusal and step.records)
    return step.refusal


# Asked for.


@pytest.mark.parametrize("agent", (AGENT, None))
def test_an_agent_may_end_its_entry_and_a_person_any(agent: str | None) -> None:
    driver = trading()
    entry = working(driver)
    order = driver.order(entry)
    step = driver.hear(CancelAsked(entry, "who", "why", agent))  # type: ignore[arg-type]
    assert step.refusal == ""
    assert [record.event for record in step.records] == [
        CancelRequested(
            order_id=entry,
            broker_order_id=order.broker_id or "",  # type: ignore[arg-type]
            by="who",
            reason="why",
        )
    ]
    assert step.sends == step.records


def test_asking_again_is_no_mistake_and_asks_nobody() -> None:
    driver = trading()
    entry = working(driver)
    refusal(driver, entry)
    step = driver.hear(CancelAsked(entry, "who", "why", AGENT))
    assert (step.refusal, step.records) == ("", [])


def test_an_agent_knows_no_orders_but_its_own() -> None:
    driver = trading()
    entry = working(driver)
    assert refusal(driver, entry, OTHER_AGENT) == f"no order {entry} of yours is known"
    assert refusal(driver, OrderId("nobody's")) == "no order nobody's of yours is known"


def test_what_has_ended_cannot_be_canceled() -> None:
    driver = trading()
    entry = working(driver)
    driver.report(K.CANCELED, entry)
    assert refusal(driver, entry) == "the order is canceled already"


def test_what_the_broker_has_not_confirmed_cannot_be_canceled_yet() -> None:
    driver = trading()
    entry = proposal()
    driver.propose(entry)
    sentence = "the broker has not confirmed it; ask again when it has"
    assert refusal(driver, entry.id) == f"the order is sending: {sentence}"
    driver.report(K.ANSWER_LOST, entry.id)
    assert refusal(driver, entry.id, None) == f"the order is unknown: {sentence}"


def test_a_key_that_only_reduces_ends_entries_and_what_is_its_own() -> None:
    driver = trading()
    entry = proposal(1, type=OrderType.LIMIT, limit_price=Decimal(100))
    driver.propose(entry)
    driver.accept(entry.id)
    asked = driver.hear(CancelAsked(entry.id, EXITS, "it is bare", EXITS))
    assert asked.refusal == ""
    assert driver.order(entry.id).state is OrderState.CANCEL_REQUESTED
    protected = driver.enter(2).protection[0]
    refused = driver.hear(CancelAsked(protected.id, EXITS, "not mine", EXITS))
    assert refused.refusal == f"no order {protected.id} of yours is known"
    others = driver.hear(CancelAsked(proposal(2).id, OTHER_AGENT, "not mine", OTHER_AGENT))
    assert others.refusal.startswith("no order")


def test_protection_is_not_its_agents_to_cancel() -> None:
    driver = trading()
    entry = working(driver)
    stop = protective_id(entry, Role.STOP)
    assert refusal(driver, stop) == "it is held to protect what its entry will fill; cancel the entry"
    driver.fill(entry, "in", 10)
    assert refusal(driver, stop) == "it protects a position; replace it, or close the position"
    assert refusal(driver, stop, None) == ""


def test_what_is_frozen_only_a_person_takes_apart_though_an_entry_may_end() -> None:
    driver = trading()
    leg = driver.enter(2, exit_plan=ExitPlan(stop=Decimal(95))).protection[0].id
    driver.give(CancelAsked(leg, "ada", "why"))
    driver.report(K.CANCELED, leg)
    own = working(driver, 3, agent=EXITS, **A_STOP)
    rests = working(driver, 1, type=OrderType.LIMIT, limit_price=Decimal(100))
    driver.hear(HaltAsked(EVERYTHING, TradingState.FROZEN, "ada", "news"))
    sentence = "trading is frozen: what protects stays as it is, and only a person ends it"
    assert refusal(driver, own, EXITS) == sentence
    assert (refusal(driver, own, None), refusal(driver, rests)) == ("", "")


def test_beyond_its_messages_an_agent_cancels_nothing_and_others_do() -> None:
    driver = trading(limits=limited(messages_per_minute_max=4))
    rests = [working(driver, number, **RESTS) for number in (1, 2, 3)]
    for _ in range(2):
        assert driver.hear(CancelAsked(rests[0], AGENT, "why", AGENT)).refusal == ""
    sentence = refusal(driver, rests[1])
    assert sentence.startswith(f"4 messages of {AGENT} left for the broker within a minute, at most 4")
    assert driver.order(rests[1]).state is OrderState.ACCEPTED
    driver.propose(proposal(4, quantity=Decimal(1)))
    assert driver.order(proposal(4).id).denied_by == "message_rate"
    assert (refusal(driver, rests[1], EXITS), refusal(driver, rests[2], None)) == ("", "")
    again = folded(driver.records).state.messages
    assert again.last_minute(AGENT, driver.now) == 4
    assert again.last_minute(AGENT, Instant(driver.now + MINUTE)) == 0


def test_what_leaves_a_position_leaves_however_many_messages_did() -> None:
    driver = trading(limits=limited(messages_per_minute_max=1))
    driver.enter()
    driver.propose(closing_proposal())
    assert driver.order(closing_proposal().id).denied_by is None
    driver.propose(proposal(2))
    assert driver.order(proposal(2).id).denied_by == "message_rate"


def test_what_was_tried_with_a_group_is_no_message() -> None:
    driver = trading(limits=limited(messages_per_minute_max=1))
    pair = tuple(proposal(number, group="a pair") for number in (1, 2))
    driver.hear(GroupProposed(pair))
    assert driver.order(pair[1].id).denied_by == "message_rate"
    assert driver.engine.state.messages.last_minute(AGENT, driver.now) == 0


def test_protection_that_is_left_over_when_flat_may_be_canceled() -> None:
    driver = trading()
    entry = driver.enter()
    driver.fill(protective_id(entry.id, Role.TARGET), "out", 10, 110)
    assert refusal(driver, protective_id(entry.id, Role.STOP)) == ""


def test_while_flat_an_agent_ends_no_protection_beside_other_protection() -> None:
    driver = trading()
    entry = driver.enter()
    execution_id = next(iter(driver.engine.state.book.executions))
    driver.report(K.BUSTED, entry.id, execution=execution(execution_id))
    stop, target = (leg.id for leg in entry.protection)
    assert driver.engine.state.book.position(ALFA) == 0
    for leg in (stop, target):
        assert refusal(driver, leg) == (
            "other protection of its position can still trade, and may need it; ask a person to cancel all"
        )
    assert refusal(driver, stop, None) == ""
    driver.report(K.CANCELED, stop)
    assert refusal(driver, target) == ""


def test_a_close_that_waits_goes_on_unless_a_person_stops_it() -> None:
    driver = trading()
    driver.enter()
    close = closing_proposal()
    driver.propose(close)
    assert refusal(driver, close.id) == (
        "what protected the position was canceled for this close; let it go on"
    )
    assert refusal(driver, close.id, None) == ""
    assert driver.order(close.id).state is S.WITHHELD


def test_an_agent_does_not_take_back_a_close_that_has_left() -> None:
    driver = trading()
    for leg in driver.enter().protection:
        driver.report(K.CANCELED, leg.id)
    close = closing_proposal()
    driver.propose(close)
    driver.accept(close.id)
    assert refusal(driver, close.id) == (
        "what protected the position was canceled for this close; let it go on"
    )
    assert refusal(driver, close.id, None) == ""
    assert driver.order(close.id).state is S.CANCEL_REQUESTED


# Exits that rest.


def bare(driver: Driver) -> None:
    """10 ALFA held, and nothing protects them."""
    for leg in driver.enter().protection:
        driver.report(K.CANCELED, leg.id)


def resting(driver: Driver, quantity: int, number: int, **changes: Any) -> OrderId:
    """A stop of the agent's at 95 that the broker has."""
    fields = {"type": OrderType.STOP, "stop_price": Decimal(95), "effect": Effect.REDUCE}
    exit_ = closing_proposal(number, quantity=Decimal(quantity), **(fields | changes))
    driver.propose(exit_)
    assert driver.order(exit_.id).denied_by is None
    driver.accept(exit_.id)
    return exit_.id


PAIR: dict[str, Any] = {
    "type": OrderType.LIMIT,
    "limit_price": Decimal(110),
    "stop_price": None,
    "exit_plan": ExitPlan(stop=Decimal(95)),
}
LAST = "it protects a position; replace it, or close the position"


@pytest.mark.parametrize("changes", ({}, PAIR), ids=("stop", "pair"))
def test_the_last_protection_of_a_position_is_not_its_agents_to_cancel(changes: dict[str, Any]) -> None:
    driver = trading()
    bare(driver)
    exit_ = resting(driver, 10, 50, **changes)
    for order in driver.order(exit_).pair:
        assert refusal(driver, order.id) == LAST
    assert refusal(driver, exit_, None) == ""


def test_protection_may_be_canceled_only_while_other_stops_face_all_that_is_held() -> None:
    driver = trading()
    bare(driver)
    first, second = resting(driver, 6, 50), resting(driver, 4, 51)
    assert (refusal(driver, first), refusal(driver, second)) == (LAST, LAST)
    driver.fill(first, "out", 6, 95)
    assert refusal(driver, second) == LAST
    driver.fill(second, "out too", 4, 95)
    assert refusal(driver, second) == "the order is filled already"


def test_a_pair_whose_target_has_taken_the_position_may_be_canceled() -> None:
    driver = trading()
    bare(driver)
    target = resting(driver, 10, 50, **PAIR)
    driver.fill(target, "out", 10, 110)
    assert refusal(driver, protective_id(target, Role.STOP)) == ""


@pytest.mark.parametrize("changes", ({}, PAIR), ids=("stop", "pair"))
def test_a_close_ends_the_exits_that_rest_and_leaves_when_they_have(changes: dict[str, Any]) -> None:
    driver = trading()
    bare(driver)
    orders = driver.order(resting(driver, 10, 50, **changes)).pair
    close = closing_proposal()
    assert asked(driver.propose(close)) == [order.id for order in orders]
    for order in orders:
        assert driver.order(close.id).state is S.APPROVED
        driver.report(K.CANCELED, order.id)
    assert driver.order(close.id).state is S.SENDING


def test_a_filled_half_of_a_pair_takes_from_what_a_close_sends() -> None:
    driver = trading()
    bare(driver)
    target = driver.order(resting(driver, 10, 50, **PAIR))
    close = closing_proposal()
    driver.propose(close)
    driver.fill(target.id, "in part", 4, 110)
    for order in target.pair:
        driver.report(K.CANCELED, order.id)
    assert (driver.order(close.id).state, driver.order(close.id).quantity) == (S.SENDING, Decimal(6))


# Ended by ourselves.


def test_an_approved_order_is_withheld_and_one_at_the_broker_is_asked_to_end() -> None:
    driver = trading()
    driver.enter()
    close = closing_proposal()
    driver.propose(close)
    assert cancel_of(driver.order(close.id), "who", "why") == Withheld(order_id=close.id, reason="who: why")
    entry = working(driver, 2, legs=(Leg(BRAVO),))
    cancel = cancel_of(driver.order(entry), "who", "why")
    assert isinstance(cancel, CancelRequested)
    asked = {S.ACCEPTED, S.PARTIALLY_FILLED, S.SUSPENDED, S.REPLACE_REQUESTED}
    for state in set(OrderState) - {S.APPROVED, S.PENDING_APPROVAL, *asked}:
        driver.order(entry).state = state
        assert cancel_of(driver.order(entry), "who", "why") is None


def test_entries_end_with_their_window_and_exits_do_not() -> None:
    driver = trading()
    held = driver.enter(1)
    first, second = working(driver, 2), working(driver, 3)
    events = driver.give(WindowCloseAsked("ada", "enough"))
    assert asked(events) == [first, second]
    assert all(driver.order(leg.id).state is S.ACCEPTED for leg in held.protection)


def test_an_entry_confirmed_after_its_window_is_asked_to_end_then() -> None:
    driver = trading()
    leaving, lost = proposal(1), proposal(2)
    driver.propose(leaving, lost)
    driver.report(K.ANSWER_LOST, lost.id)
    assert asked(driver.give(WindowCloseAsked("ada", "enough"))) == []
    assert asked(driver.accept(leaving.id)) == [leaving.id]
    assert asked(driver.accept(lost.id)) == [lost.id]
    assert asked(driver.accept(lost.id)) == []


def test_a_refused_end_is_asked_for_again_when_time_goes_on() -> None:
    driver = trading()
    entry = working(driver)
    driver.give(WindowCloseAsked("ada", "enough"))
    assert asked(driver.report(K.CANCEL_REFUSED, entry)) == []
    assert asked(driver.give(TimeReached(at(2)))) == [entry]
    assert asked(driver.give(TimeReached(at(3)))) == []


def test_nothing_is_unwanted_in_an_open_window_without_closes() -> None:
    driver = trading()
    working(driver)
    state = driver.engine.state
    assert list(unwanted(state, state.book.orders.open_orders())) == []


def test_a_cancel_without_an_answer_is_asked_again_after_a_comparison() -> None:
    driver = trading()
    first, second = working(driver, 1), working(driver, 2)
    refusal(driver, first)
    assert asked(driver.give(compared(failure="no answer"))) == []
    assert asked(driver.give(compared())) == [first]
    driver.report(K.CANCELED, first)
    assert asked(driver.give(compared())) == []
    assert driver.order(second).state is S.ACCEPTED
