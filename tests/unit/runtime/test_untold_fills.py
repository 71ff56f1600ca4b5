from decimal import Decimal

from agenttrader.model.identifiers import ExecutionId, OrderId, Symbol
from agenttrader.model.orders import Side
from agenttrader.protocols.native import FillMade
from agenttrader.runtime.untold_fills import UntoldFills


def fill(name: str) -> FillMade:
    return FillMade(
        order_id=OrderId("o"),
        symbol=Symbol("ALFA"),
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(10),
        fee=Decimal(0),
        time="2026-11-20T14:31:00Z",
        execution_id=ExecutionId(name),
    )


def test_what_was_made_before_our_time_is_told_to_nobody() -> None:
    fills = UntoldFills()
    assert fills.told is None
    fills.catch_up((fill("1"),))
    assert fills.take() == []
    assert fills.told == ("1",)


def test_each_is_told_once_whatever_is_said_again() -> None:
    fills = UntoldFills()
    fills.catch_up(())
    fills.hear(fill("1"))
    fills.catch_up((fill("1"), fill("2")))
    assert fills.take() == [fill("1"), fill("2")]
    fills.catch_up((fill("1"), fill("2")))
    assert fills.take() == []


def test_after_a_restart_what_was_not_told_is() -> None:
    before = UntoldFills()
    before.catch_up(())
    before.hear(fill("1"))
    before.take()
    before.hear(fill("2"))
    fills = UntoldFills()
    fills.recall(before.told)
    fills.catch_up((fill("1"), fill("2")))
    assert fills.take() == [fill("2")]
