"""The product, played by the acts of the model: engine, session, dispatcher, comparison and the exchange.

The exchange is called and not connected to, and what is on the wire to it arrives when an act says so. Time
stands still for a gateway; a person lets trading begin, and go on after a start, as soon as the books agree.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from http import HTTPStatus
from typing import assert_never, cast

from msgspec import Struct
from msgspec.structs import replace

from agenttrader.adapters.alpaca.account import AccountReader
from agenttrader.adapters.alpaca.connection import Answer, Connection
from agenttrader.adapters.alpaca.orders import answer_to_order, body_of, lost
from agenttrader.adapters.clocks import WatermarkClock
from agenttrader.adapters.fence import SWITCH as FENCE
from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.authority import Act as Word
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.events import CancelRequested, Decided, Leaving
from agenttrader.model.identifiers import ClientOrderId, derive_client_order_id
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.orders import Proposal
from agenttrader.model.records import Recorded
from agenttrader.model.reports import BrokerStatement, ExecutionReport, ReportKind
from agenttrader.model.times import MINUTE, Instant
from agenttrader.ports.order_route import Look
from agenttrader.protocols.alpaca_trading import NewOrder, encode
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inbox import ArrivalInbox
from agenttrader.runtime.inputs import Input, LinkSeen, Proposed, StatementGiven, SwitchSeen, TimeReached
from agenttrader.runtime.recovery import Reconciler, fold
from agenttrader.runtime.session import Session
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Settings
from agenttrader.simulation.inputs import Session as Day
from agenttrader.simulation.listings import Listing
from agenttrader.testing.builders import (
    ACCOUNT,
    ALFA,
    CASH,
    CLOSE,
    DAY,
    FEES,
    MULTIPLIERS,
    OPEN,
    rules,
    segment,
    signed,
)
from agenttrader.testing.send_protocol.seen import OURS, UNIT, Seen, wished
from agenttrader.testing.send_protocol.state import QUANTITIES, Act, Verb
from agenttrader.testing.send_protocol.stopping import WAIT_SECONDS, Died, StoppingJournal, leaves
from agenttrader.testing.small_gateway import HandSwitch
from agenttrader.testing.venue_calls import VenueCalls

LIMIT_SHARES = 20
QUIET, FILLING = Decimal(100), Decimal(97)
"""A price at which entries rest; one at which they fill."""
BY_HAND = NewOrder(symbol=ALFA, qty=Decimal(UNIT), side="buy", type="market", time_in_force="day")
"""What somebody else does."""
SETTINGS = Settings(
    start=OPEN,
    listings=(Listing(symbol=ALFA, tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name=ACCOUNT, cash=CASH, shorting=False),),
    sessions=(
        Day(date="2026-11-20", open=OPEN, close=CLOSE),
        Day(date="2026-11-23", open=Instant(OPEN + 3 * DAY), close=Instant(CLOSE + 3 * DAY)),
    ),
    fees=FeeSchedule(sec_rate=FEES.sec_rate, taf_rate=FEES.taf_rate, taf_cap=FEES.taf_cap),
    market_reserve_percent=3,
)


class HandFence(HandSwitch):
    """The fence as one gateway sees it: a kill raises it, and nothing takes it down again."""

    name = FENCE
    is_movable = False

    def __init__(self) -> None:
        super().__init__()
        self.state = TradingState.ACTIVE

    def read(self) -> SwitchReading:
        """The fence as it stands."""
        return replace(super().read(), name=FENCE)


class _Sent(Struct):
    """An order on the wire."""

    wish: int
    name: ClientOrderId
    body: NewOrder
    time: Instant
    answer: Answer | None = None
    """The broker's, once it arrived."""


class _Calls:
    """What the reader of an account uses of its connection."""

    def __init__(self, venue: VenueCalls) -> None:
        self._venue = venue

    async def check(self) -> None:
        """It is this account."""

    async def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Answer:
        """Ask the exchange."""
        return self._venue.request(ACCOUNT, "GET", path, parameters or {})


class Product:
    """One account at the exchange, one journal, and whichever gateway runs."""

    def __init__(self) -> None:
        self.journal = StoppingJournal()
        self.venue = VenueCalls(SETTINGS)
        self.wire: list[_Sent] = []
        self.session: Session | None = None
        self._reader = AccountReader(cast("Connection", _Calls(self.venue)), lambda: self.time)
        self._running: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[object] | None = None
        self._words = 0
        self._switch = HandSwitch()
        self._switch.state = TradingState.ACTIVE
        self._fence = HandFence()
        self.time = OPEN
        self._trade(QUIET)

    # The broker, as the gateway's ports have it.

    def submit(self, order: Recorded[Leaving], look: Look, *, urgent: bool) -> None:  # noqa: ARG002 - the port
        """Put it on the wire."""
        name = derive_client_order_id(order.sealed.sequence, order.sealed.hash)
        instruction = order.event.instruction
        assert instruction is not None, "expected an order that leaves"
        (wish,) = (each for each in range(len(QUANTITIES)) if wished(each).id == order.event.order_id)
        self.wire.append(_Sent(wish, name, body_of(instruction, name), order.sealed.time))

    def cancel(self, request: Recorded[CancelRequested]) -> None:
        """No history of the model has one."""
        raise AssertionError(f"expected no cancel, found {request}")

    async def statement(self, since: Instant) -> BrokerStatement:
        """See `ports.broker`."""
        return await self._reader.statement(since)

    async def history(self, since: Instant) -> tuple[ExecutionReport, ...]:
        """See `ports.broker`."""
        return await self._reader.history(since)

    async def find(self, client_order_id: ClientOrderId) -> tuple[ExecutionReport, ...]:
        """See `ports.broker`."""
        return await self._reader.find(client_order_id, self.time)

    # The acts.

    async def do(self, act: Act) -> None:  # noqa: C901 - a row for each of the model's acts
        """Let it happen, and wait until it has."""
        match act.verb:
            case Verb.START:
                await self._start()
            case Verb.CRASH:
                await self.crash()
            case Verb.COMPARE:
                await self._compare()
            case Verb.PROPOSE | Verb.WRITE | Verb.SEND:
                await self._send(act)
            case Verb.KILL:
                self._fence.state = TradingState.FROZEN
            case Verb.SEND_AGAIN:
                raise AssertionError(f"expected an act that the product is played by, found {act}")
            case Verb.ANSWER | Verb.SILENCE | Verb.TELL:
                await self._tell(act.verb, self.wire[act.number])
            case Verb.ARRIVE:
                sent = self.wire[act.number]
                sent.answer = self._post(sent.body)
            case Verb.VANISH:
                pass
            case Verb.FILL:
                self._trade(FILLING)
                self._trade(QUIET)
            case Verb.TRADE_BY_HAND:
                self._post(BY_HAND)
                self._trade(QUIET)
            case _:
                assert_never(act.verb)

    async def _send(self, act: Act) -> None:
        """One step of a proposal's way to the wire."""
        if act.verb is Verb.PROPOSE:
            proposed = Proposed(wished(act.number))
            self._asking = asking = asyncio.create_task(self._session.ask(proposed))
            await self._until(lambda: self.journal.waits.is_set() or asking.done())
            assert not asking.done(), "expected an approval, found a denial"
            return
        self.journal.go_on()
        if act.verb is Verb.WRITE:
            await self._until(self.journal.waits.is_set)
            return
        assert self._asking is not None, "expected a proposal"
        await self._asking
        await self._settle()

    async def _tell(self, verb: Verb, sent: "_Sent") -> None:
        """What the gateway hears of an order that it sent."""
        if verb is Verb.SILENCE:
            await self._hear(lost(sent.name, sent.time, "nobody answered"))
        elif verb is Verb.ANSWER:
            assert sent.answer is not None, "expected an order that arrived"
            await self._hear(answer_to_order(sent.answer, sent.name, sent.time))
        else:
            told = await self.find(sent.name)
            await self._hear(*(each for each in told if each.kind is ReportKind.FILLED))

    def _post(self, order: NewOrder) -> Answer:
        answer = self.venue.request(ACCOUNT, "POST", "v2/orders", body=encode(order))
        assert answer.status == HTTPStatus.OK, answer
        return answer

    async def refuse(self, wished: Proposal) -> None:
        """Propose it: nothing may come of it."""
        asking = asyncio.create_task(self._session.ask(Proposed(wished)))
        await self._until(lambda: self.journal.waits.is_set() or asking.done())
        assert asking.done(), f"expected nothing of {wished}, found an approval"

    async def crash(self) -> None:
        """The gateway ends, wherever it is."""
        if self._running is None:
            return
        if self.journal.waits.is_set():
            self.journal.go_on(dies=True)
        else:
            self._running.cancel()
        with suppress(Died, asyncio.CancelledError):
            await self._running
        if self._asking is not None:
            self._asking.cancel()
        self.session = self._running = self._asking = None

    def seen(self) -> Seen:
        """What the product says."""
        records = [each.event for each in self.journal.read()]
        decided = [each.order_id for each in records if isinstance(each, Decided) and leaves(each)]
        wishes = {wished(each).id: each for each in range(len(QUANTITIES))}
        (positions,) = [self.venue.request(ACCOUNT, "GET", "v2/positions")]
        book, held, may_trade = None, 0, False
        if self.session is not None:
            engine = self.session.engine
            found = engine.state.book.orders.by_id
            book = {number: OURS[found[name].state] for name, number in wishes.items() if name in found}
            holding = engine.state.book.positions().get(ALFA)
            held = 0 if holding is None else int(holding.quantity) // UNIT
            may_trade = engine.standing(wished(0)).state is TradingState.ACTIVE
        return Seen(
            wire=tuple((each.wish, each.answer is not None) for each in self.wire),
            at_broker=_quantity(positions) // UNIT,
            written=tuple(wishes[each] for each in decided),
            book=book,
            held=held,
            may_trade=may_trade,
        )

    # How they are done.

    @property
    def _session(self) -> Session:
        assert self.session is not None, "expected a gateway that runs"
        return self.session

    async def _start(self) -> None:
        made = rules()
        symbol = replace(made.limits.symbol[ALFA], position_quantity_max=Decimal(LIMIT_SHARES))
        limits = replace(made.limits, symbol={**made.limits.symbol, ALFA: symbol})
        wired = ("store", FENCE, self._switch.name)
        made = replace(made, limits=limits, limits_digest=limits.digest, wired_switches=wired)
        self._fence = HandFence()
        self._trade(QUIET)
        self.session = session = Session(
            engine=Engine(made, *fold(self.journal, MULTIPLIERS)),
            segment=lambda state: segment(1 if state.segment is None else state.segment.epoch + 1),
            refold=lambda: Engine(made, *fold(self.journal, MULTIPLIERS)),
            journal=self.journal,
            dispatcher=Dispatcher(
                self, [self._fence, self._switch], lambda read: session.tell(SwitchSeen(read))
            ),
            clock=WatermarkClock(),
            inbox=ArrivalInbox[Input](),
            capacity=1_000,
            batch_max=64,
            resync=lambda: None,
        )
        self._running = asyncio.create_task(session.run())
        session.market(Watermark(time=self.time))
        await session.started.wait()
        session.market(self._bar(QUIET))
        for link in ("broker", "marketdata"):
            await session.ask(LinkSeen(link, up=True, reason="by hand"))
        await self._look_at_switches()

    async def _look_at_switches(self) -> None:
        for switch in (self._fence, self._switch):
            await self._session.ask(SwitchSeen(switch.read()))

    async def _compare(self) -> None:
        """Compare, and let a person begin, or go on, where the books agree."""
        session = self._session
        compared = await Reconciler(session, self, ACCOUNT).run()
        assert not compared.failure, compared.failure
        await session.ask(TimeReached(session.now or self.time))
        await self._look_at_switches()
        state = session.engine.state
        may = session.engine.standing(wished(0)).state is TradingState.ACTIVE
        if compared.breaks or may or self._fence.read().state is not TradingState.ACTIVE:
            return
        latched = [] if not state.standing.latches else [Word.RESUME]
        begins = Word.OPEN_WINDOW if state.standing.window is None else Word.RESUME_WINDOW
        for act in (*latched, begins):
            await self._say(act)
        await self._look_at_switches()

    async def _say(self, act: Word) -> None:
        """A person's word, as of now."""
        segment = self._session.engine.state.segment
        assert segment is not None, "expected a segment"
        self._words += 1
        said = signed(act, epoch=segment.epoch, nonce=f"word {self._words}", start=self._session.now)
        outcome = await self._session.ask(StatementGiven(said))
        assert not outcome.refusal, outcome.refusal

    async def _hear(self, *reports: ExecutionReport) -> None:
        for report in reports:
            self._session.broker(report)
        await self._settle()

    async def _settle(self) -> None:
        """Whatever was told before has been handled."""
        await self._session.ask(LinkSeen("broker", up=True, reason="by hand"))

    def _trade(self, price: Decimal) -> None:
        """A minute of the market at one price; the gateway's own time stands still."""
        self.time = Instant(self.time + MINUTE)
        for said in (self._bar(price), Watermark(time=self.time)):
            self.venue.hear(said)

    def _bar(self, price: Decimal) -> Bar:
        prices = dict.fromkeys(("open", "high", "low", "close"), price)
        start = Instant(self.time - MINUTE)
        return Bar(symbol=ALFA, start=start, interval=MINUTE, volume=Decimal(100_000), **prices)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not holds():
                if self._running is not None and self._running.done():
                    await self._running
                await asyncio.sleep(0)


def _quantity(positions: Answer) -> int:
    class Position(Struct):
        qty: str

    return sum(int(each.qty) for each in positions.as_kind(list[Position]))
