import tomllib
from decimal import Decimal

import pytest

from agenttrader.adapters.calendars import read_session
from agenttrader.app.config import demo_template
from agenttrader.app.demo.casting import NO_DATA, cast_generated, size_of
from agenttrader.app.template import fill

LIMIT = Decimal(30_000)


@pytest.mark.parametrize(
    ("price", "size"),
    (
        ("92.18", 100),
        ("167.74", 100),
        ("200", 100),
        ("200.01", 50),
        ("448.04", 20),
        ("646.19", 20),
        ("9000", 2),
        ("600000", 1),
    ),
)
def test_the_size_is_the_largest_that_is_worth_two_thirds_of_the_limit(price: str, size: int) -> None:
    assert size_of(Decimal(price), LIMIT) == size


def test_a_generated_days_template_is_the_demos_own() -> None:
    template = demo_template()
    session = read_session("XNYS", "2026-11-27")
    cast = cast_generated(template, tomllib.loads(template), session, 11)
    assert (cast.label, cast.template, cast.session, cast.recorded) == ("11", template, session, None)
    filled = tomllib.loads(fill(cast.template, cast.values))
    assert filled["agents"]["visitor"]["symbols"] == [cast.visited]
    assert cast.price == Decimal(filled["marketdata"]["prices"]["symbols"][cast.visited])
    assert cast.visited not in filled["agents"]["momentum"]["symbols"]


def test_no_recorded_symbol_can_have_the_visitors_name() -> None:
    assert not NO_DATA.isalpha()
