import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from agenttrader.adapters.pacer import Pacer
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Quote, StatusChange, Told, Watermark
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, SECOND, Duration, Instant, from_rfc3339, rfc3339
from agenttrader.simulation.market import generate_day

OPEN = from_rfc3339("2026-11-27T14:30:00Z")
SESSION = Session(date="2026-11-27", open=OPEN, close=Instant(OPEN + 60 * MINUTE))
DAY = generate_day({Symbol("ALFA"): Decimal(50), Symbol("BRVO"): Decimal(70)}, SESSION, 7)


def minute(number: int) -> Instant:
    return Instant(OPEN + number * MINUTE)


class FakeClock:
    """Time that goes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 5 * SECOND

    def elapsed(self) -> Duration:
        return Duration(self.now)

    async def sleep(self, seconds: float) -> None:
        self.now = Duration(self.now + round(seconds * SECOND))
        await asyncio.sleep(0)


class Listener:
    """Everything that was told, and when."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.events: list[Told] = []
        self.times: dict[Instant, int] = {}
        self.links: list[tuple[bool, str]] = []

    def receive(self, event: Told) -> None:
        self.events.append(event)
        if isinstance(event, Watermark):
            self.times[event.time] = self.clock.now

    def link(self, up: bool, reason: str) -> None:  # noqa: FBT001
        self.links.append((up, reason))

    @property
    def reached(self) -> Instant:
        return max(self.times)


@asynccontextmanager
async def playing(pacer: Pacer, clock: FakeClock) -> AsyncIterator[Listener]:
    listener = Listener(clock)
    task = asyncio.create_task(pacer.follow(listener.receive, listener.link))
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def calm() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def make(*participants: str, speed: int | None = None, patience: float = 60) -> tuple[Pacer, FakeClock]:
    clock = FakeClock()
    return Pacer(DAY, participants, speed, clock, sleep_seconds=clock.sleep, patience_seconds=patience), clock


async def test_each_minute_tells_statuses_then_bars_then_its_watermark() -> None:
    pacer, clock = make()
    async with playing(pacer, clock) as listener:
        while not pacer.pace().finished:
            await calm()
    told: list[Told] = []
    for moment in DAY.moments:
        told += [*moment.statuses, *moment.bars, Watermark(time=moment.time)]
    assert listener.events == told
    assert listener.events[0] == DAY.moments[0].statuses[0]
    assert listener.events[2] == Watermark(time=OPEN)
    assert listener.events[-1] == Watermark(time=SESSION.close)
    assert sum(isinstance(event, Bar) for event in told) > 100
    assert sum(isinstance(event, StatusChange) for event in told) == 4
    assert listener.links == [(True, listener.links[0][1])]
    assert "generated" in listener.links[0][1]


async def test_nothing_follows_the_open_until_everybody_settled_it() -> None:
    pacer, clock = make("strategy", "demo")
    async with playing(pacer, clock) as listener:
        await calm()
        assert listener.reached == OPEN
        pacer.settle("strategy", OPEN)
        await calm()
        assert listener.reached == OPEN
        assert pacer.pace().waiting_for == ("demo",)
        pacer.settle("demo", OPEN)
        await calm()
        assert listener.reached == minute(1)
        assert pacer.pace().waiting_for == ("demo", "strategy")


async def test_a_minute_is_released_once_all_settled_the_one_before() -> None:
    pacer, clock = make("strategy")
    async with playing(pacer, clock) as listener:
        for number in range(60):
            await calm()
            assert listener.reached == minute(number)
            assert not pacer.pace().finished
            pacer.settle("strategy", minute(number))
        await calm()
        assert listener.reached == SESSION.close
        assert pacer.pace().waiting_for == ("strategy",)
        assert not pacer.pace().finished
        pacer.settle("strategy", SESSION.close)
        await calm()
        assert pacer.pace().finished


@pytest.mark.parametrize("speed", (1, 8, 40))
async def test_the_pace_is_never_faster_than_the_speed(speed: int) -> None:
    pacer, clock = make(speed=speed)
    async with playing(pacer, clock) as listener:
        while not pacer.pace().finished:
            await calm()
    moments = list(listener.times.values())
    assert all(later - earlier >= SECOND // speed for earlier, later in pairwise(moments))
    assert moments[-1] - moments[0] == pytest.approx(60 * SECOND / speed, rel=0.01)


async def test_a_new_pacer_goes_on_where_the_slowest_participant_stands() -> None:
    pacer, clock = make("strategy", "demo", speed=1)
    async with playing(pacer, clock) as listener:
        await calm()
        pacer.settle("strategy", minute(31))
        pacer.settle("demo", minute(30))
        before = clock.now
        await calm()
        assert listener.reached == minute(31)
        assert listener.times[minute(30)] == before
        assert listener.times[minute(31)] == before + SECOND
        assert pacer.pace().waiting_for == ("demo",)


async def test_a_participant_that_forgot_and_settles_old_times_changes_nothing() -> None:
    pacer, clock = make("strategy")
    async with playing(pacer, clock) as listener:
        pacer.settle("strategy", minute(10))
        await calm()
        assert listener.reached == minute(11)
        pacer.settle("strategy", OPEN)
        pacer.settle("strategy", minute(3))
        await calm()
        assert listener.reached == minute(11)
        assert pacer.pace().settled == {"strategy": rfc3339(minute(10))}
        pacer.settle("strategy", minute(11))
        await calm()
        assert listener.reached == minute(12)


async def test_who_holds_the_day_is_named_again_and_again() -> None:
    pacer, clock = make("strategy", "demo", patience=0.01)
    with capture_logs() as logs:
        async with playing(pacer, clock):
            pacer.settle("strategy", OPEN)
            await asyncio.sleep(0.1)
    waits = [entry for entry in logs if entry["event"] == "day_waits"]
    assert len(waits) >= 2
    assert waits[0]["waiting_for"] == ("demo",)
    assert waits[0]["log_level"] == "warning"


async def test_the_view_says_where_the_day_stands_and_that_it_is_generated() -> None:
    pacer, clock = make("strategy", speed=8)
    nothing_yet = pacer.pace()
    assert (nothing_yet.watermark, nothing_yet.waiting_for, nothing_yet.finished) == (None, (), False)
    async with playing(pacer, clock):
        await calm()
        clock.now = Duration(clock.now + 3 * SECOND)
        pace = pacer.pace()
    assert (pace.feed, pace.origin, pace.speed, pace.digest) == ("generated", "seed 7", 8, DAY.digest)
    assert pace.notice.startswith("generated market data")
    assert (pace.session, pace.open, pace.close) == ("2026-11-27", rfc3339(OPEN), rfc3339(SESSION.close))
    assert (pace.watermark, pace.waiting_for, pace.waiting_seconds) == (rfc3339(OPEN), ("strategy",), 3)


@pytest.mark.parametrize(
    ("participant", "time", "message"),
    (
        ("venue", OPEN, "expected one of demo, strategy, found 'venue'"),
        ("demo", Instant(OPEN - 1), "expected a time from 2026-11-27T14:30:00Z to 2026-11-27T15:30:00Z"),
        ("demo", Instant(SESSION.close + 1), "found 2026-11-27T15:30:00.000000001Z"),
    ),
)
def test_what_cannot_be_settled_is_refused(participant: str, time: Instant, message: str) -> None:
    pacer, _ = make("strategy", "demo")
    with pytest.raises(BadValue, match=message):
        pacer.settle(participant, time)


def test_without_a_barrier_nobody_settles() -> None:
    pacer, _ = make()
    with pytest.raises(BadValue, match="no participant is configured"):
        pacer.settle("strategy", OPEN)


async def test_quotes_that_were_recorded_are_told_between_statuses_and_bars() -> None:
    first, second, *rest = DAY.moments
    quote = Quote(
        symbol=second.bars[0].symbol,
        time=second.time,
        bid_price=Decimal(1),
        bid_size=Decimal(1),
        ask_price=Decimal(2),
        ask_size=Decimal(1),
    )
    day = replace(DAY, moments=(first, replace(second, quotes=(quote,)), *rest))
    clock = FakeClock()
    async with playing(Pacer(day, [], None, clock), clock) as listener:
        await calm()
    told = listener.events[len(first.statuses) + 1 :]
    assert told[: len(second.bars) + 2] == [quote, *second.bars, Watermark(time=second.time)]
