"""The largest loss of options, by hand for what has a name, and by search for what has none."""

from decimal import Decimal
from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.listings import DOLLAR
from agenttrader.simulation.option_risk import Exposure, Package, hundreds_needed, largest_loss, need

DAY, LATER = "2026-11-20", "2026-12-18"


def option(lots: int, right: Right, strike: int, day: str = DAY) -> Exposure:
    contract = OptionContract(underlying="ABC", expiration=day, strike=Decimal(strike), right=right)
    return Exposure(contract, lots)


def call(lots: int, strike: int, day: str = DAY) -> Exposure:
    return option(lots, Right.CALL, strike, day)


def put(lots: int, strike: int, day: str = DAY) -> Exposure:
    return option(lots, Right.PUT, strike, day)


def test_what_is_long_loses_no_more_than_it_cost() -> None:
    assert need([call(2, 100), put(3, 90)], [], 0) == 0


def test_a_put_that_is_short_needs_its_strike_in_cash() -> None:
    assert largest_loss([put(-2, 50)], [], 0) == 10_000 * DOLLAR


def test_a_vertical_needs_its_width_and_no_shares() -> None:
    bear, bull = [call(-1, 100), call(1, 105)], [put(-1, 100), put(1, 95)]
    assert [hundreds_needed(each, []) for each in (bear, bull)] == [0, 0]
    assert [largest_loss(each, [], 0) for each in (bear, bull)] == [500 * DOLLAR] * 2
    assert largest_loss([call(1, 100), call(-1, 105)], [], 0) == 0


def test_an_iron_condor_needs_the_wider_of_its_wings() -> None:
    condor = [put(1, 90), put(-1, 95), call(-1, 105), call(1, 112)]
    assert largest_loss(condor, [], 0) == 700 * DOLLAR


def test_a_call_that_is_short_needs_a_hundred_shares_or_another_call_that_lasts_as_long() -> None:
    assert hundreds_needed([call(-3, 100), call(1, 120)], []) == 2
    assert hundreds_needed([call(-1, 100, LATER), call(1, 100)], []) == 1
    assert hundreds_needed([call(-1, 100), call(1, 100, LATER)], []) == 0
    assert largest_loss([call(-1, 100)], [], 1) == 0


def test_an_order_needs_what_it_pays_and_one_that_receives_its_loss_less_that() -> None:
    debit = Package((call(1, 100), call(-1, 105)), 200 * DOLLAR)
    credit = Package((call(-1, 100), call(1, 105)), -150 * DOLLAR)
    assert need([], [debit], 0) == 200 * DOLLAR
    assert need([], [credit], 0) == 350 * DOLLAR
    assert need([], [debit, credit], 0) == 350 * DOLLAR  # above 100 the first gains what the second loses
    assert need([], [debit, debit, credit], 0) == 400 * DOLLAR


def test_what_closes_needs_nothing_more() -> None:
    held = [call(-1, 100), call(1, 105)]
    back = Package((call(1, 100), call(-1, 105)), 100 * DOLLAR)
    assert need(held, [back], 0) == need(held, [], 0) == 500 * DOLLAR
    assert hundreds_needed([call(1, 100)], [Package((call(-1, 100),), -DOLLAR)]) == 0


def test_two_orders_cannot_both_lean_on_one_call() -> None:
    sale = Package((call(-1, 110),), -DOLLAR)
    assert hundreds_needed([call(1, 100)], [sale]) == 0
    assert hundreds_needed([call(1, 100)], [sale, sale]) == 1


def test_what_must_be_paid_is_not_paid_by_what_may_be_worth_something_later() -> None:
    assert need([put(1, 60)], [Package((call(1, 50),), 500 * DOLLAR)], 0) == 500 * DOLLAR


EXPOSURES = st.builds(
    option,
    st.integers(-2, 2),
    st.sampled_from(Right),
    st.sampled_from([90, 95, 100, 105]),
    st.sampled_from([DAY, LATER]),
)
PACKAGES = st.builds(
    Package,
    st.lists(EXPOSURES, min_size=1, max_size=3).map(tuple),
    st.integers(-300, 300).map(lambda dollars: dollars * DOLLAR),
)


@given(st.lists(EXPOSURES, max_size=4), st.lists(PACKAGES, max_size=4))
def test_it_is_the_worst_that_any_orders_together_can_do_at_any_price(
    held: list[Exposure], pending: list[Package]
) -> None:
    subsets = chain.from_iterable(combinations(pending, count) for count in range(len(pending) + 1))
    found = 0
    for filled in map(list, subsets):
        exposures = held + [each for package in filled for each in package.exposures]
        paid = sum(package.paid for package in filled)
        for day in {each.contract.expiration for each in exposures}:
            for price in range(0, 120, 5):
                worth = sum(
                    each.lots * each.contract.intrinsic_thousandths(price * 1_000) * DOLLAR // 10
                    for each in exposures
                    if each.contract.expiration >= day
                )
                found = max(found, paid - worth)
    hundreds = hundreds_needed(held, pending)
    assert hundreds > 0 or largest_loss(held, pending, 0) >= found
    assert need(held, pending, hundreds) >= 0
