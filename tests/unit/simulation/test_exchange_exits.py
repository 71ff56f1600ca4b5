"""Exits without an entry (OCO), entries with one exit (OTO), and what exits do to each other."""

from decimal import Decimal

import pytest

from agenttrader.simulation.orders import OrderClass, OrderType, Side, Status, StopLoss, TimeInForce
from agenttrader.testing.venue_stage import VenueStage

OCO, OTO, BRACKET = OrderClass.OCO, OrderClass.OTO, OrderClass.BRACKET
LOSS = StopLoss(stop=Decimal(90))


def holding(**settings: int) -> VenueStage:
    """Ten shares, held at 100."""
    stage = VenueStage(**settings)
    stage.order("entry")
    stage.bar(2, 100)
    return stage


def exits(stage: VenueStage, **changes: object) -> str:
    asked = {"side": Side.SELL, "type": OrderType.LIMIT, "order_class": OCO, "target": 110, "stop_loss": LOSS}
    return stage.order("target", **(asked | changes))


def test_two_exits_hold_the_shares_once_and_the_target_stands_for_both() -> None:
    stage = holding()
    target = exits(stage)
    (stop,) = stage[target].legs
    assert (stage[target].limit, stage[target].stop) == (110 * 10**6, None)
    assert (stage[stop].type, stage[stop].entry, stage[stop].status) == (
        *(OrderType.STOP, target, Status.NEW),
    )
    assert "insufficient qty" in stage.refusal(side=Side.SELL, quantity=1)


def test_of_two_exits_the_one_that_fills_cancels_the_other() -> None:
    stage = holding()
    exits(stage)
    assert stage.bar(3, 100, 111, 100, 110) == ["target fill 10@110.00", "stop canceled"]
    stage = holding()
    exits(stage)
    assert stage.bar(3, 100, 111, 89, 90) == ["stop fill 10@90.00", "target canceled"]
    assert stage.quantity() == 0


def test_canceling_one_exit_cancels_both() -> None:
    stage = holding()
    target = exits(stage)
    assert stage.cancel(stage[target].legs[0]) == ["target canceled", "stop canceled"]
    assert stage.bar(3, 80) == []


def test_an_exit_that_fills_in_part_shrinks_the_other() -> None:
    stage = holding(volume_percent=10)
    target = exits(stage)
    stop = stage[target].legs[0]
    assert stage.bar(3, 100, 111, 100, 110, volume=40) == [
        *("target partial_fill 4@110.00", "stop restated"),
    ]
    assert stage[stop].leaves == 6 * 10**9
    assert "insufficient qty" in stage.refusal(side=Side.SELL, quantity=1)
    assert stage.bar(4, 95, 95, 89, 90, volume=40) == ["stop partial_fill 4@90.00", "target restated"]
    assert stage.bar(5, 100, 111, 100, 110) == ["stop fill 2@100.00", "target canceled"]
    assert stage.quantity() == 0


def test_exits_are_for_a_holding_and_entries_start_one() -> None:
    stage = VenueStage()
    asked = {
        "order_class": OCO,
        "type": OrderType.LIMIT,
        "target": 90,
        "stop_loss": StopLoss(stop=Decimal(110)),
    }
    assert stage.refusal(**asked) == "oco orders must be exit orders"
    stage = holding()
    assert stage.refusal(side=Side.SELL, order_class=OTO, target=90) == "oto orders must be entry orders"


@pytest.mark.parametrize(("exit_", "prices"), (({"target": 110}, 111), ({"stop_loss": LOSS}, 89)))
def test_an_entry_may_have_one_exit(exit_: dict[str, object], prices: int) -> None:
    stage = VenueStage()
    order = stage.order("entry", order_class=OTO, **exit_)
    (leg,) = stage[order].legs
    name = stage.names[leg]
    assert stage.bar(2, 100) == ["entry fill 10@100.00", f"{name} new"]
    assert stage.bar(3, prices) == [f"{name} fill 10@{prices}.00"]
    assert stage.quantity() == 0


def test_legs_wait_for_the_whole_entry_and_share_its_time_in_force() -> None:
    stage = VenueStage(volume_percent=10)
    entry = stage.order("entry", order_class=BRACKET, target=110, stop_loss=LOSS)
    assert stage.bar(2, 100, volume=50) == ["entry partial_fill 5@100.00"]
    assert [stage[leg].status for leg in stage[entry].legs] == [Status.HELD, Status.HELD]
    assert stage.bar(3, 100, 111, 89, 100, volume=50)[:3] == [
        *("entry fill 5@100.00", "target new", "stop new"),
    ]
    stage = VenueStage(volume_percent=10)
    entry = stage.order(order_class=BRACKET, target=110, stop_loss=LOSS, time_in_force=TimeInForce.GTC)
    stage.bar(2, 100)
    assert {stage[leg].time_in_force for leg in stage[entry].legs} == {TimeInForce.GTC}


def test_canceling_an_entry_that_filled_in_part_leaves_its_shares_unprotected() -> None:
    stage = VenueStage(volume_percent=10)
    entry = stage.order("entry", order_class=BRACKET, target=110, stop_loss=LOSS)
    stage.bar(2, 100, volume=50)
    assert stage.cancel(entry) == ["entry canceled", "target canceled", "stop canceled"]
    assert stage.quantity() == 5


def test_a_protecting_stop_may_have_a_limit() -> None:
    stage = VenueStage()
    loss = StopLoss(stop=Decimal(90), limit=Decimal(88))
    stage.order("entry", order_class=BRACKET, target=110, stop_loss=loss)
    stage.bar(2, 100)
    assert stage.bar(3, 85) == []
    assert stage.bar(4, 89) == ["stop fill 10@89.00", "target canceled"]


@pytest.mark.parametrize(
    ("changes", "found"),
    (
        ({"stop_loss": StopLoss(stop=Decimal(100))}, "needs stop_loss.stop_price below the last price"),
        (
            {"target": 90, "stop_loss": StopLoss(stop=Decimal(95))},
            "needs stop_loss.stop_price below the entry",
        ),
    ),
)
def test_exits_lie_on_their_sides(changes: dict[str, object], found: str) -> None:
    asked = {"side": Side.SELL, "type": OrderType.LIMIT, "order_class": OCO, "target": 110, "stop_loss": LOSS}
    assert found in holding().refusal(**(asked | changes))


def partly_entered() -> tuple[VenueStage, str]:
    """The entry of a bracket that has filled 4 of 10."""
    stage = VenueStage(volume_percent=10)
    entry = stage.order(
        "entry", type=OrderType.LIMIT, limit_price=101, order_class=BRACKET, target=110, stop_loss=LOSS
    )
    assert stage.bar(2, 100, volume=40) == ["entry partial_fill 4@100.00"]
    return stage, entry


def test_what_an_entry_has_filled_in_part_is_held_for_its_legs() -> None:
    stage, _ = partly_entered()
    assert "insufficient qty" in stage.refusal(side=Side.SELL, quantity=4)
    assert stage.bar(3, 100) == ["entry fill 6@100.00", "target new", "stop new"]
    assert stage.bar(4, 89) == ["stop fill 10@89.00", "target canceled"]
    assert stage.quantity() == 0


def test_what_an_entry_has_filled_in_part_is_free_when_it_is_canceled() -> None:
    stage, entry = partly_entered()
    stage.cancel(entry)
    stage.order("sale", side=Side.SELL, quantity=4)
    assert stage.bar(3, 100) == ["sale fill 4@100.00"]
