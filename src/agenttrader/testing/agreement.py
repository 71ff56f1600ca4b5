"""Whether three books of one account agree: the venue's statement, ours, and the oracle's in SQL.

Cash, quantities, fees, what was realised and our cost must be equal to the last digit. The venue rounds what
a partial close takes out of a cost at another place than we do: its cost may differ by 10⁻⁹ an execution.
What a split paid for a part of a lot is a sale to SQL, and less cost to the book of the gateway: there what
was realised and the cost are compared as one sum.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import MILLISECOND, Instant, from_rfc3339, rfc3339
from agenttrader.model.values import NANO, ZERO
from agenttrader.portfolio.holdings import Holding
from agenttrader.testing.sql_oracle import SqlOracle
from agenttrader.testing.venue_calls import VenueCalls

PAGE = 500


class OurBook(Struct, frozen=True, kw_only=True):
    """What we hold an account to have."""

    cash: Decimal
    fees: Decimal
    holdings: Mapping[Symbol, Holding]


def disagreements(
    venue: VenueCalls, account: str, opening: Decimal, ours: OurBook, splits: Mapping[str, Instant]
) -> Iterator[str]:
    """Every difference between the three, each as a sentence that begins with the account's name.

    `splits` is when a symbol's last split was.
    """
    oracle = SqlOracle()
    oracle.open_account(account, str(opening))
    for page in venue.activities(account):
        oracle.take(account, page)
    differences = (
        *_in_money(venue, account, ours, oracle),
        *_in_holdings(venue, account, ours, oracle),
        *_in_orders(venue, account, oracle, splits),
        *(f"{each} stands for more than one activity" for each in oracle.told_twice(account)),
    )
    oracle.close()
    return (f"{account}: {difference}" for difference in differences)


def _in_money(venue: VenueCalls, account: str, ours: OurBook, oracle: SqlOracle) -> Iterator[str]:
    stated = json.loads(venue.request(account, "GET", "v2/account").body)
    yield from _compared("cash", Decimal(stated["cash"]), ours.cash, Decimal(oracle.cash(account)))
    yield from _compared("fees", None, ours.fees, Decimal(oracle.fees(account)))


def _in_holdings(venue: VenueCalls, account: str, ours: OurBook, oracle: SqlOracle) -> Iterator[str]:
    stated = {each["symbol"]: each for each in json.loads(venue.request(account, "GET", "v2/positions").body)}
    asked = {each.symbol: each for each in oracle.holdings(account)}
    # A pair of coins is told without its slash.
    holdings = {symbol.replace("/", ""): holding for symbol, holding in ours.holdings.items()}
    rounded, paid_out = NANO * oracle.executions(account), oracle.paid_out(account)
    for symbol in sorted(stated.keys() | asked.keys() | holdings.keys()):
        theirs, told = stated.get(symbol), asked.get(symbol)
        held = holdings.get(symbol) or Holding(Decimal(1))
        quantity, cost, realised = (Decimal(text) for text in told[1:]) if told else (ZERO, ZERO, ZERO)
        there = Decimal(theirs["qty"]) if theirs else ZERO
        yield from _compared(f"{symbol}, quantity", there, held.quantity, quantity)
        if symbol in paid_out:
            yield from _compared(
                f"{symbol}, cost less realised", None, held.cost - held.realised, cost - realised
            )
        else:
            yield from _compared(f"{symbol}, cost", None, held.cost, cost)
            yield from _compared(f"{symbol}, realised", None, held.realised, realised)
        basis = Decimal(theirs["cost_basis"]) if theirs else ZERO
        if abs(basis - cost) > rounded:
            yield f"{symbol}, cost: the venue says {basis}, SQL {cost}"


def _in_orders(
    venue: VenueCalls, account: str, oracle: SqlOracle, splits: Mapping[str, Instant]
) -> Iterator[str]:
    """What orders say that they filled is what was executed for them, and no more than was asked for.

    An order that replaces another begins with what that had filled. What lived through a split counts in
    shares of another size, and is left out.
    """
    filled = oracle.filled(account)
    orders = {order["id"]: order for order in orders_of(venue, account)}
    for order in orders.values():
        executed = Decimal(filled.pop(order["id"], "0"))
        replaced = orders.get(order["replaces"] or "")
        if replaced is not None and replaced["replaced_by"] == order["id"]:
            executed += Decimal(replaced["filled_qty"])
        split = splits.get(order["symbol"])
        if split is not None and order["time_in_force"] == "gtc" and _submitted(order) < split:
            continue
        said = Decimal(order["filled_qty"])
        if said != executed:
            yield f"order {order['id']}: it says that {said} were filled, SQL {executed}"
        if order["qty"] is not None and executed > Decimal(order["qty"]):
            yield f"order {order['id']}: {executed} were filled of {order['qty']}"
    for order_id in filled:
        yield f"order {order_id}: executions of an order that the venue does not list"


def orders_of(venue: VenueCalls, account: str) -> Iterator[dict[str, Any]]:
    """Every order that the account ever had at the venue, legs for themselves, oldest first."""
    seen: set[str] = set()
    after = Instant(0)
    while True:
        asked = {"status": "all", "limit": str(PAGE), "direction": "asc", "after": rfc3339(after)}
        page = json.loads(venue.request(account, "GET", "v2/orders", asked).body)
        news = [order for order in page if order["id"] not in seen]
        seen.update(order["id"] for order in news)
        yield from news
        if not news:
            return
        # Orders of one instant may lie across the border of two pages.
        after = Instant(_submitted(page[-1]) - MILLISECOND)


def _submitted(order: dict[str, Any]) -> Instant:
    return from_rfc3339(order["submitted_at"])


def _compared(what: str, theirs: Decimal | None, ours: Decimal, sql: Decimal) -> Iterator[str]:
    if ours != sql or (theirs is not None and theirs != sql):
        venue = "" if theirs is None else f"the venue says {theirs}, "
        yield f"{what}: {venue}our book {ours}, SQL {sql}"
