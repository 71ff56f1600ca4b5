"""The decision: one linear pure function. Every check that binds runs; the first failure names the denial."""

from decimal import Decimal

from agenttrader.gateway.checks.case import Case, CheckFunction, cases_of
from agenttrader.gateway.checks.catalog import RULES_FOR
from agenttrader.gateway.limits import Limits
from agenttrader.gateway.sentences import NO_ANSWER
from agenttrader.gateway.snapshot import LegView, Snapshot
from agenttrader.model.decisions import Check, Decision, DecisionInputs, MarkUsed, Verdict
from agenttrader.model.orders import Proposal
from agenttrader.model.values import ZERO


def decide(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Decision:
    """Approve the proposal, or deny it by the first check in the published order that does not pass.

    The same arguments always give the same decision. A check that raises has not passed.
    """
    cases = cases_of(proposal, snapshot, limits)
    only = cases[0] if len(cases) == 1 else None
    checks: list[Check] = []
    denied_by: str | None = None
    for rule in RULES_FOR[proposal.effect]:
        try:
            check = _worst(rule.check, cases) if only is None else rule.check(only)
        except Exception as error:  # a boundary: whatever goes wrong in a check denies by its code
            check = Check(rule.code, f"{type(error).__name__}: {error}", NO_ANSWER, passed=False)
        checks.append(check)
        if not check.passed and denied_by is None:
            denied_by = rule.code
    return Decision(
        verdict=Verdict.APPROVED if denied_by is None else Verdict.DENIED,
        denied_by=denied_by,
        checks=tuple(checks),
        inputs=_inputs(snapshot),
    )


def _worst(check: CheckFunction, cases: list[Case]) -> Check:
    """The worst of the legs' results: one that did not pass, and of several that which is furthest over."""
    return max(map(check, cases), key=_badness)


def _badness(check: Check) -> tuple[bool, Decimal]:
    match check.observed, check.permitted:
        case None, _:
            return not check.passed, Decimal("Infinity")
        case (int() | Decimal()) as observed, (int() | Decimal()) as permitted if permitted > 0:
            return not check.passed, observed / Decimal(permitted)
        case _:
            return not check.passed, ZERO


def _inputs(snapshot: Snapshot) -> DecisionInputs:
    return DecisionInputs(
        now=snapshot.now,
        marks=tuple(map(_mark_used, snapshot.legs)),
        switches=snapshot.switches,
        symbol_statuses=tuple(
            (leg.symbol, leg.status.value if leg.status else "unknown") for leg in snapshot.legs
        ),
        limits=snapshot.limits_digest,
        equity=snapshot.equity,
    )


def _mark_used(leg: LegView) -> MarkUsed:
    mark = leg.mark
    if mark is None:
        return MarkUsed(leg.symbol, None, None, None)
    return MarkUsed(leg.symbol, mark.price, mark.time, mark.source)
