"""Who may approve: a configuration in which nobody could is refused."""

import itertools
import re
from pathlib import Path

import pytest

from agenttrader.app.config import demo_template, load
from agenttrader.app.gateway.rules import rules_of
from agenttrader.model.approvals import ApprovalTerms
from agenttrader.model.authority import Approval
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AgentName, PersonName
from agenttrader.model.values import exact
from agenttrader.testing.builders import calendar

APPROVALS = (
    '\n[approvals]\nexpiry_seconds = 300\nadverse_move_fraction = "0.005"\npersons_needed = {needed}\n'
)
PERSON = '\n[people.{name}]\npublic_key = "{key}"\ntoken_sha256 = "{key}"\nrole = "{role}"\n'


def filled() -> str:
    """The demo's template with a different hash wherever it leaves one out."""
    numbers = itertools.count(1)
    return re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())


def manual(requester: str = 'requester = "demo"', needed: int = 1, **people: str) -> str:
    """The template with a visitor whose entries persons approve, and these people besides its own."""
    head, table, rest = filled().partition("[agents.visitor]")
    rest = rest.replace('approval = "auto"', f'approval = "manual"\n{requester}', 1)
    others = (
        PERSON.format(name=name, role=role, key=f"{number:064x}")
        for number, (name, role) in enumerate(people.items(), 1_000)
    )
    return head + table + rest + APPROVALS.format(needed=needed) + "".join(others)


def refusal(folder: Path, text: str) -> str:
    path = folder / "run.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load(path, environment={})
    return str(refused.value).removeprefix(f"{path}: ")


def test_the_gateway_goes_by_the_terms_and_knows_the_requester(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(manual(ann="approver"))
    configuration = load(tmp_path / "run.toml", environment={})
    rules = rules_of(configuration, calendar(), ())
    fraction = exact("0.005", "fraction")
    assert rules.approvals == ApprovalTerms(
        expiry_seconds=300, adverse_move_fraction=fraction, persons_needed=1
    )
    assert rules.authority.requesters == {AgentName("visitor"): PersonName("demo")}
    approvals = {name: grant.approval for name, grant in rules.grants.items()}
    assert approvals[AgentName("visitor")] is Approval.MANUAL
    assert approvals[AgentName("momentum")] is Approval.AUTO


def test_what_asks_nobody_needs_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(filled())
    configuration = load(tmp_path / "run.toml", environment={})
    assert rules_of(configuration, calendar(), ()).approvals is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    (
        (
            manual(ann="approver").partition("\n[approvals]")[0],
            "[approvals]: expected it, for persons approve the entries of [agents.visitor], found none",
        ),
        (
            manual(requester="", ann="approver"),
            (
                "[agents.visitor] requester: expected the one of [people] who stands behind it, found none: "
                "nobody approves their own request"
            ),
        ),
        (
            manual(requester='requester = "eve"', ann="approver"),
            "[agents.visitor.requester] eve: expected it in [people] too, found there ann, demo",
        ),
        (
            manual(ann="operator", ben="viewer"),
            (
                "[approvals] persons_needed: expected 1 of [people] with the role approver or admin besides "
                "demo, the requester of [agents.visitor], found nobody"
            ),
        ),
        (
            manual(requester='requester = "ann"', needed=2, ann="admin", ben="approver"),
            (
                "[approvals] persons_needed: expected 2 of [people] with the role approver or admin besides "
                "ann, the requester of [agents.visitor], found ben"
            ),
        ),
        (
            manual(ann="approver").replace("expiry_seconds = 300\n", ""),
            "[approvals] expiry_seconds: this key is missing",
        ),
        (
            manual(ann="approver").replace('"0.005"', '"1"'),
            "[approvals] adverse_move_fraction: expected a fraction below 1, such as 0.005, found 1",
        ),
        (
            manual(ann="approver", ben="approver").replace(f"{1_001:064x}", f"{1_000:064x}"),
            "[people] public_key: expected one of its own for each, found ann's at ben, too",
        ),
        (
            manual(ann="approver", ben="approver").replace(
                f'token_sha256 = "{1_001:064x}"', f'token_sha256 = "{1_000:064x}"'
            ),
            "[people] token_sha256: expected one of its own for each, found ann's at ben, too",
        ),
        (manual(needed=3, ann="approver"), "[approvals] persons_needed: "),
        (manual(needed=0, ann="approver"), "[approvals] persons_needed: "),
        (
            manual(ann="approver").replace("expiry_seconds = 300", "expiry_seconds = 0"),
            "[approvals] expiry_seconds: expected a whole",
        ),
    ),
)
def test_a_configuration_by_which_nobody_could_approve_is_refused(
    tmp_path: Path, text: str, sentence: str
) -> None:
    assert refusal(tmp_path, text).startswith(sentence)
