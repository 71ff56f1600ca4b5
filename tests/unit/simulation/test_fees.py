"""Fees against numbers worked out by hand."""

from decimal import Decimal

import pytest

from agenttrader.model.errors import BadValue
from agenttrader.simulation.fees import Fee, FeeSchedule, fees_of_sale
from agenttrader.simulation.listings import BILLION, CENT, DOLLAR

RATES = FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal("8.30"))


@pytest.mark.parametrize(
    ("notional", "shares", "sec", "taf"),
    (
        ("1000.00", 10, 3, 1),  # 0.0278 and 0.00166
        ("100000.00", 1_000, 278, 17),  # exactly 2.78; 0.166
        ("100000.01", 1_000, 279, 17),  # a hair above 2.78
        ("5000000.00", 50_000, 13_900, 830),  # exactly 8.30
        ("6000000.00", 60_000, 16_680, 830),  # 9.96, capped
    ),
)
def test_each_fee_is_rounded_up_to_the_cent_and_taf_is_capped(
    notional: str, shares: int, sec: int, taf: int
) -> None:
    fees = fees_of_sale(RATES, int(Decimal(notional) * DOLLAR), shares * BILLION)
    assert fees == (Fee("REG", sec * CENT), Fee("TAF", taf * CENT))


def test_a_rate_of_nothing_charges_nothing() -> None:
    free = FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal("8.30"))
    assert fees_of_sale(free, 1_000 * DOLLAR, 10 * BILLION) == ()


def test_a_negative_rate_is_refused() -> None:
    with pytest.raises(BadValue, match="taf_cap: expected a number of at least 0"):
        FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal(-1))
