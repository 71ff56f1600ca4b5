"""The second door over Alpaca's protocol: GET and DELETE, and nothing else; implements `ports.kill_door`.

It has a credential and connections of its own, and believes no account but the expected one. What can be
asked twice without harm (questions, cancels) is asked again where no answer came; closing is asked once, and
what became of it is seen at the next look. Sources: "Orders" and "Positions" of docs.alpaca.markets.
"""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus

from agenttrader.adapters.alpaca.connection import Answer, Connection
from agenttrader.adapters.alpaca.reports import stated_order
from agenttrader.model.errors import BadValue, Unreachable
from agenttrader.model.identifiers import BrokerOrderId, Symbol
from agenttrader.model.reports import BrokerPosition
from agenttrader.model.times import MILLISECOND, Instant, from_rfc3339, rfc3339
from agenttrader.model.values import ZERO
from agenttrader.ports.kill_door import Closing, WorkingOrder
from agenttrader.protocols.alpaca_trading import CLOSED_STATUSES, ApiError, Clock, Order, Position, decode

ORDERS_PER_PAGE = 500
"""The most that Alpaca gives at once."""
PAGES_MAX = 20
ASK_AGAIN_SECONDS = (0.1, 0.5)
"""The pauses before a question or a cancel is asked again."""
_DONE = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})
"""What is not there any more has ended."""


class SecondDoor:
    """One account, over a connection that bounds every request in time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def orders(self) -> tuple[WorkingOrder, ...]:
        """Every order that is not over; of more than can be told, the first, and the others when they end."""
        told: dict[str, Order] = {}
        parameters = {"status": "open", "limit": str(ORDERS_PER_PAGE), "nested": "true", "direction": "asc"}
        for _ in range(PAGES_MAX):
            page = (await self._get("v2/orders", parameters)).as_kind(tuple[Order, ...])
            is_last = len(page) < ORDERS_PER_PAGE or all(order.id in told for order in page)
            told |= {order.id: order for order in page}
            if is_last:
                break
            last = max(from_rfc3339(order.submitted_at) for order in page)
            # Its own millisecond again: others may have come in it.
            parameters["after"] = rfc3339(Instant(last - MILLISECOND))
        found = {each.broker_order_id: each for order in told.values() for each in _flat(order)}
        return tuple(found.values())

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """Everything that is held."""
        held = (await self._get("v2/positions")).as_kind(tuple[Position, ...])
        return tuple(
            BrokerPosition(
                symbol=Symbol(each.symbol), quantity=each.signed_qty, average_price=each.avg_entry_price
            )
            for each in held
        )

    async def cancel(self, order: BrokerOrderId) -> str:
        """See `ports.kill_door`."""
        for pause_seconds in ASK_AGAIN_SECONDS:
            try:
                return _refusal(await self._connection.send("DELETE", f"v2/orders/{order}", None))
            except Unreachable:
                await asyncio.sleep(pause_seconds)
        return _refusal(await self._connection.send("DELETE", f"v2/orders/{order}", None))

    async def close(self, symbol: Symbol) -> Closing:
        """See `ports.kill_door`."""
        path = f"v2/positions/{symbol.replace('/', '')}"
        answer = await self._connection.send("DELETE", path, None, once=True)
        refusal = _refusal(answer)
        if refusal or answer.status == HTTPStatus.NOT_FOUND:
            return Closing(refusal=refusal)
        try:
            order = stated_order(decode(answer.body, Order))
        except BadValue as error:
            raise Unreachable(f"broker: expected the order that closes {symbol}, found {error}") from error
        if order is None:
            raise Unreachable(
                f"broker: expected a plain order that closes {symbol}, found {answer.beginning}"
            )
        return Closing(order=order)

    async def time(self) -> Instant:
        """See `ports.kill_door`. Asked once: it is worth nothing later."""
        answer = await self._ask("v2/clock", None)
        try:
            return from_rfc3339(answer.as_kind(Clock).timestamp)
        except BadValue as error:
            raise Unreachable(f"broker: expected its time, found {error}") from error

    async def shut(self) -> None:
        """Let go of connections."""
        await self._connection.close()

    async def _get(self, path: str, parameters: dict[str, str] | None = None) -> Answer:
        for pause_seconds in ASK_AGAIN_SECONDS:
            try:
                return await self._ask(path, parameters)
            except Unreachable:
                await asyncio.sleep(pause_seconds)
        return await self._ask(path, parameters)

    async def _ask(self, path: str, parameters: dict[str, str] | None) -> Answer:
        await self._connection.check()
        answer = await self._connection.get(path, parameters)
        if answer.status != HTTPStatus.OK:
            raise Unreachable(f"broker: expected {path}, found status {answer.status}: {answer.beginning}")
        return answer


def _refusal(answer: Answer) -> str:
    if answer.status in _DONE:
        return ""
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Unreachable(f"broker: expected an answer, found status {answer.status}: {answer.beginning}")
    try:
        return decode(answer.body, ApiError).message
    except BadValue:
        return f"status {answer.status}: {answer.beginning}"


def _flat(order: Order) -> Iterator[WorkingOrder]:
    """The order and its legs; a leg hangs on its entry while that works."""
    is_over = order.status in CLOSED_STATUSES
    if not is_over:
        yield _working(order, None)
    for leg in order.legs or ():
        if leg.status not in CLOSED_STATUSES:
            yield _working(leg, None if is_over else BrokerOrderId(order.id))


def _working(order: Order, parent: BrokerOrderId | None) -> WorkingOrder:
    return WorkingOrder(
        broker_order_id=BrokerOrderId(order.id),
        symbol=Symbol(order.symbol or ""),
        side=order.side or "",
        type=order.type or order.order_type or "",
        quantity=(order.qty or ZERO) - (order.filled_qty or ZERO),
        parent=parent,
    )
