"""Orders that could meet an open one of the same account: the table of the broker's page."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.simulation.inputs import Outcome, ReplaceAsked
from agenttrader.simulation.orders import OrderClass, OrderType, Reason, Replacement, StopLoss
from agenttrader.simulation.wash_trades import MESSAGE
from agenttrader.testing.venue_days import House


def terms(kind: str, price: int) -> dict[str, Any]:
    """An order of a kind, whose limit (or stop, where it has no limit) is at a price."""
    match kind:
        case "limit":
            return {"type": OrderType.LIMIT, "limit_price": Decimal(price)}
        case "stop":
            return {"type": OrderType.STOP, "stop_price": Decimal(price)}
        case "stop_limit":
            return {
                "type": OrderType.STOP_LIMIT,
                "stop_price": Decimal(price),
                "limit_price": Decimal(price),
            }
        case _:
            return {"type": OrderType.MARKET}


def refused(
    first: tuple[str, int], second: tuple[str, int], *, first_buys: bool, symbol: str = "ABC"
) -> bool:
    made = House(wash_trade_rule=True)
    made.trade(10, symbol)
    sign = 1 if first_buys else -1
    assert made.ask(sign, symbol, **terms(*first)).refusal is None
    refusal = made.ask(-sign, symbol, **terms(*second)).refusal
    if refusal is not None:
        assert (refusal.reason, refusal.message) == (Reason.FORBIDDEN, MESSAGE)
    return refusal is not None


@pytest.mark.parametrize("second", ("market", "limit", "stop", "stop_limit"))
@pytest.mark.parametrize("first", ("market", "limit", "stop", "stop_limit"))
def test_the_table(first: str, second: str) -> None:
    """Far apart only two limits are safe; where they cross nothing is."""
    have_limits = {first, second} <= {"limit", "stop_limit"}
    assert refused((first, 90), (second, 110), first_buys=True) is not have_limits
    assert refused((first, 110), (second, 90), first_buys=False) is not have_limits
    assert refused((first, 100), (second, 100), first_buys=True)
    assert refused((first, 100), (second, 100), first_buys=False)


def test_coins_are_under_it_too() -> None:
    assert refused(("limit", 95), ("limit", 95), first_buys=True, symbol="BTC/USD")


def test_the_same_side_another_symbol_and_no_rule_are_free() -> None:
    made = House(wash_trade_rule=True)
    made.trade(10)
    made.trade(10, "XYZ")
    made.ask(1)
    assert made.ask(1).refusal is None
    assert made.ask(-1, "XYZ").refusal is None
    free = House()
    free.trade(10)
    free.ask(1)
    assert free.ask(-1).refusal is None


def test_what_stands_together_and_what_trails_is_excepted() -> None:
    made = House(wash_trade_rule=True)
    made.trade(10)
    made.ask(1)
    exits: dict[str, Any] = {"target": Decimal(110), "stop_loss": StopLoss(stop=Decimal(90))}
    assert made.ask(-5, order_class=OrderClass.OCO, type=OrderType.LIMIT, **exits).refusal is None
    assert made.ask(-5, type=OrderType.TRAILING_STOP, trail_percent=Decimal(5)).refusal is None
    other = House(wash_trade_rule=True)
    other.trade(10)
    assert other.ask(-5, order_class=OrderClass.OCO, type=OrderType.LIMIT, **exits).refusal is None
    assert other.ask(-5, type=OrderType.TRAILING_STOP, trail_percent=Decimal(5)).refusal is None
    assert other.ask(1).refusal is None


def replaced(made: House, order_id: str, limit: int) -> Outcome:
    asked = Replacement(limit_price=Decimal(limit))
    return made.exchange.handle(ReplaceAsked(account="a", order_id=order_id, replacement=asked))


def test_an_order_is_not_replaced_by_one_that_could_meet_another() -> None:
    made = House(wash_trade_rule=True)
    made.trade(10)
    assert made.ask(-1, type=OrderType.LIMIT, limit_price=Decimal(110)).refusal is None
    order = made.ask(1, type=OrderType.LIMIT, limit_price=Decimal(90)).order
    assert order is not None
    assert replaced(made, order.id, 109).refusal is None
    (near,) = [each for each in made.books.open_of("a") if each.replaces == order.id]
    refusal = replaced(made, near.id, 110).refusal
    assert refusal is not None
    assert (refusal.reason, refusal.message) == (Reason.FORBIDDEN, MESSAGE)
