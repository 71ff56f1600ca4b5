"""What borrowing costs over night: interest on cash, and a fee for shares that are short.

Both are a year's rate on what has settled, over 360 days, for as many nights as there are to the next
trading day (three over a weekend); shares are borrowed by the hundred, so that one costs as much as a
hundred. Source: docs.alpaca.markets, "Margin and Short Selling". There easy borrowing costs nothing and hard
borrowing has a rate for each symbol; here one rate stands for each kind. Rounded to the cent, as in that
page's example.
"""

from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.listings import BILLION, CENT, Listing, round_half_even

DAYS_OF_YEAR = 360
ROUND_LOT = 100


def margin_interest(schedule: FeeSchedule, settled_cash: int, nights: int) -> int:
    """Femtos owed for the cash that is below nothing."""
    return _over_nights(max(-settled_cash, 0), schedule.billionths["margin_rate"], nights)


def borrow_fee(schedule: FeeSchedule, listing: Listing, settled_lots: int, units: int, nights: int) -> int:
    """Femtos owed for what is short, at a price."""
    if settled_lots >= 0:
        return 0
    hundreds = -(listing.billionths(settled_lots) // (ROUND_LOT * BILLION))
    value = hundreds * ROUND_LOT * listing.price_femtos(units)
    name = "easy_borrow_rate" if listing.easy_to_borrow else "hard_borrow_rate"
    return _over_nights(value, schedule.billionths[name], nights)


def _over_nights(femtos: int, rate_billionths: int, nights: int) -> int:
    return round_half_even(femtos * rate_billionths * nights, BILLION * DAYS_OF_YEAR * CENT) * CENT
