"""How much the account, the agent and the symbol already carry, and whether this order still fits.

Every number includes the order that is asked for, at its worst.
"""

from decimal import Decimal

from agenttrader.gateway.checks.legs import cost_of, each_leg
from agenttrader.gateway.limits import Limits
from agenttrader.gateway.snapshot import LegView, Snapshot
from agenttrader.model.decisions import Check
from agenttrader.model.orders import Proposal


def agents_rate_is_within_limit(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Check:
    """The agent has not asked too often in the last minute."""
    bounds = limits.agent.get(proposal.agent)
    permitted = None if bounds is None else bounds.orders_per_minute_max
    return _one_more("order_rate_agent", snapshot.orders_last_minute_agent, permitted)


def accounts_rate_is_within_limit(_: Proposal, snapshot: Snapshot, limits: Limits) -> Check:
    """All agents together have not asked too often in the last minute."""
    permitted = limits.account.orders_per_minute_max
    return _one_more("order_rate_account", snapshot.orders_last_minute_account, permitted)


def agents_open_orders_are_within_limit(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Check:
    """The agent has not too many orders that work or may work."""
    bounds = limits.agent.get(proposal.agent)
    permitted = None if bounds is None else bounds.open_orders_max
    return _one_more("open_orders_agent", snapshot.open_orders_agent, permitted)


def accounts_open_orders_are_within_limit(_: Proposal, snapshot: Snapshot, limits: Limits) -> Check:
    """The account has not too many orders that work or may work."""
    return _one_more("open_orders_account", snapshot.open_orders_account, limits.account.open_orders_max)


@each_leg
def position_is_within_limit(leg: LegView, limits: Limits, *_: object) -> Check:
    """The position stays within the symbol's largest if every order in its direction fills."""
    bounds = limits.symbol.get(leg.symbol)
    if bounds is None or leg.position is None or leg.open_buy is None or leg.open_sell is None:
        permitted = None if bounds is None else bounds.position_quantity_max
        return Check("position", None, permitted, passed=False)
    if leg.quantity > 0:
        worst = leg.position + leg.open_buy + leg.quantity
    else:
        worst = leg.open_sell - leg.position - leg.quantity
    return _at_most("position", worst, bounds.position_quantity_max)


def agents_exposure_is_within_limit(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Check:
    """The agent's gross exposure stays within its limit if everything fills."""
    bounds = limits.agent.get(proposal.agent)
    permitted = None if bounds is None else bounds.gross_exposure_max
    return _sum_at_most(
        "gross_exposure_agent", snapshot.gross_exposure_agent, cost_of(proposal, snapshot), permitted
    )


def accounts_exposure_is_within_limit(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Check:
    """The account's gross exposure stays within its limit if everything fills."""
    permitted = limits.account.gross_exposure_max
    return _sum_at_most(
        "gross_exposure_account", snapshot.gross_exposure_account, cost_of(proposal, snapshot), permitted
    )


def buying_power_is_sufficient(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """The order costs no more than both our book and the broker say is left."""
    ours, theirs = snapshot.buying_power_fold, snapshot.buying_power_broker
    if ours is None or theirs is None:
        return Check("buying_power", None, None, passed=False)
    return _at_most("buying_power", cost_of(proposal, snapshot), min(ours, theirs))


def days_loss_is_within_limit(_: Proposal, snapshot: Snapshot, limits: Limits) -> Check:
    """Equity has not fallen too far since the day opened. Observed is the loss; a gain is negative."""
    start, equity = snapshot.day_start_equity, snapshot.equity
    loss = None if start is None or equity is None else start - equity
    return _at_most("daily_loss", loss, limits.account.daily_loss_max)


def _one_more(code: str, count: int | None, permitted: int | None) -> Check:
    if count is None or permitted is None:
        return Check(code, None if count is None else count + 1, permitted, passed=False)
    return Check(code, count + 1, permitted, count < permitted)


def _at_most(code: str, observed: Decimal | None, permitted: Decimal | None) -> Check:
    if observed is None or permitted is None:
        return Check(code, observed, permitted, passed=False)
    return Check(code, observed, permitted, observed <= permitted)


def _sum_at_most(
    code: str, carried: Decimal | None, added: Decimal | None, permitted: Decimal | None
) -> Check:
    if carried is None or added is None:
        return Check(code, None, permitted, passed=False)
    return _at_most(code, carried + added, permitted)
