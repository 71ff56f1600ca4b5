"""Alpaca's account activities, but for fills, as what they mean for a book: pure translation.

| Alpaca's type | kind |
|---|---|
| FEE; CFEE that takes cash | FEE |
| CFEE that takes coins | COIN_FEE |
| DIV, DIVCGL, DIVCGS, DIVNRA, DIVROC, DIVTXEX | DIVIDEND |
| INT | INTEREST |
| CSD, CSW, JNLC | TRANSFER |
| SPLIT | SPLIT |
| any other, one that was not executed, one that lacks what its kind needs | UNTREATED |

The words are those of the page "Account Activities" (docs.alpaca.markets), which gives a date and no time;
`created_at` is in newer answers, the venue's among them. The account's trading date is New York's: what is
posted counts up to when it was created, or to the end of its date there, whichever is earlier. Our own rule.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import ActivityId, Symbol
from agenttrader.model.times import Instant, from_datetime, from_rfc3339, to_datetime
from agenttrader.model.values import ZERO, exact
from agenttrader.protocols.alpaca_timeframes import NEW_YORK
from agenttrader.protocols.alpaca_trading import Activity

FILL = "FILL"
_KINDS = (
    dict.fromkeys(("FEE", "CFEE"), ActivityKind.FEE)
    | dict.fromkeys(("DIV", "DIVCGL", "DIVCGS", "DIVNRA", "DIVROC", "DIVTXEX"), ActivityKind.DIVIDEND)
    | dict.fromkeys(("CSD", "CSW", "JNLC"), ActivityKind.TRANSFER)
    | {"INT": ActivityKind.INTEREST, "SPLIT": ActivityKind.SPLIT}
)
_MOVE_UNITS = frozenset({ActivityKind.SPLIT, ActivityKind.COIN_FEE})
_EXECUTED = (None, "executed")
_QUOTED_IN = ("USDT", "USDC", "USD", "BTC")
"""What coins are priced in ("Crypto Spot Trading", docs.alpaca.markets), the longer words first."""


def activity_of(told: Activity) -> AccountActivity:
    """What one activity means. Raises BadValue where not even its day can be read."""
    day = _day_of(told)
    amount = exact(told.net_amount if told.net_amount is not None else ZERO, f"{told.id}, net_amount")
    quantity = exact(told.qty if told.qty is not None else ZERO, f"{told.id}, qty")
    kind = _kind_of(told, quantity)
    return AccountActivity(
        id=ActivityId(told.id),
        kind=kind,
        word=" ".join(word for word in (told.activity_type, told.activity_sub_type) if word),
        date=day.isoformat(),
        time=_counts_until(told, day),
        amount=amount,
        # Of a dividend it is what was held, and nothing that moved.
        quantity=quantity if kind in _MOVE_UNITS else ZERO,
        symbol=_symbol_of(told),
    )


def coin_pair(name: str) -> Symbol:
    """The pair that Alpaca means by `BTCUSD`: its orders say `BTC/USD`, its positions leave out the slash.

    Documented by an example each ("Crypto Orders"; alpaca-py issue 490).
    """
    for quoted_in in _QUOTED_IN:
        coin = name.removesuffix(quoted_in)
        if "/" not in name and coin and coin != name:
            return Symbol(f"{coin}/{quoted_in}")
    return Symbol(name)


def beginning_of(day: date) -> Instant:
    """When a date begins in New York."""
    return from_datetime(datetime.combine(day, time(), NEW_YORK))


def date_of(instant: Instant) -> date:
    """The account's trading date at an instant."""
    return to_datetime(instant).astimezone(NEW_YORK).date()


def _kind_of(told: Activity, quantity: Decimal) -> ActivityKind:
    kind = _KINDS.get(told.activity_type, ActivityKind.UNTREATED)
    if told.activity_type == "CFEE" and not told.net_amount:
        kind = ActivityKind.COIN_FEE
    if kind is ActivityKind.SPLIT:
        # Of a small holding a split may pay out a part of a share, and change nothing else.
        is_whole = bool(told.symbol) and told.qty is not None and bool(quantity or told.net_amount)
    elif kind is ActivityKind.COIN_FEE:
        is_whole = bool(told.symbol) and bool(quantity)
    else:
        is_whole = told.net_amount is not None
    return kind if is_whole and told.status in _EXECUTED else ActivityKind.UNTREATED


def _symbol_of(told: Activity) -> Symbol | None:
    if not told.symbol:
        return None
    return coin_pair(told.symbol) if told.activity_type == "CFEE" else Symbol(told.symbol)


def _day_of(told: Activity) -> date:
    try:
        if told.date is None and told.created_at is not None:
            return date_of(from_rfc3339(told.created_at))
        return date.fromisoformat(told.date or "")
    except ValueError as error:
        raise BadValue(f"activity {told.id}: expected a date, found {told.date!r}") from error


def _counts_until(told: Activity, day: date) -> Instant:
    end = Instant(beginning_of(day + timedelta(days=1)) - 1)
    return end if told.created_at is None else min(end, from_rfc3339(told.created_at))
