"""Buy stops: Alpaca turns each into a stop-limit order, so that a gap cannot make it buy at any price.

The limit is 4 % above a stop under 50 and 2.5 % above others (docs.alpaca.markets, Placing Orders, "Stop
Order"); sell stops and trailing stops stay as they are. It is rounded down to the tick: our own rule. What is
short behind such a stop is unprotected where the price gaps beyond the limit.
"""

from decimal import Decimal

from agenttrader.simulation.listings import Listing
from agenttrader.simulation.orders import OrderType, Side

CHEAP = Decimal(50)
_PER_MILLE = 1_000
_CHEAP_PER_MILLE, _OTHER_PER_MILLE = 1_040, 1_025


def cap_of(listing: Listing, side: Side, order_type: OrderType, stop: int | None) -> int | None:
    """The limit in units that the order has once it is triggered; None for an order that has none."""
    if stop is None or side is not Side.BUY or order_type is not OrderType.STOP:
        return None
    is_cheap = listing.price(stop) < CHEAP
    return listing.tick_below(stop * (_CHEAP_PER_MILLE if is_cheap else _OTHER_PER_MILLE) // _PER_MILLE)
