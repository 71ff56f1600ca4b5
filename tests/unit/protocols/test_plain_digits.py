"""Numbers that come as text are in plain digits, wherever a client may write one."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from agenttrader.app.deciding.proposals import Malformed, read_proposal
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName
from agenttrader.protocols.alpaca_trading import decode_new_order
from agenttrader.protocols.native import decode_proposal
from agenttrader.protocols.native_changes import decode_replacement
from agenttrader.protocols.native_groups import decode_group
from agenttrader.protocols.plain_digits import PlainDecoder

ODD = ("１", "1１", "١", "१.5", "1_0", " 10", "10 ")  # noqa: RUF001 - digits of other scripts are meant
AGENT = AgentName("bot")
PROPOSAL = {
    "legs": [{"symbol": "ALFA"}],
    "side": "buy",
    "type": "limit",
    "time_in_force": "day",
    "effect": "open",
    "reason": "１",  # noqa: RUF001
    "strategy": "1_0",
    "correlation_id": "1_0",
    "quantity": "10",
    "limit_price": "100",
    "decision_price": "100",
    "exit_plan": {"stop": "95"},
    "decision_time": "2026-11-20T14:31:00Z",
}
ORDER = {"symbol": "ALFA", "side": "buy", "qty": "10", "stop_loss": "95"}
LINE = {"proposal_id": "1_0", "valid_until_utc": "2026-11-20T20:00:00Z", "order": ORDER}


class Inner(Struct):
    """A number in something."""

    at: Decimal


class Outer(Struct):
    """Numbers wherever they may be."""

    text: str = ""
    one: Decimal | None = None
    many: tuple[Decimal, ...] = ()
    inner: Inner | None = None
    inners: list[Inner] = []
    free: dict[str, Any] = {}


def body(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize("odd", ODD)
def test_a_number_is_refused_by_its_field_wherever_it_stands_and_a_text_is_none(odd: str) -> None:
    read = PlainDecoder(Outer).decode
    for fields, name in (
        ({"one": odd}, "one"),
        ({"many": ["1", odd]}, "many"),
        ({"inner": {"at": odd}}, "at"),
        ({"inners": [{"at": "1"}, {"at": odd}]}, "at"),
    ):
        with pytest.raises(BadValue, match=f"^{name}: expected a decimal number, found"):
            read(body(fields))
    free = {"at": odd, "one": odd}
    assert read(body({"text": odd, "one": "1", "free": free})) == Outer(odd, Decimal(1), free=free)
    with pytest.raises(msgspec.ValidationError):
        read(b"[]")


@pytest.mark.parametrize("odd", ODD)
def test_no_client_says_a_number_in_other_digits(odd: str) -> None:
    assert decode_proposal(body(PROPOSAL), AGENT).quantity == 10
    for changed in ({"quantity": odd}, {"limit_price": odd}, {"exit_plan": {"stop": odd}}):
        with pytest.raises(BadValue, match="expected a decimal number"):
            decode_proposal(body(PROPOSAL | changed), AGENT)
        with pytest.raises(BadValue, match="expected a decimal number"):
            decode_group(body({"group": "pair", "proposals": [PROPOSAL, PROPOSAL | changed]}), AGENT)
    with pytest.raises(BadValue, match="stop_price: expected a decimal number"):
        decode_replacement(body({"reason": "nearer", "stop_price": odd}), "order-1", AGENT)
    order = {"symbol": "ALFA", "side": "buy", "type": "market", "time_in_force": "day", "qty": odd}
    with pytest.raises(BadValue, match="qty: expected a decimal number"):
        decode_new_order(body(order))
    assert read_proposal(body(LINE)).quantity == 10
    with pytest.raises(Malformed, match="qty: expected a decimal number"):
        read_proposal(body(LINE | {"order": ORDER | {"qty": odd}}))
