"""What halts and what leases, each with who and why, as a person is shown it before loosening anything."""

from msgspec import Struct

from agenttrader.model.authority import Mode, Scope
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant, rfc3339
from agenttrader.runtime.engine import Engine


class WindowBody(Struct, frozen=True, kw_only=True):
    """The window that is open, by whose statement; `suspended` says why nothing enters, or is empty."""

    mode: Mode
    scope: Scope
    start: str
    end: str
    person: str
    reason: str
    suspended: str


class LatchBody(Struct, frozen=True, kw_only=True):
    """A halt that stands until a person lifts it."""

    scope: Scope
    state: TradingState
    by: str
    reason: str
    time: str


class SwitchBody(Struct, frozen=True, kw_only=True):
    """A wired switch as it was last read."""

    name: str
    state: TradingState
    reason: str


def window_of(engine: Engine) -> WindowBody | None:
    """The window, or None where none is open."""
    window = engine.state.standing.window
    if window is None:
        return None
    lease = window.statement
    return WindowBody(
        mode=lease.mode,
        scope=lease.scope,
        start=rfc3339(lease.start),
        end=rfc3339(lease.end),
        person=lease.person,
        reason=lease.reason,
        suspended=window.suspended,
    )


def latches_of(engine: Engine) -> tuple[LatchBody, ...]:
    """Every latch, in the order in which they were set."""
    standing = engine.state.standing
    return tuple(
        LatchBody(
            scope=scope,
            state=latch.state,
            by=latch.by,
            reason=latch.reason,
            time=rfc3339(standing.latched_at[scope]),
        )
        for scope, latch in standing.latches.items()
    )


def switches_of(engine: Engine) -> tuple[SwitchBody, ...]:
    """Every wired switch outside the store; one that was not read halts, and says so."""
    unread = "it has not been read"
    return tuple(
        SwitchBody(name=name, state=TradingState.HALTED, reason=unread)
        if (reading := engine.switches.get(name)) is None
        else SwitchBody(name=name, state=reading.state, reason=reading.reason)
        for name in engine.rules.wired_switches
        if name != "store"
    )


def close_of_session(engine: Engine, now: Instant | None) -> str | None:
    """When the session that trades now closes, else the next one; None where nobody knows."""
    calendar = engine.rules.calendar
    if now is None or not calendar.covers(now):
        return None
    try:
        session = calendar.session_at(now) or calendar.following(now)
    except BadValue:
        return None  # It lies beyond the table.
    return rfc3339(session.close)
