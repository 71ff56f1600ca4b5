"""A session that is killed while a breaker trips, at any instant, and the next one on the same disk.

`python -m agenttrader.testing.killed_trip FOLDER FIRST STEP LAST` lays a day up to the sample before the last
in FOLDER. Then, for every STEP-th instant from FIRST to LAST, a process of its own takes in the sample that
trips the ladder's last step, with `flatten`, and an agent's entry; it is killed by SIGKILL at that instant,
and another process goes on from its disk. An instant is a call or a return of the program, of Python's or the
interpreter's own, in either thread: before and after each statement to SQLite and each write among them. Each
prints a line of JSON; without LAST, how many instants there are.
"""

import asyncio
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from agenttrader.adapters.clocks import WatermarkClock
from agenttrader.adapters.journal_reader import read_records
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.authority import Act
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.events import CancelRequested, Decided, Event, Halted, Leaving
from agenttrader.model.orders import Effect, ExitPlan
from agenttrader.model.records import Recorded
from agenttrader.ports.order_route import Look
from agenttrader.runtime.breakers import DRAWDOWN
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inbox import ArrivalInbox
from agenttrader.runtime.inputs import (
    Input,
    LinkSeen,
    MarketSeen,
    Proposed,
    StatementGiven,
    SwitchSeen,
    TimeReached,
)
from agenttrader.runtime.recovery import fold
from agenttrader.runtime.session import Session
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.builders import (
    ACCOUNT,
    MULTIPLIERS,
    at,
    bar,
    compared,
    proposal,
    rules,
    segment,
    signed,
    switch,
)
from agenttrader.testing.tripping import holding, ticks

LIMITS = structs.replace(
    BREAKERS,
    soft_fraction=Decimal("0.1"),
    medium_fraction=Decimal("0.2"),
    hard_fraction=Decimal("0.3"),
    flatten=True,
)
_LAST_CALM = 6
"""The minute of the second low sample; the next one trips."""
_ENTRY, _AFTER = 2, 3


class Found(Struct, frozen=True):
    """What the next process found, did, and has on record at its end."""

    instant: int
    was_killed: bool
    tripped_at_death: bool
    """Whether the latch was on disk when the first died."""
    latches: int
    """Of the last step, on record at the end."""
    closes: int
    """Of the position, approved."""
    entries: int
    """Approved after the latch."""
    left: tuple[str, ...]
    """What reached the broker from the first process, of what was not on its disk; nothing may."""
    entry_denied_by: str | None
    """What denied an entry at the end."""
    halted_by: str


class _Route:
    """The broker's door: whatever reaches it is written down at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def submit(self, order: Recorded[Leaving], look: Look, *, urgent: bool) -> None:
        del look, urgent
        self._note(order.sealed.hash)

    def cancel(self, request: Recorded[CancelRequested]) -> None:
        self._note(request.sealed.hash)

    def _note(self, name: str) -> None:
        with self._path.open("a") as file:
            file.write(f"{name}\n")


class _Switch:
    name, is_movable = switch(TradingState.ACTIVE).name, False

    def read(self) -> SwitchReading:
        return switch(TradingState.ACTIVE)

    def move(self, *, halted: bool, reason: str) -> None:
        raise AssertionError(f"nobody moves this one: {halted} {reason}")


class _Instants:
    """Counts calls and returns once it is armed, and kills the process at one of them."""

    def __init__(self, last: int | None) -> None:
        self.count = 0
        self.is_armed = False
        self._last = last

    def __call__(self, frame: object, event: str, argument: object) -> None:
        del frame, event, argument
        if self.is_armed:
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)


def _journal(folder: Path) -> SqliteJournal:
    return SqliteJournal(
        folder / "journal", account=ACCOUNT, heads_folder=folder / "heads", key_folder=folder / "keys"
    )


def _lay(folder: Path) -> None:
    """A position, and two samples so low that a third trips."""
    driver = holding(LIMITS)
    ticks(driver, _LAST_CALM - 1, 60, 60)
    journal = _journal(folder)
    journal.append(driver.records)
    journal.sign_head()
    journal.close()


async def _lived(folder: Path, minute: int, inputs: Iterable[Input], instants: _Instants) -> Engine:
    """A session on the folder's journal from `minute` on, through the inputs; its engine at the end."""
    journal = _journal(folder)

    def folded() -> Engine:
        return Engine(rules(breakers=LIMITS), *fold(journal, MULTIPLIERS))

    session = Session(
        engine=folded(),
        segment=lambda state: segment(1 if state.segment is None else state.segment.epoch + 1),
        refold=folded,
        journal=journal,
        dispatcher=Dispatcher(_Route(folder / "left"), [_Switch()], lambda _: None),
        clock=WatermarkClock(),
        inbox=ArrivalInbox[Input](),
        capacity=1_000,
        batch_max=64,
        resync=lambda: None,
    )
    running = asyncio.create_task(session.run())
    hearing = asyncio.create_task(_hear(session, minute, inputs, instants))
    await asyncio.wait({running, hearing}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()  # A session that ends by itself has failed.
    await hearing
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await session.stop("the test is over")
    journal.close()
    return session.engine


async def _hear(session: Session, minute: int, inputs: Iterable[Input], instants: _Instants) -> None:
    session.tell(TimeReached(at(minute)))
    await session.started.wait()
    for received in _ready(session.engine):
        await session.ask(received)
    instants.is_armed = True
    # Told at once, as what comes between two commits, they make one batch.
    for received in inputs:
        session.tell(received)
    await session.ask(SwitchSeen(switch(TradingState.ACTIVE)))
    instants.is_armed = False


def _ready(engine: Engine) -> tuple[Input, ...]:
    """What a process hears until it may trade, and a person's word that the window goes on."""
    assert engine.state.segment is not None
    epoch = engine.state.segment.epoch
    return (
        LinkSeen("broker", up=True, reason="connected"),
        LinkSeen("marketdata", up=True, reason="connected"),
        compared(),
        StatementGiven(signed(Act.RESUME_WINDOW, epoch=epoch, nonce=f"window-{epoch}")),
        SwitchSeen(switch(TradingState.ACTIVE)),
    )


def _minute(minute: int) -> tuple[Input, ...]:
    return MarketSeen(bar(minute, 60)), TimeReached(at(minute))


def _entry(number: int) -> Proposed:
    return Proposed(proposal(number, exit_plan=ExitPlan(stop=Decimal(50), target=Decimal(70))))


def trip(folder: Path, instants: _Instants) -> int:
    """Take in the sample that trips, and an entry; how many instants that had."""
    threading.setprofile(instants)
    sys.setprofile(instants)
    asyncio.run(_lived(folder, _LAST_CALM, (*_minute(_LAST_CALM + 1), _entry(_ENTRY)), instants))
    return instants.count


def go_on(folder: Path) -> Engine:
    """Another process, on the same disk, that hears some minutes more and is asked for an entry."""
    inputs = (each for minute in range(_LAST_CALM + 2, _LAST_CALM + 5) for each in _minute(minute))
    return asyncio.run(_lived(folder, _LAST_CALM + 1, (*inputs, _entry(_AFTER)), _Instants(None)))


def strike(laid: Path, folder: Path, instant: int) -> Found:
    """Trip in a process that is killed at `instant`, go on in another; what is so in the end."""
    shutil.copytree(laid, folder)
    status = _in_a_process(lambda: trip(folder, _Instants(instant)))
    at_death = list(read_records(folder / "journal"))
    sent = folder / "left"
    left = sent.read_text().split() if sent.exists() else []
    is_on_disk = {record.hash for record in at_death}
    engine = go_on(folder)
    events = [record.event for record in read_records(folder / "journal")]
    order = engine.state.book.orders.by_id[_entry(_AFTER).proposal.id]
    latch = next((n for n, event in enumerate(events) if _is_latch(event)), len(events))
    found = Found(
        instant=instant,
        was_killed=os.WIFSIGNALED(status),
        tripped_at_death=any(_is_latch(record.event) for record in at_death),
        latches=sum(map(_is_latch, events)),
        closes=sum(_is_approved(event, Effect.CLOSE) for event in events),
        entries=sum(_is_approved(event, Effect.OPEN) for event in events[latch:]),
        left=tuple(name for name in left if name not in is_on_disk),
        entry_denied_by=order.denied_by,
        halted_by="; ".join(engine.standing(order.proposal).reasons),
    )
    shutil.rmtree(folder)
    return found


def _is_latch(event: Event) -> bool:
    return isinstance(event, Halted) and event.by == DRAWDOWN and event.state is TradingState.HALTED


def _is_approved(event: Event, effect: Effect) -> bool:
    return isinstance(event, Decided) and event.decision.denied_by is None and event.proposal.effect is effect


def _in_a_process(work: Callable[[], object]) -> int:
    """How a process of its own ended that did the work."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def main(folder: Path, first: int, step: int, last: int | None) -> None:
    """See the module's own words."""
    laid = folder / "laid"
    laid.mkdir()
    _lay(laid)
    if last is None:
        sys.stdout.write(f"{trip(laid, _Instants(None))}\n")
        return
    for instant in range(first, last + 1, step):
        found = strike(laid, folder / str(instant), instant)
        sys.stdout.write(f"{msgspec.json.encode(found).decode()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _first, _step, *_last = map(int, sys.argv[2:])
    main(Path(sys.argv[1]), _first, _step, _last[0] if _last else None)
