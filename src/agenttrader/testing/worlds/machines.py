"""The processes of a world: who starts, kills and supervises the gateway and the exchange."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

from agenttrader.model.errors import AgentTraderError, InboxFull, StoreError, StoreLocked
from agenttrader.runtime.rules import Rules
from agenttrader.testing.worlds.ear import Ear
from agenttrader.testing.worlds.gateway import Gateway
from agenttrader.testing.worlds.hand import REST_SECONDS
from agenttrader.testing.worlds.loop import SimulatedLoop
from agenttrader.testing.worlds.market import Feed
from agenttrader.testing.worlds.network import Network
from agenttrader.testing.worlds.store import Disk
from agenttrader.testing.worlds.streams import Streams
from agenttrader.testing.worlds.watch import Watch

IMPOSTER = "SIM-7"
_DARK_SECONDS = 0.5
"""How long nobody is at the broker's address before somebody else is."""
_COMPARED_SECONDS = 60.0


class Machines:
    """One gateway and one exchange, and what runs beside them."""

    def __init__(
        self,
        folder: Path,
        rules: Rules,
        network: Network,
        watch: Watch,
        ear: Ear,
        tell: Callable[[str], None],
    ) -> None:
        self.network, self.streams = network, Streams(network)
        self.disk, self.feed = Disk(), Feed()
        self.gateway: Gateway | None = None
        self.crashes = 0
        self.is_calm = False
        """Whether nothing may go wrong any more."""
        self._folder, self._rules, self._watch, self._ear, self._tell = folder, rules, watch, ear, tell
        self._loop = cast("SimulatedLoop", asyncio.get_running_loop())
        self._started = 0

    # The gateway.

    @property
    def trading(self) -> Gateway | None:
        """The gateway, where one runs that has begun."""
        found = self.gateway
        return found if found is not None and found.session.started.is_set() else None

    def start_gateway(self) -> None:
        """Start it, unless it runs."""
        if self.gateway is not None:
            return
        self._started += 1
        name = f"gateway {self._started}"
        try:
            self.gateway = Gateway(name, self._folder, self.disk, self._rules, self.streams)
        except StoreError as error:
            self._watch.find(f"{name} does not start: {error}")
            return
        self._tell(f"{name} starts")
        self.gateway.begin(self._watch.told_time, is_fed=self.feed.suffers("down") is None)

    def kill_gateway(self) -> None:
        """Kill it, where it runs."""
        gateway, self.gateway = self.gateway, None
        if gateway is None:
            return
        self._tell(f"{gateway.process.name} dies")
        self.crashes += 1
        self._watch.take_failures(gateway.process)
        gateway.die()
        self._forget_persons_word()

    def die_for(self, seconds: float) -> None:
        """Kill the gateway, and have somebody start it again."""
        self.kill_gateway()
        self._loop.call_later(seconds, self.start_gateway)

    async def stop_for(self, seconds: float) -> None:
        """Have the gateway stop in order, and somebody start it again."""
        gateway = self.gateway
        if gateway is None:
            return
        self._tell(f"{gateway.process.name} stops")
        self._watch.take_failures(gateway.process)
        if gateway.session.started.is_set() and not gateway.session.failure:
            await gateway.stop()
            self._watch.looked["stopped in order"] += 1
        else:
            gateway.die()
        if self.gateway is gateway:
            self.gateway = None
            self._forget_persons_word()
        self._loop.call_later(seconds, self.start_gateway)

    def _forget_persons_word(self) -> None:
        """What persons let one process do they did not let the next one do."""
        self._watch.hand.close_window(self._loop.time())
        self._watch.hand.fenced = None
        self._watch.read_news()

    def supervise(self) -> None:
        """Start again what ended by itself because it could not record its start, and what was fenced off."""
        gateway, fenced = self.gateway, self._watch.hand.fenced
        if fenced is not None and self._loop.time() - fenced[1] > REST_SECONDS:
            self.kill_gateway()
            self.start_gateway()
            return
        if gateway is None or gateway.session.started.is_set():
            return
        if any(isinstance(error, StoreError) for error in gateway.process.failures):
            gateway.process.failures.clear()
            self.kill_gateway()
            self.start_gateway()

    def start_second(self) -> None:
        """Another one on the same store: the store must refuse it."""
        if self.gateway is None:
            return
        self._watch.looked["one writer"] += 1
        try:
            second = Gateway("second", self._folder, self.disk, self._rules, self.streams)
        except StoreLocked as error:
            self._tell(f"second gateway: {error}")
            return
        self._watch.find("a second gateway was let in to the store")
        second.die()

    def tell_feed(self, *, up: bool) -> None:
        """The market data come, or not; where they are to stay away longer, nobody says that they come."""
        if self.gateway is not None and (not up or self.feed.suffers("down") is None):
            with suppress(InboxFull):
                self.gateway.links.marketdata(up=up, reason="the feed")

    async def come_to_rest(self) -> Gateway:
        """Compare the books a last time; the gateway that runs."""
        gateway = self.gateway
        assert gateway is not None, "somebody starts it again before the end"

        async def compare() -> None:
            with suppress(AgentTraderError):
                await gateway.desk.reconcile()

        if not gateway.session.failure:
            await asyncio.wait({gateway.process.spawn(compare())}, timeout=_COMPARED_SECONDS)
        return gateway

    async def end(self, gateway: Gateway) -> None:
        """All of it is over; what runs is let go of."""
        gateway.die()
        self._watch.witness.close()
        await asyncio.sleep(0)

    # The exchange.

    def kill_venue(self) -> None:
        """Nobody is at the broker's address."""
        self.network.is_up, self.network.imposter = False, None
        self.network.generation += 1
        self.streams.break_off()

    def revive_venue(self) -> None:
        """The exchange is back, on its log."""
        if self.network.is_up and self.network.imposter is None:
            return
        self.kill_venue()
        self._ear.catch_up()
        self.network.venue = self.network.venue.restarted()
        self._ear.listen()
        self.network.is_up = True

    def impersonate(self, seconds: float) -> None:
        """Somebody else comes up at the broker's address, for so long."""

        def come() -> None:
            if not self.network.is_up and not self.is_calm:
                self.network.is_up, self.network.imposter = True, IMPOSTER

        self.kill_venue()
        self._loop.call_later(_DARK_SECONDS, come)
        self._loop.call_later(_DARK_SECONDS + seconds, self.revive_venue)

    # Rest.

    def calm_down(self) -> None:
        """Nothing goes wrong any more; what is down comes up."""
        self.is_calm = True
        self.disk.heal()
        self._loop.slowness_seconds = 0.0
        self.network.faults.clear()
        self.streams.faults.clear()
        self.feed.faults.clear()
        self.revive_venue()
        if self._watch.hand.fenced is not None:
            self.kill_gateway()
        self.start_gateway()
        self.tell_feed(up=True)
