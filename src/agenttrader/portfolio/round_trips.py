"""Round trips: from flat to flat again, each with what it made after its fees.

What one order trades in several symbols at once is one round trip, over when all of them are flat: the leg
of a spread that lost says nothing without the other.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from agenttrader.model.identifiers import AgentName, OrderId, Symbol
from agenttrader.model.values import ZERO


class Closed(NamedTuple):
    """A round trip that is over."""

    agent: AgentName
    """Who opened it."""
    net: Decimal
    """What it made, in the account's currency, fees taken off."""
    orders: tuple[OrderId, ...] = ()
    """Those whose fills it was made of, the first to fill first, as far as they were named."""


class OpenTrip:
    """One that is not over: what is held of each symbol, signed, and the cash that it has brought so far."""

    __slots__ = ("agent", "cash", "held", "orders")

    def __init__(self, agent: AgentName) -> None:
        self.agent = agent
        self.held: dict[Symbol, Decimal] = {}
        self.cash = ZERO
        self.orders: dict[OrderId, None] = {}


class RoundTrips:
    """Those of an account that are open, by symbol."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[Symbol, OpenTrip] = {}

    def trade(
        self,
        agent: AgentName,
        symbols: Iterable[Symbol],
        symbol: Symbol,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        order: OrderId | None = None,
    ) -> Closed | None:
        """Take in a fill in `symbol` by an order of `agent` in `symbols`: what it closed, if anything.

        `quantity` is signed, `price` that of one unit with its multiplier. A fill through flat closes one and
        opens another, its fee counted to the first. A fill that is taken back is one the other way. Whoever
        wants to know which orders made a round trip names them.
        """
        trip = self._joined(agent, tuple(symbols), symbol)
        if order is not None:
            trip.orders[order] = None
        held = trip.held.get(symbol, ZERO)
        beyond = held + quantity
        if len(trip.held) > 1 or held * beyond >= 0:
            trip.held[symbol] = beyond
            trip.cash -= quantity * price + fee
            return self._over(trip)
        trip.held[symbol] = ZERO
        trip.cash += held * price - fee
        closed = self._over(trip)
        self.trade(agent, (symbol,), symbol, beyond, price, ZERO, order)
        return closed

    def adjust(self, symbol: Symbol, quantity: Decimal, cash: Decimal) -> Closed | None:
        """Take in that `quantity` more are held, as after a split, and what was paid for a rest.

        What nobody here had opened is nobody's round trip.
        """
        trip = self._joined(AgentName(""), (), symbol)
        trip.held[symbol] = trip.held.get(symbol, ZERO) + quantity
        trip.cash += cash
        return self._over(trip)

    def still_open(self) -> tuple[tuple[OrderId, ...], ...]:
        """The orders that made what is not over yet, for each round trip."""
        trips = {id(trip): trip for trip in self._open.values()}
        return tuple(tuple(trip.orders) for trip in trips.values())

    def _joined(self, agent: AgentName, symbols: tuple[Symbol, ...], symbol: Symbol) -> OpenTrip:
        """The one round trip of the symbols: those that were open in them, put together."""
        named = dict.fromkeys((*symbols, symbol))
        several = list({id(trip): trip for name in named if (trip := self._open.get(name))}.values())
        trip = several[0] if several else OpenTrip(agent)
        for other in several[1:]:
            trip.cash += other.cash
            trip.held |= other.held
            trip.orders |= other.orders
        self._open |= dict.fromkeys((*trip.held, symbol), trip)
        return trip

    def _over(self, trip: OpenTrip) -> Closed | None:
        if any(trip.held.values()):
            return None
        for symbol in trip.held:
            del self._open[symbol]
        return Closed(trip.agent, trip.cash, tuple(trip.orders))
