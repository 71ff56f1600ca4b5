"""The decision: one linear pure function. Every check that binds runs; the first failure names the denial."""

from decimal import Decimal

from agenttrader.gateway.checks.case import Case, CheckFunction, Kind, cases_of, kind_of
from agenttrader.gateway.checks.catalog import CHECKS_FOR, RULES_FOR, Rule
from agenttrader.gateway.limits import Limits
from agenttrader.gateway.sentences import NO_ANSWER
from agenttrader.gateway.snapshot import Snapshot
from agenttrader.model.decisions import Check, Decision, DecisionInputs, MarkUsed, Verdict
from agenttrader.model.orders import Proposal
from agenttrader.model.values import ZERO

NOTHING_ASKED = Check("checks", "no check binds the order", NO_ANSWER, passed=False)
"""What an order is denied by that nothing was asked of: an empty list permits nothing."""


def decide(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Decision:
    """Approve the proposal, or deny it by the first check in the published order that does not pass.

    The same arguments always give the same decision. A check that raises has not passed.
    """
    cases = cases_of(proposal, snapshot, limits)
    checks = _checks(kind_of(proposal, snapshot), cases) or [NOTHING_ASKED]
    denied_by = None
    for check in checks:
        if not check.passed:
            denied_by = check.code
            break
    return Decision(
        verdict=Verdict.APPROVED if denied_by is None else Verdict.DENIED,
        denied_by=denied_by,
        checks=tuple(checks),
        inputs=_inputs(snapshot),
    )


def _checks(kind: Kind, cases: list[Case]) -> list[Check]:
    """Every rule's answer; those on one leg, as nearly all are, in one go where none of them raises."""
    if len(cases) > 1:
        return [_answer(rule, cases) for rule in RULES_FOR[kind]]
    (case,) = cases
    try:
        return [check(case) for check in CHECKS_FOR[kind]]
    except Exception:  # a boundary: which one raised, and what the others say, is asked one by one
        return [_answer(rule, cases) for rule in RULES_FOR[kind]]


def _answer(rule: Rule, cases: list[Case]) -> Check:
    try:
        return _worst(rule.check, cases)
    except Exception as error:  # a boundary: whatever goes wrong in a check denies by its code
        return Check(rule.code, f"{type(error).__name__}: {error}", NO_ANSWER, passed=False)


def _worst(check: CheckFunction, cases: list[Case]) -> Check:
    """The worst of the legs' results: one that did not pass, and of several that which is furthest over."""
    answers = [check(case) for case in cases]
    return answers[0] if len(answers) == 1 else max(answers, key=_badness)


def _badness(check: Check) -> tuple[bool, Decimal]:
    match check.observed, check.permitted:
        case None, _:
            return not check.passed, Decimal("Infinity")
        case (int() | Decimal()) as observed, (int() | Decimal()) as permitted if permitted > 0:
            return not check.passed, observed / Decimal(permitted)
        case _:
            return not check.passed, ZERO


def _inputs(snapshot: Snapshot) -> DecisionInputs:
    marks, statuses, ranges = [], [], []
    for leg in snapshot.legs:
        symbol, mark, status = leg.symbol, leg.mark, leg.status
        if mark is None:
            marks.append(MarkUsed(symbol, None, None, None))
        else:
            marks.append(MarkUsed(symbol, mark.price, mark.time, mark.source))
        if leg.ranged is not None:
            ranges.append((symbol, *leg.ranged))
        statuses.append((symbol, "unknown" if status is None else status.value))
    return DecisionInputs(
        now=snapshot.now,
        marks=tuple(marks),
        switches=snapshot.switches,
        symbol_statuses=tuple(statuses),
        limits=snapshot.limits_digest,
        equity=snapshot.equity,
        buying_power=snapshot.buying_power_broker,
        prices=snapshot.prices,
        ranges=tuple(ranges),
        market=snapshot.market,
        said=snapshot.said,
    )
