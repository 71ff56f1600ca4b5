"""Entries that wait for a person: which are asked about, what answers them, what voids the question. Pure.

An agent whose approval is `manual` has an entry held that passes everything else. It reserves as if it were
working, and nothing of it leaves. What is asked names order, every check's numbers, quote, limits and terms,
and an approval is bound to the digest of that. With the last yes the entry is decided again, whole, on what
is so by then: that decision lets it leave, not the persons.

Whatever fails on the way denies. What was asked is void as soon as something halts the order, its time is
over, a price went against it further than the terms permit, or the limits are others; and with a restart.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from msgspec import structs

from agenttrader.gateway.checks.authority import APPROVAL, NOBODY_APPROVED, PERMITTED_EFFECTS
from agenttrader.model.approvals import ApprovalAsked, ApprovalTerms, Shown
from agenttrader.model.decisions import Decision, Verdict
from agenttrader.model.events import Withheld
from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import Effect, Proposal
from agenttrader.model.times import SECOND, Instant, rfc3339
from agenttrader.runtime.halts import HaltStanding
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.snapshots import session_at
from agenttrader.runtime.state import State


def asked_about(
    proposal: Proposal, decision: Decision, state: State, rules: Rules, now: Instant
) -> ApprovalAsked | None:
    """What persons are asked about the proposal; None where none is, and the decision stands.

    They are asked about an entry by itself that is denied by nothing but that nobody has approved it.
    """
    if decision.denied_by != APPROVAL or rules.approvals is None:
        return None
    failed = [(check.code, check.observed) for check in decision.checks if not check.passed]
    by_itself = proposal.effect is Effect.OPEN and proposal.group is None and proposal.replaces is None
    if failed != [(APPROVAL, NOBODY_APPROVED)] or not by_itself:
        return None
    shown = Shown(
        proposal=proposal,
        decision=structs.replace(decision, verdict=Verdict.PENDING_APPROVAL, denied_by=None),
        expires=min(_ends(proposal, rules.approvals, state, rules, now)),
        terms=rules.approvals,
    )
    return ApprovalAsked(shown=shown, digest=shown.digest)


def _ends(
    proposal: Proposal, terms: ApprovalTerms, state: State, rules: Rules, now: Instant
) -> Iterator[Instant]:
    """What it does not wait over: the terms, its own end, its window's, and that of the exchange's hours."""
    yield Instant(now + terms.expiry_seconds * SECOND)
    if proposal.valid_until is not None:
        yield proposal.valid_until
    if state.standing.window is not None:
        yield state.standing.window.statement.end
    session = session_at(rules.calendar, now)
    if session is not None:
        yield session.last


def voided(
    state: State,
    prices: Mapping[Symbol, Decimal],
    standing: Callable[[Proposal], HaltStanding],
    rules: Rules,
    now: Instant,
) -> Iterator[Withheld]:
    """The end of whatever waits and may not any more, with the reason."""
    for each in state.approvals.waiting.values():
        shown = each.asked.shown
        reason = _over(shown, now) or _halted(standing(shown.proposal)) or _changed(shown, prices, rules)
        if reason:
            yield Withheld(order_id=each.asked.order_id, reason=f"its approval is void: {reason}")


def _over(shown: Shown, now: Instant) -> str:
    return f"its time was over at {rfc3339(shown.expires)}" if now >= shown.expires else ""


def _halted(standing: HaltStanding) -> str:
    if Effect.OPEN in PERMITTED_EFFECTS[standing.state]:
        return ""
    return f"{standing.state.value}: {'; '.join(standing.reasons)}"


def _changed(shown: Shown, prices: Mapping[Symbol, Decimal], rules: Rules) -> str:
    """What is other than it was shown, so that no yes to that is one to this."""
    decision, fraction = shown.decision, shown.terms.adverse_move_fraction
    if decision.inputs.limits != rules.limits_digest:
        return "the limits are others than those that were shown"
    if shown.terms != rules.approvals:
        return "the terms of approvals are others than those that were shown"
    quotes = {mark.symbol: mark.price for mark in decision.inputs.marks}
    for leg in shown.proposal.legs:
        then, now = quotes.get(leg.symbol), prices.get(leg.symbol)
        if then is None or now is None:
            return f"the price of {leg.symbol} is not known"
        against = (now - then) * (1 if shown.proposal.signed_quantity(leg) > 0 else -1)
        if against > abs(then) * fraction:
            return f"{leg.symbol} went from {then:f} to {now:f}, against it by more than {fraction:f} of that"
    return ""
