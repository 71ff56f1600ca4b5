"""What a person signs: the digest of what was shown to them, and nothing that the gateway only names."""

from typing import Any, TypeVar

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from agenttrader.app.gateway.approvals import approvals_of
from agenttrader.app.operators.acts import Operator, Pen
from agenttrader.model.authority import Act, Statement
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest
from agenttrader.model.ruling import RulingChange
from agenttrader.protocols.limit_bodies import LimitsBody, WaitingBody
from agenttrader.protocols.person_bodies import ApprovalBody, ApprovalsBody, WordBody
from agenttrader.runtime.ruling import loosening_id
from agenttrader.testing.approving import ANN, asking, held
from agenttrader.testing.builders import OPEN

T = TypeVar("T")


class Posted(Exception):
    """What was posted, where."""

    def __init__(self, path: str, body: Struct) -> None:
        super().__init__(path)
        self.path, self.body = path, body


class Gateway:
    """Answers as a gateway of one entry that waits would; what is posted ends the act."""

    def __init__(self) -> None:
        driver = asking()
        held(driver)
        self.found = msgspec.json.encode(approvals_of(driver.engine))
        segment = driver.engine.state.segment
        assert segment is not None
        self.status: dict[str, Any] = {
            "account": segment.account,
            "epoch": segment.epoch,
            "configuration": segment.configuration,
            "mode_ceiling": "paper",
            "trading": {"state": "active", "reasons": [], "mode": "paper"},
            "watermark": None,
            "session": None,
            "records": 1,
            "failure": "",
            "now": "2026-11-20T14:31:00Z",
        }

    async def get(self, path: str, answer: type[T]) -> T:
        body = self.found if path == "/v1/approvals" else msgspec.json.encode(self.status)
        return msgspec.json.decode(body, type=answer)

    async def post(self, path: str, body: Struct, answer: type[T]) -> T:  # noqa: ARG002 - the port
        raise Posted(path, body)


def desk(gateway: Gateway) -> Operator:
    return Operator(gateway, lambda: OPEN, lambda: "a nonce")


SIGNED: list[Statement] = []


def sign(statement: Statement) -> str:
    SIGNED.append(statement)
    return "an envelope"


PEN = Pen(ANN, sign)


async def shown() -> tuple[Gateway, ApprovalBody]:
    gateway = Gateway()
    SIGNED.clear()
    (found,) = await desk(gateway).approvals()
    return gateway, found


@pytest.mark.parametrize("act", (Act.APPROVE_ORDER, Act.DENY_ORDER))
async def test_a_person_signs_for_what_was_shown(act: Act) -> None:
    gateway, found = await shown()
    with pytest.raises(Posted) as posted:
        await desk(gateway).answer_approval(PEN, act, found, "as the plan says")
    assert posted.value.path == f"/v1/approvals/{act.value.removesuffix('_order')}"
    assert posted.value.body == WordBody(found.order_id, "an envelope")
    (statement,) = SIGNED
    assert (statement.act, statement.about, statement.person) == (act, found.shown.digest, ANN)
    assert (statement.reason, statement.nonce) == ("as the plan says", "a nonce")
    assert statement.end > statement.start


async def test_where_the_gateway_names_another_digest_nothing_is_signed() -> None:
    """Whoever stands between them shows a small order, and asks for a large one to be signed."""
    gateway, found = await shown()
    for other in (
        replace(found, digest=Digest("ab" * 32)),
        replace(
            found, shown=replace(found.shown, proposal=replace(found.shown.proposal, reason="a small one"))
        ),
    ):
        with pytest.raises(BadValue, match="do not sign"):
            await desk(gateway).answer_approval(PEN, Act.APPROVE_ORDER, other, "as shown")
    assert SIGNED == []


def test_what_is_shown_is_the_same_when_it_was_read_back() -> None:
    gateway = Gateway()
    (found,) = msgspec.json.decode(gateway.found, type=ApprovalsBody).approvals
    assert found.shown.digest == found.digest


def limits(*waiting: WaitingBody, loosening: str) -> LimitsBody:
    return LimitsBody(limits=(), digest=Digest("d0" * 32), waiting=waiting, loosening=loosening)


async def test_what_is_signed_for_a_loosening_is_the_id_of_what_was_shown() -> None:
    shown = WaitingBody(name="account.open_orders_max", rules="3", configured="77")
    change = RulingChange(shown.name, shown.rules, shown.configured)
    signed: list[Statement] = []

    def sign(statement: Statement) -> str:
        signed.append(statement)
        return "signed"

    pen = Pen(ANN, sign)
    found = limits(shown, loosening=loosening_id((change,)))
    with pytest.raises(Posted) as posted:
        await desk(Gateway()).loosen(pen, found, "why", "SINGLE PERSON")
    assert posted.value.path == "/v1/limits/loosen"
    (statement,) = signed
    assert (statement.act, statement.about) == (Act.LOOSEN_LIMITS, found.loosening)
    assert (statement.confirmation, statement.reason) == ("SINGLE PERSON", "why")
    with pytest.raises(BadValue, match="do not sign"):
        await desk(Gateway()).loosen(pen, limits(shown, loosening="0" * 16), "why", "")
    with pytest.raises(BadValue, match="nothing waits"):
        await desk(Gateway()).loosen(pen, limits(loosening=""), "why", "")
    assert len(signed) == 1
