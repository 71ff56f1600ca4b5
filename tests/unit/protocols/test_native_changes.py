"""What an agent may say of an order that is to be another, read as it was meant."""

import json
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import derive_proposed_id
from agenttrader.model.orders import Changes, TimeInForce
from agenttrader.protocols.native_changes import decode_replacement
from agenttrader.testing.builders import AGENT, OTHER_AGENT

NAME = "609f36a2-7b8e-9aa9-8384-ed96d3651d7c"


def body(**fields: Any) -> bytes:
    return json.dumps({"reason": "nearer"} | fields).encode()


def test_every_value_is_read() -> None:
    asked = decode_replacement(
        body(
            quantity="12",
            limit_price=99.10000000000001,
            stop_price="98",
            trail=2,
            time_in_force="gtc",
            correlation_id="c",
            proposal_id=NAME,
        ),
        "order",
        AGENT,
    )
    assert asked.changes == Changes(
        quantity=Decimal(12),
        limit_price=Decimal("99.1"),
        stop_price=Decimal(98),
        trail=Decimal(2),
        time_in_force=TimeInForce.GTC,
    )
    assert (asked.id, asked.proposal_id) == (derive_proposed_id(AGENT, NAME), NAME)
    assert (asked.reason, asked.correlation_id) == ("nearer", "c")


def test_without_a_name_the_order_the_agent_and_the_bytes_make_the_id() -> None:
    said = body(quantity=12)
    ids = {
        decode_replacement(*asked).id
        for asked in (
            (said, "order", AGENT),
            (said, "order", AGENT),
            (said, "another", AGENT),
            (said, "order", OTHER_AGENT),
            (body(quantity=13), "order", AGENT),
        )
    }
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("said", "sentence"),
    (
        (b"{}", "reason"),
        (b"\xff", "changes: "),
        (body(side="sell"), "side"),
        (body(time_in_force="forever"), "time_in_force"),
        (body(proposal_id="mine"), "proposal_id: expected a UUID"),
        (body(quantity="1e400"), "quantity: expected"),
    ),
)
def test_what_cannot_be_read_is_refused_by_name(said: bytes, sentence: str) -> None:
    with pytest.raises(BadValue, match=sentence):
        decode_replacement(said, "order", AGENT)
