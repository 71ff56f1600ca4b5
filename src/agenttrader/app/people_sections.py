"""The sections about persons: who there is, and how they are asked about entries."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Literal

from agenttrader.app.section import Section
from agenttrader.model.approvals import ApprovalTerms
from agenttrader.model.authority import PersonRole
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, PersonName
from agenttrader.runtime.waiting import approvers_beside


class Person(Section, frozen=True):
    """Who may loosen, known by an Ed25519 public key (32 bytes in hexadecimal).

    Whoever holds the token may look, halt and close; what loosens is signed with the key and nothing else.
    """

    public_key: str
    token_sha256: str
    role: PersonRole


class Approvals(Section, frozen=True):
    """How persons are asked about the entries of agents whose approval is `manual`."""

    expiry_seconds: int
    """How long an entry may wait."""
    adverse_move_fraction: Decimal
    """How far a price may go against it meanwhile, of what was shown; 0: not at all."""
    persons_needed: Literal[1, 2]
    """How many different persons say yes before it leaves."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.adverse_move_fraction >= 1:
            raise BadValue(
                "adverse_move_fraction: expected a fraction below 1, such as 0.005, "
                f"found {self.adverse_move_fraction}"
            )

    @property
    def terms(self) -> ApprovalTerms:
        """The same, as the gateway goes by it and shows it."""
        return ApprovalTerms(
            expiry_seconds=self.expiry_seconds,
            adverse_move_fraction=self.adverse_move_fraction,
            persons_needed=self.persons_needed,
        )


def faults_of_people(people: Mapping[PersonName, Person]) -> Iterator[str]:
    """Where one person has two names: that one would be two to whatever takes two."""
    for key in ("public_key", "token_sha256"):
        names: dict[str, PersonName] = {}
        for name, person in people.items():
            other = names.setdefault(getattr(person, key), name)
            if other != name:
                yield f"[people] {key}: expected one of its own for each, found {other}'s at {name}, too"


def faults_of_approvals(
    approvals: Approvals | None,
    asking: Mapping[AgentName, PersonName | None],
    people: Mapping[PersonName, Person],
) -> Iterator[str]:
    """Why the entries of the `asking` agents, each with its requester, could be approved by nobody."""
    for agent, requester in asking.items():
        if approvals is None:
            yield f"[approvals]: expected it, for persons approve the entries of [agents.{agent}], found none"
            return
        if requester is None:
            yield (
                f"[agents.{agent}] requester: expected the one of [people] who stands behind it, found none: "
                "nobody approves their own request"
            )
            continue
        others = approvers_beside(requester, {name: each.role for name, each in people.items()})
        if len(others) < approvals.persons_needed:
            found = ", ".join(sorted(others)) or "nobody"
            yield (
                f"[approvals] persons_needed: expected {approvals.persons_needed} of [people] with the role "
                f"approver or admin besides {requester}, the requester of [agents.{agent}], found {found}"
            )
