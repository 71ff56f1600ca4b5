"""Where bars meet orders: which of them may trade in it, how much there is of it, and what it fills.

One account may take a share of a bar's volume, where that is bounded, and is filled as if it were alone. An
order for whole shares is filled in whole ones. A halted symbol matches nothing that began in the halt.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from agenttrader.model.times import Instant
from agenttrader.simulation.floor import Floor
from agenttrader.simulation.inputs import BarSeen, HaltSeen
from agenttrader.simulation.listings import AssetClass, Listing
from agenttrader.simulation.matching import Moment, PriceBar, Touch, lapses, touched_by
from agenttrader.simulation.orders import WORKING, Event, Status, TimeInForce, VenueOrder
from agenttrader.simulation.sessions import Sessions
from agenttrader.simulation.trailing import trailed

_PERCENT = 100


class Crossing:
    """The market's bars and halts so far, and the orders that they meet."""

    def __init__(self, floor: Floor, sessions: Sessions, volume_percent: int) -> None:
        self.floor = floor
        self.sessions = sessions
        self._volume_percent = volume_percent
        self._halted_at: dict[str, Instant | None] = {}
        self._bar_starts: dict[str, Instant] = {}
        self._bar_ends: dict[str, Instant] = {}
        self._status_times: dict[str, Instant] = {}

    def is_new(self, seen: BarSeen) -> bool:
        """Whether the bar ends after every bar of its symbol so far."""
        return seen.end > self._bar_ends.get(seen.symbol, 0)

    def remember(self, seen: BarSeen) -> None:
        """Take the bar for its symbol's last."""
        self._bar_starts[seen.symbol] = seen.start
        self._bar_ends[seen.symbol] = seen.end

    def halt(self, seen: HaltSeen) -> bool:
        """Halt a symbol or let it trade; whether that is news."""
        was_halted = self._halted_at.get(seen.symbol) is not None
        if seen.halted is was_halted or seen.time < self._status_times.get(seen.symbol, 0):
            return False
        self._halted_at[seen.symbol] = seen.time if seen.halted else None
        self._status_times[seen.symbol] = seen.time
        return True

    def is_halted(self, symbol: str) -> bool:
        """Whether the exchange halts it now."""
        return self._halted_at.get(symbol) is not None

    def cross(self, bar: PriceBar, symbol: str, accounts: Iterable[str], volume: Decimal) -> None:
        """Fill what the bar fills, for each account."""
        halted_at = self._halted_at.get(symbol)
        if halted_at is not None and bar.start >= halted_at:
            return
        listing = self.floor.books.listings[symbol]
        for account in accounts:
            orders = self.floor.books.open_of(account, symbol)
            if orders:
                self._match(listing, self._tradable(orders, listing, bar), bar, self._budget(volume, listing))

    def bar(self, seen: BarSeen, listing: Listing) -> PriceBar:
        """The bar in its listing's units. Raises BadValue for prices that it cannot hold."""
        previous = self._bar_starts.get(seen.symbol)
        opened, closes = self.sessions.last_open(seen.start), self.sessions.next_close(seen.start)
        return PriceBar(
            seen.start,
            seen.end,
            listing.units(seen.open, "open"),
            listing.units(seen.high, "high"),
            listing.units(seen.low, "low"),
            listing.units(seen.close, "close"),
            previous=previous,
            opens=opened is not None and (previous is None or previous < opened),
            closes=closes is not None and seen.end >= closes,
        )

    def _budget(self, volume: Decimal, listing: Listing) -> int | None:
        """The lots that one account may take of a bar; None for as many as it likes."""
        percent = self._volume_percent
        return int(volume * percent // (_PERCENT * listing.quantity(1))) if percent else None

    def _tradable(self, orders: list[VenueOrder], listing: Listing, bar: PriceBar) -> list[VenueOrder]:
        """The orders that may trade in the hours in which the bar starts."""
        if listing.asset_class is AssetClass.CRYPTO or self.sessions.is_open(bar.start):
            return orders
        if self.sessions.is_extended(bar.start):
            return [order for order in orders if order.extended_hours]
        return []

    def _match(self, listing: Listing, orders: list[VenueOrder], bar: PriceBar, budget: int | None) -> None:
        """Fill what fills at the open, with the legs that this arms; then inside, then at the close."""
        touched = touched_by(bar, orders)
        done: set[str] = set()
        filled = 1
        while filled:
            filled = self._match_at(Moment.OPEN, touched, bar, done, budget)
            budget = None if budget is None else budget - filled
        for moment in (Moment.INSIDE, Moment.CLOSE):
            filled = self._match_at(moment, touched, bar, done, budget)
            budget = None if budget is None else budget - filled
        for order in orders:
            current = self.floor.books.orders[order.id]
            if current.status not in WORKING or current.eligible_from > bar.start:
                continue
            if lapses(current, bar):
                self.floor.end(current, Status.CANCELED, Event.CANCELED, bar.end)
                continue
            moved = trailed(listing, current, bar)
            if moved is not None:
                self.floor.books.amend(moved)

    def _match_at(
        self,
        moment: Moment,
        touched: list[tuple[str, Touch]],
        bar: PriceBar,
        done: set[str],
        budget: int | None,
    ) -> int:
        """The lots that were filled at this moment of the bar; each order is tried once."""
        total = 0
        for order_id, touch in touched:
            if touch.moment is not moment or order_id in done:
                continue
            # A fill before it may have armed or canceled it.
            order = self.floor.books.orders[order_id]
            if order.status in WORKING and order.eligible_from <= bar.start:
                done.add(order_id)
                total += self._execute(order, touch, bar, None if budget is None else budget - total)
        return total

    def _execute(self, order: VenueOrder, touch: Touch, bar: PriceBar, budget: int | None) -> int:
        """The lots that the touch filled of the order; it may only trigger it, or find too little."""
        if touch.triggers:
            later = touch.price is None and touch.moment is Moment.INSIDE
            order = replace(order, triggered=True, eligible_from=bar.end if later else order.eligible_from)
            self.floor.books.amend(order)
        if touch.price is None:
            return 0
        if order.notional is not None:
            order = self._sized(order, order.notional, touch.price)
        lots = order.leaves
        if budget is not None and budget < lots:
            listing = self.floor.books.listings[order.symbol]
            is_whole = order.notional is None and listing.is_whole(order.lots)
            lots = listing.whole(budget) if is_whole else budget
        if lots <= 0 or (order.time_in_force is TimeInForce.FOK and lots < order.leaves):
            return 0
        legs_from = bar.start if touch.moment is Moment.OPEN else bar.end
        self.floor.fill(order, lots, touch.price, bar.end, legs_from)
        return lots

    def _sized(self, order: VenueOrder, notional: int, price: int) -> VenueOrder:
        """An order by notional is for what is left of that at its fill's price; a sale for what is held."""
        listing = self.floor.books.listings[order.symbol]
        lots = max(listing.lots_worth(notional - listing.notional(order.filled_value, 1), price), 1)
        if not self.floor.books.opens(order.account, order.symbol, order.side):
            lots = min(lots, order.leaves + self.floor.books.available(order.account, order.symbol))
        return replace(order, lots=order.filled_lots + lots)
