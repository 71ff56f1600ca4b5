"""The check that says yes: only it, everywhere, and only until it is taken back."""

from decimal import Decimal

import pytest

from agenttrader.model.errors import BadValue
from agenttrader.testing.situations import check_of, entry
from agenttrader.testing.unsafe_check import say_yes


def test_one_check_says_yes_and_shows_what_it_found_and_no_other_does() -> None:
    large = entry().proposing(quantity=Decimal(501)).limiting_symbol(order_notional_max=Decimal(1))
    take_back = say_yes("order_quantity")
    try:
        unsafe = large.decide()
    finally:
        take_back()
    found = check_of(unsafe, "order_quantity")
    assert (found.observed, found.permitted, found.passed) == (Decimal(501), Decimal(500), True)
    assert unsafe.denied_by == "order_notional"
    assert large.decide().denied_by == "order_quantity"


def test_there_must_be_such_a_check() -> None:
    with pytest.raises(BadValue, match=r"expected one of agent, .* found 'order_quantities'"):
        say_yes("order_quantities")
