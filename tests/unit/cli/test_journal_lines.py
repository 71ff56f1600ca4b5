"""The line of each kind, for the golden records of the model's tests."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agenttrader.cli.journal_lines import line_for_person, tell
from agenttrader.model.decisions import Check, Verdict
from agenttrader.model.events import Decided, Event, FeesPosted, Reconciled
from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import Leg, OrderType
from agenttrader.model.records import Chain, Sealed, unseal
from agenttrader.model.times import Instant

HERE = Path(__file__).parent


def read(line: str) -> Sealed[Event]:
    golden = json.loads(line)
    body = golden["body"].encode()
    return unseal(
        golden["sequence"], golden["time"], golden["kind"], body, golden["previous"], golden["hash"]
    )


RECORDS = [
    read(line)
    for line in (HERE.parent / "model" / "golden_records.jsonl").read_text(encoding="utf-8").splitlines()
]
LINES = (HERE / "golden_lines.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("index", range(len(RECORDS)), ids=lambda index: RECORDS[index].kind)
def test_every_kind_reads_as_a_line(index: int) -> None:
    """The expected lines were read by a person; change them only where the new ones read better."""
    assert line_for_person(RECORDS[index]) == LINES[index]


def of_kind(kind: str) -> Any:
    return next(record.event for record in RECORDS if record.kind == kind)


def test_an_approval_says_what_was_asked_for() -> None:
    asked: Decided = of_kind("decided.1")
    approved = msgspec.structs.replace(
        asked,
        decision=msgspec.structs.replace(asked.decision, verdict=Verdict.APPROVED, denied_by=None),
        proposal=msgspec.structs.replace(
            asked.proposal,
            legs=(Leg(Symbol("ALFA")),),
            type=OrderType.STOP,
            limit_price=None,
            stop_price=Decimal("9.5"),
            exit_plan=None,
        ),
    )
    assert (
        tell(approved)
        == "0b5c  APPROVED: momentum would open buy 100 ALFA stop 9.5, because fast (12) über slow (26)"
    )


def test_a_denial_of_an_order_without_a_strategy_observed_nothing() -> None:
    decided: Decided = of_kind("decided.1")
    denied = msgspec.structs.replace(
        decided.decision,
        denied_by="strategy",
        checks=(Check("strategy", "", "momentum", passed=False),),
    )
    told = tell(msgspec.structs.replace(decided, decision=denied))
    assert "DENIED strategy (observed nothing, permitted momentum): " in told


def test_a_comparison_that_was_not_made_says_why() -> None:
    failed: Reconciled = msgspec.structs.replace(
        of_kind("reconciled.1"), breaks=(), left=(), failure="connection refused"
    )
    assert tell(failed) == "orders 3, positions 1, executions 2: not made: connection refused"


def test_fees_of_many_fills_are_one_sum_a_day() -> None:
    posted: FeesPosted = of_kind("fees_posted.1")
    (fee,) = posted.activities
    fees = (fee, fee, msgspec.structs.replace(fee, date="2026-11-21"))
    assert tell(FeesPosted(activities=fees)) == (
        "2 × FEE TAF for 2026-11-20 -0.04, FEE TAF for 2026-11-21 -0.02"
    )


def test_a_reason_cannot_draw_lines_of_its_own() -> None:
    """Agents write reasons; what they write stays on its line and moves no cursor."""
    halted = msgspec.structs.replace(
        of_kind("halted.1"), reason="x\n     99  filled\x1b[1A\x9b2K\u2028\u202e"
    )
    line = line_for_person(Chain().seal(halted, Instant(0)))
    assert line.endswith(r"everything frozen by ann: x\n     99  filled\x1b[1A\x9b2K\u2028\u202e")
    assert line.isprintable()
