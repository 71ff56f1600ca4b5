"""Breakers over the engine: what is on record trips them, and what they ask for is on record at once."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agenttrader.gateway.breakers import BreakerLimits
from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.authority import EVERYTHING, Act, Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import (
    AnswerLost,
    CashPosted,
    Decided,
    EquitySampled,
    Event,
    Halted,
    Resumed,
    Warned,
)
from agenttrader.model.identifiers import StrategyName
from agenttrader.model.orders import Leg
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant
from agenttrader.runtime.breakers import DRAWDOWN, LATENCY, LOSSES, PREFIX, REJECTIONS
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import (
    AccountStated,
    HaltAsked,
    LinkSeen,
    MarketSeen,
    StatementGiven,
    TimeReached,
)
from agenttrader.runtime.state import State
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.builders import (
    ACCOUNT,
    AGENT,
    CHARLY,
    MULTIPLIERS,
    OTHER_AGENT,
    at,
    bar,
    broker_statement,
    closing_proposal,
    posted,
    proposal,
    signed,
)
from agenttrader.testing.driver import Driver, trading
from agenttrader.testing.state_dump import dump_state

D = Decimal
ACTIVE, REDUCE_ONLY, HALTED, _ = TradingState
K = ReportKind
LADDER = structs.replace(BREAKERS, soft_fraction=D("0.1"), medium_fraction=D("0.2"), hard_fraction=D("0.3"))
WHOLE, MINE = Scope(ScopeKind.ACCOUNT, ACCOUNT), Scope(ScopeKind.AGENT, AGENT)
HELD = 900


def of_breakers(events: Sequence[Event]) -> list[Event]:
    return [each for each in events if isinstance(each, Halted | Warned) and each.by.startswith(PREFIX)]


def folded(records: Sequence[Sealed[Event]]) -> State:
    state = State(MULTIPLIERS)
    for record in records:
        state.apply(record)
    return state


def holding(limits: BreakerLimits = LADDER) -> Driver:
    """An account of 100 000 that holds 900 ALFA, bought at 100."""
    driver = trading(breakers=limits)
    driver.enter(quantity=D(HELD))
    for minute in (2, 3, 4):
        tick(driver, minute, 100)
    return driver


def tick(driver: Driver, minute: int, price: int) -> list[Event]:
    return driver.give(MarketSeen(bar(minute, price)), TimeReached(at(minute)))


def ticks(driver: Driver, start: int, *prices: int) -> list[Event]:
    return [event for number, price in enumerate(prices) for event in tick(driver, start + number, price)]


def resume(driver: Driver, scope: Scope = WHOLE, number: int = 1) -> list[Event]:
    return driver.give(StatementGiven(signed(Act.RESUME, scope=scope, nonce=f"resume-{number}")))


def restarted(driver: Driver, records: Sequence[Sealed[Event]] | None = None) -> Driver:
    """Another process, by what the first had on disk."""
    told = driver.records if records is None else records
    engine = Engine(driver.engine.rules, folded(told), Chain(told[-1].sequence, told[-1].hash))
    engine.take_over(driver.engine)
    again = Driver(engine, driver.now)
    again.records = list(told)
    return again


# The ladder of drawdown.


def test_the_ladder_warns_then_permits_reducing_alone_then_halts() -> None:
    driver = holding()
    assert of_breakers(ticks(driver, 5, 88, 88)) == []
    (warned,) = of_breakers(ticks(driver, 7, 88))
    assert warned == Warned(
        scope=WHOLE,
        by=DRAWDOWN,
        reason="equity lies 10.80 % below its highest; soft_fraction is 0.1",
    )
    assert driver.engine.standing().state is ACTIVE
    assert of_breakers(ticks(driver, 8, 88, 87, 86)) == []
    (medium,) = of_breakers(ticks(driver, 11, 75, 75, 75))
    assert isinstance(medium, Halted)
    assert (medium.scope, medium.state, medium.by) == (WHOLE, REDUCE_ONLY, DRAWDOWN)
    assert driver.engine.standing().state is REDUCE_ONLY
    (hard,) = of_breakers(ticks(driver, 14, 60, 60, 60))
    assert isinstance(hard, Halted)
    assert (hard.scope, hard.state) == (WHOLE, HALTED)
    assert driver.engine.standing().state is HALTED


def test_an_order_after_it_is_denied_and_told_by_whom() -> None:
    driver = holding()
    ticks(driver, 5, 60, 60, 60)
    (decided,) = driver.propose(proposal(2))
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "trading_state"
    (check,) = [each for each in decided.decision.checks if each.code == "trading_state"]
    assert f"account SIM-1 was halted by {DRAWDOWN}" in str(check.observed)


def test_it_is_on_record_before_the_next_input_is_decided() -> None:
    driver = holding()
    ticks(driver, 5, 60, 60)
    step = driver.hear(TimeReached(at(7)))
    kinds = [type(record.event) for record in step.records]
    assert kinds.index(EquitySampled) < kinds.index(Halted)
    assert driver.engine.standing().state is HALTED


def test_it_warns_again_after_the_account_has_climbed_out() -> None:
    driver = holding()
    assert len(of_breakers(ticks(driver, 5, 88, 88, 88, 95, 95, 95, 88, 88, 88))) == 1
    assert len(of_breakers(ticks(driver, 14, 100, 100, 100, 88, 88, 88))) == 1


@pytest.mark.parametrize("price", (1, 10_000))
def test_one_bad_tick_trips_nothing(price: int) -> None:
    driver = holding()
    assert of_breakers(ticks(driver, 5, price, 100, 100, 100, 100)) == []


def transfer(number: int, amount: int) -> AccountActivity:
    return posted(f"t-{number}", ActivityKind.TRANSFER, amount=D(amount))


@pytest.mark.parametrize("amount", (-50_000, 1_000_000))
def test_money_that_comes_or_goes_hides_no_loss_and_makes_none(amount: int) -> None:
    driver = holding()
    assert of_breakers(ticks(driver, 5, 89, 89, 89)) == []
    driver.give(AccountStated(broker_statement(activities=(transfer(1, amount),))))
    assert of_breakers(ticks(driver, 8, 89, 89, 89)) == []
    more = (87,) * 3 if amount < 0 else (20,) * 3
    assert [type(each) for each in of_breakers(ticks(driver, 11, *more))] == [Warned]


def test_a_deposit_in_the_middle_of_a_fall_does_not_stop_it() -> None:
    driver = holding()
    ticks(driver, 5, 78, 78)
    driver.give(AccountStated(broker_statement(activities=(transfer(1, 300_000),))))
    assert [type(each) for each in of_breakers(tick(driver, 7, 78))] == [Warned]


def test_only_a_person_lifts_it_and_then_it_counts_from_there() -> None:
    driver = holding()
    ticks(driver, 5, 75, 75, 75)
    assert of_breakers(ticks(driver, 8, 100, 100, 100)) == []
    assert driver.engine.standing().state is REDUCE_ONLY
    ticks(driver, 11, 75, 75, 75)
    assert [type(each) for each in resume(driver)] == [Resumed]
    assert driver.engine.standing().state is ACTIVE
    assert of_breakers(ticks(driver, 14, 75, 75, 75)) == []
    assert len(of_breakers(ticks(driver, 17, 50, 50, 50))) == 1


def test_lifting_what_a_person_halted_forgets_no_loss() -> None:
    driver = holding()
    ticks(driver, 5, 85, 85, 85)
    driver.give(HaltAsked(WHOLE, HALTED, "ada", "lunch"))
    resume(driver)
    assert [type(each) for each in of_breakers(ticks(driver, 8, 77, 77, 77))] == [Halted]


def test_what_was_due_when_the_process_died_is_recorded_by_the_next() -> None:
    driver = holding()
    ticks(driver, 5, 60, 60, 60)
    at_death = [type(record.event) for record in driver.records].index(Halted)
    again = restarted(driver, driver.records[:at_death])
    again.start(epoch=2)
    found = again.give(LinkSeen("broker", up=True, reason="connected"))
    assert of_breakers(found) == of_breakers([driver.records[at_death].event])


# Loss streaks.


def round_trip(driver: Driver, number: int, leaves_at: int) -> list[Event]:
    """A position of the agent, entered at 100 and left at the price."""
    driver.enter(number)
    close = closing_proposal(100 + number)
    driver.propose(close)
    entry = driver.order(proposal(number).id)
    found = [event for leg in entry.protection for event in driver.report(K.CANCELED, leg.id)]
    return [*found, *driver.fill(close.id, f"close-{number}", 10, leaves_at)]


def test_one_more_loss_in_a_row_than_permitted_lets_the_agent_only_reduce() -> None:
    driver = trading(breakers=structs.replace(BREAKERS, loss_streak_max=2))
    found = [of_breakers(round_trip(driver, number, price)) for number, price in enumerate((99, 98, 101), 1)]
    assert found == [[], [], []]
    assert of_breakers([*round_trip(driver, 4, 99), *round_trip(driver, 5, 99)]) == []
    (tripped,) = of_breakers(round_trip(driver, 6, 99))
    assert isinstance(tripped, Halted)
    assert (tripped.scope, tripped.state, tripped.by) == (MINE, REDUCE_ONLY, LOSSES)
    assert driver.engine.standing(proposal(7)).state is REDUCE_ONLY
    assert driver.engine.standing().state is ACTIVE
    resume(driver, MINE)
    assert of_breakers([*round_trip(driver, 7, 99), *round_trip(driver, 8, 99)]) == []
    assert len(of_breakers(round_trip(driver, 9, 99))) == 1


# Rejections.


def reject(driver: Driver, number: int, **changes: Any) -> list[Event]:
    driver.propose(proposal(number, **changes))
    return driver.report(K.REJECTED, proposal(number, **changes).id)


def test_more_rejections_than_permitted_within_the_time_halt_that_agent_alone() -> None:
    driver = trading(breakers=structs.replace(BREAKERS, rejects_max=3, reject_minutes=5))
    assert of_breakers([event for number in (1, 2, 3) for event in reject(driver, number)]) == []
    bot: dict[str, Any] = {
        "agent": OTHER_AGENT,
        "strategy": StrategyName(""),
        "legs": (Leg(CHARLY),),
    }
    assert of_breakers(reject(driver, 4, **bot)) == []
    (tripped,) = of_breakers(reject(driver, 5))
    assert isinstance(tripped, Halted)
    assert (tripped.scope, tripped.state, tripped.by) == (MINE, HALTED, REJECTIONS)
    assert driver.engine.standing(proposal(6)).state is HALTED
    assert driver.engine.standing(proposal(6, **bot)).state is ACTIVE
    resume(driver, MINE)
    assert of_breakers([event for number in (7, 8, 9) for event in reject(driver, number)]) == []


# The broker's latency.


def answered(driver: Driver, number: int, minutes: int) -> list[Event]:
    driver.propose(proposal(number))
    driver.now = Instant(driver.now + (at(minutes) - at(0)))
    return driver.accept(proposal(number).id)


SLOW = structs.replace(BREAKERS, broker_latency_seconds_max=60, broker_latency_answers=2)


def test_slow_answers_in_a_row_let_the_account_only_reduce() -> None:
    driver = trading(breakers=SLOW)
    assert of_breakers(answered(driver, 1, 2)) == []
    assert of_breakers(answered(driver, 2, 1)) == []
    assert of_breakers(answered(driver, 3, 2)) == []
    (tripped,) = of_breakers(answered(driver, 4, 2))
    assert isinstance(tripped, Halted)
    assert (tripped.scope, tripped.state, tripped.by) == (WHOLE, REDUCE_ONLY, LATENCY)


def test_an_answer_that_never_came_was_slow_and_a_second_word_is_no_answer() -> None:
    driver = trading(breakers=SLOW)
    driver.propose(proposal(1), proposal(2))
    assert of_breakers(driver.report(K.ANSWER_LOST, proposal(1).id)) == []
    assert of_breakers(driver.accept(proposal(1).id)) == []
    assert len(of_breakers(driver.report(K.ANSWER_LOST, proposal(2).id))) == 1


def test_what_nobody_listened_for_was_not_slow() -> None:
    driver = trading(breakers=SLOW)
    driver.propose(proposal(1), proposal(2), proposal(3))
    again = restarted(driver)
    lost = [each for each in again.start(epoch=2) if isinstance(each, AnswerLost)]
    assert len(lost) == 3
    assert of_breakers(again.give(LinkSeen("broker", up=True, reason="connected"))) == []


# Whatever happens.

_HISTORY = st.lists(
    st.one_of(
        st.tuples(st.just("ticks"), st.lists(st.integers(1, 220), min_size=1, max_size=4)),
        st.tuples(st.just("fall"), st.integers(1, 220)),
        st.tuples(st.just("transfer"), st.integers(-120_000, 200_000).filter(bool)),
        st.tuples(st.just("resume"), st.sampled_from((WHOLE, EVERYTHING, MINE))),
    ),
    max_size=14,
)


def oracle(records: Sequence[Sealed[Event]]) -> Iterator[TradingState]:
    """What the ladder has to have said by these records: with every sample kept, in fractions."""
    told: list[Fraction] = []
    high, is_emptied, said = Fraction(0), False, -1
    fractions = (LADDER.soft_fraction, LADDER.medium_fraction, LADDER.hard_fraction)
    for record in records:
        match record.event:
            case EquitySampled(equity=equity):
                told.append(Fraction(equity))
                high = max(high, min(told[-3:]) if len(told) >= 3 else Fraction(0))
            case CashPosted(activity=activity):
                middle, amount = sorted(told[-3:])[1], Fraction(activity.amount)
                if high > 0 and middle > 0 and middle + amount > 0:
                    ratio = (middle + amount) / middle
                    high, told = high * ratio, [each * ratio for each in told]
                else:
                    is_emptied, told = high > 0 or is_emptied, [each + amount for each in told]
            case Resumed(scope=scope) if said > 0 and scope in (WHOLE, EVERYTHING):
                high, is_emptied, said = max(Fraction(0), min(told[-3:])), False, -1
            case _:
                continue
        lies = Fraction(0)
        if high > 0:
            lies = Fraction(1) if is_emptied else max(Fraction(0), high - max(told[-3:])) / high
        reached = sum(lies >= Fraction(fraction) for fraction in fractions) - 1
        if said == 0 and not lies and isinstance(record.event, EquitySampled):
            said = -1
        if reached > said:
            said = reached
            yield (ACTIVE, REDUCE_ONLY, HALTED)[reached]


@given(_HISTORY)
def test_it_trips_exactly_when_it_should_and_every_restart_knows_it(history: list[tuple[str, Any]]) -> None:
    driver, minute = holding(), 5
    for number, (kind, what) in enumerate(history):
        before = len(driver.records)
        match kind:
            case "ticks" | "fall":
                prices = what if kind == "ticks" else [what] * 3
                ticks(driver, minute, *prices)
                minute += len(prices)
            case "transfer":
                driver.give(AccountStated(broker_statement(activities=(transfer(number, what),))))
            case _:
                resume(driver, what, number)
        for cut in range(before + 1, len(driver.records) + 1):
            following = driver.records[cut : cut + 1]
            due = list(folded(driver.records[:cut]).breakers.due(LADDER, ACCOUNT))
            if due or of_breakers([record.event for record in following]):
                assert due == [record.event for record in following]
        again = restarted(driver)
        assert dump_state(again.engine.state) == dump_state(driver.engine.state)
        driver = again
    said = of_breakers([record.event for record in driver.records])
    states = [each.state if isinstance(each, Halted) else ACTIVE for each in said]
    assert states == list(oracle(driver.records))
