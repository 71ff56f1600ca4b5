"""The totals over open orders by symbol, kept as orders open, move and end: reading them takes no walk.

What an order counts for depends on others: a stop and a target of one position count once, and so do an order
and the one that is to replace it. It depends on none outside its family, so whatever happens to an order
changes the totals from what its family counted for before to what it counts for now.
"""

from collections.abc import Callable, Collection
from decimal import Decimal

from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.orders import Effect, Leg, Role, Side
from agenttrader.model.values import ZERO
from agenttrader.portfolio.losses import added_loss, leaving_price
from agenttrader.portfolio.orders import Family, Order
from agenttrader.portfolio.working import NOTHING, Stop, Stops, Working

# Bound once: on Python 3.11 reading a member from its enumeration costs more than what is done with it.
_BUY, _CLOSE, _STOP = Side.BUY, Effect.CLOSE, Role.STOP
_NO_STOPS: tuple[Stop, ...] = ()


class OrderTotals:
    """What open orders count for; `touch` is told each symbol in which what stops are good for changed."""

    def __init__(self, touch: Callable[[Symbol], None]) -> None:
        self._touch = touch
        self._working: dict[Symbol, Working] = {}
        self._stops: dict[tuple[Symbol, bool], Stops] = {}
        self.loss = ZERO
        """What all working entries would lose at their stops, gaps aside, filled whole at their worst."""

    def working(self, symbol: Symbol) -> Working:
        """What open orders may still do in `symbol`."""
        return self._working.get(symbol, NOTHING)

    def stops(self, symbol: Symbol, *, is_long: bool) -> Stops | None:
        """What the stops are good for that rest at the broker and face a long position, or a short one."""
        return self._stops.get((symbol, is_long))

    def recount(self, family: Family) -> None:
        """Count `family` as it is now, no longer as it was counted before."""
        for place, leg in enumerate(family.legs):
            was, now = family.working[place], working_in(leg, family.orders)
            if now != was:
                family.working[place] = now
                self._work(leg.symbol, was, now)
        self.restate(family)

    def restate(self, family: Family) -> None:
        """Do so where no more has happened than that an order's state is another, and none has ended."""
        for place, leg in enumerate(family.legs):
            was, now = family.stops[place], stops_in(leg, family.orders)
            if now != was:
                family.stops[place] = now
                self._protect(leg.symbol, was, now)

    def _work(self, symbol: Symbol, was: Working, now: Working) -> None:
        total = self.working(symbol).changed(was, now)
        # A nought that sums to nothing is a plain one again, whatever decimals went through it.
        self.loss = self.loss - was.loss + now.loss or ZERO
        if total == NOTHING:
            self._working.pop(symbol, None)
        else:
            self._working[symbol] = total

    def _protect(self, symbol: Symbol, was: tuple[Stop, ...], now: tuple[Stop, ...]) -> None:
        for stop in now:
            if (symbol, stop.is_long) not in self._stops:
                self._stops[symbol, stop.is_long] = Stops(is_long=stop.is_long)
            self._stops[symbol, stop.is_long].add(stop)
        for stop in was:
            stops = self._stops[symbol, stop.is_long]
            stops.remove(stop)
            if not stops.covers:
                del self._stops[symbol, stop.is_long]
        self._touch(symbol)


def working_in(leg: Leg, orders: Collection[Order]) -> Working:
    """What the `orders` of one family may still do in the symbol of `leg`, which all of them have.

    A stop and a target of one position count once, and so do an order and the one that is to replace it.
    """
    if not orders:
        return NOTHING
    bought = sold = closing = protecting = closes = loss = ZERO
    awaiting = longs = shorts = 0
    pairs: dict[OrderId, Decimal] = {}
    units = abs(leg.ratio)
    for order in orders:
        buys = (order.side is _BUY) is (leg.ratio > 0)
        if order.protects:
            left = order.remaining * units
            owner = order.owner.id
            counted = pairs.get(owner, ZERO)
            pairs[owner] = max(left, counted)
            left = max(ZERO, left - counted)
            if order.is_armed:
                protecting += left
            longs, shorts = (longs, shorts + 1) if buys else (longs + 1, shorts)
        else:
            left = order.beyond * units
            if order.adds_risk:
                awaiting += bool(order.protection)
                longs, shorts = (longs + 1, shorts) if buys else (longs, shorts + 1)
                if order.legs[0].symbol == leg.symbol:
                    loss += added_loss(order)
            else:
                closing += left
                if order.effect is _CLOSE:
                    closes += order.remaining * units
        if buys:
            bought += left
        else:
            sold += left
    return Working(bought, sold, closing, protecting, closes, loss, awaiting, longs, shorts)


def stops_in(leg: Leg, orders: Collection[Order]) -> tuple[Stop, ...]:
    """Those of `orders` that are stops, rest at the broker and can trade, as far as they surely will."""
    found = [order for order in orders if order.role is _STOP and order.rests and order.is_armed]
    if not found:
        return _NO_STOPS
    return tuple([_stop(order, leg.ratio) for order in found if order.surely])


def _stop(order: Order, ratio: int) -> Stop:
    surely = order.surely
    is_long = order.side.sign * ratio < 0
    covers = surely * abs(ratio)
    if len(order.legs) != 1:
        return Stop(is_long, covers, ZERO, ZERO, ZERO, None)
    # Which of it and the one in its place there is, is not known: it loses as far as the further one.
    both = (order, order.replacement or order)
    if order.trail_price is not None:
        trail = max([each.trail_price or ZERO for each in both])
        return Stop(is_long, covers, surely, ZERO, surely * trail, None)
    if order.trail_percent is not None:
        percent = max([each.trail_percent or ZERO for each in both])
        return Stop(is_long, covers, surely, surely * percent / 100, ZERO, None)
    prices = [leaving_price(each) for each in both]
    if is_long:
        return Stop(is_long, covers, surely, surely, -surely * min(prices), min(prices))
    return Stop(is_long, covers, surely, -surely, surely * max(prices), max(prices))
