"""What rules: limits, breakers and ceilings by name, and the events that make them tighter or looser.

A name says scope, name and key, such as `account.gross_exposure_max` or `symbol.ALFA.order_quantity_max`;
a value is text as a person writes it: `5000`, `true`, `limit,market`.
"""

from msgspec import Struct

from agenttrader.model.authority import SignedStatement
from agenttrader.model.facts import Fact


class RulingValue(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One value that rules."""

    name: str
    value: str


class RulingChange(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One value that changes; None where there was none, or is none any more."""

    name: str
    before: str | None
    after: str | None


class LimitTightened(Fact, frozen=True, tag="limit_tightened.1"):
    """A person made one value tighter: it rules from here on, over restarts, until it is loosened."""

    change: RulingChange
    by: str
    reason: str


class LooseningSigned(Fact, frozen=True, tag="loosening_signed.1"):
    """A person signed for a loosening that needs another signature still."""

    signed: SignedStatement
    session: str
    """The trading day on which it was signed, YYYY-MM-DD."""


class LimitsLoosened(Fact, frozen=True, tag="limits_loosened.1"):
    """Persons signed for exactly these changes, all of them looser: they rule from here on."""

    changes: tuple[RulingChange, ...]
    signed: SignedStatement
    """The last signature; those before it are on record as `LooseningSigned`."""


RulingEvent = LimitTightened | LooseningSigned | LimitsLoosened
"""What changes what rules, but for the start of a segment, which says all of it."""
