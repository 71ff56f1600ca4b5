"""What becomes of options at their end, as it is posted to an account.

The words are Alpaca's activities (docs.alpaca.markets, "Non-Trade Activities for Option Events"): what
happened to the contracts is one, the shares or the cash that moved because of it is another.
"""

from msgspec import Struct

from agenttrader.model.times import Instant
from agenttrader.model.words import Word


class OptionEvent(Word):
    """What became of contracts, and what moved because of it."""

    EXPIRED = "OPEXP"
    EXERCISED = "OPEXC"
    ASSIGNED = "OPASN"
    SHARES = "OPTRD"
    CASH = "OPCSH"


class OptionPosted(Struct, frozen=True, kw_only=True, gc=False):
    """So many signed lots of `symbol` came because an option ended, at `price` in units where they have one.

    They are shares for SHARES, none for CASH, else contracts. `femtos` is the cash that came.
    """

    id: str
    sequence: int
    time: Instant
    account: str
    event: OptionEvent
    symbol: str
    lots: int = 0
    price: int | None = None
    femtos: int = 0
