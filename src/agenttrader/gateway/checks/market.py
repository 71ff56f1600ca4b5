"""Whether the market can be traded now, and whether its price may be believed."""

from agenttrader.gateway.checks.legs import each_leg
from agenttrader.gateway.limits import Limits
from agenttrader.gateway.snapshot import LegView, Snapshot
from agenttrader.model.decisions import Check
from agenttrader.model.instruments import CryptoPair
from agenttrader.model.market import TradingStatus
from agenttrader.model.orders import Proposal
from agenttrader.model.times import SECOND


@each_leg
def instrument_is_known(leg: LegView, limits: Limits, *_: object) -> Check:
    """The symbol is configured as an instrument and has limits."""
    known = leg.instrument is not None and leg.symbol in limits.symbol
    return Check("instrument", leg.symbol, leg.symbol if known else None, known)


def session_is_open(_: Proposal, snapshot: Snapshot, *__: object) -> Check:
    """The exchange trades now. Coins trade always."""
    session, now = snapshot.session, snapshot.now
    if all(isinstance(leg.instrument, CryptoPair) for leg in snapshot.legs):
        return Check("session", "always", "always", passed=True)
    if session is None or now is None:
        return Check("session", None, None, passed=False)
    return Check("session", now, (session.open, session.close), session.is_open_at(now))


@each_leg
def exchange_lets_the_symbol_trade(leg: LegView, *_: object) -> Check:
    """The exchange's last word on the symbol is that it trades."""
    if leg.status is None:
        return Check("symbol_status", None, "trading", passed=False)
    return Check("symbol_status", leg.status.value, "trading", leg.status is TradingStatus.TRADING)


@each_leg
def price_is_sane(leg: LegView, *_: object) -> Check:
    """There is a price, finite and above 0."""
    if leg.mark is None:
        return Check("quote", None, "above 0", passed=False)
    price = leg.mark.price
    return Check("quote", price, "above 0", price.is_finite() and price > 0)


@each_leg
def price_is_not_from_the_future(leg: LegView, _: Limits, __: Proposal, snapshot: Snapshot) -> Check:
    """The price was observed no later than now: otherwise the data, or our clock, is wrong."""
    now = snapshot.now
    if leg.mark is None or now is None:
        return Check("quote_time", None, now, passed=False)
    return Check("quote_time", leg.mark.time, now, leg.mark.time <= now)


@each_leg
def price_is_fresh(leg: LegView, limits: Limits, _: Proposal, snapshot: Snapshot) -> Check:
    """The price is young enough. Observed is its age in seconds, rounded up."""
    bounds = limits.symbol.get(leg.symbol)
    if bounds is None or leg.mark is None or snapshot.now is None:
        return Check("quote_age", None, bounds and bounds.quote_age_seconds_max, passed=False)
    age = -((leg.mark.time - snapshot.now) // SECOND)
    return Check("quote_age", age, bounds.quote_age_seconds_max, age <= bounds.quote_age_seconds_max)
