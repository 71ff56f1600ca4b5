"""One world, played from its script: the same script gives the same world, to the last identifier.

Market, exchange, network, disk, gateways, agents and a person run in one loop on simulated time. When the
script is over nothing goes wrong any more, and what was left open has some minutes to be put right; then it
is judged as a whole.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import assert_never, cast

import structlog
from msgspec import Struct

from agenttrader.model.market import Bar, MarketEvent, Watermark
from agenttrader.model.times import Instant, rfc3339
from agenttrader.testing.builders import ACCOUNT
from agenttrader.testing.venue_calls import VenueCalls
from agenttrader.testing.worlds.agents import Agents
from agenttrader.testing.worlds.ear import Ear
from agenttrader.testing.worlds.ending import findings_at_the_end
from agenttrader.testing.worlds.faults import (
    Acts,
    DiskFails,
    FeedFails,
    ForgedStatement,
    GatewayDies,
    GatewayStops,
    Halts,
    HandTrades,
    Happening,
    Imposter,
    Kills,
    MishapHappens,
    RequestFails,
    SecondGateway,
    StreamFails,
    SwitchMoves,
    VenueDies,
    kind_of,
)
from agenttrader.testing.worlds.gateway import switch_path
from agenttrader.testing.worlds.hand import Hand
from agenttrader.testing.worlds.loop import SimulatedLoop
from agenttrader.testing.worlds.machines import Machines
from agenttrader.testing.worlds.market import LATE_SECONDS, Market
from agenttrader.testing.worlds.network import Network
from agenttrader.testing.worlds.person import LOOK_SECONDS, Person
from agenttrader.testing.worlds.script import BAR_SECONDS, CALM_BARS, Script
from agenttrader.testing.worlds.stage import START, rules_of, settings_of
from agenttrader.testing.worlds.vigil import Vigil
from agenttrader.testing.worlds.watch import Watch
from agenttrader.testing.worlds.witness import Witness

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
"""Where a world's store lies if there is such a place: a commit there is as durable as the world is."""
BEGIN_SECONDS = 0.5
"""How long after the gateway's start the market begins."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of a world. `findings` is empty unless a promise was broken.

    Two worlds with one `head`, which is the end of the gateway's journal, are the same.
    """

    seed: int
    head: str
    bars: int
    orders: int
    fills: int
    crashes: int
    happened: dict[str, int]
    looked: dict[str, int]
    findings: tuple[str, ...]
    trace: tuple[str, ...] = ()


def play(script: Script, *, with_trace: bool = False) -> Outcome:
    """The world of the script, from before the first open to after its end."""
    memory = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None

    async def whole() -> Outcome:
        return await _World(script, Path(), with_trace=with_trace).play()

    with (
        _in_silence(),
        TemporaryDirectory(prefix="world-", dir=memory) as folder,
        chdir(folder),  # Names of files stand on record, and are to be the same each time.
        asyncio.Runner(loop_factory=SimulatedLoop) as runner,
    ):
        return runner.run(whole())


@contextmanager
def _in_silence() -> Iterator[None]:
    """What the product logs is not read here."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


class _World:
    """The world while it is played; made inside of its loop."""

    def __init__(self, script: Script, folder: Path, *, with_trace: bool) -> None:
        self._script, self._folder = script, folder
        self._loop = cast("SimulatedLoop", asyncio.get_running_loop())
        self._trace: list[str] | None = [] if with_trace else None
        self._happened: Counter[str] = Counter()
        self._market = Market(script, self._chance("market"))
        witness = Witness(folder / "store" / f"{ACCOUNT}.sqlite")
        hand = Hand(switch_path(folder))
        self._watch = Watch(witness, hand, self._venue, self._loop.time, self._tell)
        self._watch.prices, self._watch.told_time = self._market.prices, START
        self._ear = Ear(self._venue)
        self._vigil = Vigil(self._watch, self._ear, self._venue)
        opening = VenueCalls(settings_of(script.minutes, script.volume_percent, script.habits))
        network = Network(opening, ACCOUNT, self._watch, self._chance("network"))
        rules = rules_of(script.minutes)
        self._machines = Machines(folder, rules, network, self._watch, self._ear, self._tell)
        self._agents = Agents(self._market.prices, self._tell)
        sessions = self._market.sessions
        self._person = Person(folder, hand, sessions, self._venue, self._tell, self._watch.find)

    async def play(self) -> Outcome:
        """Everything, and what came of it."""
        switch_path(self._folder).write_text("1\n")
        self._venue().hear(Watermark(time=START))
        self._ear.listen()
        self._machines.start_gateway()
        others = [self._loop.create_task(work) for work in (self._happen(), self._look_after())]
        await asyncio.sleep(BEGIN_SECONDS)
        for number, (time, bars, actions) in enumerate(self._market.minutes()):
            if number == self._script.bars - CALM_BARS:
                self._tell("— from here on nothing goes wrong")
                self._machines.calm_down()
            for action in actions:
                self._venue().befall(action)
                self._watch.is_disturbed = True
            self._pass_minute(time, bars)
            await asyncio.sleep(BAR_SECONDS)
            self._vigil.look(self._machines.gateway)
        for task in others:
            task.cancel()
        await asyncio.sleep(2 * BAR_SECONDS)
        return await self._judged()

    async def _judged(self) -> Outcome:
        gateway = await self._machines.come_to_rest()
        accepted = self._person.accepted
        for finding in findings_at_the_end(self._script, gateway, self._watch, self._venue(), accepted):
            self._watch.find(finding)
        head = gateway.session.engine.chain.head
        await self._machines.end(gateway)
        return Outcome(
            seed=self._script.seed,
            head=head,
            bars=self._script.bars,
            orders=len(self._watch.sent),
            fills=len(self._ear.heard),
            crashes=self._machines.crashes,
            happened=dict(sorted(self._happened.items())),
            looked=dict(sorted(self._watch.looked.items())),
            findings=tuple(self._watch.findings),
            trace=tuple(self._trace or ()),
        )

    # Time.

    def _pass_minute(self, time: Instant, bars: tuple[Bar, ...]) -> None:
        """A minute of the market is over: the exchange hears of it, and the gateway what its feed tells."""
        self._tell(f"— {rfc3339(time)}")
        self._watch.day = rfc3339(time)[:10]
        network, feed = self._machines.network, self._machines.feed
        if network.is_up and network.imposter is None:
            for bar in bars:
                network.venue.hear(bar)
            network.venue.hear(Watermark(time=time))
        told = feed.told(time, bars)
        if feed.suffers("late"):
            self._loop.call_later(LATE_SECONDS, self._let_hear, told)
        else:
            self._let_hear(told)

    def _let_hear(self, told: list[MarketEvent]) -> None:
        for event in told:
            match event:
                case Bar():
                    self._watch.told.setdefault(event.symbol, []).append((event.end, event.close))
                    self._watch.told_time = max(self._watch.told_time, event.end)
                case Watermark():
                    self._watch.told_time = max(self._watch.told_time, event.time)
                case _:
                    pass
        if self._machines.gateway is not None:
            self._machines.gateway.hear(*told)

    async def _happen(self) -> None:
        """The script, each thing at its time."""
        began = self._loop.time() + BEGIN_SECONDS
        for happening in self._script.happenings:
            await asyncio.sleep(max(0.0, began + happening.at_seconds - self._loop.time()))
            self._happened[kind_of(happening)] += 1
            if not isinstance(happening, Acts):
                self._tell(f"! {happening}")
            await self._bring_about(happening)

    async def _look_after(self) -> None:
        """The supervisor and the person look, again and again."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._machines.supervise()
            if self._machines.gateway is not None:
                await self._person.put_right(self._machines.gateway)

    # What happens.

    async def _bring_about(self, happening: Happening) -> None:  # noqa: C901, PLR0912 - one arm for each
        machines, gateway = self._machines, self._machines.trading
        match happening:
            case Acts():
                if gateway is not None:
                    self._agents.act(gateway, happening)
            case Halts():
                if gateway is not None:
                    await self._person.halt(gateway, happening)
            case ForgedStatement():
                if gateway is not None:
                    await self._person.forge(gateway, happening)
            case Kills():
                if gateway is not None:
                    self._person.fence_off(gateway)
            case SwitchMoves():
                self._person.move_switch(happening)
            case RequestFails():
                machines.network.faults.append((happening, happening.count))
            case StreamFails():
                machines.streams.befall(happening)
            case FeedFails():
                self._fail_feed(happening)
            case DiskFails():
                self._fail_disk(happening)
            case GatewayDies():
                machines.die_for(happening.seconds)
            case GatewayStops():
                await machines.stop_for(happening.seconds)
            case VenueDies():
                machines.kill_venue()
                self._loop.call_later(happening.seconds, machines.revive_venue)
            case Imposter():
                machines.impersonate(happening.seconds)
            case SecondGateway():
                machines.start_second()
            case MishapHappens():
                if (mishap := self._ear.mishap(happening)) is not None:
                    self._watch.is_disturbed = True
                    self._venue().befall(mishap)
            case HandTrades():
                self._trade_by_hand(happening)
            case _:
                assert_never(happening)

    def _fail_feed(self, fault: FeedFails) -> None:
        self._machines.feed.begin(fault)
        if fault.how == "down":
            self._machines.tell_feed(up=False)
            self._loop.call_later(fault.seconds, lambda: self._machines.tell_feed(up=True))

    def _fail_disk(self, fault: DiskFails) -> None:
        disk = self._machines.disk
        match fault.how:
            case "full":
                disk.is_full = True
                self._loop.call_later(fault.seconds, disk.make_room)
            case "slow":
                self._loop.slowness_seconds = fault.seconds
                self._loop.call_later(2 * fault.seconds, self._loop.hurry)
            case "late_error":
                disk.late_error_in = fault.writes
            case "cut_before" | "cut_after":
                disk.cut = lambda: self._machines.die_for(fault.seconds)
                if fault.how == "cut_before":
                    disk.cut_before_in = fault.writes
                else:
                    disk.cut_after_in = fault.writes
            case _:
                assert_never(fault.how)

    def _trade_by_hand(self, trades: HandTrades) -> None:
        self._watch.is_disturbed = True
        body = {
            "symbol": trades.symbol,
            "side": "buy" if trades.quantity > 0 else "sell",
            "qty": str(abs(trades.quantity)),
            "type": "market",
            "time_in_force": "day",
        }
        answer = self._venue().request(ACCOUNT, "POST", "v2/orders", body=json.dumps(body).encode())
        self._tell(f"by hand: {answer.status} {answer.beginning[:60]}")

    def _venue(self) -> VenueCalls:
        """The exchange as it runs now."""
        return self._machines.network.venue

    def _tell(self, sentence: str) -> None:
        if self._trace is not None:
            self._trace.append(f"{self._loop.time():8.3f} {sentence}")

    def _chance(self, whose: str) -> Random:
        """A stream of its own for everybody: what one does moves no other."""
        return Random(f"{self._script.seed} {whose}")  # noqa: S311 - a world that fails must be the same again
