"""Who waits for the broker's word on an order, and when they are told that it is there."""

import asyncio
from collections.abc import Iterable

from agenttrader.model.events import Event
from agenttrader.model.identifiers import OrderId
from agenttrader.model.orders import OrderState
from agenttrader.model.records import Sealed
from agenttrader.portfolio.ledger import OrderLedger
from agenttrader.portfolio.orders import Order

_WAITING = frozenset({OrderState.APPROVED, OrderState.SENDING})
_TAKEN = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.FILLED})
"""What the broker itself remembers of an order."""


class Answers:
    """A future for each who waits, by order."""

    def __init__(self) -> None:
        self._waiting: dict[OrderId, set[asyncio.Future[None]]] = {}

    @property
    def waited_for(self) -> int:
        """How many orders somebody waits for."""
        return len(self._waiting)

    async def wait(self, order: Order, seconds: float) -> None:
        """Return when the broker has said anything of the order, or it was not sent, or after `seconds`."""
        if order.state not in _WAITING:
            return
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(order.id, set())
        waiting.add(answer)
        try:
            await asyncio.wait((answer,), timeout=seconds)
        finally:
            waiting.discard(answer)
            if not waiting and self._waiting.get(order.id) is waiting:
                del self._waiting[order.id]  # Nobody waits any more for what may never come.

    def taken(self, orders: OrderLedger, records: Iterable[Sealed[Event]]) -> None:
        """These were made and are not on disk yet: whoever waits for an order that the broker took is told.

        The order itself has been on disk since before it was sent. That it was taken the broker remembers:
        a crash now makes it UNKNOWN, and the next start asks.
        """
        for order in self._of(orders, records):
            if order.state in _TAKEN:
                self._tell(order)

    def recorded(self, orders: OrderLedger, records: Iterable[Sealed[Event]]) -> None:
        """These are on disk: whoever waits for an order that waits no more is told."""
        for order in self._of(orders, records):
            if order.state not in _WAITING:
                self._tell(order)

    def _of(self, orders: OrderLedger, records: Iterable[Sealed[Event]]) -> list[Order]:
        if not self._waiting:
            return []
        names = (getattr(record.event, "order_id", None) for record in records)
        return [orders.by_id[name] for name in names if name in self._waiting]

    def _tell(self, order: Order) -> None:
        for answer in self._waiting.pop(order.id, ()):
            if not answer.done():
                answer.set_result(None)
