"""Quotes meet orders: what fills, at which price, how much of it, and what never does."""

from decimal import Decimal

import pytest

from agenttrader.model.errors import BadValue
from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.inputs import AccountOpening, CancelAsked, Habits, HaltSeen, OrderChanged
from agenttrader.simulation.orders import Event, OrderClass, Status
from agenttrader.simulation.quotes import QuoteSeen
from agenttrader.testing.option_stage import OptionStage, call, put

TWO = tuple(
    AccountOpening(name=name, cash=Decimal(20_000), shorting=True, options_level=3) for name in ("a", "b")
)


def test_a_buy_takes_the_ask_and_a_sale_the_bid() -> None:
    stage = OptionStage()
    stage.quote(call(100), "1.90", "2.00")
    bought = stage.ask(3, call(100))
    assert stage.now(bought).status is Status.NEW
    stage.quote(call(100), "1.95", "2.05")
    order = stage.now(bought)
    assert (order.status, order.filled_lots) == (Status.FILLED, 3)
    assert stage.cash() == 20_000 - 3 * 205
    stage.ask(-3, call(100))
    stage.quote(call(100), "2.10", "2.20")
    assert stage.lots(call(100)) == 0
    assert stage.cash() == 20_000 - 3 * 205 + 3 * 210


def test_a_limit_is_kept_and_what_is_better_is_taken() -> None:
    stage = OptionStage()
    order = stage.ask(1, call(100), "2.00")
    stage.quote(call(100), "1.90", "2.05")
    assert stage.now(order).status is Status.NEW
    stage.quote(call(100), "1.80", "1.95")
    assert stage.cash() == 20_000 - 195
    sale = stage.ask(-1, call(100), "2.50")
    stage.quote(call(100), "2.45", "2.60")
    assert stage.now(sale).status is Status.NEW
    stage.quote(call(100), "2.55", "2.60")
    assert stage.cash() == 20_000 - 195 + 255


def test_a_quote_is_taken_up_to_its_size_once_and_by_each_account_alone() -> None:
    stage = OptionStage(accounts=TWO)
    first, second = stage.ask(4, call(100), "2.00"), stage.ask(4, call(100), "2.00")
    other = stage.ask(4, call(100), "2.00", account="b")
    stage.quote(call(100), "1.90", "2.00", ask_size=6)
    filled = [stage.now(each).filled_lots for each in (first, second, other)]
    assert filled == [4, 2, 4]
    assert stage.now(second).status is Status.PARTIALLY_FILLED
    stage.quote(call(100), "1.90", "2.00", ask_size=1)
    assert stage.now(second).filled_lots == 3


def test_what_stood_before_the_order_and_an_empty_side_fill_nothing() -> None:
    stage = OptionStage()
    stage.quote(call(100), "1.90", "2.00")
    order = stage.ask(1, call(100), "3.00")
    stage.quote(call(100), "1.90", None)
    stage.quote(call(100), None, "2.00", ask_size=0)
    stage.bar(100)
    assert stage.now(order).status is Status.NEW


def test_bars_of_an_option_and_quotes_of_a_share_are_passed_over() -> None:
    stage = OptionStage()
    order = stage.ask(1, call(100), "3.00")
    assert not stage.bar(1, call(100)).applied
    assert not stage.quote("ABC", "1.00", "2.00").applied
    assert stage.now(order).status is Status.NEW


def test_a_quote_told_twice_or_late_changes_nothing_and_one_that_is_crossed_is_refused() -> None:
    stage = OptionStage()
    stage.quote(call(100), "1.90", "2.00")
    (last,) = stage.told[-1:]
    assert not stage.tell(last).applied
    assert isinstance(last, QuoteSeen)
    assert not stage.tell(QuoteSeen(symbol=call(100), time=Instant(MINUTE))).applied
    with pytest.raises(BadValue, match="a bid of at most the ask"):
        stage.quote(call(100), "2.00", "1.95")
    with pytest.raises(BadValue, match="ask_size"):
        stage.tell(
            QuoteSeen(
                symbol=call(100), time=Instant(stage.time + MINUTE), ask=Decimal(1), ask_size=Decimal("0.5")
            )
        )


def test_a_halt_of_the_option_or_of_its_shares_fills_nothing() -> None:
    for halted in ("ABC", call(100)):
        stage = OptionStage()
        order = stage.ask(1, call(100), "3.00")
        stage.tell(HaltSeen(symbol=halted, time=stage.time, halted=True))
        stage.quote(call(100), "1.90", "2.00")
        assert stage.now(order).status is Status.NEW
        stage.tell(HaltSeen(symbol=halted, time=stage.time, halted=False))
        stage.quote(call(100), "1.90", "2.00")
        assert stage.now(order).status is Status.FILLED


def test_an_order_ends_with_its_session_and_quotes_outside_of_one_fill_nothing() -> None:
    stage = OptionStage()
    order = stage.ask(1, call(100, 1), "3.00")
    stage.close()
    assert stage.now(order).status is Status.EXPIRED
    waiting = stage.ask(1, call(100, 1), "3.00")
    stage.quote(call(100, 1), "1.90", "2.00")
    assert stage.now(waiting).status is Status.ACCEPTED
    stage.next_day()
    assert stage.now(waiting).status is Status.NEW
    stage.quote(call(100, 1), "1.90", "2.00")
    assert stage.now(waiting).status is Status.FILLED


def test_several_options_fill_in_one_step_by_whole_units_where_each_has_a_quote() -> None:
    stage = OptionStage()
    order = stage.package((1, call(100)), (-2, call(105)), (1, call(110)), units=5, limit="0.60")
    stage.quote(call(100), "2.40", "2.50")
    stage.quote(call(110), "0.05", "0.10")
    assert stage.now(order).status is Status.NEW
    told = stage.quote(call(105), "1.00", "1.10", bid_size=7).updates
    whole = stage.now(order)
    assert (whole.status, whole.filled_lots, whole.leaves) == (Status.PARTIALLY_FILLED, 3, 2)
    assert [stage.lots(call(strike)) for strike in (100, 105, 110)] == [3, -6, 3]
    assert stage.cash() == 20_000 - 3 * 60
    events = [each for each in told if isinstance(each, OrderChanged)]
    assert [each.event for each in events] == [Event.PARTIAL_FILL] * 4
    assert [each.order.symbol for each in events] == [call(100), call(105), call(110), ""]
    assert [each.status for each in events[-1].legs] == [Status.PARTIALLY_FILLED] * 3
    stage.quote(call(105), "1.00", "1.10", bid_size=4)
    assert stage.now(order).status is Status.FILLED
    assert {stage.books.orders[leg].status for leg in whole.legs} == {Status.FILLED}


def test_a_net_limit_is_kept_whether_it_is_paid_or_received() -> None:
    stage = OptionStage()
    credit = stage.package((-1, put(100)), (1, put(95)), limit="-1.00")
    stage.quote(put(100), "1.90", "2.00")
    stage.quote(put(95), "0.90", "0.95")
    assert stage.now(credit).status is Status.NEW
    stage.quote(put(95), "0.80", "0.90")
    assert stage.now(credit).status is Status.FILLED
    assert stage.cash() == 20_000 + 100


def test_what_one_order_has_taken_another_cannot() -> None:
    stage = OptionStage()
    stage.ask(8, call(100), "3.00")
    spread = stage.package((1, call(100)), (-1, call(105)), units=5, limit="3.00")
    stage.quote(call(105), "1.00", "1.10")
    stage.quote(call(100), "2.00", "2.05")
    assert stage.now(spread).filled_lots == 2


def test_a_package_is_canceled_whole_by_its_own_id_or_a_leg_s() -> None:
    for name in (0, 1):
        stage = OptionStage()
        order = stage.now(stage.package((1, call(100)), (-1, call(105)), limit="1.00"))
        ids = (order.id, *order.legs)
        stage.tell(CancelAsked(account="a", order_id=ids[name]))
        assert {stage.books.orders[each].status for each in ids} == {Status.CANCELED}
        assert stage.power() == 20_000


def test_a_package_that_is_pending_fills_before_its_cancel_arrives() -> None:
    stage = OptionStage(habits=Habits(pending_seconds=90))
    order = stage.now(stage.package((1, call(100)), (-1, call(105)), limit="1.00"))
    assert order.status is Status.PENDING_NEW
    stage.quote(call(100), "1.40", "1.50")
    stage.quote(call(100), "1.45", "1.50")
    stage.tell(CancelAsked(account="a", order_id=order.id))
    told = stage.quote(call(105), "0.70", "0.80").updates
    assert stage.books.orders[order.id].status is Status.FILLED
    assert stage.books.orders[order.id].order_class is OrderClass.MLEG
    late = [
        each.order.symbol
        for each in told
        if isinstance(each, OrderChanged) and each.event is Event.ORDER_CANCEL_REJECTED
    ]
    assert late == [call(100), call(105), ""]
