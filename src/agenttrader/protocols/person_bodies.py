"""What a person sends to `/v1`, signed statements, halts, reasons; and the breaks that a person is shown."""

from msgspec import Struct

from agenttrader.model.authority import Scope
from agenttrader.model.breaks import Break
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import OrderId


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


class EmptyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing, where asking is all there is to say."""
