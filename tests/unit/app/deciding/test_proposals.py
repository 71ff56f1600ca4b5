import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.deciding.proposals import PARSE, SCHEMA, Malformed, read_proposal
from agenttrader.model.orders import Side, TimeInForce
from agenttrader.model.times import from_rfc3339

RUNBOOK = (
    b'{"proposal_id":"p-1","valid_until_utc":"2099-01-01T00:00:00Z","requires_human_approval":true,'
    b'"order":{"symbol":"SPY","side":"buy","qty":1}}'
)
"""As the market-open runbook writes it."""
UUID = "609f36a2-7b8e-9aa9-8384-ed96d3651d7c"


def long(**changes: Any) -> dict[str, Any]:
    """The shape of the proposals' schema, every field of it."""
    body: dict[str, Any] = {
        "proposal_id": UUID,
        "created_at_utc": "2026-11-20T14:31:00Z",
        "repo_id": "agent-trader-v2",
        "agent_name": "strategy-engine",
        "strategy_name": "momentum",
        "strategy_version": "1",
        "correlation_id": "c-1",
        "symbol": "ALFA",
        "asset_type": "EQUITY",
        "option": None,
        "side": "BUY",
        "quantity": 10,
        "limit_price": 100.5,
        "time_in_force": "DAY",
        "rationale": {"short_reason": "it rises", "indicators": {"rsi": 60.5}},
        "risk": {"max_loss_usd": 100, "stop_loss": 95, "take_profit": 110},
        "constraints": {"valid_until_utc": "2026-11-20T20:00:00Z", "requires_human_approval": False},
        "status": "PROPOSED",
    }
    return body | changes


def line(body: Any) -> bytes:
    return json.dumps(body).encode()


def test_the_runbooks_own_line_is_read() -> None:
    wanted = read_proposal(RUNBOOK)
    assert (wanted.proposal_id, wanted.symbol, wanted.side) == ("p-1", "SPY", Side.BUY)
    assert wanted.quantity == Decimal(1)
    assert (wanted.limit_price, wanted.time_in_force) == (None, TimeInForce.DAY)
    assert wanted.requires_approval
    assert wanted.valid_until == from_rfc3339("2099-01-01T00:00:00Z")


def test_the_schemas_own_shape_is_read() -> None:
    wanted = read_proposal(line(long()))
    assert (wanted.proposal_id, wanted.symbol, wanted.strategy) == (UUID, "ALFA", "momentum")
    assert (wanted.quantity, wanted.limit_price) == (Decimal(10), Decimal("100.5"))
    prices = (Decimal(95), Decimal(110), Decimal(100))
    assert (wanted.stop_loss, wanted.take_profit, wanted.max_loss) == prices
    assert not wanted.requires_approval


def test_an_option_is_called_by_its_contract() -> None:
    option = {
        "expiration": "2026-12-18",
        "right": "CALL",
        "strike": 100,
        "contract_symbol": "ALFA261218C00100000",
    }
    wanted = read_proposal(line(long(asset_type="OPTION", option=option)))
    assert wanted.symbol == "ALFA261218C00100000"


def test_who_does_not_say_whether_a_person_approves_asks_for_one() -> None:
    short = json.loads(RUNBOOK)
    del short["requires_human_approval"]
    assert read_proposal(line(short)).requires_approval
    valid = {"valid_until_utc": "2026-11-20T20:00:00Z"}
    assert read_proposal(line(long(constraints=valid))).requires_approval


@pytest.mark.parametrize(
    "changes",
    (
        {"more": 1},
        {"proposal_id": "p-1"},
        {"repo_id": "another"},
        {"status": "SUPERSEDED"},
        {"quantity": 0},
        {"quantity": 1.5},
        {"side": "buy"},
        {"time_in_force": "FOK"},
        {"asset_type": "OPTION"},
        {"limit_price": "NaN"},
        {"risk": {"max_loss_usd": "Infinity"}},
        {"constraints": {}},
        {"constraints": {"valid_until_utc": "2026-11-20T20:00:00"}},
        {"created_at_utc": "yesterday"},
    ),
    ids=str,
)
def test_what_is_no_proposal_is_refused_in_the_name_that_it_gives(changes: dict[str, Any]) -> None:
    body = long(**changes)
    with pytest.raises(Malformed) as refused:
        read_proposal(line(body))
    assert (refused.value.kind, refused.value.proposal_id) == (SCHEMA, body["proposal_id"])


@pytest.mark.parametrize("text", (b"", b"{", b"[]", b"1", b'"p"', b"\xff", b"null", b"[" * 100_000))
def test_what_is_no_json_object_is_told_from_what_is_no_proposal(text: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        read_proposal(text)
    assert (refused.value.kind, refused.value.proposal_id) == (PARSE, None)


def test_a_key_said_twice_is_refused() -> None:
    with pytest.raises(Malformed, match="once"):
        read_proposal(RUNBOOK.replace(b'"qty":1', b'"qty":1,"qty":100'))


@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda it: RUNBOOK[: len(it)] + it))
def test_whatever_comes_it_is_a_proposal_or_malformed(text: bytes) -> None:
    with contextlib.suppress(Malformed):
        read_proposal(text)
