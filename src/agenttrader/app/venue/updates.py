"""Who listens to the venue, and what waits to be told to each.

A listener hears of its own account's orders, and of watermarks where it asked for them, each message once
and in order. What happened while it was away is not told again, as Alpaca does not: it asks over REST. One
that does not keep up is ended; it never slows the exchange or another listener.
"""

import asyncio
from collections.abc import Iterable, Mapping

from agenttrader.app.venue.answers import trade_update
from agenttrader.model.times import Instant, rfc3339
from agenttrader.protocols.alpaca_trade_updates import (
    TRADE_UPDATES,
    WATERMARKS,
    Listening,
    WatermarkReached,
    encode_stream,
)
from agenttrader.simulation.inputs import OrderChanged, Update, WatermarkPassed
from agenttrader.simulation.listings import Listing

QUEUE_MAX = 4_096
"""Messages that may wait for one listener: more than a day's orders of a busy strategy."""
STREAMS = (TRADE_UPDATES, WATERMARKS)


class Listener:
    """One connection; `None` in its queue ends it."""

    def __init__(self, queue_max: int = QUEUE_MAX) -> None:
        self.account: str | None = None
        self.streams: frozenset[str] = frozenset()
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(queue_max + 1)
        self.is_lagging = False

    def tell(self, message: bytes) -> None:
        """Put a message behind those that wait, or end a listener that does not keep up."""
        if self.is_lagging:
            return
        if self.queue.qsize() < self.queue.maxsize - 1:
            self.queue.put_nowait(message)
        else:
            self.is_lagging = True
            self.queue.put_nowait(None)


class Updates:
    """Every listener of one venue."""

    def __init__(self, listings: Mapping[str, Listing]) -> None:
        self._listings = listings
        self._listeners: set[Listener] = set()

    def add(self, listener: Listener) -> None:
        """Begin to tell."""
        self._listeners.add(listener)

    def remove(self, listener: Listener) -> None:
        """Stop telling one that has gone."""
        self._listeners.discard(listener)

    def listen(self, listener: Listener, streams: Iterable[str], watermark: Instant | None) -> None:
        """Tell the listener these streams from now on, those that exist; first where the watermark stands."""
        listener.streams = frozenset(streams) & frozenset(STREAMS)
        listener.tell(encode_stream(Listening(streams=tuple(sorted(listener.streams)))))
        if WATERMARKS in listener.streams and watermark is not None:
            listener.tell(encode_stream(WatermarkReached(time=rfc3339(watermark))))

    def publish(self, updates: Iterable[Update]) -> None:
        """Tell everybody whom it concerns."""
        for update in updates:
            heard = [listener for listener in self._listeners if _concerns(update, listener)]
            if heard:
                message = self._message(update)
                for listener in heard:
                    listener.tell(message)

    def _message(self, update: Update) -> bytes:
        if isinstance(update, WatermarkPassed):
            return encode_stream(WatermarkReached(time=rfc3339(update.time)))
        return encode_stream(
            trade_update(update, self._listings[update.order.symbol or update.legs[0].symbol])
        )


def _concerns(update: Update, listener: Listener) -> bool:
    if isinstance(update, OrderChanged):
        return TRADE_UPDATES in listener.streams and listener.account == update.order.account
    return WATERMARKS in listener.streams
