"""Requests leave in order, and one slow answer does not hold up the rest."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from agenttrader.adapters.alpaca.allowance import WINDOW_SECONDS, Allowance, Urgency
from agenttrader.adapters.alpaca.outbox import Job, Outbox

UNLIMITED = Allowance(None, lambda: 0.0)


class Peer:
    """Records what leaves and what is answered; answers when told to."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.answers: dict[str, asyncio.Event] = {}

    def job(self, name: str, *, connecting: int = 0) -> Job:
        self.answers[name] = asyncio.Event()

        async def send(departed: asyncio.Event) -> None:
            for _ in range(connecting):
                await asyncio.sleep(0)
            self.log.append(f"{name} left")
            departed.set()
            await self.answers[name].wait()
            self.log.append(f"{name} answered")

        return send


@asynccontextmanager
async def running(outbox: Outbox) -> AsyncIterator[None]:
    task = asyncio.create_task(outbox.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  the condition raises no event
            await asyncio.sleep(0.001)


async def test_an_order_waits_for_the_answer_to_the_one_before() -> None:
    peer, outbox = Peer(), Outbox(8, UNLIMITED, patience_seconds=30)
    async with running(outbox):
        assert outbox.put(peer.job("first", connecting=5))
        assert outbox.put(peer.job("second"))
        await until(lambda: bool(peer.log))
        for _ in range(20):
            await asyncio.sleep(0)
        assert peer.log == ["first left"]
        peer.answers["first"].set()
        await until(lambda: "second left" in peer.log)
        assert peer.log == ["first left", "first answered", "second left"]


async def test_a_slow_answer_is_waited_for_once_and_order_still_holds() -> None:
    peer, outbox = Peer(), Outbox(8, UNLIMITED, patience_seconds=0.01)
    async with running(outbox):
        outbox.put(peer.job("slow"))
        outbox.put(peer.job("second", connecting=9))
        outbox.put(peer.job("third"))
        await until(lambda: "third left" in peer.log)
        assert peer.log == ["slow left", "second left", "third left"]


async def test_patience_is_spent_once_however_many_follow() -> None:
    peer, outbox = Peer(), Outbox(8, UNLIMITED, patience_seconds=0.2)
    loop = asyncio.get_running_loop()
    async with running(outbox):
        started = loop.time()
        for name in ("hangs", "b", "c", "d", "e", "f"):
            outbox.put(peer.job(name))
        await until(lambda: "f left" in peer.log)
        assert loop.time() - started < 5 * 0.2


async def test_a_request_that_fails_lets_the_next_one_go() -> None:
    peer, outbox = Peer(), Outbox(8, UNLIMITED)

    async def never_connects(departed: asyncio.Event) -> None:
        await asyncio.sleep(0)
        assert not departed.is_set()

    async with running(outbox):
        outbox.put(never_connects)
        outbox.put(peer.job("next"))
        await until(lambda: "next left" in peer.log)


async def test_a_full_lane_says_so_and_counts_what_is_unanswered() -> None:
    peer, outbox = Peer(), Outbox(2, UNLIMITED, patience_seconds=0)
    async with running(outbox):
        assert outbox.put(peer.job("a"))
        assert outbox.put(peer.job("b"))
        assert not outbox.put(peer.job("c"))
        await until(lambda: len(peer.log) == 2)
        assert not outbox.put(peer.job("c"))
        peer.answers["a"].set()
        await until(lambda: len(outbox) == 1)
        assert outbox.put(peer.job("c"))


async def test_canceling_leaves_no_task_behind() -> None:
    peer, outbox = Peer(), Outbox(4, UNLIMITED, patience_seconds=0)
    before = asyncio.all_tasks()
    async with running(outbox):
        outbox.put(peer.job("a"))
        outbox.put(peer.job("b"))
        await until(lambda: len(peer.log) == 2)
    assert asyncio.all_tasks() == before


async def test_without_room_for_an_entry_what_is_urgent_leaves_before_it() -> None:
    """Of four an entry leaves one: after three it waits, and the fourth is for what is urgent."""
    elapsed = [0.0]
    peer, outbox = Peer(), Outbox(8, Allowance(4, lambda: elapsed[0]), patience_seconds=0)
    async with running(outbox):
        for name in ("a", "b", "c", "waits"):
            outbox.put(peer.job(name), Urgency.ENTRY)
        await until(lambda: len(peer.log) == 3)
        outbox.put(peer.job("urgent"))
        await until(lambda: len(peer.log) == 4)
        assert peer.log == ["a left", "b left", "c left", "urgent left"]
        elapsed[0] = WINDOW_SECONDS
        outbox.put(peer.job("last"), Urgency.ENTRY)
        await until(lambda: len(peer.log) == 6)
        assert peer.log[4:] == ["waits left", "last left"]


async def test_entries_never_fill_the_lane() -> None:
    outbox = Outbox(8, UNLIMITED)
    assert [outbox.put(Peer().job("entry"), Urgency.ENTRY) for _ in range(7)] == [*[True] * 6, False]
    assert [outbox.put(Peer().job("exit")) for _ in range(3)] == [True, True, False]
