"""The exchange's own book of the account, as it answers whoever asks, with no word of the gateway's in it."""

import json
from decimal import Decimal
from typing import Any, NamedTuple

from agenttrader.testing.venue_calls import VenueCalls

_ALL = {"status": "all", "limit": "500", "nested": "false"}
_OPEN = {"status": "open", "limit": "500", "nested": "false"}
RESTING = frozenset({"new", "partially_filled", "accepted", "pending_cancel"})
"""The words of an order that works there by itself; a leg that waits for its entry is `held`."""


class Working(NamedTuple):
    """An order that is open at the exchange."""

    id: str
    client_order_id: str
    symbol: str
    sign: int
    filled: Decimal
    remaining: Decimal
    type: str
    status: str
    replaces: str | None
    """The id of the order in whose place it is to come, or has come."""


class ExchangeBook(NamedTuple):
    """Positions, signed, and open orders, at one moment."""

    positions: dict[str, Decimal]
    orders: tuple[Working, ...]


def book_of(venue: VenueCalls, account: str) -> ExchangeBook:
    """The book now."""
    return ExchangeBook(
        {each["symbol"]: Decimal(each["qty"]) for each in _asked(venue, account, "v2/positions")},
        tuple(_working(each) for each in _asked(venue, account, "v2/orders", _OPEN)),
    )


def orders_at(venue: VenueCalls, account: str) -> list[dict[str, Any]]:
    """Every order that the exchange ever took, as it stands."""
    found: list[dict[str, Any]] = _asked(venue, account, "v2/orders", _ALL)
    return found


def equity_at(venue: VenueCalls, account: str) -> Decimal:
    """What the account is worth, by the exchange's prices."""
    return Decimal(_asked(venue, account, "v2/account")["equity"])


def cash_at(venue: VenueCalls, account: str) -> Decimal:
    """The account's cash."""
    return Decimal(_asked(venue, account, "v2/account")["cash"])


def _asked(venue: VenueCalls, account: str, path: str, parameters: dict[str, str] | None = None) -> Any:
    return json.loads(venue.request(account, "GET", path, parameters or {}).body, parse_float=Decimal)


def _working(order: dict[str, Any]) -> Working:
    return Working(
        id=order["id"],
        client_order_id=order["client_order_id"],
        symbol=order["symbol"],
        sign=1 if order["side"] == "buy" else -1,
        filled=Decimal(order["filled_qty"]),
        remaining=Decimal(order["qty"]) - Decimal(order["filled_qty"]),
        type=order["type"],
        status=order["status"],
        replaces=order["replaces"],
    )
