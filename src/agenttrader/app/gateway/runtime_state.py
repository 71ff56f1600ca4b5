"""The runtime state: what stands now, for people and for whoever has lost the journal, and its upkeep.

It is bounded: positions and what works are told whole, what has ended is counted. It says up to which record
it goes; the journal is what counts.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import structlog
from msgspec import Struct

from agenttrader.app.config import Configuration
from agenttrader.app.gateway.status import StatusBody, status_of
from agenttrader.app.gateway.views import account_body, order_body, visible_positions
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import (
    AccountName,
    AgentName,
    BrokerOrderId,
    ClientOrderId,
    Digest,
    StrategyName,
    Symbol,
)
from agenttrader.model.times import rfc3339
from agenttrader.protocols.native import AccountBody, OrderBody, PositionBody
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.session import Session

EVERY_SECONDS = 5.0
ORDERS_MAX = 1_000
"""Working orders that are told; they are counted all."""

Work = Callable[[], Coroutine[Any, Any, None]]

logger = structlog.get_logger()


class JournalReached(Struct, frozen=True, kw_only=True):
    """The record up to which this goes."""

    records: int
    head: str
    epoch: int


class HeldBy(Struct, frozen=True, kw_only=True):
    """What one strategy holds in one symbol, and what that has made."""

    strategy: StrategyName
    symbol: Symbol
    quantity: Decimal
    cost: Decimal
    realised: Decimal
    fees: Decimal


class PositionManager(Struct, frozen=True, kw_only=True):
    """Money and positions."""

    account: AccountBody
    positions: tuple[PositionBody, ...]
    by_strategy: tuple[HeldBy, ...]


class Allocation(Struct, frozen=True, kw_only=True):
    """What a strategy may do at most."""

    strategy: StrategyName
    gross_exposure_max: Decimal
    daily_orders_max: int
    daily_new_risk_max: Decimal


class WorkingOrder(Struct, frozen=True, kw_only=True):
    """An order that has not ended, with what the broker knows it by."""

    order: OrderBody
    client_order_id: ClientOrderId | None
    broker_order_id: BrokerOrderId | None


class Lifecycle(Struct, frozen=True, kw_only=True):
    """Orders: those that have not ended, and how many there are in each state."""

    working: tuple[WorkingOrder, ...]
    by_state: dict[str, int]


class StrategyState(Struct, frozen=True, kw_only=True):
    """Where an agent's strategies keep what they remember."""

    agent: AgentName
    checkpoint: str


class RuntimeState(Struct, frozen=True, kw_only=True):
    """All of it; the names are those that the readiness checklist's system had."""

    timestamp: str | None
    """The market's."""
    account: AccountName
    configuration: Digest
    session: str | None
    journal: JournalReached
    position_manager: PositionManager
    active_strategies: tuple[StrategyName, ...]
    allocations: tuple[Allocation, ...]
    lifecycle: Lifecycle
    gateway_state: StatusBody
    strategy_states: tuple[StrategyState, ...]


def strategy_states_of(configuration: Configuration) -> tuple[StrategyState, ...]:
    """Where the strategies of the configuration remember; nowhere, where it runs none."""
    host = configuration.strategy
    return (StrategyState(agent=host.agent, checkpoint=host.checkpoints),) if host.run else ()


def runtime_state(session: Session, strategy_states: tuple[StrategyState, ...]) -> RuntimeState:
    """What stands now; between two batches of the session, so that all of it is on disk."""
    engine = session.engine
    rules, state = engine.rules, engine.state
    return RuntimeState(
        timestamp=None if session.now is None else rfc3339(session.now),
        account=rules.authority.account,
        configuration=rules.authority.configuration,
        session=None if state.day is None else state.day.session,
        journal=JournalReached(
            records=engine.chain.sequence,
            head=engine.chain.head,
            epoch=0 if state.segment is None else state.segment.epoch,
        ),
        position_manager=_positions(engine),
        active_strategies=tuple(
            sorted({name for grant in rules.grants.values() for name in grant.strategies})
        ),
        allocations=tuple(
            Allocation(
                strategy=name,
                gross_exposure_max=limits.gross_exposure_max,
                daily_orders_max=limits.daily_orders_max,
                daily_new_risk_max=limits.daily_new_risk_max,
            )
            for name, limits in sorted(rules.limits.strategy.items())
        ),
        lifecycle=_lifecycle(engine),
        gateway_state=status_of(session, None),
        strategy_states=strategy_states,
    )


def _positions(engine: Engine) -> PositionManager:
    held = sorted(engine.state.book.by_strategy.items())
    return PositionManager(
        account=account_body(engine),
        positions=visible_positions(engine, None),
        by_strategy=tuple(
            HeldBy(
                strategy=strategy,
                symbol=symbol,
                quantity=holding.quantity,
                cost=holding.cost,
                realised=holding.realised,
                fees=holding.fees,
            )
            for (strategy, symbol), holding in held
        ),
    )


def _lifecycle(engine: Engine) -> Lifecycle:
    orders = engine.state.book.orders
    working = sorted(orders.open_orders(), key=lambda order: order.id)
    states = Counter(order.state.value for order in orders.by_id.values())
    return Lifecycle(
        working=tuple(
            WorkingOrder(
                order=order_body(order), client_order_id=order.client_id, broker_order_id=order.broker_id
            )
            for order in working[:ORDERS_MAX]
        ),
        by_state=dict(sorted(states.items())),
    )


class StateKeeping:
    """The upkeep of one gateway's file; without `write` there is nothing to do."""

    def __init__(
        self,
        session: Session,
        write: Callable[[Struct], None] | None,
        strategy_states: tuple[StrategyState, ...],
    ) -> None:
        self._session = session
        self._write = write
        self._strategy_states = strategy_states
        self._written = -1
        """The last record of which the file tells."""
        self._failure = ""
        self._is_mine = asyncio.Lock()

    async def follow(self) -> None:
        """Keep it up, until canceled."""
        await self._session.started.wait()
        while True:
            await self.keep()
            await asyncio.sleep(EVERY_SECONDS)

    async def during(self, work: Work) -> None:
        """Do `work` to its end; the file tells how it ended."""
        try:
            await work()
        finally:
            await self.keep()

    async def keep(self) -> None:
        """Write what stands now, where anything was recorded since the last time."""
        session = self._session
        if self._write is None or not session.started.is_set():
            return
        async with self._is_mine:
            is_between = session.turns % 2 == 0
            if is_between and session.engine.chain.sequence != self._written:
                await self._keep(runtime_state(session, self._strategy_states), self._write)

    async def _keep(self, state: RuntimeState, write: Callable[[Struct], None]) -> None:
        try:
            await asyncio.to_thread(write, state)
        except StoreError as error:
            if str(error) != self._failure:
                logger.error("state_unwritten", reason=str(error))  # noqa: TRY400
            self._failure = str(error)
        else:
            self._failure, self._written = "", state.journal.records
