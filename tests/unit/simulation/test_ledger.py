"""Double entry and cost basis."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.simulation.ledger import CASH, Ledger
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
