"""A break is one difference between our book and the broker's.

It is found, named, and stands until repaired or accepted.
"""

from msgspec import Struct

from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.words import Word


class BreakKind(Word):
    """What differs."""

    POSITION = "position"
    CASH = "cash"
    ACTIVITY = "activity"
    """Something that moved the account has no treatment, or does not lead from our book to the broker's."""
    ORDER_MISSING_AT_BROKER = "order_missing_at_broker"
    ORDER_MISSING_HERE = "order_missing_here"
    ORDER_QUANTITY = "order_quantity"
    EXECUTION_MISSING_AT_BROKER = "execution_missing_at_broker"
    EXECUTION_MISSING_HERE = "execution_missing_here"
    EXECUTION_TERMS = "execution_terms"
    """The broker tells an execution that we have with another order, side, quantity or price."""
    ORDER_UNKNOWN = "order_unknown"
    """An order whose answer never came and which the broker has not confirmed or denied."""
    CANCEL_UNCONFIRMED = "cancel_unconfirmed"
    """An order that should have ended, of which the broker has not said that it did."""
    IMPOSSIBLE_TRANSITION = "impossible_transition"
    UNRECOGNISED_REPORT = "unrecognised_report"
    UNPROTECTED = "unprotected"
    """A position whose protection does not rest at the broker."""
    STRUCTURE = "structure"
    """What was entered as a whole is not whole any more; `ours` is the kind of fault."""
    ACCOUNT_BLOCKED = "account_blocked"
    WRONG_ACCOUNT = "wrong_account"
    DOUBT = "doubt"
    """What the exits unit cannot judge; `ours` is the kind of doubt. It ends when it can."""


class StructureKind(Word):
    """What of a spread, or of a bracket, is out of shape."""

    LEG_MISSING = "leg_missing"
    """Nothing is held of it, and something of another leg."""
    LEG_DIRECTION = "leg_direction"
    """It is held the other way round."""
    LEG_QUANTITY = "leg_quantity"
    """It is enough for fewer of the whole than another leg."""
    LEG_EXCEEDS = "leg_exceeds"
    """What protects may trade more than is held."""


class DoubtKind(Word):
    """What of a position the exits unit cannot judge: a person must look."""

    PLAN = "plan"
    """Nobody has said how it is left."""
    PRICE = "price"
    """Its price is one that no price can be."""
    SPLIT = "split"
    """Quantity and price moved against each other, and the books differ."""
    RECKONING = "reckoning"
    """Its plan's numbers cannot be reckoned with."""
    ORDER = "order"
    """What it asks for is refused again and again."""


class Break(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One difference: ours, theirs, and a sentence for the operator."""

    kind: BreakKind
    ours: str
    theirs: str
    sentence: str
    symbol: Symbol | None = None
    order_id: OrderId | None = None
