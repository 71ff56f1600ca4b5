"""One gateway process of a world: engine, session, dispatcher, adapter and desk, all the product's own.

Only its surroundings are doubles: the loop, the wire, the disk below the store. It is made from the store
each time it starts, as the product's is.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from agenttrader.adapters.alpaca.broker import AlpacaBroker, Patience
from agenttrader.adapters.clocks import MonotonicClock, WatermarkClock
from agenttrader.adapters.fence import FenceSwitch, fence_path, read_fence
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.adapters.journal_snapshots import maker_of
from agenttrader.adapters.persons import verify
from agenttrader.adapters.side_journal import read_side_journals
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.gateway.comparing import Comparing
from agenttrader.app.gateway.desk import Desk
from agenttrader.app.gateway.shutdown import Shutdown
from agenttrader.app.gateway.stream import Stream
from agenttrader.app.gateway.telling import HaltsHeard, Links
from agenttrader.app.sections import ExitFractions
from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.errors import InboxFull, StoreError
from agenttrader.model.market import MarketEvent, Watermark
from agenttrader.model.times import Instant
from agenttrader.ports.clock import MarketClock
from agenttrader.ports.fence import epoch_above
from agenttrader.ports.halt_switch import HaltSwitch
from agenttrader.protocols.alpaca_surroundings import Surroundings
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inbox import ArrivalInbox
from agenttrader.runtime.inputs import Input
from agenttrader.runtime.meanwhile import meanwhile
from agenttrader.runtime.recovery import Reconciler
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.session import Session
from agenttrader.runtime.starting import Folding
from agenttrader.testing.builders import ACCOUNT, CHARLY, MULTIPLIERS, OTHER_AGENT, SWITCH, segment
from agenttrader.testing.small_gateway import bot
from agenttrader.testing.worlds.loop import Process
from agenttrader.testing.worlds.network import ADDRESS, ANSWER_SECONDS, Client, WorldConnection
from agenttrader.testing.worlds.stage import PERSONS
from agenttrader.testing.worlds.store import Disk, WorldJournal
from agenttrader.testing.worlds.streams import Streams

SWITCH_SECONDS = 0.5
"""How often the wired switches are read."""
COMPARE_SECONDS = 300
"""How often the books are compared, by the market's clock."""
ANSWER_WAIT_SECONDS = 0.5
SHUTDOWN_SECONDS = 2.0
KEEP_AFTER_RECORDS = 40
"""A fold is kept, and started from, as soon as there is anything to it."""
MADE_BY = maker_of(MULTIPLIERS)
CREDENTIAL = Credential(key_id="world-key", secret=Secret("a world's secret"))
_BOT = bot(
    CHARLY,
    exit_plan=ExitFractions(stop=Decimal("0.03"), target=Decimal("0.04")),
    dedupe_window_seconds=600,
)


def switch_path(folder: Path) -> Path:
    """The file of the halt switch."""
    return folder / "EXECUTION_HALTED"


def fence_of(folder: Path) -> Path:
    """The file of the fence."""
    return fence_path(folder / "heads", ACCOUNT)


class Gateway:
    """A gateway on the store in `folder`. Raises StoreLocked where another has it, StoreError and its kin."""

    def __init__(self, name: str, folder: Path, disk: Disk, rules: Rules, streams: Streams) -> None:
        self.process = Process(name)
        self.journal = WorldJournal(folder, disk)
        self._rules, self._folder = rules, folder
        self._folding = Folding(self.journal, MULTIPLIERS, MADE_BY, MonotonicClock(), KEEP_AFTER_RECORDS)
        self._shutdown = Shutdown(SHUTDOWN_SECONDS, cancels=True)
        engine, fence = self._folded(), read_fence(fence_of(folder))
        epoch = epoch_above(engine.state.segment.epoch if engine.state.segment else 0, fence)
        self.switch = FileHalt(switch_path(folder), SWITCH)
        switches: Sequence[HaltSwitch] = (FenceSwitch(fence_of(folder), epoch), self.switch)
        looked_at = (self._shutdown, *switches)
        clock, resync = WatermarkClock(), asyncio.Event()
        self._broker = self._broker_of(streams, clock)
        self.session = Session(
            engine=engine,
            segment=lambda _: segment(epoch),
            refold=self._folded,
            journal=self.journal,
            dispatcher=Dispatcher(self._broker, looked_at, lambda said: self.halts.hear(said)),  # noqa: PLW0108 - made below
            clock=clock,
            inbox=ArrivalInbox[Input](),
            capacity=500,
            batch_max=64,
            resync=resync.set,
            meanwhile=lambda state: meanwhile(state, fence, read_side_journals(folder / "heads", ACCOUNT)),
        )
        self.links, self.halts = Links(self.session, resync), HaltsHeard(self.session)
        self._comparing = Comparing(
            self.session,
            Reconciler(self.session, self._broker, ACCOUNT),
            resync,
            COMPARE_SECONDS,
            lambda *_: None,
        )
        self.desk = Desk(
            session=self.session,
            stream=Stream(self.session),
            comparing=self._comparing,
            switches=switches,
            verify=lambda envelope: verify(envelope, PERSONS),
            answer_wait_seconds=ANSWER_WAIT_SECONDS,
        )
        self._work: list[asyncio.Task[None]] = []
        self.alpaca = AlpacaDesk(self.desk, AlpacaUpdates(self.session), {OTHER_AGENT: _BOT})

    def begin(self, now: Instant, *, is_fed: bool) -> None:
        """Run; `now` is the market's time, and `is_fed` whether the market data are connected."""
        self.hear(Watermark(time=now))
        if is_fed:
            self.links.marketdata(up=True, reason="connected")
        for work in (self.session.run, self._broker.run, self._comparing.follow, self._watch_switches):
            self._work.append(self.process.spawn(work()))

    def hear(self, *events: MarketEvent) -> None:
        """What the market data tell; where no more is taken in, it is lost."""
        with suppress(InboxFull):
            for event in events:
                self.session.market(event)

    def die(self) -> None:
        """Be killed."""
        self.process.kill()
        self.journal.abandon()

    async def stop(self) -> None:
        """Be told to stop, and do so in order: as the role does."""
        await self._shutdown.run(self.session)
        for task in self._work:
            task.cancel()
        await asyncio.wait(self._work)
        await self.session.stop("the process stopped")
        if not self.session.failure:
            self._folding.keep(self.session.engine.state, self.session.engine.chain)
        self.process.kill()
        self.journal.close()

    @property
    def epoch(self) -> int:
        """This process's, once its segment is on record."""
        segment = self.session.engine.state.segment
        return 0 if segment is None else segment.epoch

    def _folded(self) -> Engine:
        return Engine(self._rules, *self._folding.start())

    def _broker_of(self, streams: Streams, clock: MarketClock) -> AlpacaBroker:
        client = Client(streams.network, streams.connect)
        return AlpacaBroker(
            address=lambda: ADDRESS,
            credential=CREDENTIAL,
            account=ACCOUNT,
            surroundings=Surroundings.SIMULATED,
            clock=clock,
            emit=lambda said: self.session.broker(said),  # noqa: PLW0108 - the session is made of the broker
            link=lambda up, reason: self.links.broker(up=up, reason=reason),
            patience=Patience(answer_seconds=ANSWER_SECONDS, requests_per_minute_max=None),
            connection=lambda **given: WorldConnection(client, **given),
        )

    async def _watch_switches(self) -> None:
        await self.session.started.wait()
        while True:
            self.halts.tell()
            with suppress(StoreError):
                await self.desk.read_switches()
            await asyncio.sleep(SWITCH_SECONDS)
