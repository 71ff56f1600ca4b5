"""Splits and dividends: holdings, prices and open orders, and that a split changes no value."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.model.errors import BadValue
from agenttrader.simulation.corporate_actions import restated
from agenttrader.simulation.inputs import (
    CorporateActionKind,
    DividendPosted,
    OrderChanged,
    Outcome,
    SplitPosted,
)
from agenttrader.simulation.ledger import CASH, ISSUERS
from agenttrader.simulation.listings import CENT, DOLLAR
from agenttrader.simulation.orders import Event, OrderType, Status, TimeInForce
from agenttrader.testing.venue_days import House


def split(made: House, new: int | str, old: int | str = 1) -> Outcome:
    return made.act(CorporateActionKind.SPLIT, new_rate=Decimal(new), old_rate=Decimal(old))


def dividend(made: House, cash: str) -> Outcome:
    return made.act(CorporateActionKind.CASH_DIVIDEND, cash=Decimal(cash))


def test_a_split_gives_new_lots_for_old_ones_at_the_same_cost_and_value() -> None:
    made = House()
    made.trade(10)
    before = made.books.equity("a"), made.books.buying_power("a")
    assert split(made, 4).applied
    assert made.books.ledger.lots("a", "ABC") == 40
    assert made.books.ledger.cost("a", "ABC") == 1_000 * DOLLAR
    assert made.books.marks["ABC"] == 25 * 10**6
    assert (made.books.equity("a"), made.books.buying_power("a")) == before
    posted = made.posted(SplitPosted)
    assert [(each.lots_before, each.lots_after, each.femtos) for each in posted] == [(10, 40, 0)]


def test_what_is_short_is_split_too() -> None:
    made = House()
    made.trade(-10)
    split(made, 3, 2)
    assert made.books.ledger.lots("a", "ABC") == -15
    assert made.books.equity("a") == pytest.approx(10_000 * DOLLAR, abs=CENT)


@pytest.mark.parametrize(("held", "left", "cents"), ((12, 2, 20_000), (-12, -2, -20_000), (3, 0, 30_000)))
def test_the_part_of_a_share_that_is_left_is_paid_in_cash(held: int, left: int, cents: int) -> None:
    made = House()
    made.trade(held)
    cash = made.books.ledger.cash("a")
    split(made, 1, 5)
    assert made.books.ledger.lots("a", "ABC") == left
    assert made.books.ledger.cash("a") - cash == cents * CENT
    assert made.books.equity("a") == 10_000 * DOLLAR
    assert made.posted(SplitPosted)[0].femtos == cents * CENT


def order(made: House, quantity: int, **changes: Any) -> str:
    outcome = made.ask(quantity, **changes)
    assert outcome.order is not None, outcome.refusal
    return outcome.order.id


def limit(price: int) -> dict[str, Any]:
    return {"type": OrderType.LIMIT, "limit_price": Decimal(price)}


def stop(price: int) -> dict[str, Any]:
    return {"type": OrderType.STOP, "stop_price": Decimal(price)}


def test_a_forward_split_restates_purchases_at_a_limit_and_sales_at_a_stop() -> None:
    made = House()
    made.trade(10)
    bought, protects = order(made, 5, **limit(70)), order(made, -5, **stop(80))
    target = order(made, -5, **limit(130))
    today = order(made, 1, **limit(60), time_in_force=TimeInForce.DAY)
    outcome = split(made, 3)
    orders = made.books.orders
    assert (orders[bought].lots, orders[bought].limit) == (15, 23_330_000)
    assert (orders[protects].lots, orders[protects].stop) == (15, 26_660_000)
    assert (orders[target].lots, orders[target].limit) == (5, 130_000_000)
    assert orders[today].status is Status.EXPIRED
    told = [each.order.id for each in outcome.updates if isinstance(each, OrderChanged)]
    restated = [
        each.order.id
        for each in outcome.updates
        if isinstance(each, OrderChanged) and each.event is Event.RESTATED
    ]
    assert restated == [bought, protects]
    assert set(told) == {bought, protects, today}


def test_a_forward_split_takes_a_trailing_stop_along() -> None:
    made = House()
    made.trade(10)
    trailing = order(made, -10, type=OrderType.TRAILING_STOP, trail_price=Decimal(10))
    split(made, 4)
    changed = made.books.orders[trailing]
    assert (changed.lots, changed.stop, changed.trail, changed.high_water) == (
        40,
        22_500_000,
        2_500_000,
        25_000_000,
    )
    made.trade_at({"ABC": 24})
    assert made.books.orders[trailing].status is Status.NEW
    made.trade_at({"ABC": 22})
    assert made.books.orders[trailing].status is Status.FILLED


def test_a_reverse_split_cancels_what_is_good_till_canceled() -> None:
    made = House()
    made.trade(10)
    rests = [order(made, 5, **limit(70)), order(made, -5, **stop(80)), order(made, -5, **limit(130))]
    split(made, 1, 2)
    assert [made.books.orders[each].status for each in rests] == [Status.CANCELED] * 3
    assert made.books.available("a", "ABC") == 5


def test_what_has_filled_of_an_order_is_split_with_the_rest() -> None:
    made = House()
    part = replace(made.books.orders[order(made, 5, **limit(70))], filled_lots=2, filled_value=2 * 70)
    changed = restated(part, made.books.listings["ABC"], (3, 1))
    assert changed is not None
    assert (changed.lots, changed.filled_lots, changed.leaves, changed.filled_value) == (15, 6, 9, 140)


def test_after_a_split_trading_goes_on_in_new_numbers() -> None:
    made = House()
    made.trade(10)
    split(made, 2)
    made.trade(-20, price=50)
    assert made.books.ledger.lots("a", "ABC") == 0
    assert made.books.ledger.cash("a") == 10_000 * DOLLAR


def test_a_dividend_is_paid_to_who_holds_and_by_who_is_short() -> None:
    made = House()
    made.trade(10)
    dividend(made, "0.333")
    assert made.books.ledger.cash("a") == 9_003 * DOLLAR + 33 * CENT
    paid = made.posted(DividendPosted)
    assert [(each.lots, each.per_share, each.femtos) for each in paid] == [(10, Decimal("0.333"), 333 * CENT)]
    made.trade(-10)
    made.trade(-10)
    dividend(made, "0.5")
    assert made.posted(DividendPosted)[-1].femtos == -5 * DOLLAR
    assert made.books.ledger.balances[ISSUERS][CASH] == 5 * DOLLAR - 333 * CENT


def test_what_is_told_twice_or_late_changes_nothing() -> None:
    made = House()
    made.trade(10)
    outcome = split(made, 2)
    assert outcome.applied
    made.day -= 1
    assert not split(made, 2).applied
    made.trade_at({"ABC": 50})
    made.day -= 1
    assert not split(made, 3).applied
    assert not made.act(CorporateActionKind.SPLIT, "NONE", new_rate=Decimal(2)).applied
    assert made.books.ledger.lots("a", "ABC") == 20


@pytest.mark.parametrize(
    ("kind", "symbol", "values"),
    (
        (CorporateActionKind.SPLIT, "ABC", {"new_rate": Decimal(0)}),
        (CorporateActionKind.SPLIT, "ABC", {"old_rate": Decimal(-1)}),
        (CorporateActionKind.CASH_DIVIDEND, "ABC", {}),
        (CorporateActionKind.SPLIT, "BTC/USD", {"new_rate": Decimal(2)}),
    ),
)
def test_an_action_that_cannot_be_is_refused(
    kind: CorporateActionKind, symbol: str, values: dict[str, Decimal]
) -> None:
    with pytest.raises(BadValue, match="expected"):
        House().act(kind, symbol, **values)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(-90, 90).filter(bool),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(50, 100),
)
def test_a_split_changes_no_value(held: int, new: int, old: int, price: int) -> None:
    made = House()
    made.trade(held)
    made.trade_at({"ABC": price})
    before = made.books.equity("a")
    split(made, new, old)
    # The new price has six decimals, and what is paid for a part of a share two.
    rounding = CENT + abs(held) * new * DOLLAR // (old * 10**6) + DOLLAR // 10**6
    assert abs(made.books.equity("a") - before) <= rounding
    assert sum(assets["ABC"] for assets in made.books.ledger.balances.values()) == 0
    assert sum(assets[CASH] for assets in made.books.ledger.balances.values()) == 0
