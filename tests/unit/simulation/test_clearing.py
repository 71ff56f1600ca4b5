"""Fees at their fill or at the day's end, interest over night, and executions that are taken back."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    CoinFeePosted,
    FeePosted,
    FillPosted,
    Habits,
    InterestKind,
    InterestPosted,
)
from agenttrader.simulation.ledger import BANK, CASH, LENDERS, VENUE
from agenttrader.simulation.listings import CENT, DOLLAR
from agenttrader.simulation.orders import Execution, OrderType
from agenttrader.testing.venue_days import House

RATES: dict[str, Decimal] = {
    "sec_rate": Decimal("0.0000278"),
    "taf_rate": Decimal("0.000166"),
    "taf_cap": Decimal("8.30"),
}
FEES = FeeSchedule(**RATES)
COIN_FEES = FeeSchedule(**RATES, crypto_maker_rate=Decimal("0.0015"), crypto_taker_rate=Decimal("0.0025"))
NIGHTS = FeeSchedule(
    sec_rate=Decimal(0),
    taf_rate=Decimal(0),
    taf_cap=Decimal(0),
    margin_rate=Decimal("0.0720"),
    hard_borrow_rate=Decimal("0.36"),
)
LATE = Habits(late_fees=True)


def fees(made: House) -> list[tuple[str, int]]:
    return [(fee.name, fee.femtos // CENT) for fee in made.posted(FeePosted)]


def test_each_fee_is_taken_at_its_fill_and_names_it() -> None:
    made = House(fees=FEES)
    made.trade(10)
    made.trade(-10)
    assert fees(made) == [("REG", 3), ("TAF", 1)]
    fill = made.posted(FillPosted)[-1]
    assert [fee.execution for fee in made.posted(FeePosted)] == [fill.execution, fill.execution]
    assert made.books.ledger.cash("a") == 10_000 * DOLLAR - 4 * CENT


def test_late_fees_are_the_days_sum_and_due_until_then() -> None:
    made = House(fees=FEES, habits=LATE)
    for _ in range(3):
        made.trade(10)
        made.trade(-10)
    assert fees(made) == []
    assert made.books.accrued_fees("a") == 10 * CENT
    assert made.books.ledger.cash("a") == 10_000 * DOLLAR
    assert made.books.buying_power("a") == 10_000 * DOLLAR - 10 * CENT
    made.next_day()
    assert fees(made) == [("REG", 9), ("TAF", 1)]
    assert [(fee.order, fee.execution) for fee in made.posted(FeePosted)] == [(None, None)] * 2
    assert made.books.accrued_fees("a") == 0
    assert made.books.ledger.cash("a") == made.books.buying_power("a") == 10_000 * DOLLAR - 10 * CENT
    made.next_day()
    assert len(fees(made)) == 2


def test_the_venue_keeps_coins_of_a_purchase_and_cash_of_a_sale() -> None:
    made = House(fees=COIN_FEES)
    made.trade(10, "BTC/USD")
    assert made.books.ledger.lots("a", "BTC/USD") == 9_975_000_000
    assert made.books.ledger.balances[VENUE]["BTC/USD"] == 25_000_000
    assert made.books.ledger.cost("a", "BTC/USD") == 99_750 * DOLLAR // 100
    posted = made.posted(CoinFeePosted)
    assert [(fee.lots, fee.order.symbol) for fee in posted] == [(25_000_000, "BTC/USD")]
    made.trade("-9.975", "BTC/USD")
    assert fees(made) == [("CFEE", 249)]
    assert made.posted(FeePosted)[0].femtos == 249_375 * DOLLAR // 100_000
    assert made.books.ledger.cash("a") == 10_000 * DOLLAR - 1_000 * DOLLAR + 99_500_625 * DOLLAR // 100_000


def test_a_limit_order_that_fills_at_its_limit_made_the_price() -> None:
    made = House(fees=COIN_FEES)
    made.ask(10, "BTC/USD", type=OrderType.LIMIT, limit_price=Decimal(95))
    made.trade_at({"BTC/USD": 100}, low=94)
    assert made.books.ledger.lots("a", "BTC/USD") == 9_985_000_000
    made.ask(10, "BTC/USD", type=OrderType.LIMIT, limit_price=Decimal(95))
    made.trade_at({"BTC/USD": 90})  # better than its limit, at the open
    assert made.books.ledger.lots("a", "BTC/USD") == 9_985_000_000 + 9_975_000_000


def test_late_coin_fees_are_kept_at_once_and_posted_at_the_days_end() -> None:
    made = House(fees=COIN_FEES, habits=LATE)
    made.trade(10, "BTC/USD")
    made.trade(-5, "BTC/USD")
    assert made.books.ledger.lots("a", "BTC/USD") == 4_975_000_000
    assert made.posted(CoinFeePosted) == fees(made) == []
    made.next_day()
    assert [fee.lots for fee in made.posted(CoinFeePosted)] == [25_000_000]
    assert fees(made) == [("CFEE", 125)]
    assert made.books.ledger.lots("a", "BTC/USD") == 4_975_000_000


def interest(made: House) -> list[tuple[Any, ...]]:
    return [(each.kind, each.symbol, each.femtos, each.nights) for each in made.posted(InterestPosted)]


def test_interest_begins_when_the_purchase_has_settled_and_counts_every_night() -> None:
    made = House(fees=NIGHTS, multiplier=2)
    made.trade(150)
    made.next_day()
    assert interest(made) == []
    made.next_day()
    assert interest(made) == [(InterestKind.MARGIN, None, DOLLAR, 1)]
    made.next_day()  # over the weekend
    assert interest(made)[1:] == [(InterestKind.MARGIN, None, 300 * CENT, 3)]
    assert made.books.ledger.balances[BANK][CASH] == -10_000 * DOLLAR + 400 * CENT


def test_what_is_bought_and_sold_within_a_day_costs_no_interest() -> None:
    made = House(fees=NIGHTS, multiplier=2)
    made.trade(150)
    made.trade(-150)
    made.next_day()
    made.next_day()
    assert interest(made) == []


def test_a_sale_ends_the_interest_when_it_has_settled() -> None:
    made = House(fees=NIGHTS, multiplier=2)
    made.trade(150)
    made.next_day()
    made.trade(-150)
    made.next_day()
    assert interest(made) == [(InterestKind.MARGIN, None, DOLLAR, 1)]
    made.next_day()
    assert len(interest(made)) == 1


def test_what_is_hard_to_borrow_costs_by_the_night_and_the_hundred() -> None:
    made = House(fees=NIGHTS)
    made.trade(-1, "HARD")
    made.trade(-1, "ABC")
    made.next_day()
    assert interest(made) == []
    made.trade(1, "HARD")
    made.next_day()
    assert interest(made) == [(InterestKind.BORROW, "HARD", 10 * DOLLAR, 1)]
    assert made.books.ledger.balances[LENDERS][CASH] == 10 * DOLLAR
    made.next_day()
    assert len(interest(made)) == 1


def test_a_session_without_a_date_is_refused() -> None:
    settings = House().exchange.settings
    undated = replace(settings, sessions=(replace(settings.sessions[0], date="Friday"),))
    with pytest.raises(BadValue, match="expected a date for each"):
        Exchange(undated)


def test_the_days_end_leaves_equity_and_requirement_to_the_next() -> None:
    made = House(multiplier=2)
    made.trade(100)
    made.trade_at({"ABC": 110})
    made.next_day()
    day = made.books.days["a"]
    assert (day.last_equity, day.last_maintenance) == (11_000 * DOLLAR, 3_300 * DOLLAR)


@pytest.fixture
def busted() -> tuple[House, Any]:
    made = House(fees=FEES, settled_cash=True)
    made.trade(10)
    made.trade(-4, price=110)
    return made, made.posted(FillPosted)[-1]


def test_a_bust_takes_the_execution_back_and_leaves_its_fees(busted: tuple[House, Any]) -> None:
    made, fill = busted
    made.exchange.clearing.bust(fill.order, fill.execution)
    assert made.books.ledger.lots("a", "ABC") == 10
    assert made.books.ledger.cost("a", "ABC") == 1_000 * DOLLAR
    assert made.books.ledger.cash("a") == 9_000 * DOLLAR - 3 * CENT
    assert made.books.buying_power("a") == 9_000 * DOLLAR - 3 * CENT


def test_a_correction_changes_what_was_paid(busted: tuple[House, Any]) -> None:
    made, fill = busted
    old = fill.execution
    corrected = Execution(id="corrected", lots=old.lots, price=105 * 10**6, time=Instant(old.time))
    made.exchange.clearing.correct(fill.order, old, corrected)
    assert made.books.ledger.lots("a", "ABC") == 6
    assert made.books.ledger.cash("a") == 9_420 * DOLLAR - 3 * CENT
    assert made.books.buying_power("a") == 9_000 * DOLLAR - 3 * CENT


@pytest.mark.parametrize("habits", (Habits(), LATE))
def test_a_busted_purchase_of_coins_gives_back_what_was_kept_of_it(habits: Habits) -> None:
    made = House(fees=COIN_FEES, habits=habits)
    made.trade(10, "BTC/USD")
    fill = made.posted(FillPosted)[-1]
    corrected = Execution(id="corrected", lots=10**10, price=90 * 10**6, time=Instant(0))
    made.exchange.clearing.correct(fill.order, fill.execution, corrected)
    assert made.books.ledger.cost("a", "BTC/USD") == 89_775 * CENT
    made.exchange.clearing.bust(fill.order, corrected)
    made.next_day()
    assert made.books.ledger.lots("a", "BTC/USD") == 0
    assert made.books.ledger.balances[VENUE]["BTC/USD"] == 0
    assert made.books.ledger.cash("a") == 10_000 * DOLLAR
    assert made.posted(CoinFeePosted) == []
