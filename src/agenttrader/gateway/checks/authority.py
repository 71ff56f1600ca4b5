"""Whether anybody may trade now: halts, the window with its mode and scope, and the proposal's own end."""

from agenttrader.gateway.snapshot import Snapshot
from agenttrader.model.authority import Mode, ScopeKind, Statement
from agenttrader.model.decisions import Check, TradingState
from agenttrader.model.orders import Effect, Proposal

PERMITTED_EFFECTS: dict[TradingState, frozenset[Effect]] = {
    TradingState.ACTIVE: frozenset(Effect),
    TradingState.REDUCE_ONLY: frozenset({Effect.REDUCE, Effect.CLOSE}),
    TradingState.HALTED: frozenset(),
    TradingState.FROZEN: frozenset(),
}
"""What an agent may send in each trading state. The dispatcher looks here again before an order leaves."""

_PERMITTED_STATES = {
    effect: " or ".join(state.value for state, effects in PERMITTED_EFFECTS.items() if effect in effects)
    for effect in Effect
}


def trading_state_permits(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """Nothing halts the order: no latch, no switch, no broken link, no break."""
    state, effect = snapshot.trading_state, proposal.effect
    reasons = snapshot.halt_reasons
    observed = f"{state.value}: {'; '.join(reasons)}" if reasons else state.value
    return Check("trading_state", observed, _PERMITTED_STATES[effect], effect in PERMITTED_EFFECTS[state])


def window_is_open(_: Proposal, snapshot: Snapshot, *__: object) -> Check:
    """A person leased trading for a time that includes now, and nothing has suspended the lease."""
    window, now = snapshot.window, snapshot.now
    if window is None or now is None:
        return Check("window", None, None, passed=False)
    times = (window.start, window.end)
    if snapshot.window_suspended:
        return Check("window", f"suspended: {snapshot.window_suspended}", times, passed=False)
    return Check("window", now, times, window.start <= now < window.end)


def mode_is_permitted(_: Proposal, snapshot: Snapshot, *__: object) -> Check:
    """The window's mode lets orders leave and does not go beyond the configured ceiling."""
    window, ceiling = snapshot.window, snapshot.mode_ceiling
    if window is None:
        return Check("mode", None, ceiling.value, passed=False)
    mode = window.mode
    return Check("mode", mode.value, ceiling.value, Mode.PAPER.rank <= mode.rank <= ceiling.rank)


def window_covers_the_order(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """The window's scope includes this account, agent, strategy and every symbol."""
    window = snapshot.window
    if window is None:
        return Check("scope", None, None, passed=False)
    kind, name = window.scope.kind, window.scope.name
    asked = _asked(proposal, window, kind)
    return Check("scope", ", ".join(asked), name, all(each == name for each in asked))


def _asked(proposal: Proposal, window: Statement, kind: ScopeKind) -> tuple[str, ...]:
    """What the proposal has of the kind that a scope names."""
    match kind:
        case ScopeKind.EVERYTHING:
            return ("",)
        case ScopeKind.ACCOUNT:
            return (window.account,)
        case ScopeKind.AGENT:
            return (proposal.agent,)
        case ScopeKind.STRATEGY:
            return (proposal.strategy,)
        case ScopeKind.SYMBOL:
            return tuple(leg.symbol for leg in proposal.legs)


def proposal_still_holds(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """The time until which the proposal was meant has not passed."""
    until, now = proposal.valid_until, snapshot.now
    return Check("valid_until", now, until, now is not None and (until is None or now <= until))
