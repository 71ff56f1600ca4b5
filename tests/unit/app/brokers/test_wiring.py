"""Nothing goes around the door: a kill stops the exam, and no exam is beside a gateway."""

from pathlib import Path

import pytest

from agenttrader.adapters.fence import fence_path, raise_fence
from agenttrader.adapters.journal_file import journal_path
from agenttrader.adapters.journal_lock import StoreLock
from agenttrader.app.brokers import wiring
from agenttrader.app.brokers.wiring import at_bench
from agenttrader.app.config import Configuration
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import StoreLocked
from agenttrader.model.times import Instant
from agenttrader.ports.fence import Fence
from agenttrader.ports.halt_switch import HaltSwitch
from agenttrader.testing.broker_files import PAPER


@pytest.fixture
def paper(tmp_path: Path) -> Configuration:
    found = PAPER.load(tmp_path)
    (tmp_path / found.switches.file).write_text("0")
    return found


def states(switches: list[HaltSwitch]) -> set[TradingState]:
    return {switch.read().state for switch in switches}


@pytest.mark.parametrize("stood", (None, Fence(epoch=4, by="kill", reason="before", time=Instant(1))))
def test_whatever_fence_is_raised_from_now_on_freezes_the_exam(
    stood: Fence | None, paper: Configuration
) -> None:
    """Of the same epoch, too: an exam has none that a kill could know."""
    path = fence_path(paper.path(paper.store.heads_directory), paper.account.name)
    if stood is not None:
        raise_fence(path, stood)
    switches = wiring._switches(paper)
    assert states(switches) == {TradingState.ACTIVE}
    raise_fence(path, Fence(epoch=4, by="kill", reason="now", time=Instant(2)))
    assert TradingState.FROZEN in states(switches)


def test_a_fence_that_cannot_be_read_freezes_the_exam(paper: Configuration) -> None:
    switches = wiring._switches(paper)
    path = fence_path(paper.path(paper.store.heads_directory), paper.account.name)
    path.parent.mkdir(parents=True)
    path.write_text("no fence")
    assert TradingState.FROZEN in states(switches)


async def test_no_exam_is_sat_while_a_gateway_of_the_account_runs(
    paper: Configuration, tmp_path: Path
) -> None:
    store = journal_path(paper.path(paper.store.directory), paper.account.name)
    store.parent.mkdir(parents=True)
    gateway = StoreLock(store)
    try:
        with pytest.raises(StoreLocked):
            async with at_bench(paper, tmp_path / "exam", "code"):
                raise AssertionError("it began")
    finally:
        gateway.release()
    assert not (tmp_path / "exam").exists()
