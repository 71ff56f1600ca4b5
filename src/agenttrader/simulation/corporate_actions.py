"""Splits and cash dividends: what becomes of holdings, prices and the orders that are open.

An action counts from its `time` on, before anything trades: on a split every holding has its new number of
lots and the same cost, the last price is divided, and the fraction of a lot that is left over is paid in
cash. A dividend is paid at once, to whoever holds and by whoever is short.

- A reverse split cancels the orders that are good till canceled.
- A forward split gives those to buy at a limit and to sell at a stop the new number and the new price,
  rounded down to a tick; no other order is changed (docs.alpaca.markets, "Mandatory Corporate Actions").
  That a trailing stop is a stop is our own rule: else the new price would trigger it.
"""

from decimal import Decimal
from fractions import Fraction
from typing import assert_never

from msgspec.structs import replace

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant
from agenttrader.model.values import exact
from agenttrader.simulation.clearing import Clearing
from agenttrader.simulation.floor import Floor
from agenttrader.simulation.inputs import (
    CorporateActionKind,
    CorporateActionSeen,
    DividendPosted,
    SplitPosted,
)
from agenttrader.simulation.listings import BILLION, CENT, Listing, femtos_of, round_half_even
from agenttrader.simulation.orders import Event, OrderType, Side, Status, TimeInForce, VenueOrder

_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


def check(seen: CorporateActionSeen, listing: Listing) -> None:
    """Raises BadValue for an action that cannot be."""
    if listing.is_coin:
        raise BadValue(f"{seen.symbol}: expected corporate actions of shares, found one of a coin")
    for name in ("new_rate", "old_rate"):
        if exact(getattr(seen, name), name) <= 0:
            raise BadValue(f"{seen.symbol}, {name}: expected above 0, found {getattr(seen, name)}")
    if seen.kind is CorporateActionKind.CASH_DIVIDEND and exact(seen.cash, "cash") <= 0:
        raise BadValue(f"{seen.symbol}, cash: expected a dividend above 0, found {seen.cash}")


def act(floor: Floor, seen: CorporateActionSeen) -> None:
    """Apply an action that was checked."""
    match seen.kind:
        case CorporateActionKind.SPLIT:
            _split(floor, seen, ratio_of(seen.new_rate, seen.old_rate))
        case CorporateActionKind.CASH_DIVIDEND:
            for account in floor.books.accounts:
                _pay_dividend(floor.clearing, account, seen)
        case _:
            assert_never(seen.kind)


def ratio_of(new_rate: Decimal, old_rate: Decimal) -> tuple[int, int]:
    """New lots for old ones, in the smallest whole numbers."""
    return (Fraction(new_rate) / Fraction(old_rate)).as_integer_ratio()


def restated(order: VenueOrder, listing: Listing, ratio: tuple[int, int]) -> VenueOrder | None:
    """An order as a forward split makes it; None where it stays as it is."""
    buys_at_limit = order.side is Side.BUY and order.type is OrderType.LIMIT
    sells_at_stop = order.side is Side.SELL and order.type in _STOPS
    if order.time_in_force is not TimeInForce.GTC or not (buys_at_limit or sells_at_stop):
        return None
    new, old = ratio
    return replace(
        order,
        lots=order.lots * new // old,
        filled_lots=order.filled_lots * new // old,
        limit=None if order.limit is None else listing.tick_below(order.limit * old // new),
        stop=None if order.stop is None else listing.tick_below(order.stop * old // new),
        trail=None if order.trail is None else listing.tick_below(order.trail * old // new),
        high_water=None if order.high_water is None else max(order.high_water * old // new, 1),
    )


def _split(floor: Floor, seen: CorporateActionSeen, ratio: tuple[int, int]) -> None:
    books, symbol, (new, old) = floor.books, seen.symbol, ratio
    if symbol in books.marks:
        books.marks[symbol] = max(round_half_even(books.marks[symbol] * old, new), 1)
    for account in books.accounts:
        if books.ledger.lots(account, symbol):
            _split_holding(floor.clearing, account, seen, ratio)
        for order in books.open_of(account, symbol):
            # One before it may have ended it.
            current = books.orders[order.id]
            if current.status.is_open:
                _split_order(floor, current, ratio, seen.time)


def _split_order(floor: Floor, order: VenueOrder, ratio: tuple[int, int], time: Instant) -> None:
    new, old = ratio
    if new < old:
        if order.time_in_force is TimeInForce.GTC:
            floor.end(order, Status.CANCELED, Event.CANCELED, time)
        return
    changed = restated(order, floor.books.listings[order.symbol], ratio)
    if changed is not None:
        changed = replace(changed, updated_at=time)
        floor.books.amend(changed)
        floor.say(changed, Event.RESTATED)


def _split_holding(
    clearing: Clearing, account: str, seen: CorporateActionSeen, ratio: tuple[int, int]
) -> None:
    """New lots for old ones, and cash at the new price for the part of a lot that is left."""
    books, (new, old) = clearing.books, ratio
    listing, before = books.listings[seen.symbol], books.ledger.lots(account, seen.symbol)
    after = books.ledger.split(account, listing, ratio)
    left_over = listing.notional(books.marks[seen.symbol], before * new - after * old)
    femtos = round_half_even(left_over, old * CENT) * CENT
    books.ledger.pay(account, femtos)
    sequence, split_id = clearing.numberings[account].next()
    clearing.activities[account].append(
        SplitPosted(
            id=split_id,
            sequence=sequence,
            time=seen.time,
            account=account,
            symbol=seen.symbol,
            lots_before=before,
            lots_after=after,
            new_rate=seen.new_rate,
            old_rate=seen.old_rate,
            femtos=femtos,
        )
    )


def _pay_dividend(clearing: Clearing, account: str, seen: CorporateActionSeen) -> None:
    books = clearing.books
    lots = books.ledger.lots(account, seen.symbol)
    if lots == 0:
        return
    owed = femtos_of(seen.cash, "cash") * books.listings[seen.symbol].billionths(lots)
    femtos = round_half_even(owed, BILLION * CENT) * CENT
    books.ledger.pay(account, femtos)
    sequence, dividend_id = clearing.numberings[account].next()
    clearing.activities[account].append(
        DividendPosted(
            id=dividend_id,
            sequence=sequence,
            time=seen.time,
            account=account,
            symbol=seen.symbol,
            lots=lots,
            per_share=seen.cash,
            femtos=femtos,
        )
    )
