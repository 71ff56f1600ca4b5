"""What checks share: their shape, the worst of several legs, prices and amounts at their worst."""

from collections.abc import Callable
from decimal import Decimal
from functools import wraps

from agenttrader.gateway.limits import Limits
from agenttrader.gateway.snapshot import LegView, Snapshot
from agenttrader.model.decisions import Check
from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import Proposal
from agenttrader.model.values import ZERO

CheckFunction = Callable[[Proposal, Snapshot, Limits], Check]
"""One statement about a proposal at a moment under the limits, as a result. It changes nothing and remembers
nothing; what it raises is a denial.
"""
LegCheck = Callable[[LegView, Limits, Proposal, Snapshot], Check]
"""The same for one leg; what most need stands first."""

_WORST = Decimal("Infinity")


def each_leg(check: LegCheck) -> CheckFunction:
    """The check over every leg; its result is that of the worst leg."""

    @wraps(check)
    def over_legs(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Check:
        legs = snapshot.legs
        if len(legs) == 1:
            return check(legs[0], limits, proposal, snapshot)
        return max((check(leg, limits, proposal, snapshot) for leg in legs), key=_badness)

    return over_legs


def _badness(check: Check) -> tuple[bool, Decimal]:
    """How far a result lies over what is permitted, as a ratio; what is not known is the worst."""
    match check.observed, check.permitted:
        case (int() | Decimal()) as observed, (int() | Decimal()) as permitted if permitted > 0:
            return not check.passed, Decimal(observed) / permitted
        case None, _:
            return not check.passed, _WORST
        case _:
            return not check.passed, ZERO


def notional_of(proposal: Proposal, leg: LegView) -> Decimal | None:
    """What the leg may cost, unsigned, at the worse of mark and the proposal's price; None without a mark.

    The price of several legs is a net price and says nothing of one; they are taken at their marks.
    """
    mark, instrument = leg.mark, leg.instrument
    if mark is None or instrument is None:
        return None
    amount = abs(leg.quantity) * mark.price
    stated = stated_price(proposal)
    if stated is not None and len(proposal.legs) == 1:
        amount = max(amount, proposal.quantity * stated)
    return amount * instrument.multiplier


def cost_of(proposal: Proposal, snapshot: Snapshot) -> Decimal | None:
    """The notional of all legs together; None where one has no mark."""
    total = ZERO
    for leg in snapshot.legs:
        notional = notional_of(proposal, leg)
        if notional is None:
            return None
        total += notional
    return total


def stated_price(proposal: Proposal) -> Decimal | None:
    """The price that a limit or stop order names; None for a market order."""
    return proposal.limit_price if proposal.stop_price is None else proposal.stop_price


def net_mark(proposal: Proposal, snapshot: Snapshot) -> Decimal | None:
    """What one unit of the proposal costs at the marks, net over its legs; None where one has no mark."""
    total = ZERO
    for leg, view in zip(proposal.legs, snapshot.legs, strict=True):
        if view.mark is None:
            return None
        total += leg.ratio * view.mark.price
    return total


def missing_symbols(snapshot: Snapshot, known: frozenset[Symbol]) -> tuple[Symbol, ...]:
    """The legs' symbols that are not among `known`."""
    return tuple(leg.symbol for leg in snapshot.legs if leg.symbol not in known)
