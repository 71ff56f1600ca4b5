"""The journal's disk fills up under load: new risk stops with a clear word; nothing is lost or made up."""

import asyncio
import resource
import secrets
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.gateway_client import GatewayClient
from agenttrader.adapters.operator_client import OperatorClient
from agenttrader.app.demo.operator import Operator, patiently
from agenttrader.app.demo.report import Compared
from agenttrader.app.demo.setup import VISITOR, Run, Wish, prepare
from agenttrader.app.demo.wiring import maker, now
from agenttrader.model.errors import AgentTraderError
from agenttrader.model.identifiers import StrategyName, Symbol, derive_order_id, derive_proposed_id
from agenttrader.model.market import Bar, MarketEvent, Watermark
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import MINUTE, Instant

PROGRAM = Path(sys.executable).with_name("agenttrader")
FILE_BYTES_MAX = 300_000
"""Room for about a hundred decisions in the journal's write-ahead log."""


class Roles:
    """The processes of a run, the gateway's files limited in size where asked."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.announcements = Announcements(run.folder / run.configuration.peers.announcements)

    def start(self, role: str, *, file_bytes_max: int | None = None) -> None:
        # Its log is far smaller than the limit, so the limit does not meet it.
        with (self.run.folder / f"{role}.log").open("ab") as log:
            self.processes[role] = subprocess.Popen(
                [PROGRAM, "run", role, "--config", self.run.path],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if file_bytes_max is not None:
            limits = (file_bytes_max, file_bytes_max)
            resource.prlimit(self.processes[role].pid, resource.RLIMIT_FSIZE, limits)

    def url(self, role: str) -> str | None:
        found = self.announcements.get(role)
        return None if found is None else found.url

    def stop(self, role: str) -> None:
        process = self.processes.pop(role)
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture
def roles(tmp_path: Path) -> Iterator[Roles]:
    found = Roles(prepare(tmp_path, Wish(speed="max"), maker(), now()))
    yield found
    for role in list(found.processes):
        found.stop(role)


class Market:
    """The market as the test hears it; it holds the pace for both participants, minute by minute."""

    def __init__(self, roles: Roles) -> None:
        run = roles.run
        self.time: Instant | None = None
        self.moved = asyncio.Event()
        self.prices: dict[Symbol, Decimal] = {}
        self.feeds = [
            AlpacaFeed(
                address=self._address(roles),
                feed=run.configuration.marketdata.source,
                credential=run.market,
                symbols=run.configuration.marketdata.symbols,
                extended=True,
                participant=participant,
            )
            for participant in run.configuration.marketdata.barrier
        ]
        self.tasks = [asyncio.create_task(feed.follow(self._hear, lambda *_: None)) for feed in self.feeds]

    @staticmethod
    def _address(roles: Roles) -> Callable[[], Awaitable[str]]:
        async def address() -> str:
            return (await roles.announcements.find("marketdata", 5)).url

        return address

    def _hear(self, event: MarketEvent) -> None:
        if isinstance(event, Watermark):
            self.time = event.time
            self.moved.set()
        elif isinstance(event, Bar):
            self.prices[event.symbol] = event.close

    async def minute(self) -> Instant:
        """Let the next minute happen."""
        async with asyncio.timeout(10):
            while (before := self.time) is None:
                await self._move()
            for feed in self.feeds:
                await feed.settled(before)
            while (after := self.time) is None or after == before:
                await self._move()
        return after

    async def _move(self) -> None:
        await self.moved.wait()
        self.moved.clear()


def entry(run: Run, number: int, price: Decimal, time: Instant) -> Proposal:
    name = derive_order_id("full disk", number)
    return Proposal(
        id=derive_proposed_id(VISITOR, name),
        client_order_id=name,
        agent=VISITOR,
        strategy=StrategyName(""),
        legs=(Leg(run.visited),),
        side=Side.BUY,
        quantity=Decimal(10),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        effect=Effect.OPEN,
        reason="load",
        decision_price=price,
        decision_time=time,
        correlation_id=f"load-{number}",
        exit_plan=ExitPlan(
            stop=(price * Decimal("0.9")).quantize(Decimal("0.01")),
            target=(price * Decimal("1.2")).quantize(Decimal("0.01")),
        ),
    )


async def test_new_risk_stops_and_the_fold_equals_the_venue(roles: Roles) -> None:
    run = roles.run
    roles.start("marketdata")
    roles.start("venue")
    roles.start("gateway", file_bytes_max=FILE_BYTES_MAX)
    visitor = GatewayClient(lambda: roles.url("gateway"), run.visitor, answer_seconds=10)
    async with OperatorClient(lambda: roles.url("gateway"), run.operator) as calls:
        operator = Operator(calls, run.person, now, lambda: secrets.token_hex(8))
        market = Market(roles)
        try:
            await compared(operator)
            await operator.open_window(run.session.open, Instant(run.session.close + MINUTE), "a full disk")
            time = await market.minute()
            sentence, states = await load(run, visitor, market, time)
            assert "disk I/O error" in sentence
            assert "nothing new is decided" in sentence
            assert "accepted" in states, f"expected orders before the disk was full, found {set(states)}"
            # What the broker fills now cannot be recorded; it is asked for after the restart.
            await market.minute()
            await market.minute()

            roles.stop("gateway")
            roles.start("gateway")
            found = await compared(operator)
            assert found.breaks == ()
            assert (await operator.status()).trading.state == "halted"
            snapshot = await patiently(visitor.snapshot)
            held = sum(position.quantity for position in snapshot.positions)
            filled = sum(order.filled_quantity for order in snapshot.orders if order.effect is Effect.OPEN)
            assert held == filled > 0
        finally:
            for task in market.tasks:
                task.cancel()
            await visitor.close()


async def load(run: Run, visitor: GatewayClient, market: Market, time: Instant) -> tuple[str, list[str]]:
    """Orders until the gateway says that it cannot write; that sentence, and the states of those before."""
    states: list[str] = []
    for number in range(2_000):
        if number % 10 == 0:
            time = await market.minute()
        try:
            answer = await visitor.propose(entry(run, number, market.prices[run.visited], time))
        except AgentTraderError as error:
            return str(error), states
        states.append(answer.state)
    raise AssertionError("the disk never filled up")


async def compared(operator: Operator) -> Compared:
    """A comparison of the gateway that runs now, once it is ready for one."""
    async with asyncio.timeout(30):
        while True:
            found = await operator.compare()
            if not found.failure:
                return found
            await asyncio.sleep(0.2)
