"""What is held and not protected for too long is a break, whoever left it bare, and over a restart too."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.model.breaks import BreakKind
from agenttrader.model.events import BreakFound
from agenttrader.model.orders import Effect, ExitPlan, OrderState, OrderType, Side, TimeInForce
from agenttrader.model.records import Chain
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import SECOND, Instant
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import CancelAsked, LastLookStopped, TimeReached
from agenttrader.runtime.protection import bare_units, overdue
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ALFA,
    EXITS,
    MULTIPLIERS,
    at,
    closing_proposal,
    execution,
    proposal,
    rules,
)
from agenttrader.testing.driver import Driver, trading

D = Decimal
S, K = OrderState, ReportKind
LIMIT = 60


def within(seconds: int = LIMIT) -> Rules:
    """Rules by which a position may be bare for so long."""
    made = rules()
    limits = replace(made.limits, account=replace(made.limits.account, unprotected_seconds_max=seconds))
    return replace(made, limits=limits)


def scene() -> Driver:
    """A gateway that trades, one minute into the day."""
    given = within()
    return trading(limits=given.limits)


def later(driver: Driver, seconds: int) -> list[tuple[BreakKind, str]]:
    """What is unprotected, by the breaks, once so much time has gone by."""
    driver.give(TimeReached(Instant(driver.now + seconds * SECOND)))
    return [
        (each.kind, each.theirs)
        for each in driver.engine.state.breaks
        if each.symbol == ALFA and each.kind is BreakKind.UNPROTECTED
    ]


BARE = [(BreakKind.UNPROTECTED, "0 protected")]


def without_protection(driver: Driver, **changes: Any) -> None:
    """The entry's legs end, and nothing takes their place."""
    for leg in driver.enter(**changes).protection:
        driver.report(K.CANCELED, leg.id)


@pytest.mark.parametrize("side", Side)
def test_a_position_that_no_stop_faces_is_a_break_when_its_time_is_over(side: Side) -> None:
    driver = scene()
    plan = ExitPlan(stop=D(95), target=D(110)) if side is Side.BUY else ExitPlan(stop=D(105), target=D(90))
    without_protection(driver, side=side, exit_plan=plan)
    assert later(driver, LIMIT) == []
    assert later(driver, 1) == BARE
    (found,) = [each for each in driver.engine.state.breaks if each.kind is BreakKind.UNPROTECTED]
    assert found.ours == f"{'10' if side is Side.BUY else '-10'} held"
    assert "2026-11-20T14:31:00Z" in found.sentence


def test_it_is_told_once_for_each_time_that_it_is_bare() -> None:
    driver = scene()
    without_protection(driver)
    assert later(driver, LIMIT + 1) == BARE
    assert later(driver, LIMIT + 1) == BARE
    close = closing_proposal()
    driver.propose(replace(close, agent=EXITS))
    driver.accept(close.id)
    driver.fill(close.id, "out", 10)
    assert ALFA not in driver.engine.state.bare
    assert later(driver, LIMIT + 1) == BARE, "a person accepts it; it does not go by itself"


def test_a_stop_that_rests_covers_and_one_that_may_not_be_there_does_not() -> None:
    driver = scene()
    stop, target = driver.enter().protection
    assert later(driver, LIMIT + 1) == []
    driver.give(CancelAsked(stop.id, "ada", "mine to do", None))
    assert stop.state is S.CANCEL_REQUESTED
    assert later(driver, LIMIT) == []
    driver.report(K.CANCEL_REFUSED, stop.id)
    assert later(driver, 1) == []
    driver.report(K.CANCELED, target.id)
    assert later(driver, LIMIT + 1) == []
    driver.report(K.SUSPENDED, stop.id)
    assert later(driver, LIMIT + 1) == BARE


def test_what_has_filled_of_an_entry_that_works_is_bare() -> None:
    """Brokers arm the legs of a bracket when the whole of it has filled."""
    driver = scene()
    entry = proposal(type=OrderType.LIMIT, limit_price=D(100))
    driver.propose(entry)
    driver.accept(entry.id)
    driver.fill(entry.id, "a", 4)
    assert bare_units(driver.engine.state.book, ALFA) == 4
    driver.give(TimeReached(Instant(driver.now + 30 * SECOND)))
    driver.fill(entry.id, "b", 6)
    assert driver.engine.state.bare == {}
    assert later(driver, LIMIT + 1) == []


def test_what_covers_only_a_part_leaves_the_rest_bare() -> None:
    driver = scene()
    without_protection(driver)
    stop = proposal(
        7,
        side=Side.SELL,
        quantity=D(6),
        effect=Effect.REDUCE,
        type=OrderType.STOP,
        stop_price=D(95),
        time_in_force=TimeInForce.GTC,
        exit_plan=None,
    )
    driver.propose(stop)
    driver.accept(stop.id)
    assert bare_units(driver.engine.state.book, ALFA) == 4
    assert later(driver, LIMIT + 1) == [(BreakKind.UNPROTECTED, "6 protected")]


@pytest.mark.parametrize("kind", (K.REJECTED, K.EXPIRED, K.CANCELED, K.NOT_SENT))
def test_a_close_that_works_is_waited_for_and_its_time_counts(kind: ReportKind) -> None:
    driver = scene()
    without_protection(driver)
    close = closing_proposal()
    driver.propose(close)
    assert later(driver, 10 * LIMIT) == []
    driver.report(kind, close.id, reason="not today")
    assert later(driver, 1) == BARE


def test_a_close_that_the_last_look_or_a_person_ends_leaves_a_break_too() -> None:
    for ended_by in ("last look", "person"):
        driver = scene()
        stop, target = (leg.id for leg in driver.enter().protection)
        close = closing_proposal()
        driver.propose(close)
        driver.report(K.CANCELED, target)
        if ended_by == "person":
            driver.give(CancelAsked(close.id, "ada", "enough", None))
        driver.report(K.CANCELED, stop)
        if ended_by == "last look":
            driver.give(LastLookStopped(close.id, "the switch"))
        assert later(driver, LIMIT) == []
        assert later(driver, 1) == BARE, ended_by


def test_what_no_entry_made_is_a_break_at_once() -> None:
    """An exit that fills further than was held, by the broker's error: nobody planned what is held now."""
    driver = scene()
    without_protection(driver)
    driver.propose(closing_proposal())
    driver.report(
        K.FILLED, closing_proposal().id, execution=execution("too much", side=Side.SELL, quantity=D(15))
    )
    assert driver.engine.state.book.position(ALFA) == -5
    assert [each[0] for each in later(driver, 1)] == [BreakKind.UNPROTECTED]
    assert any("no exit plan is known" in each.sentence for each in driver.engine.state.breaks)


def test_a_restart_does_not_set_the_clock_back_nor_tell_again() -> None:
    driver = scene()
    without_protection(driver)
    assert later(driver, 40) == []
    state, head = State(MULTIPLIERS), driver.records[-1]
    for sealed in driver.records:
        state.apply(sealed)
    assert state.bare == driver.engine.state.bare
    assert state.bare[ALFA].since == at(1)
    again = Driver(Engine(driver.engine.rules, state, Chain(head.sequence, head.hash)), driver.now)
    again.start(2)
    assert later(again, 20) == []
    assert later(again, 1) == BARE
    found = [record.event for record in again.records if isinstance(record.event, BreakFound)]
    assert len(found) == 1
    folded = State(MULTIPLIERS)
    for sealed in (*driver.records, *again.records):
        folded.apply(sealed)
    assert list(overdue(folded.book, folded.bare, again.engine.rules.limits.account, at(300))) == []
