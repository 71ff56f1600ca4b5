"""The whole fold: what each kind of record changes, and what is counted of it."""

from decimal import Decimal

from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.events import (
    AccountOpened,
    BreakFound,
    DayOpened,
    Event,
    LinkChanged,
    Reconciled,
    WindowOpened,
    Withheld,
)
from agenttrader.model.records import Chain
from agenttrader.model.times import Instant
from agenttrader.runtime.samples import sample_of
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    AGENT,
    CLOSE,
    MULTIPLIERS,
    OPEN,
    OTHER_AGENT,
    at,
    closing_proposal,
    decided,
    proposal,
    segment,
    sending,
    signed,
)

CASH = Decimal(100)
FOUND = Break(kind=BreakKind.CASH, ours="1", theirs="2", sentence="found")
COMPARED = Break(kind=BreakKind.ACTIVITY, ours="1", theirs="2", sentence="compared")
UP = LinkChanged(link="broker", up=True, reason="")


class Fold:
    """A state, and the chain that its records come from."""

    def __init__(self, *events: Event) -> None:
        self.state, self.chain = State(MULTIPLIERS), Chain()
        self.add(*events)

    def add(self, *events: Event, time: Instant = OPEN) -> None:
        for event in events:
            self.state.apply(self.chain.seal(event, time))


def reconciled(*breaks: Break) -> Reconciled:
    return Reconciled(run="1", statement_time=OPEN, orders=0, positions=0, executions=0, breaks=breaks)


def test_records_are_kept_by_what_they_are_about() -> None:
    day = DayOpened(session="2026-11-20", open=OPEN, close=CLOSE, equity=CASH)
    fold = Fold(segment(), AccountOpened(cash=CASH), day, UP, WindowOpened(signed=signed()))
    sample = sample_of(fold.state.book, {})
    assert sample is not None
    fold.add(sample, time=at(5))
    state = fold.state
    assert (state.segment, state.day, state.equity) == (segment(), day, sample)
    assert (state.links, state.book.cash, state.last_time) == ({"broker": UP}, CASH, at(5))
    assert state.standing.window is not None
    fold.add(UP, time=at(1))
    assert state.last_time == at(5)


def test_breaks_are_those_that_were_found_and_those_of_the_last_comparison() -> None:
    fold = Fold(BreakFound(found=FOUND), reconciled(COMPARED))
    assert fold.state.breaks == (FOUND, COMPARED)
    fold.add(reconciled())
    assert list(fold.state.breaks) == [FOUND]


def test_a_new_segment_has_compared_nothing_and_seen_no_link_and_keeps_what_was_found() -> None:
    fold = Fold(segment(), UP, BreakFound(found=FOUND), reconciled(COMPARED), segment(epoch=2))
    assert (fold.state.reconciled, fold.state.links) == (None, {})
    assert fold.state.breaks == (FOUND,)


def test_the_version_moves_with_what_can_halt_and_with_nothing_else() -> None:
    fold = Fold()
    for event in (segment(), UP, BreakFound(found=FOUND), reconciled(), WindowOpened(signed=signed())):
        before = fold.state.version
        fold.add(event)
        assert fold.state.version > before
    before = fold.state.version
    fold.add(AccountOpened(cash=CASH), decided(proposal()), sending(proposal()))
    assert fold.state.version == before


def test_the_last_minute_counts_what_an_agent_asked_and_what_of_all_was_approved() -> None:
    fold = Fold(decided(proposal(1)), decided(proposal(2), denied_by="session"))
    fold.add(decided(proposal(3, agent=OTHER_AGENT)), time=at(0, 30))
    state = fold.state
    assert state.decided_last_minute(AGENT, at(0, 59)) == (2, 2)
    assert state.decided_last_minute(OTHER_AGENT, at(0, 59)) == (1, 2)
    assert state.decided_last_minute(AGENT, at(1)) == (0, 1)
    assert state.decided_last_minute(OTHER_AGENT, at(1, 30)) == (0, 0)


def test_denials_of_one_agent_keep_no_other_out() -> None:
    denials = [decided(proposal(number), denied_by="session") for number in range(60)]
    state = Fold(*denials).state
    assert state.decided_last_minute(AGENT, at(0, 30)) == (60, 0)
    assert state.decided_last_minute(OTHER_AGENT, at(0, 30)) == (0, 0)


def test_an_approved_close_waits_until_it_has_left_or_ended() -> None:
    first, second, denied = (closing_proposal(number) for number in (100, 101, 102))
    fold = Fold(decided(first), decided(second), decided(denied, denied_by="reduces"), decided(proposal(1)))
    assert list(fold.state.closing) == [first.id, second.id]
    fold.add(sending(first))
    assert list(fold.state.closing) == [second.id]
    fold.add(Withheld(order_id=second.id, reason="nothing is left"))
    assert fold.state.closing == {}
