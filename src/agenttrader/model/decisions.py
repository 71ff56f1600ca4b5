"""What the gateway decided and on what.

A decision keeps every check with what was observed and permitted, and every input it used.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.times import Instant
from agenttrader.model.words import Word


class TradingState(Word):
    """What may leave the gateway, from everything to nothing automatic (DESIGN 6, Halts)."""

    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    HALTED = "halted"
    FROZEN = "frozen"

    @property
    def severity(self) -> int:
        """0 for ACTIVE up to 3 for FROZEN; of several states the severest holds."""
        return _SEVERITY[self]


_SEVERITY = {state: position for position, state in enumerate(TradingState)}


class SwitchReading(Struct, frozen=True, gc=False, kw_only=True):
    """What a switch said. Missing, unreadable and unparseable are readings too: HALTED, with the reason."""

    name: str
    state: TradingState
    reason: str


class Verdict(Word):
    """What was decided."""

    APPROVED = "approved"
    DENIED = "denied"
    PENDING_APPROVAL = "pending_approval"
    """Every check passes but that a person approves: one is asked."""


class Check(Struct, frozen=True, array_like=True, gc=False, forbid_unknown_fields=True):
    """One check's result.

    `observed` and `permitted` are numbers, texts or None, as the check's sentence reads them. A check whose
    input is absent has `observed` None and does not pass.
    """

    code: str
    observed: Any
    permitted: Any
    passed: bool


class MarkUsed(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """The price of one leg that a decision was made on."""

    symbol: Symbol
    price: Decimal | None
    time: Instant | None
    source: str | None


class DecisionInputs(
    Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a decision used besides proposal and fold: replay needs nothing from outside the journal."""

    now: Instant | None
    marks: tuple[MarkUsed, ...]
    switches: tuple[tuple[str, TradingState], ...]
    """Each wired switch as last read."""
    symbol_statuses: tuple[tuple[Symbol, str], ...]
    limits: Digest
    equity: Decimal | None
    buying_power: Decimal | None = None
    """By the broker's last word, less what has been approved since; None where it is not known."""
    prices: tuple[tuple[Symbol, Decimal | None], ...] = ()
    """What is held was valued at these, where no decision of this segment has said so before."""
    ranges: tuple[tuple[Symbol, Decimal, Decimal], ...] = ()
    """The lowest and the highest mark of late of what an entry would trade, where they were known."""
    market: tuple[tuple[Symbol, Decimal | None, Decimal | None], ...] = ()
    """What stood for the market: each symbol's mark, and where its day began."""
    said: tuple[tuple[str, str], ...] = ()
    """Why each switch halts that does; of one that was not read, nothing."""
    together: int = 0
    """How many proposals were decided as a group, itself counted; 0 where it was decided alone."""


class Decision(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """The verdict; `denied_by` is the code of the first check in the published order that did not pass."""

    verdict: Verdict
    denied_by: str | None
    checks: tuple[Check, ...]
    inputs: DecisionInputs
