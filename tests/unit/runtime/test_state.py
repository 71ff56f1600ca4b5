"""The whole fold: what each kind of record changes, and what is counted of it."""

from decimal import Decimal

from msgspec.structs import replace as change

from agenttrader.model.activities import ActivityKind
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.events import (
    AccountOpened,
    BreakFound,
    BreakSettled,
    CashPosted,
    DayOpened,
    Event,
    Filled,
    LinkChanged,
    Reconciled,
    WindowOpened,
    Withheld,
)
from agenttrader.model.identifiers import ExecutionId
from agenttrader.model.orders import Side
from agenttrader.model.records import Chain
from agenttrader.model.times import Instant
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.runtime.samples import sample_of
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    CLOSE,
    MULTIPLIERS,
    OPEN,
    OTHER_AGENT,
    at,
    closing_proposal,
    decided,
    posted,
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
    sample = sample_of(MarkedBook(fold.state.book, {}), None, OPEN)
    assert sample is not None
    fold.add(sample, time=at(5))
    state = fold.state
    assert (state.segment, state.day, state.equity) == (segment(), day, sample)
    assert (state.links, state.book.cash, state.last_time) == ({"broker": UP}, CASH, at(5))
    assert state.standing.window is not None
    fold.add(UP, time=at(1))
    assert state.last_time == at(5)


DAY = DayOpened(session="2026-11-19", open=Instant(0), close=Instant(1), equity=CASH)
NEXT_DAY = DayOpened(session="2026-11-20", open=OPEN, close=CLOSE, equity=CASH)
BOUGHT = Filled(
    order_id=proposal().id,
    execution_id=ExecutionId("e-1"),
    symbol=ALFA,
    side=Side.BUY,
    quantity=Decimal(10),
    price=Decimal(1),
    fee=Decimal(0),
    time=OPEN,
)


def test_what_was_held_over_the_night_is_to_be_compared_after_it() -> None:
    fold = Fold(segment(), AccountOpened(cash=CASH), DAY, decided(proposal()), sending(proposal()), BOUGHT)
    assert fold.state.overnight == frozenset()
    version = fold.state.version
    fold.add(NEXT_DAY)
    assert fold.state.overnight == {ALFA}
    assert fold.state.version > version
    fold.add(change(reconciled(), statement_time=None, failure="no answer"))
    assert fold.state.overnight == {ALFA}
    fold.add(reconciled(COMPARED))
    assert fold.state.overnight == frozenset()


def test_the_last_agreement_is_kept_over_differences_outages_and_restarts() -> None:
    fold = Fold(reconciled())
    for event in (
        change(reconciled(COMPARED), statement_time=at(1)),
        change(reconciled(), statement_time=None, failure="no answer"),
        segment(2),
    ):
        fold.add(event)
        assert fold.state.agreed == OPEN


def test_cash_from_outside_is_no_profit_of_the_day() -> None:
    came = CashPosted(activity=posted("a-1", ActivityKind.TRANSFER, amount=Decimal(50)))
    paid = CashPosted(activity=posted("a-2", ActivityKind.DIVIDEND, amount=Decimal(7)))
    fold = Fold(AccountOpened(cash=CASH), came)
    assert fold.state.day_start_equity is None
    fold.add(DAY, came, paid)
    assert fold.state.day_start_equity == CASH + 50
    fold.add(NEXT_DAY)
    assert fold.state.day_start_equity == CASH


def test_breaks_are_those_that_were_found_and_those_of_the_last_comparison() -> None:
    fold = Fold(BreakFound(found=FOUND), reconciled(COMPARED))
    assert fold.state.breaks == (FOUND, COMPARED)
    fold.add(reconciled())
    assert list(fold.state.breaks) == [FOUND]


def test_a_break_that_is_settled_halts_no_more_and_others_stand() -> None:
    fold = Fold(BreakFound(found=FOUND), BreakFound(found=COMPARED))
    before = fold.state.version
    fold.add(BreakSettled(found=FOUND, by="exits", reason="it holds no more"))
    assert fold.state.breaks == (COMPARED,)
    assert fold.state.version > before


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
