"""The orders of an account as clients list them."""

from agenttrader.app.venue.answers import order_answer
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.symbols import Symbols
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_market import ASSET_CLASSES
from agenttrader.protocols.alpaca_trading import SIDES, Order
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.orders import VenueOrder

ORDERS_DEFAULT, ORDERS_MAX = 50, 500
STATUSES = ("open", "closed", "all")
DIRECTIONS = ("asc", "desc")


def orders_asked(exchange: Exchange, symbols: Symbols, account: str, parameters: Parameters) -> list[Order]:
    """The orders that are asked for; the newest come first unless told otherwise.

    Nested, a leg stands in its entry; one whose entry is not among what is asked for stands for itself.
    """
    status = parameters.word("status", STATUSES, "open")
    limit = parameters.count("limit", ORDERS_DEFAULT, ORDERS_MAX)
    after, until = parameters.time("after"), parameters.time("until")
    direction = parameters.word("direction", DIRECTIONS, "desc")
    nested = parameters.flag("nested")
    side = parameters.word("side", (*sorted(SIDES), ""), "")
    named = parameters.listed("symbols")
    wanted = None if named is None else {symbols.meant(name) for name in named}
    classes = _classes(parameters)
    above = _sequence(exchange, account, parameters.text("after_order_id"), "after_order_id")
    below = _sequence(exchange, account, parameters.text("before_order_id"), "before_order_id")
    parameters.finish()
    books = exchange.books
    found = {
        order.id: order
        for order in books.all_of(account)
        if (status == "all" or order.status.is_open is (status == "open"))
        and (after is None or order.accepted_at > after)
        and (until is None or order.accepted_at < until)
        and (above is None or order.sequence > above)
        and (below is None or order.sequence < below)
        and (not side or (side == order.side.value and not order.is_package))
        and (wanted is None or order.symbol in wanted)
        and (classes is None or books.listing_of(order).asset_class.value in classes)
    }
    shown = [order for order in found.values() if not (nested and order.entry in found)]
    if direction == "desc":
        shown.reverse()
    return [answered(exchange, order, nested=nested) for order in shown[:limit]]


def answered(exchange: Exchange, order: VenueOrder, *, nested: bool) -> Order:
    """One order as it is told, with its legs where they are asked for."""
    books = exchange.books
    return order_answer(order, books.legs_of(order) if nested else (), books.listing_of(order))


def _classes(parameters: Parameters) -> frozenset[str] | None:
    """The classes of assets that are asked for; None for all."""
    found = parameters.listed("asset_class")
    if found is None or "all" in found:
        return None
    for wrong in sorted(found - ASSET_CLASSES):
        raise BadValue(f"asset_class: expected {', '.join(sorted(ASSET_CLASSES))} or all, found {wrong!r}")
    return found


def _sequence(exchange: Exchange, account: str, order_id: str | None, name: str) -> int | None:
    if order_id is None:
        return None
    order = exchange.books.order_of(account, order_id)
    if order is None:
        raise BadValue(f"{name}: expected an order of this account, found {order_id!r}")
    return order.sequence
