"""Orders that should have ended: known a minute later, and gone with the order."""

from agenttrader.model.breaks import BreakKind
from agenttrader.model.orders import OrderState
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import MINUTE, Instant
from agenttrader.runtime.inputs import CancelAsked, WindowCloseAsked
from agenttrader.runtime.unended import unended
from agenttrader.testing.builders import AGENT, ALFA, PERSON, proposal
from agenttrader.testing.driver import Driver, trading


def working() -> Driver:
    """One entry that works."""
    driver = trading()
    driver.propose(proposal())
    driver.accept(proposal().id)
    return driver


def found(driver: Driver, after: int) -> list[tuple[BreakKind, str | None]]:
    """The breaks so many nanoseconds from now."""
    return [(each.kind, each.order_id) for each in unended(driver.engine.state, Instant(driver.now + after))]


OVERDUE = [(BreakKind.CANCEL_UNCONFIRMED, proposal().id)]


def test_a_cancel_that_nobody_confirms_is_a_break_after_a_minute() -> None:
    driver = working()
    driver.give(CancelAsked(proposal().id, AGENT, "enough", AGENT))
    assert found(driver, MINUTE) == []
    assert found(driver, MINUTE + 1) == OVERDUE
    (told,) = unended(driver.engine.state, Instant(driver.now + MINUTE + 1))
    assert (told.symbol, told.ours) == (ALFA, "cancel_requested")
    driver.report(ReportKind.CANCELED, proposal().id)
    assert found(driver, MINUTE + 1) == []


def test_an_entry_that_outlives_its_window_is_a_break_whatever_the_broker_answers() -> None:
    driver = working()
    assert found(driver, 60 * MINUTE) == []
    driver.give(WindowCloseAsked(PERSON, "enough"))
    driver.report(ReportKind.CANCEL_REFUSED, proposal().id)
    assert driver.order(proposal().id).state is OrderState.ACCEPTED
    assert found(driver, MINUTE) == []
    assert found(driver, MINUTE + 1) == OVERDUE


def test_protection_goes_on_after_the_window_and_an_unknown_order_is_a_break_of_its_own() -> None:
    driver = trading()
    driver.enter()
    driver.propose(proposal(2))
    driver.report(ReportKind.ANSWER_LOST, proposal(2).id)
    driver.give(WindowCloseAsked(PERSON, "enough"))
    assert found(driver, 60 * MINUTE) == []


def test_without_a_window_before_there_is_nothing_to_outlive() -> None:
    driver = working()
    driver.engine.state.standing.window = None
    assert found(driver, 60 * MINUTE) == []
