"""What a fill costs: what regulators take from shares, and what the venue takes from coins.

Shares: SEC fee (`REG`) = notional × rate, when sold. `TAF` = shares × rate, at most its cap for one fill,
when sold. `CAT` = shares × rate, both ways. Alpaca passes them on: it keeps what is due during the day, and
takes the day's sum of each, rounded up to the cent, at the day's end (docs.alpaca.markets, "Regulatory
Fees"). The venue can do so, or take each fill's fees, rounded up, at once. The rates change by the year, so
they are settings: see sec.gov ("Section 31 Transaction Fee Rate Advisory") and FINRA's By-Laws, Schedule A.

Options (the same page): the exchanges' regulatory fee (`ORF`) and the clearing house's (`OCC`), contracts ×
rate, both ways, of which the latter has a cap; `CAT`, a contract as its hundred shares, which is our reading;
and when sold the SEC fee and `TAF` = contracts × a rate of its own. Taken as those of shares are.

Coins: a part of what is received, by whether the order rested (maker) or not (taker): coins when bought,
cash when sold (docs.alpaca.markets, "Crypto Spot Trading Fees"); rounded up to a billionth, our own rule.
"""

from collections import Counter
from decimal import Decimal
from functools import cached_property

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.values import exact
from agenttrader.simulation.contracts import CONTRACT_SIZE
from agenttrader.simulation.listings import BILLION, CENT, DOLLAR, Listing

_NANO = DOLLAR // BILLION


class FeeSchedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """`sec_rate` per currency unit sold, `taf_rate` per share sold, `taf_cap` the most of it for one fill.

    `cat_rate` per share; the rates of coins as parts of one; those of a year on borrowed cash, and on the
    value of borrowed shares that are easy or hard to borrow, as parts of one. `option_orf_rate` and
    `option_occ_rate` per contract, both ways, `option_occ_cap` the most of the latter for one fill;
    `option_taf_rate` per contract sold.
    """

    sec_rate: Decimal
    taf_rate: Decimal
    taf_cap: Decimal
    cat_rate: Decimal = Decimal(0)
    crypto_maker_rate: Decimal = Decimal(0)
    crypto_taker_rate: Decimal = Decimal(0)
    margin_rate: Decimal = Decimal(0)
    easy_borrow_rate: Decimal = Decimal(0)
    hard_borrow_rate: Decimal = Decimal(0)
    option_orf_rate: Decimal = Decimal(0)
    option_occ_rate: Decimal = Decimal(0)
    option_occ_cap: Decimal = Decimal(0)
    option_taf_rate: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if exact(getattr(self, name), name) < 0:
                raise BadValue(f"{name}: expected a number of at least 0, found {getattr(self, name)}")

    @cached_property
    def billionths(self) -> dict[str, int]:
        """Every rate by its name, in billionths; whole: no rate is finer."""
        return {name: int(getattr(self, name) * BILLION) for name in self.__struct_fields__}


class Due(Struct, frozen=True, gc=False):
    """What one fill adds to a fee, in billionths of femtos: a product of whole numbers, not rounded."""

    name: str
    billionths: int


class Fee(Struct, frozen=True, gc=False):
    """One fee as it is taken: its name as Alpaca's activities give it, and how much."""

    name: str
    femtos: int


class Accrued:
    """What an account owes and has not been charged yet: the day's sum of each fee."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()

    def add(self, dues: tuple[Due, ...]) -> None:
        """One more fill's."""
        for due in dues:
            self._sums[due.name] += due.billionths

    @property
    def femtos(self) -> int:
        """What would be taken now."""
        return sum(map(_up_to_cent, self._sums.values()))

    def take(self) -> tuple[Fee, ...]:
        """The fees of the day, which are then not owed any more."""
        fees = rounded(tuple([Due(*each) for each in self._sums.items()]))
        self._sums.clear()
        return fees


def share_dues(
    schedule: FeeSchedule, listing: Listing, lots: int, price: int, *, sells: bool
) -> tuple[Due, ...]:
    """What regulators take from one fill of shares; what is nothing is left out."""
    rates, shares = schedule.billionths, listing.billionths(lots)
    dues = [Due("CAT", rates["cat_rate"] * shares * _NANO)]
    if sells:
        taf = min(rates["taf_rate"] * shares, rates["taf_cap"] * BILLION)
        dues[:0] = [Due("REG", rates["sec_rate"] * listing.notional(price, lots)), Due("TAF", taf * _NANO)]
    return tuple([due for due in dues if due.billionths > 0])


def option_dues(
    schedule: FeeSchedule, listing: Listing, lots: int, price: int, *, sells: bool
) -> tuple[Due, ...]:
    """What is passed on for one fill of contracts; what is nothing is left out."""
    rates, contracts = schedule.billionths, listing.billionths(lots)
    occ = min(rates["option_occ_rate"] * contracts, rates["option_occ_cap"] * BILLION)
    dues = [
        Due("ORF", rates["option_orf_rate"] * contracts * _NANO),
        Due("OCC", occ * _NANO),
        Due("CAT", rates["cat_rate"] * contracts * CONTRACT_SIZE * _NANO),
    ]
    if sells:
        dues.append(Due("REG", rates["sec_rate"] * listing.notional(price, lots)))
        dues.append(Due("TAF", rates["option_taf_rate"] * contracts * _NANO))
    return tuple([due for due in dues if due.billionths > 0])


def rounded(dues: tuple[Due, ...]) -> tuple[Fee, ...]:
    """Each as it is taken: rounded up to the cent."""
    return tuple([Fee(due.name, _up_to_cent(due.billionths)) for due in dues])


def coin_fee(schedule: FeeSchedule, lots: int, *, is_maker: bool) -> int:
    """The lots of what was bought that the venue keeps."""
    return -(-lots * _coin_rate(schedule, is_maker=is_maker) // BILLION)


def coin_cash_fee(schedule: FeeSchedule, femtos: int, *, is_maker: bool) -> int:
    """The femtos of what was received for coins that the venue keeps."""
    return -(-femtos * _coin_rate(schedule, is_maker=is_maker) // (BILLION * _NANO)) * _NANO


def _coin_rate(schedule: FeeSchedule, *, is_maker: bool) -> int:
    return schedule.billionths["crypto_maker_rate" if is_maker else "crypto_taker_rate"]


def _up_to_cent(billionths: int) -> int:
    return -(-billionths // (CENT * BILLION)) * CENT
