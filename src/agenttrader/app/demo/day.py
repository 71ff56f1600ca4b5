"""Playing the day: a bar is let go only when the gateway has dealt with the one before and needs no person.

The market data waits for the demo as it waits for the strategy. So the demo can hold the day still while the
person signs, and a role that restarts misses nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TypeVar

from agenttrader.app.demo.keeper import Keeper
from agenttrader.app.demo.operator import Operator
from agenttrader.app.demo.provenance import source_of, told_of
from agenttrader.app.demo.setup import KEEPER, VISITOR, Run
from agenttrader.app.demo.visitor import QUANTITY, Visitor
from agenttrader.app.happenings import DayBegun, GatewayTold, Happening, MarketMoved, Said
from agenttrader.model.errors import StatementRefused, Unreachable
from agenttrader.model.identifiers import OrderId
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.model.orders import OrderState
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339
from agenttrader.model.values import ZERO
from agenttrader.ports.feed import Feed
from agenttrader.protocols.native import (
    OrderBody,
    OrderChanged,
    PositionBody,
    PositionsChanged,
    Snapshot,
    StreamMessage,
    TradingBody,
    TradingChanged,
    WatermarkReached,
)

PATIENCE_SECONDS = 60
"""A watermark that does not move for so long ends the day."""
RECOVERY_SECONDS = 20
"""How long a halted day is tried to be set going again before it goes on halted."""
RECOVERY_PAUSE_SECONDS = 0.5
WINDOW_AFTER_CLOSE = Instant(15 * MINUTE)
"""The window outlives the session a little, so that it is ended by closing it."""
REASON = "the demo's day"

_UNFIRM = frozenset({OrderState.PROPOSED, OrderState.APPROVED, OrderState.SENDING, OrderState.UNKNOWN})
"""The broker's word is still to come; a close waits in APPROVED for its protection to be canceled."""

T = TypeVar("T")
Tell = Callable[[Happening], None]


class DemoDay:
    """One session with an operator and a visitor, told to `tell` as it happens."""

    def __init__(  # noqa: PLR0913 - everything that it speaks through
        self,
        run: Run,
        operator: Operator,
        visitor: Visitor,
        feed: Feed,
        tell: Tell,
        waiting_for: Callable[[], Awaitable[str]],
        *,
        keeper: Keeper | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        recovery_seconds: float = RECOVERY_SECONDS,
    ) -> None:
        self.ended_early = ""
        """Why trading did not go on to the close; empty where it did."""
        self._run = run
        self._operator = operator
        self._visitor = visitor
        self._feed = feed
        self._tell = tell
        self._waiting_for = waiting_for
        self._keeper = keeper
        self._patience_seconds = patience_seconds
        self._recovery_seconds = recovery_seconds
        self._changed = asyncio.Event()
        self._market: Instant | None = None
        self._gateway: Instant | None = None
        self._trading: TradingBody | None = None
        self._price = run.price
        self._kept_price: Decimal | None = None
        self._orders: dict[OrderId, OrderBody] = {}
        self._positions: tuple[PositionBody, ...] = ()
        self._is_paused = False
        self._has_tried = False

    def hear_market(self, event: MarketEvent) -> None:
        """Take an event of the market data."""
        self._tell(MarketMoved(event))
        match event:
            case Bar():
                if event.symbol == self._run.visited:
                    self._price = event.close
                elif self._keeper is not None and event.symbol == self._keeper.keeping.symbol:
                    self._kept_price = event.close
            case StatusChange():
                if event.symbol == self._run.visited:
                    self._is_paused = event.status is TradingStatus.HALTED
            case Watermark():
                self._market = max(event.time, self._market or event.time)
        self._changed.set()

    def hear_gateway(self, message: StreamMessage) -> None:
        """Take a message of the gateway's stream."""
        self._tell(GatewayTold(message))
        match message:
            case Snapshot():
                self._trading, self._positions = message.trading, message.positions
                self._orders = {order.id: order for order in message.orders}
                if message.watermark is not None:
                    self._gateway = from_rfc3339(message.watermark)
            case TradingChanged():
                self._trading = message.trading
            case OrderChanged(order=order):
                self._orders[order.id] = order
            case PositionsChanged():
                self._positions = message.positions
            case WatermarkReached():
                self._gateway = from_rfc3339(message.time)
            case _:
                pass
        self._changed.set()

    async def begin(self) -> None:
        """Before anything is permitted: an order is denied. Then the day is introduced."""
        session = self._run.session
        symbol, when = self._run.visited, "before anybody opened a window"
        sentence = await self._visitor.try_to_buy(symbol, self._price, session.open, when)
        self._tell(Said("denied", f"{VISITOR}, {when}: buy {QUANTITY} {symbol} at market: {sentence}"))
        market = self._run.configuration.marketdata
        self._tell(
            DayBegun(
                folder=self._run.folder,
                session=session,
                symbols=market.symbols,
                source=source_of(self._run),
                speed=str(market.speed),
                inbox=self._run.configuration.gateway.inbox,
            )
        )
        for sentence in told_of(self._run):
            self._tell(Said("data", sentence))

    async def play(self) -> None:
        """Open the window and let the session go by. Raises Unreachable when it stands still."""
        session = self._run.session
        await self._until(lambda: self._both_at(session.open))
        await self._open_window()
        while True:
            time = self._market
            assert time is not None
            await self._until(lambda: self._both_at(time))  # noqa: B023 - awaited within the same turn
            await self._act(time)
            await self._feed.settled(time)
            if time >= session.close:
                return
            await self._until(lambda: self._market is not None and self._market > time)  # noqa: B023

    async def _act(self, time: Instant) -> None:
        """What a bar may need of the visitor or of the person."""
        if (when := self._occasion(time)) and not self._has_tried:
            self._has_tried = True
            symbol = self._run.visited
            self._tell(Said("visitor", f"tries to buy {QUANTITY} {symbol} {when}"))
            await self._visitor.try_to_buy(symbol, self._price, time, when)
        if self._trading is not None and self._trading.state != "active" and not self.ended_early:
            await self._recover()
        if self._keeper is not None:
            await self._keep(self._keeper, time)

    async def _keep(self, keeper: Keeper, time: Instant) -> None:
        """Let the keeper act; what it proposed is waited for, so that it leaves before the next bar comes."""
        symbol = keeper.keeping.symbol
        held = next((each.quantity for each in self._positions if each.symbol == symbol), ZERO)
        answer = await keeper.act(self._run.session, time, self._kept_price, held)
        if answer is None:
            return
        order = answer.order
        self._orders.setdefault(order.id, order)
        if answer.state == OrderState.DENIED.value:
            sentence = (
                f"{order.side.value} {order.quantity:f} {symbol} was denied: {answer.decision.sentence}"
            )
            self._tell(Said(KEEPER, sentence, alarming=True))
            return
        self._tell(Said(KEEPER, f"{order.side.value}s {order.quantity:f} {symbol} at market: {order.reason}"))
        await self._until(lambda: OrderState(self._orders[order.id].state) not in _UNFIRM)

    def _occasion(self, time: Instant) -> str:
        """Why the visitor's order must be denied although the window is open; empty where it need not be."""
        if self._is_paused:
            return "while the exchange halts it"
        session = self._run.session
        middle = session.open + (session.close - session.open) // 2
        return "while nobody tells a price of it" if self._run.recorded and time >= middle else ""

    async def _open_window(self) -> None:
        session = self._run.session
        trading = await self._operator.open_window(session.open, self._window_end(), REASON)
        self.hear_gateway(TradingChanged(trading=trading))
        self._tell(
            Said("window", f"a throw-away person signed a paper window until {rfc3339(self._window_end())}")
        )

    async def _recover(self) -> None:
        """A role came back, the gateway holds its window: compare; where all agrees the person signs.

        Tried for a while, because connections that come back take a moment.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._recovery_seconds
        refusal = await self._try_to_recover()
        while refusal and loop.time() < deadline:
            await asyncio.sleep(RECOVERY_PAUSE_SECONDS)
            refusal = await self._try_to_recover()
        if refusal:
            self.ended_early = f"trading stays halted: {refusal}"
            self._tell(Said("halted", self.ended_early, alarming=True))

    async def _try_to_recover(self) -> str:
        """What still keeps trading halted; empty when nothing does."""
        compared = await self._operator.compare()
        status = await self._operator.status()
        self.hear_gateway(TradingChanged(trading=status.trading))
        if status.trading.state == "active":
            return ""
        if not compared.is_clean:
            return "; ".join(each.sentence for each in compared.breaks) or compared.failure
        why = "; ".join(status.trading.reasons)
        try:
            trading = await self._operator.resume_window("the book agrees with the venue after a restart")
        except StatementRefused as error:
            return f"{error} ({why})"
        self.hear_gateway(TradingChanged(trading=trading))
        self._tell(Said("window", f"the book agrees; the throw-away person signed to resume ({why})"))
        return ""

    def _window_end(self) -> Instant:
        return Instant(self._run.session.close + WINDOW_AFTER_CLOSE)

    def _both_at(self, time: Instant) -> bool:
        market, gateway = self._market, self._gateway
        return market is not None and gateway is not None and market >= time and gateway >= time

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Return when `holds`, looked at after each message. Raises Unreachable, naming who is waited for."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise Unreachable(
                f"the day stands still at {_shown(self._market)}: expected its next minute within "
                f"{self._patience_seconds:g} s, found the gateway at {_shown(self._gateway)}, and "
                f"{await self._waiting_for()}; read the logs in {self._run.folder / 'logs'}"
            ) from None


def _shown(time: Instant | None) -> str:
    return "its beginning" if time is None else rfc3339(time)
