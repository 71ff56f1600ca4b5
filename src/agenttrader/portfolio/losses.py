"""What one order would lose at its stop, gaps aside, and what a position would by the stops that face it."""

from collections.abc import Iterable
from decimal import Decimal

from agenttrader.model.orders import Role
from agenttrader.model.values import ZERO
from agenttrader.portfolio.orders import Order

# Bound once: on Python 3.11 reading a member from its enumeration costs more than what is done with it.
_STOP = Role.STOP


def loss_of_entry(order: Order) -> Decimal:
    """What the rest of one entry would lose at its stop, at the further one while that is replaced.

    All of it where no stop came with it, and where that is at a net price.
    """
    prices = _stop_prices(order) if len(order.legs) == 1 else []
    if not prices:
        return order.remaining * order.reserve_price
    return order.remaining * max([abs(order.reserve_price - price * order.multiplier) for price in prices])


def _stop_prices(entry: Order) -> list[Decimal]:
    # What is to replace an entry takes over its legs.
    standing = entry.replaces if entry.is_replacing and entry.replaces is not None else entry
    stops = [leg for leg in standing.protection if leg.role is _STOP]
    prices = [leg.stop_price for leg in stops]
    prices += [leg.replacement.stop_price for leg in stops if leg.replacement is not None]
    return [price for price in prices if price is not None]


def added_loss(order: Order) -> Decimal:
    """What an entry adds to the loss of all: beside one that it is to replace, what it loses more."""
    beside = order.replaces if order.is_replacing else None
    return max(ZERO, loss_of_entry(order) - (ZERO if beside is None else loss_of_entry(beside)))


def loss_at_stop(stop: Order, mark: Decimal, multiplier: Decimal) -> Decimal:
    """What a position loses from `mark` to where `stop` has left it, as far as that stop faces it."""
    return stop.remaining * max(ZERO, _distance_to_stop(stop, mark, -stop.side.sign)) * multiplier


def loss_by_stops(held: Decimal, mark: Decimal, protection: Iterable[Order]) -> Decimal:
    """What `held` units, signed, at `mark` lose by those of `protection` that rest, times the multiplier.

    What no stop covers counts whole, and so does what one at a net price over several instruments does.
    """
    left, sign = abs(held), 1 if held > 0 else -1
    loss = ZERO
    for leg in protection:
        if leg.role is _STOP and leg.rests and len(leg.legs) == 1:
            covered = min(left, leg.surely)
            distance = max(_distance_to_stop(each, mark, sign) for each in (leg, leg.replacement or leg))
            loss += covered * max(ZERO, distance)
            left -= covered
    return loss + left * mark


def leaving_price(stop: Order) -> Decimal:
    """Where a stop that does not follow the price has left: a stop-limit at its limit."""
    price = stop.stop_price if stop.limit_price is None else stop.limit_price
    assert price is not None, f"{stop.id}: expected a stop with a price"
    return price


def _distance_to_stop(stop: Order, mark: Decimal, sign: int) -> Decimal:
    """How far the price may go against a long position (`sign` 1) or a short one before `stop` has left it.

    A trailing stop follows the best price: it is never further than its trail from the mark.
    """
    if stop.trail_price is not None:
        return stop.trail_price
    if stop.trail_percent is not None:
        return mark * stop.trail_percent / 100
    return (mark - leaving_price(stop)) * sign
