"""What regulators take from whoever sells: the SEC's section 31 fee and FINRA's trading activity fee.

SEC fee = notional × rate, rounded up to the cent. TAF = shares × rate, at most its cap, rounded up to the
cent. Both are charged for each fill on the selling side, as Alpaca passes them on. The rates change by the
year, so they are settings: see sec.gov ("Section 31 Transaction Fee Rate Advisory") and FINRA's By-Laws,
Schedule A, 1.
"""

from decimal import Decimal
from functools import cached_property

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.values import exact
from agenttrader.simulation.listings import BILLION, CENT, DOLLAR


class FeeSchedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """`sec_rate` per currency unit sold, `taf_rate` per share sold, `taf_cap` the most for one fill."""

    sec_rate: Decimal
    taf_rate: Decimal
    taf_cap: Decimal

    def __post_init__(self) -> None:
        for name in ("sec_rate", "taf_rate", "taf_cap"):
            if exact(getattr(self, name), name) < 0:
                raise BadValue(f"{name}: expected a number of at least 0, found {getattr(self, name)}")

    @cached_property
    def sec_billionths(self) -> int:
        """For each currency unit sold, in billionths; whole, as the others are: no rate is finer."""
        return int(self.sec_rate * BILLION)

    @cached_property
    def taf_billionths(self) -> int:
        """For each share sold."""
        return int(self.taf_rate * BILLION)

    @cached_property
    def taf_cap_billionths(self) -> int:
        """For one fill at most."""
        return int(self.taf_cap * BILLION)


class Fee(Struct, frozen=True, gc=False):
    """One fee: its name as Alpaca's activities give it, and how much."""

    name: str
    femtos: int


def fees_of_sale(schedule: FeeSchedule, notional_femtos: int, quantity_billionths: int) -> tuple[Fee, ...]:
    """The fees of one fill on the selling side; those that are nothing are left out."""
    sec = schedule.sec_billionths * notional_femtos
    taf = min(schedule.taf_billionths * quantity_billionths, schedule.taf_cap_billionths * BILLION)
    fees = (Fee("REG", _up_to_cent(sec)), Fee("TAF", _up_to_cent(taf * (DOLLAR // BILLION))))
    return tuple([fee for fee in fees if fee.femtos > 0])


def _up_to_cent(billionths: int) -> int:
    """Femtos, out of billionths of them: a product of whole numbers, of which nothing was rounded."""
    return -(-billionths // (CENT * BILLION)) * CENT
