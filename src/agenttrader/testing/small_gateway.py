"""A gateway without its sockets: session, stream and desk over a journal in memory and a scripted broker."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from agenttrader.adapters.clocks import WatermarkClock
from agenttrader.adapters.memory_journal import MemoryJournal
from agenttrader.app.gateway.comparing import Comparing
from agenttrader.app.gateway.desk import Desk
from agenttrader.app.gateway.stream import Stream
from agenttrader.app.sections import Agent
from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.authority import Approval, Mode, SignedStatement
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import StatementRefused, StoreError, Unreachable
from agenttrader.model.events import CancelRequested, Event, Leaving
from agenttrader.model.identifiers import ClientOrderId, OrderId, Symbol
from agenttrader.model.market import Watermark
from agenttrader.model.records import Recorded
from agenttrader.model.reports import BrokerStatement, ExecutionReport, ReportKind
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import Order
from agenttrader.ports.order_route import Look
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inbox import ArrivalInbox, Inbox
from agenttrader.runtime.inputs import Input, SwitchSeen
from agenttrader.runtime.recovery import Reconciler, fold
from agenttrader.runtime.session import AdvancingClock, Session
from agenttrader.testing.builders import (
    ACCOUNT,
    MULTIPLIERS,
    OPEN,
    SWITCH,
    broker_statement,
    client_id_of,
    execution,
    report,
    reported_legs,
    rules,
    segment,
    switch,
)
from agenttrader.testing.driver import READY


class ScriptedBroker:
    """A route and an account that say what they are told to say, and nothing of what they are sent."""

    def __init__(self) -> None:
        self.sent: list[Recorded[Leaving]] = []
        self.canceled: list[OrderId] = []
        self.told: list[ExecutionReport] = []
        self.statements: list[BrokerStatement | Unreachable] = [broker_statement()]
        """What is stated, one after the other; the last again and again."""
        self.asked: list[tuple[str, Instant]] = []
        self.known: dict[ClientOrderId, tuple[ExecutionReport, ...]] = {}
        self.found: list[ClientOrderId] = []
        """The ids that were asked for."""
        self.on_submit: Callable[[Recorded[Leaving]], None] | None = None

    def submit(self, order: Recorded[Leaving], look: Look, *, urgent: bool) -> None:  # noqa: ARG002 - the port
        """Take an order."""
        self.sent.append(order)
        if self.on_submit is not None:
            self.on_submit(order)

    def cancel(self, request: Recorded[CancelRequested]) -> None:
        """Take a request to cancel."""
        self.canceled.append(request.event.order_id)

    async def history(self, since: Instant) -> tuple[ExecutionReport, ...]:
        """All that it was told to tell."""
        self.asked.append(("history", since))
        return tuple(self.told)

    async def statement(self, since: Instant) -> BrokerStatement:
        """The next statement; raises the next Unreachable."""
        self.asked.append(("statement", since))
        await asyncio.sleep(0)
        said = self.statements.pop(0) if len(self.statements) > 1 else self.statements[0]
        if isinstance(said, Unreachable):
            raise said
        return said

    async def find(self, client_order_id: ClientOrderId) -> tuple[ExecutionReport, ...]:
        """What is known of the order; NOT_FOUND where that is nothing."""
        self.found.append(client_order_id)
        return self.known.get(client_order_id) or (
            report(ReportKind.NOT_FOUND, client_order_id, broker_order_id=None),
        )


class HandSwitch:
    """A wired halt switch that a hand moves, and that may be stuck."""

    name = SWITCH
    is_movable = True

    def __init__(self) -> None:
        self.state = TradingState.HALTED
        self.is_stuck = False

    def read(self) -> SwitchReading:
        """The switch as it stands."""
        return switch(self.state, "by hand")

    def move(self, *, halted: bool, reason: str) -> None:
        """Set it; StoreError where it is stuck."""
        if self.is_stuck:
            raise StoreError(f"the switch is stuck ({reason})")
        self.state = TradingState.HALTED if halted else TradingState.ACTIVE


def bot(*symbols: Symbol, **more: Any) -> Agent:
    """An agent without strategies, whose entries may leave up to PAPER without a person's approval."""
    fields: dict[str, Any] = {"mode_ceiling": Mode.PAPER, "approval": Approval.AUTO}
    return Agent(symbols=symbols, strategies=(), **(fields | more))


class SmallGateway:
    """One gateway in this process, under rules with these `changes`.

    `envelopes` are the statements whose signatures hold.
    """

    def __init__(
        self,
        *,
        capacity: int = 1_000,
        answer_wait_seconds: float = 2.0,
        every_seconds: int = 1_000_000,
        clock: AdvancingClock | None = None,
        inbox: Inbox[Input] | None = None,
        journal: MemoryJournal | None = None,
        **changes: Any,
    ) -> None:
        ruled = rules(**changes)
        self.journal = journal or MemoryJournal()
        self.broker, self.switch = ScriptedBroker(), HandSwitch()
        self.envelopes: dict[str, SignedStatement] = {}
        self.reports: list[tuple[str, Struct]] = []
        self.owed = asyncio.Event()
        self.session = Session(
            engine=Engine(ruled, *fold(self.journal, MULTIPLIERS)),
            segment=lambda state: segment(1 if state.segment is None else state.segment.epoch + 1),
            refold=lambda: Engine(ruled, *fold(self.journal, MULTIPLIERS)),
            journal=self.journal,
            dispatcher=Dispatcher(
                self.broker, [self.switch], lambda reading: self.session.tell(SwitchSeen(reading))
            ),
            clock=clock or WatermarkClock(),
            inbox=inbox or ArrivalInbox[Input](),
            capacity=capacity,
            batch_max=64,
            resync=self.owed.set,
        )
        self.stream = Stream(self.session)
        self.reconciler = Reconciler(self.session, self.broker, ACCOUNT)
        self.comparing = Comparing(
            self.session, self.reconciler, self.owed, every_seconds, lambda *told: self.reports.append(told)
        )
        self.desk = Desk(
            session=self.session,
            stream=self.stream,
            comparing=self.comparing,
            switches=[self.switch],
            verify=self._verify,
            answer_wait_seconds=answer_wait_seconds,
        )
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Running, at rest."""
        self._running = asyncio.create_task(self.session.run())
        self.session.market(Watermark(time=OPEN))
        await self.session.started.wait()
        await self.settle()

    async def trade(self, heard: Sequence[Input] = READY) -> None:
        """Running, and with all that it needs to trade, or what it has `heard` instead."""
        await self.start()
        self.switch.state = TradingState.ACTIVE
        for received in heard:
            await self.session.ask(received)
        await self.session.ask(SwitchSeen(self.switch.read()))

    async def stop(self) -> None:
        """Ended in order."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        await self.session.stop("the test is over")

    async def settle(self) -> None:
        """What was put before has been handled."""
        await self.session.ask(SwitchSeen(self.switch.read()))

    def order(self, order_id: OrderId) -> Order:
        """The order as the book has it."""
        return self.session.engine.state.book.orders.by_id[order_id]

    def events(self) -> list[Event]:
        """Everything that is on record."""
        return [record.event for record in self.journal.read()]

    def accept(self, sent: Recorded[Leaving]) -> None:
        """The broker takes an order that was sent, with its legs."""
        name, told = client_id_of(sent.sealed), sent.event.instruction
        assert told is not None
        legs = reported_legs(f"broker-{name}", told.stop, told.target)
        self.session.broker(report(ReportKind.ACCEPTED, name, legs=legs, time=self._now()))

    def fill(self, sent: Recorded[Leaving], name: str = "e-1") -> None:
        """The broker fills the whole of an order of one leg at 100."""
        told = sent.event.instruction
        assert told is not None
        made = execution(name, symbol=told.legs[0].symbol, side=told.side, quantity=told.quantity)
        client_id = client_id_of(sent.sealed)
        self.session.broker(report(ReportKind.FILLED, client_id, execution=made, time=self._now()))

    def _now(self) -> Instant:
        return self.session.now or OPEN

    def _verify(self, envelope: str) -> SignedStatement:
        if envelope not in self.envelopes:
            raise StatementRefused("statement: the signature does not cover it")
        return self.envelopes[envelope]
