"""What a person reads of an entry that waits: all of it, on lines that fit a screen and no agent draws."""

import io
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agenttrader.adapters.persons import verifier
from agenttrader.adapters.waiting_files import WaitingFiles
from agenttrader.app.deciding import holding
from agenttrader.app.deciding.holding import WaitingEntry
from agenttrader.app.deciding.proposals import read_proposal
from agenttrader.app.gateway.approvals import approvals_of
from agenttrader.app.operators.perform import make_person
from agenttrader.app.people_sections import Person
from agenttrader.cli import approvals, main
from agenttrader.cli.telling import tell
from agenttrader.model.authority import Act, PersonRole
from agenttrader.model.orders import ExitPlan, OrderType, TimeInForce
from agenttrader.protocols.person_bodies import ApprovalBody
from agenttrader.testing.approving import ANN, TERMS, approved, asking, held
from agenttrader.testing.builders import ACCOUNT, CONFIGURATION, at

WIDTH_MAX = 90


def shown(capsys: pytest.CaptureFixture[str], body: ApprovalBody) -> list[str]:
    for line in approvals._lines(body):
        tell(line)
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
        "asks      buy 10 ALFA limit, limit 99.5, day",
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
    assert "asks      buy 10 ALFA stop_limit, limit 102, stop 101, day" in lines
    assert "exit      stop 95, trail 1.5, by 2026-11-20T16:00:00Z, 300 s before the close" in lines


def test_what_an_agent_wrote_draws_no_other_line(capsys: pytest.CaptureFixture[str]) -> None:
    body = waiting(reason="small\n\x1b[2Aasks      buy 1 ALFA market, day")
    lines = shown(capsys, body)
    assert lines[1].startswith("asks      buy 10 ALFA market")
    assert lines[3] == "reason    small\\n\\x1b[2Aasks      buy 1 ALFA market, day"
    assert TimeInForce.DAY.value in lines[1]


LINE = (
    b'{"proposal_id": "p-1", "valid_until_utc": "2026-11-20T20:00:00Z", '
    b'"order": {"symbol": "ALFA", "side": "buy", "qty": 10}}'
)


def typed(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What the program said on stdout, given the passphrase, where it ended well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["agenttrader", "approvals", *map(str, words)])
        patch.setattr(sys, "stdin", io.StringIO("a long passphrase\n"))
        with pytest.raises(SystemExit) as end:
            main.main()
    assert not end.value.code
    return capsys.readouterr().out


def test_where_no_gateway_answers_the_word_goes_by_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wanted, files = read_proposal(LINE), WaitingFiles(tmp_path)
    shown = waiting().shown
    body = waiting(id=holding._name(wanted, shown.proposal.agent, shown.decision.inputs.now))
    entry = WaitingEntry(account=ACCOUNT, epoch=1, configuration=CONFIGURATION, approval=body, wanted=wanted)
    files.keep(body.order_id, msgspec.json.encode(entry))
    ann = make_person(tmp_path / "ann", "a long passphrase")
    where = ("--config", tmp_path, "--person", tmp_path / "ann", "--decisions", tmp_path)

    listed = typed(capsys, "list", *where)
    assert f"waits     {body.order_id} trader buy 10 ALFA market, day" in listed
    assert f"digest    {body.digest}" in typed(capsys, "show", body.order_id[:8], *where)
    said = json.loads(typed(capsys, "deny", body.order_id, *where, "--reason", "too large", "--json"))

    (envelope,) = files.words().values()
    known = {ANN: Person(public_key=ann.public_key, token_sha256=ann.token_sha256, role=PersonRole.APPROVER)}
    statement = verifier(known)(envelope).statement
    assert (said["signed"], statement.act, statement.reason) == ("deny_order", Act.DENY_ORDER, "too large")
    assert (statement.about, statement.end) == (body.digest, body.shown.expires)
