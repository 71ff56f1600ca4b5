"""Whether the venue takes an order: one linear judgement, in the order of the checks below.

used id · symbol · shape (type, prices, time in force, class) · quantity and prices on their steps · exits on
their sides · a session to trade in · holding · short selling · orders the other way · buying power · wash
trades · day trades. The first that does not hold is the refusal, and a refused order leaves no trace: its
client order id is not used up.
"""

from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant
from agenttrader.simulation.books import Books
from agenttrader.simulation.buy_stops import cap_of
from agenttrader.simulation.day_trades import day_trade_fault
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.simulation.lifetimes import Lifetime, lifetime
from agenttrader.simulation.listings import CENT, DOLLAR, Listing, femtos_of, money
from agenttrader.simulation.margin import EQUITY_MIN
from agenttrader.simulation.option_acceptance import Part, intent_of, options_fault
from agenttrader.simulation.orders import (
    OrderClass,
    OrderType,
    Reason,
    Refusal,
    Side,
    Submission,
)
from agenttrader.simulation.sessions import Sessions
from agenttrader.simulation.shapes import fraction_fault, shape_fault
from agenttrader.simulation.trailing import stop_behind
from agenttrader.simulation.wash_trades import wash_trade_fault

NOTIONAL_MIN = DOLLAR
"""The least amount of cash that an order may be for (docs.alpaca.markets, Fractional Trading)."""


class Terms(Struct, frozen=True, kw_only=True, gc=False):
    """A submission in the venue's integers, found acceptable, and when it may trade."""

    lots: int
    notional: int | None
    limit: int | None
    stop: int | None
    trail: int | None
    high_water: int | None
    target: int | None
    stop_loss: int | None
    stop_loss_limit: int | None

    @property
    def price(self) -> int | None:
        """The price that the order itself says, where it says one."""
        return self.stop if self.limit is None else self.limit


class Accepted(Struct, frozen=True, gc=False):
    """An order that the venue takes: its terms, and when it may trade."""

    terms: Terms
    lifetime: Lifetime


def judge(
    books: Books, account: AccountOpening, asked: Submission, sessions: Sessions, clock: Instant
) -> Accepted | Refusal:
    """What the venue takes the order as, or why it is refused."""
    used = used_id_fault(books, account.name, asked.client_order_id)
    if used is not None:
        return used
    listing = books.listings.get(asked.symbol)
    if listing is None:
        return refused(
            Reason.INVALID, f"asset {asked.symbol!r} not found; listed are {', '.join(books.listings)}"
        )
    fault = shape_fault(asked, listing)
    if fault is not None:
        return refused(Reason.INVALID, fault)
    mark = books.marks.get(asked.symbol)
    try:
        terms = _terms(listing, asked, mark)
    except BadValue as error:
        return refused(Reason.INVALID, str(error))
    if terms is None:
        return _no_price(asked.symbol)
    fault = _exit_fault(asked, terms, mark)
    if fault is not None:
        return refused(Reason.UNPROCESSABLE, fault)
    when = lifetime(sessions, listing, asked.time_in_force, extended_hours=asked.extended_hours, clock=clock)
    if isinstance(when, Refusal):
        return when
    return (
        _holding_fault(books, account, asked, terms)
        or _option_fault(books, account, asked, terms, sessions, clock)
        or wash_trade_fault(books, account.name, asked, terms.limit)
        or day_trade_fault(books, account.name, asked)
        or Accepted(terms, when)
    )


def used_id_fault(books: Books, account: str, client_order_id: str | None) -> Refusal | None:
    """An id is used once, by whatever kind of order."""
    if client_order_id is None or books.by_client_order_id(account, client_order_id) is None:
        return None
    return refused(Reason.INVALID, "client_order_id must be unique")


def refused(reason: Reason, message: str) -> Refusal:
    """A refusal that names no holding."""
    return Refusal(reason=reason, message=message)


def _terms(listing: Listing, asked: Submission, mark: int | None) -> Terms | None:
    """None where an amount of cash cannot be made a quantity yet. Raises BadValue for what is on no step."""
    oco_limit = asked.target if asked.order_class is OrderClass.OCO else None
    limit = _units(listing, oco_limit or asked.limit_price, "limit_price")
    stop = _units(listing, asked.stop_price, "stop_price")
    trail = _units(listing, asked.trail_price, "trail_price")
    high_water = mark if asked.type is OrderType.TRAILING_STOP else None
    if high_water is not None:
        stop = stop_behind(listing, high_water, asked.side, trail, asked.trail_percent)
    notional = None
    if asked.quantity is not None:
        lots = listing.order_lots(asked.quantity, "qty")
    else:
        notional = _notional(asked.notional)
        price = limit or stop or mark
        if price is None:
            return None
        lots = listing.lots_worth(notional, price)
    fault = fraction_fault(asked, listing, is_fraction=notional is not None or not listing.is_whole(lots))
    if fault is not None:
        raise BadValue(fault)
    if lots == 0:
        raise BadValue(f"notional: expected enough for {listing.quantity(1)}, found {asked.notional}")
    loss = asked.stop_loss
    return Terms(
        lots=lots,
        notional=notional,
        limit=limit,
        stop=stop,
        trail=trail,
        high_water=high_water,
        target=_units(listing, asked.target, "take_profit.limit_price"),
        stop_loss=_units(listing, None if loss is None else loss.stop, "stop_loss.stop_price"),
        stop_loss_limit=_units(listing, None if loss is None else loss.limit, "stop_loss.limit_price"),
    )


def _units(listing: Listing, price: Decimal | None, name: str) -> int | None:
    return None if price is None else listing.order_units(price, name)


def _notional(asked: Decimal | None) -> int:
    assert asked is not None
    notional = femtos_of(asked, "notional")
    if notional < NOTIONAL_MIN or notional % CENT:
        raise BadValue(f"notional: expected at least {money(NOTIONAL_MIN)}, to the cent, found {asked}")
    return notional


def _exit_fault(asked: Submission, terms: Terms, mark: int | None) -> str | None:
    """Stop, entry's price (if it has one) and target must rise for whoever is long, and fall for a short.

    The stop must also lie on the far side of the last price (docs.alpaca.markets, Placing Orders, "Threshold
    on stop price of stop-loss orders").
    """
    if asked.order_class is OrderClass.SIMPLE:
        return None
    holder = asked.side.opposite if asked.order_class is OrderClass.OCO else asked.side
    entry = None if asked.order_class is OrderClass.OCO else terms.price
    levels = [level for level in (terms.stop_loss, entry, terms.target) if level is not None]
    signed = [level * holder.sign for level in levels]
    relation = "below" if holder is Side.BUY else "above"
    found = f"found {asked.stop_loss and asked.stop_loss.stop} and {asked.target}"
    if any(low >= high for low, high in pairwise(signed)):
        return (
            f"a {asked.side.value} {asked.order_class.value} needs stop_loss.stop_price {relation} the "
            f"entry's price, and that {relation} take_profit.limit_price, {found}"
        )
    if mark is not None and terms.stop_loss is not None and signed[0] >= mark * holder.sign:
        return f"a {asked.order_class.value} needs stop_loss.stop_price {relation} the last price, {found}"
    return None


def _holding_fault(books: Books, account: AccountOpening, asked: Submission, terms: Terms) -> Refusal | None:
    listing, word = books.listings[asked.symbol], asked.order_class.value
    opens = books.opens(account.name, asked.symbol, asked.side)
    if asked.order_class is OrderClass.OCO and opens:
        return refused(Reason.UNPROCESSABLE, "oco orders must be exit orders")
    if listing.is_option:
        return None if opens else shortage_fault(books, account.name, listing, terms.lots)
    if not opens:
        if asked.order_class in {OrderClass.BRACKET, OrderClass.OTO}:
            return refused(Reason.UNPROCESSABLE, f"{word} orders must be entry orders")
        return shortage_fault(books, account.name, listing, terms.lots)
    if asked.side is Side.SELL:
        is_part = terms.notional is not None or not listing.is_whole(terms.lots)
        fault = short_fault(books, account, listing, is_part=is_part)
        if fault is not None:
            return fault
    fault = conflict_fault(books, account.name, listing.symbol, asked.side)
    if fault is not None:
        return fault
    price = cap_of(listing, asked.side, asked.type, terms.stop) or terms.price
    needed = terms.notional or books.set_aside(asked.symbol, asked.type, price, terms.lots, asked.side)
    if needed is None:
        return _no_price(asked.symbol)
    return power_fault(books, account.name, asked.symbol, needed)


def power_fault(books: Books, account: str, symbol: str, needed: int, freed: int = 0) -> Refusal | None:
    """More than the buying power, and `freed` besides, cannot be spent."""
    power = books.power_for(account, symbol) + freed
    if needed <= power:
        return None
    return refused(
        Reason.FORBIDDEN,
        f"insufficient buying power (required: {money(needed)}, available: {money(power)})",
    )


def short_fault(
    books: Books, account: AccountOpening, listing: Listing, *, is_part: bool = False
) -> Refusal | None:
    """Not everybody may sell what is not held, nor everything, nor a part of a share."""
    if not account.shorting:
        fault = f"account is not allowed to short, and holds no {listing.symbol} to sell"
    elif not books.may_short(account.name):
        fault = f"account needs an equity of {money(EQUITY_MIN)} to sell short"
    elif not listing.shortable:
        fault = f"asset {listing.symbol} cannot be sold short"
    elif is_part:
        fault = f"fractional orders cannot be sold short, and the account holds no {listing.symbol} to sell"
    else:
        return None
    return refused(Reason.FORBIDDEN, fault)


def conflict_fault(books: Books, account: str, symbol: str, side: Side) -> Refusal | None:
    """Where nothing is held, an order that opens one way is refused while one the other way is open.

    Else the later fill would cross from long to short. The legs of an entry are no such orders. Source:
    alpacahq/Alpaca-API issue 82; the words are as it and alpaca-trade-api-python issue 396 have them.
    """
    if books.ledger.lots(account, symbol) or not any(
        order.side is not side and order.entry is None for order in books.open_of(account, symbol)
    ):
        return None
    mine, other = "long buy", "short sell"
    if side is Side.SELL:
        mine, other = other, mine
    return refused(Reason.FORBIDDEN, f"cannot open a {mine} while a {other} order is open")


def _option_fault(
    books: Books,
    account: AccountOpening,
    asked: Submission,
    terms: Terms,
    sessions: Sessions,
    clock: Instant,
) -> Refusal | None:
    """What is asked of an order in an option besides."""
    listing = books.listings[asked.symbol]
    if listing.contract is None:
        return None
    intent = intent_of(books, account.name, asked.symbol, asked.side)
    part = Part(listing, listing.contract, intent, terms.lots)
    price = terms.limit
    at_most = None if price is None else listing.notional(price, terms.lots * asked.side.sign)
    return options_fault(books, account, (part,), at_most, sessions, clock)


def shortage_fault(books: Books, account: str, listing: Listing, lots: int, freed: int = 0) -> Refusal | None:
    """What is not held cannot be closed, nor what orders but the one that held `freed` already hold."""
    available = books.available(account, listing.symbol) + freed
    if lots <= max(available, freed):
        return None
    shortage = books.shortage(account, listing.symbol)
    found = f"requested: {listing.quantity(lots)}, available: {listing.quantity(available)}"
    return Refusal(
        reason=Reason.FORBIDDEN, message=f"insufficient qty available for order ({found})", shortage=shortage
    )


def _no_price(symbol: str) -> Refusal:
    return refused(
        Reason.UNPROCESSABLE,
        f"{symbol} has no price yet to set cash aside by; wait for a bar, or send a limit order",
    )
