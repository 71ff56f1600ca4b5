"""A gateway by function calls: the real engine, dispatcher and translation between journal and venue.

What leaves is what the adapter would post (`adapters.alpaca.orders`), what comes is read as the adapter reads
it (`protocols`, `adapters.alpaca.reports`), questions are the adapter's own (`AccountReader`); only the wire
and its tasks are left out. In their place chance has an order or a cancel leave a minute late, an answer come
after the fills or not at all, a message of the stream come twice, and the process die and start again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from http import HTTPStatus
from random import Random
from typing import cast

from msgspec import Struct

from agenttrader.adapters.alpaca.account import AccountReader
from agenttrader.adapters.alpaca.connection import Answer, Connection
from agenttrader.adapters.alpaca.orders import (
    answer_to_cancel,
    answer_to_order,
    body_of,
    cancel_refused,
    lost,
    not_sent,
)
from agenttrader.adapters.alpaca.reports import reports_of_update
from agenttrader.adapters.memory_journal import MemoryJournal
from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.events import CancelRequested, Event, Leaving
from agenttrader.model.identifiers import AccountName, ClientOrderId, derive_client_order_id
from agenttrader.model.market import Bar
from agenttrader.model.records import Chain, Recorded
from agenttrader.model.reports import ExecutionReport
from agenttrader.model.times import Instant
from agenttrader.ports.order_route import Look
from agenttrader.protocols.alpaca_trade_updates import TradeUpdate, decode_stream
from agenttrader.protocols.alpaca_trading import encode
from agenttrader.reconciliation.compare import compare
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import (
    AccountStated,
    Compared,
    Input,
    LinkSeen,
    MarketSeen,
    Reported,
    SwitchSeen,
    TimeReached,
)
from agenttrader.runtime.last_look import inputs_of, known_before
from agenttrader.runtime.recorder import Step
from agenttrader.runtime.recovery import asked_since, book_statement, fold
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State
from agenttrader.testing.careless_world import MULTIPLIERS, SWITCH, segment
from agenttrader.testing.venue_calls import VenueCalls

LATE_PERCENT, LOST_PERCENT, AFTERWARDS_PERCENT, TWICE_PERCENT = 8, 4, 10, 4
"""How often an order leaves a minute late, its answer is lost, or comes after the minute's fills; and how
often the stream says a thing twice."""


class Switch:
    """The wired switch, in somebody's hand."""

    name = SWITCH
    is_movable = True

    def __init__(self) -> None:
        self.state = TradingState.ACTIVE

    def read(self) -> SwitchReading:
        """As it stands now."""
        return SwitchReading(name=SWITCH, state=self.state, reason="a careless hand")

    def move(self, *, halted: bool, reason: str) -> None:  # noqa: ARG002 - the port has it
        """Set it."""
        self.state = TradingState.HALTED if halted else TradingState.ACTIVE


class Posting(Struct, frozen=True, kw_only=True):
    """An order at the moment at which it leaves."""

    leaving: Leaving
    client_order_id: ClientOrderId
    time: Instant


class _Questions:
    """What the adapter's reader asks of its connection, answered by calls."""

    def __init__(self, venue: VenueCalls, account: AccountName) -> None:
        self._venue, self._account = venue, account

    async def check(self) -> None:
        """It is the account that it is."""

    async def get(self, path: str, parameters: dict[str, str] | None = None) -> Answer:
        """The answer to a question."""
        return self._venue.request(self._account, "GET", path, parameters or {})


class CarelessGateway:
    """One account's gateway, its journal in memory. `on_posting` is told of each order as it leaves."""

    def __init__(
        self,
        *,
        venue: VenueCalls,
        rules: Rules,
        switch: Switch,
        chance: Random,
        runner: asyncio.Runner,
        on_posting: Callable[[Posting], None],
        engine: type[Engine] = Engine,
    ) -> None:
        self.epoch = 0
        self._make_engine = engine
        self.engine = engine(rules, State(MULTIPLIERS), Chain())
        self.journal = MemoryJournal()
        self.switch = switch
        self.account = rules.authority.account
        self._venue, self._rules, self._chance, self._runner = venue, rules, chance, runner
        self._on_posting = on_posting
        self._listener = venue.listen(self.account)
        self._dispatcher = self._make_dispatcher()
        self._reader = AccountReader(cast("Connection", _Questions(venue, self.account)), lambda: self.now)
        self._inputs: deque[Input] = deque()
        self._parcels: list[Callable[[], None]] = []
        """Orders and cancels on their way to the venue."""
        self._answers: list[Callable[[], None]] = []
        """What will be heard of them later."""
        self._resync = False
        self.now = rules.calendar.start
        self.comparisons = 0

    # What happens to it.

    def start(self, now: Instant) -> None:
        """Open a segment, ask the broker, and compare: the first process of the day, or the next."""
        self.now = now
        self.epoch += 1
        self._finish(self.engine.start(segment(self.epoch), now))
        for link in ("broker", "marketdata"):
            self.handle(LinkSeen(link, up=True, reason="connected"))
        self.compare()
        self.handle(SwitchSeen(self.switch.read()))

    def die(self) -> None:
        """Stop after all that left has arrived, and before any answer to it has."""
        while self._parcels:
            parcels, self._parcels = self._parcels, []
            for parcel in parcels:
                parcel()
        self._answers.clear()
        self._inputs.clear()

    def start_again(self) -> None:
        """Another process, on what the journal holds."""
        self.engine = self._make_engine(self._rules, *fold(self.journal, MULTIPLIERS))
        self._dispatcher = self._make_dispatcher()
        self._dispatcher.begin(*known_before(self.engine.state.book))
        self.start(self.now)

    def handle(self, received: Input) -> str:
        """Decide on an input and all that follows from it at once; the refusal, or nothing."""
        match received:
            case TimeReached(time) | MarketSeen(Bar(end=time)):
                self.now = max(self.now, time)
            case _:
                pass
        refusal = self._finish(self.engine.handle(received, self.now))
        while self._inputs:
            self._finish(self.engine.handle(self._inputs.popleft(), self.now))
        if self._resync:
            self._resync = False
            self.compare()
        return refusal

    def hear_stream(self) -> None:
        """Read what the venue has said since, word for word."""
        queue = self._listener.queue
        while not queue.empty():
            message = queue.get_nowait()
            assert message is not None, "the stream ended: it was not read for too long"
            told = decode_stream(message)
            if isinstance(told, TradeUpdate):
                reports = reports_of_update(told, message.decode(), self.now)
                self._hand_in(reports * (2 if self._happens(TWICE_PERCENT) else 1))

    def hand_over_parcels(self) -> None:
        """What was under way arrives: orders and cancels at the venue, answers here."""
        parcels, self._parcels = [*self._parcels, *self._answers], []
        self._answers = []
        for parcel in parcels:
            parcel()
        while self._inputs:
            self.handle(self._inputs.popleft())

    def compare(self) -> None:
        """Take in the broker's history, and hold the book against its statement, as after each connect."""
        since = asked_since(self.engine.state)
        self._let_all_arrive()
        self._hand_in(self._runner.run(self._reader.history(since)))
        self._let_all_arrive()
        statement = self._runner.run(self._reader.statement(since))
        self.handle(AccountStated(statement))
        breaks = compare(book_statement(self.engine.state.book, self.account, since), statement)
        self.comparisons += 1
        self.handle(Compared(f"careless-{self.comparisons}", statement, breaks))

    def _let_all_arrive(self) -> None:
        """Until nothing is under way either way: what one says may have the other send more."""
        while self._parcels or self._answers or not self._listener.queue.empty():
            self.hand_over_parcels()
            self.hear_stream()

    # What leaves it: the order route.

    def submit(self, order: Recorded[Leaving], look: Look, *, urgent: bool) -> None:  # noqa: ARG002 - the port
        """See `ports.order_route`: now, or with the next parcels."""
        if self._happens(LATE_PERCENT):
            self._parcels.append(lambda: self._post(order, look))
        else:
            self._post(order, None)

    def cancel(self, request: Recorded[CancelRequested]) -> None:
        """See `ports.order_route`: now, or with the next parcels."""
        if self._happens(LATE_PERCENT):
            self._parcels.append(lambda: self._delete(request))
        else:
            self._delete(request)

    def _post(self, order: Recorded[Leaving], look: Look | None) -> None:
        client_order_id = derive_client_order_id(order.sealed.sequence, order.sealed.hash)
        time, instruction = order.sealed.time, order.event.instruction
        withheld = None if look is None else look()
        if withheld is not None:
            self._inputs.append(Reported(not_sent(client_order_id, time, withheld)))
            return
        assert instruction is not None
        self._on_posting(Posting(leaving=order.event, client_order_id=client_order_id, time=self.now))
        body = encode(body_of(instruction, client_order_id))
        answer = self._venue.request(self.account, "POST", "v2/orders", body=body)
        report = answer_to_order(answer, client_order_id, time)
        # A refusal is never lost here: the venue has no such order then, so the gateway would hold it
        # UNKNOWN, and itself halted, until a person decides.
        if answer.status == HTTPStatus.OK and self._happens(LOST_PERCENT):
            self._inputs.append(Reported(lost(client_order_id, time, "no answer came, by chance")))
            self._answers.append(lambda: self._ask(client_order_id))
        elif self._happens(AFTERWARDS_PERCENT):
            self._answers.append(lambda: self._inputs.append(Reported(report)))
        else:
            self._inputs.append(Reported(report))

    def _ask(self, client_order_id: ClientOrderId) -> None:
        found = self._runner.run(self._reader.find(client_order_id, self.now))
        self._inputs.extend(map(Reported, found))

    def _delete(self, request: Recorded[CancelRequested]) -> None:
        broker_order_id = request.event.broker_order_id
        answer = self._venue.request(self.account, "DELETE", f"v2/orders/{broker_order_id}")
        refusal = answer_to_cancel(answer)
        if refusal:
            self._inputs.append(Reported(cancel_refused(broker_order_id, request.sealed.time, refusal)))

    # The shell of the engine.

    def _finish(self, step: Step) -> str:
        """Commit what the step recorded, then send: `runtime.session`, without its threads."""
        recorded = self.journal.append(step.records)
        self._dispatcher.take_in(recorded)
        sends = {send.sequence for send in step.sends}
        for each in recorded:
            if each.sealed.sequence in sends:
                self._send(each)
        self._resync = self._resync or step.resync
        return step.refusal

    def _send(self, recorded: Recorded[Event]) -> None:
        if isinstance(recorded.event, CancelRequested):
            self._dispatcher.cancel(cast("Recorded[CancelRequested]", recorded))
            return
        leaving = cast("Recorded[Leaving]", recorded)
        order = self.engine.state.book.orders.by_id[leaving.event.order_id]
        stopped = self._dispatcher.submit(
            leaving,
            effect=order.effect,
            state=lambda: self.engine.standing(order.proposal).state,
            is_over=lambda: order.proposal.is_over(self.now),
            grant=self.engine.rules.grant_of(order.agent),
        )
        if stopped is not None:
            self._inputs.extend(inputs_of(stopped.reason, stopped.imbalance, order))

    def _make_dispatcher(self) -> Dispatcher:
        return Dispatcher(self, (self.switch,), lambda reading: self._inputs.append(SwitchSeen(reading)))

    def _hand_in(self, reports: Iterable[ExecutionReport]) -> None:
        for report in reports:
            self.handle(Reported(report))

    def _happens(self, percent: int) -> bool:
        return self._chance.randrange(100) < percent
