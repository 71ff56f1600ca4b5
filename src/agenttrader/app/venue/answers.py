"""What becomes of orders, in Alpaca's words: the order itself, its updates on the stream, and refusals."""

from collections.abc import Iterable
from decimal import Decimal

from agenttrader.app.venue.symbols import asset_id
from agenttrader.model.errors import AgentTraderError
from agenttrader.model.times import rfc3339
from agenttrader.protocols.alpaca_trade_updates import TradeUpdate
from agenttrader.protocols.alpaca_trading import (
    DAY_TRADE,
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    SHORT_POSITION,
    UNPROCESSABLE,
    ApiError,
    Order,
)
from agenttrader.simulation.inputs import OrderChanged
from agenttrader.simulation.listings import Listing, money
from agenttrader.simulation.orders import OrderClass, Reason, Refusal, Status, VenueOrder

_STATUS_AND_CODE = {
    Reason.INVALID: (422, INVALID),
    Reason.UNPROCESSABLE: (422, UNPROCESSABLE),
    Reason.FORBIDDEN: (403, FORBIDDEN),
    Reason.DAY_TRADE: (403, DAY_TRADE),
    Reason.SHORT_POSITION: (403, SHORT_POSITION),
    Reason.NOT_FOUND: (404, NOT_FOUND),
}


class Refused(AgentTraderError):
    """The exchange did not do what was asked; with the status and the body that say so."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.status, code = _STATUS_AND_CODE[refusal.reason]
        self.error = _error(refusal, code)


def order_answer(order: VenueOrder, legs: Iterable[VenueOrder], listing: Listing) -> Order:
    """The order, with its legs nested where it is given any.

    One by amount tells its `notional` and no `qty`, as Alpaca does. `filled_at` is told of what filled whole.
    Of several options the whole tells no symbol, side or asset, and a leg no type, as Alpaca's examples do.
    `listing` is then the first leg's: all count prices alike.
    """
    is_whole, is_leg = order.is_package, order.ratio is not None
    nested = tuple(order_answer(leg, (), listing) for leg in legs)
    updated_at = rfc3339(order.updated_at)
    ended_at = {order.status: updated_at}
    execution = order.execution
    return Order(
        id=order.id,
        client_order_id=order.client_order_id,
        created_at=rfc3339(order.accepted_at),
        updated_at=updated_at,
        submitted_at=rfc3339(order.accepted_at),
        filled_at=rfc3339(execution.time) if execution and order.status is Status.FILLED else None,
        expired_at=ended_at.get(Status.EXPIRED),
        expires_at=None if order.expires_at is None else rfc3339(order.expires_at),
        canceled_at=ended_at.get(Status.CANCELED),
        failed_at=ended_at.get(Status.REJECTED),
        replaced_at=ended_at.get(Status.REPLACED),
        replaced_by=order.replaced_by,
        replaces=order.replaces,
        asset_id="" if is_whole else asset_id(order.symbol),
        symbol=order.symbol,
        asset_class="" if is_whole else listing.asset_class.value,
        notional=None if order.notional is None else money(order.notional),
        qty=listing.quantity(order.lots) if order.notional is None else None,
        filled_qty=listing.quantity(order.filled_lots),
        filled_avg_price=(
            listing.average(listing.notional(order.filled_value, 1), order.filled_lots)
            if order.filled_lots
            else None
        ),
        order_class="" if order.order_class is OrderClass.SIMPLE else order.order_class.value,
        order_type="" if is_leg else order.type.value,
        type="" if is_leg else order.type.value,
        side="" if is_whole else order.side.value,
        position_intent=None if order.intent is None else order.intent.value,
        ratio_qty=None if order.ratio is None else Decimal(order.ratio),
        time_in_force=order.time_in_force.value,
        limit_price=None if order.limit is None else listing.price(order.limit),
        stop_price=None if order.stop is None else listing.price(order.stop),
        status=order.status.value,
        extended_hours=order.extended_hours,
        legs=nested or None,
        trail_percent=order.trail_percent,
        trail_price=None if order.trail is None else listing.price(order.trail),
        hwm=None if order.high_water is None else listing.price(order.high_water),
    )


def trade_update(change: OrderChanged, listing: Listing) -> TradeUpdate:
    """A change of an order as the stream tells it; what is about an execution tells its numbers too."""
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
        previous_execution_id=change.previous_execution_id,
        price=listing.price(execution.price),
        qty=listing.quantity(execution.lots),
        position_qty=listing.quantity(change.position),
    )


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
