"""Stopping in order: nothing new leaves, what is under way is awaited, entries end or are left.

It needs no latch: a start is halted anyway, and its window suspended.
"""

import asyncio

import structlog

from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import AgentTraderError
from agenttrader.model.orders import OrderState
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.inputs import CancelAsked
from agenttrader.runtime.session import Session

LOOK_AGAIN_SECONDS = 0.02
BY = "shutdown"
_UNDER_WAY = frozenset(
    {
        OrderState.APPROVED,
        OrderState.SENDING,
        OrderState.UNKNOWN,
        OrderState.CANCEL_REQUESTED,
        OrderState.REPLACE_REQUESTED,
    }
)

logger = structlog.get_logger()


class Shutdown:
    """The end of one gateway; as a halt switch for the last look, HALTED from the moment that it begins."""

    name = BY
    is_movable = False

    def __init__(self, seconds: float, *, cancels: bool) -> None:
        self._timeout_seconds = seconds
        self._cancels = cancels
        self._has_begun = False

    def read(self) -> SwitchReading:
        """HALTED once the gateway was told to stop."""
        state = TradingState.HALTED if self._has_begun else TradingState.ACTIVE
        return SwitchReading(name=self.name, state=state, reason="the gateway is stopping")

    def move(self, *, halted: bool, reason: str) -> None:
        """Nothing: a process that was told to stop stops."""

    async def run(self, session: Session) -> str:
        """Wind down; a sentence on what is left, empty where nothing is. The end comes anyway."""
        self._has_begun = True
        if not session.started.is_set():
            return ""
        if self._cancels:
            for order in tuple(session.engine.state.book.orders.open_orders()):
                await self._cancel(session, order)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_seconds
        while self._left(session) and loop.time() < deadline:  # noqa: ASYNC110 - many events, one end
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        left = self._left(session)
        for order in left:
            logger.error(
                "left_at_shutdown", order=order.id, symbol=order.proposal.symbol, state=order.state.value
            )
        return f"{len(left)} orders are not settled: {', '.join(each.id for each in left)}" if left else ""

    async def _cancel(self, session: Session, order: Order) -> None:
        if not order.adds_risk or order.state in _UNDER_WAY:
            return
        try:
            asked = CancelAsked(order.id, BY, "the gateway is stopping", None)
            async with asyncio.timeout(self._timeout_seconds):
                await session.ask(asked)
        except (AgentTraderError, TimeoutError) as error:
            logger.error("not_canceled", order=order.id, reason=str(error))  # noqa: TRY400 - says it all

    def _left(self, session: Session) -> tuple[Order, ...]:
        """What nobody knows the end of, and entries that were to end."""
        return tuple(
            order
            for order in session.engine.state.book.orders.open_orders()
            if order.state in _UNDER_WAY or (self._cancels and order.adds_risk)
        )
