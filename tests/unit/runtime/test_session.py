"""The shell: recorded before sent, refused when the disk fails, and one task that owns the engine."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from agenttrader.adapters.clocks import WatermarkClock
from agenttrader.adapters.journal_reader import read_records
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.authority import EVERYTHING, Act
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import ConfigurationError, InboxFull, NotReady, StoreError
from agenttrader.model.events import (
    Accepted,
    CancelRequested,
    Decided,
    Event,
    Halted,
    Leaving,
    SegmentOpened,
    SegmentSealed,
    Sending,
    Withheld,
)
from agenttrader.model.identifiers import AgentName, OrderId
from agenttrader.model.instructions import Instruction
from agenttrader.model.market import Watermark
from agenttrader.model.orders import OrderState
from agenttrader.model.records import Recorded, Sealed
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import Order
from agenttrader.ports.journal import Journal
from agenttrader.ports.order_route import Look
from agenttrader.runtime import lingering
from agenttrader.runtime import session as session_module
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inbox import ArrivalInbox, Inbox, WatermarkInbox
from agenttrader.runtime.inputs import (
    RESERVE_FOR_LINKS,
    RESERVE_FOR_TIGHTENING,
    CancelAsked,
    GroupProposed,
    HaltAsked,
    Input,
    LinkSeen,
    Proposed,
    StatementGiven,
    SwitchSeen,
    WindowCloseAsked,
)
from agenttrader.runtime.instructions import departure_of
from agenttrader.runtime.lingering import LINGER_SECONDS
from agenttrader.runtime.recovery import fold
from agenttrader.runtime.session import Session
from agenttrader.testing.builders import (
    ACCOUNT,
    ALFA,
    MULTIPLIERS,
    OPEN,
    SWITCH,
    at,
    bar,
    closing_proposal,
    execution,
    proposal,
    report,
    reported_legs,
    rules,
    segment,
    signed,
    switch,
)
from agenttrader.testing.driver import READY
from agenttrader.testing.state_dump import dump_state

D = Decimal
AN_AGENTS_CANCEL = CancelAsked(OrderId("o-1"), "bot", "asked for", AgentName("bot"))
K, S = ReportKind, OrderState


class SpyRoute:
    """A route that looks at the disk, through a reader of its own, whenever something leaves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.left: list[Event] = []
        self.looks = True

    def submit(self, order: Recorded[Leaving], look: Look, *, urgent: bool) -> None:  # noqa: ARG002 - the port
        self._must_be_on_disk(order)

    def cancel(self, request: Recorded[CancelRequested]) -> None:
        self._must_be_on_disk(request)

    def _must_be_on_disk(self, recorded: Recorded[Any]) -> None:
        if self.looks:
            found = list(read_records(self.path, recorded.sealed.sequence - 1))
            assert found, f"record {recorded.sealed.sequence} is not on disk"
            assert found[0].hash == recorded.sealed.hash
        self.left.append(recorded.event)


class Switch:
    """A wired switch that a test moves."""

    name = SWITCH
    is_movable = True

    def __init__(self) -> None:
        self.state = TradingState.ACTIVE

    def read(self) -> SwitchReading:
        return switch(self.state)

    def move(self, *, halted: bool, reason: str) -> None:
        del reason
        self.state = TradingState.HALTED if halted else TradingState.ACTIVE


class FickleDisk:
    """A journal whose disk can be full, and which counts the commits that it made."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.is_full = False
        self.commits = 0

    def append(self, records: Sequence[Sealed[Event]]) -> tuple[Recorded[Event], ...]:
        if self.is_full:
            raise StoreError("the disk is full; make room")
        self.commits += 1
        return self.journal.append(records)

    def read(self, after: int = 0) -> Iterator[Sealed[Event]]:
        return self.journal.read(after)

    def sign_head(self) -> None:
        self.journal.sign_head()

    def close(self) -> None:
        self.journal.close()


class Gateway:
    """A session on a real journal, its route and its switch, and what its listeners heard."""

    def __init__(
        self,
        folder: Path,
        *,
        inbox: Inbox[Input] | None = None,
        capacity: int = 1_000,
        batch_max: int = 64,
    ) -> None:
        self.path = folder / "journal"
        store = SqliteJournal(
            self.path, account=ACCOUNT, heads_folder=folder / "heads", key_folder=folder / "keys"
        )
        self.disk = FickleDisk(store)
        self.route, self.switch = SpyRoute(self.path), Switch()
        self.resyncs = self.refolds = 0
        self.heard: list[Event] = []
        self.reached: list[Instant] = []
        self.refold: Callable[[], Engine] = self._fold
        self.session = Session(
            engine=self._fold(),
            segment=lambda state: segment(1 if state.segment is None else state.segment.epoch + 1),
            refold=lambda: self.refold(),  # noqa: PLW0108 - a test may put another in its place
            journal=self.disk,
            dispatcher=Dispatcher(
                self.route, [self.switch], lambda reading: self.session.tell(SwitchSeen(reading))
            ),
            clock=WatermarkClock(),
            inbox=inbox or ArrivalInbox[Input](),
            capacity=capacity,
            batch_max=batch_max,
            resync=self._resync,
        )
        self.session.listeners.append(lambda told: self.heard.extend(each.event for each in told))
        self.session.reached_listeners.append(self.reached.append)
        self.session.refolded_listeners.append(self._refolded)
        self.running: asyncio.Task[None] | None = None

    def _fold(self) -> Engine:
        return Engine(rules(), *fold(self.disk, MULTIPLIERS))

    def _resync(self) -> None:
        self.resyncs += 1

    def _refolded(self) -> None:
        self.refolds += 1

    def run(self) -> None:
        self.running = asyncio.create_task(self.session.run())

    async def start(self) -> None:
        """Running, and as far as it must be to trade."""
        self.run()
        self.session.market(Watermark(time=OPEN))
        await self.session.started.wait()
        for received in READY:
            self.session.tell(received)
        await self.settle()

    async def settle(self) -> None:
        """Everything that was put before has been handled."""
        await self.session.ask(SwitchSeen(switch(TradingState.ACTIVE)))

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.005)

    async def propose(self, number: int = 1, **changes: Any) -> OrderId:
        entry = proposal(number, **changes)
        assert (await self.session.ask(Proposed(entry))).refusal == ""
        return entry.id

    def order(self, order_id: OrderId) -> Order:
        return self.session.engine.state.book.orders.by_id[order_id]

    def accept(self, order_id: OrderId) -> None:
        order = self.order(order_id)
        assert order.client_id is not None
        legs = reported_legs(f"broker-{order.client_id}", D(95), D(110))
        self.session.broker(report(K.ACCEPTED, order.client_id, legs=legs))

    def on_disk(self) -> list[Event]:
        return [record.event for record in read_records(self.path)]

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            with contextlib.suppress(asyncio.CancelledError, StoreError, ConfigurationError):
                await self.running
        await self.session.stop("the test is over")
        self.disk.close()


@pytest.fixture
async def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    monkeypatch.setattr(session_module, "RETRY_STORE_SECONDS", 0.02)
    made = Gateway(tmp_path)
    yield made
    await made.stop()


# Starting.


async def test_before_the_markets_time_is_known_nothing_is_asked_or_recorded(gateway: Gateway) -> None:
    gateway.run()
    with pytest.raises(NotReady, match="it has not heard the market's time yet; try again in a moment"):
        await gateway.session.ask(Proposed(proposal()))
    gateway.session.tell(LinkSeen("broker", up=True, reason="connected"))
    await asyncio.sleep(0.02)
    assert gateway.on_disk() == []
    assert not gateway.session.started.is_set()


async def test_the_segment_opens_at_the_first_time_and_what_came_before_follows_it(gateway: Gateway) -> None:
    gateway.run()
    gateway.session.tell(LinkSeen("broker", up=True, reason="connected"))
    gateway.session.market(Watermark(time=OPEN))
    await gateway.session.started.wait()
    await gateway.settle()
    assert [type(event).__name__ for event in gateway.on_disk()] == ["SegmentOpened", "LinkChanged"]
    assert gateway.session.now == OPEN
    assert gateway.heard == gateway.on_disk()
    assert gateway.reached == [OPEN]


async def test_a_start_that_cannot_be_recorded_raises(gateway: Gateway) -> None:
    gateway.disk.is_full = True
    gateway.session.market(Watermark(time=OPEN))
    with pytest.raises(StoreError, match="the disk is full"):
        await gateway.session.run()
    assert not gateway.session.started.is_set()


async def test_the_clock_goes_by_bars_and_watermarks(gateway: Gateway) -> None:
    await gateway.start()
    assert gateway.session.now == at(1)
    gateway.session.market(bar(4, 101))
    await gateway.settle()
    assert gateway.session.now == at(4)
    assert gateway.session.engine.market.prices[ALFA] == 101
    gateway.session.market(Watermark(time=at(5)))
    await gateway.settle()
    assert gateway.session.now == at(5)


# Recorded, then sent.


async def test_what_leaves_is_on_disk_before(gateway: Gateway) -> None:
    await gateway.start()
    entry = await gateway.propose()
    assert [type(event) for event in gateway.route.left] == [Decided]
    gateway.accept(entry)
    outcome = await gateway.session.ask(CancelAsked(entry, "ada", "why"))
    assert outcome.refusal == ""
    assert [type(event) for event in gateway.route.left] == [Decided, CancelRequested]


async def test_an_outcome_is_on_record_when_it_is_told(gateway: Gateway) -> None:
    await gateway.start()
    entry = await gateway.propose()
    assert any(isinstance(event, Decided) and event.order_id == entry for event in gateway.on_disk())
    outcome = await gateway.session.ask(WindowCloseAsked("ada", "enough"))
    assert outcome.refusal == ""
    assert (await gateway.session.ask(WindowCloseAsked("ada", "enough"))).refusal == "no window is open"


async def test_what_the_last_look_stops_is_withheld_and_never_leaves(gateway: Gateway) -> None:
    await gateway.start()
    gateway.switch.state = TradingState.HALTED
    entry = await gateway.propose()
    assert gateway.route.left == []
    assert gateway.order(entry).state is S.WITHHELD
    assert any(isinstance(event, Withheld) and event.order_id == entry for event in gateway.on_disk())


def grown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine makes of each approval an order that is larger: what nobody foresaw."""

    def larger(*asked: Any) -> Instruction:
        instruction = departure_of(*asked)
        return structs.replace(instruction, quantity=instruction.quantity * 2)

    monkeypatch.setattr("agenttrader.runtime.engine.departure_of", larger)


async def test_an_order_that_is_larger_than_its_approval_never_leaves_and_everything_halts(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gateway.start()
    grown(monkeypatch)
    entry = await gateway.propose()
    assert gateway.route.left == []
    assert gateway.order(entry).state is S.WITHHELD
    (halted,) = [event for event in gateway.on_disk() if isinstance(event, Halted)]
    assert (halted.scope, halted.state, halted.by) == (EVERYTHING, TradingState.HALTED, "balance")
    assert halted.reason.endswith("expected a quantity of at most 10, found 20")
    monkeypatch.undo()
    again = await gateway.propose(2)
    assert gateway.order(again).denied_by == "trading_state"
    assert (await gateway.session.ask(StatementGiven(signed(Act.RESUME)))).refusal == ""
    await gateway.propose(3)
    assert [event.order_id for event in gateway.route.left if isinstance(event, Decided)] == [proposal(3).id]


async def test_a_close_that_waited_over_a_restart_is_still_known_as_approved(tmp_path: Path) -> None:
    first = Gateway(tmp_path)
    await first.start()
    entry = await first.propose()
    first.accept(entry)
    order = first.order(entry)
    first.session.broker(report(K.FILLED, order.client_id or "", execution=execution()))
    await first.settle()
    close = closing_proposal()
    assert (await first.session.ask(Proposed(close))).refusal == ""
    assert first.order(close.id).state is S.APPROVED
    await first.stop()
    second = Gateway(tmp_path)
    await second.start()
    for leg in second.order(entry).protection:
        second.session.broker(report(K.CANCELED, "", broker_order_id=leg.broker_id))
    await second.settle()
    assert [event.order_id for event in second.route.left if isinstance(event, Sending)] == [close.id]
    assert second.order(close.id).state is S.SENDING
    await second.stop()


async def test_a_halt_in_the_same_batch_stops_what_was_approved_before_it(gateway: Gateway) -> None:
    await gateway.start()
    entry = proposal()
    gateway.session.tell(Proposed(entry))
    gateway.session.tell(WindowCloseAsked("ada", "enough"))
    await gateway.settle()
    assert gateway.route.left == []
    assert gateway.order(entry.id).state is S.WITHHELD


async def test_sixty_four_inputs_are_one_commit(gateway: Gateway) -> None:
    await gateway.start()
    gateway.route.looks, before = False, gateway.disk.commits
    await asyncio.gather(*(gateway.propose(number) for number in range(64)))
    assert gateway.disk.commits == before + 1
    assert len(gateway.route.left) == 64
    await asyncio.gather(*(gateway.propose(number) for number in range(100, 165)))
    assert gateway.disk.commits == before + 3


async def test_listeners_hear_every_record_in_order_and_the_time_after_it(gateway: Gateway) -> None:
    told: list[str] = []
    gateway.session.listeners.append(lambda recorded: told.extend(each.sealed.kind for each in recorded))
    gateway.session.reached_listeners.append(lambda time: told.append(f"reached {time - OPEN}"))
    await gateway.start()
    assert gateway.heard == gateway.on_disk()
    assert told[-1] == f"reached {at(1) - OPEN}"
    assert told.index("day_opened.1") < told.index(told[-1])


async def test_a_journal_may_return_records_of_its_own_making(gateway: Gateway) -> None:
    append = gateway.disk.append

    def copying(records: Sequence[Sealed[Event]]) -> tuple[Recorded[Event], ...]:
        append(records)
        return tuple(Recorded(sealed) for sealed in read_records(gateway.path, records[0].sequence - 1))

    gateway.disk.append = copying  # type: ignore[method-assign]
    await gateway.start()
    await gateway.propose()
    assert len(gateway.route.left) == 1


# Waiting for the broker.


async def test_an_answer_is_the_brokers_first_word(gateway: Gateway) -> None:
    await gateway.start()
    entry = await gateway.propose()
    waiting = asyncio.create_task(gateway.session.answered(entry, 5))
    await asyncio.sleep(0)
    assert not waiting.done()
    gateway.accept(entry)
    await asyncio.wait_for(waiting, 2)
    assert gateway.order(entry).state is S.ACCEPTED


async def test_the_brokers_yes_is_answered_at_once_and_lingers_for_company(gateway: Gateway) -> None:
    await gateway.start()
    entry = await gateway.propose()
    commits = gateway.disk.commits
    waiting = asyncio.create_task(gateway.session.answered(entry, 5))
    await asyncio.sleep(0)
    gateway.accept(entry)
    await asyncio.wait_for(waiting, 2)
    assert gateway.disk.commits == commits
    await gateway.propose(2)
    assert gateway.disk.commits == commits + 1
    assert [type(event) for event in gateway.on_disk()][-2:] == [Accepted, Decided]


async def test_a_yes_without_company_is_on_disk_soon(gateway: Gateway) -> None:
    await gateway.start()
    entry = await gateway.propose()
    gateway.accept(entry)
    async with asyncio.timeout(2):
        while not isinstance(gateway.on_disk()[-1], Accepted):  # noqa: ASYNC110 - a file raises no event
            await asyncio.sleep(LINGER_SECONDS)


async def test_what_comes_meanwhile_does_not_make_it_linger_for_longer(gateway: Gateway) -> None:
    await gateway.start()
    entry = await gateway.propose()
    gateway.accept(entry)
    async with asyncio.timeout(2):
        while not isinstance(gateway.on_disk()[-1], Accepted):
            gateway.accept(entry)  # told again: no news
            await asyncio.sleep(LINGER_SECONDS / 5)


async def test_no_more_than_a_batch_lingers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER_SECONDS", 60)
    gateway = Gateway(tmp_path, batch_max=2)
    await gateway.start()
    entries = [await gateway.propose(number) for number in (1, 2)]
    for entry in entries:
        gateway.accept(entry)
    await gateway.until(lambda: isinstance(gateway.on_disk()[-1], Accepted))
    await gateway.stop()


async def test_what_the_broker_does_not_remember_for_us_does_not_linger(gateway: Gateway) -> None:
    await gateway.start()
    entry = await gateway.propose()
    commits = gateway.disk.commits
    waiting = asyncio.create_task(gateway.session.answered(entry, 5))
    await asyncio.sleep(0)
    gateway.session.broker(report(K.REJECTED, gateway.order(entry).client_id or ""))
    await asyncio.wait_for(waiting, 2)
    assert gateway.disk.commits == commits + 1


async def test_what_lingers_is_committed_before_the_seal(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    await gateway.start()
    entry = await gateway.propose()
    gateway.accept(entry)
    await asyncio.sleep(0)
    await gateway.stop()
    kinds = [type(event) for event in gateway.on_disk()]
    assert kinds[-2:] == [Accepted, SegmentSealed]


async def test_what_was_denied_or_never_sent_is_answered_already(gateway: Gateway) -> None:
    await gateway.start()
    denied = await gateway.propose(quantity=D(5_000))
    await asyncio.wait_for(gateway.session.answered(denied, 5), 0.5)
    await asyncio.wait_for(gateway.session.answered(OrderId("nobody's"), 5), 0.5)


# Full.


async def test_more_than_the_capacity_is_refused_and_nothing_of_it_is_taken(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, capacity=3)
    for _ in range(3):
        gateway.session.tell(AN_AGENTS_CANCEL)
    full = "3 inputs are waiting, the most that are kept; try again"
    with pytest.raises(InboxFull, match=full):
        gateway.session.tell(AN_AGENTS_CANCEL)
    with pytest.raises(InboxFull, match=full):
        gateway.session.market(Watermark(time=OPEN))
    with pytest.raises(InboxFull, match=full):
        gateway.session.broker(report(K.ACCEPTED, "at-1"))
    assert gateway.session._inbox.reached is None
    await gateway.stop()


async def test_a_halt_finds_room_where_nothing_else_does(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, capacity=20)
    await gateway.start()
    asked = [asyncio.create_task(gateway.propose(number)) for number in range(25)]
    await asyncio.sleep(0)
    halt = HaltAsked(EVERYTHING, TradingState.HALTED, "ada", "a flood")
    assert (await gateway.session.ask(halt)).refusal == ""
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert any(isinstance(each, InboxFull) for each in outcomes)
    await gateway.stop()


async def test_agents_leave_the_reserve_to_persons_and_links_leave_them_most_of_it(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, capacity=3)

    def flood(received: Input) -> int:
        for taken in itertools.count():
            try:
                gateway.session.tell(received)
            except InboxFull:
                return taken
        raise AssertionError

    assert flood(AN_AGENTS_CANCEL) == 3
    assert flood(LinkSeen("broker", up=False, reason="a flood")) == RESERVE_FOR_LINKS
    persons = (
        HaltAsked(EVERYTHING, TradingState.HALTED, "ada", "a flood"),
        WindowCloseAsked("ada", "a flood"),
        CancelAsked(OrderId("o-1"), "ada", "a flood"),
    )
    for each in persons:
        gateway.session.tell(each)
    assert flood(persons[0]) == RESERVE_FOR_TIGHTENING - RESERVE_FOR_LINKS - len(persons)
    await gateway.stop()


async def test_a_client_is_refused_when_too_much_waits(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, capacity=20)
    await gateway.start()
    asked = [asyncio.create_task(gateway.propose(number)) for number in range(25)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, InboxFull) for each in outcomes) == 5
    await gateway.propose(50)
    await gateway.stop()


async def test_what_is_held_for_its_time_takes_room_and_is_let_go_whole(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, inbox=WatermarkInbox[Input](), capacity=4)
    for minute in (1, 2, 3):
        gateway.session.market(bar(minute, 100 + minute))
    gateway.session.market(Watermark(time=at(3)))
    assert gateway.session._inbox.held == 3
    gateway.session.broker(Watermark(time=at(3)))
    gateway.run()
    await gateway.session.started.wait()
    await gateway.until(lambda: gateway.reached)
    assert gateway.session.engine.market.prices[ALFA] == 103
    await gateway.stop()


# When the disk fails.


async def test_a_failed_commit_sends_nothing_and_says_why(gateway: Gateway) -> None:
    await gateway.start()
    gateway.disk.is_full = True
    with pytest.raises(StoreError) as caught:
        await gateway.propose()
    assert str(caught.value) == (
        "nothing new is decided, because the journal cannot be written: the disk is full; make room"
    )
    assert gateway.route.left == []
    assert gateway.session.failure == "the disk is full; make room"
    with pytest.raises(StoreError, match="nothing new is decided"):
        await gateway.propose(2)


async def test_when_the_disk_is_back_the_engine_is_what_the_disk_holds_and_latched(gateway: Gateway) -> None:
    await gateway.start()
    held = await gateway.propose(1)
    gateway.disk.is_full = True
    with pytest.raises(StoreError):
        await gateway.propose(2)
    assert proposal(2).id in gateway.session.engine.state.book.orders.by_id
    resyncs = gateway.resyncs
    gateway.disk.is_full = False
    await gateway.until(lambda: not gateway.session.failure)
    await gateway.settle()
    state = gateway.session.engine.state
    assert proposal(2).id not in state.book.orders.by_id
    assert state.book.orders.by_id[held].state is S.SENDING
    assert dump_state(state) == dump_state(fold(gateway.disk, MULTIPLIERS)[0])
    (latch,) = [event for event in gateway.on_disk() if isinstance(event, Halted)]
    assert (latch.state, latch.by) == (TradingState.HALTED, "journal")
    assert latch.reason == "the store could not be written: the disk is full; make room"
    assert (gateway.resyncs, gateway.refolds) == (resyncs + 1, 1)
    denied = await gateway.propose(3)
    assert gateway.order(denied).denied_by == "trading_state"
    assert len(gateway.route.left) == 1


async def test_a_group_that_the_disk_does_not_take_never_was(gateway: Gateway) -> None:
    await gateway.start()
    group = GroupProposed(tuple(proposal(number, group="a pair") for number in (1, 2)))
    gateway.disk.is_full = True
    with pytest.raises(StoreError):
        await gateway.session.ask(group)
    gateway.disk.is_full = False
    await gateway.until(lambda: not gateway.session.failure)
    await gateway.settle()
    assert gateway.route.left == []
    assert gateway.session.engine.state.book.orders.by_id == {}
    assert not [event for event in gateway.on_disk() if isinstance(event, Decided)]


async def test_a_group_is_one_commit_and_leaves_after_it(gateway: Gateway) -> None:
    await gateway.start()
    commits = gateway.disk.commits
    await gateway.session.ask(GroupProposed(tuple(proposal(number, group="a pair") for number in (1, 2))))
    assert gateway.disk.commits == commits + 1
    assert [type(event) for event in gateway.route.left] == [Decided, Decided]


async def test_after_a_person_resumes_it_trades_on(gateway: Gateway) -> None:
    await gateway.start()
    gateway.disk.is_full = True
    with pytest.raises(StoreError):
        await gateway.propose(1)
    gateway.disk.is_full = False
    await gateway.until(lambda: not gateway.session.failure)
    assert (await gateway.session.ask(StatementGiven(signed(Act.RESUME)))).refusal == ""
    await gateway.propose(1)
    assert [type(event) for event in gateway.route.left] == [Decided]


async def test_what_nobody_tells_again_is_kept_until_the_disk_is_back(gateway: Gateway) -> None:
    await gateway.start()
    entry = await gateway.propose(1)
    reached = len(gateway.reached)
    gateway.disk.is_full = True
    gateway.accept(entry)
    await gateway.until(lambda: gateway.session.failure)
    gateway.session.market(bar(2, 107))
    gateway.session.tell(LinkSeen("marketdata", up=False, reason="reset"))
    gateway.session.market(Watermark(time=at(2)))
    await asyncio.sleep(0.05)
    assert len(gateway.reached) == reached
    gateway.disk.is_full = False
    await gateway.until(lambda: not gateway.session.failure)
    await gateway.settle()
    engine = gateway.session.engine
    assert gateway.order(entry).state is S.ACCEPTED
    assert engine.market.prices[ALFA] == 107
    assert not engine.state.links["marketdata"].up
    assert at(2) in gateway.reached[reached:]


async def test_the_time_is_told_again_to_whoever_missed_it(gateway: Gateway) -> None:
    await gateway.start()
    gateway.disk.is_full = True
    with pytest.raises(StoreError):
        await gateway.propose(1)
    before = len(gateway.reached)
    gateway.disk.is_full = False
    await gateway.until(lambda: len(gateway.reached) > before)
    assert gateway.reached[-1] == at(1)


async def test_what_is_kept_takes_room(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, capacity=30)
    await gateway.start()
    gateway.disk.is_full = True
    with pytest.raises(StoreError):
        await gateway.propose(1)
    for minute in range(2, 32):
        gateway.session.market(bar(minute))
        await asyncio.sleep(0)
    with pytest.raises(InboxFull):
        gateway.session.market(bar(32))
    with pytest.raises(StoreError, match="nothing new is decided"):
        await gateway.propose(2)
    await gateway.stop()


async def test_a_real_file_that_is_gone_fails_the_commit_and_one_that_is_back_mends_it(
    gateway: Gateway,
) -> None:
    await gateway.start()
    away = gateway.path.with_name("away")
    gateway.path.rename(away)
    with pytest.raises(StoreError, match=r"cannot be written: .*expected to commit"):
        await gateway.propose(1)
    assert gateway.route.left == []
    away.rename(gateway.path)
    await gateway.until(lambda: not gateway.session.failure)
    assert any(isinstance(event, Halted) for event in gateway.on_disk())


async def test_what_the_disk_took_with_an_error_did_not_leave_and_waits_for_nobody(gateway: Gateway) -> None:
    await gateway.start()
    append = gateway.disk.append

    def fails_too_late(records: Sequence[Sealed[Event]]) -> tuple[Recorded[Event], ...]:
        append(records)
        gateway.disk.append = append  # type: ignore[method-assign]
        raise StoreError("an error after all of it was written")

    gateway.disk.append = fails_too_late  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        await gateway.propose(1)
    await gateway.until(lambda: gateway.refolds)
    await gateway.settle()
    orders = gateway.session.engine.state.book.orders.by_id.values()
    (order,) = (each for each in orders if not each.is_leg)
    assert (order.state, gateway.route.left) == (S.WITHHELD, [])
    assert gateway.session.engine.state.book.orders.open_count_total == 0


async def test_a_look_that_could_not_be_recorded_is_recorded_later(gateway: Gateway) -> None:
    await gateway.start()
    gateway.switch.state = TradingState.HALTED
    append = gateway.disk.append

    def fails_once_sent(records: Sequence[Sealed[Event]]) -> tuple[Recorded[Event], ...]:
        gateway.disk.is_full = isinstance(records[0].event, Withheld) and not gateway.refolds
        return append(records)

    gateway.disk.append = fails_once_sent  # type: ignore[method-assign]
    entry = await gateway.propose(1)
    await gateway.until(lambda: gateway.refolds)
    await gateway.settle()
    assert gateway.order(entry).state is S.WITHHELD
    assert gateway.route.left == []


async def test_an_error_that_time_does_not_mend_ends_the_loop(gateway: Gateway) -> None:
    await gateway.start()

    def refuses() -> Engine:
        raise ConfigurationError("instruments: expected ALFA")

    gateway.refold = refuses
    gateway.disk.is_full = True
    with pytest.raises(StoreError):
        await gateway.propose(1)
    await asyncio.sleep(0.1)
    gateway.session.tell(LinkSeen("broker", up=True, reason="connected"))
    assert gateway.running is not None
    with pytest.raises(ConfigurationError):
        await asyncio.wait_for(gateway.running, 2)


# Stopping.


async def test_stopping_seals_and_the_next_process_goes_on(tmp_path: Path) -> None:
    first = Gateway(tmp_path)
    await first.start()
    entry = await first.propose(1)
    await first.stop()
    second = Gateway(tmp_path)
    assert second.on_disk()[-1] == SegmentSealed(reason="the test is over")
    second.run()
    second.session.market(Watermark(time=at(1)))
    await second.session.started.wait()
    assert second.order(entry).state is S.UNKNOWN
    opened = [event for event in second.on_disk() if isinstance(event, SegmentOpened)]
    assert [event.epoch for event in opened] == [1, 2]
    await second.stop()


async def test_stopping_while_the_disk_fails_writes_nothing_and_ends(gateway: Gateway) -> None:
    await gateway.start()
    gateway.disk.is_full = True
    with pytest.raises(StoreError):
        await gateway.propose(1)
    before = gateway.on_disk()
    await asyncio.wait_for(gateway.stop(), 2)
    assert gateway.on_disk() == before
