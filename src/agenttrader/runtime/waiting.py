"""The entries that wait for a person, folded from the journal, and what a person's word does to one."""

from collections.abc import Iterable, Mapping

from msgspec import Struct, structs

from agenttrader.model.approvals import ApprovalAsked, ApprovalGiven, ApprovalRefused
from agenttrader.model.authority import MAY_SIGN, Act, PersonRole, SignedStatement
from agenttrader.model.identifiers import AgentName, OrderId, PersonName

APPROVERS = MAY_SIGN[Act.APPROVE_ORDER]
"""Who may answer."""


def approvers_beside(requester: PersonName, people: Mapping[PersonName, PersonRole]) -> list[PersonName]:
    """Who may approve what `requester` stands behind: nobody approves their own request."""
    return [name for name, role in people.items() if role in APPROVERS and name != requester]


class Waiting(Struct, frozen=True, kw_only=True):
    """One entry that waits, as it was shown, and who has said yes so far."""

    asked: ApprovalAsked
    approved_by: tuple[PersonName, ...] = ()

    @property
    def is_approved(self) -> bool:
        """Whether as many different persons have said yes as are needed, which is one at least."""
        return len(set(self.approved_by)) >= max(1, self.asked.shown.terms.persons_needed)


class Approvals:
    """What waits now, in the order in which it was asked."""

    def __init__(self) -> None:
        self.waiting: dict[OrderId, Waiting] = {}

    def ask(self, asked: ApprovalAsked) -> None:
        """One more waits."""
        self.waiting[asked.order_id] = Waiting(asked=asked)

    def give(self, given: ApprovalGiven) -> None:
        """A person said yes."""
        waits = self.waiting[given.order_id]
        approved_by = (*waits.approved_by, given.signed.statement.person)
        self.waiting[given.order_id] = structs.replace(waits, approved_by=approved_by)

    def end(self, order_id: OrderId) -> None:
        """It waits no more, or never has."""
        self.waiting.pop(order_id, None)


def judged(
    signed: SignedStatement,
    waiting: Iterable[Waiting],
    people: Mapping[PersonName, PersonRole],
    requesters: Mapping[AgentName, PersonName],
) -> ApprovalGiven | ApprovalRefused | str:
    """What a person's statement about an entry that waits brings about, or why it is refused."""
    statement = signed.statement
    found = next((each for each in waiting if each.asked.digest == statement.about), None)
    if found is None:
        return (
            "nothing waits that was shown so: it was decided, canceled or voided meanwhile, or its time is "
            "over; see `agenttrader approvals list`"
        )
    role = people.get(statement.person)
    if role not in APPROVERS:
        held = role.value if role else "none"
        return f"{statement.person} has the role {held}; this needs an approver or admin"
    if statement.act is Act.DENY_ORDER:
        return ApprovalRefused(order_id=found.asked.order_id, signed=signed)
    agent = found.asked.shown.proposal.agent
    requester = requesters.get(agent)
    if requester is None:
        return f"[agents.{agent}] names no requester, so nobody is known to be another person than that one"
    if requester == statement.person:
        return f"{requester} is the requester of {agent}, and nobody approves their own request"
    if statement.person in found.approved_by:
        return f"{statement.person} has approved it already; another person has to"
    return ApprovalGiven(order_id=found.asked.order_id, signed=signed)
