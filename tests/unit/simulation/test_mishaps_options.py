"""What an exchange may not take back: executions of options; and what a rejection does to several at once."""

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
from agenttrader.simulation.orders import Reason, Status
from agenttrader.testing.option_stage import OptionStage, call


def test_an_execution_of_an_option_stands() -> None:
    stage = OptionStage()
    stage.ask(1, call(100), "2.00")
    stage.quote(call(100), "1.90", "2.00")
    (fill,) = stage.exchange.activities["a"]
    assert isinstance(fill, FillPosted)
    for mishap in (
        BustAsked(execution_id=fill.execution.id),
        CorrectionAsked(execution_id=fill.execution.id, price=Decimal(1)),
    ):
        outcome = stage.tell(mishap)
        assert outcome.refusal is not None
        assert outcome.refusal.reason is Reason.NOT_FOUND
    assert stage.lots(call(100)) == 1


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
