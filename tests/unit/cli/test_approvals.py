"""What a person reads of an entry that waits: all of it, on lines that fit a screen and no agent draws."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.app.gateway.approvals import approvals_of
from agenttrader.cli import approvals
from agenttrader.model.orders import ExitPlan, OrderType, TimeInForce
from agenttrader.protocols.person_bodies import ApprovalBody
from agenttrader.testing.approving import ANN, TERMS, approved, asking, held
from agenttrader.testing.builders import at

WIDTH_MAX = 90


def shown(capsys: pytest.CaptureFixture[str], body: ApprovalBody) -> list[str]:
    approvals._tell(approvals._lines(body))
    return capsys.readouterr().out.splitlines()


def waiting(**changes: Any) -> ApprovalBody:
    driver = asking(replace(TERMS, persons_needed=2))
    approved(driver, held(driver, **changes), ANN)
    (body,) = approvals_of(driver.engine).approvals
    return body


def test_all_that_is_signed_for_is_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    body = waiting(type=OrderType.LIMIT, limit_price=Decimal("99.5"))
    lines = shown(capsys, body)
    expected = (
        f"order     {body.order_id}",
        "asks      +10 ALFA limit, limit 99.5, day",
        "agent     trader, strategy momentum",
        "reason    it rises",
        "exit      stop 95, target 110",
        "quote     ALFA 100 as shown, 100 now",
        "position  ALFA 0 now, 10 when it has filled",
        "limit     order_quantity 10 of 1000",
        "limit     gross_exposure_account 1000 of 10000000",
        "void      after a move against it of more than 0.02",
        "until     2026-11-20T14:36:00Z",
        "approved  1 of 2 ann",
        "requester eve",
        f"digest    {body.digest}",
    )
    assert [line for line in lines if line in expected] == list(expected)
    assert max(map(len, lines)) <= WIDTH_MAX
    assert not [line for line in lines if line.startswith("limit     ") and "1795" in line], (
        "times are no limits"
    )


def test_every_way_to_leave_and_every_price_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    plan = ExitPlan(stop=Decimal(95), trail=Decimal("1.5"), until=at(90), before_close_seconds=300)
    body = waiting(
        exit_plan=plan, type=OrderType.STOP_LIMIT, limit_price=Decimal(102), stop_price=Decimal(101)
    )
    lines = shown(capsys, body)
    assert "asks      +10 ALFA stop_limit, limit 102, stop 101, day" in lines
    assert "exit      stop 95, trail 1.5, by 2026-11-20T16:00:00Z, 300 s before the close" in lines


def test_what_an_agent_wrote_draws_no_other_line(capsys: pytest.CaptureFixture[str]) -> None:
    body = waiting(reason="small\n\x1b[2Aasks      +1 ALFA market, day")
    lines = shown(capsys, body)
    assert lines[1].startswith("asks      +10 ALFA market")
    assert lines[3] == "reason    small\\n\\x1b[2Aasks      +1 ALFA market, day"
    assert TimeInForce.DAY.value in lines[1]
