"""Whether the market can be traded now, and whether its price may be believed."""

from decimal import ROUND_CEILING, Decimal
from typing import assert_never

from agenttrader.gateway.checks.case import Case
from agenttrader.model.decisions import Check
from agenttrader.model.instruments import CryptoPair, Option
from agenttrader.model.market import TradingStatus
from agenttrader.model.orders import Effect, OrderType, Proposal, TimeInForce
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, SECOND, Instant
from agenttrader.model.values import ZERO

OPENING_MINUTES, CLOSING_MINUTES = 2, 10
"""Before an auction the exchange takes no more orders for it (docs.alpaca.markets, "Placing Orders")."""

# Bound once: on Python 3.11 reading a member from its enumeration costs half of what a check does.
_TRADING = TradingStatus.TRADING
_REDUCE, _GTC, _MARKET = Effect.REDUCE, TimeInForce.GTC, OrderType.MARKET
# Results without numbers are made once.
_ALWAYS = Check("session", "always", "always", passed=True)
_OVER_SESSIONS = Check("session", "rests over sessions", "at any time", passed=True)
_NOT_LISTED = "not on the restricted list"
_NOT_RESTRICTED = Check("restricted", _NOT_LISTED, _NOT_LISTED, passed=True)
_NOTHING = "nothing stands for the market"
_NO_MARKET = Check("market_fall", _NOTHING, _NOTHING, passed=True)
_PART = Decimal("0.000001")
"""How finely the fall is told."""
_TRADES = Check("symbol_status", "trading", "trading", passed=True)


def instrument_is_known(case: Case) -> Check:
    """The symbol is configured as an instrument and has limits."""
    symbol = case.leg.symbol
    known = case.leg.instrument is not None and case.symbol_limits is not None
    return Check("instrument", symbol, symbol if known else None, known)


def symbol_is_not_restricted(case: Case) -> Check:
    """Neither the symbol nor what it is an option on is on the restricted list."""
    restricted, instrument = case.account_limits.restricted, case.leg.instrument
    if not restricted:
        return _NOT_RESTRICTED
    names = (case.leg.symbol, instrument.underlying) if isinstance(instrument, Option) else (case.leg.symbol,)
    for name in names:
        if name in restricted:
            return Check("restricted", name, _NOT_LISTED, passed=False)
    return _NOT_RESTRICTED


def session_is_open(case: Case) -> Check:
    """The exchange takes the order now: it trades, or has the hours or the auction that the order is for.

    Coins trade always. An exit that rests over sessions is taken between them, too: protection for the day
    ends with the close, and what is held then would be bare until the next open.
    """
    session, now, proposal = case.snapshot.session, case.snapshot.now, case.proposal
    if type(case.leg.instrument) is CryptoPair:
        return _ALWAYS
    if proposal.effect is _REDUCE and proposal.time_in_force is _GTC and proposal.type is not _MARKET:
        return _OVER_SESSIONS
    if session is None or now is None:
        return Check("session", None, None, passed=False)
    first, end = _hours(proposal, session)
    return Check("session", now, (first, end), first <= now < end)


def _hours(proposal: Proposal, session: Session) -> tuple[Instant, Instant]:
    """From when until when the exchange takes the order."""
    if proposal.extended_hours:
        return session.first, session.last
    match proposal.time_in_force:
        case TimeInForce.DAY | TimeInForce.GTC | TimeInForce.IOC | TimeInForce.FOK:
            return session.open, session.close
        case TimeInForce.OPG:
            return session.first, Instant(session.open - OPENING_MINUTES * MINUTE)
        case TimeInForce.CLS:
            return session.open, Instant(session.close - CLOSING_MINUTES * MINUTE)
        case time:
            assert_never(time)


def exchange_lets_the_symbol_trade(case: Case) -> Check:
    """The exchange's last word on the symbol is that it trades."""
    status = case.leg.status
    if status is _TRADING:
        return _TRADES
    return Check("symbol_status", status and status.value, "trading", passed=False)


def market_has_not_fallen_too_far(case: Case) -> Check:
    """Nothing that stands for the market lies too far below where its day began."""
    limits = case.account_limits
    if not limits.market_symbols:
        return _NO_MARKET
    permitted, falls = limits.market_fall_fraction_max, []
    for _, price, began in case.snapshot.market:
        if price is None or began is None:
            return Check("market_fall", None, permitted, passed=False)
        falls.append((began - price) / began)
    if len(falls) != len(limits.market_symbols):
        return Check("market_fall", None, permitted, passed=False)
    worst = max(falls).quantize(_PART, ROUND_CEILING)
    return Check("market_fall", worst, permitted, worst <= permitted)


def price_is_sane(case: Case) -> Check:
    """There is a price, finite and above 0."""
    mark = case.leg.mark
    if mark is None:
        return Check("quote", None, "above 0", passed=False)
    return Check("quote", mark.price, "above 0", mark.price.is_finite() and mark.price > ZERO)


def price_is_not_from_the_future(case: Case) -> Check:
    """The price was observed no later than now: otherwise the data, or our clock, is wrong."""
    mark, now = case.leg.mark, case.snapshot.now
    if mark is None or now is None:
        return Check("quote_time", None, now, passed=False)
    return Check("quote_time", mark.time, now, mark.time <= now)


def price_is_fresh(case: Case) -> Check:
    """The price is young enough. Observed is its age in seconds, rounded up."""
    limits, mark, now = case.symbol_limits, case.leg.mark, case.snapshot.now
    if limits is None or mark is None or now is None:
        return Check("quote_age", None, limits and limits.quote_age_seconds_max, passed=False)
    age = -((mark.time - now) // SECOND)
    return Check("quote_age", age, limits.quote_age_seconds_max, age <= limits.quote_age_seconds_max)


def price_has_not_moved_too_far(case: Case) -> Check:
    """The marks of late, and what the order may trade at, lie close together."""
    limits, mark, ranged = case.symbol_limits, case.leg.mark, case.leg.ranged
    if limits is None or mark is None or ranged is None:
        return Check("price_move", None, None, passed=False)
    low, high = ranged
    if case.stated and len(case.proposal.legs) == 1:
        low, high = min(low, *case.stated), max(high, *case.stated)
    moved, permitted = high - low, mark.price * limits.price_move_fraction_max
    return Check("price_move", moved, permitted, moved <= permitted)
