"""The record of one decision, a line of JSON: APPROVE or REJECT, every reason, and what was known.

The names are those of the market-open runbook's agent. Reasons are its codes, where it has one, and then the
code of each check that did not pass, in their published order; `denied_by` is the first of these.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec
from msgspec import Struct

from agenttrader.app.deciding.decider import Ruling
from agenttrader.app.deciding.holding import WaitingEntry
from agenttrader.app.deciding.proposals import SCHEMA, Malformed, Wanted
from agenttrader.app.deciding.startup import NAME, ROLE
from agenttrader.gateway.checks.authority import APPROVAL
from agenttrader.gateway.sentences import sentence_of
from agenttrader.model.identifiers import OrderId, derive_order_id, digest_of
from agenttrader.model.orders import Effect, Proposal
from agenttrader.model.times import Instant, rfc3339

APPROVE, REJECT = "APPROVE", "REJECT"
HALTED, STALE = "kill_switch_enabled", "marketdata_stale_or_missing"
ASKS, EXPIRED, LOSS = "requires_human_approval", "proposal_expired", "max_loss_exceeded"
OF_CHECK = {"approval": ASKS, "valid_until": EXPIRED, "quote": STALE, "quote_time": STALE, "quote_age": STALE}
"""The runbook's code of each check that has one."""


class Recommended(Struct, frozen=True, kw_only=True):
    """The order as it was proposed; nothing was sent."""

    proposal_id: str
    correlation_id: str
    strategy_name: str
    symbol: str
    asset_type: str | None
    side: str
    quantity: str
    limit_price: str | None
    stop_loss: str | None
    """The stop that it was decided with: its own, or its agent's."""
    take_profit: str | None
    time_in_force: str
    valid_until_utc: str
    requires_human_approval: bool


class Safety(Struct, frozen=True, kw_only=True):
    """How things stood."""

    kill_switch: bool
    marketdata_fresh: bool
    marketdata_last_ts: str | None
    agent_mode: str


class DecisionRecord(Struct, frozen=True, kw_only=True):
    """One line of `decisions.ndjson`."""

    decision_id: str
    proposal_id: str | None
    """None of a line that names none."""
    decided_at_utc: str
    correlation_id: str | None
    agent_name: str
    agent_role: str
    decision: str
    reject_reason_codes: tuple[str, ...]
    notes: tuple[str, ...]
    """What a person is told of each check that did not pass, once; or what is wrong with the line."""
    denied_by: str | None
    recommended_order: Recommended | None
    safety_snapshot: Safety
    limits: str | None
    """The digest of the limits that it was decided by."""
    words: tuple[str, ...] = ()
    """What persons signed about it: their statements in their envelopes."""


def record_of(
    wanted: Wanted, ruling: Ruling, safety: Safety, now: Instant, words: tuple[str, ...] = ()
) -> DecisionRecord:
    """The record of a proposal that was decided at `now`. Anything that speaks against it rejects it."""
    failed = [check for check in ruling.decision.checks if not check.passed]
    reasons = tuple(dict.fromkeys((*_reasons(wanted, ruling, safety), *(check.code for check in failed))))
    return DecisionRecord(
        decision_id=derive_order_id("decision", ruling.proposal.id),
        proposal_id=wanted.proposal_id,
        decided_at_utc=rfc3339(now),
        correlation_id=wanted.correlation_id,
        agent_name=NAME,
        agent_role=ROLE,
        decision=REJECT if reasons or ruling.decision.denied_by is not None else APPROVE,
        reject_reason_codes=reasons,
        notes=tuple(dict.fromkeys(sentence_of(check) for check in failed)),
        denied_by=ruling.decision.denied_by,
        recommended_order=_recommended(wanted, ruling.proposal),
        safety_snapshot=safety,
        limits=ruling.decision.inputs.limits,
        words=words,
    )


def waits_for_persons(record: DecisionRecord) -> bool:
    """Whether nothing speaks against it but that nobody has approved it."""
    return {*record.reject_reason_codes} == {ASKS, APPROVAL}


def record_of_end(
    entry: WaitingEntry, proposed: OrderId, why: str, safety: Safety, now: Instant, words: tuple[str, ...]
) -> DecisionRecord:
    """The record of one that waited for a person, and will not be approved: denied, or void."""
    wanted, shown = entry.wanted, entry.approval.shown
    over = (EXPIRED,) if now > wanted.valid_until else ()
    return DecisionRecord(
        decision_id=derive_order_id("decision", proposed),
        proposal_id=wanted.proposal_id,
        decided_at_utc=rfc3339(now),
        correlation_id=wanted.correlation_id,
        agent_name=NAME,
        agent_role=ROLE,
        decision=REJECT,
        reject_reason_codes=(ASKS, *over, APPROVAL),
        notes=(why,),
        denied_by=APPROVAL,
        recommended_order=_recommended(wanted, shown.proposal),
        safety_snapshot=safety,
        limits=shown.decision.inputs.limits,
        words=words,
    )


def refusal_of(line: bytes, fault: Malformed, safety: Safety, now: Instant) -> DecisionRecord:
    """The record of a line that is no proposal."""
    return DecisionRecord(
        decision_id=derive_order_id("refusal", digest_of(line), now),
        proposal_id=fault.proposal_id,
        decided_at_utc=rfc3339(now),
        correlation_id=None,
        agent_name=NAME,
        agent_role=ROLE,
        decision=REJECT,
        reject_reason_codes=(SCHEMA,),
        notes=(str(fault),),
        denied_by=None,
        recommended_order=None,
        safety_snapshot=safety,
        limits=None,
    )


def line_of(record: DecisionRecord) -> bytes:
    """The record as a line, its end included."""
    return msgspec.json.encode(record) + b"\n"


def _reasons(wanted: Wanted, ruling: Ruling, safety: Safety) -> Iterator[str]:
    if safety.kill_switch:
        yield HALTED
    if not safety.marketdata_fresh:
        yield STALE
    # Persons are asked about entries alone.
    is_approved = ruling.proposal.effect is Effect.OPEN and any(
        check.code == APPROVAL and check.passed for check in ruling.decision.checks
    )
    if wanted.requires_approval and not is_approved:
        yield ASKS
    if ruling.loses_too_much:
        yield LOSS
    yield from (
        OF_CHECK[check.code]
        for check in ruling.decision.checks
        if not check.passed and check.code in OF_CHECK
    )


def _recommended(wanted: Wanted, decided: Proposal) -> Recommended:
    """The order that was decided, which is what persons were shown of it."""
    plan, until = decided.exit_plan, decided.valid_until
    return Recommended(
        proposal_id=wanted.proposal_id,
        correlation_id=decided.correlation_id,
        strategy_name=decided.strategy,
        symbol=decided.symbol,
        asset_type=wanted.asset_type,
        side=decided.side.value,
        quantity=f"{decided.quantity.normalize():f}",
        limit_price=_text(decided.limit_price),
        stop_loss=None if plan is None else _text(plan.stop),
        take_profit=None if plan is None else _text(plan.target),
        time_in_force=decided.time_in_force.value,
        valid_until_utc=rfc3339(wanted.valid_until if until is None else until),
        requires_human_approval=wanted.requires_approval,
    )


def _text(price: Decimal | None) -> str | None:
    return None if price is None else f"{price:f}"
