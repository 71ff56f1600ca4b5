"""Busts, corrections and rejections: what they change, and what they leave."""

from decimal import Decimal

import pytest

from agenttrader.simulation.inputs import BustAsked, CorrectionAsked, FillPosted, RejectAsked
from agenttrader.simulation.orders import OrderClass, OrderType, Side, Status, StopLoss
from agenttrader.testing.venue_stage import VenueStage

LOSS = StopLoss(stop=Decimal(90))


def execution_of(stage: VenueStage, order: str) -> str:
    execution = stage[order].execution
    assert execution is not None
    return execution.id


def cash(stage: VenueStage) -> Decimal:
    return Decimal(stage.exchange.books.ledger.cash("a")) / 10**15


def fills(stage: VenueStage) -> list[str]:
    return [each.execution.id for each in stage.exchange.activities["a"] if isinstance(each, FillPosted)]


def test_a_bust_takes_an_execution_out_of_everything_but_the_status() -> None:
    stage = VenueStage()
    order = stage.order()
    stage.bar(2, 100)
    busted = execution_of(stage, order)
    assert stage.tell(BustAsked(execution_id=busted)) == ["order trade_bust 10@100.00"]
    assert stage.quantity() == 0
    assert cash(stage) == 10_000
    assert not fills(stage)
    assert (stage[order].status, stage[order].filled_lots, stage[order].execution) == (Status.FILLED, 0, None)
    assert stage.bar(3, 100) == []
    stage.tell(BustAsked(execution_id=busted))
    assert not stage.outcome.applied


def test_an_order_that_is_open_may_fill_again_what_was_busted() -> None:
    stage = VenueStage(volume_percent=10)
    order = stage.order()
    stage.bar(2, 100, volume=40)
    stage.tell(BustAsked(execution_id=execution_of(stage, order)))
    assert (stage[order].status, stage[order].leaves) == (Status.NEW, 10 * 10**9)
    assert stage.bar(3, 101) == ["order fill 10@101.00"]


def test_a_busted_entry_loses_its_legs() -> None:
    stage = VenueStage()
    entry = stage.order("entry", order_class=OrderClass.BRACKET, target=110, stop_loss=LOSS)
    stage.bar(2, 100)
    assert stage.tell(BustAsked(execution_id=execution_of(stage, entry))) == [
        *("entry trade_bust 10@100.00", "target canceled", "stop canceled"),
    ]


def test_a_bust_reaches_the_order_that_counts_the_fill() -> None:
    stage = VenueStage(volume_percent=10)
    old = stage.order(type=OrderType.LIMIT, limit_price=101)
    stage.bar(2, 100, volume=40)
    stage.replace(old, quantity=6)
    assert stage.outcome.order is not None
    new = stage.outcome.order.id
    stage.tell(BustAsked(execution_id=execution_of(stage, old)))
    assert (stage[old].filled_lots, stage[new].filled_lots, stage[new].leaves) == (0, 0, 6 * 10**9)


def test_a_correction_gives_an_execution_another_price_and_id() -> None:
    stage = VenueStage()
    order = stage.order()
    stage.bar(2, 100)
    before = execution_of(stage, order)
    told = stage.tell(CorrectionAsked(execution_id=before, price=Decimal(99)))
    assert told == ["order trade_correct 10@99.00"]
    (update,) = stage.outcome.updates
    assert getattr(update, "previous_execution_id", None) == before
    assert cash(stage) == 9_010
    assert stage[order].filled_value == 990 * 10**6 * 10**9
    assert fills(stage) == [execution_of(stage, order)] != [before]
    assert stage.exchange.books.ledger.cost("a", "ABC") == 990 * 10**15


def test_a_price_that_cannot_be_corrects_nothing() -> None:
    stage = VenueStage()
    order = stage.order()
    stage.bar(2, 100)
    with pytest.raises(ValueError, match="at most 6 decimals"):
        stage.tell(CorrectionAsked(execution_id=execution_of(stage, order), price=Decimal("1E-9")))
    assert cash(stage) == 9_000


def test_an_exchange_may_reject_what_it_had_accepted() -> None:
    stage = VenueStage()
    entry = stage.order(
        "entry", type=OrderType.LIMIT, limit_price=95, order_class=OrderClass.OTO, stop_loss=LOSS
    )
    told = stage.tell(RejectAsked(order_id=entry, message="no such member"))
    assert told == ["entry rejected", "stop canceled"]
    assert (stage[entry].status, stage[entry].rejection) == (Status.REJECTED, "no such member")
    assert stage.exchange.books.reserved("a") == 0
    stage.tell(RejectAsked(order_id=entry, message="again"))
    assert not stage.outcome.applied


def test_a_rejected_exit_leaves_its_sibling() -> None:
    stage = VenueStage()
    stage.order("entry")
    stage.bar(2, 100)
    asked = {"order_class": OrderClass.OCO, "target": 110, "stop_loss": LOSS}
    target = stage.order("target", side=Side.SELL, type=OrderType.LIMIT, **asked)
    assert stage.tell(RejectAsked(order_id=stage[target].legs[0], message="no")) == ["stop rejected"]
    assert stage.bar(3, 111) == ["target fill 10@111.00"]
