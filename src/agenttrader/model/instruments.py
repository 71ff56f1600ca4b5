"""What is traded: an equity, an option, a crypto pair, or a spread of those.

Every instrument has legs; most have one.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.values import exact

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
LEGS_MIN = 2
"""What makes a spread a spread."""


class _Single(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: Symbol
    tick: Decimal
    """Smallest step of an order's price, in currency units."""
    lot: Decimal
    """Smallest step of an order's quantity, in units."""
    multiplier: Decimal = Decimal(1)
    """Units of the underlying in one unit of the instrument."""

    def __post_init__(self) -> None:
        for name in ("tick", "lot", "multiplier"):
            _require_above_zero(getattr(self, name), f"{self.symbol}.{name}")


class Equity(_Single, frozen=True, tag="equity"):
    """A share, traded in whole or fractional units of one currency."""


class Option(_Single, frozen=True, tag="option"):
    """A listed option; `expiry` is its last trading day as YYYY-MM-DD."""

    underlying: Symbol
    expiry: str
    strike: Decimal
    right: Literal["call", "put"]

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_above_zero(self.strike, f"{self.symbol}.strike")
        if not _DAY.fullmatch(self.expiry) or not _is_day(self.expiry):
            raise BadValue(f"{self.symbol}.expiry: expected a day as YYYY-MM-DD, found {self.expiry!r}")


class CryptoPair(_Single, frozen=True, tag="crypto_pair"):
    """A coin against a currency, traded around the clock."""


class Component(Struct, frozen=True, array_like=True):
    """One leg of a spread: `ratio` units of `symbol` per unit of the spread; below 0: the opposite side."""

    symbol: Symbol
    ratio: int


class Spread(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="spread"):
    """Several single instruments that are bought and sold as one, at a net price on `tick`."""

    symbol: Symbol
    tick: Decimal
    legs: tuple[Component, ...]

    def __post_init__(self) -> None:
        _require_above_zero(self.tick, f"{self.symbol}.tick")
        symbols = {leg.symbol for leg in self.legs}
        if (
            len(self.legs) < LEGS_MIN
            or len(symbols) != len(self.legs)
            or any(leg.ratio == 0 for leg in self.legs)
        ):
            raise BadValue(
                f"{self.symbol}: expected two or more different legs with ratios other than 0, "
                f"found {self.legs}"
            )


def _require_above_zero(value: Decimal, name: str) -> None:
    if exact(value, name) <= 0:
        raise BadValue(f"{name}: expected a number above 0, found {value}")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


Single = Equity | Option | CryptoPair
Instrument = Single | Spread
