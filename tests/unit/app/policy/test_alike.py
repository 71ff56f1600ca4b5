"""Two decisions are alike by what every check says, not by how its numbers are written."""

from decimal import Decimal

import pytest
from msgspec import structs

from agenttrader.app.policy.alike import first_unlike, is_alike, outcome
from agenttrader.model.decisions import Check, Verdict
from agenttrader.testing.builders import decision, proposal

D = Decimal
APPROVED = decision(proposal(1))


def with_check(observed: object, permitted: object = D(2), *, passed: bool = True) -> Check:
    return Check("a", observed, permitted, passed)


@pytest.mark.parametrize(
    ("observed", "again", "expected"),
    (
        (D("1.500"), "1.5", True),
        ("1.500", D("1.5"), True),
        ((1, D("2.0")), [1, "2"], True),
        (None, None, True),
        ("active", "active", True),
        (D(1), D(2), False),
        ("active", "halted", False),
        (None, D(0), False),
        (1, "one", False),
    ),
)
def test_numbers_are_alike_by_value(observed: object, again: object, *, expected: bool) -> None:
    one, other = (
        structs.replace(APPROVED, checks=(with_check(0), with_check(each))) for each in (observed, again)
    )
    assert is_alike(one, other) is is_alike(other, one) is expected
    assert first_unlike(one, other) == (None if expected else with_check(again))


def test_every_check_counts_and_the_outcome() -> None:
    two = structs.replace(APPROVED, checks=(with_check(1), with_check(2)))
    one = structs.replace(APPROVED, checks=(with_check(1),))
    assert first_unlike(two, one) == first_unlike(one, two) == with_check(2)
    assert not is_alike(one, structs.replace(one, checks=(with_check(1, passed=False),)))
    assert not is_alike(one, structs.replace(one, checks=(with_check(1, D(3)),)))
    assert not is_alike(one, structs.replace(one, denied_by="a"))
    assert is_alike(one, one)


def test_the_outcome_is_a_word() -> None:
    assert outcome(APPROVED) == "approved"
    assert outcome(decision(proposal(1), denied_by="quote")) == "quote"
    assert outcome(structs.replace(APPROVED, verdict=Verdict.PENDING_APPROVAL)) == "pending_approval"
