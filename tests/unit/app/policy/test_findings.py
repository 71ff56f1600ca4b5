"""What is counted as a change, and of what nothing is said."""

import pytest
from msgspec import structs

from agenttrader.app.policy.again import Again
from agenttrader.app.policy.findings import Findings
from agenttrader.model.decisions import Check, Decision, Verdict
from agenttrader.testing.builders import decision, proposal


def made(denied_by: str | None = None, observed: int = 1) -> Decision:
    check = Check(denied_by or "position", observed, 5, passed=denied_by is None)
    return structs.replace(decision(proposal(1), denied_by=denied_by), checks=(check,))


def pending() -> Decision:
    return structs.replace(made(), verdict=Verdict.PENDING_APPROVAL)


def found(recorded: Decision, asked: Decision, own: Decision | None) -> Findings:
    findings = Findings()
    findings.add(Again(7, proposal(1), recorded, asked, own))
    return findings


@pytest.mark.parametrize(
    ("recorded", "asked", "kind"),
    (
        (made(), made("position", 9), "denied"),
        (pending(), made("position", 9), "denied"),
        (made("position", 9), made(), "approved"),
        (made("position", 9), pending(), "approved"),
        (made("position", 9), made("lot", 3), "otherwise"),
    ),
)
def test_what_changes_is_of_one_kind_and_names_the_check_that_tells_it(
    recorded: Decision, asked: Decision, kind: str
) -> None:
    findings = found(recorded, asked, recorded)
    kinds = {name: getattr(findings, name) for name in ("denied", "approved", "otherwise", "unlike")}
    (change,) = kinds.pop(kind)
    assert not any(kinds.values())
    assert (change.sequence, change.check) == (7, asked.denied_by or recorded.denied_by or "position")
    assert findings.changes
    assert (change.denies, change.approves) == (kind == "denied", kind == "approved")


def test_what_comes_out_the_same_is_counted_alone() -> None:
    findings = found(made("lot"), made("lot", 2), None)
    assert (findings.decisions, findings.same, findings.changes) == (1, 1, False)


def test_of_what_the_limits_that_ruled_decide_otherwise_nothing_is_said() -> None:
    findings = found(made(), made("position", 9), made("lot"))
    (unlike,) = findings.unlike
    assert (unlike.was, unlike.now) == ("approved", "lot")
    assert not findings.denied
    assert findings.changes


def test_another_wording_is_a_change_only_where_that_is_what_is_asked() -> None:
    reworded = made(observed=2)
    assert found(made(), reworded, reworded).unlike
    findings = found(made(), made("position", 9), reworded)
    assert (len(findings.denied), findings.unlike) == (1, [])


def test_codes_are_counted_both_ways_the_most_first() -> None:
    findings = Findings()
    for number, (recorded, asked) in enumerate(
        ((made(), made("lot")), (made("lot"), made()), (made(), made("quote")), (made(), made("lot")))
    ):
        findings.add(Again(number, proposal(1), recorded, asked, recorded))
    assert list(findings.codes().items()) == [("lot", (2, 1)), ("quote", (1, 0))]
