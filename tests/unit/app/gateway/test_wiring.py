import asyncio
import contextlib
from pathlib import Path
from typing import cast

import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.gateway import wiring
from agenttrader.app.gateway.telling import HaltsHeard
from agenttrader.app.gateway.wiring import _address, _reconcile
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import InboxFull, StoreError, Unsent
from agenttrader.runtime.inputs import Input, SwitchSeen
from agenttrader.runtime.recovery import Reconciler
from agenttrader.runtime.session import Session


class Full:
    """A session of so many places."""

    def __init__(self) -> None:
        self.places = 0
        self.told: list[Input] = []

    def tell(self, received: Input) -> None:
        if len(self.told) >= self.places:
            raise InboxFull("too much is waiting")
        self.told.append(received)


def test_where_the_broker_listens_that_cannot_be_read_means_that_nothing_was_sent(tmp_path: Path) -> None:
    (tmp_path / "venue.json").write_text("no announcement")
    with pytest.raises(Unsent, match="expected an announcement"):
        _address(Announcements(tmp_path), "venue")


def halted(name: str, reason: str) -> SwitchReading:
    return SwitchReading(name=name, state=TradingState.HALTED, reason=reason)


def test_a_halt_that_a_last_look_heard_raises_nothing_and_comes_again_when_there_is_room() -> None:
    session = Full()
    halts = HaltsHeard(cast("Session", session))
    halts.hear(halted("file", "the first look"))
    halts.hear(halted("file", "the last look"))
    halts.hear(halted("environment", "set"))
    session.places = 1
    halts.tell()
    assert session.told == [SwitchSeen(halted("file", "the last look"))]
    session.places = 9
    halts.tell()
    halts.tell()
    assert session.told[1:] == [SwitchSeen(halted("environment", "set"))]
    halts.hear(halted("file", "again"))
    assert len(session.told) == 3


class Reluctant:
    """A reconciler that has a reason not to compare, the first two times."""

    def __init__(self, reason: Exception) -> None:
        self.reason = reason
        self.runs = 0
        self.started = asyncio.Event()
        self.compared = asyncio.Event()

    async def run(self) -> None:
        self.runs += 1
        if self.runs <= 2:
            raise self.reason
        self.compared.set()


@pytest.mark.parametrize("reason", (InboxFull("too much is waiting"), StoreError("no space")))
async def test_a_comparison_that_cannot_be_recorded_now_is_made_later(
    monkeypatch: pytest.MonkeyPatch, reason: Exception
) -> None:
    monkeypatch.setattr(wiring, "COMPARE_AGAIN_SECONDS", 0.001)
    reluctant, resync = Reluctant(reason), asyncio.Event()
    reluctant.started.set()
    resync.set()
    work = asyncio.create_task(_reconcile(cast("Session", reluctant), cast("Reconciler", reluctant), resync))
    compared = asyncio.create_task(reluctant.compared.wait())
    await asyncio.wait((work, compared), timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert reluctant.compared.is_set()
    for task in (work, compared):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
