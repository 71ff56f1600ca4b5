"""One sitting at a broker: what was sent in it, what was told of it, and how long that is waited for."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId
from agenttrader.model.instructions import Instruction
from agenttrader.model.market import Watermark
from agenttrader.model.reports import BrokerOrder, ExecutionReport, ReportKind
from agenttrader.model.times import Instant
from agenttrader.ports.broker import Broker

CLEARINGS_MAX = 3
"""How often orders of the sitting are asked to be canceled before they count as left."""

Found = TypeVar("Found")
ENDS = frozenset({ReportKind.CANCELED, ReportKind.EXPIRED, ReportKind.FILLED, ReportKind.REPLACED})
_NEVER_TOOK = frozenset({ReportKind.REJECTED, ReportKind.NOT_SENT, ReportKind.NOT_FOUND})


class UnmetError(Exception):
    """A promise does not hold: a sentence of what was expected and found."""


class Bench:
    """A broker account, as whoever examines it holds it. Only orders of this sitting are ever touched."""

    def __init__(
        self,
        *,
        broker: Broker,
        send: Callable[[Instruction], ClientOrderId],
        again: Callable[[], object],
        cancel: Callable[[BrokerOrderId], None],
        wait_seconds: float,
        now: Instant,
    ) -> None:
        """`send` lets an order leave and gives its id; it raises UnmetError where that was withheld.

        `again` lets the last one leave a second time, under the same id, which nothing else here ever does.
        `wait_seconds` is how long any one thing is waited for.
        """
        self.broker = broker
        self.told: list[ExecutionReport] = []
        self.links: list[tuple[bool, str]] = []
        """Each change of the stream's link, with its reason."""
        self.sent: list[ClientOrderId] = []
        self.since = now
        """When it began; by the broker's own clock, once that is known."""
        self._send = send
        self._again = again
        self._cancel = cancel
        self._wait_seconds = wait_seconds
        self._news = asyncio.Event()

    def hear(self, said: ExecutionReport | Watermark) -> None:
        """Take what the broker tells."""
        if isinstance(said, ExecutionReport):
            self.told.append(said)
            self._news.set()

    def link(self, up: bool, reason: str) -> None:  # noqa: FBT001 - the broker's callback
        """Take that the stream tells, or does not."""
        self.links.append((up, reason))
        self._news.set()

    async def until(self, expected: str, find: Callable[[], Found | None]) -> Found:
        """What `find` finds among what was told, as soon as it does. Raises UnmetError after the wait."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                while (found := find()) is None:
                    self._news.clear()
                    await self._news.wait()
                return found
        except TimeoutError:
            said = ", ".join(f"{each.kind.value} {each.reason}".strip() for each in self.told[-5:])
            raise UnmetError(
                f"expected {expected} within {self._wait_seconds:g} s, found nothing of it; told last: "
                f"{said or 'nothing'}"
            ) from None

    def leave(self, instruction: Instruction) -> ClientOrderId:
        """Let an order leave."""
        client_order_id = self._send(instruction)
        self.sent.append(client_order_id)
        return client_order_id

    async def place(self, instruction: Instruction) -> ExecutionReport:
        """The broker's accept of an order that leaves. Raises UnmetError where it does not take it."""
        client_order_id = self.leave(instruction)
        first = await self.until(
            f"order {client_order_id} to be accepted",
            lambda: self.report(client_order_id, ReportKind.ACCEPTED, *_NEVER_TOOK),
        )
        if first.kind is not ReportKind.ACCEPTED or first.broker_order_id is None:
            raise UnmetError(
                f"expected order {client_order_id} to be accepted under an id of the broker's, found "
                f"{first.kind.value}: {first.reason}"
            )
        return first

    async def repeat(self) -> ExecutionReport:
        """Let the last order leave once more, as it was; the first that is told of its id then."""
        last, before = self.sent[-1], len(self.told)
        self._again()
        return await self.until(
            f"an answer to order {last}, sent a second time",
            lambda: next((each for each in self.told[before:] if each.client_order_id == last), None),
        )

    def cancel(self, broker_order_id: BrokerOrderId | None) -> None:
        """Ask to cancel an order of this sitting."""
        assert broker_order_id is not None, "an accepted order has an id of the broker's"
        self._cancel(broker_order_id)

    def report(self, client_order_id: ClientOrderId, *kinds: ReportKind) -> ExecutionReport | None:
        """The first report of an order of one of `kinds`."""
        return next((each for each in self._of(client_order_id) if each.kind in kinds), None)

    async def open_orders(self) -> tuple[BrokerOrder, ...]:
        """What of this sitting the broker says is open, legs too."""
        legs = {leg.broker_order_id for each in self.told for leg in each.legs if self._is_ours(each)}
        statement = await self.broker.statement(self.since)
        return tuple(
            order
            for order in statement.open_orders
            if order.client_order_id in self.sent or order.broker_order_id in legs
        )

    async def clear(self) -> tuple[BrokerOrder, ...]:
        """Cancel what is open of this sitting; what is left of it after that, by the broker's word."""
        for _ in range(CLEARINGS_MAX):
            left = await self.open_orders()
            if not left:
                return ()
            await self.end({order.broker_order_id for order in left})
        return await self.open_orders()

    async def clear_told(self) -> None:
        """Cancel what was told as accepted in this sitting, and not as ended."""
        working = {each.broker_order_id for each in self.told if each.kind is ReportKind.ACCEPTED}
        await self.end({each for each in working if each is not None} - self._ended())

    async def end(self, orders: set[BrokerOrderId]) -> None:
        """Ask to cancel them, and return when each has ended, or was not ended in the wait."""
        for order in orders - self._ended():
            self._cancel(order)
        with suppress(UnmetError):
            await self.until("the orders to end", lambda: orders <= self._ended() or None)

    def _ended(self) -> set[BrokerOrderId]:
        return {each.broker_order_id for each in self.told if each.kind in ENDS and each.broker_order_id}

    def _is_ours(self, report: ExecutionReport) -> bool:
        return report.client_order_id in self.sent

    def _of(self, client_order_id: ClientOrderId) -> Iterator[ExecutionReport]:
        return (each for each in self.told if each.client_order_id == client_order_id)
