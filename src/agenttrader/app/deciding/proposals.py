"""The two shapes in which proposals come, a line of JSON each, and what is wanted by either.

The long one is that of the proposals' schema, the short one that of the market-open runbook. Unknown fields
are refused by name. Where a shape does not say whether a person has to approve, one has to.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from agenttrader.app.deciding.startup import REPOSITORY
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import StrategyName, Symbol
from agenttrader.model.orders import Side, TimeInForce
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.model.values import exact
from agenttrader.protocols.doubled_keys import refuse_doubled_keys
from agenttrader.protocols.native import UNREADABLE, meant
from agenttrader.protocols.plain_digits import PlainDecoder
from agenttrader.protocols.uuids import expect_uuid

Name = Annotated[str, Meta(min_length=1, max_length=128)]
Text = Annotated[str, Meta(max_length=1_000)]
PARSE, SCHEMA = "proposal_parse_error", "proposal_schema_invalid"
"""What a line is that is no JSON object, and one that is, and no proposal."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a line asks for, whichever its shape."""

    proposal_id: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    time_in_force: TimeInForce
    stop_loss: Decimal | None
    take_profit: Decimal | None
    max_loss: Decimal | None
    valid_until: Instant
    requires_approval: bool
    strategy: StrategyName
    correlation_id: str
    reason: str
    created: Instant | None
    asset_type: str | None
    """None where the shape does not say."""
    option: "OptionBody | None"


class Malformed(BadValue):
    """A line that is no proposal: `kind` says what it is, `proposal_id` whose, where that can be read."""

    def __init__(self, kind: str, fault: str, proposal_id: str | None = None) -> None:
        super().__init__(fault)
        self.kind = kind
        self.proposal_id = proposal_id


class _Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class OptionBody(_Body, frozen=True):
    """Which option is meant."""

    expiration: str
    right: Literal["CALL", "PUT"]
    strike: Decimal
    contract_symbol: Name


class _Rationale(_Body, frozen=True):
    short_reason: Text
    indicators: dict[str, Any] = {}


class _Risk(_Body, frozen=True):
    max_loss_usd: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None


class _Constraints(_Body, frozen=True):
    valid_until_utc: str
    requires_human_approval: bool = True


class _Long(_Body, frozen=True):
    proposal_id: str
    created_at_utc: str
    repo_id: str
    agent_name: Name
    strategy_name: Name
    correlation_id: Name
    symbol: Annotated[str, Meta(min_length=1, max_length=32)]
    asset_type: Literal["OPTION", "EQUITY", "FUTURE"]
    side: Literal["BUY", "SELL"]
    quantity: Annotated[int, Meta(gt=0)]
    time_in_force: Literal["DAY", "GTC", "IOC"]
    rationale: _Rationale
    risk: _Risk
    constraints: _Constraints
    status: Literal["PROPOSED", "REJECTED", "SUPERSEDED", "EXPIRED"]
    strategy_version: str | None = None
    option: OptionBody | None = None
    limit_price: Decimal | None = None


class _Order(_Body, frozen=True):
    symbol: Annotated[str, Meta(min_length=1, max_length=32)]
    side: Literal["buy", "sell"]
    qty: Decimal
    limit_price: Decimal | None = None
    time_in_force: Literal["day", "gtc", "ioc"] = "day"
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None


class _Short(_Body, frozen=True):
    proposal_id: Name
    valid_until_utc: str
    order: _Order
    requires_human_approval: bool = True
    strategy_name: Annotated[str, Meta(max_length=128)] = ""
    correlation_id: Name | None = None


_long, _short = PlainDecoder(_Long), PlainDecoder(_Short)


def read_proposal(line: bytes) -> Wanted:
    """What the line asks for. Raises Malformed, with what was expected and found."""
    try:
        raw = msgspec.json.decode(line)
    except UNREADABLE as error:
        raise Malformed(PARSE, f"expected a JSON object on a line, found: {error}") from error
    if not isinstance(raw, dict):
        raise Malformed(PARSE, f"expected a JSON object on a line, found a {type(raw).__name__}")
    said = raw.get("proposal_id")
    name = said[:128] if isinstance(said, str) else None
    try:
        refuse_doubled_keys(line, "proposal")
        return _of_short(_short.decode(line)) if "order" in raw else _of_long(_long.decode(line))
    except (*UNREADABLE, BadValue) as error:
        raise Malformed(SCHEMA, f"expected a proposal, found: {error}", name) from error


def _of_short(body: _Short) -> Wanted:
    order = body.order
    return Wanted(
        proposal_id=body.proposal_id,
        symbol=Symbol(order.symbol),
        side=Side(order.side),
        quantity=exact(meant(order.qty), "qty"),
        limit_price=_price(order.limit_price, "limit_price"),
        time_in_force=TimeInForce(order.time_in_force),
        stop_loss=_price(order.stop_loss, "stop_loss"),
        take_profit=_price(order.take_profit, "take_profit"),
        max_loss=None,
        valid_until=from_rfc3339(body.valid_until_utc),
        requires_approval=body.requires_human_approval,
        strategy=StrategyName(body.strategy_name),
        correlation_id=body.correlation_id or body.proposal_id,
        reason="",
        created=None,
        asset_type=None,
        option=None,
    )


def _of_long(body: _Long) -> Wanted:
    if body.repo_id != REPOSITORY:
        raise BadValue(f"repo_id: expected {REPOSITORY}, found {body.repo_id[:60]!r}")
    if body.status != "PROPOSED":
        raise BadValue(f"status: expected PROPOSED, found {body.status}")
    if (body.asset_type == "OPTION") is (body.option is None):
        raise BadValue(
            f"option: expected it with OPTION, and only with it; found asset_type {body.asset_type}"
        )
    symbol = body.symbol if body.option is None else body.option.contract_symbol
    return Wanted(
        proposal_id=expect_uuid(body.proposal_id),
        symbol=Symbol(symbol),
        side=Side(body.side.lower()),
        quantity=Decimal(body.quantity),
        limit_price=_price(body.limit_price, "limit_price"),
        time_in_force=TimeInForce(body.time_in_force.lower()),
        stop_loss=_price(body.risk.stop_loss, "stop_loss"),
        take_profit=_price(body.risk.take_profit, "take_profit"),
        max_loss=_price(body.risk.max_loss_usd, "max_loss_usd"),
        valid_until=from_rfc3339(body.constraints.valid_until_utc),
        requires_approval=body.constraints.requires_human_approval,
        strategy=StrategyName(body.strategy_name),
        correlation_id=body.correlation_id,
        reason=body.rationale.short_reason,
        created=from_rfc3339(body.created_at_utc),
        asset_type=body.asset_type,
        option=body.option,
    )


def _price(value: Decimal | None, name: str) -> Decimal | None:
    return None if value is None else exact(meant(value), name)
