"""How comparisons went: counts over restarts, and the halt that an old one is."""

import pytest

from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Reconciled
from agenttrader.model.times import SECOND, Instant
from agenttrader.runtime.inputs import Compared, TimeReached
from agenttrader.testing.builders import at, broker_statement
from agenttrader.testing.driver import Driver, trading

DIFFERS = Break(kind=BreakKind.CASH, ours="1", theirs="2", sentence="the cash differs")
AGE = 300


def compared(*breaks: Break, failure: str = "") -> Compared:
    return Compared("run", None if failure else broker_statement(), breaks, failure)


@pytest.fixture
def driver() -> Driver:
    """It trades, and was compared just now."""
    made = trading(comparison_seconds_max=AGE)
    made.give(compared())
    return made


def reach(driver: Driver, seconds: int) -> list[Reconciled]:
    """What is recorded of comparisons so many seconds after it began to trade."""
    told = driver.give(TimeReached(Instant(at(1) + seconds * SECOND)))
    return [event for event in told if isinstance(event, Reconciled)]


def test_each_run_counts_as_what_came_of_it(driver: Driver) -> None:
    found = driver.engine.state.comparisons
    before = found.runs
    driver.give(compared(), compared(DIFFERS), compared(failure="no answer"), compared(failure="no answer"))
    assert (found.runs - before, found.differing, found.failed) == (4, 1, 2)
    assert found.compared == found.agreed == at(1)


def test_a_failed_run_makes_no_comparison_younger(driver: Driver) -> None:
    reach(driver, 200)
    driver.give(compared(failure="no answer"))
    assert driver.engine.state.comparisons.compared == at(1)


def test_a_comparison_that_is_too_old_is_a_failed_one_once_and_halts_until_one_succeeds(
    driver: Driver,
) -> None:
    assert reach(driver, AGE) == []
    (told,) = reach(driver, AGE + 1)
    assert "last compared at 2026-11-20T14:31:00Z, more than 300 s ago" in told.failure
    assert driver.engine.standing().state is TradingState.HALTED
    assert reach(driver, AGE + 2) == []
    driver.give(compared())
    assert driver.engine.standing().state is TradingState.ACTIVE
    assert reach(driver, 2 * AGE) == []
    assert len(reach(driver, 2 * AGE + 10)) == 1


def test_a_start_has_compared_nothing_yet_and_keeps_what_was_counted(driver: Driver) -> None:
    state = driver.engine.state
    driver.give(compared(DIFFERS))
    runs = state.comparisons.runs
    state.comparisons.begin()
    assert (state.comparisons.compared, state.comparisons.agreed) == (None, None)
    assert (state.comparisons.runs, state.comparisons.differing) == (runs, 1)
    assert list(state.comparisons.outdated(AGE, at(60))) == []
