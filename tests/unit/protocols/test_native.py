"""`/v1` on the wire: what a proposal's body becomes, every refusal that names its field, and the stream."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import ExecutionId, OrderId, derive_order_id, derive_proposed_id
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import Instant
from agenttrader.protocols.native import (
    AccountBody,
    AccountMarked,
    ExitPlanBody,
    FillMade,
    OrderBody,
    OrderChanged,
    PositionBody,
    PositionsChanged,
    Snapshot,
    StreamMessage,
    TradingBody,
    TradingChanged,
    WatermarkReached,
    decode_proposal,
    decode_stream,
    encode,
    exit_plan_body,
    proposal_id_of,
    to_body,
)
from agenttrader.testing.builders import AGENT, ALFA, BRAVO, OTHER_AGENT, STRATEGY, at, proposal
from agenttrader.testing.events import proposals

D = Decimal

BODY: dict[str, Any] = {
    "proposal_id": "4f1d0000-0000-4000-8000-000000000000",
    "strategy": "momentum",
    "legs": [{"symbol": "ALFA"}, {"symbol": "BRAVO", "ratio": -2}],
    "side": "buy",
    "quantity": 10,
    "type": "limit",
    "time_in_force": "day",
    "effect": "open",
    "reason": "it rises",
    "decision_price": "100.25",
    "decision_time": "2026-11-20T14:31:00Z",
    "correlation_id": "correlation-1",
    "limit_price": 100.3,
    "exit_plan": {
        "stop": 95,
        "target": "110.5",
        "trail": 2,
        "until": "2026-11-20T20:55:00Z",
        "before_close_seconds": 300,
    },
    "group": "pair",
    "valid_until": "2026-11-20T15:31:00+01:00",
}


def decoded(**changes: Any) -> Proposal:
    """The proposal of the body with these changes; a field set to ... is left out."""
    fields = {name: value for name, value in (BODY | changes).items() if value is not ...}
    return decode_proposal(json.dumps(fields).encode(), AGENT)


def test_every_field_of_a_body_is_the_proposals() -> None:
    assert decoded() == Proposal(
        id=derive_proposed_id(AGENT, "4f1d0000-0000-4000-8000-000000000000"),
        agent=AGENT,
        strategy=STRATEGY,
        legs=(Leg(ALFA, 1), Leg(BRAVO, -2)),
        side=Side.BUY,
        quantity=D(10),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        effect=Effect.OPEN,
        reason="it rises",
        decision_price=D("100.25"),
        decision_time=at(1),
        correlation_id="correlation-1",
        limit_price=D("100.3"),
        exit_plan=ExitPlan(
            stop=D(95), target=D("110.5"), trail=D(2), until=Instant(at(385)), before_close_seconds=300
        ),
        group="pair",
        valid_until=at(1),
        client_order_id="4f1d0000-0000-4000-8000-000000000000",
    )


def test_what_may_be_left_out_is_absent() -> None:
    left_out = ("proposal_id", "strategy", "exit_plan", "group", "valid_until")
    plain = decoded(**dict.fromkeys(left_out, ...), type="market", limit_price=...)
    assert (plain.strategy, plain.exit_plan, plain.group, plain.valid_until) == ("", None, None, None)
    assert (plain.limit_price, plain.stop_price, plain.client_order_id) == (None, None, None)


@pytest.mark.parametrize("name", ("agent", "client_order_id", "id", "nonsense"))
def test_a_field_that_is_not_asked_for_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadValue, match=f"unknown field `{name}`"):
        decoded(**{name: "x"})


@pytest.mark.parametrize(
    "name",
    (
        *("legs", "side", "quantity", "type", "time_in_force", "effect"),
        *("reason", "decision_price", "decision_time", "correlation_id"),
    ),
)
def test_a_field_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(BadValue, match=f"missing required field `{name}`"):
        decoded(**{name: ...})


@pytest.mark.parametrize(
    ("changes", "found"),
    (
        ({"quantity": 0}, "quantity: expected a number above 0"),
        ({"quantity": -1}, "quantity: expected a number above 0"),
        ({"quantity": "NaN"}, "quantity: expected a finite number"),
        ({"quantity": "Infinity"}, "quantity: expected a finite number"),
        ({"quantity": "sNaN"}, "quantity: expected a finite number"),
        ({"quantity": "1e20"}, "quantity: expected at most 15 digits before"),
        ({"quantity": True}, r"Expected `decimal`, got `bool` - at `\$.quantity`"),
        ({"quantity": "ten"}, r"Invalid decimal string - at `\$.quantity`"),
        ({"decision_price": "-Infinity"}, "decision_price: expected a finite number"),
        ({"limit_price": "NaN"}, "limit_price: expected a finite number"),
        ({"limit_price": ...}, "limit_price: a limit order needs limit_price"),
        ({"stop_price": 99}, "stop_price: a limit order has no stop_price"),
        ({"exit_plan": {"stop": "NaN"}}, "stop: expected a finite number"),
        ({"exit_plan": {"stop": 95, "when": 1}}, "unknown field `when`"),
        ({"legs": []}, "legs: expected one or more different symbols"),
        ({"legs": [{"symbol": "ALFA"}] * 2}, "legs: expected one or more different symbols"),
        ({"legs": [{"symbol": "ALFA", "ratio": 0}]}, "with ratios other than 0"),
        ({"side": "hold"}, r"Invalid enum value 'hold' - at `\$.side`"),
        ({"decision_time": "2026-11-20T14:31:00"}, "time: expected RFC 3339 with an offset"),
        ({"valid_until": "tomorrow"}, "time: expected RFC 3339 with an offset"),
        ({"exit_plan": {"until": "noon"}}, "time: expected RFC 3339 with an offset"),
    ),
)
def test_what_cannot_be_is_refused_by_name(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(BadValue, match=found):
        decoded(**changes)


NO_BODIES = (b"", b"{", b"[]", b"null", b'{"reason": "\xff"}', b"\xff", b"[" * 99_999)


@pytest.mark.parametrize(
    ("length_max", "changes"),
    (
        (1_000, lambda text: {"reason": text}),
        (128, lambda text: {"correlation_id": text}),
        (128, lambda text: {"strategy": text}),
        (128, lambda text: {"group": text}),
        (32, lambda text: {"legs": [{"symbol": text}]}),
        (16, lambda text: {"legs": [{"symbol": f"S{number}"} for number, _ in enumerate(text)]}),
    ),
)
def test_what_goes_on_record_has_an_end(length_max: int, changes: Callable[[str], dict[str, Any]]) -> None:
    decoded(**changes("x" * length_max))
    with pytest.raises(BadValue, match=f"length <= {length_max} - at `\\$.{next(iter(changes('')))}"):
        decoded(**changes("x" * (length_max + 1)))


@pytest.mark.parametrize("body", NO_BODIES, ids=range(len(NO_BODIES)))
def test_what_is_no_body_is_refused(body: bytes) -> None:
    with pytest.raises(BadValue, match=r"^proposal: "):
        decode_proposal(body, AGENT)


def test_numbers_are_their_own_digits_and_floats_what_they_were_meant_to_be() -> None:
    assert str(decoded(limit_price="100.30").limit_price) == "100.30"
    noisy = decoded(
        quantity=10.000000000000002,
        limit_price=100.10000000000001,
        decision_price=100.24999999999999,
        exit_plan={"stop": 94.99999999999999, "target": 110.00000000000001, "trail": 2.0000000000000004},
    )
    assert (noisy.quantity, noisy.limit_price, noisy.decision_price) == (D(10), D("100.1"), D("100.25"))
    assert noisy.exit_plan == ExitPlan(stop=D(95), target=D(110), trail=D(2))
    assert decoded(quantity="0.123456789").quantity == D("0.123456789")


# Identity.


def test_what_two_agents_propose_under_one_id_is_two_orders_each_its_own_again() -> None:
    body = json.dumps(BODY).encode()
    ours, theirs = decode_proposal(body, AGENT), decode_proposal(body, OTHER_AGENT)
    assert ours.client_order_id == theirs.client_order_id == BODY["proposal_id"]
    assert len({ours.id, theirs.id, BODY["proposal_id"]}) == 3
    assert ours == decode_proposal(body, AGENT)
    assert proposal_id_of(ours) == BODY["proposal_id"]
    assert proposal_id_of(msgspec.structs.replace(ours, id=theirs.id)) is None
    assert proposal_id_of(msgspec.structs.replace(ours, client_order_id=None)) is None


def test_a_proposal_that_has_another_id_than_the_gateway_will_give_it_is_not_sent() -> None:
    with pytest.raises(AssertionError, match="expected the id derived from its agent and client_order_id"):
        to_body(proposal(id=OrderId("4f1d0000-0000-4000-8000-000000000000")))


def test_without_an_id_the_same_body_of_the_same_agent_is_the_same_order() -> None:
    body = json.dumps({name: value for name, value in BODY.items() if name != "proposal_id"}).encode()
    first = decode_proposal(body, AGENT)
    assert first.id == decode_proposal(body, AGENT).id
    assert first.id != decode_proposal(body, OTHER_AGENT).id
    assert first.id != decode_proposal(body.replace(b"it rises", b"it falls"), AGENT).id


@pytest.mark.parametrize(
    "text",
    (
        "",
        "1",
        "4f1d0000-0000-4000-8000-000000000000/stop",
        "4F1D0000-0000-4000-8000-000000000000",
        "4f1d0000000040008000000000000000",
    ),
)
def test_an_id_has_one_spelling_and_is_never_that_of_a_protective_leg(text: str) -> None:
    with pytest.raises(BadValue, match="proposal_id: expected a UUID in lower case"):
        decoded(proposal_id=text)


# There and back.


def test_a_proposal_survives_the_wire() -> None:
    entry = proposal(group="pair", valid_until=at(9))
    assert decode_proposal(encode(to_body(entry)), AGENT) == entry


@given(entry=proposals())
def test_any_proposal_survives_the_wire(entry: Proposal) -> None:
    name = derive_order_id(entry.id)
    # What comes in the place of another is asked for in other words.
    named = msgspec.structs.replace(
        entry, id=derive_proposed_id(entry.agent, name), client_order_id=name, replaces=None
    )
    if abs(named.decision_time) > 2**62 or named.exit_plan is not None or named.valid_until is not None:
        named = msgspec.structs.replace(named, decision_time=at(1), exit_plan=None, valid_until=None)
    assert decode_proposal(encode(to_body(named)), named.agent) == named


def test_a_plan_stands_on_the_wire_as_it_is() -> None:
    assert exit_plan_body(None) is None
    assert exit_plan_body(ExitPlan(stop=D(95), until=at(1))) == ExitPlanBody(
        stop=D(95), until="2026-11-20T14:31:00Z"
    )


# The stream.


ORDER = OrderBody(
    id=OrderId("1"),
    agent=AGENT,
    strategy=STRATEGY,
    symbol=ALFA,
    side=Side.BUY,
    type=OrderType.MARKET,
    effect=Effect.OPEN,
    role="entry",
    quantity=D(10),
    filled_quantity=D(0),
    state="accepted",
    reason="it rises",
    time="2026-11-20T14:31:00Z",
)
ACCOUNT = AccountBody(
    equity=D(1),
    cash=D(2),
    realised=D(3),
    unrealised=D(4),
    fees=D("0.01"),
    gross_exposure=D(6),
    dead_machine_loss=D(7),
)
POSITION = PositionBody(
    symbol=ALFA,
    quantity=D(10),
    average_price=D(100),
    mark=None,
    unrealised=D(0),
    protected_quantity=D(10),
)
TRADING = TradingBody(state="halted", reasons=("no window is open",), mode="off")
MESSAGES: tuple[StreamMessage, ...] = (
    Snapshot(watermark=None, orders=(ORDER,), positions=(POSITION,), account=ACCOUNT, trading=TRADING),
    OrderChanged(order=ORDER),
    FillMade(
        order_id=OrderId("1"),
        symbol=ALFA,
        side=Side.SELL,
        quantity=D(1),
        price=D("1.5"),
        fee=D("0.02"),
        time="2026-11-20T14:31:00Z",
        execution_id=ExecutionId("1-1"),
    ),
    PositionsChanged(positions=(POSITION,)),
    AccountMarked(account=ACCOUNT),
    TradingChanged(trading=TRADING),
    WatermarkReached(time="2026-11-20T14:31:00Z"),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_of_the_stream_survives_it(message: StreamMessage) -> None:
    assert decode_stream(encode(message)) == message
    assert decode_stream(encode(message).decode()) == message


def test_numbers_leave_as_text_and_what_is_absent_stays_out() -> None:
    body = json.loads(encode(ORDER))
    assert body["quantity"] == "10"
    assert "limit_price" not in body
    assert json.loads(encode(WatermarkReached(time="t"))) == {"type": "watermark", "time": "t"}


@pytest.mark.parametrize(
    "message", (b"", b"{}", b'{"type": "\xff"}', b'{"type": "rumour"}', b'{"type":"watermark","at":1}', "[]")
)
def test_what_is_no_message_of_the_stream_is_refused(message: bytes | str) -> None:
    with pytest.raises(BadValue, match="stream: expected a /v1/stream message, found"):
        decode_stream(message)
