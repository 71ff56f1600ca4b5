"""Parameters of requests, each by name."""

from datetime import date
from decimal import Decimal

import pytest

from agenttrader.app.venue.questions import Parameters
from agenttrader.model.errors import BadValue
from agenttrader.model.times import from_rfc3339


def parameters(**values: str) -> Parameters:
    return Parameters(values.items())


def test_each_kind_of_value_is_read() -> None:
    asked = parameters(
        a="text", b="asc", c="True", d="7", e="1.25", f="2026-11-20", g="2026-11-20T09:30:00-05:00", h="A,B"
    )
    assert asked.text("a") == "text"
    assert asked.word("b", ("asc", "desc"), "desc") == "asc"
    assert asked.flag("c")
    assert asked.count("d", 1, 10) == 7
    assert asked.number("e") == Decimal("1.25")
    assert asked.day("f") == date(2026, 11, 20)
    assert asked.time("g") == from_rfc3339("2026-11-20T14:30:00Z")
    assert asked.listed("h") == frozenset({"A", "B"})
    asked.finish()


def test_what_is_not_given_has_its_default() -> None:
    asked = parameters(empty="")
    assert (asked.text("a"), asked.text("empty"), asked.number("a"), asked.day("a")) == (None,) * 4
    assert (asked.time("a"), asked.listed("a")) == (None, None)
    assert (asked.word("b", ("x",), "x"), asked.flag("c"), asked.count("d", 50, 100)) == ("x", False, 50)


def test_a_date_is_its_first_instant_and_a_plus_may_have_become_a_blank() -> None:
    assert parameters(a="2026-11-20").time("a") == from_rfc3339("2026-11-20T00:00:00Z")
    assert parameters(a="2026-11-20T14:30:00 00:00").time("a") == from_rfc3339("2026-11-20T14:30:00Z")
    assert parameters(a="2026-11-20T00:00:00Z").day("a") == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("method", "value", "found"),
    (
        ("flag", "perhaps", "a: expected one of"),
        ("time", "yesterday", "time: expected RFC 3339"),
        ("day", "today", "a: expected a day as YYYY-MM-DD, found 'today'"),
        ("number", "NaN", "a: expected a finite number"),
    ),
)
def test_what_cannot_be_read_is_refused(method: str, value: str, found: str) -> None:
    with pytest.raises(BadValue, match=found):
        getattr(parameters(a=value), method)("a")


@pytest.mark.parametrize("value", ("0", "501", "\u0661", "-1", "1.0"))
def test_a_count_is_a_whole_number_within_its_bounds(value: str) -> None:
    with pytest.raises(BadValue, match="a: expected a whole number from 1 to 500"):
        parameters(a=value).count("a", 50, 500)


def test_a_word_is_one_of_those_that_there_are() -> None:
    with pytest.raises(BadValue, match="a: expected one of asc, desc, found 'sideways'"):
        parameters(a="sideways").word("a", ("asc", "desc", ""), "")


def test_what_nobody_asked_for_is_refused() -> None:
    with pytest.raises(BadValue, match="expected only parameters of this request, found colour"):
        parameters(colour="blue").finish()
    with pytest.raises(BadValue, match="limit: expected it once"):
        Parameters((("limit", "1"), ("limit", "2")))
