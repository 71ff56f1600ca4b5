"""Who lets the order leave: halts, the window with its mode and scope, its own end, a person's approval."""

from functools import cache
from typing import assert_never

from agenttrader.gateway.checks.case import Case
from agenttrader.gateway.snapshot import Snapshot
from agenttrader.model.authority import Approval, Mode, ScopeKind, Statement
from agenttrader.model.decisions import Check, TradingState
from agenttrader.model.orders import STOPS, Effect

PERMITTED_EFFECTS: dict[TradingState, frozenset[Effect]] = {
    TradingState.ACTIVE: frozenset(Effect),
    TradingState.REDUCE_ONLY: frozenset({Effect.REDUCE, Effect.CLOSE}),
    TradingState.HALTED: frozenset(),
    TradingState.FROZEN: frozenset(),
}
"""What an agent may send in each trading state. The dispatcher looks here again before an order leaves."""

PERMITTED_TO_EXITS: dict[TradingState, frozenset[Effect]] = {
    **dict.fromkeys(TradingState, frozenset({Effect.REDUCE, Effect.CLOSE})),
    TradingState.FROZEN: frozenset(),
}
"""What a key that only reduces may send: a halt leaves no position alone, and only FROZEN stops it."""

PERMITTED_TO_HANDS: dict[TradingState, frozenset[Effect]] = {
    **PERMITTED_TO_EXITS,
    TradingState.FROZEN: frozenset({Effect.REDUCE, Effect.CLOSE}),
}
"""What a person's own hand may send: FROZEN is for all that is automatic."""


def _states_that_permit(table: dict[TradingState, frozenset[Effect]]) -> dict[Effect, str]:
    return {
        effect: " or ".join(state.value for state, effects in table.items() if effect in effects)
        for effect in Effect
    }


_TO_AGENTS = (PERMITTED_EFFECTS, _states_that_permit(PERMITTED_EFFECTS))
_TO_EXITS = (PERMITTED_TO_EXITS, _states_that_permit(PERMITTED_TO_EXITS))
_TO_HANDS = (PERMITTED_TO_HANDS, _states_that_permit(PERMITTED_TO_HANDS))
# Results without numbers are made once.
_AGENTS_WHILE_ACTIVE = {
    effect: Check("trading_state", "active", states, effect in PERMITTED_EFFECTS[TradingState.ACTIVE])
    for effect, states in _TO_AGENTS[1].items()
}
_IN_SCOPE = Check("scope", "everything", "everything", passed=True)
APPROVAL = "approval"
"""The check by which an entry is held until persons have approved it."""
NOBODY_APPROVED = Approval.MANUAL.value
"""What is observed where a person has to approve, and none has."""
_NOBODY_ASKED = Check(APPROVAL, "auto", "auto", passed=True)
_NO_FURTHER = Check(APPROVAL, "no further away", "no further away", passed=True)

# Bound once: on Python 3.11 reading a member from its enumeration costs half of what a check does.
_ACTIVE, _FROZEN = TradingState.ACTIVE, TradingState.FROZEN
_EVERYTHING, _AUTO, _OPEN = ScopeKind.EVERYTHING, Approval.AUTO, Effect.OPEN


def trading_state_permits(case: Case) -> Check:
    """Nothing halts the order: no latch, no switch, no broken link, no break. Exits go on until FROZEN.

    A person's own hand goes on then, too.
    """
    state, effect, grant = case.snapshot.trading_state, case.proposal.effect, case.snapshot.grant
    is_exits = grant is not None and grant.reduces_only
    if state is _ACTIVE and not is_exits:
        return _AGENTS_WHILE_ACTIVE[effect]
    if not is_exits:
        permitted, states = _TO_AGENTS
    else:
        permitted, states = _TO_HANDS if _is_free_hand(case.snapshot) else _TO_EXITS
    reasons = () if state is _ACTIVE else case.snapshot.halt_reasons
    observed = f"{state.value}: {'; '.join(reasons)}" if reasons else state.value
    return Check("trading_state", observed, states[effect], effect in permitted[state])


def _is_free_hand(snapshot: Snapshot) -> bool:
    """Whether it is a person's hand and no switch freezes: what a kill's fence keeps out sends nothing."""
    by_hand = snapshot.grant is not None and snapshot.grant.by_hand
    return by_hand and not any(state is _FROZEN for _, state in snapshot.switches)


def window_is_open(case: Case) -> Check:
    """A person leased trading for a time that includes now, and nothing has suspended the lease."""
    window, now = case.snapshot.window, case.snapshot.now
    if window is None or now is None:
        return Check("window", None, None, passed=False)
    times = (window.start, window.end)
    if case.snapshot.window_suspended:
        return Check("window", f"suspended: {case.snapshot.window_suspended}", times, passed=False)
    return Check("window", now, times, window.start <= now < window.end)


def mode_is_permitted(case: Case) -> Check:
    """The window's mode lets orders leave, and is within the ceilings of the environment and the agent."""
    window, grant = case.snapshot.window, case.snapshot.grant
    if window is None or grant is None:
        return Check("mode", None, None, passed=False)
    return _within(window.mode, case.snapshot.mode_ceiling, grant.mode_ceiling)


@cache
def _within(mode: Mode, *ceilings: Mode) -> Check:
    ceiling = min(ceilings, key=lambda each: each.rank)
    return Check("mode", mode.value, ceiling.value, Mode.PAPER.rank <= mode.rank <= ceiling.rank)


def window_covers_the_order(case: Case) -> Check:
    """The window's scope includes the account, agent, strategy or symbol of this order."""
    window = case.snapshot.window
    if window is None:
        return Check("scope", None, None, passed=False)
    if window.scope.kind is _EVERYTHING:
        return _IN_SCOPE
    asked = _asked(case, window)
    return Check("scope", asked, window.scope.name, asked == window.scope.name)


def _asked(case: Case, window: Statement) -> str:
    """What the order has of the kind that the window's scope names."""
    match window.scope.kind:
        case ScopeKind.EVERYTHING:
            return ""
        case ScopeKind.ACCOUNT:
            return window.account
        case ScopeKind.AGENT:
            return case.proposal.agent
        case ScopeKind.STRATEGY:
            return case.proposal.strategy
        case ScopeKind.SYMBOL:
            return case.leg.symbol
        case kind:
            assert_never(kind)


def proposal_still_holds(case: Case) -> Check:
    """The time until which the proposal was meant has not passed."""
    until, now = case.proposal.valid_until, case.snapshot.now
    return Check("valid_until", now, until, now is not None and (until is None or now <= until))


def persons_have_approved(case: Case) -> Check:
    """Nobody has to approve, by its agent's policy or the environment's, or enough persons have.

    Persons are asked about entries, with their stops. So of what reduces, a stop that goes further away than
    the one in whose place it is to come is not what they approved, and needs them, too.
    """
    grant, needed = case.snapshot.grant, case.snapshot.persons_needed
    if grant is None:
        return Check(APPROVAL, None, "auto", passed=False)
    if grant.approval is _AUTO:
        return _NOBODY_ASKED
    if case.proposal.effect is not _OPEN and not _goes_further(case):
        return _NO_FURTHER
    persons = sorted(set(case.snapshot.approved_by))
    if not needed or not persons:
        return Check(APPROVAL, NOBODY_APPROVED, "auto", passed=False)
    observed, permitted = f"approved by {' and '.join(persons)}", f"approved by {needed}"
    return Check(APPROVAL, observed, permitted, len(persons) >= needed)


def _goes_further(case: Case) -> bool:
    """Whether it is a stop that leaves a position later, or at a worse price, than the one it replaces.

    Told by its own prices and not by the mark, which a moment may move past either of them.
    """
    old, new = case.snapshot.replaced, case.proposal
    if old is None or new.type not in STOPS:
        return False
    sign = new.side.sign
    steps = (
        (old.stop_price, new.stop_price, sign),
        (old.limit_price, new.limit_price, sign),
        (old.trail, new.trail_percent if new.trail_price is None else new.trail_price, 1),
    )
    return any(
        before is not None and after is not None and (after - before) * away > 0
        for before, after, away in steps
    )
