"""Every breaker as a person is shown it: armed, counting, warned, tripped, and the way back."""

from decimal import Decimal

from msgspec import structs

from agenttrader.app.gateway.breaker_views import BreakerBody, BreakerState, breakers_of
from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.orders import ExitPlan
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import rfc3339
from agenttrader.runtime.breakers import DAY, DRAWDOWN, ERRORS, LATENCY, LOSSES, REJECTIONS, STALE
from agenttrader.runtime.entries import REPEATS
from agenttrader.runtime.inputs import HaltAsked
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.builders import AGENT, ALFA, OTHER_AGENT, at, proposal
from agenttrader.testing.driver import Driver, trading
from agenttrader.testing.tripping import MINE, WHOLE, answered, holding, resume, ticks

D = Decimal
ARMED, COUNTING, WARNED, TRIPPED = BreakerState
LIMITS = structs.replace(
    BREAKERS,
    soft_fraction=D("0.1"),
    medium_fraction=D("0.2"),
    hard_fraction=D("0.3"),
    day_loss_max=D(9_000),
    rejects_max=1,
    reject_minutes=5,
    errors_max=2,
    error_minutes=5,
    broker_latency_seconds_max=60,
    broker_latency_answers=2,
)


def shown(driver: Driver) -> dict[tuple[str, Scope], BreakerBody]:
    return {(each.name, each.scope): each for each in breakers_of(driver.engine, driver.now)}


def test_every_breaker_is_there_for_the_account_and_for_each_agent_that_may_open() -> None:
    found = shown(trading(breakers=LIMITS))
    of_account = {name for name, scope in found if scope == WHOLE}
    assert len(of_account) == 7
    for agent in (AGENT, OTHER_AGENT):
        scope = Scope(ScopeKind.AGENT, agent)
        assert {name for name, each in found if each == scope} == {LOSSES, REJECTIONS, REPEATS}
    assert len(found) == 13
    assert {each.state for each in found.values()} == {ARMED}
    assert found[DAY, WHOLE].counted == "too few samples yet, of 9000"


def test_what_counts_says_how_far() -> None:
    driver = holding(LIMITS)
    ticks(driver, 5, 95, 95, 95)
    plan = ExitPlan(stop=D(90), target=D(110))
    driver.propose(*(proposal(number, exit_plan=plan) for number in (2, 3, 4)))
    driver.report(ReportKind.REJECTED, proposal(2).id)
    driver.report(ReportKind.ANSWER_LOST, proposal(3).id)
    answered(driver, 4, 2)
    found = shown(driver)
    for key, words in {
        (DRAWDOWN, WHOLE): "0.0450 below the highest equity, of 0.1, 0.2, 0.3",
        (DAY, WHOLE): "4500.00 lost today, of 9000",
        (REJECTIONS, MINE): "1 rejections within 5 minutes, of 1",
        (ERRORS, WHOLE): "1 errors within 5 minutes, of 2",
    }.items():
        assert (found[key].state, found[key].counted) == (COUNTING, words)


def test_what_is_past_is_not_counted() -> None:
    driver = trading(breakers=LIMITS)
    driver.propose(proposal(2))
    driver.report(ReportKind.REJECTED, proposal(2).id)
    assert shown(driver)[REJECTIONS, MINE].state is COUNTING
    driver.now = at(6)
    assert shown(driver)[REJECTIONS, MINE].state is ARMED


def test_a_warning_and_what_tripped_say_since_when_why_and_how_it_ends() -> None:
    driver = holding(LIMITS)
    ticks(driver, 5, 88, 88, 88)
    found = shown(driver)
    warned, tripped = found[DRAWDOWN, WHOLE], found[DAY, WHOLE]
    assert (warned.state, warned.halts, warned.way_back) == (WARNED, None, "")
    assert (tripped.state, tripped.halts, tripped.since, tripped.way_back) == (
        *(TRIPPED, TradingState.REDUCE_ONLY),
        rfc3339(at(7)),
        "agenttrader resume --scope account:SIM-1",
    )
    assert tripped.reason == "10800.00 lost since the day's open; day_loss_max is 9000"
    resume(driver)
    assert shown(driver)[DAY, WHOLE].state is ARMED


def test_a_silent_symbol_is_told_while_it_is_latched() -> None:
    driver = trading(breakers=structs.replace(LIMITS, stale_seconds_max=60))
    ticks(driver, 2, 100, 100, 100)
    silent = [scope.name for name, scope in shown(driver) if name == STALE and scope.kind is ScopeKind.SYMBOL]
    assert silent
    assert ALFA not in silent


def test_a_halt_by_the_check_of_repeats_is_one() -> None:
    driver = trading(breakers=LIMITS)
    driver.give(HaltAsked(MINE, TradingState.HALTED, REPEATS, "the same ten times"))
    found = shown(driver)[REPEATS, MINE]
    assert (found.state, found.halts, found.reason) == (TRIPPED, TradingState.HALTED, "the same ten times")


def test_slow_answers_count_from_the_last_quick_one() -> None:
    driver = trading(breakers=structs.replace(LIMITS, broker_latency_answers=3))
    for number, minutes in enumerate((2, 0, 2), 1):
        driver.propose(proposal(number))
        answered(driver, number, minutes)
    assert shown(driver)[LATENCY, WHOLE].counted == "1 slow answers in a row, of 3"
