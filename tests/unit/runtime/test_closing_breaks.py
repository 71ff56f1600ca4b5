"""A close that is over and has left something bare is a break, whoever ended it."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from agenttrader.model.breaks import BreakKind
from agenttrader.model.events import BreakFound
from agenttrader.model.orders import ExitPlan, Leg, OrderState, Side
from agenttrader.model.reports import ReportKind
from agenttrader.runtime.inputs import CancelAsked, LastLookStopped
from agenttrader.testing.builders import ALFA, BRAVO, closing_proposal, execution, proposal
from agenttrader.testing.driver import Driver, trading

D = Decimal
S, K = OrderState, ReportKind


def breaks(driver: Driver) -> list[tuple[BreakKind, str]]:
    return [(each.kind, each.theirs) for each in driver.engine.state.breaks if each.symbol == ALFA]


@pytest.mark.parametrize("kind", (K.REJECTED, K.EXPIRED, K.CANCELED, K.NOT_SENT))
def test_a_close_that_ends_and_leaves_its_position_bare_is_a_break(kind: ReportKind) -> None:
    driver = trading()
    for leg in driver.enter().protection:
        driver.report(K.CANCELED, leg.id)
    close = closing_proposal()
    driver.propose(close)
    events = driver.report(kind, close.id, reason="not today")
    assert breaks(driver) == [(BreakKind.UNPROTECTED, "0 protected")]
    assert isinstance(events[-1], BreakFound)
    assert events[-1].found.order_id == close.id
    assert driver.report(K.RESTATED, close.id)[1:] == []


def test_a_close_that_fills_in_part_and_ends_is_a_break_and_one_that_fills_is_none() -> None:
    driver = trading()
    for leg in driver.enter().protection:
        driver.report(K.CANCELED, leg.id)
    close = closing_proposal()
    driver.propose(close)
    driver.accept(close.id)
    driver.fill(close.id, "part", 4)
    assert breaks(driver) == []
    driver.report(K.EXPIRED, close.id)
    assert breaks(driver) == [(BreakKind.UNPROTECTED, "0 protected")]
    driver.fill(close.id, "told late", 6)
    assert len(breaks(driver)) == 1


def test_a_close_that_the_last_look_or_a_person_ends_is_a_break_too() -> None:
    for ended_by in ("last look", "person"):
        driver = trading()
        stop, target = (leg.id for leg in driver.enter().protection)
        close = closing_proposal()
        driver.propose(close)
        driver.report(K.CANCELED, target)
        if ended_by == "person":
            driver.give(CancelAsked(close.id, "ada", "enough", None))
        else:
            driver.report(K.CANCELED, stop)
            driver.give(LastLookStopped(close.id, "the switch"))
        assert breaks(driver) == [(BreakKind.UNPROTECTED, "0 protected")], ended_by


def test_what_ends_beside_protection_or_another_close_is_no_break() -> None:
    driver = trading()
    entry = driver.enter()
    driver.propose(closing_proposal(100, quantity=D(1)))
    assert driver.order(closing_proposal(100).id).state is S.DENIED
    for leg in entry.protection:
        driver.report(K.CANCELED, leg.id)
    first, second = closing_proposal(101), closing_proposal(102, quantity=D(5))
    lost = proposal(2, quantity=D(5))
    driver.propose(lost)
    driver.report(K.ANSWER_LOST, lost.id)
    driver.propose(first)
    driver.accept(lost.id)
    driver.fill(lost.id, "after all", 5)
    driver.propose(second)
    driver.report(K.REJECTED, first.id)
    assert (driver.order(first.id).state, driver.order(second.id).state) == (S.REJECTED, S.APPROVED)
    assert breaks(driver) == []


def test_what_a_spread_leaves_of_one_leg_is_a_break() -> None:
    driver = trading()
    book = driver.engine.state.book
    pair = proposal(1, legs=(Leg(ALFA, 1), Leg(BRAVO, -2)), exit_plan=ExitPlan(stop=D(-300)))
    driver.propose(replace(pair, decision_price=D(-100)))
    driver.accept(pair.id)
    for name, symbol, side, quantity in (("a", ALFA, Side.BUY, 10), ("b", BRAVO, Side.SELL, 20)):
        made = execution(name, symbol=symbol, side=side, quantity=D(quantity))
        driver.report(K.FILLED, pair.id, execution=made)
    close = closing_proposal(legs=(Leg(ALFA, 1), Leg(BRAVO, -2)), decision_price=D(-100))
    driver.propose(close)
    (stop,) = driver.order(pair.id).protection
    driver.report(K.FILLED, stop.id, execution=execution("c", symbol=BRAVO, side=Side.BUY, quantity=D(20)))
    driver.report(K.CANCELED, stop.id)
    assert driver.order(close.id).state is S.WITHHELD
    assert book.position(ALFA) == 10
    assert breaks(driver) == [(BreakKind.UNPROTECTED, "0 protected")]
