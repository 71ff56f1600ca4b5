"""What regulators take from whoever sells: the SEC's section 31 fee and FINRA's trading activity fee.

SEC fee = notional × rate, rounded up to the cent. TAF = shares × rate, at most its cap, rounded up to the
cent. Both are charged for each fill on the selling side, as Alpaca passes them on. The rates change by the
year, so they are settings: see sec.gov ("Section 31 Transaction Fee Rate Advisory") and FINRA's By-Laws,
Schedule A, 1.
"""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.values import exact
from agenttrader.simulation.listings import CENT, NANO


class FeeSchedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sec_rate` per currency unit sold, `taf_rate` per share sold, `taf_cap` the most for one fill."""

    sec_rate: Decimal
    taf_rate: Decimal
    taf_cap: Decimal

    def __post_init__(self) -> None:
        for name in ("sec_rate", "taf_rate", "taf_cap"):
            if exact(getattr(self, name), name) < 0:
                raise BadValue(f"{name}: expected a number of at least 0, found {getattr(self, name)}")


class Fee(NamedTuple):
    """One fee: its name as Alpaca's activities give it, and how much."""

    name: str
    nanos: int


def fees_of_sale(schedule: FeeSchedule, notional_nanos: int, quantity: Decimal) -> tuple[Fee, ...]:
    """The fees of one fill on the selling side; those that are nothing are left out."""
    sec = _up_to_cent(Fraction(schedule.sec_rate) * notional_nanos)
    shares, cap = Fraction(quantity) * NANO, Fraction(schedule.taf_cap) * NANO
    taf = _up_to_cent(min(Fraction(schedule.taf_rate) * shares, cap))
    return tuple(fee for fee in (Fee("REG", sec), Fee("TAF", taf)) if fee.nanos > 0)


def _up_to_cent(nanos: Fraction) -> int:
    return -(-nanos // CENT) * CENT
