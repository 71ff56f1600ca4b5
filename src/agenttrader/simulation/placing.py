"""An accepted submission as orders: the order itself, and the legs behind it."""

from msgspec.structs import replace

from agenttrader.model.times import Instant
from agenttrader.simulation.acceptance import Accepted
from agenttrader.simulation.buy_stops import cap_of
from agenttrader.simulation.identities import Numbering
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.orders import Intent, OrderClass, OrderType, Status, Submission, VenueOrder


def place(
    numbering: Numbering,
    account: str,
    listing: Listing,
    asked: Submission,
    accepted: Accepted,
    clock: Instant,
    eligible: Instant,
    intent: Intent | None = None,
) -> tuple[VenueOrder, ...]:
    """The order, then its legs, target first. Legs of an entry are held; the stop of two exits is not.

    Only an order in an option has an `intent`.
    """
    terms, when = accepted.terms, accepted.lifetime
    sequence, order_id = numbering.next()
    # Two by position: for a call with more than 15 keywords Python makes a dictionary first.
    order = VenueOrder(
        order_id,
        sequence,
        account=account,
        client_order_id=asked.client_order_id or order_id,
        symbol=asked.symbol,
        side=asked.side,
        type=asked.type,
        time_in_force=asked.time_in_force,
        lots=terms.lots,
        limit=terms.limit,
        stop=terms.stop,
        status=when.status,
        accepted_at=clock,
        updated_at=clock,
        eligible_from=eligible,
        expires_at=when.expires_at,
    )
    if intent is not None:
        return (replace(order, intent=intent),)
    cap = cap_of(listing, order.side, order.type, order.stop)
    if cap is not None:
        order = replace(order, cap=cap)
    if asked.order_class is not OrderClass.SIMPLE:
        return _with_legs(numbering, listing, order, asked.order_class, accepted)
    if asked.type is OrderType.TRAILING_STOP or terms.notional is not None or asked.extended_hours:
        order = replace(
            order,
            trail=terms.trail,
            trail_percent=asked.trail_percent,
            high_water=terms.high_water,
            notional=terms.notional,
            extended_hours=asked.extended_hours,
        )
    return (order,)


def _with_legs(
    numbering: Numbering, listing: Listing, order: VenueOrder, order_class: OrderClass, accepted: Accepted
) -> tuple[VenueOrder, ...]:
    terms, is_oco = accepted.terms, order_class is OrderClass.OCO
    order = replace(order, order_class=order_class)
    template = replace(
        order,
        side=order.side if is_oco else order.side.opposite,
        status=order.status if is_oco else Status.HELD,
        entry=order.id,
        cap=None,
    )
    legs = []
    if terms.target is not None and not is_oco:
        legs.append(_leg(numbering, template, OrderType.LIMIT, limit=terms.target))
    if terms.stop_loss is not None:
        stop_type = OrderType.STOP if terms.stop_loss_limit is None else OrderType.STOP_LIMIT
        leg = _leg(numbering, template, stop_type, limit=terms.stop_loss_limit, stop=terms.stop_loss)
        legs.append(replace(leg, cap=cap_of(listing, leg.side, leg.type, leg.stop)))
    return (replace(order, legs=tuple(leg.id for leg in legs)), *legs)


def _leg(
    numbering: Numbering,
    template: VenueOrder,
    order_type: OrderType,
    *,
    limit: int | None = None,
    stop: int | None = None,
) -> VenueOrder:
    sequence, order_id = numbering.next()
    return replace(
        template,
        id=order_id,
        sequence=sequence,
        client_order_id=order_id,
        type=order_type,
        limit=limit,
        stop=stop,
    )
