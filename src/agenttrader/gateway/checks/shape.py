"""Which orders there are at all, which of them the agent may use, and with which protection can rest.

A type, a time in force and a class exclude one another at the broker. What it would refuse is denied here, so
that the answer names the reason. Sources: docs.alpaca.markets, "Placing Orders", "Fractional Trading",
"Crypto Orders" and "Options Trading"; docs/brokers.md says the same of the simulated exchange.
"""

from decimal import Decimal
from functools import cache

from agenttrader.gateway.checks.case import Case
from agenttrader.model.decisions import Check
from agenttrader.model.instruments import CryptoPair, Instrument, Option
from agenttrader.model.orders import OrderType, Proposal, TimeInForce

_MARKET, _LIMIT, _TRAILING = OrderType.MARKET, OrderType.LIMIT, OrderType.TRAILING_STOP
_DAY = TimeInForce.DAY
_PLAIN = frozenset({_MARKET, _LIMIT})
_CRYPTO_TYPES = _PLAIN | {OrderType.STOP_LIMIT}
_WITHOUT_BRACKETS = frozenset({CryptoPair, Option})
_CRYPTO_TIMES = frozenset({TimeInForce.GTC, TimeInForce.IOC})
_RESTING = frozenset({TimeInForce.DAY, TimeInForce.GTC})
_ONE = Decimal(1)
# Results without numbers are made once.
_AS_THEY_HAVE_THEM = "as the broker has them"
_SHAPED = Check("shape", _AS_THEY_HAVE_THEM, _AS_THEY_HAVE_THEM, passed=True)
_IN_SESSION = Check("extended_hours", "session", "session", passed=True)


def order_can_be(case: Case) -> Check:
    """The broker has such orders: type, time in force, hours and instrument go together."""
    fault = _fault(case.proposal) or _fault_of_instrument(case.proposal, case.leg.instrument)
    return Check("shape", fault, _AS_THEY_HAVE_THEM, passed=False) if fault else _SHAPED


def type_is_permitted(case: Case) -> Check:
    """The agent may use orders of this type."""
    limits = case.agent_limits
    permitted = () if limits is None else limits.order_types
    return _one_of("order_type", case.proposal.type, permitted)


def time_in_force_is_permitted(case: Case) -> Check:
    """The agent's orders may rest so long."""
    limits = case.agent_limits
    permitted = () if limits is None else limits.times_in_force
    return _one_of("time_in_force", case.proposal.time_in_force, permitted)


def extended_hours_are_permitted(case: Case) -> Check:
    """The order trades in the session alone, or its agent may trade before and after it."""
    if not case.proposal.extended_hours:
        return _IN_SESSION
    limits = case.agent_limits
    permitted = limits is not None and limits.extended_hours_permitted
    return Check("extended_hours", "extended hours", "any hours" if permitted else "session", permitted)


def protection_can_rest(proposal: Proposal, instrument: Instrument | None) -> bool:
    """Whether the entry's stop and target can leave with it, as its bracket.

    `instrument` is its first leg's; with several legs none can. Where they cannot, it leaves alone, and what
    it fills is protected after the fill.
    """
    return (
        proposal.time_in_force in _RESTING
        and not proposal.extended_hours
        and proposal.type is not _TRAILING
        and len(proposal.legs) == 1
        and not proposal.quantity % _ONE
        and type(instrument) not in _WITHOUT_BRACKETS
    )


@cache
def _one_of(code: str, word: OrderType | TimeInForce, words: tuple[OrderType | TimeInForce, ...]) -> Check:
    """Made once for each word and limit; a limit without words permits nothing and is told as none."""
    return Check(code, word.value, ", ".join([each.value for each in words]) or None, word in words)


def _fault(proposal: Proposal) -> str:
    kind, time = proposal.type, proposal.time_in_force
    if time not in _RESTING and kind not in _PLAIN:
        return f"a {kind.value} order {time.value}"
    if proposal.extended_hours and (kind is not _LIMIT or time not in _RESTING):
        return f"a {kind.value} order {time.value} for extended hours"
    if (time not in _RESTING or proposal.extended_hours) and proposal.is_pair:
        return f"a pair {time.value}{' for extended hours' if proposal.extended_hours else ''}"
    if len(proposal.legs) > 1 and (kind not in _PLAIN or time is not _DAY or proposal.extended_hours):
        return f"a {kind.value} order {time.value} of several legs"
    return ""


def _fault_of_instrument(proposal: Proposal, instrument: Instrument | None) -> str:
    kind, time, traded = proposal.type, proposal.time_in_force, type(instrument)
    if traded is CryptoPair:
        fits = kind in _CRYPTO_TYPES and time in _CRYPTO_TIMES and not _more(proposal)
        return "" if fits else f"a {kind.value} order {time.value} in coins{_more(proposal)}"
    is_whole = not proposal.quantity % _ONE
    if traded is Option:
        fits = kind in _PLAIN and time is _DAY and is_whole and not _more(proposal)
        return "" if fits else f"a {kind.value} order {time.value} in options{_more(proposal)}"
    if is_whole or (time is _DAY and kind is not _TRAILING and not proposal.is_pair):
        return ""
    return f"a {kind.value} order {time.value} for a fraction{_more(proposal)}"


def _more(proposal: Proposal) -> str:
    if proposal.is_pair:
        return " in a pair"
    return " for extended hours" if proposal.extended_hours else ""
