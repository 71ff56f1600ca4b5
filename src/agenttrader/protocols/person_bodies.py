"""What a person sends to `/v1`: signed statements, halts, reasons."""

from msgspec import Struct

from agenttrader.model.authority import Scope
from agenttrader.model.decisions import TradingState


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


class EmptyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing, where asking is all there is to say."""
