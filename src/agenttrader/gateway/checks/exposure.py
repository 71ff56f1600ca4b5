"""How much the account, the agent and the symbol already carry, and whether this order still fits.

Every number includes the order that is asked for, at its worst.
"""

from decimal import Decimal

from agenttrader.gateway.checks.bounds import at_most, sum_at_most, with_more
from agenttrader.gateway.checks.case import Case
from agenttrader.gateway.checks.shape import protection_can_rest
from agenttrader.model.decisions import Check
from agenttrader.model.orders import STOPS, Effect, Side
from agenttrader.model.values import ZERO

# Bound once: on Python 3.11 reading a member from its enumeration costs half of what a check does.
_BUY, _OPEN = Side.BUY, Effect.OPEN
_IN_PLACE = Check("repeats", "replaces another", "replaces another", passed=True)
_NO_MORE = Check("dead_machine_loss", "no more", "no more", passed=True)
_LEAVES = Check("message_rate", "leaves", "leaves", passed=True)


def agent_does_not_repeat_itself(case: Case) -> Check:
    """The agent has not had the same symbol, side and quantity approved too often of late."""
    limits = case.agent_limits
    if case.snapshot.replaced is not None:
        return _IN_PLACE
    permitted = None if limits is None else limits.repeats_max
    return with_more("repeats", case.snapshot.repeats, 1, permitted)


def agents_rate_is_within_limit(case: Case) -> Check:
    """The agent has not asked too often in the last minute."""
    limits = case.agent_limits
    permitted = None if limits is None else limits.orders_per_minute_max
    return with_more("order_rate_agent", case.snapshot.orders_last_minute_agent, 1, permitted)


def accounts_rate_is_within_limit(case: Case) -> Check:
    """All agents together have not had too many orders approved in the last minute."""
    permitted = case.account_limits.orders_per_minute_max
    return with_more("order_rate_account", case.snapshot.orders_last_minute_account, 1, permitted)


def agents_messages_are_within_limit(case: Case) -> Check:
    """Not too many orders, replacements and cancels of the agent have left in the last minute.

    What leaves a position is never kept, nor what the exits unit or a person moves.
    """
    grant, limits = case.snapshot.grant, case.agent_limits
    if case.proposal.effect is not _OPEN and (
        case.snapshot.replaced is None or (grant is not None and grant.reduces_only)
    ):
        return _LEAVES
    permitted = None if limits is None else limits.messages_per_minute_max
    return with_more("message_rate", case.snapshot.messages_last_minute_agent, 1, permitted)


def agents_open_orders_are_within_limit(case: Case) -> Check:
    """The agent has not too many orders that work or may work."""
    limits = case.agent_limits
    permitted = None if limits is None else limits.open_orders_max
    count, more = case.snapshot.open_orders_agent, _more_orders(case)
    return with_more("open_orders_agent", count, more, permitted)


def accounts_open_orders_are_within_limit(case: Case) -> Check:
    """The account has not too many orders that work or may work."""
    permitted = case.account_limits.open_orders_max
    count, more = case.snapshot.open_orders_account, _more_orders(case)
    return with_more("open_orders_account", count, more, permitted)


def agents_day_has_room_for_one_more(case: Case) -> Check:
    """The agent has not had too many entries approved since the day opened."""
    limits = case.agent_limits
    permitted = None if limits is None else limits.daily_orders_max
    return with_more("daily_orders_agent", case.snapshot.entries_today_agent, 1, permitted)


def accounts_day_has_room_for_one_more(case: Case) -> Check:
    """All agents together have not had too many entries approved since the day opened."""
    permitted = case.account_limits.daily_orders_max
    return with_more("daily_orders_account", case.snapshot.entries_today_account, 1, permitted)


def agents_new_risk_is_within_limit(case: Case) -> Check:
    """What the agent's entries of the day may cost stays within its limit, filled or not."""
    limits = case.agent_limits
    permitted = None if limits is None else limits.daily_new_risk_max
    return sum_at_most("daily_new_risk_agent", case.snapshot.new_risk_today_agent, case.added, permitted)


def accounts_new_risk_is_within_limit(case: Case) -> Check:
    """What all entries of the day may cost stays within the account's limit, filled or not."""
    permitted = case.account_limits.daily_new_risk_max
    return sum_at_most("daily_new_risk_account", case.snapshot.new_risk_today_account, case.added, permitted)


def position_is_within_limit(case: Case) -> Check:
    """The position stays within the symbol's largest if every order in its direction fills."""
    leg, limits = case.leg, case.symbol_limits
    permitted = None if limits is None else limits.position_quantity_max
    if leg.position is None or leg.open_buy is None or leg.open_sell is None:
        return Check("position", None, permitted, passed=False)
    if case.buys:
        return at_most("position", leg.position + leg.open_buy + case.more, permitted)
    return at_most("position", leg.open_sell - leg.position + case.more, permitted)


def agents_exposure_is_within_limit(case: Case) -> Check:
    """The agent's gross exposure stays within its limit if everything fills."""
    limits = case.agent_limits
    permitted = None if limits is None else limits.gross_exposure_max
    return sum_at_most("gross_exposure_agent", case.snapshot.gross_exposure_agent, case.added, permitted)


def accounts_exposure_is_within_limit(case: Case) -> Check:
    """The account's gross exposure stays within its limit if everything fills."""
    permitted = case.account_limits.gross_exposure_max
    return sum_at_most("gross_exposure_account", case.snapshot.gross_exposure_account, case.added, permitted)


def agents_net_exposure_is_within_limit(case: Case) -> Check:
    """The agent's net exposure stays within its limit if everything in the order's direction fills."""
    limits, seen = case.agent_limits, case.snapshot
    permitted = None if limits is None else limits.net_exposure_max
    carried = seen.net_long_agent if case.buys else seen.net_short_agent
    return sum_at_most("net_exposure_agent", carried, case.added, permitted)


def accounts_net_exposure_is_within_limit(case: Case) -> Check:
    """The account's net exposure stays within its limit if everything in the order's direction fills."""
    seen = case.snapshot
    carried = seen.net_long_account if case.buys else seen.net_short_account
    return sum_at_most("net_exposure_account", carried, case.added, case.account_limits.net_exposure_max)


def buying_power_is_sufficient(case: Case) -> Check:
    """The order costs no more than both our book and the broker say is left."""
    ours, theirs = case.snapshot.buying_power_fold, case.snapshot.buying_power_broker
    if ours is None or theirs is None:
        return Check("buying_power", None, None, passed=False)
    left = min(ours, theirs)
    return at_most("buying_power", case.added, left if left.is_finite() else None)


def days_loss_is_within_limit(case: Case) -> Check:
    """Equity has not fallen too far since the day opened. Observed is the loss; a gain is negative."""
    start, equity = case.snapshot.day_start_equity, case.snapshot.equity
    loss = None if start is None or equity is None else start - equity
    return at_most("daily_loss", loss, case.account_limits.daily_loss_max)


def dead_machine_loss_is_within_limit(case: Case) -> Check:
    """What would be lost, gaps aside, if all of ours stopped once the order has filled is within limits.

    Of what reduces only a stop that comes further away in the place of another adds to it.
    """
    opens, replaced = case.proposal.effect is _OPEN, case.snapshot.replaced
    if not opens and (replaced is None or case.proposal.type not in STOPS):
        return _NO_MORE
    loss = _loss_at_stop(case) if opens else _loss_of_stop(case)
    added = loss if loss is None or replaced is None else max(ZERO, loss - replaced.loss)
    if not opens and added == ZERO:
        return _NO_MORE
    carried, permitted = case.snapshot.dead_machine_loss, case.account_limits.dead_machine_loss_max
    return sum_at_most("dead_machine_loss", carried, added, permitted)


def _loss_at_stop(case: Case) -> Decimal | None:
    """What the order loses at its stop from the worst price that it may fill at.

    All of it where its protection cannot leave with it: a stop that follows the fill may never be placed.
    """
    proposal, instrument = case.proposal, case.leg.instrument
    stop = None if proposal.exit_plan is None else proposal.exit_plan.stop
    worst = case.high if proposal.side is _BUY else case.low
    if stop is None or worst is None or instrument is None:
        return None
    if not protection_can_rest(proposal, instrument):
        return case.cost
    return _rest(case) * abs(worst - stop) * instrument.multiplier


def _loss_of_stop(case: Case) -> Decimal | None:
    """What the position loses from the mark to where this stop has left it: a stop-limit at its limit."""
    proposal, instrument, mark = case.proposal, case.leg.instrument, case.net_mark
    if mark is None or instrument is None:
        return None
    price = proposal.limit_price or proposal.trigger(mark) or proposal.stop_price
    assert price is not None, f"{proposal.id}: expected a stop with a price"
    return _rest(case) * max(ZERO, (price - mark) * proposal.side.sign) * instrument.multiplier


def _rest(case: Case) -> Decimal:
    """Units of the leg that may still fill."""
    replaced = case.snapshot.replaced
    return case.units if replaced is None else case.units - replaced.filled


def _more_orders(case: Case) -> int:
    """What comes in the place of another is not one more."""
    return 1 if case.snapshot.replaced is None else 0
