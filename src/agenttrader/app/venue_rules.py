"""What the simulated exchange holds its accounts to, and how awkward it is: one table of the configuration.

Without the table there is no leverage, no rule of the regulators' or Alpaca's beyond what every order meets,
no fee but those of sales, no volume that bounds a fill, and no limit of requests.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from agenttrader.model.errors import BadValue

WHOLE_PERCENT = 100
_RATES = (
    "cat_rate",
    "crypto_maker_rate",
    "crypto_taker_rate",
    "margin_rate",
    "easy_borrow_rate",
    "hard_borrow_rate",
)


class VenueRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every key must be there. Rates are parts of one; those of a year but for the first three."""

    multiplier: Literal[1, 2, 4]
    """How often an account may spend what it has: 2 is Regulation T margin, 4 as much within a day."""
    day_trade_rule: bool
    settled_cash: bool
    wash_trade_rule: bool
    volume_percent: int | Literal["any"]
    """What one account may take of a bar's volume."""
    pending_seconds: int | Literal["none"]
    """How long new orders, cancels and replacements are pending, in the data's time."""
    late_fees: bool
    """The day's fees come after the close, as one sum of each; the gateway reckons them at each fill."""
    done_for_day: bool
    requests_per_minute_max: int | Literal["any"]
    """Of each key."""
    cat_rate: Decimal
    crypto_maker_rate: Decimal
    crypto_taker_rate: Decimal
    margin_rate: Decimal
    easy_borrow_rate: Decimal
    hard_borrow_rate: Decimal

    def __post_init__(self) -> None:
        for name, most in (
            ("volume_percent", WHOLE_PERCENT),
            ("pending_seconds", 86_400),
            ("requests_per_minute_max", 1_000_000),
        ):
            value = getattr(self, name)
            if isinstance(value, int) and not 1 <= value <= most:
                raise BadValue(f"{name}: expected a whole number from 1 to {most}, found {value}")
        for name in _RATES:
            if not 0 <= getattr(self, name) <= 1:
                raise BadValue(f"{name}: expected a rate from 0 to 1, found {getattr(self, name)}")
