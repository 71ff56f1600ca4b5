"""What a person sends to `/v1`, signed statements, halts, reasons; and what a person is shown to sign for."""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.approvals import Shown
from agenttrader.model.authority import Scope
from agenttrader.model.breaks import Break
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import Digest, OrderId, PersonName, Symbol


class EnvelopeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A statement in the DSSE envelope that its person signed."""

    envelope: str


class ReasonBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: str


class HaltBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What to halt, how far, and why."""

    scope: Scope
    state: TradingState
    reason: str


class CancelBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Which order shall end, and why."""

    order_id: str
    reason: str


class CancelAskedBody(Struct, frozen=True):
    """The broker is asked to end this order; that it has ended comes on the stream."""

    order_id: OrderId
    asked: bool


class CloseBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Of which symbol all that is held shall be sold, or bought back, and why."""

    symbol: str
    reason: str


class BreakBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A break that stands. Its id is a digest of all that it says: a person signs for that, and no other."""

    id: str
    found: Break
    accepting: str
    """What accepting it does."""
    refusal: str
    """Why it cannot be accepted now, and what to do instead; empty where it can."""


class BreaksBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Every break that stands."""

    breaks: tuple[BreakBody, ...]


class WordBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A person's signed yes or no, and the entry that it is about."""

    order_id: str
    envelope: str


class ApprovalLegBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One leg of an entry that waits; quantities are signed."""

    symbol: Symbol
    quantity: Decimal
    price_shown: Decimal | None
    """What it was decided at, and is approved at."""
    price_now: Decimal | None
    position: Decimal
    position_after: Decimal
    """When all of it has filled."""


class ApprovalBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry that waits for a person, who signs for the digest of what is `shown`, and for nothing else."""

    order_id: OrderId
    digest: Digest
    shown: Shown
    legs: tuple[ApprovalLegBody, ...]
    approved_by: tuple[PersonName, ...]
    requester: PersonName | None
    """Who stands behind its agent, and so cannot approve it."""


class ApprovalsBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Every entry that waits."""

    approvals: tuple[ApprovalBody, ...]


class EmptyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing, where asking is all there is to say."""
