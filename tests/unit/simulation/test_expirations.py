"""The end of options: worthless, for shares, or for cash; and what is posted of it."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.model.errors import BadValue
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.simulation.listings import DOLLAR
from agenttrader.simulation.option_events import OptionEvent, OptionPosted
from agenttrader.testing.option_stage import OptionStage, call, option_settings, put


def stage_of(cash: int = 20_000, **opening: Any) -> OptionStage:
    return OptionStage(
        accounts=(AccountOpening(name="a", cash=Decimal(cash), shorting=True, options_level=3, **opening),)
    )


def buy(stage: OptionStage, symbol: str, lots: int = 1) -> None:
    stage.ask(lots, symbol, "1.00")
    stage.quote(symbol, "1.00", "1.00")


def sell(stage: OptionStage, symbol: str) -> None:
    stage.ask(-1, symbol, "1.00")
    stage.quote(symbol, "1.00", "1.00")


def posted(stage: OptionStage) -> list[tuple[OptionEvent, str, int, int]]:
    return [
        (each.event, each.symbol, each.lots, each.femtos // DOLLAR)
        for each in stage.exchange.activities["a"]
        if isinstance(each, OptionPosted)
    ]


def test_what_is_out_of_the_money_expires_worthless_for_both_sides() -> None:
    stage = stage_of()
    buy(stage, call(105), 2)
    sell(stage, put(95))
    stage.bar("105.00")
    stage.close()
    assert posted(stage) == [
        (OptionEvent.EXPIRED, call(105), -2, 0),
        (OptionEvent.EXPIRED, put(95), 1, 0),
    ]
    assert stage.books.ledger.symbols("a") == []
    assert stage.cash() == 20_000 - 200 + 100
    assert stage.power() == stage.cash()


def test_a_cent_in_the_money_is_exercised_into_shares_at_the_strike() -> None:
    stage = stage_of()
    buy(stage, call(105))
    stage.bar("105.01")
    stage.close()
    assert posted(stage) == [
        (OptionEvent.EXERCISED, call(105), -1, 0),
        (OptionEvent.SHARES, "ABC", 100, -10_500),
    ]
    assert stage.lots("ABC") == 100
    assert stage.cash() == 20_000 - 100 - 10_500
    assert stage.books.ledger.cost("a", "ABC") == 10_500 * DOLLAR


def test_who_cannot_pay_for_the_shares_is_paid_what_the_right_is_worth() -> None:
    stage = stage_of(cash=300)
    buy(stage, call(100), 2)
    stage.bar("104.50")
    stage.close()
    assert posted(stage) == [
        (OptionEvent.EXERCISED, call(100), -2, 0),
        (OptionEvent.CASH, call(100), 0, 900),
    ]
    assert stage.cash() == 100 + 900


def test_a_put_sells_the_shares_that_are_held_and_else_pays() -> None:
    held, bare = stage_of(), stage_of()
    held.ask(100, "ABC")
    held.bar(100)
    for stage in (held, bare):
        buy(stage, put(95))
        stage.bar(90)
        stage.close()
    assert (held.lots("ABC"), bare.lots("ABC")) == (0, 0)
    assert held.cash() == 20_000 - 10_000 - 100 + 9_500
    assert bare.cash() == 20_000 - 100 + 500


def test_a_covered_call_delivers_and_a_secured_put_takes() -> None:
    stage = stage_of()
    stage.ask(100, "ABC")
    stage.bar(100)
    sell(stage, call(105))
    stage.bar(107)
    stage.close()
    assert posted(stage)[0][:3] == (OptionEvent.ASSIGNED, call(105), 1)
    assert stage.lots("ABC") == 0
    assert stage.cash() == 20_000 - 10_000 + 100 + 10_500
    stage = stage_of(cash=9_400)
    sell(stage, put(95))
    stage.bar(80)
    stage.close()
    assert stage.lots("ABC") == 100
    assert stage.cash() == 0
    assert stage.power() == 0


@pytest.mark.parametrize("cash", (1_000, 20_000))
@pytest.mark.parametrize(
    ("price", "legs", "worth"),
    (
        (120, ((1, call(100)), (-1, call(105))), 500),
        (120, ((-1, call(100)), (1, call(105))), -500),
        (80, ((1, put(100)), (-1, put(95))), 500),
        (80, ((-1, put(100)), (1, put(95))), -500),
        (103, ((1, call(100)), (-1, call(105))), 300),
        (103, ((-1, call(100)), (1, call(105))), -300),
    ),
)
def test_a_spread_ends_worth_what_lies_between_its_strikes(
    price: int, cash: int, legs: tuple[tuple[int, str], ...], worth: int
) -> None:
    stage = stage_of(cash=cash)
    stage.package(*legs, limit="0.00")
    for _, symbol in legs:
        stage.quote(symbol, "1.00", "1.00")
    stage.bar(price)
    stage.close()
    equity = stage.cash() + price * stage.lots("ABC")
    assert equity == cash + worth
    assert stage.cash() >= 0
    assert stage.lots(legs[0][1]) == stage.lots(legs[1][1]) == 0


def test_only_what_ends_on_the_day_ends() -> None:
    stage = stage_of()
    buy(stage, call(100, 1))
    stage.bar(110)
    stage.close()
    assert posted(stage) == []
    stage.next_day()
    stage.close()
    assert [event for event, *_ in posted(stage)] == [OptionEvent.EXERCISED, OptionEvent.SHARES]


def test_the_end_of_an_option_is_no_day_trade_and_borrows_nothing() -> None:
    stage = stage_of()
    buy(stage, call(105))
    stage.close()
    assert stage.books.days["a"].day_trades == 0
    assert stage.books.ledger.balances["=lenders"]["=cash"] == 0


def test_an_option_needs_shares_that_can_be_delivered() -> None:
    made = option_settings()
    with pytest.raises(BadValue, match="expected the shares ABC"):
        option_settings(listings=made.listings[1:])
