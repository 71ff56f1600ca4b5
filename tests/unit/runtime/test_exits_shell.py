"""The shell against a feed and a gateway in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

import pytest
import structlog

from agenttrader.exits.acts import Tenancy
from agenttrader.model.breaks import DoubtKind
from agenttrader.model.errors import BadValue, ConfigurationError, StoreError, Unreachable
from agenttrader.model.identifiers import OrderId
from agenttrader.model.orders import Proposal, Side
from agenttrader.model.times import MINUTE, Instant, rfc3339
from agenttrader.protocols.native import (
    AnswerBody,
    DecisionBody,
    OrderChanged,
    PositionsChanged,
    WatermarkReached,
)
from agenttrader.protocols.native_doubts import DOUBTS_MAX, DoubtsBody
from agenttrader.runtime import exits_shell as module
from agenttrader.runtime.exits_host import Coverage
from agenttrader.runtime.exits_shell import ExitsShell
from agenttrader.testing.exits_facts import (
    ALFA,
    bar,
    host,
    minute,
    order,
    position,
    protected,
    snapshot,
    watermark,
)

Link = Callable[[bool, str], None]


class World:
    """A gateway, a feed and a memory: each act is met with the next of `replies`, a state or an error."""

    def __init__(self, *replies: str | Exception) -> None:
        self.replies = list(replies)
        self.asked: list[Proposal | OrderId] = []
        self.doubts: list[list[tuple[str, DoubtKind]]] = []
        self.doubt_replies: list[Exception] = []
        self.settled_minutes: list[int] = []
        self.passed_on: list[int] = []
        """The minutes that the gateway was told of."""
        self.written: list[Mapping[Tenancy, Decimal]] = []
        self.counted: list[tuple[str, str]] = []
        self.shown: list[Coverage] = []
        self.disk_is_full = False
        self.say: Callable[[Any], None]
        self.tell: Callable[[Any], None]
        self.link: Link
        self.following = asyncio.Event()

    def _reply(self) -> str:
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def propose(self, proposal: Proposal) -> AnswerBody:
        self.asked.append(proposal)
        state = self._reply()
        name = proposal.client_order_id
        body = order(proposal.id, state=state, proposal_id=name, time=rfc3339(proposal.decision_time))
        return AnswerBody(
            order=body, state=state, decision=DecisionBody(code="approved", sentence="", checks=())
        )

    async def cancel(self, order_id: OrderId) -> None:
        self.asked.append(order_id)
        self._reply()

    async def doubt(self, doubts: DoubtsBody) -> None:
        self.doubts.append([(each.symbol, each.about) for each in doubts.doubts])
        if self.doubt_replies:
            raise self.doubt_replies.pop(0)

    async def follow(self, receive: Callable[[Any], None], link: Link) -> None:
        """The gateway's stream."""
        self.tell, self.link = receive, link
        self.following.set()
        await asyncio.Event().wait()

    async def settled(self, time: Instant) -> None:
        self.passed_on.append(time // MINUTE)

    def write(self, bests: Mapping[Tenancy, Decimal]) -> None:
        if self.disk_is_full:
            raise StoreError("the disk is full")
        self.written.append(bests)

    def minute(self, number: int, price: int = 100) -> None:
        """One minute from both sides."""
        self.say(bar(number, price))
        self.say(watermark(number))
        self.tell(WatermarkReached(time=rfc3339(minute(number))))

    async def until(self, holds: Callable[[], object]) -> None:
        deadline = asyncio.get_running_loop().time() + 5
        while not holds():
            assert asyncio.get_running_loop().time() < deadline, (self.asked, self.settled_minutes)
            await asyncio.sleep(0.001)


class Feed:
    """The market's side of a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def follow(self, receive: Callable[[Any], None], link: Link) -> None:
        self.world.say = receive
        link(True, "open")  # noqa: FBT003
        await asyncio.Event().wait()

    async def settled(self, time: Instant) -> None:
        self.world.settled_minutes.append(time // MINUTE)


@asynccontextmanager
async def running(world: World, *, by_watermark: bool = False) -> AsyncIterator[asyncio.Task[None]]:
    shell = ExitsShell(
        host(by_watermark=by_watermark),
        Feed(world),
        world,
        world,
        at_once=2,
        count=lambda act, state: world.counted.append((act, state)),
        show=world.shown.append,
    )
    work = (shell.act, shell.hearing.follow_market, shell.hearing.follow_gateway)
    tasks = [asyncio.create_task(each()) for each in work]
    await world.following.wait()
    try:
        yield tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Unreachable, ConfigurationError):
                await task


async def test_what_is_bare_is_protected_once_and_then_the_market_may_go_on() -> None:
    world = World("accepted")
    async with running(world):
        world.tell(snapshot(position()))
        world.minute(1)
        await world.until(lambda: world.settled_minutes == [1])
        world.minute(2)
        await world.until(lambda: world.settled_minutes == [1, 2])
    assert len(world.asked) == 1
    assert world.counted == [("reduce", "accepted")]
    assert world.shown[-1].unprotected_seconds == {ALFA: 60}


async def test_what_got_no_answer_is_asked_for_again_as_the_same_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.001)
    world = World(Unreachable("no answer"), Unreachable("no answer"), "accepted")
    async with running(world):
        world.tell(snapshot(position()))
        world.minute(1)
        await world.until(lambda: world.counted[-1:] == [("reduce", "accepted")])
        await world.until(lambda: world.settled_minutes)
    assert len(world.asked) == 3
    assert len({each.id for each in world.asked if isinstance(each, Proposal)}) == 1
    assert world.counted[:2] == [("reduce", "failed")] * 2


async def test_the_market_does_not_go_on_before_what_is_wanted_has_been_done() -> None:
    world = World(Unreachable("no answer"))
    async with running(world):
        world.tell(snapshot(position()))
        world.minute(1)
        await world.until(lambda: len(world.asked) > 1)
        assert world.settled_minutes == []


async def test_time_does_not_go_on_before_the_brokers_word_on_what_was_done() -> None:
    world = World("sending")
    async with running(world, by_watermark=True):
        world.tell(snapshot(position()))
        world.minute(1)
        await world.until(lambda: world.counted)
        await asyncio.sleep(0.01)
        assert (world.passed_on, world.settled_minutes) == ([], [])
        (asked,) = world.asked
        assert isinstance(asked, Proposal)
        world.tell(OrderChanged(order=order(asked.id, proposal_id=asked.client_order_id)))
        await world.until(lambda: world.settled_minutes == [1])
        assert world.passed_on == [1]


async def test_a_brokers_word_that_does_not_come_holds_no_day_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REPORT_SECONDS", 0.01)
    world = World("unknown")
    async with running(world):
        world.tell(snapshot(position()))
        world.minute(1)
        await world.until(lambda: world.settled_minutes == [1])


async def test_at_each_minute_it_has_its_say_once_and_before_the_others() -> None:
    world = World("accepted")
    async with running(world, by_watermark=True):
        world.tell(snapshot(protected()))
        world.minute(1)
        await world.until(lambda: world.passed_on == [1])
        world.tell(PositionsChanged(positions=(position(),)))
        await asyncio.sleep(0.01)
        assert world.asked == []
        world.minute(2)
        await world.until(lambda: world.passed_on == [1, 2])
    assert len(world.asked) == 1


async def test_a_gateway_that_starts_again_is_told_again_how_far_it_may_go_on() -> None:
    world = World("accepted")
    async with running(world, by_watermark=True):
        world.tell(snapshot(protected()))
        world.minute(1)
        await world.until(lambda: world.passed_on == [1])
        world.link(False, "it is gone")  # noqa: FBT003
        world.tell(snapshot(protected()))
        await world.until(lambda: world.passed_on == [1, 1])


async def test_what_was_taken_though_no_answer_came_is_not_asked_for_again() -> None:
    world = World(Unreachable("no answer"))
    async with running(world):
        world.tell(snapshot(position()))
        world.minute(1)
        await world.until(lambda: world.asked)
        (asked,) = world.asked
        assert isinstance(asked, Proposal)
        world.tell(OrderChanged(order=order(asked.id, proposal_id=asked.client_order_id)))
        await asyncio.sleep(2 * module.AGAIN_SECONDS)
    assert len(world.asked) == 1


async def test_an_order_that_is_refused_as_another_one_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.001)
    world = World(BadValue("used for another order"), "accepted")
    async with running(world) as acting:
        world.tell(snapshot(position()))
        world.minute(1)
        await world.until(lambda: len(world.asked) > 1)
        assert not acting.done()


async def test_an_entry_is_canceled() -> None:
    world = World("asked")
    entry = order("entry", agent="momentum", side=Side.BUY, effect="open", role="entry", proposal_id=None)
    leg = order("leg", agent="momentum", parent="entry", proposal_id=None)
    async with running(world):
        world.tell(snapshot(position(), orders=(entry, leg)))
        world.minute(2)
        await world.until(lambda: ("cancel", "asked") in world.counted)
    assert set(world.asked) == {"entry"}


async def test_best_prices_are_remembered_when_they_move_and_a_full_disk_stops_nothing() -> None:
    world = World("accepted")
    async with running(world):
        world.tell(snapshot(protected()))
        world.minute(2, 101)
        await world.until(lambda: world.settled_minutes == [2])
        world.minute(3, 101)
        await world.until(lambda: world.settled_minutes == [2, 3])
        world.disk_is_full = True
        world.minute(4, 102)
        await world.until(lambda: world.settled_minutes == [2, 3, 4])
    assert world.written == [{Tenancy(ALFA, 7): Decimal(101)}]


async def test_a_doubt_is_told_once_for_as_long_as_it_lasts() -> None:
    world = World("accepted")
    doubtful = position(exit_plan=None)
    with structlog.testing.capture_logs() as logs:
        async with running(world):
            world.tell(snapshot(doubtful))
            for number in (1, 2):
                world.minute(number)
                await world.until(lambda: number in world.settled_minutes)  # noqa: B023 - awaited here
            world.tell(PositionsChanged(positions=()))
            world.minute(3)
            await world.until(lambda: 3 in world.settled_minutes)
            world.tell(PositionsChanged(positions=(doubtful,)))
            world.minute(4)
            await world.until(lambda: 4 in world.settled_minutes)
    assert [each["symbol"] for each in logs if each["event"] == "doubt"] == [ALFA, ALFA]
    assert world.asked == []
    assert world.doubts == [[(ALFA, DoubtKind.PLAN)], [], [(ALFA, DoubtKind.PLAN)]]


async def test_what_stays_in_doubt_is_told_again_for_a_person_may_have_accepted_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "DOUBT_AGAIN_SECONDS", 0.01)
    world = World("accepted")
    with structlog.testing.capture_logs() as logs:
        async with running(world):
            world.tell(snapshot(position(exit_plan=None)))
            world.minute(1)
            await world.until(lambda: len(world.doubts) > 3)
            world.tell(PositionsChanged(positions=()))
            world.minute(2)
            await world.until(lambda: world.settled_minutes == [1, 2])
            told = len(world.doubts)
            await asyncio.sleep(3 * module.DOUBT_AGAIN_SECONDS)
    assert world.doubts == [*[[(ALFA, DoubtKind.PLAN)]] * (told - 1), []]
    assert [each["symbol"] for each in logs if each["event"] == "doubt"] == [ALFA]


async def test_what_the_one_before_doubted_is_over_where_this_one_does_not() -> None:
    world = World("accepted")
    async with running(world):
        world.tell(snapshot(protected()))
        world.minute(1)
        await world.until(lambda: world.settled_minutes == [1])
        world.minute(2)
        await world.until(lambda: world.settled_minutes == [1, 2])
    assert world.doubts == [[]]


async def test_a_doubt_that_got_no_answer_is_told_again_and_holds_the_market(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.001)
    world = World("accepted")
    world.doubt_replies = [Unreachable("no answer"), Unreachable("no answer")]
    with structlog.testing.capture_logs() as logs:
        async with running(world):
            world.tell(snapshot(position(exit_plan=None)))
            world.minute(1)
            await world.until(lambda: world.settled_minutes == [1])
    assert world.doubts == [[(ALFA, DoubtKind.PLAN)]] * 3
    assert [each["symbol"] for each in logs if each["event"] == "doubt"] == [ALFA]


async def test_with_too_many_doubts_for_a_message_everything_is_in_doubt() -> None:
    world = World("accepted")
    many = [position(symbol=f"S{number}", exit_plan=None) for number in range(DOUBTS_MAX + 1)]
    async with running(world):
        world.tell(snapshot(*many))
        world.minute(1)
        await world.until(lambda: world.settled_minutes == [1])
    assert world.doubts == [[("", DoubtKind.PLAN)]]


async def test_a_doubt_that_is_refused_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.001)
    world = World("accepted")
    world.doubt_replies = [BadValue("no such symbol")]
    async with running(world):
        world.tell(snapshot(position(exit_plan=None)))
        for number in (1, 2):
            world.minute(number)
            await world.until(lambda: number in world.settled_minutes)  # noqa: B023 - awaited here
    assert world.doubts == [[(ALFA, DoubtKind.PLAN)]]


async def test_what_is_refused_again_and_again_waits_for_its_time_and_is_doubted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.001)
    world = World(BadValue("stop_price: expected a multiple of 0.01"))
    async with running(world):
        world.tell(snapshot(position()))
        for number in (1, 2, 3):
            world.minute(number)
            await world.until(lambda: number in world.settled_minutes)  # noqa: B023 - awaited here
    assert len(world.asked) == 4
    assert world.doubts == [[], [(ALFA, DoubtKind.ORDER)]]


async def test_while_the_gateway_is_lost_nothing_is_asked_of_it_and_the_market_waits() -> None:
    world = World("accepted")
    async with running(world):
        world.tell(snapshot(protected()))
        world.minute(1)
        await world.until(lambda: world.settled_minutes == [1])
        world.link(False, "it is gone")  # noqa: FBT003
        world.say(bar(2, 80))
        world.say(watermark(2))
        await asyncio.sleep(0.01)
        assert (world.asked, world.settled_minutes) == ([], [1])
        world.tell(snapshot(position(), at=2))
        await world.until(lambda: world.settled_minutes == [1, 2])
    assert world.counted == [("close", "accepted")]


async def test_a_key_that_is_refused_ends_the_unit() -> None:
    world = World(ConfigurationError("expected it to know our key"))
    async with running(world) as acting:
        world.tell(snapshot(position()))
        world.minute(1)
        with pytest.raises(ConfigurationError):
            await acting
