"""What of a difference is somebody else's, and what it halts once it is left to them."""

import pytest

from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.reconciliation.compare import NOT_WORKING
from agenttrader.runtime.foreign import halts_of, is_foreign
from agenttrader.testing.builders import ALFA, BRAVO


def found(kind: BreakKind, ours: str) -> Break:
    return Break(kind=kind, ours=ours, theirs="7", sentence="they have it", symbol=ALFA)


@pytest.mark.parametrize(
    ("kind", "ours", "is_so"),
    (
        (BreakKind.POSITION, "0", True),
        (BreakKind.POSITION, "-0.5", False),
        (BreakKind.ORDER_MISSING_HERE, NOT_WORKING, True),
        (BreakKind.ORDER_MISSING_HERE, "none", False),
        (BreakKind.CASH, "0", False),
    ),
)
def test_only_that_of_which_our_book_has_nothing_is_somebody_elses(
    kind: BreakKind, ours: str, *, is_so: bool
) -> None:
    assert is_foreign(found(kind, ours)) is is_so


def test_what_is_left_lets_nobody_open_in_its_symbol_and_in_no_other() -> None:
    left = (found(BreakKind.POSITION, "0"),)
    ((state, why),) = halts_of(left, (BRAVO, ALFA))
    assert (state, why) == (TradingState.REDUCE_ONLY, "left to whoever made it: they have it")
    assert list(halts_of(left, (BRAVO,))) == []
