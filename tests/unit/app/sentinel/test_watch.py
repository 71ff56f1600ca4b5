import asyncio
import contextlib

import pytest

from agenttrader.app.kill.report import KillReport
from agenttrader.app.kill.wish import Wish
from agenttrader.app.sentinel import watch
from agenttrader.app.sentinel.watch import ENTRIES, Beat, Sentinel, Silence
from agenttrader.model.times import SECOND, Duration


def at(seconds: float) -> Duration:
    return Duration(int(seconds * SECOND))


def test_an_answer_is_life_and_none_is_silence() -> None:
    silence = Silence(at(0))
    assert silence.after(None, at(1)) == at(1)
    assert silence.after(Beat(turns=4, at_work=False), at(2)) == 0
    assert silence.after(Beat(turns=4, at_work=False), at(9)) == 0
    assert silence.after(None, at(12)) == at(3)


def test_an_answer_of_work_that_does_not_move_is_silence() -> None:
    silence = Silence(at(0))
    assert silence.after(Beat(turns=5, at_work=True), at(1)) == 0
    assert silence.after(Beat(turns=5, at_work=True), at(4)) == at(3)
    assert silence.after(Beat(turns=7, at_work=True), at(5)) == 0


class World:
    """A gateway, its sentinel's clock and hand; a poll is a quarter of a second."""

    def __init__(self, beats: list[Beat | None], reports: list[KillReport]) -> None:
        self.beats, self.reports = beats, reports
        self.stopped: list[tuple[Wish, float]] = []
        self.now = 0.0

    async def ask(self) -> Beat | None:
        if not self.beats:
            raise asyncio.CancelledError
        self.now += 0.25
        return self.beats.pop(0)

    async def stop(self, wish: Wish, _seconds: int) -> KillReport:
        self.stopped.append((wish, self.now))
        return self.reports.pop(0)

    async def watch(self) -> Sentinel:
        sentinel = Sentinel(ask=self.ask, stop=self.stop, elapsed=lambda: at(self.now), silence_seconds_max=1)
        with contextlib.suppress(asyncio.CancelledError):
            await sentinel.watch()
        return sentinel


ALIVE = Beat(turns=2, at_work=False)


def report(*remains: str) -> KillReport:
    return KillReport(halts=(), orders=(), positions=(), remains=remains, unreachable="", side_journal="")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(watch, "AGAIN_SECONDS", 0.0)


async def test_a_gateway_that_is_back_in_time_is_left_alone() -> None:
    world = World([ALIVE, None, None, None, ALIVE, None, None, None, ALIVE], [])
    await world.watch()
    assert world.stopped == []


async def test_after_the_silence_it_acts_once_and_again_only_for_what_remains() -> None:
    world = World([ALIVE, *[None] * 12], [report("an order still works"), report()])
    sentinel = await world.watch()
    assert world.stopped == [(ENTRIES, 1.25), (ENTRIES, 1.5)]
    assert sentinel.acted == report()


async def test_a_gateway_that_came_back_is_watched_anew() -> None:
    world = World([*[None] * 6, ALIVE, *[None] * 6], [report(), report()])
    await world.watch()
    assert len(world.stopped) == 2
