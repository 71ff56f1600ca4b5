from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.gateway.sentences import NO_ANSWER
from agenttrader.model.decisions import Verdict
from agenttrader.model.errors import BadValue
from agenttrader.model.instruments import Option
from agenttrader.model.orders import Effect, ExitPlan, Side
from agenttrader.testing.situations import (
    ALFA,
    BRVO,
    Situation,
    entry,
    exit_of_long,
    market_entry,
    short_entry,
    spread_entry,
)

quantities = st.integers(1, 2_000).map(Decimal)
amounts = st.integers(0, 200_000).map(Decimal)


@given(
    small=quantities,
    more=quantities,
    position=st.integers(0, 1_500).map(Decimal),
    open_buy=st.integers(0, 500).map(Decimal),
    gross=amounts,
    power=amounts,
    in_group=amounts,
    equity=st.integers(-1_000, 300_000).map(Decimal),
)
def test_a_larger_order_is_never_easier_to_approve(
    small: Decimal,
    more: Decimal,
    position: Decimal,
    open_buy: Decimal,
    gross: Decimal,
    power: Decimal,
    in_group: Decimal,
    equity: Decimal,
) -> None:
    here = entry().seeing(gross_exposure_agent=gross, gross_exposure_account=gross, buying_power_fold=power)
    here = here.seeing(long_exposure_account=gross, gross_exposure_strategy=in_group, equity=equity)
    here = here.seeing_group(gross_exposure=in_group, net_exposure=gross, new_risk_today=in_group)
    here = here.seeing_leg(position=position, open_buy=open_buy)
    larger = here.proposing(quantity=small + more).decide()
    smaller = here.proposing(quantity=small).decide()
    assert larger.verdict is Verdict.DENIED or smaller.verdict is Verdict.APPROVED
    passed = {check.code for check in smaller.checks if check.passed}
    assert {check.code for check in larger.checks if check.passed} <= passed


@given(less=st.integers(0, 100), taken=st.integers(0, 200).map(Decimal))
def test_an_order_that_reduces_never_takes_off_more_than_may_be_taken(less: int, taken: Decimal) -> None:
    here = exit_of_long(Effect.REDUCE).seeing_leg(reducible=Decimal(100 - less))
    if taken:
        approved = here.proposing(quantity=taken).decide().verdict is Verdict.APPROVED
        assert approved == (taken <= 100 - less)


NOT_FINITE = [Decimal(text) for text in ("NaN", "-NaN", "sNaN", "Infinity", "-Infinity")]


@pytest.mark.parametrize("number", NOT_FINITE, ids=str)
@pytest.mark.parametrize("name", ("decision_price", "limit_price", "quantity"))
def test_no_proposal_can_be_made_of_what_is_not_a_finite_number(name: str, number: Decimal) -> None:
    with pytest.raises(BadValue, match=f"{name}: expected a finite number"):
        entry().proposing(**{name: number})


@pytest.mark.parametrize("number", NOT_FINITE, ids=str)
@pytest.mark.parametrize("name", ("stop", "target", "trail"))
def test_no_plan_can_be_made_of_what_is_not_a_finite_number(name: str, number: Decimal) -> None:
    prices: dict[str, Any] = {name: number}
    with pytest.raises(BadValue, match=f"{name}: expected a finite number"):
        ExitPlan(**prices)


@pytest.mark.parametrize("number", NOT_FINITE, ids=str)
@pytest.mark.parametrize(
    "situation",
    (entry(), market_entry(), short_entry(), spread_entry()),
    ids=("entry", "market", "short", "spread"),
)
def test_what_is_not_a_finite_number_is_never_approved(situation: Situation, number: Decimal) -> None:
    working = "open_buy" if situation.proposal.side is Side.BUY else "open_sell"
    sums = [
        "new_risk_today_agent",
        "new_risk_today_account",
        "gross_exposure_agent",
        "gross_exposure_account",
        "equity",
        "day_start_equity",
    ]
    way = "long" if situation.proposal.side is Side.BUY else "short"
    sums += [f"net_{way}_agent", f"net_{way}_account", f"{way}_exposure_agent", f"{way}_exposure_account"]
    sums += ["gross_exposure_strategy", "new_risk_today_strategy"]
    if not (
        number.is_infinite() and number.is_signed() is False
    ):  # the smaller of ours and theirs is what counts, and that would be finite
        sums += ["buying_power_fold", "buying_power_broker"]
    spoilt = [
        *(situation.marked(leg, price=number) for leg in range(len(situation.snapshot.legs))),
        *(situation.seeing_leg(0, **{name: number}) for name in ("position", working)),
        *(situation.seeing(**{name: number}) for name in sums),
        *(
            situation.seeing_group(0, **{name: number})
            for name in ("gross_exposure", "net_exposure", "new_risk_today")
        ),
        situation.seeing(buying_power_fold=number, buying_power_broker=number),
    ]
    for each in spoilt:
        assert each.decide().verdict is Verdict.DENIED


@pytest.mark.parametrize("number", NOT_FINITE, ids=str)
def test_what_may_be_reduced_must_be_a_finite_number(number: Decimal) -> None:
    assert exit_of_long().seeing_leg(reducible=number).decide().verdict is Verdict.DENIED
    assert exit_of_long().marked(price=number).decide().verdict is Verdict.DENIED


NEEDED = (
    *("now", "grant", "window", "session", "orders_last_minute_agent", "orders_last_minute_account"),
    *("open_orders_agent", "open_orders_account", "gross_exposure_agent", "gross_exposure_account"),
    *("net_long_agent", "net_long_account", "repeats", "messages_last_minute_agent", "permits"),
    *("long_exposure_agent", "long_exposure_account"),
    *("gross_exposure_strategy", "entries_today_strategy", "new_risk_today_strategy"),
    *("entries_today_agent", "entries_today_account", "new_risk_today_agent", "new_risk_today_account"),
    *("buying_power_fold", "buying_power_broker", "equity", "day_start_equity", "dead_machine_loss"),
)

NEEDED_TO_SELL = ("net_short_agent", "net_short_account", "short_exposure_agent", "short_exposure_account")


def denied_for_want_of_a_fact(situation: Situation) -> bool:
    """Whether a check says that it observed nothing, and none had to fail for it."""
    failed = [check for check in situation.decide().checks if not check.passed]
    return all(check.permitted != NO_ANSWER for check in failed) and any(
        check.observed is None or (check.code, check.permitted) in UNNAMED for check in failed
    )


UNNAMED = {("agent", None), ("instrument", None)}
"""Who or what is asked for is observed; that it is not configured stands in what is permitted."""


@pytest.mark.parametrize("name", NEEDED)
def test_a_fact_that_is_not_known_denies(name: str) -> None:
    assert denied_for_want_of_a_fact(entry().seeing(**{name: None}))


@pytest.mark.parametrize("name", NEEDED_TO_SELL)
def test_a_fact_that_a_short_sale_needs_and_that_is_not_known_denies(name: str) -> None:
    assert denied_for_want_of_a_fact(short_entry().seeing(**{name: None}))


@pytest.mark.parametrize("name", ("instrument", "status", "mark", "position", "open_buy", "open_sell"))
@pytest.mark.parametrize("leg", (0, 1))
def test_a_fact_about_a_leg_that_is_not_known_denies(name: str, leg: int) -> None:
    assert denied_for_want_of_a_fact(spread_entry().seeing_leg(leg, **{name: None}))


@pytest.mark.parametrize("name", ("instrument", "status", "mark", "position", "reducible"))
def test_a_fact_that_a_reduction_needs_and_that_is_not_known_denies(name: str) -> None:
    assert denied_for_want_of_a_fact(exit_of_long().seeing_leg(0, **{name: None}))


def test_every_fact_that_may_be_unknown_is_tried_above() -> None:
    def optional(kind: type[msgspec.Struct]) -> set[str]:
        return {
            field.name
            for field in msgspec.structs.fields(kind)
            if type(None) in getattr(field.type, "__args__", ())
        }

    # Most orders replace none: then there is nothing to know.
    assert optional(type(entry().snapshot)) == {*NEEDED, *NEEDED_TO_SELL, "replaced"}
    legs = {"instrument", "status", "mark", "position", "open_buy", "open_sell", "reducible", "ranged"}
    assert optional(type(entry().snapshot.legs[0])) == {*legs, "expiry_exposure"}
    (group,) = entry().snapshot.legs[0].groups
    assert optional(type(group)) == {"entries_today", "new_risk_today"}


@pytest.mark.parametrize("name", ("entries_today", "new_risk_today"))
def test_a_fact_about_a_group_of_symbols_that_is_not_known_denies(name: str) -> None:
    changes: dict[str, Any] = {name: None}
    assert denied_for_want_of_a_fact(entry().seeing_group(**changes))


def test_what_ends_with_an_option_must_be_known() -> None:
    option = Option(
        symbol=ALFA,
        tick=Decimal("0.01"),
        lot=Decimal(1),
        underlying=BRVO,
        expiry="2026-12-18",
        strike=Decimal(100),
        right="call",
    )
    situation = entry().seeing(exits_unit=True).seeing_leg(instrument=option)
    assert situation.decide().denied_by is None
    assert denied_for_want_of_a_fact(situation.seeing_leg(expiry_exposure=None))
