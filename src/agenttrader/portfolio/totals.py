"""The totals over open orders by symbol, kept as orders open, move and end: reading them takes no walk.

What an order counts for depends on others: a stop and a target of one position count once, and so do an order
and the one that is to replace it. It depends on none outside its family, so whatever happens to an order
changes the totals from what its family counted for before to what it counts for now. What may still be done
is summed when it is next asked for: who folds a journal asks for it once, at the end.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection
from decimal import Decimal

from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.orders import Effect, Leg, OrderType, Role, Side
from agenttrader.model.values import ZERO
from agenttrader.portfolio.losses import added_loss, leaving_price
from agenttrader.portfolio.orders import Family, Order
from agenttrader.portfolio.working import NOTHING, Stop, Stops, Working

# Bound once: on Python 3.11 reading a member from its enumeration costs more than what is done with it.
_BUY, _CLOSE, _STOP, _LIMIT = Side.BUY, Effect.CLOSE, Role.STOP, OrderType.LIMIT


class OrderTotals:
    """What open orders count for; `touch` is told each symbol in which what stops are good for changed."""

    def __init__(self, touch: Callable[[Symbol], None]) -> None:
        self._touch = touch
        self._stale: dict[Family, None] = {}
        """Those in which something happened since sums were last asked for."""
        self._working: dict[Symbol, Working] = {}
        self._armed: dict[tuple[Symbol, bool], dict[OrderId, Order]] = {}
        self._stops: dict[tuple[Symbol, bool], Stops] = {}
        self._loss = ZERO
        self._resting: dict[tuple[Symbol, bool], list[Decimal]] = {}
        """The limits of what rests to buy, or to sell, in order."""

    def working(self, symbol: Symbol) -> Working:
        """What open orders may still do in `symbol`."""
        self._sum()
        return self._working.get(symbol, NOTHING)

    def loss(self) -> Decimal:
        """What all working entries would lose at their stops, gaps aside, filled whole at their worst."""
        self._sum()
        return self._loss

    def facing(self, symbol: Symbol, *, buys: bool) -> Decimal | None:
        """The best price of our own that rests against an order which buys, or sells; None where none does.

        That of a limit order of one symbol, whatever its effect, and whether the broker has confirmed it or
        not. A stop rests in no market, nor does the target of an entry that has not filled whole.
        """
        self._sum()
        prices = self._resting.get((symbol, not buys))
        return None if not prices else prices[0 if buys else -1]

    def armed(self, symbol: Symbol, *, is_long: bool) -> tuple[Order, ...]:
        """The orders that protect a long position, or a short one, and can trade, as they came to that."""
        return tuple(self._armed.get((symbol, is_long), {}).values())

    def stops(self, symbol: Symbol, *, is_long: bool) -> Stops | None:
        """What the stops are good for that rest at the broker and face a long position, or a short one."""
        return self._stops.get((symbol, is_long))

    def recount(self, family: Family) -> None:
        """Count `family` as it is now, no longer as it was counted before: something happened in it."""
        self._stale[family] = None
        armed = tuple([order for order in family.orders if order.protects and order.is_armed])
        if armed != family.armed:
            self._arm(family, armed)
        self.restate(family)

    def restate(self, family: Family) -> None:
        """Do so where no more has happened than that an order's state is another, and none has ended."""
        for place, leg in enumerate(family.legs):
            was, now = family.stops[place], stops_in(leg, family.armed)
            if now != was:
                family.stops[place] = now
                self._protect(leg.symbol, was, now)

    def _arm(self, family: Family, armed: tuple[Order, ...]) -> None:
        for leg in family.legs:
            for order in family.armed:
                if order not in armed:
                    del self._armed[leg.symbol, _faces_long(order, leg)][order.id]
            for order in armed:
                self._armed.setdefault((leg.symbol, _faces_long(order, leg)), {})[order.id] = order
            # Of more stops than are held those count that came first, and who comes last may have changed.
            self._touch(leg.symbol)
        family.armed = armed

    def _sum(self) -> None:
        for family in self._stale:
            for place, leg in enumerate(family.legs):
                was, now = family.working[place], working_in(leg, family.orders)
                if now != was:
                    family.working[place] = now
                    self._work(leg.symbol, was, now)
            prices = resting_in(family.orders) if len(family.legs) == 1 else ()
            if prices != family.resting:
                self._rest(family.legs[0].symbol, family.resting, prices)
                family.resting = prices
        self._stale.clear()

    def _work(self, symbol: Symbol, was: Working, now: Working) -> None:
        total = self._working.get(symbol, NOTHING).changed(was, now)
        # A nought that sums to nothing is a plain one again, whatever decimals went through it.
        self._loss = self._loss - was.loss + now.loss or ZERO
        if total == NOTHING:
            self._working.pop(symbol, None)
        else:
            self._working[symbol] = total

    def _rest(
        self, symbol: Symbol, was: tuple[tuple[bool, Decimal], ...], now: tuple[tuple[bool, Decimal], ...]
    ) -> None:
        for buys, price in now:
            insort(self._resting.setdefault((symbol, buys), []), price)
        for buys, price in was:
            prices = self._resting[symbol, buys]
            del prices[bisect_left(prices, price)]
            if not prices:
                del self._resting[symbol, buys]

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


def resting_in(orders: Collection[Order]) -> tuple[tuple[bool, Decimal], ...]:
    """Of the `orders` of one leg those that rest at a limit: whether each buys, and at which price."""
    return tuple(
        [
            ((order.side is _BUY) is (order.legs[0].ratio > 0), order.limit_price)
            for order in orders
            if order.type is _LIMIT and order.limit_price is not None and order.is_armed
        ]
    )


def stops_in(leg: Leg, armed: Collection[Order]) -> tuple[Stop, ...]:
    """Those of the `armed` orders that are stops and rest at the broker, as far as they surely will trade."""
    if not armed:
        return ()
    found = [order for order in armed if order.role is _STOP and order.rests and order.surely]
    return tuple([_stop(order, leg) for order in found])


def _faces_long(order: Order, leg: Leg) -> bool:
    """Whether what protects would take off a long position in the symbol of `leg`."""
    return (order.side is _BUY) is (leg.ratio < 0)


def _stop(order: Order, leg: Leg) -> Stop:
    surely, is_long = order.surely, _faces_long(order, leg)
    covers = surely * abs(leg.ratio)
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
