"""What the simulated exchange has, in Alpaca's words."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_never

from agenttrader.model.errors import AgentTraderError
from agenttrader.model.times import MILLISECOND, SECOND, Instant, rfc3339
from agenttrader.protocols.alpaca_trade_updates import TradeUpdate
from agenttrader.protocols.alpaca_trading import (
    DAY_TRADE,
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    UNPROCESSABLE,
    Account,
    Activity,
    ApiError,
    Order,
    Position,
)
from agenttrader.simulation.books import Books
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.identities import derive_uuid
from agenttrader.simulation.inputs import Activity as VenueActivity
from agenttrader.simulation.inputs import FeePosted, FillPosted, OrderChanged
from agenttrader.simulation.listings import Listing, money
from agenttrader.simulation.orders import Reason, Refusal, Status, VenueOrder

ASSET_CLASS = "us_equity"
EXCHANGE = ""
"""Alpaca's word for no exchange in particular: what is generated is listed nowhere."""

_STATUS_AND_CODE = {
    Reason.INVALID: (422, INVALID),
    Reason.UNPROCESSABLE: (422, UNPROCESSABLE),
    Reason.FORBIDDEN: (403, FORBIDDEN),
    Reason.DAY_TRADE: (403, DAY_TRADE),
    Reason.NOT_FOUND: (404, NOT_FOUND),
}


class Refused(AgentTraderError):
    """The exchange did not do what was asked; with the status and the body that say so."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.status, code = _STATUS_AND_CODE[refusal.reason]
        self.error = _error(refusal, code)


def asset_id(symbol: str) -> str:
    """The UUID that stands for a symbol."""
    return derive_uuid("asset", symbol)


def order_answer(order: VenueOrder, legs: Iterable[VenueOrder], listing: Listing) -> Order:
    """The order, with its legs nested where it is given any."""
    nested = tuple(order_answer(leg, (), listing) for leg in legs)
    execution = order.execution
    quantity = listing.quantity(order.lots)
    updated_at = rfc3339(order.updated_at)
    return Order(
        id=order.id,
        client_order_id=order.client_order_id,
        created_at=rfc3339(order.accepted_at),
        updated_at=updated_at,
        submitted_at=rfc3339(order.accepted_at),
        filled_at=None if execution is None else rfc3339(execution.time),
        expired_at=updated_at if order.status is Status.EXPIRED else None,
        canceled_at=updated_at if order.status is Status.CANCELED else None,
        asset_id=asset_id(order.symbol),
        symbol=order.symbol,
        asset_class=ASSET_CLASS,
        qty=quantity,
        filled_qty=listing.quantity(order.filled_lots),
        filled_avg_price=None if execution is None else listing.price(execution.price),
        order_class=order.order_class.value,
        order_type=order.type.value,
        type=order.type.value,
        side=order.side.value,
        time_in_force=order.time_in_force.value,
        limit_price=None if order.limit is None else listing.price(order.limit),
        stop_price=None if order.stop is None else listing.price(order.stop),
        status=order.status.value,
        legs=nested or None,
    )


def trade_update(change: OrderChanged, listing: Listing) -> TradeUpdate:
    """A change of an order as the stream tells it."""
    order = change.order
    answer = order_answer(order, change.legs, listing)
    execution = change.execution
    if execution is None:
        return TradeUpdate(event=change.event.value, order=answer, timestamp=answer.updated_at)
    return TradeUpdate(
        event=change.event.value,
        order=answer,
        timestamp=answer.updated_at,
        execution_id=execution.id,
        price=listing.price(execution.price),
        qty=listing.quantity(execution.lots),
        position_qty=listing.quantity(change.position),
    )


def position_answer(books: Books, account: str, symbol: str) -> Position:
    """A holding at the last price."""
    listing = books.listings[symbol]
    lots, cost, value = (
        books.ledger.lots(account, symbol),
        books.ledger.cost(account, symbol),
        books.value(account, symbol),
    )
    return Position(
        asset_id=asset_id(symbol),
        symbol=symbol,
        exchange=EXCHANGE,
        asset_class=ASSET_CLASS,
        avg_entry_price=listing.average(cost, lots),
        qty=listing.quantity(lots),
        side="long" if lots > 0 else "short",
        cost_basis=money(cost),
        qty_available=books.shortage(account, symbol).available * (1 if lots > 0 else -1),
        market_value=money(value),
        unrealized_pl=money(value - cost),
        unrealized_plpc=(Decimal(value - cost) / abs(cost)).quantize(Decimal("0.000001")),
        current_price=listing.price(books.marks[symbol]),
        asset_marginable=False,
    )


def account_answer(exchange: Exchange, account: str) -> Account:
    """The account's numbers at the last prices; it has no leverage."""
    books = exchange.books
    equity, power = money(books.equity(account)), money(books.buying_power(account))
    return Account(
        id=derive_uuid("account", account),
        account_number=account,
        status="ACTIVE",
        currency="USD",
        cash=money(books.ledger.cash(account)),
        equity=equity,
        last_equity=money(exchange.equity_at_close[account]),
        portfolio_value=equity,
        buying_power=power,
        regt_buying_power=power,
        non_marginable_buying_power=power,
        long_market_value=money(books.long_value(account)),
        short_market_value=money(books.short_value(account)),
        initial_margin=Decimal(0),
        maintenance_margin=Decimal(0),
        accrued_fees=Decimal(0),
        multiplier=Decimal(1),
        shorting_enabled=exchange.accounts[account].shorting,
        trading_blocked=False,
        transfers_blocked=False,
        account_blocked=False,
        trade_suspended_by_user=False,
        created_at=rfc3339(exchange.settings.start),
    )


def activity_answer(activity: VenueActivity, listing: Listing) -> Activity:
    """A fill, whose id ends in its execution id, or a fee, whose text names the execution it is for."""
    order, execution = activity.order, activity.execution
    assert order is not None
    assert execution is not None
    answered_id = f"{_compact(activity.time)}::{activity.id}"
    account_id = derive_uuid("account", order.account)
    match activity:
        case FillPosted():
            return Activity(
                id=answered_id,
                activity_type="FILL",
                account_id=account_id,
                transaction_time=rfc3339(activity.time),
                type="fill",
                price=listing.price(execution.price),
                qty=listing.quantity(execution.lots),
                side=order.side.value,
                symbol=order.symbol,
                leaves_qty=listing.quantity(order.leaves),
                cum_qty=listing.quantity(order.filled_lots),
                order_id=order.id,
                order_status=order.status.value,
            )
        case FeePosted():
            return Activity(
                id=answered_id,
                activity_type="FEE",
                account_id=account_id,
                date=_moment(activity.time).strftime("%Y-%m-%d"),
                net_amount=-money(activity.femtos),
                description=f"{activity.name} fee for proceed of {listing.quantity(execution.lots)} "
                f"shares of {order.symbol}, execution {execution.id}",
                status="executed",
            )
        case _:
            assert_never(activity)


def _error(refusal: Refusal, code: int) -> ApiError:
    shortage = refusal.shortage
    if shortage is None:
        return ApiError(code=code, message=refusal.message)
    return ApiError(
        code=code,
        message=refusal.message,
        symbol=shortage.symbol,
        available=shortage.available,
        existing_qty=shortage.existing,
        held_for_orders=shortage.held,
        related_orders=shortage.orders,
    )


def _compact(time: Instant) -> str:
    return _moment(time).strftime("%Y%m%d%H%M%S") + f"{time % SECOND // MILLISECOND:03d}"


def _moment(time: Instant) -> datetime:
    return datetime.fromtimestamp(time // SECOND, UTC)
