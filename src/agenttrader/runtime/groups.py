"""Proposals that are decided as a group: which can be, which group that is again, and what is decided."""

from collections.abc import Callable, Mapping, Sequence

from agenttrader.gateway.groups import together
from agenttrader.model.decisions import Decision
from agenttrader.model.events import Decided
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.instruments import Instrument
from agenttrader.model.orders import Effect, Proposal
from agenttrader.model.records import Chain
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.instructions import departure_of
from agenttrader.runtime.state import State

NOT_ALONE = "group: expected none in a proposal by itself; send what holds together to POST /v1/groups"


def refusal_of(orders: Mapping[OrderId, Order], proposals: Sequence[Proposal]) -> str:
    """Why these are not decided together; empty where they are, or have been.

    Entries alone: what makes a position smaller is never held up because something else was denied.
    """
    first = proposals[0]
    if len({each.id for each in proposals}) < len(proposals):
        return "group: expected an id of its own for each proposal, found one twice"
    if not first.group or any((each.agent, each.group) != (first.agent, first.group) for each in proposals):
        return "group: expected proposals of one agent, with the group's name in each"
    if any(each.effect is not Effect.OPEN for each in proposals):
        return "group: expected entries alone (effect open); propose by itself what reduces or closes"
    known = [orders[each.id] for each in proposals if each.id in orders]
    if known and [each.proposal for each in known] != list(proposals):
        return (
            "group: expected proposals that are all new, or all as they were sent together before; the id "
            f"{known[0].id} was used. Send new ids for a new group"
        )
    return ""


def decisions_on(
    proposals: Sequence[Proposal],
    decide: Callable[[Proposal], Decision],
    state: State,
    instruments: Mapping[Symbol, Instrument],
    now: Instant,
) -> list[Decision]:
    """The decisions on a group of entries, each made as if those before it had been approved.

    `decide` sees in `state` what was approved before; afterwards `state` is as it was.
    """
    alone: list[Decision] = []
    tried: list[OrderId] = []
    chain = Chain()  # one of its own: what is tried is no record of ours
    for proposal in proposals:
        decision = decide(proposal)
        alone.append(decision)
        if decision.denied_by is None:
            leaving = departure_of(proposal, instruments)
            decided = Decided(proposal=proposal, decision=decision, instruction=leaving)
            state.apply(chain.seal(decided, now))
            tried.append(proposal.id)
    state.forget(tried)
    return together(proposals, alone)
