"""What a strategy host sees of the gateway: its agent's orders, the positions, and the plan of each.

Everything comes from the gateway's stream, and a snapshot replaces all of it, so that a restarted host sees
what one that never stopped does. The best price since an entry is counted over whole bars that began at or
after the entry's last fill; so they are kept from the last before anything was held or worked in the symbol.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import assert_never

from agenttrader.exits.rules import Held
from agenttrader.model.identifiers import AgentName, OrderId, Symbol
from agenttrader.model.market import Bar
from agenttrader.model.orders import OrderState, Role, Side
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.model.values import ZERO
from agenttrader.protocols.native import (
    AccountMarked,
    FillMade,
    OrderBody,
    OrderChanged,
    PositionBody,
    PositionsChanged,
    Snapshot,
    StreamMessage,
    TradingChanged,
    WatermarkReached,
    to_plan,
)
from agenttrader.strategies.memory import Extent, extent_of


class StrategyView:
    """The fold of the gateway's stream, and of the session's bars, for one agent."""

    def __init__(self, agent: AgentName) -> None:
        self._agent = agent
        self._orders: dict[OrderId, OrderBody] = {}
        self._working: dict[Symbol, set[OrderId]] = {}
        self._entries: dict[Symbol, OrderBody] = {}
        """The latest entry of each symbol that has filled, in whole or in part."""
        self._positions: dict[Symbol, PositionBody] = {}
        self._bars: dict[Symbol, list[Extent]] = {}

    def apply(self, message: StreamMessage) -> None:
        """Take one message of the stream."""
        match message:
            case Snapshot():
                self._orders.clear()
                self._working.clear()
                self._entries.clear()
                for order in message.orders:
                    self.learn(order)
                self._hold(message.positions)
            case OrderChanged():
                self.learn(message.order)
            case PositionsChanged():
                self._hold(message.positions)
            case FillMade() | AccountMarked() | TradingChanged() | WatermarkReached():
                pass
            case _:
                assert_never(message)

    def learn(self, order: OrderBody) -> None:
        """Take what is said of an order; another agent's is nothing to us."""
        if order.agent != self._agent:
            return
        self._orders[order.id] = order
        working = self._working.setdefault(order.symbol, set())
        if OrderState(order.state).is_terminal:
            working.discard(order.id)
        else:
            working.add(order.id)
        if order.role == Role.ENTRY.value and order.filled_quantity > 0:
            known = self._entries.get(order.symbol)
            if known is None or from_rfc3339(order.time) >= from_rfc3339(known.time):
                self._entries[order.symbol] = order

    def knows(self, order_id: OrderId) -> bool:
        """Whether anything has been said of the order."""
        return order_id in self._orders

    def state_of(self, order_id: OrderId) -> OrderState | None:
        """Where the order stands, as far as we were told."""
        order = self._orders.get(order_id)
        return None if order is None else OrderState(order.state)

    def observe(self, bar: Bar) -> None:
        """Take a bar of the session, each once and in order."""
        bars = self._bars.setdefault(bar.symbol, [])
        if not self.quantity(bar.symbol) and not self.is_working(bar.symbol):
            bars.clear()
        bars.append(extent_of(bar))

    def extents(self, symbol: Symbol) -> tuple[Extent, ...]:
        """The bars that a best price may be counted over, from now on too."""
        return tuple(self._bars.get(symbol, ()))

    def recall(self, symbol: Symbol, bars: Iterable[Extent]) -> None:
        """Take the bars that a host of before kept."""
        self._bars[symbol] = list(bars)

    def position(self, symbol: Symbol) -> PositionBody | None:
        """What is held; None when flat."""
        return self._positions.get(symbol)

    def quantity(self, symbol: Symbol) -> Decimal:
        """The signed quantity held."""
        position = self._positions.get(symbol)
        return ZERO if position is None else position.quantity

    def is_working(self, symbol: Symbol) -> bool:
        """Whether any order of ours works, or may work, in the symbol; a leg that protects is one too."""
        return bool(self._working.get(symbol))

    def is_leaving(self, symbol: Symbol) -> bool:
        """Whether an order works that would reduce the position; the legs that protect it do not count.

        Another's close of it is one too.
        """
        position = self._positions.get(symbol)
        is_closing = position is not None and position.closing
        return is_closing or any(order.role == Role.EXIT.value for order in self._working_in(symbol))

    def held(self, symbol: Symbol) -> Held | None:
        """The position as the exit rules see it; None when flat, and where no entry of ours left a plan."""
        position, entry = self._positions.get(symbol), self._entries.get(symbol)
        if position is None or not position.quantity or entry is None or entry.exit_plan is None:
            return None
        price = entry.average_price or position.average_price
        side = Side.BUY if position.quantity > 0 else Side.SELL
        return Held(
            side=side,
            entry_price=price,
            best=self._best(side, price, symbol, from_rfc3339(entry.time)),
            plan=to_plan(entry.exit_plan),
            protected=position.protected_quantity >= abs(position.quantity),
        )

    def _best(self, side: Side, price: Decimal, symbol: Symbol, since: Instant) -> Decimal:
        bars = [bar for bar in self._bars.get(symbol, ()) if bar.start >= since]
        if side is Side.BUY:
            return max([price, *(bar.high for bar in bars)])
        return min([price, *(bar.low for bar in bars)])

    def _working_in(self, symbol: Symbol) -> Iterator[OrderBody]:
        return (self._orders[order_id] for order_id in self._working.get(symbol, ()))

    def _hold(self, positions: Iterable[PositionBody]) -> None:
        self._positions = {position.symbol: position for position in positions}
