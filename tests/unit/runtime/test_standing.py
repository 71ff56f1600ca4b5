"""Latches, the window and used statements, folded."""

from agenttrader.model.authority import EVERYTHING, Act, Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import (
    Event,
    Halted,
    Resumed,
    SegmentSealed,
    WindowClosed,
    WindowExtended,
    WindowOpened,
    WindowResumed,
    WindowSuspended,
)
from agenttrader.runtime.standing import Standing, severest, words_of
from agenttrader.testing.builders import ACCOUNT, AGENT, ALFA, BRAVO, OPEN, STRATEGY, signed

ACTIVE, REDUCE_ONLY, HALTED, FROZEN = TradingState
OF_ALFA = Scope(ScopeKind.SYMBOL, ALFA)


def halted(state: TradingState = HALTED, scope: Scope = EVERYTHING, reason: str = "why") -> Halted:
    return Halted(scope=scope, state=state, by="ada", reason=reason)


def after(*events: Event) -> Standing:
    standing = Standing()
    for event in events:
        standing.apply(event, OPEN)
    return standing


def test_a_latch_gives_way_only_to_one_as_severe() -> None:
    standing = after(halted(HALTED, reason="first"), halted(REDUCE_ONLY, reason="milder"))
    assert standing.latches[EVERYTHING].reason == "first"
    standing.apply(halted(HALTED, reason="second"), OPEN)
    assert standing.latches[EVERYTHING].reason == "second"
    standing.apply(halted(FROZEN, reason="severer"), OPEN)
    assert standing.latches[EVERYTHING].state is FROZEN


def test_resuming_a_scope_lifts_its_latch_alone_and_everything_lifts_all() -> None:
    events = (halted(), halted(scope=OF_ALFA))
    resumed = Resumed(scope=OF_ALFA, signed=signed(Act.RESUME, nonce="one"))
    assert list(after(*events, resumed).latches) == [EVERYTHING]
    resumed = Resumed(scope=EVERYTHING, signed=signed(Act.RESUME, nonce="one"))
    assert after(*events, resumed).latches == {}


def test_the_window_opens_is_suspended_resumed_and_closed() -> None:
    opened = signed(nonce="one")
    standing = after(WindowOpened(signed=opened))
    assert standing.window is not None
    assert (standing.window.statement, standing.window.suspended) == (opened.statement, "")
    extended = signed(Act.EXTEND_WINDOW, nonce="longer")
    standing.apply(WindowExtended(signed=extended), OPEN)
    assert (standing.window.statement, standing.window.suspended) == (extended.statement, "")
    standing.apply(WindowSuspended(reason="a restart"), OPEN)
    assert (standing.window.statement, standing.window.suspended) == (extended.statement, "a restart")
    resumed = signed(Act.RESUME_WINDOW, nonce="two")
    standing.apply(WindowResumed(signed=resumed), OPEN)
    assert (standing.window.statement, standing.window.suspended) == (resumed.statement, "")
    standing.apply(WindowClosed(by="ada", reason="the day is over"), OPEN)
    assert standing.window is None


def test_there_is_nothing_to_suspend_without_a_window() -> None:
    assert after(WindowSuspended(reason="a restart")).window is None


def test_every_statement_that_was_used_is_remembered() -> None:
    standing = after(
        WindowOpened(signed=signed(nonce="one")),
        WindowExtended(signed=signed(Act.EXTEND_WINDOW, nonce="longer")),
        WindowResumed(signed=signed(Act.RESUME_WINDOW, nonce="two")),
        Resumed(scope=EVERYTHING, signed=signed(Act.RESUME, nonce="three")),
    )
    assert standing.nonces == {"one", "longer", "two", "three"}


def test_other_events_change_nothing() -> None:
    standing = after(SegmentSealed(reason="stopping"))
    assert (standing.latches, standing.window, standing.nonces) == ({}, None, set())


def test_a_latch_covers_the_orders_of_its_scope() -> None:
    scopes = {
        EVERYTHING,
        Scope(ScopeKind.ACCOUNT, ACCOUNT),
        Scope(ScopeKind.AGENT, AGENT),
        Scope(ScopeKind.STRATEGY, STRATEGY),
        OF_ALFA,
    }
    foreign = {Scope(scope.kind, "another") for scope in scopes - {EVERYTHING}}
    standing = after(*(halted(scope=scope) for scope in scopes | foreign))
    found = standing.latches_on(ACCOUNT, (AGENT,), STRATEGY, (BRAVO, ALFA))
    assert {latch.scope for latch in found} == scopes


def test_the_severest_holds_and_nothing_is_active() -> None:
    assert severest(iter([REDUCE_ONLY, FROZEN, HALTED])) is FROZEN
    assert severest(iter([])) is ACTIVE


def test_a_scope_reads_as_words() -> None:
    assert (words_of(EVERYTHING), words_of(OF_ALFA)) == ("everything", "symbol ALFA")
