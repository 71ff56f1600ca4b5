"""The demo, whole: processes up, the day, the comparison, the report, processes down; perhaps again."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar, assert_never

import msgspec
from msgspec import Struct

from agenttrader.app.demo.day import DemoDay, Tell
from agenttrader.app.demo.keeper import Keeper
from agenttrader.app.demo.operator import Operator
from agenttrader.app.demo.outcome import read_day
from agenttrader.app.demo.report import Compared, Ending, JournalFound, Result, reserve, write
from agenttrader.app.demo.setup import Run, lay_out
from agenttrader.app.demo.stretch import SUPPOSED, Played, Stretch, write_stretch
from agenttrader.app.demo.visitor import Visitor
from agenttrader.app.happenings import DayEnded, GatewayTold, Said, Starting
from agenttrader.model.errors import AgentTraderError, StoreError, Unreachable
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Spread
from agenttrader.model.records import Sealed
from agenttrader.ports.feed import Feed
from agenttrader.protocols.native import Snapshot, StreamMessage
from agenttrader.runtime.supervisor import Died, Notice, Ready, Started, Stopped

HEAD_SHOWN = 12
"""How much of the journal's head is told: enough to recognize it."""

T = TypeVar("T")
Follow = Callable[[Callable[[StreamMessage], None], Callable[[bool, str], None]], Coroutine[Any, Any, None]]


class Desk(Struct, frozen=True):
    """Everything that the demo speaks through while the roles run."""

    operator: Operator
    visitor: Visitor
    feed: Feed
    follow: Follow
    """The gateway's stream, as the person may see it."""
    waiting_for: Callable[[], Awaitable[str]]
    """Whom the market data waits for, as a sentence."""
    keeper: Keeper | None = None
    """Who holds a position over the nights of a run, where anybody does."""


class Processes(Protocol):
    """The roles as processes; see `runtime.supervisor`."""

    async def start(self) -> None:
        """Return when all are ready. Raises RoleFailed."""
        ...

    async def watch(self) -> None:
        """Raise RoleFailed when one cannot be kept."""
        ...

    async def stop(self, order: Sequence[str]) -> None:
        """Stop them one after the other."""
        ...


class World(Protocol):
    """The outside world of one run."""

    def supervisor(self, tell: Callable[[Notice], None]) -> Processes:
        """The processes of the run, not started yet."""
        ...

    def desk(self) -> AbstractAsyncContextManager[Desk]:
        """Connections to the processes."""
        ...

    def verify(self) -> JournalFound:
        """The journal on disk, verified."""
        ...

    def records(self) -> Iterable[Sealed[Any]]:
        """The journal's records on disk, in order."""
        ...


async def play(
    run: Run,
    world: World,
    tell: Tell,
    interrupted: asyncio.Event,
    *,
    stays: bool,
    reports: Path,
    code: str,
    ended: Callable[[Result], None],
) -> Result:
    """Play the day and stop the roles again: at once, or where the demo `stays`, when interrupted.

    `ended` is given the result as soon as there is one. An interruption in mid-day ends the day in order.
    The journal is verified once the roles have stopped, and where they stay up also before that: the gateway
    seals its segment when it stops. Raises RoleFailed where the roles do not get up, and StoreError before
    anything is started where no report could be written.
    """
    reserve(run, reports)
    supervisor = world.supervisor(_RoleTeller(tell))
    is_up = True
    try:
        tell(Starting(run.order, run.configuration.marketdata.source))
        await _unless(interrupted, supervisor.start())
        async with world.desk() as desk:
            result = await _day(run, world, desk, supervisor, tell, interrupted)
        if not stays or interrupted.is_set():
            is_up = False
            await supervisor.stop(run.stop_order)
            result = await _final(result, world)
        folder = write(run, result, reports, code)
        for finding in result.findings():
            tell(Said("finding", finding, alarming=True))
        tell(Said("report", f"{folder / 'report.md'} and report.json"))
        _tell_journal(run, result, tell)
        ended(result)
        if is_up:
            tell(Said("stays", "the roles stay up, halted; Ctrl-C stops them"))
            await _first(interrupted.wait(), supervisor.watch())
            is_up = False
            await supervisor.stop(run.stop_order)
            result = await _final(result, world)
            _tell_journal(run, result, tell)
        return result
    finally:
        if is_up:
            await supervisor.stop(run.stop_order)


async def play_days(
    runs: Sequence[Run],
    world: Callable[[Run], World],
    tell: Tell,
    interrupted: asyncio.Event,
    *,
    reports: Path,
    code: str,
    ended: Callable[[Stretch], None],
) -> Stretch:
    """Play days that share one home, one after the other: journal and venue go on, the roles start anew.

    It ends after the first day that was not good, or cut short. Raises as `play` does, of the first day.
    """
    first = runs[0]
    reserve(first, reports)
    days: list[Played] = []
    why = ""
    for run in runs:
        if days:
            for sentence in _evening(days[-1], run):
                tell(Said("night", sentence))
        try:
            days.append(Played(run=run, result=await _through(run, world(run), tell, interrupted)))
        except AgentTraderError as error:
            if not days:
                raise
            why = f"{run.session.date} was not played: {error}"
            tell(Said("stopped", why, alarming=True))
            break
        if days[-1].result.cuts_short:
            why = days[-1].result.ended_early or f"{run.session.date} did not end as it should"
            break
    last = days[-1]
    marks = {held.symbol: held.mark for held in last.result.day.held if held.mark is not None}
    records = world(last.run).records
    whole = await asyncio.to_thread(lambda: read_day(records(), _multipliers(first), marks))
    stretch = Stretch(days=tuple(days), whole=whole, ended_early=why)
    folder = write_stretch(stretch, reports, code)
    tell(Said("report", f"{folder / 'report.md'} and report.json"))
    _tell_journal(first, last.result, tell)
    ended(stretch)
    return stretch


def _evening(before: Played, run: Run) -> Iterator[str]:
    """What goes into the night."""
    date = before.run.session.date
    yield f"{date} is over and the roles have stopped; they start anew for {run.session.date}"
    for held in before.result.day.held:
        yield f"{held.quantity:f} {held.symbol} is carried over it; {held.overnight}"
    if run.split is not None:
        yield f"in that night the venue makes a split of {run.split}, {SUPPOSED}"


async def _through(run: Run, world: World, tell: Tell, interrupted: asyncio.Event) -> Result:
    """One of several days, from the start of its roles to their end."""
    lay_out(run)
    supervisor = world.supervisor(_RoleTeller(tell))
    try:
        tell(Starting(run.order, run.configuration.marketdata.source))
        await _unless(interrupted, supervisor.start())
        async with world.desk() as desk:
            result = await _day(run, world, desk, supervisor, tell, interrupted)
    finally:
        await supervisor.stop(run.stop_order)
    result = await _final(result, world)
    for finding in result.findings():
        tell(Said("finding", finding, alarming=True))
    return result


async def _final(result: Result, world: World) -> Result:
    """The result with the journal as the stopped gateway has left it."""
    return msgspec.structs.replace(result, journal=await asyncio.to_thread(world.verify), is_final=True)


def _tell_journal(run: Run, result: Result, tell: Tell) -> None:
    """What verifying found, and how anybody can ask the same again."""
    found = result.journal
    so_far = "" if result.is_final else " so far"
    told = f"the journal: {found.records} records{so_far}, head {found.head[:HEAD_SHOWN]}…"
    if found.verified:
        tell(Said("verified", told))
    else:
        tell(Said("unsound", f"{told}: {found.finding}", alarming=True))
    tell(Said("check", f"it with: ./agenttrader journal verify {shlex.quote(str(run.folder))}"))


async def _day(
    run: Run, world: World, desk: Desk, supervisor: Processes, tell: Tell, interrupted: asyncio.Event
) -> Result:
    """From the first denial to the comparison after the close, whatever happens between."""
    day = DemoDay(run, desk.operator, desk.visitor, desk.feed, tell, desk.waiting_for, keeper=desk.keeper)
    ending, why = Ending.CLOSE, ""
    try:
        await day.begin()
        await _first(
            _unless(interrupted, day.play()),
            desk.feed.follow(day.hear_market, _no_word),
            desk.follow(day.hear_gateway, _no_word),
            supervisor.watch(),
        )
    except AgentTraderError as error:
        # Whatever ends the day early, the book is still compared and the report written: they say what is.
        ending = Ending.UNREACHABLE if isinstance(error, Unreachable) else Ending.STOPPED
        why = str(error)
        tell(Said("stopped", why, alarming=True))
    if ending is Ending.CLOSE and day.ended_early:
        ending, why = Ending.HALTED, day.ended_early
    compared, last = await _close(desk.operator, tell)
    multipliers, marks = _multipliers(run), _marks(last)
    played = await asyncio.to_thread(lambda: read_day(world.records(), multipliers, marks, run.session.date))
    tell(DayEnded(fills=len(played.fills)))
    is_halted = last is not None and last.trading.state in {"halted", "frozen"}
    journal = await asyncio.to_thread(world.verify)
    return Result(
        day=played, compared=compared, journal=journal, is_halted=is_halted, ending=ending, ended_early=why
    )


async def _close(operator: Operator, tell: Tell) -> tuple[Compared, Snapshot | None]:
    """Close the window and compare: what differs, and everything as the gateway has it after that.

    The stream has ended by then, perhaps in mid-bar: only what is asked for now is the end of the day.
    """
    try:
        if await operator.close_window("the demo's day is over"):
            tell(Said("window", "closed"))
        compared = await operator.compare()
        last = await operator.snapshot()
    except (Unreachable, StoreError) as error:
        return Compared(breaks=(), failure=str(error)), None
    tell(GatewayTold(last))
    found = "the book and the venue agree" if compared.is_clean else "the book and the venue do not agree"
    tell(Said("compared", found, alarming=not compared.is_clean))
    return compared, last


def _marks(last: Snapshot | None) -> dict[Symbol, Decimal]:
    held = () if last is None else last.positions
    return {position.symbol: position.mark for position in held if position.mark is not None}


def _multipliers(run: Run) -> dict[Symbol, Decimal]:
    return {
        symbol: Decimal(1) if isinstance(instrument, Spread) else instrument.multiplier
        for symbol, instrument in run.configuration.instruments.items()
    }


class Interrupted(AgentTraderError):
    """A person ended the demo before the day was over."""


async def _unless(interrupted: asyncio.Event, wish: Coroutine[Any, Any, T]) -> T:
    """What `wish` gives. Raises Interrupted when that comes first."""

    async def interrupt() -> None:
        await interrupted.wait()
        raise Interrupted("the demo was interrupted before the session's close")

    return await _first(wish, interrupt())


async def _first(main: Coroutine[Any, Any, T], *others: Coroutine[Any, Any, Any]) -> T:
    """What `main` gives; raises what any of the others raises before. Whatever is left is cancelled."""
    wanted = asyncio.ensure_future(main)
    tasks: list[asyncio.Future[Any]] = [wanted, *map(asyncio.ensure_future, others)]
    try:
        while not wanted.done():
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            tasks = [task for task in tasks if not task.done()]
        return wanted.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _RoleTeller:
    """A role's death and return are told; that all went as asked is not."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._died: set[str] = set()

    def __call__(self, notice: Notice) -> None:
        match notice:
            case Died():
                self._died.add(notice.role)
                again = f"it is started again ({notice.restart} of {notice.restarts_max})"
                self._tell(Said("died", f"{notice.role} {notice.how}; {again}", alarming=True))
            case Ready() if notice.role in self._died:
                self._died.discard(notice.role)
                self._tell(Said("back", f"{notice.role} is back"))
            case Stopped(killed=True):
                self._tell(Said("killed", f"{notice.role} did not stop when told to", alarming=True))
            case Started() | Ready() | Stopped():
                pass
            case _:
                assert_never(notice)


def _no_word(up: bool, reason: str) -> None:  # noqa: FBT001 - the port's shape
    """A connection's ups and downs are seen by what does not come; the supervisor tells of deaths."""
