"""What `POST /v1/groups` takes: proposals that are approved together or not at all, as a pair's two sides."""

from typing import Annotated

from msgspec import Meta, Struct, structs

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, derive_agents_order_id
from agenttrader.model.orders import Proposal
from agenttrader.protocols.native import UNREADABLE, AnswerBody, ProposalBody, to_proposal
from agenttrader.protocols.plain_digits import PlainDecoder

MEMBERS_MIN, MEMBERS_MAX = 2, 8


class GroupBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Entries that hold together. `group` is what their agent calls them: it is on the record of each."""

    group: Annotated[str, Meta(min_length=1, max_length=128)]
    proposals: Annotated[tuple[ProposalBody, ...], Meta(min_length=MEMBERS_MIN, max_length=MEMBERS_MAX)]


class GroupAnswerBody(Struct, frozen=True, kw_only=True):
    """What `POST /v1/groups` answers with 200, for a denial too: an answer for each, in their order."""

    group: str
    approved: bool
    """Whether all were; else none was."""
    proposals: tuple[AnswerBody, ...]


_decoder = PlainDecoder(GroupBody)


def decode_group(body: bytes, agent: AgentName) -> tuple[Proposal, ...]:
    """The proposals that `body` asks for, in `agent`'s name. Raises BadValue, naming the field.

    The id of one without a `proposal_id` is the hash of the agent, the body and its place in it: sent twice,
    it is the same order.
    """
    try:
        asked = _decoder.decode(body)
    except UNREADABLE as error:
        raise BadValue(f"group: {error}") from error
    text = body.decode()
    return tuple(
        to_proposal(_member(each, asked.group), agent, derive_agents_order_id(agent, "group", number, text))
        for number, each in enumerate(asked.proposals)
    )


def _member(proposal: ProposalBody, group: str) -> ProposalBody:
    if proposal.group not in (None, group):
        raise BadValue(f"group: expected {group!r} in each proposal, or none, found {proposal.group!r}")
    return structs.replace(proposal, group=group)
