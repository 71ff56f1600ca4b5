"""A gateway in this process at a venue that is served: session, engine and the real adapter for its broker.

Only its market data come by hand, so that a test says what the market did, and both hear the same.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from agenttrader.adapters.alpaca.broker import AlpacaBroker, Patience
from agenttrader.adapters.clocks import WatermarkClock
from agenttrader.adapters.memory_journal import MemoryJournal
from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.credentials import Credential
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Event
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.instruments import Single, Spread
from agenttrader.model.market import MarketEvent, Watermark
from agenttrader.model.orders import OrderState, Proposal
from agenttrader.model.reports import ExecutionReport
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_surroundings import Surroundings
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inbox import ArrivalInbox
from agenttrader.runtime.inputs import (
    CancelAsked,
    Compared,
    Input,
    LinkSeen,
    Proposed,
    StatementGiven,
    SwitchSeen,
)
from agenttrader.runtime.recovery import Reconciler, fold
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.session import Session
from agenttrader.runtime.state import State
from agenttrader.testing.builders import ACCOUNT, AGENT, MULTIPLIERS, OPEN, rules, segment, signed
from agenttrader.testing.small_gateway import HandSwitch

WAIT_SECONDS = 5


class GatewayAtVenue:
    """One gateway, its journal in memory. `address` is asked for the venue's before each connection."""

    def __init__(
        self,
        address: Callable[[], str | None],
        credential: Credential,
        unprotected_seconds_max: int = 3_600,
        journal: MemoryJournal | None = None,
        meanwhile: Callable[[State], Sequence[Event]] = lambda _: (),
        made: Rules | None = None,
    ) -> None:
        """`journal` is what an earlier one left; `meanwhile` is what happened since; `made` are its rules."""
        made = made or rules()
        account = replace(made.limits.account, unprotected_seconds_max=unprotected_seconds_max)
        made = replace(made, limits=replace(made.limits, account=account))
        self.journal = journal or MemoryJournal()
        self.switch = HandSwitch()
        self.links: list[bool] = []
        self._resync = asyncio.Event()
        clock = WatermarkClock()
        self._broker = broker = AlpacaBroker(
            address=address,
            credential=credential,
            account=ACCOUNT,
            surroundings=Surroundings.SIMULATED,
            clock=clock,
            emit=lambda said: self.session.broker(said),  # noqa: PLW0108 - the session is made of the broker
            link=self._link,
            patience=Patience(
                answer_seconds=1, ask_again_seconds=(0.02, 0.1, 0.3, 1), requests_per_minute_max=None
            ),
        )
        multipliers = dict(MULTIPLIERS) | {each.symbol: each.multiplier for each in _singles(made)}
        self.session = Session(
            engine=Engine(made, *fold(self.journal, multipliers)),
            segment=lambda state: segment(1 if state.segment is None else state.segment.epoch + 1),
            refold=lambda: Engine(made, *fold(self.journal, multipliers)),
            journal=self.journal,
            dispatcher=Dispatcher(
                broker, [self.switch], lambda reading: self.session.tell(SwitchSeen(reading))
            ),
            clock=clock,
            inbox=ArrivalInbox[Input](),
            capacity=1_000,
            batch_max=64,
            resync=self._resync.set,
            meanwhile=meanwhile,
        )
        self.reconciler = Reconciler(self.session, broker, ACCOUNT)
        self._work = (self.session.run, broker.run, self._reconcile)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, time: Instant = OPEN) -> None:
        """Run, and have compared the book with the venue."""
        self.session.market(Watermark(time=time))
        self._tasks = [asyncio.create_task(work()) for work in self._work]
        await self.session.started.wait()
        await self.until(lambda: self.session.engine.state.reconciled is not None)

    async def open(self) -> None:
        """Run, agree with the venue, and be allowed to trade."""
        await self.start()
        self.switch.state = TradingState.ACTIVE
        for received in (
            LinkSeen("marketdata", up=True, reason="by hand"),
            StatementGiven(signed()),
            SwitchSeen(self.switch.read()),
        ):
            await self.session.ask(received)

    async def crash(self) -> None:
        """End as by a power cut: the journal is as it stands."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def close(self) -> None:
        """End in order."""
        await self.crash()
        await self.session.stop("the test is over")

    def hear(self, event: MarketEvent) -> None:
        """Something that the market did."""
        self.session.market(event)

    async def propose(self, proposal: Proposal) -> None:
        """An agent proposes; it has been decided on return."""
        await self.session.ask(Proposed(proposal))

    async def cancel(self, order_id: OrderId) -> None:
        """The agent would like the order to end; it has been asked for on return."""
        await self.session.ask(CancelAsked(order_id, by=AGENT, reason="enough", agent=AGENT))

    async def compare(self) -> Compared:
        """Ask the venue for everything, and hold it against the book."""
        return await self.reconciler.run()

    async def told_again(self) -> tuple[ExecutionReport, ...]:
        """Everything that the venue says happened."""
        return await self._broker.history(OPEN)

    def order(self, order_id: OrderId) -> Order:
        """The order as the book has it."""
        return self.session.engine.state.book.orders.by_id[order_id]

    def state(self, order_id: OrderId) -> OrderState:
        """Where an order stands."""
        return self.order(order_id).state

    def position(self, symbol: Symbol) -> Decimal:
        """What the book holds."""
        holding = self.session.engine.state.book.positions().get(symbol)
        return Decimal(0) if holding is None else holding.quantity

    def events(self) -> list[Event]:
        """Everything that is on record."""
        return [record.event for record in self.journal.read()]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until it holds and what made it so is on record; TimeoutError where in vain.

        Whatever of the gateway has ended meanwhile raises what it ended with.
        """
        async with asyncio.timeout(WAIT_SECONDS):
            while not (condition() and self._is_recorded()):
                for task in self._tasks:
                    if task.done():
                        await task
                await asyncio.sleep(0.002)

    def _is_recorded(self) -> bool:
        """Whether the journal holds all that the engine made: a batch's state is there before its commit."""
        return self.session.engine.chain.sequence == self.journal.sequence

    def _link(self, up: bool, reason: str) -> None:  # noqa: FBT001 - the broker's callback
        self.links.append(up)
        self.session.tell(LinkSeen("broker", up, reason))
        if up:
            self._resync.set()

    async def _reconcile(self) -> None:
        await self.session.started.wait()
        while True:
            await self._resync.wait()
            self._resync.clear()
            await self.reconciler.run()


def _singles(made: Rules) -> list[Single]:
    return [each for each in made.instruments.values() if not isinstance(each, Spread)]
