"""What is refused is asked for ever later, doubted in time, and forgotten when it is wanted no more."""

import pytest

from agenttrader.exits.acts import Doubt
from agenttrader.exits.refusals import Refusals
from agenttrader.model.breaks import DoubtKind
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import SECOND, Instant

ALFA = Symbol("ALFA")
NAME = "close-7"


def later(seconds: float) -> Instant:
    return Instant(int(seconds * SECOND))


def test_it_is_asked_once_more_at_once_and_then_ever_later() -> None:
    refusals, now = Refusals(retry_seconds_max=5), later(100)
    assert refusals.may_ask(NAME, now)
    for wait in (0, 1, 2, 4, 5, 5):
        refusals.note(NAME, ALFA, "no multiple", now)
        assert refusals.may_ask(NAME, Instant(now + wait * SECOND))
        assert not wait or not refusals.may_ask(NAME, Instant(now + wait * SECOND - 1))
        now = Instant(now + wait * SECOND)
    assert refusals.may_ask("another", now)


def test_the_third_time_it_is_a_doubt() -> None:
    refusals = Refusals(retry_seconds_max=5)
    for number in range(2):
        refusals.note(NAME, ALFA, "no multiple", later(number))
        assert list(refusals.doubts()) == []
    refusals.note(NAME, ALFA, "no multiple", later(2))
    assert list(refusals.doubts()) == [
        Doubt(symbol=ALFA, about=DoubtKind.ORDER, sentence="refused 3 times: no multiple")
    ]


def test_other_words_are_another_refusal() -> None:
    refusals = Refusals(retry_seconds_max=5)
    for words in ("one", "two", "one", "two"):
        refusals.note(NAME, ALFA, words, later(1))
    assert list(refusals.doubts()) == []
    assert refusals.may_ask(NAME, later(1))


@pytest.mark.parametrize(("wanted", "remains"), (({NAME}, 1), (set(), 0), ({"another"}, 0)))
def test_what_is_wanted_no_more_is_forgotten(wanted: set[str], remains: int) -> None:
    refusals = Refusals(retry_seconds_max=5)
    for _ in range(3):
        refusals.note(NAME, ALFA, "no multiple", later(1))
    refusals.keep(wanted)
    assert len(list(refusals.doubts())) == remains
