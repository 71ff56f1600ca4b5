"""Closing everything at the ladder's last step: opted in, by orders of our own, each position once."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec import structs

from agenttrader.gateway.breakers import BreakerLimits
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import CancelRequested, Decided, Event, Sending
from agenttrader.model.orders import Effect, Leg, OrderState, OrderType, Side
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant
from agenttrader.runtime.breakers import FLATTENER
from agenttrader.runtime.inputs import HaltAsked, LinkSeen, TimeReached
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.builders import ALFA, BRAVO, at, compared, proposal
from agenttrader.testing.driver import Driver
from agenttrader.testing.tripping import HELD, holding, restarted, resume, tick, ticks

D = Decimal
OPTED_IN = structs.replace(
    BREAKERS, soft_fraction=D("0.1"), medium_fraction=D("0.2"), hard_fraction=D("0.3"), flatten=True
)


def closes(events: Sequence[Event]) -> list[Decided]:
    return [each for each in events if isinstance(each, Decided) and each.proposal.agent == FLATTENER]


def left(events: Sequence[Event]) -> list[tuple[str, Decimal]]:
    """What left for the broker to make a position smaller."""
    return [
        (each.instruction.legs[0].symbol, each.instruction.quantity * each.instruction.side.sign)
        for each in events
        if isinstance(each, Sending)
    ]


def fallen(limits: BreakerLimits = OPTED_IN) -> tuple[Driver, list[Event]]:
    driver = holding(limits)
    return driver, ticks(driver, 5, 60, 60, 60)


def end_protection(driver: Driver) -> list[Event]:
    """The broker confirms the end of what protected the position."""
    entry = driver.order(proposal(1).id)
    return [event for leg in entry.protection for event in driver.report(ReportKind.CANCELED, leg.id)]


def test_the_last_step_closes_all_that_is_held_by_the_procedure() -> None:
    driver, found = fallen()
    (close,) = closes(found)
    assert close.decision.denied_by is None
    asked = close.proposal
    assert (asked.effect, asked.side, asked.quantity, asked.type) == (
        *(Effect.CLOSE, Side.SELL, D(HELD)),
        OrderType.MARKET,
    )
    assert "hard_fraction is 0.3" in asked.reason
    assert left(found) == []
    assert left(end_protection(driver)) == [(ALFA, D(-HELD))]
    driver.fill(asked.id, "out", HELD, 60)
    assert driver.engine.state.book.position(ALFA) == 0
    assert closes(ticks(driver, 8, 60, 60, 60)) == []


def test_not_opted_in_nothing_is_sold() -> None:
    _, found = fallen(structs.replace(OPTED_IN, flatten=False))
    assert closes(found) == []


def test_a_step_short_of_the_last_sells_nothing() -> None:
    driver = holding(OPTED_IN)
    assert closes(ticks(driver, 5, 75, 75, 75, 75)) == []


def test_an_entry_that_works_is_canceled_and_what_it_fills_meanwhile_is_closed() -> None:
    driver = holding(OPTED_IN)
    working = proposal(2, legs=(Leg(BRAVO),))
    driver.propose(working)
    driver.accept(working.id)
    found = ticks(driver, 5, 60, 60, 60)
    assert working.id in [each.order_id for each in found if isinstance(each, CancelRequested)]
    driver.fill(working.id, "late", 4)
    assert [each.proposal.legs[0].symbol for each in closes(tick(driver, 8, 60))] == [BRAVO]


def test_each_position_is_closed_once_however_long_it_takes_and_over_a_restart() -> None:
    driver, found = fallen()
    assert closes(ticks(driver, 8, 60, 60)) == []
    again = restarted(driver)
    again.start(epoch=2)
    again.give(
        LinkSeen("broker", up=True, reason="connected"),
        LinkSeen("marketdata", up=True, reason="connected"),
        compared(),
    )
    assert closes(ticks(again, 10, 60, 60)) == []
    (close,) = closes(found)
    assert left(end_protection(again)) == [(ALFA, D(-HELD))]
    again.fill(close.proposal.id, "out", HELD, 60)
    assert again.engine.state.book.position(ALFA) == 0
    assert closes(ticks(again, 12, 60, 60)) == []


def test_a_process_that_died_between_the_latch_and_the_close_closes_at_the_next_start() -> None:
    driver, found = fallen()
    (close,) = closes(found)
    at_death = next(n for n, record in enumerate(driver.records) if record.event == close)
    again = restarted(driver, driver.records[:at_death])
    again.start(epoch=2)
    again.give(
        LinkSeen("broker", up=True, reason="connected"),
        LinkSeen("marketdata", up=True, reason="connected"),
        compared(),
    )
    assert len(closes(tick(again, 8, 60))) == 1


def test_a_close_that_the_broker_rejects_is_tried_again_in_another_minute() -> None:
    driver, found = fallen()
    end_protection(driver)
    (close,) = closes(found)
    driver.report(ReportKind.REJECTED, close.proposal.id)
    assert closes(driver.give(TimeReached(Instant(at(7) + 1)))) == []
    (second,) = closes(tick(driver, 8, 60))
    assert second.proposal.id != close.proposal.id
    assert driver.order(second.proposal.id).state is OrderState.SENDING


def test_frozen_it_sells_nothing() -> None:
    driver = holding(OPTED_IN)
    driver.give(HaltAsked(EVERYTHING, TradingState.FROZEN, "ada", "hands off"))
    found = closes(ticks(driver, 5, 60, 60, 60))
    assert {each.decision.denied_by for each in found} == {"trading_state"}


def test_a_person_who_resumes_ends_it() -> None:
    driver, found = fallen()
    end_protection(driver)
    (close,) = closes(found)
    driver.report(ReportKind.REJECTED, close.proposal.id)
    resume(driver)
    assert closes(ticks(driver, 8, 60, 60)) == []


@pytest.mark.parametrize("price", (1, 10_000))
def test_one_bad_tick_sells_nothing(price: int) -> None:
    driver = holding(OPTED_IN)
    assert closes(ticks(driver, 5, price, 100, 100, 100)) == []
