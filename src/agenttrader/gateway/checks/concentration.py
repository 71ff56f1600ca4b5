"""How much lies together: in one symbol or a group of them, on one side, on one day's end, in one strategy.

Every number includes the order that is asked for, at its worst. Of an order of several legs all of them count
wherever one of them does: which of them fill is not known.
"""

from datetime import date
from decimal import Decimal

from agenttrader.gateway.checks.bounds import at_most, sum_at_most, with_more
from agenttrader.gateway.checks.case import Case
from agenttrader.gateway.snapshot import GroupView
from agenttrader.model.decisions import Check
from agenttrader.model.instruments import Option

_IN_A_GROUP = Check("symbol_group", "in a group", "in a group", passed=True)
_ANY_SYMBOL = Check("symbol_group", "in no group", "any symbol", passed=True)
_NO_OPTION = Check("days_to_expiry", "no option", "no option", passed=True)
_NO_GROUP = {
    code: Check(code, "in no group", "in no group", passed=True)
    for code in ("daily_orders_group", "daily_new_risk_group", "gross_exposure_group", "net_exposure_group")
}
"""Of an order of several legs, one of which alone is in a group."""
_NO_EXPIRY = Check("expiry_exposure", "no option", "no option", passed=True)


def symbol_is_in_a_group(case: Case) -> Check:
    """The symbol is in a group of symbols, or the account may open what is in none."""
    if case.leg.groups:
        return _IN_A_GROUP
    if case.account_limits.ungrouped_permitted:
        return _ANY_SYMBOL
    return Check("symbol_group", case.leg.symbol, "in a group", passed=False)


def option_lasts_long_enough(case: Case) -> Check:
    """An option does not end too soon. Observed is the days from the session to its last one."""
    option, session = case.leg.instrument, case.snapshot.session
    permitted = case.account_limits.days_to_expiry_min
    if not isinstance(option, Option):
        return _NO_OPTION
    if session is None:
        return Check("days_to_expiry", None, permitted, passed=False)
    days = (date.fromisoformat(option.expiry) - date.fromisoformat(session.date)).days
    return Check("days_to_expiry", days, permitted, days >= permitted)


def groups_day_has_room_for_one_more(case: Case) -> Check:
    """No group of the symbol has had too many entries approved since the day opened."""
    check = _NO_GROUP["daily_orders_group"]
    for group in case.leg.groups:
        limits = case.limits.group.get(group.name)
        permitted = None if limits is None else limits.daily_orders_max
        check = with_more("daily_orders_group", group.entries_today, 1, permitted)
        if not check.passed:
            return _named(check, group)
    return check


def groups_new_risk_is_within_limit(case: Case) -> Check:
    """What the entries of the day in each group of the symbol may cost stays within its limit."""
    check = _NO_GROUP["daily_new_risk_group"]
    for group in case.leg.groups:
        limits = case.limits.group.get(group.name)
        permitted = None if limits is None else limits.daily_new_risk_max
        check = sum_at_most("daily_new_risk_group", group.new_risk_today, case.added, permitted)
        if not check.passed:
            return _named(check, group)
    return check


def groups_exposure_is_within_limit(case: Case) -> Check:
    """The gross exposure of each group of the symbol stays within its limit if everything fills."""
    check = _NO_GROUP["gross_exposure_group"]
    for group in case.leg.groups:
        limits = case.limits.group.get(group.name)
        permitted = None if limits is None else limits.gross_exposure_max
        check = sum_at_most("gross_exposure_group", group.gross_exposure, case.added, permitted)
        if not check.passed:
            return _named(check, group)
    return check


def groups_net_exposure_is_within_limit(case: Case) -> Check:
    """The net exposure of each group stays within its limit if everything in the order's direction fills."""
    check = _NO_GROUP["net_exposure_group"]
    for group in case.leg.groups:
        limits = case.limits.group.get(group.name)
        permitted = None if limits is None else limits.net_exposure_max
        check = sum_at_most("net_exposure_group", group.net_exposure, case.added, permitted)
        if not check.passed:
            return _named(check, group)
    return check


def strategys_day_has_room_for_one_more(case: Case) -> Check:
    """The strategy has not had too many entries approved since the day opened."""
    limits = case.strategy_limits
    permitted = None if limits is None else limits.daily_orders_max
    return with_more("daily_orders_strategy", case.snapshot.entries_today_strategy, 1, permitted)


def strategys_new_risk_is_within_limit(case: Case) -> Check:
    """What the strategy's entries of the day may cost stays within its limit, filled or not."""
    limits = case.strategy_limits
    permitted = None if limits is None else limits.daily_new_risk_max
    carried = case.snapshot.new_risk_today_strategy
    return sum_at_most("daily_new_risk_strategy", carried, case.added, permitted)


def strategys_exposure_is_within_limit(case: Case) -> Check:
    """The gross exposure of the strategy stays within its limit if everything fills."""
    limits = case.strategy_limits
    permitted = None if limits is None else limits.gross_exposure_max
    carried = case.snapshot.gross_exposure_strategy
    return sum_at_most("gross_exposure_strategy", carried, case.added, permitted)


def position_is_no_large_part_of_equity(case: Case) -> Check:
    """The position stays within its part of equity if every order in its direction fills."""
    leg, equity = case.leg, case.snapshot.equity
    price, instrument = case.price, leg.instrument
    working = leg.open_buy if case.buys else leg.open_sell
    permitted = None if equity is None else equity * case.account_limits.concentration_fraction_max
    if leg.position is None or working is None or price is None or instrument is None:
        return Check("concentration", None, permitted, passed=False)
    held = leg.position if case.buys else -leg.position
    worth = (held + working + case.more) * price * instrument.multiplier
    return at_most("concentration", worth, permitted)


def agents_side_is_within_limit(case: Case) -> Check:
    """What the agent holds on the order's side stays within its limit if everything on that side fills."""
    limits, seen = case.agent_limits, case.snapshot
    if case.buys:
        carried, permitted = seen.long_exposure_agent, None if limits is None else limits.long_exposure_max
    else:
        carried, permitted = seen.short_exposure_agent, None if limits is None else limits.short_exposure_max
    return sum_at_most("side_exposure_agent", carried, case.added, permitted)


def accounts_side_is_within_limit(case: Case) -> Check:
    """What the account holds on the order's side stays within its limit if everything on that side fills."""
    limits, seen = case.account_limits, case.snapshot
    if case.buys:
        return sum_at_most(
            "side_exposure_account", seen.long_exposure_account, case.added, limits.long_exposure_max
        )
    return sum_at_most(
        "side_exposure_account", seen.short_exposure_account, case.added, limits.short_exposure_max
    )


def what_ends_together_is_within_limit(case: Case) -> Check:
    """The gross exposure of all options that end on one day stays within its limit if everything fills."""
    if not isinstance(case.leg.instrument, Option):
        return _NO_EXPIRY
    permitted = case.account_limits.expiry_exposure_max
    return sum_at_most("expiry_exposure", case.leg.expiry_exposure, case.added, permitted)


def _named(check: Check, group: GroupView) -> Check:
    """The answer that is no, with the group's name beside what is permitted there."""
    match check.permitted:
        case None:
            return check
        case Decimal() as most:
            return Check(check.code, check.observed, f"{most:f} in {group.name}", passed=False)
        case most:
            return Check(check.code, check.observed, f"{most} in {group.name}", passed=False)
