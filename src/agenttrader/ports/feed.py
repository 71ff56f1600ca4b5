"""Market data in, from one source."""

from collections.abc import Callable
from typing import Protocol

from agenttrader.model.market import MarketEvent
from agenttrader.model.times import Instant


class Feed(Protocol):
    """A subscription to bars, statuses and watermarks of the symbols that it was made for."""

    async def follow(self, receive: Callable[[MarketEvent], None], link: Callable[[bool, str], None]) -> None:
        """Deliver every event in the source's order until cancelled.

        After a broken connection it connects again and goes on after the last watermark it delivered;
        `link(up, reason)` is told of each change. Events may be delivered twice around a reconnect, never
        left out.
        """
        ...

    async def settled(self, time: Instant) -> None:
        """Tell a paced source that everything up to `time` has been acted on, so that it may go on."""
        ...
