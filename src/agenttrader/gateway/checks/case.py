"""What a check is given: proposal, snapshot and limits, looked up once for one leg, with their sums."""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from agenttrader.gateway.limits import (
    AccountLimits,
    AgentLimits,
    Limits,
    StrategyLimits,
    SymbolLimits,
)
from agenttrader.gateway.snapshot import LegView, Snapshot
from agenttrader.model.decisions import Check
from agenttrader.model.instruments import Option
from agenttrader.model.orders import Effect, Leg, OrderType, Proposal
from agenttrader.model.values import ZERO

# Bound once: on Python 3.11 reading a member from its enumeration costs half of what a check does.
_MARKET, _OPEN = OrderType.MARKET, Effect.OPEN


class Case(Struct, frozen=True, gc=False):
    """One leg of a proposal before the checks. What is None is not known, or has no limit."""

    proposal: Proposal
    snapshot: Snapshot
    leg: LegView
    limits: Limits
    account_limits: AccountLimits
    agent_limits: AgentLimits | None
    strategy_limits: StrategyLimits | None
    symbol_limits: SymbolLimits | None
    units: Decimal
    """Of this leg, unsigned."""
    buys: bool
    """Whether this leg adds to the position, or takes from it."""
    notional: Decimal | None
    """What this leg may cost, unsigned, at the worse of the mark and the order's own price."""
    cost: Decimal | None
    """What may still be paid for all legs together: nothing more for what an order before it has filled."""
    added: Decimal | None
    """How much of that is not reserved for the order that it replaces."""
    more: Decimal
    """Units of this leg, unsigned, beyond those of the order that it replaces."""
    price: Decimal | None
    """What one unit of this leg may cost: the mark, or a dearer price that an order of one leg names."""
    net_mark: Decimal | None
    """What one unit of the proposal costs at the marks, net over its legs."""
    low: Decimal | None
    """The lowest of that and of the prices that the order names; None where there is no mark."""
    high: Decimal | None
    """The highest."""
    tick: Decimal | None
    """The step of the order's prices: of several legs, the finest, which binds a net price."""
    stated: tuple[Decimal, ...]
    """The prices that the order names: its limit, its stop, and where a trailing stop would be triggered."""


IN_GROUPS, BY_STRATEGY, OF_OPTIONS = 1, 2, 4
"""What an entry can have to do with, and not every one has: bits, so that any of them go together."""
Kind = tuple[Effect, int]
"""An order's effect, and which of these matter to it: what has nothing to do with a check is not asked it."""


def kind_of(proposal: Proposal, snapshot: Snapshot) -> Kind:
    """Which checks bind the order."""
    effect, matters = proposal.effect, 0
    if effect is _OPEN:
        if proposal.strategy:
            matters = BY_STRATEGY
        for view in snapshot.legs:
            if view.groups:
                matters |= IN_GROUPS
            if type(view.instrument) is Option:
                matters |= OF_OPTIONS
    return effect, matters


CheckFunction = Callable[[Case], Check]
"""One statement about a case, as a result. It changes and remembers nothing; what it raises is a denial."""


_PricedLeg = tuple[Leg, LegView, Decimal | None]
"""A leg, what is known of its symbol, and its mark where that is a number."""


def cases_of(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> list[Case]:
    """The proposal's legs, each as a case. The checks of the whole order say the same of each."""
    replaced, legs = snapshot.replaced, _priced(proposal, snapshot)
    net_mark = _net_mark(legs)
    stated = () if proposal.type is _MARKET else _stated(proposal, net_mark)
    low = high = net_mark
    if net_mark is not None and stated:
        low, high = min(net_mark, *stated), max(net_mark, *stated)
    notionals = _notionals(proposal.quantity, legs, stated)
    cost = added = _sum(notionals)
    if replaced is not None:
        cost = _sum(_notionals(proposal.quantity - replaced.filled, legs, stated))
        added = None if cost is None else max(ZERO, cost - replaced.reserved)
    agent_limits, strategy_limits = limits.agent.get(proposal.agent), limits.strategy.get(proposal.strategy)
    tick, cases = _finest_tick(snapshot.legs), []
    for (_, view, mark), notional in zip(legs, notionals, strict=True):
        units = abs(view.quantity)
        # Half by place, as no two of them have one type: Python calls slowly with more than 15 by name.
        case = Case(
            proposal,
            snapshot,
            view,
            limits,
            limits.account,
            agent_limits,
            strategy_limits,
            limits.symbol.get(view.symbol),
            units,
            view.quantity > ZERO,
            notional=notional,
            cost=cost,
            added=added,
            more=units if replaced is None else max(ZERO, units - replaced.quantity),
            price=high if len(legs) == 1 else mark,
            net_mark=net_mark,
            low=low,
            high=high,
            tick=tick,
            stated=stated,
        )
        cases.append(case)
    return cases


def _priced(proposal: Proposal, snapshot: Snapshot) -> list[_PricedLeg]:
    legs: list[_PricedLeg] = []
    for leg, view in zip(proposal.legs, snapshot.legs, strict=True):
        assert leg.symbol == view.symbol, f"expected a snapshot of {proposal.legs}, found {snapshot.legs}"
        assert view.quantity == proposal.signed_quantity(leg), f"{proposal.id}: expected its own quantities"
        mark = view.mark
        legs.append((leg, view, mark.price if mark is not None and mark.price.is_finite() else None))
    return legs


def _net_mark(legs: list[_PricedLeg]) -> Decimal | None:
    net: Decimal | None = None
    for leg, _, price in legs:
        if price is None:
            return None
        amount = price if leg.ratio == 1 else price * leg.ratio
        net = amount if net is None else net + amount
    return net


def _stated(proposal: Proposal, mark: Decimal | None) -> tuple[Decimal, ...]:
    trigger = None if mark is None else proposal.trigger(mark)
    return tuple(
        [price for price in (proposal.limit_price, proposal.stop_price, trigger) if price is not None]
    )


def _notionals(
    quantity: Decimal, legs: list[_PricedLeg], stated: tuple[Decimal, ...]
) -> list[Decimal | None]:
    """What `quantity` of the proposal costs, leg by leg, at the worse of the mark and its own price.

    The price of several legs is a net price and says nothing of one; they are taken at their marks.
    """
    own = quantity * max(stated) if stated and len(legs) == 1 else None
    notionals: list[Decimal | None] = []
    for leg, view, price in legs:
        instrument = view.instrument
        if price is None or instrument is None:
            notionals.append(None)
            continue
        amount = quantity * price if leg.ratio == 1 else quantity * abs(leg.ratio) * price
        worse = amount if own is None else max(amount, own)
        notionals.append(worse * instrument.multiplier)
    return notionals


def _sum(amounts: list[Decimal | None]) -> Decimal | None:
    """None where one of them is not known."""
    total: Decimal | None = None
    for amount in amounts:
        if amount is None:
            return None
        total = amount if total is None else total + amount
    return total


def _finest_tick(views: tuple[LegView, ...]) -> Decimal | None:
    finest: Decimal | None = None
    for view in views:
        if view.instrument is None:
            return None
        if finest is None or view.instrument.tick < finest:
            finest = view.instrument.tick
    return finest
