"""The session: one task that owns the engine, has its records committed, and only then lets anything leave.

A commit that fails means that the engine is ahead of the disk. Then every send is dropped, the engine is
thrown away and folded again from what the disk holds, and nothing is decided until the disk takes a latch; a
person resumes after that.

The broker's yes is told at once to whoever waits for it, and lingers for company before it is committed: so
the next order does not wait for a commit of its own.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, cast

from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.approvals import ApprovalGiven
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import InboxFull, NotReady, StoreError
from agenttrader.model.events import (
    BreakSettled,
    CancelRequested,
    Event,
    Halted,
    Leaving,
    Resumed,
    SegmentOpened,
    WindowClosed,
    WindowExtended,
    WindowOpened,
    WindowResumed,
)
from agenttrader.model.identifiers import OrderId
from agenttrader.model.market import Bar, MarketEvent, Watermark
from agenttrader.model.orders import Proposal
from agenttrader.model.records import Recorded, Sealed
from agenttrader.model.reports import ExecutionReport
from agenttrader.model.ruling import LimitsLoosened, LimitTightened
from agenttrader.model.times import Instant
from agenttrader.ports.clock import MarketClock
from agenttrader.ports.journal import Journal
from agenttrader.runtime.answers import Answers
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inbox import Inbox, Source
from agenttrader.runtime.inputs import (
    HaltAsked,
    Input,
    MarketSeen,
    Reported,
    Stopping,
    TimeReached,
    reserve_for,
)
from agenttrader.runtime.last_look import inputs_of, known_before, never_sent
from agenttrader.runtime.lingering import Handled, Lingering, Outcome, Waiting
from agenttrader.runtime.recorder import Step
from agenttrader.runtime.state import State

RETRY_STORE_SECONDS = 1.0
_ANCHORED = (
    *(ApprovalGiven, BreakSettled, Halted, Resumed, LimitTightened, LimitsLoosened),
    *(WindowOpened, WindowExtended, WindowResumed, WindowClosed),
)


class AdvancingClock(MarketClock, Protocol):
    """A market clock that the session moves, where the data's watermark rules; a wall clock ignores it."""

    def advance(self, time: Instant) -> None:
        """Time has reached `time`."""
        ...


Listener = Callable[[Sequence[Recorded[Event]]], None]


class Session:
    """The shell of one engine: its inbox, writer thread and dispatcher, and who hears what was recorded."""

    def __init__(  # noqa: PLR0913 - the one place where the engine's surroundings meet
        self,
        *,
        engine: Engine,
        segment: Callable[[State], SegmentOpened],
        refold: Callable[[], Engine],
        journal: Journal,
        dispatcher: Dispatcher,
        clock: AdvancingClock,
        inbox: Inbox[Input],
        capacity: int,
        batch_max: int,
        resync: Callable[[], None],
        meanwhile: Callable[[State], Sequence[Event]] = lambda _: (),
    ) -> None:
        self.engine = engine
        self.failure = ""
        """Why the store cannot be written; empty while it can."""
        self.listeners: list[Listener] = []
        self.reached_listeners: list[Callable[[Instant], None]] = []
        self.refolded_listeners: list[Callable[[], None]] = []
        self.started = asyncio.Event()
        """Set when the market's time is known and this process's segment is on record."""
        self.turns = 0
        """Moves when a batch is begun and when it is done with: odd while one is at hand."""
        self._segment = segment
        self._refold = refold
        self._journal = journal
        self._dispatcher = dispatcher
        self._clock = clock
        self._inbox = inbox
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._capacity = capacity
        self._batch_max = batch_max
        self._resync = resync
        self._meanwhile = meanwhile
        self._unsent: list[Event] = []
        """What would have left with a commit that failed: it did not, whatever the disk holds of it."""
        self._kept: list[Waiting] = []
        """What came too early, or while the store could not be written, and is handled when it can be."""
        self._lingering = Lingering(batch_max)
        self._retry: asyncio.Task[None] | None = None
        self._answers = Answers()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal-writer")

    @property
    def now(self) -> Instant | None:
        """The market clock's time; None before the first watermark."""
        return self._clock.now()

    @property
    def is_behind(self) -> bool:
        """Whether the data tell again what is on record, and what the broker says of later waits till then.

        The book knows less than the broker as long as that is so.
        """
        return self._inbox.is_behind(self.engine.state.last_time)

    # What comes in.

    def market(self, event: MarketEvent) -> None:
        """Something from the market data, in its order. Raises InboxFull; then nothing of it was taken."""
        self._require_room()
        if isinstance(event, Watermark):
            self._released(self._inbox.watermark(Source.MARKET_DATA, event.time))
        else:
            time = event.end if isinstance(event, Bar) else event.time
            self._released(self._inbox.offer(Source.MARKET_DATA, MarketSeen(event), time))

    def broker(self, said: ExecutionReport | Watermark) -> None:
        """Something from the broker, told or answered, in its order. Raises InboxFull as `market` does."""
        self._require_room()
        if isinstance(said, Watermark):
            self._released(self._inbox.watermark(Source.BROKER, said.time))
        else:
            self._released(self._inbox.offer(Source.BROKER, Reported(said), said.time))

    def tell(self, received: Input) -> None:
        """An input that nobody waits for. Raises InboxFull when too much is waiting."""
        self._require_room(received)
        self._queue.put_nowait(Waiting(received, None))

    async def ask(self, received: Input) -> Outcome:
        """An input whose outcome is on record when this returns.

        Raises StoreError when it cannot be recorded, NotReady before the market's time is known, InboxFull
        when too much is waiting.
        """
        if self.now is None:
            raise NotReady(
                "the gateway is starting: it has not heard the market's time yet; try again in a moment"
            )
        if self.failure:
            raise self._refusal()
        self._require_room(received)
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(Waiting(received, answer))
        return await answer

    async def answered(self, order_id: OrderId, seconds: float) -> None:
        """Return when the broker has said anything of the order, or it was not sent, or after `seconds`."""
        order = self.engine.state.book.orders.by_id.get(order_id)
        if order is not None:
            await self._answers.wait(order, seconds)

    def _released(self, items: Iterator[Input | Instant]) -> None:
        """Queue what the inbox lets go. It was taken in before: to refuse it now would lose it."""
        for item in items:
            received = TimeReached(item) if isinstance(item, int) else item
            self._queue.put_nowait(Waiting(received, None))

    def _require_room(self, received: Input | None = None) -> None:
        if self._queue.qsize() + len(self._kept) + self._inbox.held >= self._capacity + reserve_for(received):
            raise InboxFull(
                f"{self._capacity} inputs are waiting, the most that are kept; try again in a moment"
            )

    # The loop.

    async def run(self) -> None:
        """Handle inputs until cancelled; nothing before the market's time is known.

        Raises StoreError if the start cannot be recorded.
        """
        await self._open_segment()
        while True:
            batch = [] if self._kept and not self.failure else await self._next()
            while len(batch) < self._batch_max and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            if self.failure:
                self._hold(batch)
            else:
                kept, self._kept = self._kept, []
                self.turns += 1
                await self._handle([*kept, *batch])
                self.turns += 1

    async def sign_head(self) -> None:
        """Sign the journal's present head: what stands up to it cannot be cut unseen. Raises StoreError."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._journal.sign_head)

    async def stop(self, reason: str) -> None:
        """Seal the segment, once nothing is handled any more.

        A store that cannot be written stays unsealed, as after a crash.
        """
        if self.started.is_set() and not self.failure:
            await self._commit(
                [*(each.step for each in self._lingering.take()), self._step(Stopping(reason))]
            )
        if self._retry is not None:
            self._retry.cancel()
        self._writer.shutdown(wait=True)

    async def _open_segment(self) -> None:
        """Open the segment at the first time that is known; what came before waits for it."""
        early = self._kept
        while not early or not isinstance(early[-1].received, TimeReached):
            early.append(await self._queue.get())
        first = early[-1].received.time
        self._clock.advance(first)
        state = self.engine.state
        self._dispatcher.begin(*known_before(state.book))
        step = self.engine.start(self._segment(state), first, self._meanwhile(state))
        recorded = await asyncio.get_running_loop().run_in_executor(
            self._writer, self._journal.append, step.records
        )
        await self.sign_head()
        self._tell_listeners(recorded)
        self.started.set()

    async def _next(self) -> list[Waiting]:
        """The next input; none where what lingers has waited long enough for it."""
        try:
            async with asyncio.timeout_at(self._lingering.until_seconds):
                return [await self._queue.get()]
        except TimeoutError:
            return []

    async def _handle(self, batch: list[Waiting]) -> None:
        news = [Handled(waiting, self._step(waiting.received)) for waiting in batch]
        orders = self.engine.state.book.orders
        self._answers.taken(orders, (record for each in news for record in each.step.records))
        handled = self._lingering.with_company(news, asyncio.get_running_loop().time())
        if not await self._commit([each.step for each in handled]):
            self._hold([each.waiting for each in handled])
            return
        for each in handled:
            received, answer = each.waiting.received, each.waiting.answer
            if answer is not None and not answer.done():
                answer.set_result(Outcome(each.step.refusal))
            if isinstance(received, TimeReached):
                for reached in self.reached_listeners:
                    reached(received.time)
        if any(each.step.resync for each in handled):
            self._resync()

    def _step(self, received: Input) -> Step:
        match received:
            case TimeReached():
                self._clock.advance(received.time)
            case MarketSeen(event=Bar() as bar):
                # A bar is known at its end, so its being here says that it is that late.
                self._clock.advance(bar.end)
            case _:
                pass
        return self.engine.handle(received, self.now or self.engine.state.last_time)

    async def _commit(self, steps: list[Step]) -> bool:
        """Record what the steps made, then send.

        False when the disk did not take it; nothing was sent then.
        """
        sealed = [record for step in steps for record in step.records]
        if not sealed:
            return True
        try:
            recorded = await asyncio.get_running_loop().run_in_executor(self._writer, self._write, sealed)
        except StoreError as error:
            self._unsent += [send.event for step in steps for send in step.sends]
            self._fail(str(error))
            return False
        stopped = self._send_all(steps, recorded)
        self._tell_listeners(recorded)
        self._answers.recorded(self.engine.state.book.orders, sealed)
        if stopped and not await self._commit([self._step(look) for look in stopped]):
            self._kept += [Waiting(look, None) for look in stopped]
        return True

    def _write(self, sealed: Sequence[Sealed[Event]]) -> tuple[Recorded[Event], ...]:
        """Commit, in the writer's thread. What halts or lets go is anchored at once, so its loss is seen."""
        recorded = self._journal.append(sealed)
        if any(isinstance(each.event, _ANCHORED) for each in sealed):
            self._journal.sign_head()
        return recorded

    def _tell_listeners(self, recorded: Sequence[Recorded[Event]]) -> None:
        for listener in self.listeners:
            listener(recorded)

    def _send_all(self, steps: Sequence[Step], recorded: Sequence[Recorded[Event]]) -> list[Input]:
        """Hand over what the steps send, now that it is on record; what is told of that which stays here."""
        sends = {send.sequence for step in steps for send in step.sends}
        self._dispatcher.take_in(recorded)
        return [found for each in recorded if each.sealed.sequence in sends for found in self._send(each)]

    def _send(self, recorded: Recorded[Event]) -> tuple[Input, ...]:
        """Hand a recorded instruction to the dispatcher; what its last look stops comes back as inputs."""
        event = recorded.event
        if isinstance(event, CancelRequested):
            self._dispatcher.cancel(cast("Recorded[CancelRequested]", recorded))
            return ()
        leaving = cast("Recorded[Leaving]", recorded)
        order = self.engine.state.book.orders.by_id[leaving.event.order_id]
        stopped = self._dispatcher.submit(
            leaving,
            effect=order.effect,
            grant=self.engine.rules.grant_of(order.agent),
            state=lambda: self._state_for(order.proposal),
            is_over=lambda: order.proposal.is_over(self.now),
        )
        return () if stopped is None else inputs_of(stopped.reason, stopped.imbalance, order)

    def _state_for(self, proposal: Proposal) -> TradingState:
        """What holds for the order at this moment; a store that cannot be written halts it, too."""
        return TradingState.HALTED if self.failure else self.engine.standing(proposal).state

    # When the disk fails.

    def _fail(self, failure: str) -> None:
        self.failure = failure
        self._retry = asyncio.get_running_loop().create_task(self._come_back(), name="store-retry")

    def _hold(self, batch: list[Waiting]) -> None:
        """Refuse those who wait for an answer; keep what nobody may tell again."""
        if self._retry is not None and self._retry.done():
            self._retry.result()  # An error that time does not mend ends the process.
        for waiting in batch:
            if waiting.answer is None:
                self._kept.append(waiting)
            elif not waiting.answer.done():
                waiting.answer.set_exception(self._refusal())

    def _refusal(self) -> StoreError:
        return StoreError(f"nothing new is decided, because the journal cannot be written: {self.failure}")

    async def _come_back(self) -> None:
        """Try the disk until it takes a latch; then go on, halted, and ask the broker for what was missed."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(RETRY_STORE_SECONDS)
            try:
                engine = await loop.run_in_executor(self._writer, self._refold)
                before = known_before(engine.state.book)
                latch = HaltAsked(
                    EVERYTHING,
                    TradingState.HALTED,
                    "journal",
                    f"the store could not be written: {self.failure}",
                )
                step = engine.handle(latch, self.now or engine.state.last_time)
                recorded = await loop.run_in_executor(self._writer, self._journal.append, step.records)
            except StoreError as error:
                self.failure = str(error)
                continue
            engine.take_over(self.engine)
            self._dispatcher.begin(*before)
            self.engine, self.failure = engine, ""
            stopped = (*self._send_all([step], recorded), *never_sent(engine.state.book, self._unsent))
            self._unsent, self._kept = [], [*(Waiting(each, None) for each in stopped), *self._kept]
            for refolded in self.refolded_listeners:
                refolded()
            self._resync()
            # The loop wakes to handle what was kept; whoever waits for the time is told it again.
            self._queue.put_nowait(Waiting(TimeReached(self.now or engine.state.last_time), None))
            return
