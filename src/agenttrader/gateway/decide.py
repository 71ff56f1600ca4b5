"""The decision: one linear pure function. Every check that binds runs; the first failure names the denial."""

from agenttrader.gateway.checks import RULES_FOR
from agenttrader.gateway.limits import Limits
from agenttrader.gateway.snapshot import LegView, Snapshot
from agenttrader.model.decisions import Check, Decision, DecisionInputs, MarkUsed, Verdict
from agenttrader.model.orders import Proposal


def decide(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Decision:
    """Approve the proposal, or deny it by the first check in the published order that does not pass.

    The same arguments always give the same decision. A check that raises has not passed.
    """
    assert _is_of(snapshot, proposal), f"expected a snapshot of proposal {proposal.id}, found {snapshot.legs}"
    checks: list[Check] = []
    denied_by: str | None = None
    for rule in RULES_FOR[proposal.effect]:
        try:
            check = rule.check(proposal, snapshot, limits)
        except Exception as error:  # a boundary: whatever goes wrong in a check denies by its code
            check = Check(rule.code, f"{type(error).__name__}: {error}", None, passed=False)
        checks.append(check)
        if denied_by is None and not check.passed:
            denied_by = rule.code
    return Decision(
        verdict=Verdict.APPROVED if denied_by is None else Verdict.DENIED,
        denied_by=denied_by,
        checks=tuple(checks),
        inputs=_inputs(snapshot),
    )


def _is_of(snapshot: Snapshot, proposal: Proposal) -> bool:
    """Whether the snapshot shows this proposal's legs: the programmer's promise, not the world's."""
    return [(view.symbol, view.quantity) for view in snapshot.legs] == [
        (leg.symbol, proposal.signed_quantity(leg)) for leg in proposal.legs
    ]


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
