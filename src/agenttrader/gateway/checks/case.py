"""What a check is given: proposal, snapshot and limits, looked up once for one leg, with their sums."""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from agenttrader.gateway.limits import AccountLimits, AgentLimits, Limits, SymbolLimits
from agenttrader.gateway.snapshot import LegView, Snapshot
from agenttrader.model.decisions import Check
from agenttrader.model.orders import OrderType, Proposal
from agenttrader.model.values import ZERO

COARSEST = Decimal("Infinity")
_TRAILING = OrderType.TRAILING_STOP


class Case(Struct, frozen=True, kw_only=True, gc=False):
    """One leg of a proposal before the checks. What is None is not known, or has no limit."""

    proposal: Proposal
    snapshot: Snapshot
    leg: LegView
    account_limits: AccountLimits
    agent_limits: AgentLimits | None
    symbol_limits: SymbolLimits | None
    notional: Decimal | None
    """What this leg may cost, unsigned, at the worse of the mark and the order's own price."""
    cost: Decimal | None
    """What may still be paid for all legs together: nothing more for what an order before it has filled."""
    added: Decimal | None
    """How much of that is not reserved for the order that it replaces."""
    more: Decimal
    """Units of this leg, unsigned, beyond those of the order that it replaces."""
    net_mark: Decimal | None
    """What one unit of the proposal costs at the marks, net over its legs."""
    tick: Decimal | None
    """The step of the order's prices: of several legs, the finest, which binds a net price."""
    stated: tuple[Decimal, ...]
    """The prices that the order names: its limit, its stop, and where a trailing stop would be triggered."""


CheckFunction = Callable[[Case], Check]
"""One statement about a case, as a result. It changes and remembers nothing; what it raises is a denial."""


def cases_of(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> list[Case]:
    """The proposal's legs, each as a case. The checks of the whole order say the same of each."""
    notionals: list[Decimal | None] = []
    tick: Decimal | None = COARSEST
    cost: Decimal | None = ZERO
    net_mark: Decimal | None = ZERO
    replaced = snapshot.replaced
    for leg, view in zip(proposal.legs, snapshot.legs, strict=True):
        assert leg.symbol == view.symbol, f"expected a snapshot of {proposal.legs}, found {snapshot.legs}"
        assert view.quantity == proposal.signed_quantity(leg), f"{proposal.id}: expected its own quantities"
        mark = view.mark
        price = mark.price if mark is not None and mark.price.is_finite() else None
        # The price of several legs is a net price and says nothing of one; they are taken at their marks.
        own = _stated(proposal, price) if len(proposal.legs) == 1 else ()
        notional = rest = _notional(view, price, own, proposal.quantity, leg.ratio)
        if replaced is not None:
            rest = _notional(view, price, own, proposal.quantity - replaced.filled, leg.ratio)
        notionals.append(notional)
        cost = None if cost is None or rest is None else cost + rest
        tick = None if tick is None or view.instrument is None else min(tick, view.instrument.tick)
        net_mark = None if net_mark is None or price is None else net_mark + price * leg.ratio
    agent_limits = limits.agent.get(proposal.agent)
    stated = _stated(proposal, net_mark)
    return [
        Case(
            proposal=proposal,
            snapshot=snapshot,
            leg=view,
            account_limits=limits.account,
            agent_limits=agent_limits,
            symbol_limits=limits.symbol.get(view.symbol),
            notional=notional,
            cost=cost,
            added=cost if cost is None or replaced is None else max(ZERO, cost - replaced.reserved),
            more=abs(view.quantity)
            if replaced is None
            else max(ZERO, abs(view.quantity) - replaced.quantity),
            net_mark=net_mark,
            tick=tick,
            stated=stated,
        )
        for view, notional in zip(snapshot.legs, notionals, strict=True)
    ]


def _stated(proposal: Proposal, mark: Decimal | None) -> tuple[Decimal, ...]:
    limit, stop = proposal.limit_price, proposal.stop_price
    if limit is None and stop is None and proposal.type is not _TRAILING:
        return ()
    trigger = None if mark is None else proposal.trigger(mark)
    return tuple([price for price in (limit, stop, trigger) if price is not None])


def _notional(
    view: LegView, price: Decimal | None, own: tuple[Decimal, ...], units: Decimal, ratio: int
) -> Decimal | None:
    if price is None or view.instrument is None:
        return None
    amount = units * abs(ratio) * price
    if own:
        amount = max(amount, units * max(own))
    return amount * view.instrument.multiplier
