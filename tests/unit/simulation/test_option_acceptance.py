"""Which orders in options an account may have: its level, its shares, its cash, and the rest of the rules."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.simulation.inputs import AccountOpening, CancelAsked, Habits, Outcome, ReplaceAsked
from agenttrader.simulation.orders import (
    Intent,
    OrderClass,
    OrderType,
    Reason,
    Replacement,
    Status,
    StopLoss,
    TimeInForce,
)
from agenttrader.testing.option_stage import OptionStage, call, put

UNCOVERED = "uncovered option"


def stage_of(level: int = 3, cash: int = 20_000, **opening: Any) -> OptionStage:
    return OptionStage(
        accounts=(
            AccountOpening(name="a", cash=Decimal(cash), shorting=True, options_level=level, **opening),
        )
    )


def with_shares(stage: OptionStage, count: int = 100) -> OptionStage:
    stage.ask(count, "ABC")
    stage.bar(100)
    assert stage.lots("ABC") == count
    return stage


def refused(outcome: Outcome, reason: Reason, message: str) -> None:
    assert outcome.refusal is not None, outcome.order
    assert outcome.refusal.reason is reason
    assert message in outcome.refusal.message


@pytest.mark.parametrize(
    ("changes", "message"),
    (
        ({"time_in_force": TimeInForce.IOC}, "day or gtc orders"),
        ({"type": OrderType.STOP, "limit_price": None, "stop_price": Decimal(2)}, "market or limit"),
        ({"extended_hours": True}, "extended hours"),
        (
            {
                "order_class": OrderClass.BRACKET,
                "target": Decimal(5),
                "stop_loss": StopLoss(stop=Decimal(1)),
            },
            "simple or mleg",
        ),
        ({"quantity": "1.5"}, "qty"),
        ({"limit": "3.01"}, "limit_price"),
    ),
)
def test_orders_in_options_are_plain(changes: dict[str, Any], message: str) -> None:
    asked: dict[str, Any] = {"quantity": 1, "limit": "2.00"} | changes
    refused(OptionStage().ask(symbol=call(100), **asked), Reason.INVALID, message)


def test_each_level_has_its_orders() -> None:
    buy, cover, secured = (1, call(100)), (-1, call(105)), (-1, put(95))
    spread = ((1, call(100)), (-1, call(105)))
    for level, taken in ((0, ()), (1, (cover, secured)), (2, (buy, cover, secured))):
        stage = with_shares(stage_of(level, 30_000))
        for lots, symbol in (buy, cover, secured):
            outcome = stage.ask(lots, symbol, "1.00")
            assert (outcome.refusal is None) is ((lots, symbol) in taken), (level, lots, symbol)
        refused(stage.package(*spread, limit="1.00"), Reason.FORBIDDEN, "not eligible")
    assert stage_of(3).package(*spread, limit="1.00").refusal is None


def test_below_level_three_what_is_sold_stands_by_itself() -> None:
    stage = stage_of(2)
    stage.ask(1, call(100), "1.00")
    stage.quote(call(100), "0.90", "1.00")
    refused(stage.ask(-1, call(105), "0.50"), Reason.FORBIDDEN, UNCOVERED)
    stage = stage_of(2, 9_400)
    refused(stage.ask(-1, put(95), "1.00"), Reason.FORBIDDEN, "required: 9500.00")


def test_a_call_is_covered_by_shares_which_then_cannot_be_sold() -> None:
    stage = stage_of()
    refused(stage.ask(-1, call(105), "1.00"), Reason.FORBIDDEN, UNCOVERED)
    with_shares(stage, 150)
    sold = stage.ask(-1, call(105), "1.00")
    refused(stage.ask(-1, call(105), "1.00"), Reason.FORBIDDEN, UNCOVERED)
    refused(stage.ask(-51, "ABC"), Reason.FORBIDDEN, "available: 50")
    stage.quote(call(105), "1.00", "1.10")
    assert stage.now(sold).status is Status.FILLED
    refused(stage.ask(-51, "ABC"), Reason.FORBIDDEN, "available: 50")
    stage.ask(1, call(105), "1.10")
    stage.quote(call(105), "1.00", "1.10")
    assert stage.ask(-150, "ABC").refusal is None


def test_shares_that_an_order_holds_cover_no_call() -> None:
    stage = with_shares(stage_of())
    stage.ask(-1, "ABC", "120")
    refused(stage.ask(-1, call(105), "1.00"), Reason.FORBIDDEN, UNCOVERED)


def test_the_long_call_of_a_spread_cannot_be_sold_alone() -> None:
    stage = stage_of()
    stage.package((1, call(100)), (-1, call(105)), limit="1.00")
    stage.quote(call(100), "1.40", "1.50")
    stage.quote(call(105), "0.60", "0.70")
    assert stage.lots(call(105)) == -1
    refused(stage.ask(-1, call(100), "1.00"), Reason.FORBIDDEN, UNCOVERED)
    assert stage.package((-1, call(100)), (1, call(105)), limit="-0.50").refusal is None


def test_what_is_long_is_paid_whole_and_worth_nothing_to_buy_with() -> None:
    stage = stage_of(cash=500)
    refused(stage.ask(3, call(100), "2.00"), Reason.FORBIDDEN, "insufficient options buying power")
    stage.ask(2, call(100), "2.00")
    assert stage.power() == 100
    stage.quote(call(100), "1.90", "2.00")
    assert stage.power() == 100
    assert stage.cash() == 100
    stage.quote(call(100), "4.00", "4.10")
    assert stage.power() == 100


def test_a_market_order_sets_the_ask_and_some_per_cent_aside() -> None:
    stage = stage_of(cash=206)
    refused(stage.ask(1, call(100)), Reason.UNPROCESSABLE, "no quote")
    stage.quote(call(100), "1.90", "2.00")
    refused(stage.ask(2, call(100)), Reason.FORBIDDEN, "required: 412.00")
    assert stage.ask(1, call(100)).refusal is None
    assert stage.power() == 0


def test_a_put_that_is_sold_needs_its_strike() -> None:
    stage = stage_of(cash=9_400)
    assert stage.ask(-1, put(95), "1.00").refusal is None
    assert stage.power() == 0
    refused(stage.ask(1, call(110), "0.05"), Reason.FORBIDDEN, "buying power")
    stage.quote(put(95), "1.00", "1.10")
    assert stage.cash() == 9_500
    assert stage.power() == 0


def test_a_credit_spread_needs_its_largest_loss_and_closing_it_nothing() -> None:
    stage = stage_of(cash=350)
    spread = ((-1, call(100)), (1, call(105)))
    refused(stage.package(*spread, limit="-1.40"), Reason.FORBIDDEN, "required: 360.00, available: 350.00")
    stage.package(*spread, limit="-1.50")
    assert stage.power() == 0
    stage.quote(call(100), "2.50", "2.60")
    stage.quote(call(105), "0.90", "1.00")
    assert stage.cash() == 500
    assert stage.power() == 0
    back = stage.package((1, call(100)), (-1, call(105)), limit="2.00")
    assert back.refusal is None
    stage.quote(call(100), "2.50", "2.60")
    stage.quote(call(105), "0.90", "1.00")
    assert stage.now(back).status is Status.FILLED
    assert stage.cash() == 330
    assert stage.power() == 330


def test_a_spread_may_be_made_leg_by_leg() -> None:
    stage = stage_of(cash=1_000)
    stage.ask(1, call(100), "2.00")
    stage.quote(call(100), "1.90", "2.00")
    assert stage.ask(-1, call(105), "1.00").refusal is None
    stage.quote(call(105), "1.00", "1.10")
    assert stage.cash() == 900
    assert stage.power() == 900


def test_under_leverage_options_need_one_s_own_money() -> None:
    stage = stage_of(cash=10_000, multiplier=4)
    refused(stage.ask(60, call(100), "2.00"), Reason.FORBIDDEN, "available: 10000.00")
    stage.package((-1, call(100)), (1, call(105)), limit="-1.50")
    assert stage.power() == 10_000 - 350
    stage.quote(call(100), "2.50", "2.60")
    stage.quote(call(105), "0.90", "1.00")
    assert stage.power() == 10_000 - 350


@pytest.mark.parametrize(
    ("legs", "changes", "message"),
    (
        (((1, call(100)),), {}, "two to four"),
        (tuple((1, call(each)) for each in (90, 95, 100, 105, 110)), {}, "two to four"),
        (((1, call(100)), (-1, call(100))), {}, "another symbol"),
        (((1, call(100)), (-1, "ABC")), {}, "options that are listed"),
        (((1, call(100)), (-1, "XYZ261120C00100000")), {}, "options that are listed"),
        (((2, call(100)), (-2, call(105))), {}, "smallest whole numbers"),
        (((1, call(100)), ("-1.5", call(105))), {}, "whole numbers"),
        (((1, call(100)), (-1, call(105))), {"units": "0.5"}, "qty"),
        (((1, call(100)), (-1, call(105))), {"limit": "1.005"}, "limit_price"),
        (((1, call(100)), (-1, call(105))), {"limit": None, "type": OrderType.LIMIT}, "limit_price"),
        (((1, call(100)), (-1, call(105))), {"type": OrderType.MARKET}, "limit_price"),
        (((1, call(100)), (-1, call(105))), {"type": OrderType.STOP}, "market or limit"),
        (((1, call(100)), (-1, call(105))), {"time_in_force": TimeInForce.FOK}, "day or gtc orders"),
    ),
)
def test_packages_are_two_to_four_options_in_simple_ratios(
    legs: tuple[tuple[int | str, str], ...], changes: dict[str, Any], message: str
) -> None:
    refused(OptionStage().package(*legs, **({"limit": "1.00"} | changes)), Reason.INVALID, message)


def test_an_intent_is_what_the_order_does() -> None:
    stage, spread = OptionStage(), ((1, call(100)), (-1, call(105)))
    opens = (Intent.BUY_TO_OPEN, Intent.SELL_TO_OPEN)
    closes = (Intent.BUY_TO_OPEN, Intent.SELL_TO_CLOSE)
    refused(
        stage.package(*spread, limit="1.00", intents=closes), Reason.UNPROCESSABLE, "inferred: sell_to_open"
    )
    refused(stage.package(*spread, limit="1.00", intents=opens[::-1]), Reason.INVALID, "the side of")
    order = stage.now(stage.package(*spread, limit="1.00", intents=opens))
    assert [stage.books.orders[leg].intent for leg in order.legs] == list(opens)


def test_more_than_is_held_is_not_closed() -> None:
    stage = OptionStage()
    stage.ask(2, call(100), "2.00")
    stage.quote(call(100), "1.90", "2.00")
    refused(stage.ask(-3, call(100), "2.00"), Reason.FORBIDDEN, "requested: 3, available: 2")
    stage.ask(-1, call(100), "5.00")
    refused(
        stage.package((-1, call(100)), (1, put(90)), units=2, limit="1.00"), Reason.FORBIDDEN, "available: 1"
    )


def test_what_has_expired_and_what_has_no_price_is_refused() -> None:
    stage = OptionStage()
    stage.close()
    refused(stage.ask(1, call(100), "2.00"), Reason.UNPROCESSABLE, "has expired")
    assert stage.ask(1, call(100, 1), "2.00").refusal is None
    bare = OptionStage()
    del bare.books.marks["ABC"]
    refused(bare.ask(1, call(100), "2.00"), Reason.UNPROCESSABLE, "ABC has no price")


def test_a_client_s_id_is_used_once_and_a_refusal_uses_none() -> None:
    stage = OptionStage()
    spread = ((1, call(100)), (-1, call(105)))
    assert stage.package(*spread, limit="1.005", client_order_id="mine").refusal is not None
    assert stage.package(*spread, limit="1.00", client_order_id="mine").refusal is None
    refused(stage.package(*spread, limit="1.00", client_order_id="mine"), Reason.INVALID, "unique")


def replaced(stage: OptionStage, order: Outcome, **changes: Any) -> Outcome:
    order_id = stage.now(order).id
    return stage.tell(ReplaceAsked(account="a", order_id=order_id, replacement=Replacement(**changes)))


def test_an_order_in_one_option_is_replaced() -> None:
    stage = OptionStage()
    first = stage.ask(2, call(100), "2.00")
    assert stage.power() == 20_000 - 400
    second = replaced(stage, first, limit_price=Decimal("2.50"), quantity=Decimal(3))
    assert stage.now(first).status is Status.REPLACED
    assert (stage.now(second).lots, stage.now(second).intent) == (3, Intent.BUY_TO_OPEN)
    assert stage.power() == 20_000 - 750
    stage.quote(call(100), "2.10", "2.20", ask_size=1)
    third = replaced(stage, second, quantity=Decimal(2))
    stage.quote(call(100), "2.10", "2.20")
    assert (stage.now(third).status, stage.lots(call(100))) == (Status.FILLED, 2)
    sale = stage.ask(-1, call(100), "9.00")
    refused(replaced(stage, sale, quantity=Decimal(3)), Reason.FORBIDDEN, "insufficient qty")
    assert replaced(stage, sale, quantity=Decimal(2)).refusal is None
    assert stage.books.available("a", call(100)) == 0


def test_what_a_replacement_is_more_is_asked_as_of_a_new_order() -> None:
    stage = stage_of(cash=1_000)
    bought = stage.ask(1, call(100), "6.00")
    for changes, message in (
        ({"limit_price": Decimal("10.05")}, "required: 405.00, available: 400.00"),
        ({"quantity": Decimal(2)}, "required: 600.00, available: 400.00"),
    ):
        refused(replaced(stage, bought, **changes), Reason.FORBIDDEN, message)
    assert replaced(stage, bought, limit_price=Decimal(10)).refusal is None
    assert stage.power() == 0
    covered = with_shares(stage_of(level=1))
    written = covered.ask(-1, call(105), "1.00")
    refused(replaced(covered, written, quantity=Decimal(2)), Reason.FORBIDDEN, UNCOVERED)
    secured = stage_of(level=1, cash=9_500)
    written = secured.ask(-1, put(90), "1.00")
    refused(replaced(secured, written, quantity=Decimal(2)), Reason.FORBIDDEN, "insufficient buying power")
    cheaper = replaced(secured, written, limit_price=Decimal("0.50"))
    assert cheaper.refusal is None
    assert secured.power() == 9_500 - 9_000 + 50


def test_of_an_order_and_what_is_to_replace_it_the_larger_counts() -> None:
    stage = OptionStage(habits=Habits(pending_seconds=90))
    bought = stage.ask(2, call(100), "2.00")
    for _ in range(3):
        stage.bar(100)
    waiting = replaced(stage, bought, limit_price=Decimal("1.00"))
    assert (stage.now(bought).status, stage.now(waiting).status) == (
        Status.PENDING_REPLACE,
        Status.PENDING_NEW,
    )
    assert stage.power() == 20_000 - 400
    stage.quote(call(100), "1.90", "2.00", ask_size=1)  # which the old order still meets
    assert stage.lots(call(100)) == 1
    for _ in range(3):
        stage.bar(100)
    assert stage.now(waiting).status is Status.PARTIALLY_FILLED
    assert stage.power() == 20_000 - 200 - 100


def test_an_order_good_till_canceled_lasts_to_the_end_of_its_option() -> None:
    stage = OptionStage()
    today = stage.ask(1, call(100), "2.00", time_in_force=TimeInForce.GTC)
    monday = stage.ask(1, call(100, 1), "2.00", time_in_force=TimeInForce.GTC)
    spread = stage.package((1, call(100, 1)), (-1, call(105)), limit="1.00", time_in_force=TimeInForce.GTC)
    day = stage.ask(1, call(105, 1), "2.00")
    kept = replaced(stage, day, time_in_force=TimeInForce.GTC)
    stage.close()
    for order in (today, spread):
        assert stage.now(order).status is Status.CANCELED
    assert {each.status for each in stage.books.legs_of(stage.now(spread))} == {Status.CANCELED}
    stage.next_day()
    stage.quote(call(100, 1), "1.90", "2.00")
    assert stage.now(monday).status is Status.FILLED
    assert stage.now(kept).status.is_open
    refused(
        stage.ask(1, call(100), "2.00", time_in_force=TimeInForce.GTC), Reason.UNPROCESSABLE, "has expired"
    )
    stage.close()
    assert stage.now(kept).status is Status.CANCELED
    late = stage.ask(1, call(100, 1), "2.00", time_in_force=TimeInForce.GTC)
    refused(late, Reason.UNPROCESSABLE, "no session is known")


def test_what_of_options_cannot_be_replaced_says_so() -> None:
    stage = OptionStage()
    spread = stage.package((1, call(100)), (-1, call(105)), limit="1.00")
    refused(replaced(stage, spread, limit_price=Decimal("1.50")), Reason.UNPROCESSABLE, "mleg orders cannot")
    bought = stage.ask(1, call(100), "2.00")
    refused(replaced(stage, bought, limit_price=Decimal("3.01")), Reason.INVALID, "limit_price")
    refused(replaced(stage, bought, stop_price=Decimal(3)), Reason.INVALID, "stop_price")
    for outcome in (spread, bought):
        stage.tell(CancelAsked(account="a", order_id=stage.now(outcome).id))
        assert stage.now(outcome).status is Status.CANCELED


def test_options_are_day_trades_too() -> None:
    stage = OptionStage(
        accounts=(
            AccountOpening(
                name="a", cash=Decimal(20_000), shorting=True, options_level=3, day_trade_rule=True
            ),
        )
    )
    for _ in range(3):
        stage.ask(1, call(100), "2.00")
        stage.quote(call(100), "1.90", "2.00")
        stage.ask(-1, call(100), "1.00")
        stage.quote(call(100), "1.90", "2.00")
    stage.package((1, call(100)), (-1, call(105)), limit="2.00")
    stage.quote(call(100), "1.90", "2.00")
    stage.quote(call(105), "0.90", "1.00")
    refused(
        stage.package((-1, call(100)), (1, call(105)), limit="-0.50"), Reason.DAY_TRADE, "pattern day trading"
    )
