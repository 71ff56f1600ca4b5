"""Double entry and cost basis."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.simulation.ledger import CASH, ISSUERS, VENUE, Ledger
from agenttrader.simulation.listings import DOLLAR, Listing

SHARE = Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1))
PRICED = 10**6
"""Units of price in a dollar."""


@given(st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 500)), max_size=30))
def test_what_one_gains_another_gives_and_a_flat_account_has_no_cost(trades: list[tuple[int, int]]) -> None:
    ledger = Ledger()
    ledger.deposit("a", 1_000 * DOLLAR)
    for lots, dollars in trades:
        ledger.trade("a", SHARE, lots, dollars * PRICED, "e")
        ledger.charge("a", 7)
    for asset in (CASH, "ABC"):
        assert sum(assets[asset] for assets in ledger.balances.values()) == 0
    assert ledger.lots("a", "ABC") == sum(lots for lots, _ in trades)
    paid = sum(lots * dollars for lots, dollars in trades)
    assert ledger.cash("a") == (1_000 - paid) * DOLLAR - 7 * len(trades)
    if ledger.lots("a", "ABC") == 0:
        assert ledger.cost("a", "ABC") == 0


@pytest.mark.parametrize(
    ("trades", "cost"),
    (
        (((10, 100),), 1_000),
        (((10, 100), (10, 110)), 2_100),
        (((10, 100), (-4, 150)), 600),
        (((10, 100), (-15, 150)), -750),
        (((-10, 100), (-10, 110)), -2_100),
        (((-10, 100), (4, 50)), -600),
        (((-10, 100), (10, 50), (1, 70)), 70),
    ),
)
def test_the_cost_is_what_was_paid_for_what_is_left(trades: tuple[tuple[int, int], ...], cost: int) -> None:
    ledger = Ledger()
    for lots, dollars in trades:
        ledger.trade("a", SHARE, lots, dollars * PRICED, "e")
    assert ledger.cost("a", "ABC") == cost * DOLLAR


def test_accounts_hold_their_own() -> None:
    ledger = Ledger()
    ledger.trade("a", SHARE, 1, PRICED, "e")
    assert (ledger.symbols("a"), ledger.symbols("b")) == (["ABC"], [])


def test_what_is_short_is_known_while_it_is() -> None:
    ledger = Ledger()
    found = []
    for lots in (5, -7, 1, 1, -1):
        ledger.trade("a", SHARE, lots, PRICED, "e")
        found.append(sorted(ledger.shorts("a")))
    assert found == [[], ["ABC"], ["ABC"], [], ["ABC"]]
    assert ledger.shorts("b") == set()


def ledger_of(*trades: tuple[str, int, int]) -> Ledger:
    """A ledger in which account `a` made these executions: id, lots, dollars."""
    ledger = Ledger()
    for execution_id, lots, dollars in trades:
        ledger.trade("a", SHARE, lots, dollars * PRICED, execution_id)
    return ledger


def state(ledger: Ledger) -> tuple[object, ...]:
    held = {
        (holder, asset): amount
        for holder, assets in ledger.balances.items()
        for asset, amount in assets.items()
        if amount
    }
    return held, ledger.cost("a", "ABC"), set(ledger.shorts("a"))


EXECUTIONS = st.lists(
    st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 500)), min_size=1, max_size=9
)


@given(EXECUTIONS, st.data())
def test_a_busted_execution_never_was(trades: list[tuple[int, int]], data: st.DataObject) -> None:
    named = [(str(number), *trade) for number, trade in enumerate(trades)]
    busted = data.draw(st.sampled_from(named))
    ledger = ledger_of(*named)
    ledger.bust("a", SHARE, busted[0])
    assert state(ledger) == state(ledger_of(*(each for each in named if each != busted)))


@given(EXECUTIONS, st.integers(1, 500), st.data())
def test_a_corrected_execution_always_had_its_price(
    trades: list[tuple[int, int]], dollars: int, data: st.DataObject
) -> None:
    named = [(str(number), *trade) for number, trade in enumerate(trades)]
    place = data.draw(st.integers(0, len(named) - 1))
    ledger = ledger_of(*named)
    ledger.correct("a", SHARE, named[place][0], "corrected", dollars * PRICED)
    named[place] = ("corrected", named[place][1], dollars)
    assert state(ledger) == state(ledger_of(*named))
    ledger.bust("a", SHARE, "corrected")
    assert state(ledger) == state(ledger_of(*(named[:place] + named[place + 1 :])))


@pytest.mark.parametrize(
    ("lots", "ratio", "after", "cost"),
    (
        (10, (4, 1), 40, 1_000),
        (-10, (4, 1), -40, -1_000),
        (10, (1, 5), 2, 1_000),
        (12, (1, 5), 2, 1_000),  # two of twelve are left over, and a sixth of the cost of 1,200
        (3, (1, 5), 0, 0),
        (10, (3, 2), 15, 1_000),
    ),
)
def test_a_split_changes_the_lots_and_not_their_cost(
    lots: int, ratio: tuple[int, int], after: int, cost: int
) -> None:
    ledger = ledger_of(("e", lots, 100))
    assert ledger.split("a", SHARE, ratio) == after
    assert ledger.lots("a", "ABC") == after
    assert ledger.cost("a", "ABC") == cost * DOLLAR
    assert sum(held["ABC"] for held in ledger.balances.values()) == 0


def test_an_execution_from_before_a_split_is_taken_back_as_what_it_became() -> None:
    ledger = ledger_of(("one", 10, 100), ("two", 5, 120))
    ledger.split("a", SHARE, (4, 1))
    ledger.bust("a", SHARE, "one")
    assert (ledger.lots("a", "ABC"), ledger.cost("a", "ABC")) == (20, 600 * DOLLAR)
    assert ledger.cash("a") == -600 * DOLLAR


def test_what_the_venue_keeps_of_a_purchase_takes_its_cost_along() -> None:
    ledger = ledger_of(("e", 400, 1))
    ledger.keep("a", SHARE, 1, "e")
    assert (ledger.lots("a", "ABC"), ledger.cost("a", "ABC")) == (399, 399 * DOLLAR)
    assert ledger.balances[VENUE]["ABC"] == 1
    ledger.bust("a", SHARE, "e")
    assert (ledger.lots("a", "ABC"), ledger.cost("a", "ABC"), ledger.cash("a")) == (0, 0, 0)
    assert ledger.balances[VENUE]["ABC"] == 0


def test_a_dividend_comes_from_the_issuer_and_is_owed_by_who_is_short() -> None:
    ledger = Ledger()
    ledger.pay("a", 3)
    ledger.pay("b", -2)
    assert (ledger.cash("a"), ledger.cash("b"), ledger.balances[ISSUERS][CASH]) == (3, -2, -1)
