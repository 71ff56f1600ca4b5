"""Prices, quantities and cash as integers: exact both ways, and bounded."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import BadValue
from agenttrader.simulation.listings import (
    CENT,
    DOLLAR,
    PRICE_MAX,
    QUANTITY_MAX,
    AssetClass,
    Listing,
    femtos_of,
    money,
    round_half_even,
)

SHARE = Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1))


FRACTIONAL = Listing(symbol="FRAC", tick=Decimal("0.01"), lot=Decimal(1), fractionable=True)
COIN = Listing(
    symbol="BTC/USD",
    tick=Decimal("0.01"),
    lot=Decimal("0.0001"),
    asset_class=AssetClass.CRYPTO,
    fractionable=True,
    shortable=False,
    marginable=False,
)


@given(st.integers(1, PRICE_MAX * 10**6), st.integers(1, SHARE.lots_max))
def test_no_product_is_rounded(units: int, lots: int) -> None:
    assert Fraction(money(SHARE.notional(units, lots))) == Fraction(units * lots, 10**6)
    assert SHARE.units(SHARE.price(units), "price") == units


@given(st.integers(1, PRICE_MAX * 10**6), st.integers(1, FRACTIONAL.lots_max))
def test_no_product_of_a_fraction_is_rounded(units: int, lots: int) -> None:
    notional = FRACTIONAL.notional(units, lots)
    assert Fraction(money(notional)) == Fraction(units, 10**6) * Fraction(lots, 10**9)
    assert FRACTIONAL.lots_worth(notional, units) == lots
    assert FRACTIONAL.lots_worth(notional - 1, units) == lots - 1
    assert FRACTIONAL.order_lots(FRACTIONAL.quantity(lots), "qty") == lots


@pytest.mark.parametrize(
    ("listing", "found"),
    (
        ({"tick": Decimal(0)}, "ABC.tick: expected a number above 0"),
        ({"tick": Decimal("0.0000001")}, "ABC.tick: expected a multiple of 0.000001"),
        ({"lot": Decimal("1e-9"), "decimals": 7}, "ABC.lot: expected a lot whose value"),
        ({"decimals": 10}, "decimals: expected from 0"),
        ({"asset_class": AssetClass.CRYPTO}, "expected a coin to be fractionable"),
        ({"decimals": -1}, "decimals: expected from 0"),
    ),
)
def test_a_listing_that_could_round_is_refused(listing: dict[str, Any], found: str) -> None:
    with pytest.raises(BadValue, match=found):
        Listing(**{"symbol": "ABC", "tick": Decimal("0.01"), "lot": Decimal(1), **listing})


@pytest.mark.parametrize(
    ("price", "found"),
    (("0", "above 0"), ("-1", "above 0"), ("1.0000001", "at most 6"), ("1000001", "at most")),
)
def test_an_observed_price_that_does_not_fit_is_refused(price: str, found: str) -> None:
    with pytest.raises(BadValue, match=found):
        SHARE.units(Decimal(price), "open")


def test_an_orders_price_must_lie_on_a_tick_but_for_a_floats_noise() -> None:
    assert SHARE.order_units(Decimal("100.10000000000001"), "limit_price") == 100_100_000
    with pytest.raises(BadValue, match=r"limit_price: expected a multiple of 0.01, found 100.105"):
        SHARE.order_units(Decimal("100.105"), "limit_price")


@given(st.decimals(min_value=0, max_value=200, places=5, allow_nan=False))
def test_a_price_is_taken_as_whole_units_or_not_at_all(price: Decimal) -> None:
    coarse = Listing(symbol="ABC", tick=Decimal("0.05"), lot=Decimal(1), decimals=3)
    if price > 0 and price % Decimal("0.001") == 0:
        assert coarse.units(price, "open") * Decimal("0.001") == price
    else:
        with pytest.raises(BadValue):
            coarse.units(price, "open")
    if price > 0 and price % Decimal("0.05") == 0:
        assert coarse.order_units(price, "limit_price") == coarse.units(price, "limit_price")
    else:
        with pytest.raises(BadValue):
            coarse.order_units(price, "limit_price")


@pytest.mark.parametrize("number", ("NaN", "sNaN", "Infinity", "-Infinity", "1e999999", "1e-1000020"))
def test_a_number_that_is_none_or_of_no_sane_size_is_refused(number: str) -> None:
    for refuse in (SHARE.units, SHARE.order_units, SHARE.order_lots):
        with pytest.raises(BadValue, match="expected"):
            refuse(Decimal(number), "number")


def test_a_quantity_is_whole_lots() -> None:
    crypto = Listing(symbol="BTC/USD", tick=Decimal("0.01"), lot=Decimal("0.001"))
    assert crypto.order_lots(Decimal("1.250"), "qty") == 1_250
    assert crypto.order_lots(Decimal("0.00300000000000000001"), "qty") == 3
    assert crypto.billionths(1_250) == 1_250_000_000


@pytest.mark.parametrize("quantity", ("0", "-1", "0.5", "10000001"))
def test_an_orders_quantity_must_be_whole_lots_and_not_too_many(quantity: str) -> None:
    with pytest.raises(BadValue, match="qty: expected"):
        SHARE.order_lots(Decimal(quantity), "qty")


def test_numbers_are_written_as_people_write_them() -> None:
    assert str(SHARE.price(100_000_000)) == "100.00"
    assert str(SHARE.price(100_012_500)) == "100.0125"
    assert str(SHARE.average(1_000 * DOLLAR, 10)) == "100.00"
    assert str(SHARE.average(1_000 * DOLLAR, 3)) == "333.333333333"
    assert str(money(100_000 * DOLLAR)) == "100000.00"
    assert str(money(-DOLLAR // 80)) == "-0.0125"
    assert femtos_of(Decimal("0.01"), "cash") == CENT


def test_a_fraction_is_counted_in_billionths_and_written_short() -> None:
    assert FRACTIONAL.order_lots(Decimal("0.5"), "qty") == 500_000_000
    assert [f"{FRACTIONAL.quantity(lots):f}" for lots in (10**10, 5 * 10**8, 1)] == [
        "10",
        "0.5",
        "0.000000001",
    ]
    assert [FRACTIONAL.is_whole(lots) for lots in (10**10, 5 * 10**8)] == [True, False]
    assert SHARE.is_whole(7)
    assert COIN.is_whole(100_000)
    assert not COIN.is_whole(100_001)
    assert str(COIN.quantity(100_000)) == "0.0001"
    assert COIN.lots_max == QUANTITY_MAX * 10**9


def test_a_price_is_put_on_the_tick_below() -> None:
    assert [SHARE.tick_below(units) for units in (20_009_999, 20_010_000, 9_999)] == [
        20_000_000,
        20_010_000,
        10_000,
    ]


def test_money_is_written_exactly_however_large() -> None:
    assert f"{money(10**31 + 1):f}" == "10000000000000000.000000000000001"
    assert f"{money(-1):f}" == "-0.000000000000001"
    assert str(money(0)) == "0.00"


@given(st.decimals(min_value=0, max_value=10**14, places=9, allow_nan=False))
def test_cash_is_the_same_both_ways(amount: Decimal) -> None:
    assert money(femtos_of(amount, "cash")) == amount


@given(st.integers(-(10**30), 10**30), st.integers(-(10**15), 10**15).filter(bool))
def test_a_quotient_is_rounded_as_decimals_are(numerator: int, denominator: int) -> None:
    whole = round_half_even(numerator, denominator)
    assert 2 * abs(numerator - whole * denominator) <= abs(denominator)
    if 2 * abs(numerator - whole * denominator) == abs(denominator):
        assert whole % 2 == 0
