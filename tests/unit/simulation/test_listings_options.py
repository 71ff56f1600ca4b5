"""Options as listings: a price for one share of a hundred, steps that widen, and what no option may be."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.model.errors import BadValue
from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.listings import DOLLAR, AssetClass, Listing, option_listing

CALL = OptionContract(underlying="ABC", expiration="2026-11-20", strike=Decimal(100), right=Right.CALL)
LISTING = option_listing(CALL)


def test_a_price_is_for_one_share_and_the_amount_for_a_hundred() -> None:
    units, lots = LISTING.order_units(Decimal("1.25"), "limit_price"), LISTING.order_lots(Decimal(3), "qty")
    assert LISTING.notional(units, lots) == 375 * DOLLAR
    assert LISTING.average(375 * DOLLAR, lots) == Decimal("1.25")
    assert LISTING.quantity(lots) == Decimal(3)


def test_prices_are_to_the_cent_below_three_and_to_five_cents_from_there() -> None:
    for price in ("0.01", "2.99", "3.00", "3.05"):
        assert LISTING.price(LISTING.order_units(Decimal(price), "limit_price")) == Decimal(price)
    for price in ("0.005", "3.01"):
        with pytest.raises(BadValue, match="limit_price: expected a multiple"):
            LISTING.order_units(Decimal(price), "limit_price")


def test_a_net_price_may_be_received_and_lies_on_a_cent() -> None:
    assert LISTING.price(LISTING.net_units(Decimal("-1.35"), "limit_price")) == Decimal("-1.35")
    assert LISTING.net_units(Decimal(0), "limit_price") == 0
    for price in ("-1.355", "NaN", "1000001"):
        with pytest.raises(BadValue, match="limit_price: expected"):
            LISTING.net_units(Decimal(price), "limit_price")


def test_contracts_are_whole() -> None:
    with pytest.raises(BadValue, match="qty: expected a multiple of 1"):
        LISTING.order_lots(Decimal("0.5"), "qty")


@pytest.mark.parametrize(
    "changes",
    (
        {"contract": None},
        {"symbol": "ABC"},
        {"asset_class": AssetClass.US_EQUITY},
        {"fractionable": True},
        {"shortable": True},
        {"marginable": True},
        {"lot": Decimal(10)},
        {"contract": replace(CALL, dear_tick=Decimal("0.015"))},
    ),
)
def test_what_no_option_can_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match="expected"):
        replace(LISTING, **changes)


def test_shares_have_no_contract_and_count_once() -> None:
    share = Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1))
    assert not share.is_option
    assert share.notional(share.order_units(Decimal("1.25"), "price"), 3) == DOLLAR * 375 // 100
