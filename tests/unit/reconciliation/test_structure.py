"""Spreads and brackets that are out of shape, and for how long that may be."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.breaks import BreakKind, StructureKind
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.times import SECOND, Instant
from agenttrader.reconciliation.structure import (
    Grace,
    HeldBracket,
    HeldLeg,
    HeldSpread,
    broken_bracket,
    broken_spread,
)

GRACE = Grace(opening_seconds=120, later_seconds=900)
FILLED = Instant(1_000 * SECOND)
LONG, SHORT = Symbol("SPY261218P00400000"), Symbol("SPY261218P00410000")


def after(seconds: int) -> Instant:
    return Instant(FILLED + seconds * SECOND)


def spread(long: int, short: int, *, ratio: int = 1, is_opening: bool = False) -> HeldSpread:
    """A spread of one to `ratio`, of which so much is held."""
    legs = (
        HeldLeg(symbol=LONG, ratio=1, held=Decimal(long)),
        HeldLeg(symbol=SHORT, ratio=-ratio, held=Decimal(short)),
    )
    return HeldSpread(entry=OrderId("o-1"), legs=legs, changed=FILLED, is_opening=is_opening)


@pytest.mark.parametrize(
    ("held", "reason", "theirs", "symbol"),
    (
        (spread(3, 0), StructureKind.LEG_MISSING, "0 of -3", SHORT),
        (spread(0, -3), StructureKind.LEG_MISSING, "0 of 3", LONG),
        (spread(3, -2), StructureKind.LEG_QUANTITY, "-2 of -3", SHORT),
        (spread(2, -6, ratio=2), StructureKind.LEG_QUANTITY, "2 of 3", LONG),
        (spread(3, 2), StructureKind.LEG_DIRECTION, "2 of -3", SHORT),
    ),
)
def test_a_leg_that_does_not_go_with_the_largest_is_a_break_of_its_symbol(
    held: HeldSpread, reason: StructureKind, theirs: str, symbol: Symbol
) -> None:
    (found,) = broken_spread(held, GRACE, after(901))
    assert (found.kind, found.ours, found.theirs) == (BreakKind.STRUCTURE, reason.value, theirs)
    assert (found.symbol, found.order_id) == (symbol, "o-1")


@given(wholes=st.integers(-50, 50), ratio=st.integers(1, 5))
def test_a_whole_spread_is_no_break(wholes: int, ratio: int) -> None:
    assert list(broken_spread(spread(wholes, -wholes * ratio, ratio=ratio), GRACE, after(10_000))) == []


@pytest.mark.parametrize(("is_opening", "seconds"), ((True, 120), (False, 900)))
def test_a_grace_passes_before_anything_is_said(*, is_opening: bool, seconds: int) -> None:
    held = spread(3, 0, is_opening=is_opening)
    assert list(broken_spread(held, GRACE, after(seconds))) == []
    assert len(list(broken_spread(held, GRACE, after(seconds + 1)))) == 1


def test_what_protects_more_than_is_held_could_open_the_other_side() -> None:
    bracket = HeldBracket(
        symbol=LONG, held=Decimal(-4), protecting=Decimal(10), changed=FILLED, is_opening=False
    )
    assert list(broken_bracket(bracket, GRACE, after(900))) == []
    (found,) = broken_bracket(bracket, GRACE, after(901))
    assert (found.ours, found.theirs) == (StructureKind.LEG_EXCEEDS.value, "10 of 4")
    assert "could open the other side, 6 of it" in found.sentence
