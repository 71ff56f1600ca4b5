from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agenttrader.adapters.persons import verifier
from agenttrader.app.deciding.decider import Decider, Ruling
from agenttrader.app.deciding.facts import NONE, Facts, Stated
from agenttrader.app.deciding.proposals import Wanted
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import SwitchReading, TradingState, Verdict
from agenttrader.model.errors import BadValue
from agenttrader.model.events import Decided, Halted, SegmentSealed
from agenttrader.model.identifiers import Digest, StrategyName, Symbol
from agenttrader.model.market import Mark, TradingStatus
from agenttrader.model.orders import Effect, Leg, Side, TimeInForce
from agenttrader.model.times import SECOND, Instant
from agenttrader.runtime.inputs import HaltAsked, TightenAsked
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    BRAVO,
    CASH,
    CHARLY,
    CLOSE,
    MULTIPLIERS,
    STRATEGY,
    SWITCH,
    at,
    authority,
    rules,
    switch,
)
from agenttrader.testing.driver import Driver, trading

NOW = at(1)
SILENCE_SECONDS_MAX = 120
SWITCHES = {SWITCH: switch(TradingState.ACTIVE)}
FACTS = Facts(
    marks={symbol: Mark(price=Decimal(100), time=at(1), source="test") for symbol in (ALFA, BRAVO, CHARLY)},
    statuses=dict.fromkeys((ALFA, BRAVO, CHARLY), TradingStatus.TRADING),
    buying_power=Stated(CASH, at(1)),
)


def wanted(**changes: Any) -> Wanted:
    fields: dict[str, Any] = {
        "proposal_id": "p-1",
        "symbol": ALFA,
        "side": Side.BUY,
        "quantity": Decimal(10),
        "limit_price": None,
        "time_in_force": TimeInForce.DAY,
        "stop_loss": Decimal(95),
        "take_profit": Decimal(110),
        "max_loss": None,
        "valid_until": CLOSE,
        "requires_approval": False,
        "strategy": STRATEGY,
        "correlation_id": "c-1",
        "reason": "it rises",
        "created": at(1),
        "asset_type": "EQUITY",
        "option": None,
    }
    return Wanted(**(fields | changes))


def decider(driver: Driver | None = None, facts: Facts = FACTS) -> Decider:
    made = Decider(lambda _: rules(), MULTIPLIERS, AGENT, SILENCE_SECONDS_MAX, verifier({}))
    made.follow((driver or trading()).records)
    made.see(facts)
    return made


def rule(asked: Wanted, made: Decider | None = None, now: Instant = NOW, **said: SwitchReading) -> Ruling:
    return (made or decider()).rule(asked, said or SWITCHES, now)


def denied_by(ruling: Ruling) -> str | None:
    return ruling.decision.denied_by


def test_a_proposal_that_the_gateway_would_send_is_approved() -> None:
    ruling = rule(wanted(max_loss=Decimal(50)))
    assert ruling.decision.verdict is Verdict.APPROVED
    assert not ruling.loses_too_much


@given(
    st.builds(
        wanted,
        symbol=st.sampled_from([ALFA, BRAVO, CHARLY, Symbol("SPY")]),
        side=st.sampled_from(Side),
        quantity=st.integers(1, 20_000).map(Decimal),
        limit_price=st.none() | st.integers(50, 150).map(Decimal),
        stop_loss=st.none() | st.integers(50, 150).map(Decimal),
        time_in_force=st.sampled_from(TimeInForce),
        strategy=st.sampled_from([STRATEGY, StrategyName("another")]),
        valid_until=st.sampled_from([CLOSE, at(0)]),
        asset_type=st.none(),
    ),
    st.sampled_from([(), (ALFA,), (ALFA, BRAVO)]),
    st.booleans(),
)
def test_the_decision_is_the_gateways_own(asked: Wanted, held: tuple[Symbol, ...], halted: bool) -> None:  # noqa: FBT001
    driver = trading()
    for number, symbol in enumerate(held, 10):
        driver.enter(number, legs=(Leg(symbol),))
    if halted:
        driver.give(HaltAsked(EVERYTHING, TradingState.HALTED, "ada", "enough"))
    power = driver.engine._buying_power.left(driver.engine.state.book)
    assert power is not None
    facts = structs.replace(FACTS, buying_power=Stated(power, at(1)))
    ruling = rule(asked, decider(driver, facts))
    (event,) = (each for each in driver.propose(ruling.proposal) if isinstance(each, Decided))
    assert ruling.decision == event.decision


def test_what_needs_a_person_is_denied_by_approval_alone() -> None:
    ruling = rule(wanted(requires_approval=True))
    failed = [check.code for check in ruling.decision.checks if not check.passed]
    assert failed == ["approval"]


def test_without_marks_or_the_brokers_word_it_is_denied() -> None:
    assert denied_by(rule(wanted(), decider(facts=NONE))) == "symbol_status"
    assert (
        denied_by(rule(wanted(), decider(facts=structs.replace(FACTS, buying_power=None)))) == "buying_power"
    )
    old = structs.replace(
        FACTS, buying_power=Stated(CASH, Instant(at(1) - (SILENCE_SECONDS_MAX + 1) * SECOND))
    )
    assert denied_by(rule(wanted(), decider(facts=old))) == "buying_power"
    early = structs.replace(FACTS, buying_power=Stated(CASH, at(2)))
    assert denied_by(rule(wanted(), decider(facts=early))) == "buying_power"


def test_marks_that_are_taken_away_are_not_known_any_more() -> None:
    made = decider()
    assert denied_by(rule(wanted(), made)) is None
    made.see(NONE)
    assert denied_by(rule(wanted(), made)) == "symbol_status"


def test_without_a_journal_nothing_is_approved() -> None:
    made = Decider(lambda _: rules(), MULTIPLIERS, AGENT, SILENCE_SECONDS_MAX, verifier({}))
    made.see(FACTS)
    assert denied_by(rule(wanted(), made)) == "trading_state"


def test_a_gateway_that_stopped_or_is_silent_halts() -> None:
    driver = trading()
    made = decider(driver)
    later = Instant(driver.records[-1].time + SILENCE_SECONDS_MAX * SECOND)
    assert denied_by(rule(wanted(), made, later)) is None
    assert denied_by(rule(wanted(), made, Instant(later + 1))) == "trading_state"
    sealed = driver.engine.chain.seal(SegmentSealed(reason="told to"), at(1))
    made.follow([sealed])
    assert denied_by(rule(wanted(), made)) == "trading_state"


def test_a_gateway_that_runs_by_another_configuration_halts() -> None:
    other = rules(authority=authority(configuration=Digest("c1" * 32)))
    made = Decider(lambda _: other, MULTIPLIERS, AGENT, SILENCE_SECONDS_MAX, verifier({}))
    made.follow(trading().records)
    made.see(FACTS)
    assert denied_by(rule(wanted(), made)) == "trading_state"


def test_records_from_the_future_halt() -> None:
    driver = trading()
    assert (
        denied_by(rule(wanted(), decider(driver), Instant(driver.records[-1].time - SECOND)))
        == "trading_state"
    )


def test_a_switch_that_halts_or_was_not_read_halts_at_once() -> None:
    made = decider()
    for readings in ({}, {SWITCH: switch(TradingState.HALTED)}):
        assert made.rule(wanted(), readings, NOW).decision.denied_by == "trading_state"
        assert made.is_halted(readings, NOW)
    assert made.rule(wanted(), SWITCHES, NOW).decision.denied_by is None
    assert not made.is_halted(SWITCHES, NOW)


def test_a_latch_of_the_gateway_halts() -> None:
    driver = trading()
    made = decider(driver)
    latch = Halted(scope=EVERYTHING, state=TradingState.HALTED, by="ada", reason="enough")
    made.follow([driver.engine.chain.seal(latch, at(1))])
    assert denied_by(rule(wanted(), made)) == "trading_state"
    assert made.is_halted(SWITCHES, NOW)


def test_a_limit_that_was_tightened_at_the_gateway_holds_here_too() -> None:
    driver = trading()
    made = decider(driver)
    assert denied_by(rule(wanted(), made)) is None
    step = driver.hear(TightenAsked("symbol.ALFA.order_quantity_max", "9", "ada", "a rough day"))
    made.follow(step.records)
    ruling = rule(wanted(proposal_id="p-2"), made)
    assert denied_by(ruling) == "order_quantity"
    assert ruling.decision.inputs.limits == driver.engine.rules.limits_digest


def test_a_sale_of_what_is_held_reduces() -> None:
    driver = trading()
    driver.enter(10)
    ruling = rule(wanted(side=Side.SELL, stop_loss=None, take_profit=None), decider(driver))
    assert ruling.proposal.effect is Effect.REDUCE


def test_what_the_gateway_decided_already_is_not_new() -> None:
    driver = trading()
    made = decider(driver)
    before = len(driver.records)
    driver.propose(rule(wanted(), made).proposal)
    made.follow(driver.records[before:])
    assert denied_by(rule(wanted(), made)) == "order_id"


@pytest.mark.parametrize(
    ("changes", "is_more"),
    (
        ({"max_loss": Decimal(50)}, False),
        ({"max_loss": Decimal("49.99")}, True),
        ({"max_loss": Decimal(50), "stop_loss": None}, True),
        ({"max_loss": Decimal(50), "limit_price": Decimal(101)}, True),
        ({}, False),
    ),
    ids=str,
)
def test_a_stop_may_lose_what_the_proposal_says(changes: dict[str, Any], is_more: bool) -> None:  # noqa: FBT001
    assert rule(wanted(**changes)).loses_too_much is is_more


def test_what_is_configured_as_something_else_is_refused() -> None:
    with pytest.raises(BadValue, match="EQUITY"):
        rule(wanted(asset_type="OPTION"))
    assert denied_by(rule(wanted(asset_type="FUTURE", symbol=Symbol("ES")))) == "ownership"


def test_a_quantity_that_is_none_is_refused() -> None:
    with pytest.raises(BadValue, match="quantity"):
        rule(wanted(quantity=Decimal(0)))
