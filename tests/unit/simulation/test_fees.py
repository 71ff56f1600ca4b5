"""What is taken of fills: never less than the rate says, and by the day never more than by the fill."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import BadValue
from agenttrader.simulation.fees import (
    Accrued,
    Fee,
    FeeSchedule,
    coin_cash_fee,
    coin_fee,
    rounded,
    share_dues,
)
from agenttrader.simulation.listings import CENT, DOLLAR, Listing

RATES = FeeSchedule(
    sec_rate=Decimal("0.0000278"),
    taf_rate=Decimal("0.000166"),
    taf_cap=Decimal("8.30"),
    crypto_maker_rate=Decimal("0.0015"),
    crypto_taker_rate=Decimal("0.0025"),
)
SHARE = Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1))
FRACTIONAL = Listing(symbol="FRAC", tick=Decimal("0.01"), lot=Decimal(1), fractionable=True)


@pytest.mark.parametrize(
    ("price", "shares", "sec", "taf"),
    (
        ("100", 10, 3, 1),  # 0.0278 and 0.00166
        ("100", 1_000, 278, 17),  # exactly 2.78; 0.166
        ("100.00001", 1_000, 279, 17),  # a hair above 2.78
        ("100", 50_000, 13_900, 830),  # exactly 8.30
        ("100", 60_000, 16_680, 830),  # 9.96, capped
    ),
)
def test_each_fee_of_a_sale_is_rounded_up_to_the_cent_and_taf_is_capped(
    price: str, shares: int, sec: int, taf: int
) -> None:
    dues = share_dues(RATES, SHARE, shares, SHARE.units(Decimal(price), "price"), sells=True)
    assert rounded(dues) == (Fee("REG", sec * CENT), Fee("TAF", taf * CENT))


def test_a_purchase_pays_for_the_audit_trail_alone() -> None:
    assert share_dues(RATES, SHARE, 1_000, 10**8, sells=False) == ()
    traced = FeeSchedule(
        sec_rate=Decimal(1), taf_rate=Decimal(1), taf_cap=Decimal(1), cat_rate=Decimal("0.000046")
    )
    assert rounded(share_dues(traced, SHARE, 1_000, 10**8, sells=False)) == (Fee("CAT", 5 * CENT),)
    names = [due.name for due in share_dues(traced, SHARE, 1_000, 10**8, sells=True)]
    assert names == ["REG", "TAF", "CAT"]


def test_a_fraction_pays_for_a_fraction() -> None:
    half = share_dues(RATES, FRACTIONAL, 500_000_000, 10**8, sells=True)
    whole = share_dues(RATES, SHARE, 1, 10**8, sells=True)
    assert [2 * due.billionths for due in half] == [due.billionths for due in whole]


def test_the_days_sum_of_each_fee_is_rounded_once() -> None:
    accrued = Accrued()
    for _ in range(3):
        accrued.add(share_dues(RATES, SHARE, 10, 10**8, sells=True))
    assert accrued.femtos == 10 * CENT  # 0.0834 and 0.00498
    assert accrued.take() == (Fee("REG", 9 * CENT), Fee("TAF", CENT))
    assert (accrued.femtos, accrued.take()) == (0, ())


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**9)), max_size=10))
def test_a_day_never_costs_more_than_its_fills_one_by_one(sales: list[tuple[int, int]]) -> None:
    accrued, each = Accrued(), 0
    for shares, price in sales:
        dues = share_dues(RATES, SHARE, shares, price, sells=True)
        accrued.add(dues)
        each += sum(fee.femtos for fee in rounded(dues))
        assert sum(due.billionths for due in dues) <= sum(fee.femtos for fee in rounded(dues)) * 10**9
    assert accrued.femtos <= each
    assert accrued.femtos % CENT == 0


def test_the_venue_keeps_a_part_of_what_is_received_for_coins() -> None:
    assert coin_fee(RATES, 10**9, is_maker=False) == 2_500_000
    assert coin_fee(RATES, 10**9, is_maker=True) == 1_500_000
    assert coin_fee(RATES, 1, is_maker=True) == 1  # rounded up
    assert coin_cash_fee(RATES, 1_000 * DOLLAR, is_maker=False) == 2_500 * DOLLAR // 1_000
    assert coin_cash_fee(RATES, 1, is_maker=False) == DOLLAR // 10**9  # a billionth of a dollar


def test_a_rate_of_nothing_charges_nothing() -> None:
    free = FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal("8.30"))
    assert share_dues(free, SHARE, 10, 10**8, sells=True) == ()
    assert coin_fee(free, 10**9, is_maker=False) == 0


@pytest.mark.parametrize("name", FeeSchedule.__struct_fields__)
def test_a_negative_rate_is_refused(name: str) -> None:
    rates = {"sec_rate": Decimal(0), "taf_rate": Decimal(0), "taf_cap": Decimal(0)} | {name: Decimal(-1)}
    with pytest.raises(BadValue, match=f"{name}: expected a number of at least 0"):
        FeeSchedule(**rates)
