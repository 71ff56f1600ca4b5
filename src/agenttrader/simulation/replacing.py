"""Whether an order may be replaced, and by what: a new order with a new id, which keeps what is filled.

status · something asked · used id · what this order can change · quantity and prices on their steps · more
than is filled · a session to trade in · exits on their sides · holding, short selling, and buying power for
what it is larger · wash trades · day trades. The first that does not hold is the refusal.

Sources: docs.alpaca.markets, "Replace an Order" (the statuses, the buying power of the larger of the two) and
"Placing Orders" (only the prices of brackets and OCO orders; whole shares; a trail before it has triggered).
That a replacement counts what its order has filled, and is asked what a new order is, is our own rule.
"""

from decimal import Decimal

from msgspec.structs import replace

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant
from agenttrader.simulation.acceptance import (
    conflict_fault,
    power_fault,
    refused,
    short_fault,
    shortage_fault,
    used_id_fault,
)
from agenttrader.simulation.books import Books
from agenttrader.simulation.buy_stops import cap_of
from agenttrader.simulation.day_trades import day_trade_fault
from agenttrader.simulation.lifetimes import lifetime
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.option_acceptance import replaced_option_fault
from agenttrader.simulation.orders import (
    OrderClass,
    OrderType,
    Reason,
    Refusal,
    Replacement,
    Side,
    Status,
    TimeInForce,
    VenueOrder,
)
from agenttrader.simulation.sessions import Sessions
from agenttrader.simulation.shapes import AUCTIONS, CRYPTO_TIMES, PRICES, RESTING
from agenttrader.simulation.trailing import stop_behind
from agenttrader.simulation.wash_trades import wash_trade_fault

REPLACEABLE = frozenset({Status.NEW, Status.PARTIALLY_FILLED, Status.HELD, Status.DONE_FOR_DAY})


def judge_replacement(
    books: Books, order: VenueOrder, asked: Replacement, sessions: Sessions, clock: Instant
) -> VenueOrder | Refusal:
    """The order as it would be, still under its old id, or why it stays as it is."""
    if order.status not in REPLACEABLE:
        return refused(Reason.UNPROCESSABLE, f"order cannot be replaced: it is {order.status.value}")
    if order.order_class is OrderClass.MLEG:
        return refused(
            Reason.UNPROCESSABLE, "mleg orders cannot be replaced here: cancel, and send another order"
        )
    if asked == Replacement():
        return refused(Reason.INVALID, "a replacement needs at least one value that changes, found none")
    used = used_id_fault(books, order.account, asked.client_order_id)
    if used is not None:
        return used
    listing = books.listings[order.symbol]
    fault = _scope_fault(order, asked) or _time_fault(listing, order, asked.time_in_force)
    if fault is not None:
        return refused(Reason.INVALID, fault)
    try:
        changed = _changed(listing, order, asked)
    except BadValue as error:
        return refused(Reason.INVALID, str(error))
    if changed.lots <= order.filled_lots:
        filled = listing.quantity(order.filled_lots)
        return refused(
            Reason.UNPROCESSABLE, f"qty: expected more than is filled, {filled}, found {asked.quantity}"
        )
    wanted_time = asked.time_in_force or order.time_in_force
    if asked.time_in_force is not None or wanted_time in AUCTIONS:
        when = lifetime(sessions, listing, wanted_time, extended_hours=order.extended_hours, clock=clock)
        if isinstance(when, Refusal):
            return when
        changed = replace(changed, time_in_force=wanted_time, expires_at=when.expires_at)
    return (
        _exit_fault(books, changed)
        or _size_fault(books, order, changed)
        or wash_trade_fault(books, order.account, changed, changed.limit)
        or day_trade_fault(books, order.account, changed)
        or changed
    )


def _scope_fault(order: VenueOrder, asked: Replacement) -> str | None:
    """What this order does not let anybody change."""
    for name, types in PRICES.items():
        if getattr(asked, name) is not None and (order.type not in types):
            return f"{name}: a {order.type.value} order has no {name}, found {getattr(asked, name)}"
    if asked.trail is not None and order.type is not OrderType.TRAILING_STOP:
        return f"trail: a {order.type.value} order has no trail, found {asked.trail}"
    if order.triggered and (asked.trail is not None or asked.stop_price is not None):
        return "the order has been triggered: expected no stop_price and no trail"
    others = (asked.quantity, asked.time_in_force)
    if order.order_class is not OrderClass.SIMPLE and any(value is not None for value in others):
        return f"of {order.order_class.value} orders only limit_price and stop_price can be replaced"
    if order.notional is not None:
        return "orders by notional cannot be replaced"
    return None


def _time_fault(listing: Listing, order: VenueOrder, asked: TimeInForce | None) -> str | None:
    """Only a day order and one good till canceled can become each other, where both can be."""
    if asked is None:
        return None
    if not {asked, order.time_in_force} <= RESTING:
        return f"time_in_force: expected day or gtc for both orders, found {asked.value}"
    if listing.is_coin and asked not in CRYPTO_TIMES:
        return f"crypto orders must be gtc or ioc orders, found {asked.value}"
    if not listing.is_coin and not listing.is_whole(order.lots) and asked is not TimeInForce.DAY:
        return f"fractional orders must be DAY orders, found {asked.value}"
    return None


def _changed(listing: Listing, order: VenueOrder, asked: Replacement) -> VenueOrder:
    """The order with the new values. Raises BadValue for what is on no step."""
    lots, limit, stop = order.lots, order.limit, order.stop
    trail, trail_percent = order.trail, order.trail_percent
    if asked.quantity is not None:
        lots = listing.order_lots(asked.quantity, "qty")
        if not listing.is_whole(lots):
            raise BadValue(f"qty: expected whole shares in a replacement, found {asked.quantity}")
    if asked.limit_price is not None:
        limit = listing.order_units(asked.limit_price, "limit_price")
    if asked.stop_price is not None:
        stop = listing.order_units(asked.stop_price, "stop_price")
    if asked.trail is not None:
        if trail is not None:
            trail = listing.order_units(asked.trail, "trail")
        elif 0 < asked.trail < Decimal(100):
            trail_percent = asked.trail
        else:
            raise BadValue(f"trail: expected a percentage above 0 and below 100, found {asked.trail}")
        if order.high_water is not None:
            stop = stop_behind(listing, order.high_water, order.side, trail, trail_percent)
    return replace(
        order,
        lots=lots,
        limit=limit,
        stop=stop,
        cap=cap_of(listing, order.side, order.type, stop),
        trail=trail,
        trail_percent=trail_percent,
    )


def _exit_fault(books: Books, changed: VenueOrder) -> Refusal | None:
    """The stop of two exits stays on its side of the target, and an entry's price between them."""
    if changed.order_class is OrderClass.SIMPLE:
        return None
    entry = changed if changed.entry is None else books.orders[changed.entry]
    exits = (entry, *books.legs_of(entry)) if entry.order_class is OrderClass.OCO else books.legs_of(entry)
    current = [changed if each.id == changed.id else each for each in exits]
    stops = [each.stop for each in current if each.stop is not None]
    targets = [each.limit for each in current if each.type is OrderType.LIMIT and each.limit is not None]
    entries = []
    if entry.order_class is not OrderClass.OCO and entry.status.is_open:
        standing = changed if entry.id == changed.id else entry
        entries = [price for price in (standing.limit or standing.stop,) if price is not None]
    sign = current[0].side.sign
    falls = [(stop, low) for stop in stops for low in (*entries, *targets)]
    falls += [(price, target) for price in entries for target in targets]
    if any(high * sign <= low * sign for high, low in falls):
        return refused(
            Reason.UNPROCESSABLE, "the stop, the entry's price and the target must lie in this order"
        )
    return None


def _size_fault(books: Books, order: VenueOrder, changed: VenueOrder) -> Refusal | None:
    """What is larger needs more: of the holding where it closes, of buying power where it opens."""
    listing = books.listings[order.symbol]
    if order.entry is not None or order.order_class is OrderClass.OCO:
        return None
    if not books.opens(order.account, order.symbol, order.side):
        fault = shortage_fault(books, order.account, listing, changed.leaves, order.leaves)
        if fault is not None or not order.is_option:
            return fault
    if order.is_option:
        return replaced_option_fault(books, order, changed)
    fault = conflict_fault(books, order.account, order.symbol, order.side)
    if order.side is Side.SELL:
        fault = short_fault(books, books.accounts[order.account], listing) or fault
    if fault is not None:
        return fault
    needed, freed = books.needed(changed), books.needed(order)
    return None if needed <= freed else power_fault(books, order.account, order.symbol, needed, freed)
