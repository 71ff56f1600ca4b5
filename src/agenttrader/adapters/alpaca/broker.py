"""A broker account behind Alpaca's protocols: the way orders leave, what is told of them, and the account.

Implements `ports.order_route.OrderRoute` and `ports.broker.Broker` over HTTP and web socket, after Alpaca's
Trading API reference and "Websocket Streaming" (docs.alpaca.markets). It decides nothing about risk and keeps
no book.

At most once. An order, or what comes in the place of one, is sent once, under the client order id that its
record gives, and never again. Where no connection was made it is NOT_SENT. Where one was and no readable
answer came (time-out, reset, 5xx) it is ANSWER_LOST, and is asked for by that id, a bounded number of times.
A replacement that was refused is asked for once, too: it may be there, and what was refused a second copy of
it. What is found is told; if the broker answers to the last that it knows no such order, that is told as
NOT_FOUND, for the engine to judge; if it does not answer, the order stays unknown until the link comes up
again and the history is read.

In order. Orders leave in the order of `submit` (`outbox`); cancels have a lane of their own. No lane waits
for an order that is being asked for. Where the broker's rate limit is near, entries wait for what reduces,
for cancels and for questions (`allowance`), and meet `look` when their turn comes. A cancel that meets 429
all the same is asked for again, which does no harm; an order is not.

Times. A report has the broker's time where it gives one, else the time of the record that it answers.

| does | does not |
|---|---|
| market, limit, stop, stop_limit, trailing_stop; every time in force; extended hours | |
| bracket, oto, oco; several options at once (`mleg`) | |
| replace one order | |
| cancel one order | cancel all, close a position: the gateway closes by orders of its own |
| read orders, positions, clock, fills, other activities by their kind (`activities`) | |
"""

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus

from msgspec import Struct

from agenttrader.adapters.alpaca.account import AccountReader
from agenttrader.adapters.alpaca.allowance import REQUESTS_PER_MINUTE_MAX, Allowance, Urgency
from agenttrader.adapters.alpaca.connection import Connection
from agenttrader.adapters.alpaca.orders import (
    answer_to_cancel,
    answer_to_order,
    body_of,
    cancel_refused,
    changes_of,
    lost,
    not_sent,
)
from agenttrader.adapters.alpaca.outbox import Outbox
from agenttrader.adapters.alpaca.trade_updates import Emit, Link, TradeUpdates
from agenttrader.model.credentials import Credential
from agenttrader.model.errors import AgentTraderError, BadValue, Unreachable, Unsent
from agenttrader.model.events import CancelRequested, Leaving
from agenttrader.model.identifiers import AccountName, BrokerOrderId, ClientOrderId, derive_client_order_id
from agenttrader.model.instructions import Instruction
from agenttrader.model.records import Recorded
from agenttrader.model.reports import BrokerStatement, ExecutionReport, ReportKind
from agenttrader.model.times import Instant
from agenttrader.ports.clock import MarketClock
from agenttrader.ports.order_route import Look
from agenttrader.protocols.alpaca_surroundings import Surroundings
from agenttrader.protocols.alpaca_trading import CLOSED_STATUSES, encode

OUTBOX_MAX = 256
"""Orders that wait, whose answer is awaited, or that are being asked for; one more is NOT_SENT.

Entries are NOT_SENT before that: a part is kept for what reduces.
"""
_TOO_MANY = f"{OUTBOX_MAX} requests wait for the broker's answers, the most that may; this one did not leave"
DELIVER_AGAIN_SECONDS = 0.05
CANCEL_TRIES_MAX = 3
"""How often a cancel is asked for that the broker's rate limit refuses."""


class Patience(Struct, frozen=True, kw_only=True):
    """How long an answer is awaited, and the pauses before each question for an order whose answer was lost.

    The pauses are many seconds in sum because a request may lie somewhere for a while before it arrives.
    """

    answer_seconds: float = 5.0
    ask_again_seconds: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
    requests_per_minute_max: int | None = REQUESTS_PER_MINUTE_MAX
    """None keeps to no limit: for the simulated exchange, whose minutes are those of its data."""


class AlpacaBroker:
    """One account. `run` must be running for orders to leave and reports to come; reading works without it.

    `address` gives the base URL, or None while the broker is not there: asked once, and anew when the stream
    or a connection is lost.
    `emit` takes reports and watermarks, `link` whether the stream tells; both are called from tasks of `run`,
    never within `submit` or `cancel`. After each `link(True, …)` the history must be read. An
    AgentTraderError from either means that nothing more is taken in just now: answers are offered again, the
    stream starts anew. `connection` makes the wire, which is another where nothing shall leave the process.
    """

    def __init__(  # noqa: PLR0913 - who the account is, and where everything that is said of it goes
        self,
        *,
        address: Callable[[], str | None],
        credential: Credential,
        account: AccountName,
        surroundings: Surroundings,
        clock: MarketClock,
        emit: Emit,
        link: Link,
        patience: Patience,
        connection: Callable[..., Connection] = Connection,
    ) -> None:
        allowance = Allowance(patience.requests_per_minute_max, lambda: asyncio.get_running_loop().time())
        self._clock = clock
        self._emit = emit
        self._account = account
        self._ask_again_seconds = patience.ask_again_seconds
        self._connection = connection(
            address=address,
            credential=credential,
            account=account,
            surroundings=surroundings,
            answer_seconds=patience.answer_seconds,
            allowance=allowance,
        )
        self._reader = AccountReader(self._connection, self._now)
        self._updates = TradeUpdates(
            connection=self._connection,
            emit=emit,
            link=link,
            now=self._now,
            # Only the simulated exchange says how far it has told everything.
            watermarks=surroundings is Surroundings.SIMULATED,
        )
        self._orders = Outbox(OUTBOX_MAX, allowance)
        self._cancels = Outbox(OUTBOX_MAX, allowance)
        self._others: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Carry orders and follow the stream until canceled; connections are closed then."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._orders.run())
                group.create_task(self._cancels.run())
                group.create_task(self._updates.follow())
        finally:
            self._group = None
            await self._connection.close()

    async def close(self) -> None:
        """Let go of connections where `run` was never running."""
        await self._connection.close()

    async def probe(self) -> AccountName:
        """The account that answers at the broker's address, after host, account and mode were held together.

        Raises ConfigurationError where they do not fit, Unreachable where nobody answers.
        """
        self._connection.forget()
        await self._connection.verify()
        return self._account

    def submit(self, order: Recorded[Leaving], look: Look, *, urgent: bool = False) -> None:
        """Take the order to be posted once, when its turn comes and `look` lets it."""
        client_order_id = derive_client_order_id(order.sealed.sequence, order.sealed.hash)
        time, instruction = order.sealed.time, order.event.instruction
        assert instruction is not None, f"expected an order that leaves, found {order.event}"
        try:
            request = _request_of(instruction, client_order_id)
        except BadValue as error:
            self._later(self._deliver(not_sent(client_order_id, time, str(error))))
            return
        if len(self._others) >= OUTBOX_MAX or not self._orders.put(
            lambda departed: self._place(request, client_order_id, time, look, departed),
            Urgency.URGENT if urgent else Urgency.ENTRY,
        ):
            self._later(self._deliver(not_sent(client_order_id, time, _TOO_MANY)))

    def cancel(self, request: Recorded[CancelRequested]) -> None:
        """Take the request to cancel. See `ports.order_route`."""
        self._put_cancel(request.event.broker_order_id, request.sealed.time, 1)

    async def statement(self, since: Instant) -> BrokerStatement:
        """See `ports.broker`."""
        return await self._reader.statement(since)

    async def history(self, since: Instant) -> tuple[ExecutionReport, ...]:
        """See `ports.broker`; orders placed earlier that work, or filled since, are told too."""
        return await self._reader.history(since)

    async def find(self, client_order_id: ClientOrderId) -> tuple[ExecutionReport, ...]:
        """See `ports.broker`."""
        return await self._reader.find(client_order_id, self._now())

    async def _place(
        self,
        request: tuple[str, str, bytes],
        client_order_id: ClientOrderId,
        time: Instant,
        look: Look,
        departed: asyncio.Event,
    ) -> None:
        # It may have waited for others' answers; what halted meanwhile stops it here.
        withheld = look()
        if withheld is not None:
            await self._deliver(not_sent(client_order_id, time, withheld))
            return
        try:
            answer = await self._connection.send(*request, departed)
            report = answer_to_order(answer, client_order_id, time)
        except Unsent as error:
            report = not_sent(client_order_id, time, str(error))
        except Unreachable as error:
            report = lost(client_order_id, time, str(error))
        if request[0] == "PATCH" and report.kind is ReportKind.REJECTED:
            report, *others = await self._after_refusal(report, time)
            await self._deliver(report, *others)
        else:
            await self._deliver(report)
        if report.kind is ReportKind.ANSWER_LOST:
            self._later(self._ask(client_order_id, time))

    async def _after_refusal(self, refused: ExecutionReport, time: Instant) -> tuple[ExecutionReport, ...]:
        """What became of a replacement that was refused: of one that somebody sent twice, the second is."""
        try:
            told = await self._reader.find(refused.client_order_id, time)
        except Unreachable as error:
            return (lost(refused.client_order_id, time, f"{refused.reason}; and then {error}"),)
        return (refused,) if told[0].kind is ReportKind.NOT_FOUND else told

    async def _ask(self, client_order_id: ClientOrderId, time: Instant) -> None:
        """Ask what became of an order until it is found; tell NOT_FOUND only if the last answer said so."""
        missing: tuple[ExecutionReport, ...] = ()
        for pause_seconds in self._ask_again_seconds:
            await asyncio.sleep(pause_seconds)
            try:
                told = await self._reader.find(client_order_id, time)
            except Unreachable:
                missing = ()
                continue
            if told[0].kind is not ReportKind.NOT_FOUND:
                await self._deliver(*told)
                return
            missing = told
        await self._deliver(*missing)

    def _put_cancel(self, broker_order_id: BrokerOrderId, time: Instant, attempt: int) -> None:
        if not self._cancels.put(lambda departed: self._delete(broker_order_id, time, attempt, departed)):
            self._later(self._deliver(cancel_refused(broker_order_id, time, _TOO_MANY)))

    async def _delete(
        self, broker_order_id: BrokerOrderId, time: Instant, attempt: int, departed: asyncio.Event
    ) -> None:
        try:
            answer = await self._connection.send("DELETE", f"v2/orders/{broker_order_id}", None, departed)
            if answer.status == HTTPStatus.TOO_MANY_REQUESTS and attempt < CANCEL_TRIES_MAX:
                self._put_cancel(broker_order_id, time, attempt + 1)
                return
            refusal = answer_to_cancel(answer)
        except Unsent as error:
            refusal = str(error)
        except Unreachable:
            refusal = None
        if refusal is None:
            self._later(self._ask_for_end(broker_order_id, time))
        elif refusal:
            await self._deliver(cancel_refused(broker_order_id, time, refusal))

    async def _ask_for_end(self, broker_order_id: BrokerOrderId, time: Instant) -> None:
        """Ask whether the order has ended, after an answer to a cancel that nobody can read.

        CANCEL_REFUSED is told if it goes on: who wanted it canceled must want it again.
        """
        reason = "no answer to the cancel came, and none to the questions after the order"
        for pause_seconds in self._ask_again_seconds:
            await asyncio.sleep(pause_seconds)
            try:
                found = await self._reader.order(broker_order_id)
            except Unreachable:
                continue
            if found is None:
                reason = "no answer to the cancel came, and the broker knows no such order"
                continue
            order, told = found
            if order.status in CLOSED_STATUSES:
                await self._deliver(*told)
                return
            reason = f"no answer to the cancel came, and the order goes on at the broker: {order.status}"
        await self._deliver(cancel_refused(broker_order_id, time, reason))

    async def _deliver(self, *reports: ExecutionReport) -> None:
        """Tell, and where no more is taken in, offer it again until it is: an answer comes only once."""
        for report in reports:
            while True:
                try:
                    self._emit(report)
                    break
                except AgentTraderError:
                    await asyncio.sleep(DELIVER_AGAIN_SECONDS)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        """Do it in a task of `run`, and not within the call that asked for it."""
        assert self._group is not None, "orders leave only while the broker runs"
        task = self._group.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    def _now(self) -> Instant:
        """The market's time; before any is known, the earliest there is: such a report is due at once."""
        return self._clock.now() or Instant(0)


def _request_of(instruction: Instruction, client_order_id: ClientOrderId) -> tuple[str, str, bytes]:
    """Method, path and body of what leaves. Raises BadValue for what Alpaca has no words for."""
    replacing = instruction.replacing
    if replacing is None:
        return "POST", "v2/orders", encode(body_of(instruction, client_order_id))
    body = encode(changes_of(replacing, client_order_id))
    return "PATCH", f"v2/orders/{replacing.broker_order_id}", body
