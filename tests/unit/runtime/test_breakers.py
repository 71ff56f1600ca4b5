"""Breakers over the engine: what is on record trips them, and what they ask for is on record at once."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from agenttrader.model.authority import Scope
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import (
    AnswerLost,
    DayOpened,
    Decided,
    EquitySampled,
    Event,
    Halted,
    Resumed,
    Warned,
)
from agenttrader.model.identifiers import StrategyName
from agenttrader.model.orders import Leg
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import MINUTE, Instant
from agenttrader.runtime.breakers import COMPARISONS, DAY, DRAWDOWN, ERRORS, LATENCY, LOSSES, REJECTIONS
from agenttrader.runtime.inputs import HaltAsked, LinkSeen, MarketSeen, TimeReached
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.builders import CHARLY, OPEN, OTHER_AGENT, at, bar, compared, proposal
from agenttrader.testing.driver import Driver, trading
from agenttrader.testing.tripping import (
    MINE,
    WHOLE,
    answered,
    holding,
    leave,
    move_money,
    of_breakers,
    restarted,
    resume,
    tick,
    ticks,
)

D = Decimal
ACTIVE, REDUCE_ONLY, HALTED, _ = TradingState
K = ReportKind
LADDER = structs.replace(BREAKERS, soft_fraction=D("0.1"), medium_fraction=D("0.2"), hard_fraction=D("0.3"))
NEXT_OPEN = Instant(OPEN + 3 * 24 * 60 * MINUTE)

# The ladder of drawdown.


def test_the_ladder_warns_then_permits_reducing_alone_then_halts() -> None:
    driver = holding(LADDER)
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
    driver = holding(LADDER)
    ticks(driver, 5, 60, 60, 60)
    (decided,) = driver.propose(proposal(2))
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "trading_state"
    (check,) = [each for each in decided.decision.checks if each.code == "trading_state"]
    assert f"account SIM-1 was halted by {DRAWDOWN}" in str(check.observed)


def test_it_is_on_record_before_the_next_input_is_decided() -> None:
    driver = holding(LADDER)
    ticks(driver, 5, 60, 60)
    step = driver.hear(TimeReached(at(7)))
    kinds = [type(record.event) for record in step.records]
    assert kinds.index(EquitySampled) < kinds.index(Halted)
    assert driver.engine.standing().state is HALTED


def test_it_warns_again_after_the_account_has_climbed_out() -> None:
    driver = holding(LADDER)
    assert len(of_breakers(ticks(driver, 5, 88, 88, 88, 95, 95, 95, 88, 88, 88))) == 1
    assert len(of_breakers(ticks(driver, 14, 100, 100, 100, 88, 88, 88))) == 1


@pytest.mark.parametrize("price", (1, 10_000))
def test_one_bad_tick_trips_nothing(price: int) -> None:
    driver = holding(LADDER)
    assert of_breakers(ticks(driver, 5, price, 100, 100, 100, 100)) == []


@pytest.mark.parametrize("amount", (-50_000, 1_000_000))
def test_money_that_comes_or_goes_hides_no_loss_and_makes_none(amount: int) -> None:
    driver = holding(LADDER)
    assert of_breakers(ticks(driver, 5, 89, 89, 89)) == []
    move_money(driver, 1, amount)
    assert of_breakers(ticks(driver, 8, 89, 89, 89)) == []
    more = (87,) * 3 if amount < 0 else (20,) * 3
    assert [type(each) for each in of_breakers(ticks(driver, 11, *more))] == [Warned]


def test_a_deposit_in_the_middle_of_a_fall_does_not_stop_it() -> None:
    driver = holding(LADDER)
    ticks(driver, 5, 78, 78)
    move_money(driver, 1, 300_000)
    assert [type(each) for each in of_breakers(tick(driver, 7, 78))] == [Warned]


def test_only_a_person_lifts_it_and_then_it_counts_from_there() -> None:
    driver = holding(LADDER)
    ticks(driver, 5, 75, 75, 75)
    assert of_breakers(ticks(driver, 8, 100, 100, 100)) == []
    assert driver.engine.standing().state is REDUCE_ONLY
    ticks(driver, 11, 75, 75, 75)
    assert [type(each) for each in resume(driver)] == [Resumed]
    assert driver.engine.standing().state is ACTIVE
    assert of_breakers(ticks(driver, 14, 75, 75, 75)) == []
    assert len(of_breakers(ticks(driver, 17, 50, 50, 50))) == 1


def test_lifting_what_a_person_halted_forgets_no_loss() -> None:
    driver = holding(LADDER)
    ticks(driver, 5, 85, 85, 85)
    driver.give(HaltAsked(WHOLE, HALTED, "ada", "lunch"))
    resume(driver)
    assert [type(each) for each in of_breakers(ticks(driver, 8, 77, 77, 77))] == [Halted]


def test_what_was_due_when_the_process_died_is_recorded_by_the_next() -> None:
    driver = holding(LADDER)
    ticks(driver, 5, 60, 60, 60)
    at_death = [type(record.event) for record in driver.records].index(Halted)
    again = restarted(driver, driver.records[:at_death])
    again.start(epoch=2)
    found = again.give(LinkSeen("broker", up=True, reason="connected"))
    assert of_breakers(found) == of_breakers([driver.records[at_death].event])


def lift(driver: Driver, scope: Scope, number: int = 1) -> None:
    """A person resumes; what had tripped counts anew, and does not trip again by what is past."""
    assert [type(each) for each in resume(driver, scope, number)] == [Resumed]


# Loss streaks.


def round_trip(driver: Driver, number: int, leaves_at: int) -> list[Event]:
    """A position of the agent, entered at 100 and left at the price."""
    driver.enter(number)
    return leave(driver, number, leaves_at)


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
    lift(driver, MINE)
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
    lift(driver, MINE)
    assert of_breakers([event for number in (7, 8, 9) for event in reject(driver, number)]) == []


# The broker's latency.


def slow(driver: Driver, number: int, minutes: int) -> list[Event]:
    driver.propose(proposal(number))
    return answered(driver, number, minutes)


SLOW = structs.replace(BREAKERS, broker_latency_seconds_max=60, broker_latency_answers=2)


def test_slow_answers_in_a_row_let_the_account_only_reduce() -> None:
    driver = trading(breakers=SLOW)
    assert of_breakers(slow(driver, 1, 2)) == []
    assert of_breakers(slow(driver, 2, 1)) == []
    assert of_breakers(slow(driver, 3, 2)) == []
    (tripped,) = of_breakers(slow(driver, 4, 2))
    assert isinstance(tripped, Halted)
    assert (tripped.scope, tripped.state, tripped.by) == (WHOLE, REDUCE_ONLY, LATENCY)
    lift(driver, WHOLE)
    assert of_breakers(slow(driver, 5, 2)) == []


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


# The day's loss.

DAYS = structs.replace(BREAKERS, day_loss_max=D(9_000))


def test_a_lost_day_lets_the_account_only_reduce() -> None:
    driver = holding(DAYS)
    assert of_breakers(ticks(driver, 5, 90, 90, 90, 89, 89)) == []
    (tripped,) = of_breakers(tick(driver, 10, 89))
    assert isinstance(tripped, Halted)
    assert (tripped.scope, tripped.state, tripped.by) == (WHOLE, REDUCE_ONLY, DAY)
    assert tripped.reason == "9900.00 lost since the day's open; day_loss_max is 9000"


@pytest.mark.parametrize("amount", (-50_000, 1_000_000))
def test_money_that_comes_or_goes_hides_no_loss_of_the_day(amount: int) -> None:
    driver = holding(DAYS)
    ticks(driver, 5, 89, 89)
    move_money(driver, 1, amount)
    assert len(of_breakers(tick(driver, 7, 89))) == 1


def test_a_day_counts_from_its_own_open() -> None:
    driver = holding(DAYS)
    ticks(driver, 5, 95, 95, 95)
    minutes = (NEXT_OPEN - OPEN) // MINUTE
    found = ticks(driver, minutes, 89, 89, 89)
    assert [each.session for each in found if isinstance(each, DayOpened)] == ["2026-11-23"]
    assert of_breakers(found) == []
    assert len(of_breakers(ticks(driver, minutes + 3, 78, 78, 78))) == 1


def test_lifted_on_its_day_it_counts_from_there() -> None:
    driver = holding(DAYS)
    ticks(driver, 5, 89, 89, 89)
    lift(driver, WHOLE)
    assert of_breakers(ticks(driver, 8, 80, 80, 80)) == []
    assert len(of_breakers(ticks(driver, 11, 78, 78, 78))) == 1


def test_lifted_it_counts_from_there_and_no_new_day_lifts_it() -> None:
    driver = holding(DAYS)
    ticks(driver, 5, 89, 89, 89)
    minutes = (NEXT_OPEN - OPEN) // MINUTE
    assert of_breakers(ticks(driver, minutes, 89, 89, 89)) == []
    assert driver.engine.state.standing.latches[WHOLE].by == DAY
    lift(driver, WHOLE)
    assert not driver.engine.state.standing.latches
    assert of_breakers(ticks(driver, minutes + 3, 80, 80, 80)) == []
    assert len(of_breakers(ticks(driver, minutes + 6, 78, 78, 78))) == 1


# The broker's errors, and comparisons with it.

FAILING = structs.replace(BREAKERS, errors_max=2, error_minutes=5, breaking_comparisons_max=2)
DIFFERS = Break(kind=BreakKind.CASH, ours="1", theirs="2", sentence="the cash differs")


def test_orders_without_answer_and_comparisons_that_fail_let_the_account_only_reduce() -> None:
    driver = trading(breakers=FAILING)
    driver.propose(proposal(1), proposal(2))
    assert of_breakers(driver.report(K.ANSWER_LOST, proposal(1).id)) == []
    assert of_breakers(driver.give(compared(failure="no answer"))) == []
    (tripped,) = of_breakers(driver.report(K.ANSWER_LOST, proposal(2).id))
    assert isinstance(tripped, Halted)
    assert (tripped.scope, tripped.state, tripped.by) == (WHOLE, REDUCE_ONLY, ERRORS)
    lift(driver, WHOLE)
    assert of_breakers(driver.give(compared(failure="no answer"))) == []


def test_books_that_differ_again_and_again_let_the_account_only_reduce() -> None:
    driver = trading(breakers=FAILING)
    assert of_breakers(driver.give(*[compared(DIFFERS)] * 2, compared(), *[compared(DIFFERS)] * 2)) == []
    assert of_breakers(driver.give(compared(failure="no answer"))) == []
    (tripped,) = of_breakers(driver.give(compared(DIFFERS)))
    assert isinstance(tripped, Halted)
    assert (tripped.scope, tripped.state, tripped.by) == (WHOLE, REDUCE_ONLY, COMPARISONS)
    lift(driver, WHOLE)
    assert of_breakers(driver.give(*[compared(DIFFERS)] * 2)) == []
    assert len(of_breakers(driver.give(compared(DIFFERS)))) == 1
    driver.give(compared())
    assert driver.engine.standing().state is REDUCE_ONLY
    lift(driver, WHOLE, 2)
    assert driver.engine.standing().state is ACTIVE
    assert of_breakers(driver.give(*[compared(DIFFERS)] * 2)) == []


# A machine's clock tells the time more often than bars come.


def told_often(driver: Driver, minute: int, price: int) -> list[Event]:
    """A minute's bar, and the time told every ten seconds until the next."""
    tens = [TimeReached(Instant(at(minute) + number * MINUTE // 6)) for number in range(6)]
    return driver.give(MarketSeen(bar(minute, price)), *tens)


def test_a_price_that_is_bad_for_a_minute_is_one_sample_however_often_the_time_is_told() -> None:
    driver = holding(LADDER)
    found = [
        event for minute, price in enumerate((1, 100, 100), 5) for event in told_often(driver, minute, price)
    ]
    assert of_breakers(found) == []
    assert len([each for each in found if isinstance(each, EquitySampled)]) == 3
    fall = [event for minute in (8, 9, 10) for event in told_often(driver, minute, 75)]
    assert len(of_breakers(fall)) == 1
