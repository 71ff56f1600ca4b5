"""The runtime state: what stands, up to which record, and its upkeep."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from structlog.testing import capture_logs

from agenttrader.app.gateway import runtime_state as module
from agenttrader.app.gateway.runtime_state import RuntimeState, StateKeeping, StrategyState, runtime_state
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AgentName
from agenttrader.runtime.inputs import Proposed
from agenttrader.testing.builders import ALFA, STRATEGY, proposal
from agenttrader.testing.small_gateway import SmallGateway

STATES = (StrategyState(agent=AgentName("mo"), checkpoint="checkpoints"),)


@pytest.fixture
async def gateway() -> AsyncIterator[SmallGateway]:
    made = SmallGateway()
    await made.trade()
    yield made
    await made.stop()


async def hold(gateway: SmallGateway) -> None:
    """Ten of ALFA at 100, and their legs."""
    await gateway.session.ask(Proposed(proposal()))
    (sent,) = gateway.broker.sent
    gateway.accept(sent)
    await gateway.settle()
    gateway.fill(sent)
    await gateway.settle()


async def test_it_tells_what_stands_and_up_to_which_record(gateway: SmallGateway) -> None:
    await hold(gateway)
    found = runtime_state(gateway.session, STATES)
    engine = gateway.session.engine
    assert (found.journal.records, found.journal.head) == (engine.chain.sequence, engine.chain.head)
    assert (found.timestamp, found.account) == ("2026-11-20T14:31:00Z", engine.rules.authority.account)
    manager = found.position_manager
    assert [(each.symbol, each.quantity) for each in manager.positions] == [(ALFA, Decimal(10))]
    assert [(each.strategy, each.cost) for each in manager.by_strategy] == [(STRATEGY, Decimal(1000))]
    assert manager.account.cash == 99_000
    assert [each.order.role for each in found.lifecycle.working] == ["stop", "target"]
    assert found.lifecycle.by_state == {"accepted": 2, "filled": 1}
    assert STRATEGY in found.active_strategies
    assert STRATEGY in [each.strategy for each in found.allocations]
    assert found.gateway_state.trading.state == "active"
    assert found.strategy_states == STATES
    plain = msgspec.to_builtins(found, str_keys=True)
    assert msgspec.convert(plain, RuntimeState) == found


async def test_it_is_bounded(gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    await hold(gateway)
    monkeypatch.setattr(module, "ORDERS_MAX", 1)
    found = runtime_state(gateway.session, ()).lifecycle
    assert len(found.working) == 1
    assert found.by_state["accepted"] == 2


class Disk:
    def __init__(self) -> None:
        self.written: list[Any] = []
        self.fails = False

    def write(self, state: Struct) -> None:
        if self.fails:
            raise StoreError("no room")
        self.written.append(state)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come")


async def test_it_is_written_when_anything_was_recorded_and_at_the_end(
    gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.01)
    disk = Disk()
    keeping = StateKeeping(gateway.session, disk.write, STATES)

    async def work() -> None:
        await until(lambda: len(disk.written) == 1)
        await asyncio.sleep(0.05)
        assert len(disk.written) == 1, "nothing was recorded since"
        await gateway.session.ask(Proposed(proposal()))
        await until(lambda: len(disk.written) == 2)
        following.cancel()
        await gateway.session.ask(Proposed(proposal(2)))

    following = asyncio.create_task(keeping.follow())
    await keeping.during(work)
    assert len(disk.written) == 3
    assert disk.written[-1].journal.records == gateway.session.engine.chain.sequence


async def test_what_is_not_on_disk_yet_is_not_told(gateway: SmallGateway) -> None:
    disk = Disk()
    gateway.session.turns += 1
    await StateKeeping(gateway.session, disk.write, ()).keep()
    assert disk.written == []
    gateway.session.turns += 1
    await StateKeeping(gateway.session, disk.write, ()).keep()
    assert len(disk.written) == 1


async def test_a_disk_that_fails_is_logged_once_and_tried_again(gateway: SmallGateway) -> None:
    disk = Disk()
    disk.fails = True
    keeping = StateKeeping(gateway.session, disk.write, ())
    with capture_logs() as logs:
        await keeping.keep()
        await keeping.keep()
    assert [(log["event"], log["reason"]) for log in logs] == [("state_unwritten", "no room")]
    disk.fails = False
    await keeping.keep()
    assert len(disk.written) == 1


async def test_where_none_is_wanted_the_work_is_all(gateway: SmallGateway) -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("work")

    await StateKeeping(gateway.session, None, ()).during(work)
    assert done == ["work"]
