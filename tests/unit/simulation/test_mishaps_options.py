"""What an exchange may take back of options: a price; and what a rejection does to several at once."""

from decimal import Decimal

import pytest

from agenttrader.model.errors import BadValue
from agenttrader.simulation.inputs import (
    BustAsked,
    CorporateActionKind,
    CorporateActionSeen,
    CorrectionAsked,
    FillPosted,
    RejectAsked,
)
from agenttrader.simulation.listings import DOLLAR
from agenttrader.simulation.orders import Reason, Status
from agenttrader.testing.option_stage import OptionStage, call


def fills_of(stage: OptionStage) -> list[str]:
    return [each.execution.id for each in stage.exchange.activities["a"] if isinstance(each, FillPosted)]


def assert_stands(stage: OptionStage, mishap: BustAsked | CorrectionAsked) -> None:
    outcome = stage.tell(mishap)
    assert outcome.refusal is not None
    assert outcome.refusal.reason is Reason.NOT_FOUND


def test_an_execution_of_options_is_not_busted_and_none_of_several_corrected() -> None:
    stage = OptionStage()
    stage.ask(1, call(100), "2.00")
    stage.quote(call(100), "1.90", "2.00")
    (single,) = fills_of(stage)
    assert_stands(stage, BustAsked(execution_id=single))
    stage.package((1, call(95)), (-1, call(105)), limit="6.00")
    stage.quote(call(95), "5.00", "5.50")
    stage.quote(call(105), "0.50", "0.60")
    legs = fills_of(stage)[1:]
    assert len(legs) == 2
    for leg in legs:
        assert_stands(stage, BustAsked(execution_id=leg))
        assert_stands(stage, CorrectionAsked(execution_id=leg, price=Decimal(1)))
    assert stage.lots(call(100)) == 1


@pytest.mark.parametrize("has_ended", (False, True))
def test_the_price_of_an_order_in_one_option_is_corrected(has_ended: bool) -> None:  # noqa: FBT001
    stage = OptionStage()
    order = stage.ask(2, call(100), "2.00")
    stage.quote(call(100), "1.90", "2.00")
    if has_ended:
        stage.bar(99)
        stage.close()
    (single,) = fills_of(stage)
    assert stage.tell(CorrectionAsked(execution_id=single, price=Decimal("1.50"))).applied
    assert fills_of(stage) != [single]
    assert stage.cash() == 20_000 - 300
    assert stage.books.ledger.cost("a", call(100)) == (0 if has_ended else 300 * DOLLAR)
    assert stage.now(order).filled_value * 100 == 300 * 10**6
    assert stage.lots(call(100)) == (0 if has_ended else 2)


@pytest.mark.parametrize("place", (0, 1, 2))
def test_a_rejection_ends_several_options_at_once(place: int) -> None:
    stage = OptionStage()
    order = stage.now(stage.package((1, call(100)), (-1, call(105)), limit="1.00"))
    ids = (order.id, *order.legs)
    assert stage.tell(RejectAsked(order_id=ids[place], message="halted")).applied
    assert [stage.books.orders[each].status for each in ids] == [Status.REJECTED] * 3
    assert stage.power() == 20_000


def test_shares_with_options_on_them_do_not_split() -> None:
    stage = OptionStage()
    split = CorporateActionSeen(
        symbol="ABC", time=stage.time, kind=CorporateActionKind.SPLIT, new_rate=Decimal(2)
    )
    with pytest.raises(BadValue, match="expected no split"):
        stage.tell(split)
