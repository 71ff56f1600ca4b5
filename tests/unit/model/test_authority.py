"""How many persons have to sign, and what one person does who signs for two."""

import pytest

from agenttrader.model.authority import SINGLE_PERSON, Signature, still_missing
from agenttrader.model.identifiers import PersonName

ADA, BEN = PersonName("ada"), PersonName("ben")
MONDAY, TUESDAY = "2026-11-16", "2026-11-17"


def test_two_different_persons_are_enough() -> None:
    assert still_missing([Signature(ADA, MONDAY), Signature(BEN, MONDAY)], persons=2, people=2) == ""
    assert still_missing([Signature(ADA, MONDAY)], persons=1, people=2) == ""


def test_one_person_twice_is_not_two() -> None:
    given = [Signature(ADA, MONDAY), Signature(ADA, TUESDAY, SINGLE_PERSON)]
    assert still_missing(given, persons=2, people=2) == "1 more, of 2 different persons"
    assert still_missing([], persons=2, people=2) == "2 more, of 2 different persons"


@pytest.mark.parametrize(
    "second", (Signature(ADA, MONDAY, SINGLE_PERSON), Signature(ADA, TUESDAY), Signature(ADA, TUESDAY, "yes"))
)
def test_a_single_person_signs_again_in_a_later_session_and_retypes_the_phrase(second: Signature) -> None:
    first = Signature(ADA, MONDAY)
    assert MONDAY in still_missing([first, second], persons=2, people=1)
    assert still_missing([first, Signature(ADA, TUESDAY, SINGLE_PERSON)], persons=2, people=1) == ""
    assert still_missing([first, Signature(BEN, MONDAY)], persons=2, people=1) == ""


def test_nobody_is_never_enough() -> None:
    for people in (1, 2):
        assert still_missing([], persons=1, people=people)
        assert still_missing([], persons=2, people=people)
