"""Who listens to the venue, and what waits to be told to each.

A listener hears of its own account's orders, and of watermarks where it asked for them, each message once
and in order. What happened while it was away is not told again, as Alpaca does not: it asks over REST. One
that does not keep up is ended; it never slows the exchange or another listener.
"""

from collections.abc import Callable, Iterable, Mapping

from agenttrader.app.trade_listener import TradeListener
from agenttrader.app.venue.answers import trade_update
from agenttrader.model.times import Instant, rfc3339
from agenttrader.protocols.alpaca_trade_updates import (
    TRADE_UPDATES,
    WATERMARKS,
    WatermarkReached,
    encode_stream,
)
from agenttrader.simulation.inputs import OrderChanged, Update, WatermarkPassed
from agenttrader.simulation.listings import Listing

STREAMS = (TRADE_UPDATES, WATERMARKS)


class Updates:
    """Every listener of one venue."""

    def __init__(self, listings: Mapping[str, Listing], watermark: Callable[[], Instant | None]) -> None:
        self._listings = listings
        self._watermark = watermark
        self._listeners: set[TradeListener] = set()

    def add(self, listener: TradeListener) -> None:
        """Begin to tell."""
        self._listeners.add(listener)

    def remove(self, listener: TradeListener) -> None:
        """Stop telling one that has gone."""
        self._listeners.discard(listener)

    def listen(self, listener: TradeListener, streams: Iterable[str]) -> None:
        """Tell the listener these streams from now on, those that exist; first where the watermark stands."""
        listener.listen(streams, STREAMS)
        watermark = self._watermark()
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


def _concerns(update: Update, listener: TradeListener) -> bool:
    if isinstance(update, OrderChanged):
        return TRADE_UPDATES in listener.streams and listener.owner == update.order.account
    return WATERMARKS in listener.streams
