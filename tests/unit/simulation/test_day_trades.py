"""The fourth day trade in five days, for an account with less than 25,000."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.simulation.day_trades import MESSAGE
from agenttrader.simulation.inputs import CancelAsked, ReplaceAsked
from agenttrader.simulation.orders import OrderClass, OrderType, Reason, Replacement, StopLoss
from agenttrader.testing.venue_days import House


def house(*day_trades: int, **opening: Any) -> House:
    """An account under the rule that made so many day trades on the days before today."""
    made = House(day_trade_rule=True, **opening)
    for count in day_trades:
        for _ in range(count):
            made.trade(1)
            made.trade(-1)
        made.next_day()
    return made


def reason(made: House, quantity: int | str, symbol: str = "ABC", **changes: Any) -> Reason | None:
    refusal = made.ask(quantity, symbol, **changes).refusal
    return None if refusal is None else refusal.reason


def test_an_exit_that_would_make_the_fourth_is_refused() -> None:
    made = house(3)
    made.trade(10)
    refusal = made.ask(-10).refusal
    assert refusal is not None
    assert (refusal.reason, refusal.message) == (Reason.DAY_TRADE, MESSAGE)
    made.next_day()
    assert reason(made, -10) is None


def test_the_third_is_none_too_many_and_five_days_later_they_are_forgotten() -> None:
    made = house(2)
    made.trade(10)
    made.trade(-10)
    assert made.books.days["a"].day_trades == 3
    made = house(3, 0, 0, 0, 0)
    made.trade(10)
    assert reason(made, -10) is None


@pytest.mark.parametrize("opening", ({"cash": Decimal(25_000)}, {"day_trade_rule": False}))
def test_with_enough_equity_or_without_the_rule_there_is_no_limit(opening: dict[str, Any]) -> None:
    made = House(**({"day_trade_rule": True} | opening))
    for _ in range(5):
        made.trade(1)
        made.trade(-1)
    assert made.books.days["a"].day_trades == 5


def test_equity_counts_as_it_was_at_the_last_days_end() -> None:
    made = house(3, cash=Decimal(24_999))
    made.trade(10)
    made.trade_at({"ABC": 200})
    assert made.books.equity("a") > 25_000 * 10**15
    assert reason(made, -10) is Reason.DAY_TRADE


def test_a_purchase_against_a_pending_sale_could_make_one() -> None:
    made = house(0)
    made.trade(10)
    made.next_day()
    for _ in range(3):
        made.trade(1, "XYZ")
        made.trade(-1, "XYZ")
    assert reason(made, -10, type=OrderType.LIMIT, limit_price=Decimal(200)) is None
    assert reason(made, 5) is Reason.DAY_TRADE
    assert reason(made, 5, "PINK") is None


def test_what_is_pending_in_one_symbol_counts_for_another() -> None:
    made = house(2)
    made.trade(10)
    made.trade(10, "XYZ")
    assert reason(made, -10, type=OrderType.LIMIT, limit_price=Decimal(200)) is None
    assert reason(made, -10, "XYZ") is Reason.DAY_TRADE


def test_an_entry_that_brings_its_exits_along_counts() -> None:
    made = house(3)
    exits: dict[str, Any] = {"target": Decimal(110), "stop_loss": StopLoss(stop=Decimal(90))}
    assert reason(made, 1, order_class=OrderClass.BRACKET, **exits) is Reason.DAY_TRADE
    assert reason(made, 1) is None


def test_coins_are_not_under_the_rule() -> None:
    made = house(3)
    made.trade("0.5", "BTC/USD")
    assert reason(made, "-0.5", "BTC/USD") is None


def moved(made: House, order_id: str) -> Reason | None:
    """Why an order's limit cannot be moved."""
    asked = Replacement(limit_price=Decimal(190))
    refusal = made.exchange.handle(ReplaceAsked(account="a", order_id=order_id, replacement=asked)).refusal
    return None if refusal is None else refusal.reason


def test_a_replacement_is_asked_again() -> None:
    """What rests from a day with enough equity could, after one without, be the fourth."""
    made = house(3, cash=Decimal(26_000))
    made.trade(50)
    exit_, other = (
        made.ask(sign * 10, type=OrderType.LIMIT, limit_price=Decimal(limit)).order
        for sign, limit in ((-1, 200), (1, 50))
    )
    assert exit_ is not None
    assert other is not None
    made.trade_at({"ABC": 60})
    made.next_day()
    assert made.books.days["a"].last_equity == 24_000 * 10**15
    assert moved(made, exit_.id) is Reason.DAY_TRADE
    made.exchange.handle(CancelAsked(account="a", order_id=other.id))
    assert moved(made, exit_.id) is None


def test_a_leg_that_closes_what_is_older_is_no_day_trade() -> None:
    made = house(0)
    exits: dict[str, Any] = {"target": Decimal(200), "stop_loss": StopLoss(stop=Decimal(90))}
    entry = made.ask(1, order_class=OrderClass.BRACKET, **exits).order
    assert entry is not None
    made.trade_at({"ABC": 100})
    made.next_day()
    for _ in range(3):
        made.trade(1, "XYZ")
        made.trade(-1, "XYZ")
    assert reason(made, 1, order_class=OrderClass.BRACKET, **exits) is Reason.DAY_TRADE
    assert moved(made, made.books.orders[entry.id].legs[0]) is None
