"""What may leave, and every reason why not more. What is absent halts."""

from decimal import Decimal

import pytest

from agenttrader.model.authority import EVERYTHING, Scope, ScopeKind
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import (
    AccountOpened,
    BreakFound,
    DayOpened,
    Event,
    Filled,
    Halted,
    LinkChanged,
    Reconciled,
    WindowClosed,
    WindowOpened,
    WindowSuspended,
)
from agenttrader.model.identifiers import AgentName, ExecutionId, StrategyName, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.records import Chain
from agenttrader.runtime.halts import HaltStanding, standing_of
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ACCOUNT,
    AGENT,
    ALFA,
    BRAVO,
    MULTIPLIERS,
    OPEN,
    STRATEGY,
    SWITCH,
    decided,
    proposal,
    segment,
    sending,
    signed,
    switch,
)

ACTIVE, REDUCE_ONLY, HALTED, FROZEN = TradingState


def link(name: str, *, up: bool = True, reason: str = "") -> LinkChanged:
    return LinkChanged(link=name, up=up, reason=reason)


def reconciled(*breaks: Break, failure: str = "") -> Reconciled:
    return Reconciled(
        run="1", statement_time=OPEN, orders=0, positions=0, executions=0, breaks=breaks, failure=failure
    )


def broken(symbol: Symbol | None = None) -> Break:
    return Break(
        kind=BreakKind.POSITION, ours="1", theirs="2", sentence="we hold 1, they say 2", symbol=symbol
    )


READY: tuple[Event, ...] = (
    segment(),
    link("broker"),
    link("marketdata"),
    reconciled(),
    WindowOpened(signed=signed()),
)


def standing(
    *events: Event,
    ready: tuple[Event, ...] = READY,
    says: TradingState | None = ACTIVE,
    symbols: tuple[Symbol, ...] = (ALFA,),
    agent: AgentName = AGENT,
    strategy: StrategyName = STRATEGY,
) -> HaltStanding:
    state, chain = State(MULTIPLIERS), Chain()
    for event in (*ready, *events):
        state.apply(chain.seal(event, OPEN))
    switches = {} if says is None else {SWITCH: switch(says, "it was set to 1")}
    return standing_of(state, switches, ("store", SWITCH), ACCOUNT, (agent,), strategy, symbols)


def test_what_was_held_over_the_night_only_reduces_until_the_books_are_compared() -> None:
    dates = ("2026-11-19", "2026-11-20")
    before, after = (DayOpened(session=date, open=OPEN, close=OPEN, equity=Decimal(1)) for date in dates)
    bought = Filled(
        order_id=proposal().id,
        execution_id=ExecutionId("e-1"),
        symbol=ALFA,
        side=Side.BUY,
        quantity=Decimal(10),
        price=Decimal(1),
        fee=Decimal(0),
        time=OPEN,
    )
    opened = AccountOpened(cash=Decimal(1))
    night = (opened, before, decided(proposal()), sending(proposal()), bought, after)
    found = standing(*night)
    assert found.state is REDUCE_ONLY
    assert found.reasons == (
        "ALFA was held over the night, and the books were not compared since: it may have split",
    )
    assert standing(*night, symbols=(BRAVO,)).state is ACTIVE
    assert standing(*night, reconciled()).state is ACTIVE


def test_with_everything_in_place_trading_is_active() -> None:
    assert standing() == HaltStanding(ACTIVE, (), ((SWITCH, ACTIVE),))


@pytest.mark.parametrize("missing", READY[1:], ids=lambda event: type(event).__name__)
def test_whatever_is_missing_halts(missing: Event) -> None:
    found = standing(ready=tuple(event for event in READY if event is not missing))
    assert found.state is HALTED
    assert len(found.reasons) == 1


@pytest.mark.parametrize(
    ("event", "reason"),
    (
        (WindowClosed(by="ada", reason="enough"), "no window is open"),
        (WindowSuspended(reason="a restart"), "the window is suspended: a restart"),
        (link("broker", up=False, reason="reset"), "the link broker is down: reset"),
        (link("marketdata", up=False, reason="silent"), "the link marketdata is down: silent"),
        (reconciled(failure="no answer"), "the last comparison with the broker failed: no answer"),
        (reconciled(broken(ALFA)), "break position: we hold 1, they say 2"),
        (reconciled(broken()), "break position: we hold 1, they say 2"),
        (BreakFound(found=broken(ALFA)), "break position: we hold 1, they say 2"),
        (
            Halted(scope=EVERYTHING, state=HALTED, by="ada", reason="lunch"),
            "everything was halted by ada: lunch",
        ),
        (
            Halted(scope=Scope(ScopeKind.SYMBOL, ALFA), state=HALTED, by="ada", reason="news"),
            "symbol ALFA was halted by ada: news",
        ),
    ),
)
def test_each_halt_says_why(event: Event, reason: str) -> None:
    found = standing(event)
    assert (found.state, found.reasons) == (HALTED, (reason,))


def test_a_needed_link_that_was_never_seen_halts_without_a_reason_of_its_own() -> None:
    found = standing(ready=tuple(event for event in READY if event is not READY[1]))
    assert found.reasons == ("the link broker is down",)


def test_a_switch_that_was_not_read_halts() -> None:
    assert standing(says=None) == HaltStanding(
        HALTED, (f"the switch {SWITCH} has not been read",), ((SWITCH, HALTED),)
    )


@pytest.mark.parametrize("state", (REDUCE_ONLY, HALTED, FROZEN))
def test_a_switch_halts_as_far_as_it_says(state: TradingState) -> None:
    assert standing(says=state) == HaltStanding(
        state,
        (f"the switch {SWITCH} halts: it was set to 1",),
        ((SWITCH, state),),
        ((SWITCH, "it was set to 1"),),
    )


def test_the_severest_of_several_holds_and_all_are_told() -> None:
    found = standing(
        Halted(scope=EVERYTHING, state=REDUCE_ONLY, by="ada", reason="lunch"),
        Halted(scope=Scope(ScopeKind.AGENT, AGENT), state=FROZEN, by="ada", reason="it loops"),
        WindowClosed(by="ada", reason="enough"),
        says=REDUCE_ONLY,
    )
    assert found.state is FROZEN
    assert len(found.reasons) == 4


@pytest.mark.parametrize(
    "event",
    (
        reconciled(broken(BRAVO)),
        BreakFound(found=broken(BRAVO)),
        Halted(scope=Scope(ScopeKind.SYMBOL, BRAVO), state=FROZEN, by="ada", reason="news"),
        Halted(scope=Scope(ScopeKind.AGENT, "another"), state=FROZEN, by="ada", reason="it loops"),
        Halted(scope=Scope(ScopeKind.STRATEGY, "another"), state=FROZEN, by="ada", reason="it loops"),
        link("nobody needs this", up=False),
    ),
)
def test_what_concerns_somebody_else_halts_nothing_here(event: Event) -> None:
    assert standing(event).state is ACTIVE


def test_a_symbol_of_any_leg_halts_the_order() -> None:
    assert standing(reconciled(broken(BRAVO)), symbols=(ALFA, BRAVO)).state is HALTED


def test_a_later_clean_comparison_settles_its_breaks_but_not_those_that_were_found() -> None:
    assert standing(reconciled(broken()), reconciled()).state is ACTIVE
    assert standing(BreakFound(found=broken()), reconciled()).state is HALTED


def test_a_new_process_has_compared_nothing_and_seen_no_link() -> None:
    found = standing(segment(epoch=2))
    assert found.reasons == (
        "the book has not been compared with the broker since the start",
        "the link broker is down",
        "the link marketdata is down",
    )
