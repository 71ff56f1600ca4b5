"""The shell against a feed and a gateway in memory, with time limits that tests can wait for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.indicators.compiled import Compiled
from agenttrader.model.errors import BadValue, ConfigurationError, StoreError, Unreachable
from agenttrader.model.identifiers import AgentName, StrategyName, Symbol
from agenttrader.model.instruments import Equity
from agenttrader.model.market import Bar, MarketEvent, Watermark
from agenttrader.model.orders import Proposal
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, rfc3339
from agenttrader.protocols.native import (
    AccountBody,
    AnswerBody,
    DecisionBody,
    OrderBody,
    OrderChanged,
    Snapshot,
    StreamMessage,
    TradingBody,
    WatermarkReached,
)
from agenttrader.runtime import strategy_shell as module
from agenttrader.runtime.strategy_host import InboxPolicy, StrategyHost
from agenttrader.runtime.strategy_shell import StrategyShell
from agenttrader.strategies.contract import Strategy, flat, when
from agenttrader.strategies.expressions import close
from agenttrader.strategies.hosted import Hosted
from agenttrader.strategies.memory import Memory
from agenttrader.strategies.ticket import Ticket

D = Decimal
AGENT = AgentName("mo")
SESSION = Session(date="2026-11-20", open=Instant(0), close=Instant(390 * MINUTE))
ACCOUNT = AccountBody(
    equity=D(0),
    cash=D(0),
    realised=D(0),
    unrealised=D(0),
    fees=D(0),
    gross_exposure=D(0),
    dead_machine_loss=D(0),
)
TRADING = TradingBody(state="active", reasons=(), mode="paper")


class Above(Strategy):
    """Buys above 100."""

    @when(close > 100, flat)
    def enter(self, order: Ticket) -> Proposal | None:
        return order.buy(D(1), "above")


def body(proposal: Proposal, state: str) -> OrderBody:
    return OrderBody(
        id=proposal.id,
        agent=AGENT,
        strategy=proposal.strategy,
        symbol=proposal.symbol,
        side=proposal.side,
        type=proposal.type,
        effect=proposal.effect,
        role="entry",
        quantity=proposal.quantity,
        filled_quantity=D(0),
        state=state,
        reason=proposal.reason,
        time=rfc3339(proposal.decision_time),
    )


class Peer:
    """A gateway and a feed: each proposal is met with the next of `replies`, a state or an error."""

    def __init__(self, *replies: str | Exception) -> None:
        self.replies = list(replies)
        self.proposals: list[Proposal] = []
        self.settled_times: list[int] = []
        self.written: list[Memory] = []
        self.disk_is_full = False
        self.say: Callable[[Any], None]
        self.tell: Callable[[StreamMessage], None]
        self.stream_link: Callable[[bool, str], None]
        self.following = asyncio.Event()
        self._moved = asyncio.Event()

    async def propose(self, proposal: Proposal) -> AnswerBody:
        self.proposals.append(proposal)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        decision = DecisionBody(code="approved", sentence="", checks=())
        return AnswerBody(order=body(proposal, reply), state=reply, decision=decision)

    def write(self, memory: Memory) -> None:
        """The disk's."""
        if self.disk_is_full:
            raise StoreError("no space left")
        self.written.append(memory)

    async def settled(self, time: Instant) -> None:
        self.settled_times.append(time // MINUTE)
        self._moved.set()

    async def until_settled(self, minute: int) -> None:
        async with asyncio.timeout(5):
            while minute not in self.settled_times:
                self._moved.clear()
                await self._moved.wait()

    def minute(self, minute: int, price: int | None = None) -> None:
        """One minute from both sides."""
        time = Instant(minute * MINUTE)
        if price is not None:
            value = D(price)
            self.say(
                Bar(
                    symbol=Symbol("ALFA"),
                    start=Instant(time - MINUTE),
                    interval=MINUTE,
                    open=value,
                    high=value,
                    low=value,
                    close=value,
                    volume=D(1),
                )
            )
        self.say(Watermark(time=time))
        self.tell(WatermarkReached(time=rfc3339(time)))

    async def follow(self, receive: Callable[[Any], None], link: Callable[[bool, str], None]) -> None:
        """The gateway's stream."""
        self.tell, self.stream_link = receive, link
        link(True, "open")  # noqa: FBT003
        receive(Snapshot(watermark=None, orders=(), positions=(), account=ACCOUNT, trading=TRADING))
        self.following.set()
        await asyncio.Event().wait()


class Feed:
    """The market data side of a peer."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    async def follow(self, receive: Callable[[MarketEvent], None], link: Callable[[bool, str], None]) -> None:
        self.peer.say = receive
        link(True, "open")  # noqa: FBT003
        await asyncio.Event().wait()

    async def settled(self, time: Instant) -> None:
        await self.peer.settled(time)


@asynccontextmanager
async def running(
    peer: Peer, compiled: Compiled, counted: list[str] | None = None
) -> AsyncIterator[list[asyncio.Task[None]]]:
    hosted = Hosted(
        Above,
        {},
        agent=AGENT,
        name=StrategyName("above"),
        instrument=Equity(symbol=Symbol("ALFA"), tick=D("0.01"), lot=D(1)),
        session=SESSION,
        compiled=compiled,
    )
    host = StrategyHost({Symbol("ALFA"): hosted}, agent=AGENT, session=SESSION, policy=InboxPolicy.WATERMARK)
    count = (lambda _: None) if counted is None else counted.append
    shell = StrategyShell(host, Feed(peer), peer, peer, count=count)
    works = (shell.hearing.follow_market, shell.hearing.follow_gateway, shell.act)
    tasks = [asyncio.create_task(work()) for work in works]
    await peer.following.wait()
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Unreachable, ConfigurationError):
                await task


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)


async def test_it_proposes_and_settles(compiled: Compiled) -> None:
    peer, counted = Peer("accepted"), []  # type: tuple[Peer, list[str]]
    async with running(peer, compiled, counted):
        peer.minute(0)
        await peer.until_settled(0)
        peer.minute(1, 101)
        await peer.until_settled(1)
    assert [it.reason for it in peer.proposals] == ["above"]
    assert counted == ["accepted"]


async def test_what_is_to_be_proposed_is_written_first_and_that_it_was_afterwards(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Peer("accepted")
    seen: list[int] = []
    propose = peer.propose

    async def look(proposal: Proposal) -> AnswerBody:
        seen.append(len(peer.written[-1].pending))
        return await propose(proposal)

    monkeypatch.setattr(peer, "propose", look)
    async with running(peer, compiled):
        peer.minute(1, 101)
        await peer.until_settled(1)
    assert seen == [1]
    assert [len(memory.pending) for memory in peer.written] == [1, 0]
    assert {memory.stepped for memory in peer.written} == {Instant(MINUTE)}


async def test_no_entry_leaves_that_could_not_be_written(compiled: Compiled) -> None:
    peer, counted = Peer("accepted"), []  # type: tuple[Peer, list[str]]
    peer.disk_is_full = True
    async with running(peer, compiled, counted):
        peer.minute(1, 101)
        await peer.until_settled(1)
        assert peer.proposals == []
        peer.disk_is_full = False
        peer.minute(2, 101)
        await peer.until_settled(2)
    assert len(peer.proposals) == 1
    assert counted == ["unwritten", "accepted"]


async def test_silence_is_met_with_the_same_proposal_again(compiled: Compiled) -> None:
    peer = Peer(Unreachable("no answer"), Unreachable("no answer"), "denied")
    async with running(peer, compiled):
        peer.minute(1, 101)
        await peer.until_settled(1)
    assert len(peer.proposals) == 3
    assert len(set(peer.proposals)) == 1


async def test_silence_has_an_end(compiled: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    peer, counted = Peer(Unreachable("no answer")), []  # type: tuple[Peer, list[str]]
    async with running(peer, compiled, counted):
        peer.minute(1, 101)
        await peer.until_settled(1)
    assert len(peer.proposals) > 1
    assert counted == ["given_up"]


async def test_a_message_that_is_refused_is_not_sent_again(compiled: Compiled) -> None:
    peer = Peer(BadValue("quantity: expected more"))
    async with running(peer, compiled):
        peer.minute(1, 101)
        await peer.until_settled(1)
    assert len(peer.proposals) == 1


async def test_a_report_is_waited_for(compiled: Compiled) -> None:
    peer = Peer("sending")
    async with running(peer, compiled):
        peer.minute(1, 101)
        await asyncio.sleep(0.05)
        assert peer.settled_times == []
        peer.tell(OrderChanged(order=body(peer.proposals[0], "accepted")))
        await peer.until_settled(1)


async def test_a_report_that_does_not_come_is_given_up(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPORT_SECONDS", 0.05)
    peer, counted = Peer("sending"), []  # type: tuple[Peer, list[str]]
    async with running(peer, compiled, counted):
        peer.minute(1, 101)
        await asyncio.sleep(0.02)
        peer.tell(OrderChanged(order=body(peer.proposals[0], "sending")))
        await peer.until_settled(1)
    assert counted == ["sending", "given_up"]


async def test_nothing_is_decided_while_the_gateway_is_lost(compiled: Compiled) -> None:
    peer = Peer("accepted")
    async with running(peer, compiled):
        peer.minute(0)
        await peer.until_settled(0)
        peer.stream_link(False, "it broke")  # noqa: FBT003
        peer.minute(1, 101)
        await asyncio.sleep(0.05)
        assert peer.proposals == []
        peer.tell(
            Snapshot(
                watermark=rfc3339(Instant(MINUTE)), orders=(), positions=(), account=ACCOUNT, trading=TRADING
            )
        )
        await peer.until_settled(1)
    assert len(peer.proposals) == 1


async def test_a_key_that_is_refused_ends_the_work(compiled: Compiled) -> None:
    peer = Peer(ConfigurationError("the key"))
    async with running(peer, compiled) as (_, __, act):
        peer.minute(1, 101)
        with pytest.raises(ConfigurationError, match="the key"):
            await asyncio.wait_for(asyncio.shield(act), 5)
