"""The events about entries that wait for a person: what was shown, who said yes, who said no."""

from decimal import Decimal

import msgspec
from msgspec import Struct

from agenttrader.model.authority import SignedStatement
from agenttrader.model.decisions import Decision
from agenttrader.model.facts import Fact
from agenttrader.model.identifiers import Digest, OrderId, digest_of
from agenttrader.model.orders import Proposal
from agenttrader.model.times import Instant


class ApprovalTerms(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """How persons are asked about an entry. None of these has a default."""

    expiry_seconds: int
    """How long it may wait."""
    adverse_move_fraction: Decimal
    """How far a price may go against it meanwhile, of what was shown; 0: not at all."""
    persons_needed: int
    """How many different persons say yes before it leaves."""


class Shown(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """All that a person is shown of an entry that waits: order, every check's numbers, quote and terms."""

    proposal: Proposal
    decision: Decision
    expires: Instant
    terms: ApprovalTerms

    @property
    def digest(self) -> Digest:
        """What an approval is bound to: anything else that is shown has another."""
        return digest_of(msgspec.json.encode(self, order="deterministic"))


class ApprovalAsked(Fact, frozen=True, tag="approval_asked.1"):
    """An entry passed every check but needs a person. It reserves as if it were working, and is not sent."""

    shown: Shown
    digest: Digest

    @property
    def order_id(self) -> OrderId:
        """The order's id: the proposal's."""
        return self.shown.proposal.id


class ApprovalGiven(Fact, frozen=True, tag="approval_given.1"):
    """A person approved the entry as it was shown. With the last that is needed it is decided again."""

    order_id: OrderId
    signed: SignedStatement


class ApprovalRefused(Fact, frozen=True, tag="approval_refused.1"):
    """A person said no: the entry ends, and its reservation with it."""

    order_id: OrderId
    signed: SignedStatement


ApprovalEvent = ApprovalAsked | ApprovalGiven | ApprovalRefused
"""What the journal holds about approvals; that one was voided is the order's `Withheld`."""
