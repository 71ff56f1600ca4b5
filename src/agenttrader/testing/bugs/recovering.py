"""Planted bugs of starting again, of asking the broker, and of comparing with it."""

# ruff: noqa: SLF001 - a bug has no manners

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from agenttrader.model.events import AnswerLost, BreakFound, Rejected, SegmentOpened, Withheld
from agenttrader.model.orders import OrderState
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import SECOND
from agenttrader.reconciliation import compare
from agenttrader.runtime import engine, executions, recovery, starting
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.recovery import Reconciler
from agenttrader.runtime.session import Session
from agenttrader.runtime.state import State
from agenttrader.testing.planting import planted, spoiled, wrapped

FORGOTTEN_SECONDS = 30
"""After how long an order without an answer is given up in the bug of that name."""


@planted("What was leaving when the process died is taken for never sent.")
def leaving_is_never_sent() -> Iterator[None]:
    """In what a start finds."""

    def behind(original: Any, state: Any) -> Any:
        for event in original(state):
            if isinstance(event, AnswerLost):
                yield Withheld(order_id=event.order_id, reason=event.reason)
            else:
                yield event

    with wrapped(engine, "left_behind", behind):
        yield


@planted("What was leaving when the process died is not looked at.")
def leaving_is_not_looked_at() -> Iterator[None]:
    """In what a start finds: it seems to be on its way for good."""

    def behind(original: Any, state: Any) -> Any:
        return (event for event in original(state) if not isinstance(event, AnswerLost))

    with wrapped(engine, "left_behind", behind):
        yield


@planted("An order whose answer was lost counts as rejected after half a minute.")
def unknown_ends_by_time() -> Iterator[None]:
    """In the engine, where time passes."""

    def reached(original: Any, at: Any, time: Any) -> None:
        for order in list(at.state.book.orders.open_orders()):
            is_old = at._now - order.updated > FORGOTTEN_SECONDS * SECOND
            if order.state is OrderState.UNKNOWN and is_old and not order.is_leg:
                at._emit(Rejected(order_id=order.id, time=at._now, reason="no answer came"))
        original(at, time)

    with wrapped(Engine, "_time", reached):
        yield


@planted("After a gap in the stream the history is not read.")
def gap_is_skipped() -> Iterator[None]:
    """In the reconciler: only what the stream tells is taken in."""

    async def nothing(*_: Any) -> None:
        return

    with spoiled(Reconciler, "_take_in", nothing):
        yield


@planted("Of the history only what came since the last agreement is asked for, to the second of now.")
def history_begins_now() -> Iterator[None]:
    """In the reconciler: what is told late has happened before."""

    def since(_: Any, state: Any) -> Any:
        return state.last_time

    with wrapped(recovery, "asked_since", since):
        yield


@planted("Nobody asks for an order whose answer was lost.")
def unknown_is_not_asked_for() -> Iterator[None]:
    """In the reconciler: by its client order id the broker could tell."""

    async def nothing(*_: Any) -> None:
        return

    with spoiled(Reconciler, "_ask_after_unknown", nothing):
        yield


@planted("What is told while the disk does not write is dropped, that a link or a switch fell with it.")
def told_meanwhile_is_dropped() -> Iterator[None]:
    """In the session: only who waits for an answer is refused."""

    def hold(original: Any, shell: Any, batch: Any) -> None:
        original(shell, [each for each in batch if each.answer is not None])

    with wrapped(Session, "_hold", hold):
        yield


@planted(
    "A fold that was written down is taken for the end: of what came after it only the segments are folded."
)
def snapshot_is_the_end() -> Iterator[None]:
    """In the start."""

    def fold_on(original: Any, journal: Any, state: Any, chain: Any) -> None:
        if not chain.sequence:
            original(journal, state, chain)
            return
        for sealed in journal.read(chain.sequence):
            if isinstance(sealed.event, SegmentOpened):
                state.apply(sealed)
            chain.sequence, chain.head = sealed.sequence, sealed.hash

    with wrapped(starting, "fold_on", fold_on):
        yield


@planted("An empty list of positions is taken for no answer, and compares as equal.")
def empty_list_is_flat() -> Iterator[None]:
    """In the comparison."""

    def positions(original: Any, ours: Any, theirs: Any) -> Any:
        return original(ours, theirs) if theirs.positions else iter(())

    with wrapped(compare, "_positions", positions):
        yield


@planted("Orders and executions are compared, positions and cash are not.")
def positions_are_not_compared() -> Iterator[None]:
    """In the comparison."""
    with spoiled(compare, "_positions", lambda *_: iter(())), spoiled(compare, "_cash", lambda *_: iter(())):
        yield


@planted("An order that the broker has and we do not is left out of the comparison.")
def strange_order_is_left_out() -> Iterator[None]:
    """In the comparison."""

    def orders(original: Any, *given: Any) -> Any:
        return (each for each in original(*given) if each.order_id is not None)

    with wrapped(compare, "_orders", orders):
        yield


@planted("A comparison that could not be made counts as one that found nothing.")
def failed_run_is_clean() -> Iterator[None]:
    """In the reconciler."""

    def compared(original: Any, run: Any, statement: Any, breaks: Any, _: str = "", **more: Any) -> Any:
        return original(run, statement, breaks, **more)

    with wrapped(recovery, "Compared", compared):
        yield


@planted("A break ends with the next comparison, whoever raised it.")
def comparison_settles_all() -> Iterator[None]:
    """In the state: what a report raised is in no comparison."""

    def standing(original: Any, state: Any, sealed: Any) -> None:
        original(state, sealed)
        if state.reconciled is sealed.event:
            state._found = []

    with wrapped(State, "_apply_to_standing", standing):
        yield


@planted("A position that is not protected is nobody's concern.")
def bare_position_is_quiet() -> Iterator[None]:
    """In the engine, where the clock of it runs."""
    with spoiled(engine, "overdue", lambda *_: iter(())):
        yield


@planted("A word of the broker's that nobody knows is skipped.")
def unknown_word_is_skipped() -> Iterator[None]:
    """In the engine, where reports become records."""

    def events(original: Any, book: Any, fees: Any, order: Any, report: Any) -> Any:
        return () if report.kind is ReportKind.UNRECOGNISED else original(book, fees, order, report)

    with wrapped(engine, "events_of", events):
        yield


@planted("What a report says that cannot be is dropped with the report.")
def impossible_is_dropped() -> Iterator[None]:
    """In the engine: neither a break nor the fill is recorded."""

    def events(original: Any, book: Any, fees: Any, order: Any, report: Any) -> Any:
        found = original(book, fees, order, report)
        return () if any(isinstance(event, BreakFound) for event in found) else found

    with wrapped(engine, "events_of", events):
        yield


@planted("A fill that comes before the accept is refused, for the order does not work yet.")
def early_fill_is_refused() -> Iterator[None]:
    """In the engine: the accept follows, the fill does not."""

    def events(original: Any, book: Any, fees: Any, order: Any, report: Any) -> Any:
        is_early = report.kind is ReportKind.FILLED and order.state is OrderState.SENDING
        return () if is_early else original(book, fees, order, report)

    with wrapped(engine, "events_of", events):
        yield


@planted("What the broker reports of a stranger's order is nobody's concern.")
def stranger_is_ignored() -> Iterator[None]:
    """In the engine."""
    with spoiled(Engine, "_foreign", lambda *_: None):
        yield


@planted("Of a protective leg the broker's id is forgotten with the process.")
def leg_loses_its_id() -> Iterator[None]:
    """In the accept, which names the legs."""

    def accepted(original: Any, order: Any, report: Any) -> Any:
        return original(order, structs.replace(report, legs=()))

    with wrapped(executions, "_accepted", accepted):
        yield
