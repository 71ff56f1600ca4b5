"""What waits for a person in the decision-only process: held as the gateway holds it, and kept as a file.

A held entry counts in the fold as if it were working, under an id of its own that the gateway never gives.
The file is all of it: whoever is asked reads it, and after a restart it waits on, with the words given.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import msgspec
from msgspec import Struct, structs

from agenttrader.app.deciding.proposals import Wanted
from agenttrader.model.approvals import ApprovalAsked, ApprovalGiven
from agenttrader.model.authority import SignedStatement
from agenttrader.model.decisions import Decision
from agenttrader.model.errors import BadValue, StatementRefused
from agenttrader.model.events import Withheld
from agenttrader.model.identifiers import (
    AccountName,
    AgentName,
    Digest,
    OrderId,
    derive_order_id,
    derive_proposed_id,
    digest_of,
)
from agenttrader.model.orders import Proposal
from agenttrader.model.records import Chain
from agenttrader.model.times import Instant
from agenttrader.protocols.person_bodies import ApprovalBody
from agenttrader.runtime.approvals import asked_about
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State
from agenttrader.runtime.statements import judge
from agenttrader.runtime.waiting import Waiting

Verify = Callable[[str], SignedStatement]
"""Whose word an envelope is; StatementRefused where nobody's that is known."""


class WaitingEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of one that waits: what is signed for, what a statement is bound to, and what was said."""

    account: AccountName
    epoch: int
    configuration: Digest
    approval: ApprovalBody
    wanted: Wanted
    words: tuple[str, ...] = ()
    """The envelopes of those who have said yes."""


class WaitingKeeper(Protocol):
    """The files of what waits, and of what persons say; each method raises StoreError where it cannot."""

    def read(self) -> tuple[bytes, ...]:
        """Every file of what waits."""
        ...

    def keep(self, order_id: OrderId, content: bytes) -> None:
        """Keep the file of one that waits, in the place of what it said before."""
        ...

    def drop(self, order_id: OrderId) -> None:
        """It waits no more."""
        ...

    def words(self) -> Mapping[str, str]:
        """The envelopes that persons have put there, by their files' names; some, where there are many."""
        ...

    def drop_word(self, name: str) -> None:
        """It was taken, or refused."""
        ...


_decoder = msgspec.json.Decoder(WaitingEntry)


def entry_of(content: bytes) -> WaitingEntry:
    """What the file says. Raises msgspec.MsgspecError where it is none.

    BadValue where what it says was wanted is not what the order was made of that persons are shown.
    """
    entry = _decoder.decode(content)
    shown = entry.approval.shown
    if shown.proposal.id != _name(entry.wanted, shown.proposal.agent, shown.decision.inputs.now):
        raise BadValue(
            f"wanted: expected the words of which the order {shown.proposal.id} was made, found others"
        )
    return entry


def _name(wanted: Wanted, agent: AgentName, now: Instant | None) -> OrderId:
    """Under which id it waits: one that names every word of it, so that whoever signs for the order does."""
    proposed = derive_proposed_id(agent, wanted.proposal_id)
    return derive_order_id("held", proposed, digest_of(msgspec.json.encode(wanted)), now or 0)


class Held(Struct, frozen=True):
    """One that waits."""

    wanted: Wanted
    proposed: OrderId
    """The id that the gateway's own order would have."""
    epoch: int
    """The gateway's, when it was shown: a statement is made for that."""
    words: tuple[str, ...] = ()


class Holds:
    """What waits here, counted in `state`, which is the gateway's journal folded."""

    def __init__(self, state: State, verify: Verify) -> None:
        self._state = state
        self._verify = verify
        self._chain = Chain()  # one of its own: none of this is on any record of the gateway's
        self.by_id: dict[OrderId, Held] = {}

    @property
    def epoch(self) -> int:
        """The gateway's, as its journal says; 0 where that says none."""
        return 0 if self._state.segment is None else self._state.segment.epoch

    def has(self, proposal_id: str) -> bool:
        """Whether the proposal waits."""
        return any(held.wanted.proposal_id == proposal_id for held in self.by_id.values())

    def ask(
        self, wanted: Wanted, proposal: Proposal, decision: Decision, rules: Rules, now: Instant
    ) -> OrderId | None:
        """Hold it from `now` on; None where no person can be asked about it, and the decision stands."""
        name = _name(wanted, proposal.agent, decision.inputs.now)
        asked = asked_about(structs.replace(proposal, id=name), decision, self._state, rules, now)
        if asked is None or proposal.agent not in rules.authority.requesters:
            return None
        self._hold(asked, Held(wanted, proposal.id, self.epoch), now)
        return name

    def take_in(self, entry: WaitingEntry, proposed: OrderId, rules: Rules, now: Instant) -> None:
        """Hold one that a process before this one held, with what was said of it that still holds."""
        shown = entry.approval.shown
        self._hold(
            ApprovalAsked(shown=shown, digest=shown.digest), Held(entry.wanted, proposed, entry.epoch), now
        )
        for envelope in entry.words:
            self.hear(envelope, rules, now)

    def hear(self, envelope: str, rules: Rules, now: Instant) -> ApprovalGiven | SignedStatement | str:
        """Take a person's word: a yes, the statement of a no, or why it is refused. A yes is counted here."""
        try:
            signed = self._verify(envelope)
        except StatementRefused as error:
            return str(error)
        about = signed.statement.about
        if all(each.asked.digest != about for each in self.waiting()):
            return "nothing waits here that was shown so: it is over, or was decided"
        outcome = judge(signed, rules.authority, self._state, rules.calendar, now)
        if isinstance(outcome, str):
            return outcome
        if not isinstance(outcome, ApprovalGiven):
            return signed
        self._state.apply(self._chain.seal(outcome, now))
        held = self.by_id[outcome.order_id]
        self.by_id[outcome.order_id] = structs.replace(held, words=(*held.words, envelope))
        return outcome

    def waiting(self) -> Iterator[Waiting]:
        """What waits, as it was shown."""
        return (self._state.approvals.waiting[name] for name in self.by_id)

    def of(self, digest: str) -> OrderId:
        """The one that was shown under the digest."""
        return next(each.asked.order_id for each in self.waiting() if each.asked.digest == digest)

    def end(self, order_id: OrderId, now: Instant) -> Held:
        """It waits no more, and reserves nothing."""
        over = Withheld(order_id=order_id, reason="it waits here no more")
        self._state.apply(self._chain.seal(over, now))
        return self.by_id.pop(order_id)

    def _hold(self, asked: ApprovalAsked, held: Held, now: Instant) -> None:
        self._state.apply(self._chain.seal(asked, now))
        self.by_id[asked.order_id] = held
