"""Silence: what is not heard of while it trades is latched, a pause and the night are no silence."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Decided, Event, Halted
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Option
from agenttrader.model.market import StatusChange, TradingStatus
from agenttrader.model.times import MINUTE, Instant
from agenttrader.runtime.breakers import STALE
from agenttrader.runtime.inputs import AccountStated, MarketSeen, TimeReached
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.builders import (
    ALFA,
    BRAVO,
    CHARLY,
    OPEN,
    at,
    bar,
    broker_statement,
    instruments,
    proposal,
)
from agenttrader.testing.driver import Driver, at_rest, trading
from agenttrader.testing.tripping import WHOLE, of_breakers, restarted, resume

LIMITS = structs.replace(BREAKERS, stale_seconds_max=300, feed_stale_seconds_max=120)
EVERY = (ALFA, BRAVO, CHARLY)
OF_ALFA = Scope(ScopeKind.SYMBOL, ALFA)


def minutes(driver: Driver, first: int, last: int, *symbols: Symbol) -> list[Event]:
    """Minutes in which only these symbols are heard of."""
    return [
        event
        for minute in range(first, last + 1)
        for event in driver.give(*(MarketSeen(bar(minute, 100, each)) for each in symbols), reached(minute))
    ]


def reached(minute: int) -> TimeReached:
    return TimeReached(at(minute))


def status(minute: int, status: TradingStatus) -> StatusChange:
    return StatusChange(symbol=ALFA, time=at(minute), status=status, reason="")


def stale(events: Sequence[Event]) -> list[tuple[Scope, str]]:
    found = of_breakers(events)
    assert all(isinstance(each, Halted) and each.state is TradingState.REDUCE_ONLY for each in found)
    return [(each.scope, each.reason) for each in found if each.by == STALE]


def test_a_silent_symbol_is_latched_alone_and_once() -> None:
    driver = trading(breakers=LIMITS)
    assert stale(minutes(driver, 2, 6, BRAVO, CHARLY)) == []
    ((scope, reason),) = stale(minutes(driver, 7, 7, BRAVO, CHARLY))
    assert scope == OF_ALFA
    assert reason == "nothing was heard of ALFA for 360 s while it trades; stale_seconds_max is 300"
    assert driver.engine.standing(proposal(1)).state is TradingState.REDUCE_ONLY
    assert driver.engine.standing().state is TradingState.ACTIVE
    assert stale(minutes(driver, 8, 20, *EVERY)) == []
    assert driver.engine.standing(proposal(1)).state is TradingState.REDUCE_ONLY


def test_a_resumed_symbol_that_is_silent_still_is_latched_again() -> None:
    driver = trading(breakers=LIMITS)
    minutes(driver, 2, 7, BRAVO, CHARLY)
    resume(driver, OF_ALFA)
    assert len(stale(minutes(driver, 8, 8, BRAVO, CHARLY))) == 1
    resume(driver, OF_ALFA, 2)
    assert stale(minutes(driver, 9, 14, *EVERY)) == []


def test_a_silent_feed_is_latched_for_the_account_and_for_no_symbol() -> None:
    driver = trading(breakers=LIMITS)
    assert stale(minutes(driver, 2, 3)) == []
    ((scope, reason),) = stale(minutes(driver, 4, 4))
    assert scope == WHOLE
    assert reason.endswith("any symbol for 180 s while it trades; feed_stale_seconds_max is 120")
    assert stale(minutes(driver, 5, 20)) == []
    assert driver.engine.standing().state is TradingState.REDUCE_ONLY


def test_a_pause_of_the_exchange_is_no_silence_nor_are_the_minutes_after_it() -> None:
    driver = trading(breakers=LIMITS)
    driver.give(MarketSeen(status(1, TradingStatus.HALTED)))
    assert stale(minutes(driver, 2, 20, BRAVO, CHARLY)) == []
    driver.give(MarketSeen(status(20, TradingStatus.TRADING)))
    assert stale(minutes(driver, 21, 25, BRAVO, CHARLY)) == []
    assert len(stale(minutes(driver, 26, 26, BRAVO, CHARLY))) == 1


def test_the_night_is_no_silence() -> None:
    driver = trading(breakers=LIMITS)
    tomorrow = 3 * 24 * 60
    close = (6 * 60) + 30
    for minute in range(2, close):
        driver.give(*(MarketSeen(bar(minute, 100, each)) for each in EVERY), reached(minute))
    found = driver.give(reached(close + 60), reached(tomorrow - 1), reached(tomorrow), reached(tomorrow + 2))
    assert stale(found) == []
    assert [scope for scope, _ in stale(driver.give(reached(tomorrow + 3)))] == [WHOLE]


def test_another_process_waits_from_its_own_start_and_keeps_the_latch() -> None:
    driver = trading(breakers=LIMITS)
    minutes(driver, 2, 6, BRAVO, CHARLY)
    again = restarted(driver)
    again.start(epoch=2)
    assert stale(minutes(again, 7, 12, BRAVO, CHARLY)) == []
    assert len(stale(minutes(again, 13, 13, BRAVO, CHARLY))) == 1
    third = restarted(again)
    third.start(epoch=3)
    assert stale(minutes(third, 14, 30, BRAVO, CHARLY)) == []
    assert third.engine.state.standing.latches[OF_ALFA].by == STALE


def test_what_was_never_heard_of_is_not_silent_and_has_no_price() -> None:
    driver = trading(breakers=LIMITS)
    driver.engine.market.heard.pop(ALFA)
    driver.engine.market.forget(ALFA)
    assert stale(minutes(driver, 2, 30, BRAVO, CHARLY)) == []
    (decided,) = driver.propose(proposal(1))
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "quote"


def test_an_option_is_not_judged() -> None:
    cent, one = Decimal("0.01"), Decimal(1)
    option = Option(
        symbol=ALFA, tick=cent, lot=one, underlying=BRAVO, expiry="2026-12-18", right="call", strike=one
    )
    driver = trading(breakers=LIMITS, instruments=instruments() | {ALFA: option})
    assert stale(minutes(driver, 2, 30, BRAVO, CHARLY)) == []


def test_before_the_open_nothing_is_silent_and_it_counts_from_there() -> None:
    driver = at_rest(Instant(OPEN - 60 * MINUTE), breakers=LIMITS)
    driver.give(AccountStated(broker_statement()))
    early = [TimeReached(Instant(OPEN - minute * MINUTE)) for minute in range(59, 0, -1)]
    found = driver.give(MarketSeen(bar(-59)), *early, *map(reached, range(3)))
    assert stale(found) == []
    assert [scope for scope, _ in stale(driver.give(reached(3)))] == [WHOLE]


@given(st.lists(st.sets(st.sampled_from(EVERY)), max_size=25))
def test_it_latches_what_was_silent_for_too_long_and_nothing_else(heard: list[set[Symbol]]) -> None:
    """By an oracle that goes over the minutes: five are permitted of a symbol, two of all together."""
    driver = trading(breakers=LIMITS)
    last, latched = dict.fromkeys(EVERY, 1), set[Scope]()
    for minute, symbols in enumerate(heard, 2):
        last |= dict.fromkeys(symbols, minute)
        if minute - max(last.values()) > 2:
            latched.add(WHOLE)
        elif WHOLE not in latched:
            latched |= {Scope(ScopeKind.SYMBOL, each) for each in EVERY if minute - last[each] > 5}
        minutes(driver, minute, minute, *sorted(symbols))
        assert set(driver.engine.state.standing.latches) == latched
