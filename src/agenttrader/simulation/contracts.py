"""Option contracts: what one is a right to, until when, at which price, and what it is called.

Sources: the symbols are the Options Clearing Corporation's, as Alpaca names contracts: root, date, right and
the strike in thousandths (docs.alpaca.markets, "Options Trading"). A contract is for a hundred shares, and
its price is told for one of them.
"""

import re
from datetime import date
from decimal import Decimal
from functools import cached_property

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.values import exact
from agenttrader.model.words import Word

CONTRACT_SIZE = 100
"""Shares of one contract; contracts that a corporate action has adjusted are not here."""
_STRIKE_PARTS = 1_000
_STRIKE_MAX = 100_000
"""Eight digits of thousandths hold no more."""
_ROOT = re.compile(r"[A-Z]{1,6}\Z")


class Right(Word):
    """What the holder may do: buy the shares, or sell them."""

    CALL = "call"
    PUT = "put"


class OptionContract(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A right to trade a hundred shares of `underlying` at `strike`, to the close of the day `expiration`.

    `dear_tick` is the step of its prices from 3.00 on; below, the listing's own `tick` is. Raises BadValue
    for a contract that has no symbol.
    """

    underlying: str
    expiration: str
    strike: Decimal
    right: Right
    dear_tick: Decimal = Decimal("0.05")

    def __post_init__(self) -> None:
        if not _ROOT.match(self.underlying):
            raise BadValue(f"underlying: expected one to six capital letters, found {self.underlying!r}")
        try:
            is_day = date.fromisoformat(self.expiration).isoformat() == self.expiration
        except ValueError:
            is_day = False
        if not is_day:
            raise BadValue(f"expiration: expected a day as YYYY-MM-DD, found {self.expiration!r}")
        strike = exact(self.strike, "strike")
        if not 0 < strike < _STRIKE_MAX or strike * _STRIKE_PARTS % 1:
            raise BadValue(
                f"strike: expected above 0 and below {_STRIKE_MAX}, to the thousandth, found {self.strike}"
            )

    @cached_property
    def strike_thousandths(self) -> int:
        """The strike in thousandths of the currency's unit."""
        return int(self.strike * _STRIKE_PARTS)

    @cached_property
    def symbol(self) -> str:
        """What the contract is called, as `SPY261218C00450000`."""
        day = self.expiration[2:].replace("-", "")
        return f"{self.underlying}{day}{self.right.value[0].upper()}{self.strike_thousandths:08d}"

    def intrinsic_thousandths(self, price_thousandths: int) -> int:
        """What the right alone is worth for one share, where that trades at a price; in thousandths."""
        gain = price_thousandths - self.strike_thousandths
        return max(gain if self.right is Right.CALL else -gain, 0)
