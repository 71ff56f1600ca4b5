"""Every breaker of a gateway as a person is shown it: what it counts, whether it tripped, the way back."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from agenttrader.gateway.breakers import BreakerLimits, slow_in_a_row, within
from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import AgentName
from agenttrader.model.times import Instant, rfc3339
from agenttrader.model.words import Word
from agenttrader.runtime.breakers import (
    CLOCK,
    COMPARISONS,
    DAY,
    DRAWDOWN,
    ERRORS,
    LATENCY,
    LOSSES,
    REJECTIONS,
    STALE,
    Breakers,
)
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.entries import REPEATS

_TOO_FEW = "too few samples yet"


class BreakerState(Word):
    """How far a breaker has come."""

    ARMED = "armed"
    COUNTING = "counting"
    WARNED = "warned"
    TRIPPED = "tripped"


class BreakerBody(Struct, frozen=True, kw_only=True):
    """One breaker of one scope; the last four are empty where it has asked for nothing."""

    name: str
    scope: Scope
    state: BreakerState
    counted: str
    """What it goes by, and its limit."""
    halts: TradingState | None = None
    since: str | None = None
    reason: str = ""
    way_back: str = ""
    """What a person types, with `--config`, `--person` and `--reason`."""


class _Counted(NamedTuple):
    name: str
    scope: Scope
    counted: str
    is_counting: bool


def breakers_of(engine: Engine, now: Instant | None) -> tuple[BreakerBody, ...]:
    """Each breaker of the account, then of each agent that may open, then what is latched of symbols."""
    breakers, rules = engine.state.breakers, engine.rules
    account = Scope(ScopeKind.ACCOUNT, rules.authority.account)
    time = engine.state.last_time if now is None else now
    counted = [*_of_account(breakers, rules.breakers, account, time)]
    for name, grant in rules.grants.items():
        if not grant.reduces_only:
            counted += _of_agent(breakers, rules.breakers, name, time)
    known = {(each.name, each.scope) for each in counted}
    others = (key for key in breakers.tripped if key not in known)
    counted += (_Counted(name, scope, "", is_counting=False) for name, scope in others)
    return tuple(_body(engine, each) for each in counted)


def _of_account(
    breakers: Breakers, limits: BreakerLimits, account: Scope, now: Instant
) -> Iterator[_Counted]:
    fallen, lost = breakers.water.drawdown(), breakers.day.loss()
    steps = f"{limits.soft_fraction}, {limits.medium_fraction}, {limits.hard_fraction}"
    words = _TOO_FEW if fallen is None else f"{fallen:.4f} below the highest equity"
    yield _Counted(DRAWDOWN, account, f"{words}, of {steps}", bool(fallen))
    words = _TOO_FEW if lost is None else f"{max(lost, 0):.2f} lost today"
    yield _Counted(DAY, account, f"{words}, of {limits.day_loss_max}", (lost or 0) > 0)
    slow = slow_in_a_row(limits, tuple(breakers.answers))
    words = f"{slow} slow answers in a row, of {limits.broker_latency_answers}"
    yield _Counted(LATENCY, account, words, slow > 0)
    errors = within(breakers.errors, limits.error_minutes, now)
    words = f"{errors} errors within {limits.error_minutes} minutes, of {limits.errors_max}"
    yield _Counted(ERRORS, account, words, errors > 0)
    words = f"{breakers.breaking} breaking comparisons in a row, of {limits.breaking_comparisons_max}"
    yield _Counted(COMPARISONS, account, words, breakers.breaking > 0)
    words = f"silence of {limits.feed_stale_seconds_max} s, of a symbol {limits.stale_seconds_max} s"
    yield _Counted(STALE, account, words, is_counting=False)
    words = f"{limits.clock_seconds_max} s back, or from the broker's clock"
    yield _Counted(CLOCK, account, words, is_counting=False)


def _of_agent(breakers: Breakers, limits: BreakerLimits, name: AgentName, now: Instant) -> Iterator[_Counted]:
    scope = Scope(ScopeKind.AGENT, name)
    lost = breakers.losses.get(name, 0)
    words = f"{lost} round trips in a row lost, of {limits.loss_streak_max}"
    yield _Counted(LOSSES, scope, words, lost > 0)
    rejected = within(breakers.rejections.get(name, ()), limits.reject_minutes, now)
    words = f"{rejected} rejections within {limits.reject_minutes} minutes, of {limits.rejects_max}"
    yield _Counted(REJECTIONS, scope, words, rejected > 0)
    yield _Counted(REPEATS, scope, "the same again and again: see the check repeats", is_counting=False)


def _body(engine: Engine, counted: _Counted) -> BreakerBody:
    name, scope, words, is_counting = counted
    standing = engine.state.standing
    asked, latch = engine.state.breakers.tripped.get((name, scope)), standing.latches.get(scope)
    if asked is not None:
        state, since, reason = asked
    elif latch is not None and latch.by == name:
        state, since, reason = latch.state, standing.latched_at[scope], latch.reason
    else:
        here = BreakerState.COUNTING if is_counting else BreakerState.ARMED
        return BreakerBody(name=name, scope=scope, state=here, counted=words)
    is_warning = state is TradingState.ACTIVE
    return BreakerBody(
        name=name,
        scope=scope,
        state=BreakerState.WARNED if is_warning else BreakerState.TRIPPED,
        counted=words,
        halts=None if is_warning else state,
        since=rfc3339(since),
        reason=reason,
        way_back="" if is_warning else f"agenttrader resume --scope {scope.kind.value}:{scope.name}",
    )
