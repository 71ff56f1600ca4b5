"""One connection to Alpaca's `trade_updates`, whoever serves it: whose it is, and what waits for it."""

import asyncio
from collections.abc import Callable, Iterable

from agenttrader.protocols.alpaca_trade_updates import Listening, encode_stream

QUEUE_MAX = 4_096
"""Messages that may wait for one listener: more than a day's orders of a busy bot."""


class TradeListener:
    """One connection; `None` in its queue ends it.

    `owner` is the account or agent whose orders it hears of; None before it has said who it is.
    """

    def __init__(self, queue_max: int = QUEUE_MAX) -> None:
        self.owner: str | None = None
        self._identify: Callable[[], str | None] = lambda: None
        self.streams: frozenset[str] = frozenset()
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(queue_max + 1)
        self.has_ended = False

    def enter(self, identify: Callable[[], str | None]) -> None:
        """Be who it said, as `identify` knows. What it listened to before it listens to no more."""
        self._identify = identify
        self.owner, self.streams = identify(), frozenset()

    @property
    def is_known(self) -> bool:
        """Whether what it said still makes it its owner; who has not said anything has none."""
        return self.owner is None or self._identify() == self.owner

    def listen(self, streams: Iterable[str], offered: Iterable[str]) -> None:
        """Hear of these streams from now on, those that are offered, and say so."""
        self.streams = frozenset(streams) & frozenset(offered)
        self.tell(encode_stream(Listening(streams=tuple(sorted(self.streams)))))

    def tell(self, message: bytes) -> None:
        """Put a message behind those that wait, or end a listener that does not keep up."""
        if self.has_ended:
            return
        if self.queue.qsize() < self.queue.maxsize - 1:
            self.queue.put_nowait(message)
        else:
            self.end()

    def end(self) -> None:
        """Tell no more after what waits."""
        if not self.has_ended:
            self.has_ended = True
            self.queue.put_nowait(None)
