"""What settles, and which trades are day trades: FINRA's own examples, and the broker's exceptions."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.simulation.listings import DOLLAR, AssetClass, Listing
from agenttrader.simulation.trading_days import TradingDay

ABC = Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1))
XYZ = Listing(symbol="XYZ", tick=Decimal("0.01"), lot=Decimal(1))
COIN = Listing(
    symbol="BTC/USD",
    tick=Decimal("0.01"),
    lot=Decimal(1),
    asset_class=AssetClass.CRYPTO,
    fractionable=True,
    shortable=False,
    marginable=False,
)
PRICE = 10**6
"""One dollar."""


def traded(day: TradingDay, *lots: int, held: int = 0, listing: Listing = ABC) -> None:
    for each in lots:
        day.trade(listing, held, each, PRICE)
        held += each


@pytest.mark.parametrize(
    ("lots", "count"),
    (
        ((250, 250, -500), 1),
        ((100, -100, 100, -100), 2),
        ((500, -100, -100, -300), 1),
        ((250, 300, 100, -150, -175), 1),
        ((199, 142, -1, 45, -100, -200), 2),
        ((-100, 100), 1),
        ((100, 100), 0),
        ((100, -200, 100), 2),  # the sale closes, and opens short; the purchase closes that
    ),
)
def test_day_trades_are_turns_from_opening_to_closing(lots: tuple[int, ...], count: int) -> None:
    day = TradingDay(0)
    traded(day, *lots)
    assert day.day_trades == count


def test_each_symbol_has_its_own() -> None:
    day = TradingDay(0)
    traded(day, 200, -100)
    traded(day, 100, -100, listing=XYZ)
    assert day.day_trades == 2
    assert day.symbols == {"ABC", "XYZ"}


def test_what_was_held_over_night_closes_without_one() -> None:
    day = TradingDay(0)
    traded(day, -50, held=100)
    assert (day.day_trades, day.may_close("ABC")) == (0, False)
    traded(day, 10, held=50)
    assert day.may_close("ABC")
    traded(day, -60, held=60)
    assert day.day_trades == 1


def test_day_trades_are_counted_for_five_days() -> None:
    day = TradingDay(0)
    found = []
    for _ in range(7):
        traded(day, 1, -1)
        found.append(day.day_trades)
        day.end(0, 0)
    assert found == [1, 2, 3, 4, 5, 5, 5]
    for _ in range(4):
        day.end(0, 0)
    assert day.day_trades == 0


def test_coins_are_not_counted_and_settle_at_once() -> None:
    day = TradingDay(0)
    traded(day, 10**9, -(10**9), listing=COIN)
    assert (day.day_trades, day.paid, day.proceeds, day.opened) == (0, 0, 0, 0)


def test_proceeds_settle_with_the_end_of_the_day() -> None:
    day = TradingDay(0)
    traded(day, 100, -40)
    assert (day.paid, day.proceeds, day.lots("ABC")) == (60 * DOLLAR, 40 * DOLLAR, 60)
    day.end(7, 3)
    assert (day.paid, day.proceeds, day.lots("ABC")) == (0, 0, 0)
    assert (day.last_equity, day.last_maintenance) == (7, 3)


def test_what_is_closed_gives_back_what_opening_it_today_cost() -> None:
    day = TradingDay(0)
    traded(day, 100, -25)
    assert day.opened == 75 * DOLLAR
    traded(day, -75, held=75)
    assert day.opened == 0
    traded(day, -100, held=100)
    assert day.opened == 0


def test_a_bust_takes_back_what_was_paid_and_received() -> None:
    day = TradingDay(0)
    traded(day, 100, -40)
    day.correct(ABC, 40, 40 * DOLLAR, is_sale=True)
    assert (day.paid, day.proceeds, day.lots("ABC")) == (100 * DOLLAR, 0, 100)
    day.correct(ABC, 0, -1 * DOLLAR, is_sale=False)
    assert (day.paid, day.proceeds, day.lots("ABC")) == (99 * DOLLAR, 0, 100)


@given(st.lists(st.integers(-20, 20).filter(bool), max_size=20))
def test_no_more_is_open_than_was_opened_and_nothing_when_flat(lots: list[int]) -> None:
    day, held, bought = TradingDay(0), 0, 0
    for each in lots:
        day.trade(ABC, held, each, PRICE)
        held += each
        bought += abs(each)
        assert 0 <= day.opened <= bought * DOLLAR
        assert day.opened == abs(held) * DOLLAR
        assert day.lots("ABC") == held
    assert day.paid == held * DOLLAR
