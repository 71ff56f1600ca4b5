"""What would be lost, gaps aside, if everything of ours stopped now: by what rests at the broker alone."""

from collections.abc import Mapping
from decimal import Decimal

from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import Role
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import RESTING, Book
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.orders import Order


def dead_machine_loss(book: Book, marks: Mapping[Symbol, Decimal]) -> Decimal:
    """Over every position; at cost where there is no mark."""
    return sum(
        (
            _loss_of(book, symbol, holding, marks.get(symbol) or holding.average_price())
            for symbol, holding in book.positions().items()
        ),
        ZERO,
    )


def working_loss(book: Book) -> Decimal:
    """What the entries that work would lose at their stops, gaps aside, filled whole at their worst.

    What no stop comes with counts whole.
    """
    loss = ZERO
    for order in book.orders.open_orders():
        if order.adds_risk:
            stops = [leg.stop_price for leg in order.protection if leg.role is Role.STOP]
            stop = stops[0] if stops and len(order.legs) == 1 else None
            unit = order.reserve_price if stop is None else abs(order.reserve_price - stop)
            loss += order.remaining * unit * book.multiplier(order.legs[0].symbol)
    return loss


def _loss_of(book: Book, symbol: Symbol, holding: Holding, mark: Decimal) -> Decimal:
    """One position's. What is unprotected counts whole, and so does what a stop at a net price covers."""
    left = abs(holding.quantity)
    loss = ZERO
    for leg in book.protection(symbol):
        if leg.role is Role.STOP and leg.state in RESTING and len(leg.legs) == 1:
            covered = min(left, leg.remaining)
            distance = _distance_to_stop(leg, mark, 1 if holding.quantity > 0 else -1)
            loss += covered * max(ZERO, distance) * holding.multiplier
            left -= covered
    return loss + left * mark * holding.multiplier


def _distance_to_stop(stop: Order, mark: Decimal, sign: int) -> Decimal:
    """How far the price may go against a long position (`sign` 1) or a short one before `stop` has left it.

    A stop-limit leaves at its limit. A trailing stop follows the best price: it is never further than its
    trail from the mark.
    """
    if stop.trail_price is not None:
        return stop.trail_price
    if stop.trail_percent is not None:
        return mark * stop.trail_percent / 100
    price = stop.stop_price if stop.limit_price is None else stop.limit_price
    assert price is not None, f"{stop.id}: expected a stop with a price"
    return (mark - price) * sign
