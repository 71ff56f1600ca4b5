"""What moved an account other than a fill, as its broker posts it: a fee, a dividend, a split.

An activity is known by its id: posted twice, it is one. Where the book takes it in, the whole of it stands in
the record, so that the journal alone says what was believed.
"""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.identifiers import ActivityId, Symbol
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO
from agenttrader.model.words import Word


class ActivityKind(Word):
    """What an activity means for the book."""

    FEE = "fee"
    DIVIDEND = "dividend"
    INTEREST = "interest"
    """Paid or charged, borrowed shares among it."""
    TRANSFER = "transfer"
    """Cash that came from outside the account or left it: a flow, neither profit nor loss."""
    SPLIT = "split"
    COIN_FEE = "coin_fee"
    """Coins that the broker kept of what was bought."""
    CORRECTION = "correction"
    """The broker's word on cash or position, taken over by a person's signature: no broker posts it."""
    UNTREATED = "untreated"
    """A type that has no treatment here, or one that could not be read: a break."""


class AccountActivity(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """One activity. `amount` is signed cash, `quantity` signed units of `symbol`; 0 where nothing moved."""

    id: ActivityId
    kind: ActivityKind
    word: str
    """What the broker calls it."""
    date: str
    """The account's trading date that it belongs to, YYYY-MM-DD, in the broker's time zone."""
    time: Instant
    """Up to when it counts: when it was posted, or the end of its date where that is earlier."""
    amount: Decimal = ZERO
    quantity: Decimal = ZERO
    symbol: Symbol | None = None
