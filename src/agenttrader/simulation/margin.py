"""What must stand behind a holding: Regulation T's half of its price, and Alpaca's table for the night.

Source of the numbers: docs.alpaca.markets, "Margin and Short Selling", as of September 2026. Its rates for
leveraged funds are left out, because a listing does not say that it is one. Amounts are in femtos, rounded
up: a requirement is never too small.
"""

from agenttrader.simulation.listings import BILLION, CENT, DOLLAR, Listing

EQUITY_MIN = 2_000 * DOLLAR
"""With less there is neither leverage nor short selling."""
INITIAL_PERCENT = 50
WHOLE_PERCENT = 100
LONG_PERCENT, CHEAP_LONG_PERCENT = 30, 50
CHEAPEST_LONG, CHEAP_LONG = 250 * CENT, 600 * CENT
"""Below the first price a long holding stands for itself, up to the second for half."""
SHORT_PERCENT = 30
CHEAP_SHORT = 500 * CENT
SHORT_EACH, CHEAP_SHORT_EACH = 500 * CENT, 250 * CENT
"""At least so much for each share that is short."""
CONCENTRATED_PERCENT = 70
CONCENTRATED_DEBIT = 100_000 * DOLLAR
"""A holding of so much of all equities, in an account that owes so much, stands for half at least."""


def initial(listing: Listing, femtos: int) -> int:
    """What of a value must be the account's own to begin with; all of what is not marginable."""
    return _part(femtos, INITIAL_PERCENT if listing.marginable else WHOLE_PERCENT)


def maintenance(listing: Listing, units: int, lots: int, *, concentrated: bool = False) -> int:
    """What a holding of so many signed lots at a price needs behind it over night."""
    price, value = listing.price_femtos(units), listing.notional(units, abs(lots))
    if not listing.marginable:
        return value
    if lots < 0:
        each, percent = (
            (CHEAP_SHORT_EACH, WHOLE_PERCENT) if price < CHEAP_SHORT else (SHORT_EACH, SHORT_PERCENT)
        )
        return max(-(-each * listing.billionths(-lots) // BILLION), _part(value, percent))
    if price < CHEAPEST_LONG:
        return value
    return _part(value, CHEAP_LONG_PERCENT if price <= CHEAP_LONG or concentrated else LONG_PERCENT)


def is_concentrated(value: int, all_values: int, cash: int) -> bool:
    """Whether one holding is too much of all of them, for an account that owes so much cash."""
    return cash <= -CONCENTRATED_DEBIT and value * 100 >= all_values * CONCENTRATED_PERCENT


def _part(femtos: int, percent: int) -> int:
    return -(-femtos * percent // 100)
