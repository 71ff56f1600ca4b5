"""The clock: one that goes back or differs from the broker's is latched; the data's own time is none."""

from collections.abc import Sequence

from msgspec import structs

from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Event, Halted
from agenttrader.model.times import SECOND, Instant
from agenttrader.runtime.breakers import CLOCK
from agenttrader.runtime.inputs import AccountStated, Input, LinkSeen
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.builders import OPEN, authority, broker_statement
from agenttrader.testing.driver import Driver, at_rest
from agenttrader.testing.tripping import WHOLE, of_breakers, resume

LIMITS = structs.replace(BREAKERS, clock_seconds_max=1)
LATER = Instant(OPEN + 60 * SECOND)


def at_a_broker(*, is_simulated: bool = False) -> Driver:
    return at_rest(LATER, breakers=LIMITS, authority=authority(is_simulated=is_simulated))


def hear(driver: Driver, nanoseconds: int, received: Input | None = None) -> list[Event]:
    """What is recorded of an input, where the clock says so many nanoseconds after `LATER`."""
    told = received or LinkSeen("broker", up=True, reason="connected")
    step = driver.engine.handle(told, Instant(LATER + nanoseconds))
    return [record.event for record in step.records]


def stated(nanoseconds: int) -> AccountStated:
    return AccountStated(broker_statement(time=Instant(LATER + nanoseconds)))


def reasons(events: Sequence[Event]) -> list[str]:
    found = of_breakers(events)
    assert all(isinstance(each, Halted) and each.scope == WHOLE and each.by == CLOCK for each in found)
    assert all(isinstance(each, Halted) and each.state is TradingState.REDUCE_ONLY for each in found)
    return [each.reason for each in found]


def test_a_clock_that_goes_back_is_latched_at_the_first_thing_that_is_heard() -> None:
    driver = at_a_broker()
    assert reasons(hear(driver, -SECOND)) == []
    assert reasons(hear(driver, -2 * SECOND)) == ["our clock went back by 2.000 s; clock_seconds_max is 1"]
    assert reasons(hear(driver, -3 * SECOND)) == []
    assert driver.engine.state.standing.latches[WHOLE].by == CLOCK


def test_one_that_lies_from_the_brokers_is_latched_either_way() -> None:
    for late in (2, -2):
        driver = at_a_broker()
        assert reasons(hear(driver, 0, stated(late * SECOND // 2))) == []
        way = "behind" if late > 0 else "ahead of"
        sentence = f"our clock lies 2.000 s {way} the broker's; clock_seconds_max is 1"
        assert reasons(hear(driver, 0, stated(late * SECOND))) == [sentence]


def test_one_that_goes_back_before_a_restart_can_hide_nothing() -> None:
    """What is on record tells the next process, too."""
    driver = at_a_broker()
    driver.records.clear()
    step = driver.engine.start(driver.engine.state.segment, Instant(LATER - 3600 * SECOND))  # type: ignore[arg-type]
    assert {record.time for record in step.records} == {LATER}
    assert len(reasons(hear(driver, -3600 * SECOND))) == 1


def test_lifted_too_early_it_is_latched_again() -> None:
    driver = at_a_broker()
    hear(driver, -2 * SECOND)
    resume(driver)
    assert len(reasons(hear(driver, -2 * SECOND))) == 1
    resume(driver, number=2)
    assert reasons(hear(driver, SECOND)) == []


def test_the_datas_own_time_is_no_clock() -> None:
    driver = at_a_broker(is_simulated=True)
    assert reasons(hear(driver, -3600 * SECOND)) == []
    assert reasons(hear(driver, 0, stated(-3600 * SECOND))) == []
