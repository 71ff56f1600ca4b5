"""What positions show of an order whose answer never came."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.identifiers import Symbol
from agenttrader.reconciliation.unknown import NOTHING, trace_of

A, B = Symbol("AAPL"), Symbol("MSFT")
UNEXPLAINED = "positions that it does not explain"
UNITS = st.integers(1, 1_000).map(Decimal)


@pytest.mark.parametrize(
    ("gap", "said"),
    (
        (0, NOTHING),
        (10, "positions as if all of it had filled"),
        (4, "positions as if some had filled"),
        (11, UNEXPLAINED),
        (-4, UNEXPLAINED),
    ),
)
def test_one_order_to_buy_ten(gap: int, said: str) -> None:
    moves = ((A, Decimal(10)),)
    assert trace_of(moves, {A: Decimal(gap)}, is_alone=True, is_accounted=True) == said


def test_what_another_order_may_have_done_as_well_is_not_explained_by_this_one() -> None:
    gaps = {A: Decimal(10)}
    assert trace_of(((A, Decimal(10)),), gaps, is_alone=False, is_accounted=True) == UNEXPLAINED


def test_an_execution_of_nobodys_order_may_be_of_this_one() -> None:
    said = trace_of(((A, Decimal(10)),), {}, is_alone=True, is_accounted=False)
    assert said == "executions of no order that we know"


def test_a_spread_explains_what_all_of_its_legs_do_together() -> None:
    moves = ((A, Decimal(10)), (B, Decimal(-20)))
    both = {A: Decimal(5), B: Decimal(-10)}
    assert trace_of(moves, both, is_alone=True, is_accounted=True) == "positions as if some had filled"
    assert trace_of(moves, {A: Decimal(5)}, is_alone=True, is_accounted=True) == UNEXPLAINED


@given(
    move=UNITS,
    gap=UNITS,
    sign=st.sampled_from((1, -1)),
    is_alone=st.booleans(),
    is_accounted=st.booleans(),
)
def test_nothing_of_it_is_said_only_where_no_position_and_no_execution_differs(
    move: Decimal, gap: Decimal, sign: int, *, is_alone: bool, is_accounted: bool
) -> None:
    moves = ((A, move * sign),)
    said = trace_of(moves, {A: gap}, is_alone=is_alone, is_accounted=is_accounted)
    assert said != NOTHING
    quiet = trace_of(moves, {A: Decimal(0)}, is_alone=is_alone, is_accounted=is_accounted)
    assert (quiet == NOTHING) is is_accounted
