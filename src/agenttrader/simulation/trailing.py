"""Trailing stops: where the stop stands behind the best price since the order came (its high water mark).

For a sale the best price is the highest and the stop lies below it by `trail`, or by a share of it; for a
purchase the lowest, and above it. The stop never moves back (docs.alpaca.markets, Trailing Stop Orders). It
is rounded to the unit of price away from the market.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec.structs import replace

from agenttrader.simulation.matching import PriceBar
from agenttrader.simulation.orders import OrderType, Side, VenueOrder

_HUNDRED = Decimal(100)


def stop_behind(high_water: int, side: Side, trail: int | None, trail_percent: Decimal | None) -> int:
    """The stop in units, at least one."""
    if trail is not None:
        return max(high_water + trail * side.sign, 1)
    assert trail_percent is not None
    factor = 1 + side.sign * trail_percent / _HUNDRED
    rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
    return max(int((high_water * factor).to_integral_value(rounding)), 1)


def trailed(order: VenueOrder, bar: PriceBar) -> VenueOrder | None:
    """The order after a bar has passed, or None where the bar does not move its stop."""
    if order.type is not OrderType.TRAILING_STOP or order.triggered or order.eligible_from > bar.start:
        return None
    best = bar.low if order.side is Side.BUY else bar.high
    if order.high_water is not None and best * order.side.sign >= order.high_water * order.side.sign:
        return None
    stop = stop_behind(best, order.side, order.trail, order.trail_percent)
    return replace(order, high_water=best, stop=stop)
