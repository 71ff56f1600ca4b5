"""The broker's word is carried on by what we have approved since."""

from decimal import Decimal

from agenttrader.runtime.buying_power import BuyingPower
from agenttrader.testing.builders import broker_statement, proposal
from agenttrader.testing.driver import trading


def test_what_is_reserved_since_is_gone_and_comes_back() -> None:
    driver = trading()
    book, power = driver.engine.state.book, BuyingPower()
    assert power.left(book) is None
    power.hear(broker_statement(buying_power=Decimal(5_000)), book)
    assert power.left(book) == 5_000
    driver.propose(proposal())
    assert power.left(book) == 4_000


def test_what_was_left_is_carried_on_like_what_was_stated() -> None:
    driver = trading()
    book, power = driver.engine.state.book, BuyingPower()
    power.take(Decimal(7_000), book)
    driver.propose(proposal())
    assert power.left(book) == 6_000
    power.take(None, book)
    assert power.left(book) is None
