"""What stands behind a holding, by the table of the broker's page."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.simulation.listings import CENT, DOLLAR, PRICE_MAX, AssetClass, Listing
from agenttrader.simulation.margin import initial, is_concentrated, maintenance

SHARE = Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1))
PINK = Listing(symbol="PINK", tick=Decimal("0.01"), lot=Decimal(1), marginable=False)
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


def test_half_of_what_is_marginable_and_all_of_what_is_not_is_ones_own() -> None:
    assert initial(SHARE, 1_001 * DOLLAR) == 500 * DOLLAR + 50 * CENT
    assert initial(SHARE, 1) == 1
    assert initial(PINK, 1_001 * DOLLAR) == 1_001 * DOLLAR


@pytest.mark.parametrize(
    ("price", "shares", "dollars"),
    (
        ("2.49", 100, "249"),
        ("2.50", 100, "125"),
        ("6.00", 100, "300"),
        ("6.01", 100, "180.30"),
        ("100", 10, "300"),
        ("1.00", -100, "250"),  # 2.50 each is more than its price
        ("4.00", -100, "400"),  # the whole price is more than 2.50
        ("5.00", -100, "500"),  # 5.00 each is more than 30 %
        ("16.00", -100, "500"),
        ("17.00", -100, "510"),
    ),
)
def test_the_table_for_the_night(price: str, shares: int, dollars: str) -> None:
    needed = maintenance(SHARE, SHARE.units(Decimal(price), "price"), shares)
    assert needed == int(Decimal(dollars) * 100) * CENT
    lots = shares * 10**9
    assert maintenance(FRACTIONAL, FRACTIONAL.units(Decimal(price), "price"), lots) == needed


def test_what_is_not_marginable_stands_for_itself() -> None:
    assert maintenance(COIN, 10**8, 10**9) == 100 * DOLLAR
    assert maintenance(PINK, 10**8, 1) == 100 * DOLLAR


def test_one_holding_that_is_nearly_all_on_borrowed_money_needs_half() -> None:
    assert is_concentrated(70, 100, -100_000 * DOLLAR)
    assert not is_concentrated(69, 100, -100_000 * DOLLAR)
    assert not is_concentrated(100, 100, -100_000 * DOLLAR + 1)
    assert maintenance(SHARE, 10**8, 10, concentrated=True) == 500 * DOLLAR


@given(
    st.integers(1, PRICE_MAX * 10**6),
    st.integers(-(10**6), 10**6).filter(bool),
    st.sampled_from([SHARE, PINK, FRACTIONAL]),
)
def test_a_requirement_is_never_below_the_regulators(price: int, lots: int, listing: Listing) -> None:
    """FINRA 4210: a quarter of what is long, 30 % of what is short."""
    value = listing.notional(price, abs(lots))
    percent = 25 if lots > 0 else 30
    assert 100 * maintenance(listing, price, lots) >= percent * value
    assert 2 * initial(listing, value) >= value
