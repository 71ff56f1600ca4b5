"""Our own API, `/v1`: what a proposal says that an Alpaca order cannot, and what a client is told back.

Bodies are JSON. Numbers may come as JSON numbers or text and are read as Decimals from their own digits, a
float's tail of noise cut off; they leave as text. Times are RFC 3339. Unknown fields are refused by name.
"""

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import (
    AgentName,
    ExecutionId,
    OrderId,
    StrategyName,
    Symbol,
    derive_agents_order_id,
    derive_proposed_id,
)
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import Instant, from_rfc3339, rfc3339
from agenttrader.model.values import DIGITS_BEFORE_POINT_MAX, NANO
from agenttrader.protocols.plain_digits import PlainDecoder
from agenttrader.protocols.uuids import expect_uuid

_Name = Annotated[str, Meta(max_length=128)]
"""What an agent calls something. Each text of its that goes on record has an end."""


class _Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class LegBody(_Body, frozen=True):
    """One leg: `ratio` units per unit of the proposal; negative means the opposite side."""

    symbol: Annotated[str, Meta(max_length=32)]
    ratio: int = 1


class ExitPlanBody(_Body, frozen=True):
    """Prices are absolute, `trail` is a distance, `until` an RFC 3339 time."""

    stop: Decimal | None = None
    target: Decimal | None = None
    trail: Decimal | None = None
    until: str | None = None
    before_close_seconds: int | None = None


class ProposalBody(_Body, frozen=True):
    """What `POST /v1/proposals` takes. The agent is the key's owner, never a field.

    `proposal_id` is what the agent calls the order; the order's own id is derived from both.
    """

    legs: Annotated[tuple[LegBody, ...], Meta(max_length=16)]
    side: Side
    quantity: Decimal
    type: OrderType
    time_in_force: TimeInForce
    effect: Effect
    reason: Annotated[str, Meta(max_length=1_000)]
    decision_price: Decimal
    decision_time: str
    correlation_id: _Name
    proposal_id: str | None = None
    strategy: _Name = ""
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    exit_plan: ExitPlanBody | None = None
    group: _Name | None = None
    valid_until: str | None = None


class CheckBody(_Body, frozen=True):
    """One check of a decision, with what was observed and permitted as text."""

    code: str
    observed: str | None
    permitted: str | None
    passed: bool


class DecisionBody(_Body, frozen=True):
    """The verdict in a code that does not change and a sentence for a person.

    `checks` are all that were made, in the published order.
    """

    code: str
    sentence: str
    checks: tuple[CheckBody, ...]


class OrderBody(_Body, frozen=True):
    """An order as the book has it."""

    id: OrderId
    agent: AgentName
    strategy: StrategyName
    symbol: Symbol
    side: Side
    type: OrderType
    effect: Effect
    role: str
    quantity: Decimal
    filled_quantity: Decimal
    state: str
    reason: str
    time: str
    """Data time of the order's last change."""
    proposal_id: str | None = None
    """What its agent called it in `POST /v1/proposals`."""
    parent: OrderId | None = None
    replaces: OrderId | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    average_price: Decimal | None = None
    denied_by: str | None = None
    sentence: str = ""
    exit_plan: ExitPlanBody | None = None


class AnswerBody(_Body, frozen=True):
    """What `POST /v1/proposals` answers with 200, for a denial too."""

    order: OrderBody
    state: str
    decision: DecisionBody


class PositionBody(_Body, frozen=True):
    """A signed holding, how much of it is protected at the broker, and what it has made."""

    symbol: Symbol
    quantity: Decimal
    average_price: Decimal
    mark: Decimal | None
    unrealised: Decimal
    protected_quantity: Decimal
    """Units that a stop faces which rests at the broker."""
    stop: Decimal | None = None
    target: Decimal | None = None
    sequence: int = 0
    """The record that opened it from flat; with the symbol, what it is called for as long as it is held."""
    since: str | None = None
    """When that was."""
    agent: AgentName = AgentName("")
    """Whose entry filled in it last; empty where no entry did."""
    strategy: StrategyName = StrategyName("")
    exit_plan: ExitPlanBody | None = None
    """Of that entry; None where nobody has said how this symbol is left."""
    closing: bool = False
    """Whether a close of it works, or waits for its protection to end."""
    unprotected_since: str | None = None
    """Since when not all of it is protected."""
    stated_quantity: Decimal | None = None
    """What the broker says is held, signed, carried on by what has filled since; None where not known."""


class AccountBody(_Body, frozen=True):
    """The account at the last mark."""

    equity: Decimal
    cash: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    gross_exposure: Decimal
    dead_machine_loss: Decimal


class TradingBody(_Body, frozen=True):
    """Whether anything may leave: the state, why, and the window if there is one."""

    state: str
    reasons: tuple[str, ...]
    mode: str
    window_start: str | None = None
    window_end: str | None = None


class OrderChanged(_Body, frozen=True, tag="order"):
    """An order has a new state or more fills."""

    order: OrderBody


class FillMade(_Body, frozen=True, tag="fill"):
    """One execution of one leg."""

    order_id: OrderId
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    time: str
    execution_id: ExecutionId
    """The broker's name for it: told again, it is the same."""


class Snapshot(_Body, frozen=True, tag="snapshot"):
    """The first message of `/v1/stream`: everything that the client may see, as of `watermark`."""

    watermark: str | None
    orders: tuple[OrderBody, ...]
    positions: tuple[PositionBody, ...]
    account: AccountBody
    trading: TradingBody
    fills: tuple[FillMade, ...] = ()
    """Of the trading day, in the journal's order: who was away learns which were made meanwhile."""


class PositionsChanged(_Body, frozen=True, tag="positions"):
    """All positions that are not flat and that the subscriber may see."""

    positions: tuple[PositionBody, ...]


class AccountMarked(_Body, frozen=True, tag="account"):
    """The account at new marks."""

    account: AccountBody


class TradingChanged(_Body, frozen=True, tag="trading"):
    """A halt, a resume or a window changed what may leave."""

    trading: TradingBody


class WatermarkReached(_Body, frozen=True, tag="watermark"):
    """All that the gateway has to say up to `time` has been said on this stream."""

    time: str


StreamMessage = (
    Snapshot | OrderChanged | FillMade | PositionsChanged | AccountMarked | TradingChanged | WatermarkReached
)


class ErrorBody(_Body, frozen=True):
    """Every answer of 4xx or 5xx: a code that does not change; what was expected and found, what to do."""

    code: str
    message: str


UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not what was expected: malformed, not UTF-8, nested without end."""

_proposal_decoder = PlainDecoder(ProposalBody)
_stream_decoder: msgspec.json.Decoder[StreamMessage] = msgspec.json.Decoder(StreamMessage)
_encoder = msgspec.json.Encoder()


def encode(body: Struct) -> bytes:
    """The body as JSON."""
    return _encoder.encode(body)


def decode_stream(message: bytes | str) -> StreamMessage:
    """One message of `/v1/stream`. Raises BadValue for anything else."""
    try:
        return _stream_decoder.decode(message)
    except UNREADABLE as error:
        raise BadValue(f"stream: expected a /v1/stream message, found {message[:200]!r}: {error}") from error


def decode_proposal(body: bytes, agent: AgentName) -> Proposal:
    """The proposal that `body` asks for, in `agent`'s name. Raises BadValue, naming the field.

    Its id is the hash of the agent and its `proposal_id` or, without one, the body: what is sent twice is the
    same order, and nothing that an agent sends is another's.
    """
    try:
        request = _proposal_decoder.decode(body)
    except UNREADABLE as error:
        raise BadValue(f"proposal: {error}") from error
    return to_proposal(request, agent, derive_agents_order_id(agent, "body", body.decode()))


def to_proposal(request: ProposalBody, agent: AgentName, derived: OrderId) -> Proposal:
    """The proposal of a decoded body; `derived` is its id where the client gave none."""
    plan, name = request.exit_plan, request.proposal_id
    return Proposal(
        id=derived if name is None else derive_proposed_id(agent, expect_uuid(name)),
        agent=agent,
        strategy=StrategyName(request.strategy),
        legs=tuple(Leg(Symbol(leg.symbol), leg.ratio) for leg in request.legs),
        side=request.side,
        quantity=meant(request.quantity),
        type=request.type,
        time_in_force=request.time_in_force,
        effect=request.effect,
        reason=request.reason,
        decision_price=meant(request.decision_price),
        decision_time=from_rfc3339(request.decision_time),
        correlation_id=request.correlation_id,
        limit_price=_price(request.limit_price),
        stop_price=_price(request.stop_price),
        trail_price=_price(request.trail_price),
        trail_percent=_price(request.trail_percent),
        extended_hours=request.extended_hours,
        exit_plan=None if plan is None else to_plan(plan),
        group=request.group,
        valid_until=_instant(request.valid_until),
        client_order_id=name,
    )


def to_plan(plan: ExitPlanBody) -> ExitPlan:
    """The plan that stands on the wire. Raises BadValue, naming the field."""
    return ExitPlan(
        stop=_price(plan.stop),
        target=_price(plan.target),
        trail=_price(plan.trail),
        until=_instant(plan.until),
        before_close_seconds=plan.before_close_seconds,
    )


def to_body(proposal: Proposal) -> ProposalBody:
    """The body with which a client of ours asks for `proposal`, which has the id that the gateway derives."""
    name = proposal_id_of(proposal)
    assert name is not None, f"{proposal.id}: expected the id derived from its agent and client_order_id"
    return ProposalBody(
        proposal_id=name,
        strategy=proposal.strategy,
        legs=tuple(LegBody(symbol=leg.symbol, ratio=leg.ratio) for leg in proposal.legs),
        side=proposal.side,
        quantity=proposal.quantity,
        type=proposal.type,
        time_in_force=proposal.time_in_force,
        effect=proposal.effect,
        reason=proposal.reason,
        decision_price=proposal.decision_price,
        decision_time=rfc3339(proposal.decision_time),
        correlation_id=proposal.correlation_id,
        limit_price=proposal.limit_price,
        stop_price=proposal.stop_price,
        trail_price=proposal.trail_price,
        trail_percent=proposal.trail_percent,
        extended_hours=proposal.extended_hours,
        exit_plan=exit_plan_body(proposal.exit_plan),
        group=proposal.group,
        valid_until=None if proposal.valid_until is None else rfc3339(proposal.valid_until),
    )


def proposal_id_of(proposal: Proposal) -> str | None:
    """What its agent called it here; None where it gave no name, or proposed in other words than ours."""
    name = proposal.client_order_id
    return name if name is not None and proposal.id == derive_proposed_id(proposal.agent, name) else None


def exit_plan_body(plan: ExitPlan | None) -> ExitPlanBody | None:
    """The plan as it stands on the wire."""
    if plan is None:
        return None
    until = None if plan.until is None else rfc3339(plan.until)
    return ExitPlanBody(
        stop=plan.stop,
        target=plan.target,
        trail=plan.trail,
        until=until,
        before_close_seconds=plan.before_close_seconds,
    )


def _price(value: Decimal | None) -> Decimal | None:
    return None if value is None else meant(value)


def meant(value: Decimal) -> Decimal:
    """What a client's float was meant to be: nobody quotes finer than a nano.

    What is no finite number of sane size is left as it is, and refused by name where it is used.
    """
    exponent = value.as_tuple().exponent
    is_sane = isinstance(exponent, int) and value.adjusted() < DIGITS_BEFORE_POINT_MAX
    return value.quantize(NANO) if is_sane and value != value.quantize(NANO) else value


def _instant(text: str | None) -> Instant | None:
    return None if text is None else from_rfc3339(text)
