from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.gateway.checks.case import kind_of
from agenttrader.gateway.checks.catalog import CHECKS, RULES_FOR
from agenttrader.gateway.limits import Grant
from agenttrader.model.authority import EVERYTHING, Approval, Mode, Scope, ScopeKind
from agenttrader.model.decisions import Check, TradingState, Verdict
from agenttrader.model.identifiers import StrategyName
from agenttrader.model.instruments import Equity
from agenttrader.model.market import Mark, TradingStatus
from agenttrader.model.orders import Effect, ExitPlan, OrderType, Side, TimeInForce
from agenttrader.model.times import MINUTE, Instant
from agenttrader.model.values import ZERO
from agenttrader.testing.builders import PERMITS
from agenttrader.testing.situations import (
    ALFA,
    BRVO,
    HOUR,
    NOW,
    STRATEGY,
    Situation,
    check_of,
    entry,
    exit_of_long,
    nothing_right,
    resting_pair,
    resting_stop,
    spread_entry,
)

FAR = Decimal(10**9)


def planned(situation: Situation, stop: str, target: str) -> Situation:
    """With the plan of an entry that sells; an exit is the pair of a long position, and a close has none."""
    match situation.proposal.effect:
        case Effect.OPEN:
            plan = ExitPlan(stop=Decimal(stop), target=Decimal(target))
            return situation.proposing(exit_plan=plan)
        case Effect.REDUCE:
            return situation.proposing(exit_plan=ExitPlan(stop=Decimal(200) - Decimal(stop)))
        case Effect.CLOSE:
            return situation


def lease(situation: Situation) -> Situation:
    """A window of the wrong mode and scope that ends before the close."""
    window = entry().snapshot.window
    assert window is not None
    other = msgspec.structs.replace(
        window, mode=Mode.OBSERVE, scope=Scope(ScopeKind.SYMBOL, "BRVO"), end=Instant(NOW + MINUTE)
    )
    return situation.seeing(window=other)


REPAIRS: tuple[tuple[str, Callable[[Situation], Situation]], ...] = (
    (
        "agent",
        lambda it: it.seeing(
            grant=Grant(
                strategies=frozenset({StrategyName("other")}),
                symbols=frozenset({BRVO}),
                mode_ceiling=Mode.DRY_RUN,
                approval=Approval.MANUAL,
                reduces_only=True,
            )
        ),
    ),
    ("strategy", lambda it: it.granting(strategies=frozenset({STRATEGY}))),
    ("ownership", lambda it: it.granting(symbols=frozenset({ALFA}))),
    ("may_open", lambda it: it.granting(reduces_only=False)),
    ("order_id", lambda it: it.seeing(id_used=False)),
    ("trading_state", lambda it: it.seeing(trading_state=TradingState.ACTIVE, halt_reasons=())),
    ("window", lease),
    ("mode", lambda it: it.leased(mode=Mode.PAPER).granting(mode_ceiling=Mode.PAPER)),
    ("scope", lambda it: it.leased(scope=EVERYTHING)),
    ("valid_until", lambda it: it.proposing(valid_until=NOW)),
    (
        "instrument",
        lambda it: it.seeing_leg(instrument=Equity(symbol=ALFA, tick=Decimal("0.01"), lot=Decimal(100))),
    ),
    ("restricted", lambda it: it.limiting_account(restricted=frozenset())),
    ("symbol_group", lambda it: it.seeing_leg(groups=entry().snapshot.legs[0].groups)),
    ("days_to_expiry", lambda it: it),
    (
        "shape",
        lambda it: (
            it.proposing(time_in_force=TimeInForce.GTC)
            if it.proposal.effect is Effect.OPEN
            else it.proposing(time_in_force=TimeInForce.DAY, extended_hours=False)
        ),
    ),
    ("session", lambda it: it.seeing(session=entry().snapshot.session)),
    ("symbol_status", lambda it: it.seeing_leg(status=TradingStatus.TRADING)),
    ("market_fall", lambda it: it.limiting_account(market_symbols=frozenset())),
    ("account_permits", lambda it: it.seeing(permits=PERMITS)),
    ("quote", lambda it: it.seeing_leg(mark=Mark(price=Decimal(100), time=Instant(NOW + 1), source="s"))),
    ("quote_time", lambda it: it.marked(time=Instant(NOW - HOUR))),
    ("quote_age", lambda it: it.marked(time=NOW)),
    (
        "opens",
        lambda it: it.seeing_leg(position=ZERO, opposed=False) if it.proposal.effect is Effect.OPEN else it,
    ),
    ("self_match", lambda it: it.seeing_leg(facing=())),
    ("reduces", lambda it: it.seeing_leg(reducible=FAR)),
    ("shorting", lambda it: it.limiting_symbol(shorting_permitted=True)),
    ("tick", lambda it: it.proposing(limit_price=Decimal("200.00"))),
    ("lot", lambda it: it.proposing(quantity=Decimal(100))),
    ("order_quantity", lambda it: it.limiting_symbol(order_quantity_max=FAR)),
    ("order_notional", lambda it: it.limiting_symbol(order_notional_max=FAR)),
    (
        "price_collar",
        lambda it: it.proposing(limit_price=Decimal("100.00"), decision_price=Decimal("100.00")),
    ),
    ("price_move", lambda it: it.seeing_leg(ranged=(Decimal(100), Decimal(100)))),
    ("repeats", lambda it: it.seeing(repeats=0)),
    ("order_rate_agent", lambda it: it.seeing(orders_last_minute_agent=0)),
    ("order_rate_account", lambda it: it.seeing(orders_last_minute_account=0)),
    ("message_rate", lambda it: it.seeing(messages_last_minute_agent=0)),
    ("open_orders_agent", lambda it: it.seeing(open_orders_agent=0)),
    ("open_orders_account", lambda it: it.seeing(open_orders_account=0)),
    ("daily_orders_agent", lambda it: it.seeing(entries_today_agent=0)),
    ("daily_orders_account", lambda it: it.seeing(entries_today_account=0)),
    ("daily_orders_group", lambda it: it.limiting_group(daily_orders_max=1)),
    ("daily_orders_strategy", lambda it: it.limiting_strategy(daily_orders_max=1)),
    ("daily_new_risk_agent", lambda it: it.limiting_agent(daily_new_risk_max=FAR)),
    ("daily_new_risk_account", lambda it: it.limiting_account(daily_new_risk_max=FAR)),
    ("daily_new_risk_group", lambda it: it.limiting_group(daily_new_risk_max=FAR)),
    ("daily_new_risk_strategy", lambda it: it.limiting_strategy(daily_new_risk_max=FAR)),
    ("position", lambda it: it.limiting_symbol(position_quantity_max=FAR)),
    ("concentration", lambda it: it.limiting_account(concentration_fraction_max=FAR)),
    ("gross_exposure_agent", lambda it: it.limiting_agent(gross_exposure_max=FAR)),
    ("gross_exposure_account", lambda it: it.limiting_account(gross_exposure_max=FAR)),
    ("gross_exposure_group", lambda it: it.limiting_group(gross_exposure_max=FAR)),
    ("gross_exposure_strategy", lambda it: it.limiting_strategy(gross_exposure_max=FAR)),
    ("net_exposure_agent", lambda it: it.limiting_agent(net_exposure_max=FAR)),
    ("net_exposure_account", lambda it: it.limiting_account(net_exposure_max=FAR)),
    ("net_exposure_group", lambda it: it.limiting_group(net_exposure_max=FAR)),
    ("side_exposure_agent", lambda it: it.limiting_agent(short_exposure_max=FAR)),
    ("side_exposure_account", lambda it: it.limiting_account(short_exposure_max=FAR)),
    ("expiry_exposure", lambda it: it),
    ("buying_power", lambda it: it.seeing(buying_power_fold=FAR)),
    ("daily_loss", lambda it: it.limiting_account(daily_loss_max=FAR)),
    ("exit_plan", lambda it: planned(it, "99.00", "101.00").seeing(exits_unit=True)),
    ("stop_price", lambda it: planned(it, "101.00", "101.00")),
    ("target_price", lambda it: planned(it, "101.00", "99.00")),
    ("dead_machine_loss", lambda it: it.seeing(dead_machine_loss=ZERO)),
    ("order_type", lambda it: it.limiting_agent(order_types=(OrderType.LIMIT,))),
    ("time_in_force", lambda it: it.proposing(time_in_force=TimeInForce.DAY)),
    ("extended_hours", lambda it: it.limiting_agent(extended_hours_permitted=True)),
    ("order_lifetime", lambda it: it.leased(end=Instant(NOW + 6 * HOUR))),
    (
        "whole",
        lambda it: (
            it.proposing(type=OrderType.MARKET, limit_price=None, exit_plan=None).seeing_leg(
                reducible=it.proposal.quantity
            )
            if it.proposal.effect is Effect.CLOSE
            else it
        ),
    ),
    ("approval", lambda it: it.granting(approval=Approval.AUTO)),
)


def test_the_table_below_has_a_row_for_every_check_in_the_published_order() -> None:
    assert [code for code, _ in REPAIRS] == [rule.code for rule in CHECKS]


def codes_of(situation: Situation) -> list[str]:
    """The codes that bind the order."""
    return [rule.code for rule in RULES_FOR[kind_of(situation.proposal, situation.snapshot)]]


@pytest.mark.parametrize("effect", Effect)
def test_the_first_failure_in_the_published_order_names_the_denial(effect: Effect) -> None:
    situation = nothing_right(effect)
    for code, repair in REPAIRS:
        bound = codes_of(situation)
        decision = situation.decide()
        assert [check.code for check in decision.checks] == bound
        # What reduces meets these only in the place of another.
        in_place = effect is Effect.REDUCE and code in ("message_rate", "dead_machine_loss", "approval")
        if code in bound and not in_place:
            assert (decision.verdict, decision.denied_by) == (Verdict.DENIED, code)
        situation = repair(situation)
    decision = situation.decide()
    assert (decision.verdict, decision.denied_by) == (Verdict.APPROVED, None)
    assert all(check.passed for check in decision.checks)


def test_an_order_that_reduces_is_not_asked_what_only_adds_risk() -> None:
    reducing, closing = RULES_FOR[Effect.REDUCE, 0], RULES_FOR[Effect.CLOSE, 0]
    skipped = {rule.code for rule in CHECKS} - {rule.code for rule in reducing}
    assert skipped == {
        *(
            "may_open",
            "window",
            "mode",
            "scope",
            "restricted",
            "quote_age",
            "opens",
            "market_fall",
            "account_permits",
            "price_move",
            "self_match",
            "shorting",
        ),
        *("order_quantity", "order_notional"),
        *(
            "repeats",
            "order_rate_agent",
            "order_rate_account",
            "open_orders_agent",
            "open_orders_account",
            "position",
        ),
        *("daily_orders_agent", "daily_orders_account", "daily_new_risk_agent", "daily_new_risk_account"),
        *("net_exposure_agent", "net_exposure_account"),
        *("symbol_group", "days_to_expiry", "expiry_exposure", "concentration"),
        *("daily_orders_group", "daily_orders_strategy", "daily_new_risk_group", "daily_new_risk_strategy"),
        *("gross_exposure_group", "gross_exposure_strategy", "net_exposure_group"),
        *("side_exposure_agent", "side_exposure_account"),
        *("gross_exposure_agent", "gross_exposure_account", "buying_power", "daily_loss", "exit_plan"),
        *("target_price", "order_type", "time_in_force", "extended_hours", "order_lifetime"),
        "whole",
    }
    of_resting = ("message_rate", "stop_price", "dead_machine_loss", "approval")
    of_both = (rule for rule in reducing if rule.code not in of_resting)
    *_, whole, approval = CHECKS
    assert closing == (*of_both, whole)
    assert (whole.code, approval.code) == ("whole", "approval")


@pytest.mark.parametrize(
    ("changes", "passed", "permitted"),
    (
        ({"stop_price": "99.99"}, True, "100.00"),
        ({"stop_price": "100.00"}, False, "100.00"),
        ({"stop_price": "103.00"}, False, "100.00"),
        ({"stop_price": "-1.00"}, False, "100.00"),
        ({"stop_price": "103.00", "side": Side.BUY}, True, "100.00"),
        ({"stop_price": "100.00", "side": Side.BUY}, False, "100.00"),
    ),
)
def test_a_stop_that_rests_lies_where_the_price_has_not_been(
    changes: dict[str, Any], permitted: str, *, passed: bool
) -> None:
    prices = {"stop_price": Decimal(changes["stop_price"])}
    check = check_of(resting_stop().proposing(**(changes | prices)).decide(), "stop_price")
    assert check == Check("stop_price", prices["stop_price"], Decimal(permitted), passed)


@pytest.mark.parametrize(
    ("stop", "target", "passed"),
    (("97", "105", True), ("100", "105", False), ("98", "98.50", True), ("98.50", "98", False)),
)
def test_the_stop_of_a_pair_lies_beyond_mark_and_target(stop: str, target: str, *, passed: bool) -> None:
    pair = resting_pair().proposing(limit_price=Decimal(target), exit_plan=ExitPlan(stop=Decimal(stop)))
    assert check_of(pair.decide(), "stop_price").passed is passed


@pytest.mark.parametrize(
    "situation",
    (
        *(entry(), exit_of_long(), exit_of_long(Effect.REDUCE)),
        *(resting_stop(), resting_pair(), spread_entry()),
    ),
)
def test_what_everything_permits_is_approved(situation: Situation) -> None:
    decision = situation.decide()
    assert decision.denied_by is None
    assert decision.verdict is Verdict.APPROVED


def test_codes_and_statements_are_one_each_and_statements_are_sentences() -> None:
    assert len({rule.code for rule in CHECKS}) == len(CHECKS)
    assert len({rule.statement for rule in CHECKS}) == len(CHECKS)
    assert all(rule.statement.endswith(".") for rule in CHECKS)
