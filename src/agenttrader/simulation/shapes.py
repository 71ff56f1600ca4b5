"""Which orders there are at all: what a type, a class and a time in force need, and what they exclude.

Nothing here looks at an account, a price or the clock. Sources: docs.alpaca.markets, "Placing Orders" (types,
classes, times in force, extended hours), "Fractional Trading", "Crypto Orders" and
"Options Trading".
"""

from decimal import Decimal

from agenttrader.simulation.listings import AssetClass, Listing
from agenttrader.simulation.matching import IMMEDIATE
from agenttrader.simulation.orders import OrderClass, OrderType, Submission, TimeInForce

AUCTIONS = frozenset({TimeInForce.OPG, TimeInForce.CLS})
RESTING = frozenset({TimeInForce.DAY, TimeInForce.GTC})
PRICES = {
    "limit_price": frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT}),
    "stop_price": frozenset({OrderType.STOP, OrderType.STOP_LIMIT}),
}
"""The types that need a price, which no other has."""
CRYPTO_TYPES = frozenset({OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_LIMIT})
CRYPTO_TIMES = frozenset({TimeInForce.GTC, TimeInForce.IOC})
_PERCENT_MAX = 100


def shape_fault(asked: Submission, listing: Listing) -> str | None:
    """Why there is no such order; None where there is."""
    return (
        _amount_fault(asked)
        or _price_fault(asked)
        or _trail_fault(asked)
        or _time_fault(asked)
        or _class_fault(asked)
        or (_crypto_fault(asked) if listing.asset_class is AssetClass.CRYPTO else None)
        or (_option_fault(asked) if listing.is_option else None)
    )


def fraction_fault(asked: Submission, listing: Listing, *, is_fraction: bool) -> str | None:
    """Why the order cannot be for a part of a share, or for an amount of cash."""
    if not is_fraction:
        return None
    if not listing.fractionable:
        return "requested asset is not fractionable"
    if listing.asset_class is AssetClass.CRYPTO:
        return None
    if asked.time_in_force is not TimeInForce.DAY:
        return f"fractional orders must be DAY orders, found {asked.time_in_force.value}"
    if asked.order_class is not OrderClass.SIMPLE or asked.type is OrderType.TRAILING_STOP:
        return "fractional orders must be simple market, limit, stop or stop_limit orders"
    return None


def kind_fault(order_type: OrderType, time_in_force: TimeInForce) -> str | None:
    """Why there is no order in options of this type and time in force; None where there is."""
    if order_type not in {OrderType.MARKET, OrderType.LIMIT}:
        return f"options orders must be market or limit orders, found {order_type.value}"
    if time_in_force not in RESTING:
        return f"options orders must be day or gtc orders, found {time_in_force.value}"
    return None


def _amount_fault(asked: Submission) -> str | None:
    if (asked.quantity is None) is (asked.notional is None):
        found = "neither" if asked.quantity is None else "both"
        return f"qty or notional: expected one of them, found {found}"
    return None


def _price_fault(asked: Submission) -> str | None:
    is_oco = asked.order_class is OrderClass.OCO
    for name, types in PRICES.items():
        price: Decimal | None = getattr(asked, name)
        if price is None and asked.type in types and not is_oco:
            return f"{name}: a {asked.type.value} order needs a {name}, found none"
        if price is not None and asked.type not in types:
            return f"{name}: a {asked.type.value} order has no {name}, found {price}"
    return None


def _trail_fault(asked: Submission) -> str | None:
    trails = [trail for trail in (asked.trail_price, asked.trail_percent) if trail is not None]
    if asked.type is not OrderType.TRAILING_STOP:
        return f"trail: a {asked.type.value} order has no trail, found {trails[0]}" if trails else None
    if len(trails) != 1:
        return f"trail_price or trail_percent: expected one of them, found {len(trails)}"
    if asked.trail_percent is not None and not 0 < asked.trail_percent < _PERCENT_MAX:
        return f"trail_percent: expected above 0 and below 100, found {asked.trail_percent}"
    return None


def _time_fault(asked: Submission) -> str | None:
    word = asked.time_in_force.value
    if asked.time_in_force in AUCTIONS | IMMEDIATE and asked.type not in {
        OrderType.MARKET,
        OrderType.LIMIT,
    }:
        return f"{word} orders must be market or limit orders, found {asked.type.value}"
    if asked.type is OrderType.TRAILING_STOP and asked.time_in_force not in RESTING:
        return f"trailing_stop orders must be day or gtc orders, found {word}"
    if asked.extended_hours and (asked.type is not OrderType.LIMIT or asked.time_in_force not in RESTING):
        return f"extended hours order must be DAY or GTC limit orders, found {word} {asked.type.value}"
    return None


def _class_fault(asked: Submission) -> str | None:
    word, exits = asked.order_class.value, (asked.target, asked.stop_loss)
    given = sum(each is not None for each in exits)
    expected = {OrderClass.SIMPLE: 0, OrderClass.OTO: 1}.get(asked.order_class, len(exits))
    if given != expected:
        return (
            f"{word} orders: expected {expected} of take_profit.limit_price and stop_loss.stop_price, "
            f"found {given}"
        )
    if asked.order_class is OrderClass.SIMPLE:
        return None
    if asked.time_in_force not in RESTING:
        return f"{word} orders must be day or gtc orders, found {asked.time_in_force.value}"
    if asked.extended_hours:
        return f"{word} orders are not supported in extended hours"
    if asked.type is OrderType.TRAILING_STOP:
        return f"trailing_stop orders must be simple orders, found {word}"
    if asked.order_class is OrderClass.OCO:
        if asked.type is not OrderType.LIMIT:
            return f"oco orders must be limit orders, found {asked.type.value}"
        if asked.limit_price not in {None, asked.target}:
            return f"limit_price: expected that of take_profit, {asked.target}, found {asked.limit_price}"
    return None


def _option_fault(asked: Submission) -> str | None:
    fault = kind_fault(asked.type, asked.time_in_force)
    if fault is not None:
        return fault
    if asked.order_class is not OrderClass.SIMPLE:
        return f"options orders must be simple or mleg orders, found {asked.order_class.value}"
    if asked.notional is not None:
        return f"options orders are for whole contracts, found a notional of {asked.notional}"
    return "options orders are not supported in extended hours" if asked.extended_hours else None


def _crypto_fault(asked: Submission) -> str | None:
    if asked.type not in CRYPTO_TYPES:
        return f"crypto orders must be market, limit or stop_limit orders, found {asked.type.value}"
    if asked.time_in_force not in CRYPTO_TIMES:
        return f"crypto orders must be gtc or ioc orders, found {asked.time_in_force.value}"
    if asked.order_class is not OrderClass.SIMPLE:
        return f"crypto orders must be simple orders, found {asked.order_class.value}"
    return "extended hours are not for crypto orders, which trade always" if asked.extended_hours else None
