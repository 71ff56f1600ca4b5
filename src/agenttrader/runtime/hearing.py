"""What a unit beside the gateway hears, in one inbox: market data, and the gateway's stream.

Both units that trade by what they hear, the strategy host and the exits unit, hear it so.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog
from msgspec import Struct

from agenttrader.model.errors import Unreachable
from agenttrader.model.market import MarketEvent
from agenttrader.model.orders import Proposal
from agenttrader.ports.feed import Feed
from agenttrader.protocols.native import AnswerBody, StreamMessage

INBOX_MAX = 100_000
"""Inputs that may wait; a unit that far behind cannot be trusted to act, and ends."""

logger = structlog.get_logger()


class GatewayLost(Struct, frozen=True):
    """The gateway's stream broke; nothing is decided until its next snapshot."""


Heard = MarketEvent | StreamMessage | GatewayLost


class Gateway(Protocol):
    """The gateway as its clients see it."""

    async def propose(self, proposal: Proposal) -> AnswerBody:
        """Its answer. Raises Unreachable where it gave none, BadValue where it refused the message."""
        ...

    async def follow(
        self, receive: Callable[[StreamMessage], None], link: Callable[[bool, str], None]
    ) -> None:
        """Deliver its stream until cancelled, each connection from a snapshot on; `link` hears of each."""
        ...


class Hearing:
    """The inbox of the unit called `who`: two pieces of work fill it, each until cancelled."""

    def __init__(self, who: str, feed: Feed, gateway: Gateway) -> None:
        self._who = who
        self._feed = feed
        self._gateway = gateway
        self._inbox: asyncio.Queue[Heard] = asyncio.Queue(INBOX_MAX)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self._inbox.empty()

    async def next(self) -> Heard:
        """The oldest that waits, as soon as there is any."""
        return await self._inbox.get()

    async def follow_market(self) -> None:
        """Take in market data. Raises Unreachable where the unit does not keep up."""
        await self._feed.follow(self._receive, _log_link("marketdata"))

    async def follow_gateway(self) -> None:
        """Take in the gateway's stream, and that it broke. Raises as `follow_market` does."""
        log = _log_link("gateway")

        def link(up: bool, reason: str) -> None:  # noqa: FBT001  the feed's port has this form too
            log(up, reason)
            if not up:
                self._receive(GatewayLost())

        await self._gateway.follow(self._receive, link)

    def _receive(self, heard: Heard) -> None:
        try:
            self._inbox.put_nowait(heard)
        except asyncio.QueueFull:
            raise Unreachable(
                f"{self._who}: expected to keep up, found {INBOX_MAX} messages waiting; start it again"
            ) from None


def _log_link(peer: str) -> Callable[[bool, str], None]:
    def log(up: bool, reason: str) -> None:  # noqa: FBT001  the feed's port has this form too
        logger.info("link_changed", link=peer, up=up, reason=reason)

    return log
