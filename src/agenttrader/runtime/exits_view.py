"""What the exits unit sees: every position and order as the gateway tells them, and the market's own prices.

All of the gateway's part comes from its stream, and a snapshot replaces it, so a unit that starts anew sees
what one that never stopped does. The best price since a position was opened is counted over whole bars that
began at or after that, and over what was remembered of it; it only ever gets better, so bars that are told
again do no harm.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import assert_never

from agenttrader.exits.acts import OrderSeen, Position, Tenancy
from agenttrader.model.identifiers import AgentName, OrderId, Symbol
from agenttrader.model.market import Bar
from agenttrader.model.orders import OrderState, Role
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

FROZEN = "frozen"
"""The trading state in which nothing automatic leaves."""


class ExitsView:
    """The fold of the gateway's stream, and of the session's bars."""

    def __init__(
        self, agent: AgentName, at_once: Collection[Symbol], bests: Mapping[Tenancy, Decimal]
    ) -> None:
        """`at_once` are the symbols in which the broker lets no stop rest; `bests` is what is remembered."""
        self._agent = agent
        self._at_once = frozenset(at_once)
        self._bests = dict(bests)
        self._positions: dict[Symbol, PositionBody] = {}
        self._orders: dict[OrderId, OrderSeen] = {}
        self._working: set[OrderId] = set()
        self._own: dict[Symbol, set[OrderId]] = {}
        self._bars: dict[Symbol, list[Bar]] = {}
        self.is_frozen = False

    def apply(self, message: StreamMessage) -> None:
        """Take one message of the stream."""
        match message:
            case Snapshot():
                for kept in (self._orders, self._working, self._own):
                    kept.clear()
                for order in message.orders:
                    self.learn(order)
                self._hold(message.positions)
                self.is_frozen = message.trading.state == FROZEN
            case OrderChanged():
                self.learn(message.order)
            case PositionsChanged():
                self._hold(message.positions)
            case TradingChanged():
                self.is_frozen = message.trading.state == FROZEN
            case FillMade() | AccountMarked() | WatermarkReached():
                pass
            case _:
                assert_never(message)

    def learn(self, body: OrderBody) -> None:
        """Take what is said of an order."""
        seen = _seen(body, self._agent)
        self._orders[seen.id] = seen
        if seen.state.is_terminal:
            self._working.discard(seen.id)
        else:
            self._working.add(seen.id)
        if seen.proposal_id is not None:
            self._own.setdefault(seen.symbol, set()).add(seen.id)

    def knows(self, order_id: OrderId) -> bool:
        """Whether anything has been said of the order."""
        return order_id in self._orders

    def observe(self, bar: Bar) -> None:
        """Take a bar of the market."""
        bars = self._bars.setdefault(bar.symbol, [])
        if bars and bar.start <= bars[-1].start:
            return  # Sources repeat themselves around a reconnection.
        bars.append(bar)
        body = self._positions.get(bar.symbol)
        if body is not None:
            self._count(body, (bar,))

    def orders(self) -> tuple[OrderSeen, ...]:
        """What works, with the entry or pair that it came with, and everything of ours in what is held."""
        wanted = set(self._working)
        for order_id in self._working:
            parent = self._orders[order_id].parent
            if parent in self._orders:
                wanted.add(parent)
        for symbol in self._positions:
            wanted |= self._own.get(symbol, set())
        return tuple(self._orders[order_id] for order_id in sorted(wanted))

    def positions(self) -> Iterator[Position]:
        """Every position that is not flat."""
        for symbol, body in self._positions.items():
            since = body.unprotected_since
            yield Position(
                symbol=symbol,
                quantity=body.quantity,
                stated=body.stated_quantity,
                average_price=body.average_price,
                sequence=body.sequence,
                since=_since(body),
                strategy=body.strategy,
                plan=None if body.exit_plan is None else to_plan(body.exit_plan),
                protected=body.protected_quantity,
                closing=body.closing,
                unprotected_since=None if since is None else from_rfc3339(since),
                best=self._bests.get(Tenancy(symbol, body.sequence)),
                stop_can_rest=symbol not in self._at_once,
            )

    def bests(self) -> dict[Tenancy, Decimal]:
        """The best price of each position since it was opened, for those whose market was seen."""
        return dict(sorted(self._bests.items()))

    def marks(self) -> dict[Symbol, Decimal]:
        """The last close of what is held; before the first bar, the gateway's own mark."""
        marks: dict[Symbol, Decimal] = {}
        for symbol, body in self._positions.items():
            bars = self._bars.get(symbol)
            mark = bars[-1].close if bars else body.mark
            if mark is not None:
                marks[symbol] = mark
        return marks

    def _hold(self, positions: Iterable[PositionBody]) -> None:
        held = {body.symbol: body for body in positions}
        for symbol, body in held.items():
            before = self._positions.get(symbol)
            if before is None or before.sequence != body.sequence:
                self._count(body, self._bars.get(symbol, ()))
        self._positions = held
        tenancies = {Tenancy(symbol, body.sequence) for symbol, body in held.items()}
        self._bests = {tenancy: best for tenancy, best in self._bests.items() if tenancy in tenancies}

    def _count(self, body: PositionBody, bars: Iterable[Bar]) -> None:
        """Let the bars that began while the position was held better its best price."""
        since, is_long = _since(body), body.quantity > ZERO
        prices = [bar.high if is_long else bar.low for bar in bars if bar.start >= since]
        tenancy = Tenancy(body.symbol, body.sequence)
        known = self._bests.get(tenancy)
        if known is not None:
            prices.append(known)
        if prices:
            self._bests[tenancy] = max(prices) if is_long else min(prices)


def _since(body: PositionBody) -> Instant:
    return Instant(0) if body.since is None else from_rfc3339(body.since)


def _seen(body: OrderBody, agent: AgentName) -> OrderSeen:
    is_own = body.agent == agent and body.parent is None
    return OrderSeen(
        id=body.id,
        symbol=body.symbol,
        side=body.side,
        effect=body.effect,
        role=Role(body.role),
        remaining=max(ZERO, body.quantity - body.filled_quantity),
        state=OrderState(body.state),
        updated=from_rfc3339(body.time),
        parent=body.parent,
        proposal_id=body.proposal_id if is_own else None,
    )
