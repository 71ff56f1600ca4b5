"""Trailing stops: where the stop stands behind the best price since the order came (its high water mark).

For a sale the best price is the highest and the stop lies below it by `trail`, or by a share of it; for a
purchase the lowest, and above it. The stop never moves back (docs.alpaca.markets, Trailing Stop Orders). It
lies on a tick, away from the market where the trail ends between two: our own rule, as no page says.
"""

from decimal import ROUND_CEILING, Decimal

from msgspec.structs import replace

from agenttrader.simulation.listings import Listing
from agenttrader.simulation.matching import PriceBar
from agenttrader.simulation.orders import OrderType, Side, VenueOrder

_HUNDRED = Decimal(100)


def stop_behind(
    listing: Listing, high_water: int, side: Side, trail: int | None, trail_percent: Decimal | None
) -> int:
    """The stop in units, on a tick: that of a sale is rounded down, that of a purchase up."""
    if trail is None:
        assert trail_percent is not None
        trail = int((high_water * trail_percent / _HUNDRED).to_integral_value(ROUND_CEILING))
    stop = high_water + side.sign * trail
    return listing.tick_above(stop) if side is Side.BUY else listing.tick_below(stop)


def trailed(listing: Listing, order: VenueOrder, bar: PriceBar) -> VenueOrder | None:
    """The order after a bar has passed, or None where the bar does not move its stop."""
    if order.type is not OrderType.TRAILING_STOP or order.triggered or order.eligible_from > bar.start:
        return None
    best = bar.low if order.side is Side.BUY else bar.high
    if order.high_water is not None and best * order.side.sign >= order.high_water * order.side.sign:
        return None
    stop = stop_behind(listing, best, order.side, order.trail, order.trail_percent)
    return replace(order, high_water=best, stop=stop)
