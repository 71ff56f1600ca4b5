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
