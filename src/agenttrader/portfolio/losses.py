"""What would be lost, gaps aside, if everything of ours stopped now: by what rests at the broker alone."""

from collections.abc import Mapping
from decimal import Decimal

from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import Role
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
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
            beside = order.replaces if order.is_replacing else None
            loss += max(ZERO, loss_of_entry(book, order) - (loss_of_entry(book, beside) if beside else ZERO))
    return loss


def loss_of_entry(book: Book, order: Order) -> Decimal:
    """What the rest of one entry would lose at its stop, at the further one while that is replaced."""
    # What is to replace an entry takes over its legs.
    legs = order.replaces.protection if order.is_replacing and order.replaces else order.protection
    stops = [leg for leg in legs if leg.role is Role.STOP]
    stops += [leg.replacement for leg in stops if leg.replacement is not None]
    prices = [leg.stop_price for leg in stops if leg.stop_price is not None and len(order.legs) == 1]
    units = [abs(order.reserve_price - price) for price in prices]
    return order.remaining * max(units, default=order.reserve_price) * book.multiplier(order.legs[0].symbol)


def loss_at_stop(stop: Order, mark: Decimal, multiplier: Decimal) -> Decimal:
    """What a position loses from `mark` to where `stop` has left it, as far as that stop faces it."""
    return stop.remaining * max(ZERO, _distance_to_stop(stop, mark, -stop.side.sign)) * multiplier


def _loss_of(book: Book, symbol: Symbol, holding: Holding, mark: Decimal) -> Decimal:
    """One position's. What is unprotected counts whole, and so does what a stop at a net price covers."""
    left = abs(holding.quantity)
    loss = ZERO
    for leg in book.protection(symbol):
        if leg.role is Role.STOP and leg.rests and len(leg.legs) == 1:
            covered = min(left, leg.surely)
            sign = 1 if holding.quantity > 0 else -1
            distance = max(_distance_to_stop(each, mark, sign) for each in (leg, leg.replacement or leg))
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
