"""A gateway at the simulated exchange, over real sockets, and the one market that both hear."""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import VenueKey
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.identifiers import OrderId
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.orders import OrderState, Proposal
from agenttrader.model.times import MINUTE, Instant
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.inputs import CancelAsked
from agenttrader.runtime.rules import Rules
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing
from agenttrader.testing.builders import ACCOUNT, ALFA, CASH, CLOSE, DAY, FEES, OPEN, proposal
from agenttrader.testing.gateway_at_venue import GatewayAtVenue
from agenttrader.testing.serving import serving

S = OrderState
Face = Callable[[Desk, Mapping[str, VenueKey]], Any]
"""What makes the venue's application."""
SETTINGS = Settings(
    start=OPEN,
    listings=(Listing(symbol=ALFA, tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name=ACCOUNT, cash=CASH, shorting=False),),
    sessions=(
        Session(date="2026-11-20", open=OPEN, close=CLOSE),
        Session(date="2026-11-23", open=Instant(OPEN + 3 * DAY), close=Instant(CLOSE + 3 * DAY)),
    ),
    fees=FeeSchedule(sec_rate=FEES.sec_rate, taf_rate=FEES.taf_rate, taf_cap=FEES.taf_cap),
    market_reserve_percent=3,
    volume_percent=10,
)
KEYS = {"KEY": VenueKey(secret_sha256=hashlib.sha256(b"SECRET").hexdigest(), account=ACCOUNT)}


class _NoLog:
    """A log that nobody reads again."""

    def read(self) -> Iterator[bytes]:
        """Nothing."""
        return iter(())

    def append(self, entry: bytes) -> None:
        """Take it, and forget it."""


class World:
    """A gateway at a venue, and the one market that both hear."""

    def __init__(self, desk: Desk, gateway: GatewayAtVenue) -> None:
        self.desk = desk
        self.gateway = gateway
        self._minute = 0

    def trade(self, price: int = 100, volume: int = 100_000) -> None:
        """A minute of the market at one price."""
        start = Instant(OPEN + self._minute * MINUTE)
        self._minute += 1
        prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(price))
        bar = Bar(symbol=ALFA, start=start, interval=MINUTE, volume=Decimal(volume), **prices)
        for said in (bar, Watermark(time=bar.end)):
            self.gateway.hear(said)
            self.desk.hear(said)

    async def hold_bare(self) -> None:
        """10 ALFA, bought at 100, whose bracket a person has ended."""
        entry = proposal(1)
        await self.gateway.propose(entry)
        await self.gateway.until(lambda: self.gateway.state(entry.id) is S.ACCEPTED)
        self.trade()
        await self.gateway.until(lambda: self.gateway.position(ALFA) == entry.quantity)
        order = self.gateway.order(entry.id)
        await self.gateway.session.ask(CancelAsked(order.protection[0].id, by="ada", reason="test"))
        await self.gateway.until(lambda: all(leg.state is S.CANCELED for leg in order.protection))

    async def rest(self, exit_: Proposal) -> Order:
        """The exit rests at the venue."""
        await self.gateway.propose(exit_)
        order = self.gateway.order(exit_.id)
        assert order.denied_by is None
        await self.gateway.until(lambda: all(each.state is S.ACCEPTED for each in order.pair))
        await self.agree()
        return order

    async def ended(self, order: Order, *states: OrderState) -> None:
        """Its pair has ended so, the order first."""
        await self.gateway.until(lambda: tuple(each.state for each in order.pair) == states)

    async def agree(self) -> None:
        """Nothing is left between the book and the venue."""
        compared = await self.gateway.compare()
        assert (compared.breaks, compared.failure) == ((), "")

    def refusal(self, order_id: OrderId) -> str:
        """Why the agent may not cancel it."""
        step = self.gateway.session.engine.handle(
            CancelAsked(order_id, "agent", "enough", self.gateway.order(order_id).agent), OPEN
        )
        return step.refusal


@contextlib.asynccontextmanager
async def venue_world(face: Face, made: Rules | None = None, **settings: Any) -> AsyncIterator[World]:
    """The world behind the venue's `face`, a minute into the day, the gateway by the rules `made`.

    `settings` of the venue are other than usual.
    """
    desk = Desk(replace(SETTINGS, **settings), _NoLog())
    async with serving(face(desk, KEYS)) as address:
        credential = Credential(key_id="KEY", secret=Secret("SECRET"))
        gateway = GatewayAtVenue(lambda: f"http://{address}", credential, made=made)
        world = World(desk, gateway)
        try:
            await gateway.open()
            world.trade()
            yield world
        finally:
            await gateway.close()
