"""Several options as one order: whether the venue takes it, and the orders that it becomes.

used id · two to four legs, each another option on the same shares · kind · units and ratios · the net price
on its step · a session to trade in · intents that the holding allows · what is asked of every order in
options · day trades. The first that does not hold is the refusal.

Sources: docs.alpaca.markets, "Options Level 3 Trading" (legs, ratios, a net price that is paid above 0 and
received below), and alpaca-py's `OrderRequest` (two to four legs, each another symbol).
"""

from decimal import Decimal
from math import gcd

from msgspec import Struct
from msgspec.structs import replace

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant
from agenttrader.simulation.acceptance import refused, shortage_fault, used_id_fault
from agenttrader.simulation.books import Books
from agenttrader.simulation.day_trades import day_trade_fault
from agenttrader.simulation.identities import Numbering
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.simulation.lifetimes import Lifetime, lifetime
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.option_acceptance import Part, intent_of, options_fault
from agenttrader.simulation.orders import (
    Intent,
    OptionLeg,
    OrderClass,
    OrderType,
    PackageSubmission,
    Reason,
    Refusal,
    Side,
    Submission,
    TimeInForce,
    VenueOrder,
)
from agenttrader.simulation.sessions import Sessions
from agenttrader.simulation.shapes import kind_fault

LEGS_MIN, LEGS_MAX = 2, 4


class AcceptedPackage(Struct, frozen=True, gc=False):
    """So many units of these ratios of contracts, at a net price if there is a limit, and when they trade."""

    units: int
    limit: int | None
    legs: tuple[tuple[str, Intent, int], ...]
    lifetime: Lifetime


def judge_package(
    books: Books, account: AccountOpening, asked: PackageSubmission, sessions: Sessions, clock: Instant
) -> AcceptedPackage | Refusal:
    """What the venue takes the order as, or why it is refused."""
    used = used_id_fault(books, account.name, asked.client_order_id)
    if used is not None:
        return used
    fault = _legs_fault(books, asked) or kind_fault(asked.type, asked.time_in_force)
    if fault is not None:
        return refused(Reason.INVALID, fault)
    listing = _first_to_end(books, asked)
    try:
        units, ratios = listing.order_lots(asked.quantity, "qty"), _ratios(asked.legs)
        limit = _limit(books, asked)
    except BadValue as error:
        return refused(Reason.INVALID, str(error))
    when = lifetime(sessions, listing, asked.time_in_force, extended_hours=False, clock=clock)
    if isinstance(when, Refusal):
        return when
    parts = []
    for leg, ratio in zip(asked.legs, ratios, strict=True):
        part = _part(books, account.name, leg, ratio * units)
        if isinstance(part, Refusal):
            return part
        parts.append(part)
    at_most = None if limit is None else listing.notional(limit, units)
    return (
        options_fault(books, account, parts, at_most, sessions, clock)
        or _day_trade_fault(books, account.name, parts)
        or AcceptedPackage(
            units,
            limit,
            tuple((each.listing.symbol, each.intent, each.lots // units) for each in parts),
            when,
        )
    )


def place_package(
    numbering: Numbering,
    account: str,
    asked: PackageSubmission,
    accepted: AcceptedPackage,
    clock: Instant,
    eligible: Instant,
) -> tuple[VenueOrder, ...]:
    """The whole, then its legs, as they were asked for."""
    sequence, order_id = numbering.next()
    whole = VenueOrder(
        order_id,
        sequence,
        account=account,
        client_order_id=asked.client_order_id or order_id,
        symbol="",
        side=Side.BUY,
        type=asked.type,
        time_in_force=asked.time_in_force,
        lots=accepted.units,
        limit=accepted.limit,
        stop=None,
        status=accepted.lifetime.status,
        accepted_at=clock,
        updated_at=clock,
        eligible_from=eligible,
        expires_at=accepted.lifetime.expires_at,
        order_class=OrderClass.MLEG,
    )
    legs = []
    for symbol, intent, ratio in accepted.legs:
        sequence, leg_id = numbering.next()
        leg = replace(whole, id=leg_id, sequence=sequence, client_order_id=leg_id, entry=order_id)
        legs.append(
            replace(
                leg,
                symbol=symbol,
                side=intent.side,
                lots=ratio * accepted.units,
                limit=None,
                ratio=ratio,
                intent=intent,
            )
        )
    return (replace(whole, legs=tuple(leg.id for leg in legs)), *legs)


def _first_to_end(books: Books, asked: PackageSubmission) -> Listing:
    """The leg that expires first; all count prices alike."""
    listings = [books.listings[leg.symbol] for leg in asked.legs]
    return min(listings, key=lambda each: "" if each.contract is None else each.contract.expiration)


def _legs_fault(books: Books, asked: PackageSubmission) -> str | None:
    symbols = [leg.symbol for leg in asked.legs]
    if not LEGS_MIN <= len(symbols) <= LEGS_MAX or len(set(symbols)) != len(symbols):
        return f"legs: expected two to four, each of another symbol, found {', '.join(symbols) or 'none'}"
    underlyings = set()
    for symbol in symbols:
        listing = books.listings.get(symbol)
        if listing is None or listing.contract is None:
            return f"legs: expected options that are listed, found {symbol!r}"
        underlyings.add(listing.contract.underlying)
    if len(underlyings) > 1:
        return f"legs: expected options on the same shares, found {', '.join(sorted(underlyings))}"
    for leg in asked.legs:
        if leg.intent is not None and leg.intent.side is not leg.side:
            return f"legs: expected the side of {leg.intent.value} for {leg.symbol}, found {leg.side.value}"
    return None


def _ratios(legs: tuple[OptionLeg, ...]) -> list[int]:
    """Whole numbers without a common divisor. Raises BadValue for others."""
    found = [leg.ratio for leg in legs]
    if any(ratio < 1 or ratio % 1 for ratio in found):
        raise BadValue(f"ratio_qty: expected whole numbers from 1 on, found {_listed(found)}")
    ratios = [int(ratio) for ratio in found]
    if gcd(*ratios) != 1:
        raise BadValue(f"ratio_qty: expected the smallest whole numbers, found {_listed(found)}")
    return ratios


def _listed(numbers: list[Decimal]) -> str:
    return ", ".join(map(str, numbers))


def _limit(books: Books, asked: PackageSubmission) -> int | None:
    """The net price in units. Raises BadValue for one off its step, missing, or of a market order."""
    if (asked.limit_price is None) is (asked.type is OrderType.LIMIT):
        found = f"{asked.limit_price} for {asked.type.value}"
        raise BadValue(f"limit_price: expected one for limit orders alone, found {found}")
    if asked.limit_price is None:
        return None
    return books.listings[asked.legs[0].symbol].net_units(asked.limit_price, "limit_price")


def _part(books: Books, account: str, leg: OptionLeg, lots: int) -> Part | Refusal:
    """A leg with what it does to the holding, or why the holding does not allow it."""
    listing = books.listings[leg.symbol]
    assert listing.contract is not None
    inferred = intent_of(books, account, leg.symbol, leg.side)
    if leg.intent is not None and leg.intent is not inferred:
        return refused(
            Reason.UNPROCESSABLE,
            f"position intent mismatch, inferred: {inferred.value}, specified: {leg.intent.value}",
        )
    if not inferred.opens:
        fault = shortage_fault(books, account, listing, lots)
        if fault is not None:
            return fault
    return Part(listing, listing.contract, inferred, lots)


def _day_trade_fault(books: Books, account: str, parts: list[Part]) -> Refusal | None:
    for part in parts:
        alone = Submission(
            client_order_id=None,
            symbol=part.listing.symbol,
            side=part.intent.side,
            type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            quantity=part.listing.quantity(part.lots),
        )
        fault = day_trade_fault(books, account, alone)
        if fault is not None:
            return fault
    return None
