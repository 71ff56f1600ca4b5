"""What was approved without being sent counts until its time is over, or the gateway decides it itself."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.adapters.persons import verifier
from agenttrader.app.deciding.decider import Decider
from agenttrader.app.deciding.facts import Facts, Stated
from agenttrader.app.deciding.proposals import Wanted
from agenttrader.app.sections import ExitFractions
from agenttrader.model.decisions import TradingState
from agenttrader.model.market import Mark, TradingStatus
from agenttrader.model.orders import ExitPlan, Side, TimeInForce
from agenttrader.model.times import SECOND, Instant
from agenttrader.runtime.rules import Rules
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    CASH,
    CLOSE,
    MULTIPLIERS,
    STRATEGY,
    SWITCH,
    at,
    rules,
    switch,
)
from agenttrader.testing.driver import Driver, trading

SILENCE_SECONDS_MAX = 100_000
SWITCHES = {SWITCH: switch(TradingState.ACTIVE)}
DAY_SECONDS = 86_400


def limited(**changes: Any) -> Rules:
    """Rules under other limits of the account."""
    made = rules()
    return replace(made, limits=replace(made.limits, account=replace(made.limits.account, **changes)))


def decider(driver: Driver, by: Rules | None = None, fractions: ExitFractions | None = None) -> Decider:
    made = Decider(lambda _: by or rules(), MULTIPLIERS, AGENT, SILENCE_SECONDS_MAX, verifier({}), fractions)
    made.follow(driver.records)
    mark = Mark(price=Decimal(100), time=at(1), source="test")
    power = Stated(CASH, at(1))
    made.see(Facts(marks={ALFA: mark}, statuses={ALFA: TradingStatus.TRADING}, buying_power=power))
    return made


def wanted(name: str, **changes: Any) -> Wanted:
    fields: dict[str, Any] = {
        "proposal_id": name,
        "symbol": ALFA,
        "side": Side.BUY,
        "quantity": Decimal(10),
        "limit_price": None,
        "time_in_force": TimeInForce.DAY,
        "strategy": STRATEGY,
        "stop_loss": Decimal(95),
        "take_profit": None,
        "max_loss": None,
        "valid_until": CLOSE,
        "requires_approval": False,
        "correlation_id": name,
        "reason": "",
        "created": None,
        "asset_type": None,
        "option": None,
    }
    return Wanted(**(fields | changes))


def approved(made: Decider, asked: Wanted, now: Instant) -> bytes:
    ruling = made.rule(asked, SWITCHES, now)
    assert ruling.decision.denied_by is None
    return made.reserve(ruling, now)


def denied(made: Decider, asked: Wanted, now: Instant) -> str | None:
    return made.rule(asked, SWITCHES, now).decision.denied_by


@pytest.mark.parametrize(
    ("limit", "code"),
    (
        ({"gross_exposure_max": Decimal(1_500)}, "gross_exposure_account"),
        ({"net_exposure_max": Decimal(1_500)}, "net_exposure_account"),
        ({"open_orders_max": 1}, "open_orders_account"),
        ({"daily_orders_max": 1}, "daily_orders_account"),
        ({"daily_new_risk_max": Decimal(1_500)}, "daily_new_risk_account"),
        ({"dead_machine_loss_max": Decimal(60)}, "dead_machine_loss"),
        ({"orders_per_minute_max": 1}, "order_rate_account"),
    ),
    ids=str,
)
def test_of_two_that_fit_one_limit_each_the_second_is_denied(limit: dict[str, Any], code: str) -> None:
    made = decider(trading(), limited(**limit))
    approved(made, wanted("p-1"), at(1))
    assert denied(made, wanted("p-2"), at(1)) == code


def test_the_brokers_buying_power_is_used_once() -> None:
    made = decider(trading())
    half = wanted("p-1", quantity=Decimal(600), max_loss=None)
    approved(made, half, at(1))
    assert denied(made, replace(half, proposal_id="p-2"), at(1)) == "buying_power"


def test_it_counts_until_its_proposal_is_over() -> None:
    made = decider(trading(), limited(open_orders_max=1))
    over = Instant(at(1) + 60 * SECOND)
    approved(made, wanted("p-1", valid_until=over), at(1))
    assert denied(made, wanted("p-2"), over) == "open_orders_account"
    assert denied(made, wanted("p-2"), Instant(over + 1)) is None


def test_it_counts_no_more_when_the_day_has_turned() -> None:
    made = decider(trading(), limited(open_orders_max=1))
    approved(made, wanted("p-1", valid_until=Instant(at(1) + 9 * DAY_SECONDS * SECOND)), at(1))
    failed = made.rule(wanted("p-2"), SWITCHES, Instant(at(1) + DAY_SECONDS * SECOND)).decision.checks
    assert all(check.passed for check in failed if check.code == "open_orders_account")


def test_what_the_gateway_decides_itself_counts_once() -> None:
    driver = trading()
    made = decider(driver, limited(open_orders_max=2, daily_orders_max=2))
    before = len(driver.records)
    ruling = made.rule(wanted("p-1"), SWITCHES, at(1))
    made.reserve(ruling, at(1))
    driver.propose(ruling.proposal)
    made.follow(driver.records[before:])
    assert denied(made, wanted("p-2"), at(1)) is None
    approved(made, wanted("p-2"), at(1))
    assert denied(made, wanted("p-3"), at(1)) == "open_orders_account"


def test_a_restart_counts_what_was_approved_today_and_decides_again_what_was_not_told() -> None:
    by = limited(open_orders_max=1)
    kept = approved(decider(trading(), by), wanted("p-1"), at(1))
    made = decider(trading(), by)
    made.take_in((kept, kept), at(2))
    assert denied(made, wanted("p-2"), at(2)) == "open_orders_account"
    assert denied(made, wanted("p-1"), at(2)) is None
    tomorrow = decider(trading(), by)
    tomorrow.take_in((kept,), Instant(at(1) + DAY_SECONDS * SECOND))
    assert denied(tomorrow, wanted("p-2"), at(2)) is None


def test_what_was_approved_here_is_no_word_of_the_gateways() -> None:
    driver = trading()
    made = decider(driver)
    late = Instant(driver.records[-1].time + SILENCE_SECONDS_MAX * SECOND)
    held = made.rule(wanted("p-1"), SWITCHES, at(1))
    made.reserve(held, late)
    assert denied(made, wanted("p-2"), Instant(late + 1)) == "trading_state"


def test_an_entry_without_a_plan_gets_its_agents_own_and_another_is_denied() -> None:
    fractions = ExitFractions(stop=Decimal("0.03"), target=Decimal("0.06"))
    bare = wanted("p-1", stop_loss=None, max_loss=Decimal(30))
    ruling = decider(trading(), fractions=fractions).rule(bare, SWITCHES, at(1))
    assert ruling.proposal.exit_plan == ExitPlan(stop=Decimal(97), target=Decimal(106))
    assert (ruling.decision.denied_by, ruling.loses_too_much) == (None, False)
    assert denied(decider(trading()), bare, at(1)) == "exit_plan"
    own = decider(trading(), fractions=fractions).rule(wanted("p-1"), SWITCHES, at(1))
    assert own.proposal.exit_plan == ExitPlan(stop=Decimal(95))
