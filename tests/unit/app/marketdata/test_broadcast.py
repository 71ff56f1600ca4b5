import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.marketdata.broadcast import BATCH_MAX, Broadcast, Lagging, Subscriber, Wanted
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, StatusChange, Told, TradingStatus, Watermark
from agenttrader.model.times import MINUTE, Instant

EVERYTHING = Wanted({"bars": frozenset("*"), "statuses": frozenset("*")}, watermarks=True)


def bar(symbol: str, minute: int) -> Bar:
    price = Decimal(100 + minute)
    return Bar(
        symbol=Symbol(symbol),
        start=Instant((minute - 1) * MINUTE),
        interval=MINUTE,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(1),
    )


def halt(symbol: str, minute: int) -> StatusChange:
    return StatusChange(
        symbol=Symbol(symbol), time=Instant(minute * MINUTE), status=TradingStatus.HALTED, reason="halt"
    )


def mark(minute: int) -> Watermark:
    return Watermark(time=Instant(minute * MINUTE))


def minute_of(number: int) -> list[Told]:
    return [bar("ALFA", number), bar("BRVO", number), mark(number)]


def publish(broadcast: Broadcast, first: int, last: int) -> None:
    for number in range(first, last + 1):
        for event in minute_of(number):
            broadcast.publish(event)


async def drain(subscriber: Subscriber) -> list[Told]:
    """Everything that is there now."""
    found: list[Told] = []
    while True:
        try:
            async with asyncio.timeout(0.001):
                found += await subscriber.next()
        except TimeoutError:
            return found


async def test_who_subscribes_now_hears_what_comes_from_now_on() -> None:
    broadcast = Broadcast()
    publish(broadcast, 1, 2)
    subscriber = broadcast.subscribe(None)
    subscriber.wanted = EVERYTHING
    publish(broadcast, 3, 3)
    assert await drain(subscriber) == minute_of(3)


async def test_who_asks_for_the_past_hears_all_after_it_once() -> None:
    broadcast = Broadcast()
    publish(broadcast, 1, 3)
    subscriber = broadcast.subscribe(mark(1).time)
    subscriber.wanted = EVERYTHING
    publish(broadcast, 4, 4)
    assert await drain(subscriber) == [*minute_of(2), *minute_of(3), *minute_of(4)]


async def test_what_is_told_again_after_a_restart_is_not_repeated_to_who_has_it() -> None:
    broadcast = Broadcast()
    subscriber = broadcast.subscribe(mark(2).time)
    subscriber.wanted = EVERYTHING
    publish(broadcast, 1, 3)
    assert await drain(subscriber) == minute_of(3)


async def test_only_what_is_wanted_is_heard() -> None:
    broadcast = Broadcast()
    subscriber = broadcast.subscribe(None)
    subscriber.wanted = Wanted({"bars": frozenset({"BRVO"}), "statuses": frozenset({"ALFA"})})
    told: list[Told] = [bar("ALFA", 1), bar("BRVO", 1), halt("ALFA", 1), halt("BRVO", 1), mark(1)]
    for event in told:
        broadcast.publish(event)
    assert await drain(subscriber) == [bar("BRVO", 1), halt("ALFA", 1)]


async def test_waiting_ends_with_the_first_event_that_is_wanted() -> None:
    broadcast = Broadcast()
    subscriber = broadcast.subscribe(None)
    subscriber.wanted = Wanted(watermarks=True)
    waiting = asyncio.create_task(subscriber.next())
    await asyncio.sleep(0)
    broadcast.publish(bar("ALFA", 1))
    await asyncio.sleep(0)
    assert not waiting.done()
    broadcast.publish(mark(1))
    assert await waiting == [mark(1)]


async def test_a_subscriber_that_does_not_keep_up_is_lagging_and_others_are_not() -> None:
    broadcast = Broadcast(lag_max=5)
    slow, quick = broadcast.subscribe(None), broadcast.subscribe(None)
    slow.wanted = quick.wanted = EVERYTHING
    publish(broadcast, 1, 1)
    assert await quick.next() == minute_of(1)
    publish(broadcast, 2, 2)
    assert slow.lagging.is_set()
    assert not quick.lagging.is_set()
    with pytest.raises(Lagging):
        await slow.next()
    assert await quick.next() == minute_of(2)


async def test_the_past_that_was_asked_for_is_no_lag() -> None:
    broadcast = Broadcast(lag_max=5)
    publish(broadcast, 1, 400)
    subscriber = broadcast.subscribe(Instant(0))
    subscriber.wanted = EVERYTHING
    publish(broadcast, 401, 401)
    assert not subscriber.lagging.is_set()
    assert len(await subscriber.next()) == BATCH_MAX
    assert len(await drain(subscriber)) == 3 * 401 - BATCH_MAX
    publish(broadcast, 402, 403)
    assert subscriber.lagging.is_set()


async def test_old_events_are_let_go_and_asking_for_them_is_refused() -> None:
    broadcast = Broadcast(history_max=30)
    publish(broadcast, 1, 11)
    assert broadcast.told == 33
    with pytest.raises(BadValue, match="since: expected 1970-01-01T00:02:00Z or later"):
        broadcast.subscribe(mark(1).time)
    subscriber = broadcast.subscribe(mark(2).time)
    subscriber.wanted = EVERYTHING
    assert await drain(subscriber) == [event for number in range(3, 12) for event in minute_of(number)]


async def test_who_is_still_reading_what_is_let_go_is_lagging() -> None:
    broadcast = Broadcast(history_max=30)
    subscriber = broadcast.subscribe(Instant(0))
    subscriber.wanted = EVERYTHING
    publish(broadcast, 1, 11)
    with pytest.raises(Lagging):
        await subscriber.next()


async def test_who_has_gone_is_forgotten() -> None:
    broadcast = Broadcast(lag_max=1)
    subscriber = broadcast.subscribe(None)
    broadcast.unsubscribe(subscriber)
    publish(broadcast, 1, 5)
    assert not subscriber.lagging.is_set()


def test_the_latest_is_known_once_a_watermark_covers_it() -> None:
    broadcast = Broadcast()
    assert (broadcast.last_tick, broadcast.watermark, broadcast.history.bars(Symbol("ALFA")).latest) == (
        None,
        None,
        None,
    )
    publish(broadcast, 1, 2)
    broadcast.publish(bar("ALFA", 3))
    assert broadcast.history.bars(Symbol("ALFA")).latest == bar("ALFA", 2)
    assert broadcast.last_tick == 3 * MINUTE
    assert broadcast.watermark == 2 * MINUTE
    broadcast.publish(mark(3))
    assert broadcast.history.bars(Symbol("ALFA")).latest == bar("ALFA", 3)


@given(
    before=st.integers(0, 20),
    after=st.integers(0, 20),
    since=st.none() | st.integers(0, 25),
    reads=st.lists(st.booleans(), max_size=20),
)
def test_nothing_is_left_out_doubled_or_turned_round(
    before: int, after: int, since: int | None, reads: list[bool]
) -> None:
    async def heard() -> list[Told]:
        broadcast = Broadcast()
        publish(broadcast, 1, before)
        subscriber = broadcast.subscribe(None if since is None else mark(since).time)
        subscriber.wanted = EVERYTHING
        found: list[Told] = []
        for number, read in zip(
            range(before + 1, before + after + 1), [*reads, *[False] * after], strict=False
        ):
            publish(broadcast, number, number)
            if read and (since is None or number > since):
                found += await subscriber.next()
        return found + await drain(subscriber)

    first = before + 1 if since is None else since + 1
    expected = [event for number in range(first, before + after + 1) for event in minute_of(number)]
    assert asyncio.run(heard()) == expected
