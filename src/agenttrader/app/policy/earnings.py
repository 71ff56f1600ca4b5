"""What the orders earned that other limits would have denied: by round trips, as the fills made them.

A round trip runs from flat to flat again and is told whole: what it made after the fees that its fills were
booked with. It cannot be divided among the orders that made it, so one of which only a part would have been
denied is told apart from one of which nothing would have been opened. What is not over has earned nothing
yet, and what did not fill has earned nothing at all.
"""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.events import Busted, Event, Filled, PositionAdjusted
from agenttrader.model.identifiers import AgentName, OrderId
from agenttrader.model.orders import Side
from agenttrader.model.records import Sealed
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.round_trips import Closed, RoundTrips


class Trip(Struct, frozen=True, kw_only=True):
    """A round trip that is over, with an entry that would have been denied."""

    time: Instant
    """When it was over."""
    agent: AgentName
    net: Decimal
    denied: tuple[OrderId, ...]
    """Its entries that would have been denied."""
    kept: tuple[OrderId, ...]
    """Its entries that would still have been approved."""
    others: tuple[OrderId, ...]
    """What made it smaller again: exits, and protection."""


class Earned(Struct, frozen=True, kw_only=True):
    """What all of them came to. Amounts are in the account's currency."""

    whole_trips: int
    """Round trips of which every entry would have been denied."""
    whole_net: Decimal
    part_trips: int
    """Round trips of which some entries would have been denied, and some approved."""
    part_net: Decimal
    open_orders: int
    """Entries that would have been denied and whose round trips are not over."""
    unfilled_orders: int
    """Entries that would have been denied and never filled."""


class Earnings:
    """The account's round trips, and those of them with an entry that would have been denied."""

    def __init__(self) -> None:
        self._round_trips = RoundTrips()
        self._denied: dict[OrderId, None] = {}
        self._filled: set[OrderId] = set()
        self.trips: list[Trip] = []

    def deny(self, entry: OrderId) -> None:
        """Take it that the entry would have been denied."""
        self._denied[entry] = None

    def see(self, sealed: Sealed[Event], book: Book) -> None:
        """Take in the next record; `book` is as it was before."""
        match sealed.event:
            case Filled() as fill:
                self._trade(fill, 1, sealed.time, book)
            case Busted(execution_id=execution_id):
                self._trade(book.executions[execution_id], -1, sealed.time, book)
            case PositionAdjusted(symbol=symbol, activities=activities):
                quantity = sum((each.quantity for each in activities), ZERO)
                cash = sum((each.amount for each in activities), ZERO)
                self._close(self._round_trips.adjust(symbol, quantity, cash), sealed.time, book)
            case _:
                pass

    def earned(self) -> Earned:
        """What has come of all of them so far."""
        whole = [trip for trip in self.trips if not trip.kept]
        part = [trip for trip in self.trips if trip.kept]
        still_open = {order for orders in self._round_trips.still_open() for order in orders}
        return Earned(
            whole_trips=len(whole),
            whole_net=sum((trip.net for trip in whole), ZERO),
            part_trips=len(part),
            part_net=sum((trip.net for trip in part), ZERO),
            open_orders=len(still_open & self._denied.keys()),
            unfilled_orders=len(self._denied.keys() - self._filled),
        )

    def _trade(self, fill: Filled, sign: int, time: Instant, book: Book) -> None:
        order = book.orders.by_id[fill.order_id]
        if order.id in self._denied:
            self._filled.add(order.id)
        closed = self._round_trips.trade(
            order.agent,
            [leg.symbol for leg in order.legs],
            fill.symbol,
            fill.quantity * (sign if fill.side is Side.BUY else -sign),
            fill.price * book.multiplier(fill.symbol),
            fill.fee * sign,
            order.id,
        )
        self._close(closed, time, book)

    def _close(self, closed: Closed | None, time: Instant, book: Book) -> None:
        if closed is None or not self._denied.keys() & set(closed.orders):
            return
        entries = [order for order in closed.orders if book.orders.by_id[order].adds_risk]
        self.trips.append(
            Trip(
                time=time,
                agent=closed.agent,
                net=closed.net,
                denied=tuple([order for order in entries if order in self._denied]),
                kept=tuple([order for order in entries if order not in self._denied]),
                others=tuple([order for order in closed.orders if order not in entries]),
            )
        )
