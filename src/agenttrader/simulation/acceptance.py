"""Whether the venue takes an order: one linear judgement, in the order of the checks below.

used id · symbol · quantity and prices on their steps · prices that its type needs · bracket · holding · short
selling · buying power. The first that does not hold is the refusal, and a refused order leaves no trace: its
client order id is not used up.
"""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.simulation.books import Books
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.simulation.listings import Listing, money
from agenttrader.simulation.orders import (
    OrderClass,
    OrderType,
    Reason,
    Refusal,
    Side,
    Submission,
    TimeInForce,
)

_LATER_TYPES = frozenset({OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
_LATER_TIMES = frozenset({TimeInForce.IOC, TimeInForce.FOK, TimeInForce.OPG, TimeInForce.CLS})


class Terms(Struct, frozen=True, kw_only=True, gc=False):
    """A submission in the venue's integers, found acceptable."""

    lots: int
    limit: int | None
    stop: int | None
    target_limit: int | None
    protecting_stop: int | None

    @property
    def price(self) -> int | None:
        """The one price that the order's type needs, if it needs any."""
        return self.stop if self.limit is None else self.limit


def judge(books: Books, account: AccountOpening, asked: Submission) -> Terms | Refusal:
    """The order's terms, or why it is refused."""
    wanted = asked.client_order_id
    if wanted is not None and books.by_client_order_id(account.name, wanted) is not None:
        return _refused(Reason.INVALID, "client_order_id must be unique")
    listing = books.listings.get(asked.symbol)
    if listing is None:
        return _refused(
            Reason.INVALID, f"asset {asked.symbol!r} not found; listed are {', '.join(books.listings)}"
        )
    try:
        terms = _terms(listing, asked)
    except BadValue as error:
        return _refused(Reason.INVALID, str(error))
    return _bracket_fault(asked, terms) or _holding_fault(books, account, asked, terms) or terms


def _terms(listing: Listing, asked: Submission) -> Terms:
    if asked.quantity is None or asked.type in _LATER_TYPES or asked.time_in_force in _LATER_TIMES:
        raise BadValue(
            "order: expected market, limit or stop, day or gtc, with a qty: no other is traded yet"
        )
    lots = listing.order_lots(asked.quantity, "qty")
    limit = stop = target_limit = protecting_stop = None
    if asked.limit_price is not None or asked.type is OrderType.LIMIT:
        limit = _price(listing, asked.limit_price, "limit_price", asked.type, OrderType.LIMIT)
    if asked.stop_price is not None or asked.type is OrderType.STOP:
        stop = _price(listing, asked.stop_price, "stop_price", asked.type, OrderType.STOP)
    if asked.order_class is not OrderClass.SIMPLE:
        if asked.target is None or asked.stop_loss is None or asked.order_class is not OrderClass.BRACKET:
            raise BadValue("order_class: expected simple, or bracket with both exits: no other is traded yet")
        target_limit = listing.order_units(asked.target, "take_profit.limit_price")
        protecting_stop = listing.order_units(asked.stop_loss.stop, "stop_loss.stop_price")
    return Terms(
        lots=lots, limit=limit, stop=stop, target_limit=target_limit, protecting_stop=protecting_stop
    )


def _price(listing: Listing, price: Decimal | None, name: str, found: OrderType, needed_by: OrderType) -> int:
    """The price in units. Raises BadValue where the type needs one and has none, or the other way round."""
    if price is None:
        raise BadValue(f"{name}: a {found.value} order needs a {name}, found none")
    if found is not needed_by:
        raise BadValue(f"{name}: a {found.value} order has no {name}, found {price}")
    return listing.order_units(price, name)


def _bracket_fault(asked: Submission, terms: Terms) -> Refusal | None:
    """Stop, entry's price (if it has one) and target must rise for a buyer and fall for a seller."""
    low, high = terms.protecting_stop, terms.target_limit
    if low is None or high is None or asked.stop_loss is None:
        return None
    if asked.side is Side.SELL:
        low, high = high, low
    if low < high and (terms.price is None or low < terms.price < high):
        return None
    relation = "below" if asked.side is Side.BUY else "above"
    return _refused(
        Reason.UNPROCESSABLE,
        f"a {asked.side.value} bracket needs stop_loss.stop_price {relation} the entry's price, and that "
        f"{relation} take_profit.limit_price, found {asked.stop_loss.stop} and {asked.target}",
    )


def _holding_fault(books: Books, account: AccountOpening, asked: Submission, terms: Terms) -> Refusal | None:
    listing = books.listings[asked.symbol]
    if not books.opens(account.name, asked.symbol, asked.side):
        if asked.order_class is not OrderClass.SIMPLE:
            return _refused(Reason.UNPROCESSABLE, "bracket orders must be entry orders")
        return _shortage(books, account.name, listing, terms.lots)
    if asked.side is Side.SELL and not account.shorting:
        return _refused(
            Reason.FORBIDDEN, f"account is not allowed to short, and holds no {asked.symbol} to sell"
        )
    needed = books.set_aside(asked.symbol, asked.type, terms.price, terms.lots)
    if needed is None:
        return _refused(
            Reason.UNPROCESSABLE,
            f"{asked.symbol} has no price yet to set cash aside by; wait for a bar, or send a limit order",
        )
    power = books.buying_power(account.name)
    if needed > power:
        return _refused(
            Reason.FORBIDDEN,
            f"insufficient buying power (required: {money(needed)}, available: {money(power)})",
        )
    return None


def _shortage(books: Books, account: str, listing: Listing, lots: int) -> Refusal | None:
    """More than the holding cannot be closed, nor what other orders already hold."""
    if lots <= books.available(account, listing.symbol):
        return None
    shortage = books.shortage(account, listing.symbol)
    found = f"requested: {listing.quantity(lots)}, available: {shortage.available}"
    return Refusal(
        reason=Reason.FORBIDDEN, message=f"insufficient qty available for order ({found})", shortage=shortage
    )


def _refused(reason: Reason, message: str) -> Refusal:
    return Refusal(reason=reason, message=message)
