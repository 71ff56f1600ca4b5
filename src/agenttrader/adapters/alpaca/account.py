"""Reading an account: its statement, its history, one order. Nothing here can change anything.

Alpaca has no way to read an account at one instant. A statement is therefore read whole, twice, and holds
only if both readings say the same; while the account moves it is read again, a bounded number of times.

Pages overlap by a millisecond and are joined by id: orders of one instant may lie across their border.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from itertools import chain

from msgspec import structs

from agenttrader.adapters.alpaca.activities import FILL, activity_of, beginning_of, coin_pair, date_of
from agenttrader.adapters.alpaca.connection import Answer, Connection
from agenttrader.adapters.alpaca.orders import not_found
from agenttrader.adapters.alpaca.reports import (
    Begun,
    Fills,
    execution_id_of,
    family_of,
    is_package,
    lacks_fills,
    reports_of_order,
    side_of,
)
from agenttrader.model.errors import BadValue, Unreachable
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, ExecutionId, Symbol
from agenttrader.model.permits import Permits
from agenttrader.model.reports import BrokerOrder, BrokerPosition, BrokerStatement, ExecutionReport
from agenttrader.model.times import MILLISECOND, SECOND, Instant, from_rfc3339, rfc3339
from agenttrader.model.values import ZERO
from agenttrader.protocols.alpaca_trading import (
    CLOSED_STATUSES,
    NOT_FOUND,
    Account,
    Activity,
    ApiError,
    Clock,
    Order,
    Position,
    decode,
)

READ_AGAIN_SECONDS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
"""The pauses between readings of an account that moves; after the last nobody can say what it holds."""
ORDERS_PER_PAGE = 500
ACTIVITIES_PER_PAGE = 100
"""The most that Alpaca gives at once (docs.alpaca.markets, Trading API)."""
PAGES_MAX = 1_000
POSTED_LATE_DAYS_MAX = 7
"""How long after its date an activity may still appear: so far back all are read again. Our own rule."""

_FILLS = {"activity_types": FILL}
_ALL_OTHERS = {"category": "non_trade_activity"}


class AccountReader:
    """Questions to the broker. Each raises Unreachable where there is no usable answer."""

    def __init__(self, connection: Connection, now: Callable[[], Instant]) -> None:
        self._connection = connection
        self._now = now

    async def statement(self, since: Instant) -> BrokerStatement:
        """The account at one time, with executions since `since`, and other activities, late ones too.

        It says itself which account it is of, so that another than ours is found as a break.
        """
        try:
            before = await self._read(since)
            for pause_seconds in READ_AGAIN_SECONDS:
                after = await self._read(since)
                if _without_marks(before) == _without_marks(after):
                    return after
                await asyncio.sleep(pause_seconds)
                before = after
        except BadValue as error:
            raise Unreachable(f"statement: {error}") from error
        raise Unreachable(
            f"statement: expected two equal readings of the account, found it changed in each of "
            f"{len(READ_AGAIN_SECONDS) + 1}; ask again when it is quieter"
        )

    async def history(self, since: Instant) -> tuple[ExecutionReport, ...]:
        """Every order since `since`, and every older one that works or filled since, told again."""
        await self._connection.check()
        try:
            orders, fills, begun = await self._past(since)
            for pause_seconds in READ_AGAIN_SECONDS:
                if not any(lacks_fills(order, fills, begun) for order in orders):
                    break
                await asyncio.sleep(pause_seconds)
                orders, fills, begun = await self._past(since)
        except BadValue as error:
            raise Unreachable(f"history: {error}") from error
        return _in_time([reports_of_order(order, fills, self._now(), begun) for order in orders])

    async def find(self, client_order_id: ClientOrderId, time: Instant) -> tuple[ExecutionReport, ...]:
        """What became of the order of this id: all of it, or NOT_FOUND, told as of `time`."""
        await self._connection.check()
        answer = await self._connection.get(
            "v2/orders:by_client_order_id", {"client_order_id": client_order_id}
        )
        if _says_not_found(answer):
            return (not_found(client_order_id, time),)
        order = answer.as_kind(Order)
        if order.order_class not in ("", "simple") and not order.legs:
            # Asked so, Alpaca may leave out the legs.
            order = await self._order(order.id) or order
        return await self._told(order)

    async def order(self, broker_order_id: BrokerOrderId) -> tuple[Order, tuple[ExecutionReport, ...]] | None:
        """An order as the broker has it, and told as reports; None where the broker does not know it."""
        await self._connection.check()
        order = await self._order(broker_order_id)
        return None if order is None else (order, await self._told(order))

    async def _told(self, order: Order) -> tuple[ExecutionReport, ...]:
        """The order, and the one in whose place it came: its end says that it has."""
        earlier, begun = await self._replaced((order,))
        orders = (*earlier, order)
        try:
            since = min(from_rfc3339(each.submitted_at) for each in orders)
            fills = await self._fills(since) if any(map(_has_filled, orders)) else {}
            for pause_seconds in READ_AGAIN_SECONDS:
                if not any(lacks_fills(each, fills, begun) for each in orders):
                    break
                await asyncio.sleep(pause_seconds)
                fills = await self._fills(since)
        except BadValue as error:
            raise Unreachable(f"order {order.id}: {error}") from error
        return _in_time([reports_of_order(each, fills, self._now(), begun) for each in orders])

    async def _replaced(self, orders: Iterable[Order]) -> tuple[list[Order], Begun]:
        """The orders, not among these, in whose place some of them came; and what each began with."""
        known = {member.id: member for order in orders for member in family_of(order)}
        earlier: list[Order] = []
        begun: dict[str, Decimal] = {}
        for member in known.values():
            if member.replaces is None:
                continue
            old = known.get(member.replaces)
            if old is None:
                old = await self._order(member.replaces)
                earlier += () if old is None else (old,)
            begun[member.id] = ZERO if old is None else old.filled_qty or ZERO
        return earlier, begun

    async def _order(self, order_id: str) -> Order | None:
        answer = await self._connection.get(f"v2/orders/{order_id}", {"nested": "true"})
        return None if _says_not_found(answer) else answer.as_kind(Order)

    async def _read(self, since: Instant) -> BrokerStatement:
        account = (await self._connection.get("v2/account")).as_kind(Account)
        positions = (await self._connection.get("v2/positions")).as_kind(tuple[Position, ...])
        orders = await self._orders("open", None)
        fills = await self._activities(since, _FILLS)
        earliest = beginning_of(date_of(since) - timedelta(days=POSTED_LATE_DAYS_MAX))
        others = await self._activities(earliest, _ALL_OTHERS)
        clock = (await self._connection.get("v2/clock")).as_kind(Clock)
        return BrokerStatement(
            account=account.account_number,
            time=from_rfc3339(clock.timestamp),
            cash=_required(account.cash, "cash"),
            equity=_required(account.equity, "equity"),
            buying_power=_required(account.buying_power, "buying_power"),
            positions=tuple(sorted(map(_position, positions), key=lambda position: position.symbol)),
            open_orders=tuple(sorted(_open_orders(orders), key=lambda order: order.broker_order_id)),
            activities=tuple(
                sorted(map(activity_of, others), key=lambda activity: (activity.time, activity.id))
            ),
            executions=_executions(fills, since),
            permits=_permits(account),
        )

    async def _past(self, since: Instant) -> tuple[list[Order], Fills, Begun]:
        """Orders, then fills: so no fill is missing that an order already counts, unless the broker lags."""
        found = _entries(await self._orders("all", since) | await self._orders("open", None))
        start = min((since, *(from_rfc3339(order.submitted_at) for order in found)))
        fills = await self._fills(start)
        known = {member.id for order in found for member in family_of(order)}
        older = [await self._order(order_id) for order_id in fills if order_id not in known]
        orders = [*found, *(order for order in older if order is not None)]
        replaced, begun = await self._replaced(orders)
        orders += replaced
        earliest = min((start, *(from_rfc3339(order.submitted_at) for order in orders)))
        return orders, fills if earliest == start else await self._fills(earliest), begun

    async def _orders(self, status: str, since: Instant | None) -> dict[str, Order]:
        """Orders by id as they were placed; legs nested in their entries, where those are among them."""
        found: dict[str, Order] = {}
        after = since
        for _ in range(PAGES_MAX):
            parameters = {
                "status": status,
                "limit": str(ORDERS_PER_PAGE),
                "direction": "asc",
                "nested": "true",
            }
            if after is not None:
                parameters["after"] = rfc3339(Instant(max(after - MILLISECOND, 0)))
            page = (await self._connection.get("v2/orders", parameters)).as_kind(tuple[Order, ...])
            news = {order.id: order for order in page if order.id not in found}
            if not news:
                _expect_room(len(page), ORDERS_PER_PAGE)
                return found
            found |= news
            after = max(from_rfc3339(order.submitted_at) for order in page)
        raise Unreachable(f"orders: expected at most {PAGES_MAX} pages, found more")

    async def _fills(self, since: Instant) -> Fills:
        fills: dict[str, list[Activity]] = {}
        for fill in await self._activities(since, _FILLS):
            if fill.order_id is None:
                raise BadValue(f"activity {fill.id}: expected the order that filled, found none")
            fills.setdefault(fill.order_id, []).append(fill)
        return fills

    async def _activities(self, since: Instant, which: dict[str, str]) -> list[Activity]:
        """Those of a kind, of the day of `since` and later: all but fills may have a date and no time."""
        found: dict[str, Activity] = {}
        parameters = which | {
            "direction": "asc",
            "page_size": str(ACTIVITIES_PER_PAGE),
            "after": rfc3339(Instant(max(beginning_of(date_of(since)) - SECOND, 0))),
        }
        for _ in range(PAGES_MAX):
            answer = await self._connection.get("v2/account/activities", parameters)
            page = answer.as_kind(tuple[Activity, ...])
            news = {activity.id: activity for activity in page if activity.id not in found}
            found |= news
            if len(page) < ACTIVITIES_PER_PAGE or not news:
                return list(found.values())
            parameters["page_token"] = page[-1].id
        raise Unreachable(f"activities: expected at most {PAGES_MAX} pages, found more")


def _says_not_found(answer: Answer) -> bool:
    """Whether the broker itself, and not somebody on the way to it, says that there is no such thing."""
    try:
        return answer.status == HTTPStatus.NOT_FOUND and decode(answer.body, ApiError).code == NOT_FOUND
    except BadValue:
        return False


def _without_marks(statement: BrokerStatement) -> BrokerStatement:
    """What only trading moves: prices move the rest all the time."""
    return structs.replace(statement, time=Instant(0), equity=ZERO, buying_power=ZERO)


def _entries(orders: dict[str, Order]) -> list[Order]:
    """Without the legs that stand in an entry too: asked for the open ones, a leg outlives its entry."""
    legs = {leg.id for order in orders.values() for leg in order.legs or ()}
    return [order for order in orders.values() if order.id not in legs]


def _has_filled(order: Order) -> bool:
    return any(member.filled_qty for member in family_of(order))


def _in_time(told: Iterable[tuple[ExecutionReport, ...]]) -> tuple[ExecutionReport, ...]:
    """Sorting is stable: what is told of one order stays in its order."""
    return tuple(sorted(chain.from_iterable(told), key=lambda report: report.time))


def _open_orders(orders: dict[str, Order]) -> Iterable[BrokerOrder]:
    """Whatever is not over, legs included; a status that we do not know is not over."""
    known = {member.id: member for order in orders.values() for member in family_of(order)}
    # Of several legs each works by itself; one whose legs are not told cannot be compared.
    members = {name: each for name, each in known.items() if not (is_package(each) and each.legs)}
    return (_open_order(member) for member in members.values() if member.status not in CLOSED_STATUSES)


def _open_order(order: Order) -> BrokerOrder:
    if order.symbol is None or order.qty is None:
        raise BadValue(
            f"open order {order.id}: expected a symbol and a quantity, found class {order.order_class!r}; "
            "it was not sent by this product, which cannot compare it: end it at the broker"
        )
    return BrokerOrder(
        broker_order_id=BrokerOrderId(order.id),
        client_order_id=ClientOrderId(order.client_order_id),
        symbol=Symbol(order.symbol),
        side=side_of(order.side),
        quantity=order.qty,
        filled_quantity=order.filled_qty or ZERO,
        status=order.status,
    )


def _position(position: Position) -> BrokerPosition:
    is_coin = position.asset_class == "crypto"
    return BrokerPosition(
        symbol=coin_pair(position.symbol) if is_coin else Symbol(position.symbol),
        quantity=position.signed_qty,
        average_price=position.avg_entry_price,
    )


def _executions(fills: Iterable[Activity], since: Instant) -> tuple[ExecutionId, ...]:
    return tuple(sorted(execution_id_of(fill) for fill in fills if _time_of(fill) >= since))


def _time_of(fill: Activity) -> Instant:
    return from_rfc3339(fill.transaction_time or "")


def _permits(account: Account) -> Permits:
    return Permits(
        status=account.status,
        trading_blocked=account.trading_blocked,
        account_blocked=account.account_blocked,
        trade_suspended_by_user=account.trade_suspended_by_user,
        coin_status=account.crypto_status,
        shorting=account.shorting_enabled,
        options_level=account.options_trading_level,
    )


def _required(value: Decimal | None, name: str) -> Decimal:
    if value is None:
        raise BadValue(f"account: expected {name}, found none")
    return value


def _expect_room(found: int, limit: int) -> None:
    if found >= limit:
        raise Unreachable(
            f"orders: expected fewer than {limit} of one millisecond, found a page that is full of them"
        )
