"""Average cost, long, short and across: every sum exact to the last digit."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.portfolio.holdings import FeeSchedule, Holding

D = Decimal
Trade = tuple[str, str]
"""A signed quantity and a price."""


def after(*trades: Trade, multiplier: str = "1") -> Holding:
    holding = Holding(D(multiplier))
    for quantity, price in trades:
        holding.trade(D(quantity), D(price), D(0))
    return holding


@pytest.mark.parametrize(
    ("trades", "quantity", "cost", "realised"),
    (
        ([("10", "100")], "10", "1000", "0"),
        ([("10", "100"), ("10", "110")], "20", "2100", "0"),
        ([("10", "100"), ("10", "110"), ("-5", "120")], "15", "1575", "75"),
        ([("10", "100"), ("10", "110"), ("-20", "120")], "0", "0", "300"),
        ([("10", "100"), ("-4", "90")], "6", "600", "-40"),
        ([("-10", "100")], "-10", "-1000", "0"),
        ([("-10", "100"), ("-10", "90")], "-20", "-1900", "0"),
        ([("-10", "100"), ("4", "90")], "-6", "-600", "40"),
        ([("-10", "100"), ("10", "130")], "0", "0", "-300"),
        ([("10", "100"), ("-15", "120")], "-5", "-600", "200"),
        ([("-10", "100"), ("15", "80")], "5", "400", "200"),
        ([("10", "100"), ("-10", "100"), ("-3", "50")], "-3", "-150", "0"),
    ),
)
def test_positions_cost_their_average_and_closing_realises_against_it(
    trades: list[Trade], quantity: str, cost: str, realised: str
) -> None:
    holding = after(*trades)
    assert (holding.quantity, holding.cost, holding.realised) == (D(quantity), D(cost), D(realised))


def test_a_multiplier_counts_in_cost_profit_and_value() -> None:
    holding = after(("2", "3.50"), ("-1", "4.00"), multiplier="100")
    assert holding.cost == D(350)
    assert holding.realised == D(50)
    assert holding.value(D("3.25")) == D(325)
    assert holding.unrealised(D("3.25")) == D(-25)
    assert holding.average_price() == D("3.5")


def test_the_average_price_has_no_sign_and_is_zero_when_flat() -> None:
    assert after(("-4", "25")).average_price() == D(25)
    assert after(("4", "25"), ("-4", "30")).average_price() == 0


def test_what_a_partial_close_rounds_off_stays_in_the_cost() -> None:
    holding = after(("3", "0.10"), ("-1", "0.10"), ("-1", "0.10"))
    assert holding.cost + holding.realised == D("0.10")
    whole = after(("3", "33.333333333"), ("-1", "40"))
    assert whole.cost == D("66.666666666")
    thirds = after(("1", "0.01"), ("2", "0.02"), ("-1", "0.02"))
    assert thirds.cost == D("0.033333333")
    assert thirds.realised == D("0.003333333")


def test_fees_add_up_and_touch_neither_cost_nor_profit() -> None:
    holding = Holding(D(1))
    holding.trade(D(10), D(100), D("0.01"))
    holding.trade(D(-10), D(101), D("0.04"))
    assert (holding.fees, holding.realised, holding.cost) == (D("0.05"), D(10), D(0))


quantities = st.decimals(-1_000, 1_000, places=6).filter(bool)
prices = st.decimals("0.0001", 5_000, places=6)
fees = st.decimals(0, 10, places=2)


@given(
    trades=st.lists(st.tuples(quantities, prices, fees), max_size=12),
    multiplier=st.sampled_from([D(1), D(100), D("0.1")]),
    mark=prices,
)
def test_cash_and_position_are_worth_what_was_made_less_fees(
    trades: list[tuple[Decimal, Decimal, Decimal]], multiplier: Decimal, mark: Decimal
) -> None:
    holding, paid = Holding(multiplier), Fraction(0)
    for quantity, price, fee in trades:
        holding.trade(quantity, price, fee)
        paid += Fraction(quantity) * Fraction(price) * Fraction(multiplier) + Fraction(fee)
    assert holding.quantity == sum(quantity for quantity, _, _ in trades)
    worth = Fraction(holding.value(mark)) - paid
    made = Fraction(holding.realised) + Fraction(holding.unrealised(mark)) - Fraction(holding.fees)
    assert worth == made


@given(trades=st.lists(st.tuples(quantities, prices), min_size=1, max_size=12))
def test_cost_has_the_sign_of_the_position_and_none_when_flat(
    trades: list[tuple[Decimal, Decimal]],
) -> None:
    holding = Holding(D(1))
    for quantity, price in trades:
        holding.trade(quantity, price, D(0))
        assert holding.cost * holding.quantity >= 0
        assert holding.quantity or holding.cost == 0


SCHEDULE = FeeSchedule(sec_rate=D("0.0000278"), taf_rate=D("0.000166"), taf_cap=D("8.30"))


@pytest.mark.parametrize(
    ("quantity", "price", "fee"),
    (
        ("100", "50", "0.16"),  # 5000 × 0.0000278 = 0.139 → 0.14; 100 × 0.000166 = 0.0166 → 0.02
        ("1", "1", "0.02"),  # each part of a cent is a whole one
        ("50000", "10", "22.20"),  # 13.90, and 8.30 exactly at the cap
        ("100000", "10", "36.10"),  # 27.80, and 16.60 cut to the cap
        ("0.5", "200", "0.02"),
    ),
)
def test_sells_pay_both_fees_each_rounded_up_to_the_cent(quantity: str, price: str, fee: str) -> None:
    assert SCHEDULE.on(sells=True, quantity=D(quantity), price=D(price)) == D(fee)
    assert SCHEDULE.on(sells=False, quantity=D(quantity), price=D(price)) == 0


# Splits.


def test_a_split_gives_another_quantity_at_the_same_cost() -> None:
    holding = after(("10", "70"))
    holding.adjust(D(60), D(0))
    assert (holding.quantity, holding.average_price(), holding.realised) == (D(70), D(10), D(0))


def test_cash_for_a_part_of_a_share_comes_off_the_cost() -> None:
    holding = after(("-10", "10"))
    holding.adjust(D(8), D(-30))
    assert (holding.quantity, holding.cost, holding.average_price()) == (D(-2), D(-70), D(35))


def test_what_is_paid_out_whole_is_closed() -> None:
    holding = after(("3", "10"))
    holding.adjust(D(-3), D("29.50"))
    assert (holding.quantity, holding.cost, holding.realised) == (D(0), D(0), D("-0.50"))


def counted(trades: list[tuple[Decimal, Decimal]]) -> tuple[Fraction, Fraction]:
    """Cost and realised by fractions: what a part of a cost is, is rounded once, to 10⁻⁹, half to even."""
    held = cost = realised = Fraction(0)
    for quantity, price in ((Fraction(one), Fraction(other)) for one, other in trades):
        closed = (
            Fraction(0) if held * quantity >= 0 else min(abs(held), abs(quantity)) * (1 if held > 0 else -1)
        )
        taken = Fraction(0)
        if closed:
            taken = cost if closed == held else Fraction(round(cost * closed / held * 10**9), 10**9)
        realised += closed * price - taken
        cost += (quantity + closed) * price - taken
        held += quantity
    return cost, realised


def test_a_tie_is_rounded_once_however_many_digits_it_takes() -> None:
    """The cost of half of this lies in the middle of two steps; 28 digits do not hold the product before."""
    bought, half, price = D("303763.6292057"), D("151881.81460285"), D("558588.25")
    holding = after((str(bought), str(price)), (str(-half), str(price)))
    cost, realised = counted([(bought, price), (-half, price)])
    assert (Fraction(holding.cost), Fraction(holding.realised)) == (cost, realised)
    assert Fraction(bought * price - (bought * price * half / bought).quantize(D("1e-9"))) != cost


# What they come to, with 9 places of a quantity and 6 of a price, fits the 28 digits that amounts have.
sizes = st.decimals(D("1e-9"), 10**5, places=9)
prices = st.decimals(D("1e-6"), 10**5, places=6)


@given(
    sizes,
    prices,
    st.lists(st.tuples(st.sampled_from(("half", "third", "more", "through")), prices), max_size=6),
)
def test_our_cost_is_the_exact_one_after_any_closes(
    first: Decimal, price: Decimal, moves: list[tuple[str, Decimal]]
) -> None:
    """So it is that of whoever counts in whole numbers, as the SQL of the tests does, to the last digit."""
    holding, trades = Holding(D(1)), [(first, price)]
    holding.trade(first, price, D(0))
    for move, at in moves:
        held = holding.quantity
        part = {"half": held / 2, "third": held / 3, "more": -held, "through": held * 2}[move]
        quantity = -part.quantize(D("1e-9"))
        if quantity:
            holding.trade(quantity, at, D(0))
            trades.append((quantity, at))
    assert (Fraction(holding.cost), Fraction(holding.realised)) == counted(trades)


def test_the_same_trades_in_another_order_may_cost_a_step_more() -> None:
    """Each close is rounded by itself: who compares two books to the last digit takes them in one order."""
    bought, closes = (("6", "10"), ("1", "10.01")), (("-1", "1"), ("-3", "1"))
    assert after(*bought, *closes).cost == D("30.004285715")
    assert after(*bought, *closes[::-1]).cost == D("30.004285714")
