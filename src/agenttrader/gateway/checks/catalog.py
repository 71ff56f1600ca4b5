"""The checks in their published order: the one place where order, codes, and whom each binds stand.

A check is a function of a case (one leg of a proposal, the snapshot, the limits) to one result; no input or
output, no memory. Every check is asked about every leg, and the worst answer counts. All that bind an order
run and are recorded; the first in this order that does not pass names the denial. A code never changes its
meaning and is never used again for another.

A cancel passes through none of them: it needs only that the order is its agent's own.
"""

from msgspec import Struct

from agenttrader.gateway.checks import (
    authority,
    concentration,
    exposure,
    identity,
    market,
    order,
    permits,
    shape,
)
from agenttrader.gateway.checks.case import BY_STRATEGY, IN_GROUPS, OF_OPTIONS, CheckFunction, Kind
from agenttrader.model.orders import Effect

ALL = frozenset(Effect)
ENTRIES = frozenset({Effect.OPEN})
"""What only adds risk is asked; it must never keep a position from being made smaller."""
CLOSES = frozenset({Effect.CLOSE})
RESTING = frozenset({Effect.OPEN, Effect.REDUCE})
"""What can leave protection behind that rests."""
EXITS = frozenset({Effect.REDUCE, Effect.CLOSE})


class Rule(Struct, frozen=True):
    """One row of the published table: the code, the check, and the orders that it binds."""

    code: str
    check: CheckFunction
    binds: frozenset[Effect]
    matter: int = 0
    """What an order must have to do with to be asked; 0: every order that it binds is."""

    @property
    def statement(self) -> str:
        """What must hold, in a sentence."""
        return (self.check.__doc__ or "").partition("\n")[0]


CHECKS: tuple[Rule, ...] = (
    Rule("agent", identity.agent_is_known, ALL),
    Rule("strategy", identity.strategy_is_the_agents, ALL),
    Rule("ownership", identity.symbol_is_the_agents, ALL),
    Rule("may_open", identity.agent_may_open, ENTRIES),
    Rule("order_id", identity.id_is_new, ALL),
    Rule("trading_state", authority.trading_state_permits, ALL),
    Rule("window", authority.window_is_open, ENTRIES),
    Rule("mode", authority.mode_is_permitted, ENTRIES),
    Rule("scope", authority.window_covers_the_order, ENTRIES),
    Rule("valid_until", authority.proposal_still_holds, ALL),
    Rule("instrument", market.instrument_is_known, ALL),
    Rule("restricted", market.symbol_is_not_restricted, ENTRIES),
    Rule("symbol_group", concentration.symbol_is_in_a_group, ENTRIES),
    Rule("days_to_expiry", concentration.option_lasts_long_enough, ENTRIES, OF_OPTIONS),
    Rule("shape", shape.order_can_be, ALL),
    Rule("session", market.session_is_open, ALL),
    Rule("symbol_status", market.exchange_lets_the_symbol_trade, ALL),
    Rule("market_fall", market.market_has_not_fallen_too_far, ENTRIES),
    Rule("account_permits", permits.broker_permits_it, ENTRIES),
    Rule("quote", market.price_is_sane, ALL),
    Rule("quote_time", market.price_is_not_from_the_future, ALL),
    Rule("quote_age", market.price_is_fresh, ENTRIES),
    Rule("opens", order.order_really_opens, ENTRIES),
    Rule("self_match", order.order_meets_none_of_ours, ENTRIES),
    Rule("reduces", order.order_really_reduces, EXITS),
    Rule("shorting", order.direction_is_permitted, ENTRIES),
    Rule("tick", order.prices_are_on_tick, ALL),
    Rule("lot", order.quantity_is_on_lot, ALL),
    Rule("order_quantity", order.quantity_is_within_limit, ENTRIES),
    Rule("order_notional", order.notional_is_within_limit, ENTRIES),
    Rule("price_collar", order.price_is_within_collar, ALL),
    Rule("price_move", market.price_has_not_moved_too_far, ENTRIES),
    Rule("repeats", exposure.agent_does_not_repeat_itself, ENTRIES),
    Rule("order_rate_agent", exposure.agents_rate_is_within_limit, ENTRIES),
    Rule("order_rate_account", exposure.accounts_rate_is_within_limit, ENTRIES),
    Rule("message_rate", exposure.agents_messages_are_within_limit, RESTING),
    Rule("open_orders_agent", exposure.agents_open_orders_are_within_limit, ENTRIES),
    Rule("open_orders_account", exposure.accounts_open_orders_are_within_limit, ENTRIES),
    Rule("daily_orders_agent", exposure.agents_day_has_room_for_one_more, ENTRIES),
    Rule("daily_orders_account", exposure.accounts_day_has_room_for_one_more, ENTRIES),
    Rule("daily_orders_group", concentration.groups_day_has_room_for_one_more, ENTRIES, IN_GROUPS),
    Rule("daily_orders_strategy", concentration.strategys_day_has_room_for_one_more, ENTRIES, BY_STRATEGY),
    Rule("daily_new_risk_agent", exposure.agents_new_risk_is_within_limit, ENTRIES),
    Rule("daily_new_risk_account", exposure.accounts_new_risk_is_within_limit, ENTRIES),
    Rule("daily_new_risk_group", concentration.groups_new_risk_is_within_limit, ENTRIES, IN_GROUPS),
    Rule("daily_new_risk_strategy", concentration.strategys_new_risk_is_within_limit, ENTRIES, BY_STRATEGY),
    Rule("position", exposure.position_is_within_limit, ENTRIES),
    Rule("concentration", concentration.position_is_no_large_part_of_equity, ENTRIES),
    Rule("gross_exposure_agent", exposure.agents_exposure_is_within_limit, ENTRIES),
    Rule("gross_exposure_account", exposure.accounts_exposure_is_within_limit, ENTRIES),
    Rule("gross_exposure_group", concentration.groups_exposure_is_within_limit, ENTRIES, IN_GROUPS),
    Rule("gross_exposure_strategy", concentration.strategys_exposure_is_within_limit, ENTRIES, BY_STRATEGY),
    Rule("net_exposure_agent", exposure.agents_net_exposure_is_within_limit, ENTRIES),
    Rule("net_exposure_account", exposure.accounts_net_exposure_is_within_limit, ENTRIES),
    Rule("net_exposure_group", concentration.groups_net_exposure_is_within_limit, ENTRIES, IN_GROUPS),
    Rule("side_exposure_agent", concentration.agents_side_is_within_limit, ENTRIES),
    Rule("side_exposure_account", concentration.accounts_side_is_within_limit, ENTRIES),
    Rule("expiry_exposure", concentration.what_ends_together_is_within_limit, ENTRIES, OF_OPTIONS),
    Rule("buying_power", exposure.buying_power_is_sufficient, ENTRIES),
    Rule("daily_loss", exposure.days_loss_is_within_limit, ENTRIES),
    Rule("exit_plan", order.exit_plan_is_present, ENTRIES),
    Rule("stop_price", order.stop_is_on_the_losing_side, RESTING),
    Rule("target_price", order.target_is_on_the_winning_side, ENTRIES),
    Rule("dead_machine_loss", exposure.dead_machine_loss_is_within_limit, RESTING),
    Rule("order_type", shape.type_is_permitted, ENTRIES),
    Rule("time_in_force", shape.time_in_force_is_permitted, ENTRIES),
    Rule("extended_hours", shape.extended_hours_are_permitted, ENTRIES),
    Rule("order_lifetime", order.order_ends_within_its_window, ENTRIES),
    Rule("whole", order.close_leaves_nothing_bare, CLOSES),
    Rule("approval", authority.persons_have_approved, RESTING),
)
"""Every check, in the order that names a denial."""

RULES_FOR: dict[Kind, tuple[Rule, ...]] = {
    (effect, matters): tuple(
        rule for rule in CHECKS if effect in rule.binds and rule.matter & matters == rule.matter
    )
    for effect in Effect
    for matters in range((IN_GROUPS | BY_STRATEGY | OF_OPTIONS) + 1)
}
"""The rules that bind an order, in their order."""
CHECKS_FOR: dict[Kind, tuple[CheckFunction, ...]] = {
    kind: tuple(rule.check for rule in rules) for kind, rules in RULES_FOR.items()
}
"""Their checks alone."""
