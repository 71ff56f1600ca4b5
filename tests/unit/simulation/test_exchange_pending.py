"""States that last: pending orders, cancels and replacements, and the fills that win against them."""

from decimal import Decimal

from agenttrader.simulation.inputs import Habits
from agenttrader.simulation.orders import OrderClass, OrderType, Side, Status, StopLoss, TimeInForce
from agenttrader.testing.venue_stage import CLOSE, VenueStage, at

PENDING = Habits(pending_seconds=30)
LOSS = StopLoss(stop=Decimal(90))


def resting(**changes: object) -> tuple[VenueStage, str]:
    """A limit order at 95 that has become new."""
    stage = VenueStage(habits=PENDING, **changes)
    order = stage.order(type=OrderType.LIMIT, limit_price=95)
    stage.watermark(2)
    assert stage[order].status is Status.NEW
    return stage, order


def test_a_new_order_is_pending_before_it_can_fill() -> None:
    stage = VenueStage(habits=PENDING)
    order = stage.order()
    assert stage[order].status is Status.PENDING_NEW
    assert stage.bar(2, 100) == []
    assert stage.watermark(2) == ["order new"]
    assert stage[order].updated_at == at(1, second=30)
    assert stage.bar(3, 100) == ["order fill 10@100.00"]


def test_a_cancel_is_pending_and_then_done() -> None:
    stage, order = resting()
    assert stage.cancel(order) == ["order pending_cancel"]
    assert stage.bar(3, 96) == []
    assert stage.watermark(3) == ["order canceled"]
    assert stage[order].updated_at == at(2, second=30)


def test_a_fill_wins_against_a_cancel() -> None:
    stage, order = resting()
    stage.cancel(order)
    assert stage.bar(3, 90) == ["order fill 10@90.00", "order order_cancel_rejected"]
    assert stage.watermark(3) == []
    assert stage[order].status is Status.FILLED


def test_what_is_pending_cannot_be_canceled_or_replaced_again() -> None:
    stage, order = resting()
    stage.cancel(order)
    stage.cancel(order)
    assert stage.outcome.refusal is not None
    assert stage.outcome.refusal.message == "order is not cancelable: it is pending_cancel"
    stage.replace(order, limit_price=96)
    assert stage.outcome.refusal.message == "order cannot be replaced: it is pending_cancel"


def test_a_replacement_is_pending_and_then_in_its_place() -> None:
    stage, order = resting()
    assert stage.replace(order, limit_price=96) == ["order pending_replace", "new pending_new"]
    new = stage.outcome.order
    assert new is not None
    assert (new.status, new.replaces, stage[order].replaced_by) == (Status.PENDING_NEW, order, new.id)
    for each in (order, new.id):
        stage.cancel(each)
        assert stage.outcome.refusal is not None
    assert stage.watermark(3) == ["order replaced", "new new"]
    assert stage.bar(4, "95.50") == ["new fill 10@95.50"]


def test_a_fill_wins_against_a_replacement() -> None:
    stage, order = resting()
    stage.replace(order, limit_price=96)
    assert stage.bar(3, 94) == [
        *("order fill 10@94.00", "order order_replace_rejected", "new rejected"),
    ]
    assert stage.watermark(3) == []
    assert stage[order].replaced_by is None


def test_a_replacement_keeps_what_was_filled_meanwhile() -> None:
    stage, order = resting(volume_percent=10)
    stage.replace(order, quantity=8)
    assert stage.bar(3, 94, volume=30) == ["order partial_fill 3@94.00"]
    assert stage[order].status is Status.PENDING_REPLACE
    assert stage.watermark(3) == ["order replaced", "new new"]
    assert stage.bar(4, 94) == ["new fill 5@94.00"]
    assert stage.quantity() == 8


def test_a_replacement_that_is_smaller_than_what_was_filled_meanwhile_is_rejected() -> None:
    stage, order = resting(volume_percent=10)
    stage.replace(order, quantity=2)
    stage.bar(3, 94, volume=30)
    assert stage.watermark(3) == ["new rejected", "order order_replace_rejected"]
    assert stage[order].status is Status.PARTIALLY_FILLED


def test_a_trail_is_replaced_from_where_the_market_is_by_then() -> None:
    stage = VenueStage(habits=PENDING)
    order = stage.order(type=OrderType.TRAILING_STOP, trail_price=5)
    stage.watermark(2)
    stage.replace(order, trail=8)
    stage.bar(3, 100, 100, 90, 90)
    assert stage[order].stop == 95 * 10**6
    assert stage.watermark(3) == ["order replaced", "new new"]
    new = stage[order].replaced_by
    assert new is not None
    assert (stage[new].high_water, stage[new].stop) == (90 * 10**6, 98 * 10**6)


def test_the_larger_of_two_orders_sets_cash_aside_while_one_replaces_the_other() -> None:
    stage, order = resting()
    stage.replace(order, limit_price=99)
    assert stage.exchange.books.reserved("a") == 990 * 10**15
    stage, order = resting()
    stage.replace(order, limit_price=80)
    assert stage.exchange.books.reserved("a") == 950 * 10**15


def test_what_waits_to_replace_an_order_holds_only_what_that_has_not_filled() -> None:
    stage = VenueStage(habits=PENDING, volume_percent=10)
    stage.order("entry", type=OrderType.LIMIT, limit_price=101)
    stage.watermark(2)
    stage.bar(3, 100)
    sale = stage.order("sale", type=OrderType.LIMIT, limit_price=99, side=Side.SELL)
    stage.watermark(4)
    assert stage.bar(5, 100, volume=40) == ["sale partial_fill 4@100.00"]
    stage.watermark(5)
    stage.replace(sale, limit_price=98)
    assert stage.exchange.books.available("a", "ABC") == 0
    assert stage.bar(6, 100, volume=30) == ["sale partial_fill 3@100.00"]
    assert stage.exchange.books.available("a", "ABC") == 0
    assert stage.watermark(6) == ["sale replaced", "new new"]
    assert stage.exchange.books.available("a", "ABC") == 0


def test_what_waits_to_replace_an_order_needs_cash_only_for_what_that_has_not_filled() -> None:
    stage, order = resting(volume_percent=10)
    stage.bar(3, 94, volume=40)
    stage.watermark(3)
    stage.replace(order, limit_price=99)
    assert stage.exchange.books.reserved("a") == 6 * 99 * 10**15


def test_an_order_that_ends_takes_what_was_to_replace_it() -> None:
    stage, order = resting()
    stage.watermark(CLOSE - 1)
    stage.bar(CLOSE, 100)
    stage.replace(order, limit_price=96)
    stage.exchange.books.amend(stage[order])
    assert stage.watermark(CLOSE) == ["order expired", "order order_replace_rejected", "new rejected"]


def test_both_exits_of_a_bracket_are_pending_and_one_may_still_fill() -> None:
    stage = VenueStage(habits=PENDING)
    entry = stage.order("entry", order_class=OrderClass.BRACKET, target=110, stop_loss=LOSS)
    stage.watermark(2)
    stage.bar(3, 100)
    stage.watermark(3)
    assert stage.cancel(stage[entry].legs[0]) == ["target pending_cancel", "stop pending_cancel"]
    assert stage.bar(4, 89) == ["stop fill 10@89.00", "stop order_cancel_rejected", "target canceled"]
    assert stage.watermark(4) == []


def held_leg() -> tuple[VenueStage, str, str]:
    """A bracket whose entry rests at 95, and its stop, which is held."""
    stage = VenueStage(habits=PENDING)
    bracket = {"order_class": OrderClass.BRACKET, "target": 110, "stop_loss": LOSS}
    entry = stage.order("entry", type=OrderType.LIMIT, limit_price=95, **bracket)
    stage.watermark(2)
    return stage, entry, stage[entry].legs[1]


def test_the_cancel_of_a_held_leg_is_rejected_when_its_entry_fills_first() -> None:
    stage, entry, stop = held_leg()
    assert stage.cancel(stop) == ["entry pending_cancel"]
    assert stage.bar(3, 94) == [
        *("entry fill 10@94.00", "entry order_cancel_rejected"),
        *("target new", "stop new", "stop order_cancel_rejected"),
    ]
    assert stage.cancel(stop) == ["target pending_cancel", "stop pending_cancel"]
    assert stage.watermark(4) == ["target canceled", "stop canceled"]
    assert stage[entry].status is Status.FILLED


def test_the_cancel_of_a_held_leg_ends_it_with_its_entry() -> None:
    stage, _, stop = held_leg()
    stage.cancel(stop)
    assert stage.watermark(3) == ["entry canceled", "target canceled", "stop canceled"]


def test_a_held_leg_that_nobody_wants_canceled_hears_of_no_rejection() -> None:
    stage, entry, _ = held_leg()
    stage.cancel(entry)
    assert "stop order_cancel_rejected" not in stage.bar(3, 94)


def test_an_order_of_the_night_is_accepted_at_once_and_canceled_at_once() -> None:
    stage = VenueStage(habits=PENDING)
    stage.watermark(CLOSE + 200)
    order = stage.order(type=OrderType.LIMIT, limit_price=95)
    assert stage[order].status is Status.ACCEPTED
    assert stage.cancel(order) == ["order canceled"]


def test_what_was_filled_in_part_is_done_for_the_day_where_that_is_said() -> None:
    stage = VenueStage(habits=Habits(done_for_day=True), volume_percent=10)
    stage.order("day", type=OrderType.LIMIT, limit_price=101)
    stage.order("gtc", type=OrderType.LIMIT, limit_price=101, time_in_force=TimeInForce.GTC)
    stage.order("none", type=OrderType.LIMIT, limit_price=99)
    assert stage.bar(2, 100, volume=120) == ["day fill 10@100.00", "gtc partial_fill 2@100.00"]
    stage.order("part", type=OrderType.LIMIT, limit_price=102)
    stage.bar(3, 102, 102, "101.50", 102, volume=30)
    assert stage.watermark(CLOSE) == ["gtc done_for_day", "none expired", "part done_for_day"]
    assert stage.watermark(0, day=1) == ["gtc new", "part expired"]
    assert stage.bar(1, 100, day=1) == ["gtc fill 8@100.00"]
