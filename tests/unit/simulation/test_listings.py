"""Prices, quantities and cash as integers: exact both ways, and bounded."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import BadValue
from agenttrader.simulation.listings import INT64_MAX, NANO, PRICE_MAX, Listing, money, nanos_of

SHARE = Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1))


@given(st.integers(1, PRICE_MAX * 10**6), st.integers(1, SHARE.lots_max))
def test_no_product_is_rounded_and_none_leaves_64_bits(units: int, lots: int) -> None:
    assert units * lots <= INT64_MAX
    assert SHARE.notional(units, lots) == units * Decimal("0.000001") * lots * NANO
    assert SHARE.units(SHARE.price(units), "price") == units


@pytest.mark.parametrize(
    ("listing", "found"),
    (
        ({"tick": Decimal(0)}, "ABC.tick: expected a number above 0"),
        ({"tick": Decimal("0.0000001")}, "ABC.tick: expected a multiple of 0.000001"),
        ({"lot": Decimal("0.0001")}, "ABC.lot: expected a lot whose value"),
        ({"decimals": 13, "lot": Decimal(10_000)}, "decimals: expected from 0"),
        ({"decimals": -1}, "decimals: expected from 0"),
    ),
)
def test_a_listing_that_could_round_or_overflow_is_refused(listing: dict[str, Decimal], found: str) -> None:
    with pytest.raises(BadValue, match=found):
        Listing(**({"symbol": "ABC", "tick": Decimal("0.01"), "lot": Decimal(1)} | listing))  # type: ignore[arg-type]


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
    assert crypto.nanos_of_quantity(1_250) == 1_250_000_000


@pytest.mark.parametrize("quantity", ("0", "-1", "0.5", "9223373"))
def test_an_orders_quantity_must_be_whole_lots_and_not_too_many(quantity: str) -> None:
    with pytest.raises(BadValue, match="qty: expected"):
        SHARE.order_lots(Decimal(quantity), "qty")


def test_numbers_are_written_as_people_write_them() -> None:
    assert str(SHARE.price(100_000_000)) == "100.00"
    assert str(SHARE.price(100_012_500)) == "100.0125"
    assert str(SHARE.average(1_000 * NANO, 10)) == "100.00"
    assert str(SHARE.average(1_000 * NANO, 3)) == "333.333333333"
    assert str(money(100_000 * NANO)) == "100000.00"
    assert str(money(-12_500_000)) == "-0.0125"
    assert nanos_of(Decimal("0.01"), "cash") == NANO // 100
