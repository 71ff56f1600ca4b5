"""The broker's stream in a world: each connection to it, and what may become of what it says.

The product reads it as it reads aiohttp's web socket; what it is told is what a listener of the exchange is.
"""

import asyncio
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import WSMsgType

from agenttrader.app.trade_listener import TradeListener
from agenttrader.protocols.alpaca_trade_updates import (
    Authenticate,
    Authorization,
    decode_stream_request,
    encode_stream,
)
from agenttrader.testing.worlds.faults import StreamFails
from agenttrader.testing.worlds.loop import Seconds

if TYPE_CHECKING:
    from agenttrader.testing.worlds.network import Network

_LATENCY_SECONDS = 0.004
_LATE_SECONDS = 0.8
_STORM_SECONDS = 0.4
"""How long a connection lives in a storm."""


class Streams:
    """Every connection to the stream, and the faults that hold now."""

    def __init__(self, network: "Network") -> None:
        self.network = network
        self.faults: list[tuple[StreamFails, Seconds]] = []
        """Each with the time at which it is over."""
        self._sockets: set[Socket] = set()
        self._count = 0

    def connect(self) -> "Socket":
        """A new connection, not yet authenticated."""
        self._count += 1
        socket = Socket(self, self._count)
        self._sockets.add(socket)
        if self.suffers("storm"):
            asyncio.get_running_loop().call_later(_STORM_SECONDS, socket.break_off)
        return socket

    def befall(self, fault: StreamFails) -> None:
        """Begin a fault; one that is over at once breaks what is connected."""
        self.faults.append((fault, asyncio.get_running_loop().time() + fault.seconds))
        if fault.how in ("dropped", "storm"):
            self.break_off()

    def suffers(self, how: str) -> bool:
        """Whether such a fault holds now."""
        now = asyncio.get_running_loop().time()
        return any(fault.how == how and now < until for fault, until in self.faults)

    def break_off(self) -> None:
        """End every connection."""
        for socket in sorted(self._sockets, key=lambda each: each.number):
            socket.break_off()

    def forget(self, socket: "Socket") -> None:
        """One is gone."""
        self._sockets.discard(socket)


class Socket:
    """One connection, as the product uses aiohttp's."""

    def __init__(self, streams: Streams, number: int) -> None:
        self.number = number
        self.close_code: int | None = None
        self._streams = streams
        self._received: asyncio.Queue[aiohttp.WSMessage] = asyncio.Queue()
        self._listener: TradeListener | None = None
        self._pump: asyncio.Task[None] | None = None
        self._held: list[bytes] = []
        """What was said and is kept back: while the stream is silent, or to come in another order."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end()

    async def send_bytes(self, data: bytes) -> None:
        """What the client says: who it is, then what it would like to hear."""
        network = self._streams.network
        if self.close_code is not None:
            raise aiohttp.ClientConnectionError("the stream was broken off")
        if isinstance(decode_stream_request(data), Authenticate):
            self._say(encode_stream(Authorization(status="authorized")))
        elif self._listener is None:
            self._listener = network.venue.listen(network.account)
            self._pump = asyncio.get_running_loop().create_task(self._tell(self._listener))

    async def receive(self) -> aiohttp.WSMessage:
        """The next message, or that there will be none."""
        return await self._received.get()

    def exception(self) -> BaseException | None:
        """Why it ended, where that was no close in order."""
        return None

    def break_off(self) -> None:
        """It ends without a word."""
        if self.close_code is None:
            self.close_code = 1006
            self._received.put_nowait(aiohttp.WSMessage(WSMsgType.CLOSED, None, None))
            self._end()

    async def _tell(self, listener: TradeListener) -> None:
        """Carry what the exchange says, with whatever befalls it."""
        while (message := await listener.queue.get()) is not None:
            if self._streams.suffers("silent") or (self._streams.suffers("reordered") and not self._held):
                self._held.append(message)
                asyncio.get_running_loop().call_later(_LATE_SECONDS, self._let_go)
            elif self._streams.suffers("lossy") and b"trade_updates" in message:
                pass
            else:
                self._say(message)
                if not self._streams.suffers("silent"):
                    self._let_go()
        self.break_off()

    def _let_go(self) -> None:
        if self._streams.suffers("silent"):
            asyncio.get_running_loop().call_later(_LATE_SECONDS, self._let_go)
            return
        held, self._held = self._held, []
        for message in held:
            self._say(message)

    def _say(self, message: bytes) -> None:
        seconds = _LATE_SECONDS if self._streams.suffers("late") else _LATENCY_SECONDS
        if self._streams.suffers("garbled") and b'"fill"' in message:
            message = message.replace(b'"fill"', b'"filled_somehow"')
        for _ in range(2 if self._streams.suffers("doubled") else 1):
            asyncio.get_running_loop().call_later(seconds, self._deliver, message)

    def _deliver(self, message: bytes) -> None:
        if self.close_code is None:
            self._received.put_nowait(aiohttp.WSMessage(WSMsgType.BINARY, message, None))

    def _end(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        self._streams.forget(self)
        if self._listener is not None:
            self._streams.network.venue.forget(self._listener)
            self._listener = None
