"""A gateway whose agent needs a person: who there is to ask, by which terms, and their words in short."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from agenttrader.model.approvals import ApprovalTerms
from agenttrader.model.authority import Act, Approval, PersonRole
from agenttrader.model.identifiers import PersonName
from agenttrader.model.orders import Proposal
from agenttrader.runtime.inputs import Input, StatementGiven
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.waiting import Waiting
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    BRAVO,
    PERSON,
    STRATEGY,
    authority,
    grant,
    proposal,
    rules,
    signed,
)
from agenttrader.testing.driver import Driver, trading

ANN, BEN, EVE, VIC = PersonName("ann"), PersonName("ben"), PersonName("eve"), PersonName("vic")
PEOPLE = {
    PERSON: PersonRole.OPERATOR,
    ANN: PersonRole.APPROVER,
    BEN: PersonRole.ADMIN,
    EVE: PersonRole.ADMIN,
    VIC: PersonRole.VIEWER,
}
"""`PERSON` opens windows, ann and ben may approve, eve could and is the agent's requester, vic looks."""
TERMS = ApprovalTerms(expiry_seconds=300, adverse_move_fraction=Decimal("0.02"), persons_needed=1)


def manual(terms: ApprovalTerms | None = TERMS, **changes: Any) -> dict[str, Any]:
    """What is other in the rules of `builders`: its agent's entries are approved by persons."""
    grants = rules().grants | {AGENT: grant(ALFA, BRAVO, strategies=(STRATEGY,), approval=Approval.MANUAL)}
    people = authority(people=PEOPLE, requesters={AGENT: EVE})
    return {"grants": grants, "authority": people, "approvals": terms} | changes


def manual_rules(terms: ApprovalTerms | None = TERMS, **changes: Any) -> Rules:
    """The rules of `builders` with that."""
    return rules(**manual(terms, **changes))


def asking(terms: ApprovalTerms | None = TERMS, **changes: Any) -> Driver:
    """An engine one minute into the day that asks persons about entries."""
    return trading(**manual(terms, **changes))


def held(driver: Driver, number: int = 1, **changes: Any) -> Proposal:
    """An entry that waits."""
    entry = proposal(number, **changes)
    driver.propose(entry)
    return entry


def waits(driver: Driver, entry: Proposal) -> Waiting:
    """How the entry waits."""
    return driver.engine.state.approvals.waiting[entry.id]


def word(digest: str, person: PersonName = ANN, act: Act = Act.APPROVE_ORDER, **changes: Any) -> Input:
    """A person's word on what was shown under `digest`, for the first time."""
    nonce = f"{act.value}-{person}-{digest}"
    return StatementGiven(signed(act, **({"person": person, "about": digest, "nonce": nonce} | changes)))


def approved(driver: Driver, entry: Proposal, *persons: PersonName) -> Sequence[str]:
    """Have the persons approve the entry as it was shown; why each was refused, empty where it was not."""
    digest = waits(driver, entry).asked.digest
    return [driver.hear(word(digest, person)).refusal for person in persons]
