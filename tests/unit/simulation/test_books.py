"""What an account may spend, with leverage and without, and that no order gives it more."""

from collections import Counter
from decimal import Decimal
from typing import Any, assert_never

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    CoinFeePosted,
    CorporateActionKind,
    DividendPosted,
    FeePosted,
    FillPosted,
    Habits,
    InterestPosted,
    SplitPosted,
)
from agenttrader.simulation.ledger import CASH
from agenttrader.simulation.listings import DOLLAR
from agenttrader.simulation.option_events import OptionPosted
from agenttrader.simulation.orders import OrderType, Reason
from agenttrader.testing.venue_days import DATES, House

SHARES = ("ABC", "XYZ", "PINK", "HARD")
SYMBOLS = (*SHARES, "BTC/USD")


def dollars(femtos: int) -> float:
    return femtos / DOLLAR


def reason(made: House, quantity: int | str, symbol: str = "ABC", **changes: Any) -> Reason | None:
    refusal = made.ask(quantity, symbol, **changes).refusal
    return None if refusal is None else refusal.reason


def test_half_of_what_is_bought_may_be_borrowed() -> None:
    made = House(multiplier=2)
    assert dollars(made.books.buying_power("a")) == 20_000
    assert reason(made, 201) is Reason.FORBIDDEN
    made.trade(150)
    assert dollars(made.books.ledger.cash("a")) == -5_000
    assert dollars(made.books.initial_margin("a")) == 7_500
    assert dollars(made.books.maintenance_margin("a")) == 4_500
    assert dollars(made.books.regt_buying_power("a")) == 5_000
    made.trade_at({"ABC": 120})
    assert dollars(made.books.equity("a")) == 13_000
    assert dollars(made.books.buying_power("a")) == 8_000


def test_a_short_sale_needs_half_of_its_value_besides_its_proceeds() -> None:
    made = House(multiplier=2)
    made.trade(-100)
    assert dollars(made.books.ledger.cash("a")) == 20_000
    assert dollars(made.books.buying_power("a")) == 10_000
    assert dollars(made.books.maintenance_margin("a")) == 3_000
    made.trade_at({"ABC": 110})
    assert dollars(made.books.equity("a")) == 9_000
    assert dollars(made.books.buying_power("a")) == 7_000


def test_what_is_not_marginable_is_bought_with_ones_own_cash() -> None:
    made = House(multiplier=2)
    assert reason(made, 101, "PINK") is Reason.FORBIDDEN
    assert reason(made, "100.1", "BTC/USD") is Reason.FORBIDDEN
    made.trade(60, "PINK")
    assert dollars(made.books.non_marginable_buying_power("a")) == 4_000
    assert dollars(made.books.initial_margin("a")) == 6_000
    assert dollars(made.books.buying_power("a")) == 8_000
    made.trade(20)
    assert dollars(made.books.non_marginable_buying_power("a")) == 2_000
    assert reason(made, 21, "PINK") is Reason.FORBIDDEN
    assert reason(made, 20, "PINK") is None


def test_within_a_day_four_times_the_equity_and_over_night_twice() -> None:
    made = House(multiplier=4)
    assert dollars(made.books.daytrading_buying_power("a")) == 40_000
    made.trade(300)
    assert dollars(made.books.daytrading_buying_power("a")) == 10_000
    assert dollars(made.books.regt_buying_power("a")) == 0
    assert dollars(made.books.buying_power("a")) == 10_000
    assert reason(made, 101, "XYZ") is Reason.FORBIDDEN
    made.trade(-300, price=101)
    assert dollars(made.books.daytrading_buying_power("a")) == 40_000
    made.trade(150)
    made.next_day()
    assert dollars(made.books.daytrading_buying_power("a")) == 4 * (10_300 - 4_500)


def test_what_is_left_from_the_day_before_gives_nothing_back_today() -> None:
    made = House(multiplier=4)
    made.trade(200)
    made.next_day()
    assert dollars(made.books.daytrading_buying_power("a")) == 16_000
    made.trade(-200)
    assert dollars(made.books.daytrading_buying_power("a")) == 16_000
    assert dollars(made.books.regt_buying_power("a")) == 20_000
    assert dollars(made.books.buying_power("a")) == 20_000
    assert reason(made, 161) is Reason.FORBIDDEN
    assert reason(made, 160) is None


@pytest.mark.parametrize("multiplier", (2, 4))
def test_with_too_little_equity_there_is_neither_leverage_nor_short_selling(multiplier: int) -> None:
    made = House(multiplier=multiplier, cash=Decimal("1999.99"))
    assert made.books.leverage("a") == 1
    assert dollars(made.books.buying_power("a")) == 1_999.99
    assert reason(made, -1) is Reason.FORBIDDEN
    enough = House(multiplier=multiplier, cash=Decimal(2_000))
    assert enough.books.leverage("a") == multiplier
    assert reason(enough, -1) is None


def test_under_the_rule_on_day_traders_four_times_needs_as_much_as_they_do() -> None:
    assert House(multiplier=4, day_trade_rule=True).books.leverage("a") == 2
    assert House(multiplier=4, day_trade_rule=True, cash=Decimal(25_000)).books.leverage("a") == 4


def test_an_order_sets_aside_what_it_still_needs() -> None:
    made = House(multiplier=2)
    made.ask(50, type=OrderType.LIMIT, limit_price=Decimal(80))
    assert dollars(made.books.buying_power("a")) == 16_000
    made.ask(-10, "XYZ", type=OrderType.LIMIT, limit_price=Decimal(90))
    assert dollars(made.books.buying_power("a")) == 15_000  # the last price, because it is above the limit
    made.ask(10, "PINK", type=OrderType.LIMIT, limit_price=Decimal(90))
    assert dollars(made.books.buying_power("a")) == 13_200  # its whole value, where another needs half


def test_settled_cash_alone_may_be_spent_where_the_account_says_so() -> None:
    for settled_cash, spendable in ((True, 0), (False, 10_000)):
        made = House(settled_cash=settled_cash)
        made.trade(100)
        made.trade(-100)
        assert dollars(made.books.ledger.cash("a")) == 10_000
        assert dollars(made.books.buying_power("a")) == spendable
        made.next_day()
        assert dollars(made.books.buying_power("a")) == 10_000


def test_a_coin_cannot_be_sold_short() -> None:
    assert reason(House(multiplier=2), "-0.5", "BTC/USD") is Reason.FORBIDDEN


@st.composite
def acts(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Orders of any size, prices that move, days that end, splits and dividends."""
    symbol, share = st.sampled_from(SYMBOLS), st.sampled_from(SHARES)
    quantity, price = st.integers(-90, 90).filter(bool), st.integers(80, 120)
    act = st.one_of(
        st.tuples(st.just("trade"), symbol, quantity, price),
        st.tuples(st.just("trade"), symbol, quantity, price),
        st.tuples(st.just("rest"), symbol, quantity),
        st.just(("day",)),
        st.tuples(st.just("split"), share, st.integers(1, 5), st.integers(1, 5)),
        st.tuples(st.just("dividend"), share, st.integers(1, 5)),
    )
    return draw(st.lists(act, min_size=3, max_size=25))


def ask(made: House, quantity: int, symbol: str, **changes: Any) -> None:
    """An order, which must not give buying power, whether it is taken or not."""
    power = made.books.buying_power("a"), made.books.non_marginable_buying_power("a")
    made.ask(quantity, symbol, **changes)
    assert made.books.buying_power("a") <= power[0]
    assert made.books.non_marginable_buying_power("a") <= power[1]


def perform(made: House, act: tuple[Any, ...]) -> None:
    match act:
        case ("trade", symbol, quantity, price):
            ask(made, quantity, symbol)
            made.trade_at({symbol: price})
        case ("rest", symbol, quantity):
            ask(made, quantity, symbol, type=OrderType.LIMIT, limit_price=Decimal(100))
        case _ if made.day == len(DATES) - 2:  # the last is for the end of the test
            return
        case ("split", symbol, new, old):
            made.act(CorporateActionKind.SPLIT, symbol, new_rate=Decimal(new), old_rate=Decimal(old))
        case ("dividend", symbol, cash):
            made.act(CorporateActionKind.CASH_DIVIDEND, symbol, cash=Decimal(cash))
        case _:
            made.next_day()


def explained(made: House) -> tuple[int, dict[str, int]]:
    """The cash and the holdings that follow from the account's activities alone."""
    cash, lots = int(made.exchange.accounts["a"].cash) * DOLLAR, Counter[str]()
    for posted in made.exchange.activities["a"]:
        match posted:
            case FillPosted():
                signed = posted.execution.lots * posted.order.side.sign
                lots[posted.order.symbol] += signed
                cash -= made.books.listings[posted.order.symbol].notional(posted.execution.price, signed)
            case CoinFeePosted():
                lots[posted.order.symbol] -= posted.lots
            case FeePosted() | InterestPosted():
                cash -= posted.femtos
            case DividendPosted():
                cash += posted.femtos
            case SplitPosted():
                assert lots[posted.symbol] == posted.lots_before
                lots[posted.symbol] = posted.lots_after
                cash += posted.femtos
            case OptionPosted():
                lots[posted.symbol] += posted.lots
                cash += posted.femtos
            case _:
                assert_never(posted)
    return cash, {symbol: held for symbol, held in lots.items() if held}


OPENINGS: tuple[dict[str, Any], ...] = (
    {"multiplier": 1},
    {"multiplier": 1, "settled_cash": True},
    {"multiplier": 2},
    {"multiplier": 4},
    {"multiplier": 4, "day_trade_rule": True, "cash": Decimal(30_000)},
)
COSTLY = FeeSchedule(
    sec_rate=Decimal("0.0000278"),
    taf_rate=Decimal("0.000166"),
    taf_cap=Decimal("8.30"),
    cat_rate=Decimal("0.000046"),
    crypto_maker_rate=Decimal("0.0015"),
    crypto_taker_rate=Decimal("0.0025"),
    margin_rate=Decimal("0.065"),
    easy_borrow_rate=Decimal("0.003"),
    hard_borrow_rate=Decimal("0.25"),
)


@settings(max_examples=100, deadline=None)
@given(acts(), st.sampled_from(OPENINGS), st.booleans().map(lambda late: Habits(late_fees=late)))
def test_whatever_is_done_the_books_balance_and_no_order_gives_buying_power(
    told: list[tuple[Any, ...]], opening: dict[str, Any], habits: Habits
) -> None:
    made = House(fees=COSTLY, habits=habits, **opening)
    books = made.books
    for act in told:
        perform(made, act)
        for asset in (CASH, *SYMBOLS):
            assert sum(held.get(asset, 0) for held in books.ledger.balances.values()) == 0
        held = sum(books.value("a", symbol) for symbol in SYMBOLS)
        assert books.equity("a") == books.ledger.cash("a") + held
        assert books.equity("a") == books.ledger.cash("a") + books.long_value("a") + books.short_value("a")
        assert min(books.buying_power("a"), books.daytrading_buying_power("a")) >= 0
        assert books.non_marginable_buying_power("a") <= max(books.ledger.cash("a"), 0)
        assert books.ledger.lots("a", "BTC/USD") >= 0
    made.next_day()
    again = made.replayed()
    assert again.activities == made.exchange.activities
    assert again.books.ledger.balances == books.ledger.balances
    cash, lots = explained(made)
    assert books.ledger.cash("a") == cash
    assert {symbol: books.ledger.lots("a", symbol) for symbol in books.ledger.symbols("a")} == lots
