"""Interest and borrow fees, with the numbers of the broker's page."""

from decimal import Decimal

from agenttrader.simulation.borrowing import borrow_fee, margin_interest
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.listings import CENT, DOLLAR, Listing

RATES = FeeSchedule(
    sec_rate=Decimal(0),
    taf_rate=Decimal(0),
    taf_cap=Decimal(0),
    margin_rate=Decimal("0.065"),
    easy_borrow_rate=Decimal("0.025"),
    hard_borrow_rate=Decimal("0.36"),
)
EASY = Listing(symbol="EASY", tick=Decimal("0.01"), lot=Decimal(1))
HARD = Listing(symbol="HARD", tick=Decimal("0.01"), lot=Decimal(1), easy_to_borrow=False)
PRICE = 205 * 10**6


def test_interest_is_a_years_rate_over_360_days_for_each_night() -> None:
    assert margin_interest(RATES, -5_000 * DOLLAR, 1) == 90 * CENT
    assert margin_interest(RATES, -5_000 * DOLLAR, 3) == 271 * CENT
    assert margin_interest(RATES, 5_000 * DOLLAR, 3) == 0


def test_one_share_is_borrowed_for_the_price_of_a_hundred() -> None:
    assert borrow_fee(RATES, EASY, -1, PRICE, 1) == 142 * CENT
    assert borrow_fee(RATES, EASY, -100, PRICE, 1) == 142 * CENT
    assert borrow_fee(RATES, EASY, -101, PRICE, 1) == 285 * CENT
    assert borrow_fee(RATES, HARD, -100, 100 * 10**6, 1) == 10 * DOLLAR
    assert borrow_fee(RATES, HARD, 100, 100 * 10**6, 1) == 0
