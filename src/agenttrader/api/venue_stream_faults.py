"""The venue's stream with faults in it: what happens to messages between the venue and who listens.

The words that a connection begins with (who listens, to what) are never struck, so that a fault hits what was
meant. What is lost is lost: as with Alpaca, nobody is told again.
"""

import asyncio
import contextlib
from collections import Counter
from typing import assert_never

import msgspec
from msgspec import Struct

from agenttrader.api.probes import Application, Message, Receive, Scope, Send
from agenttrader.api.severing import sever
from agenttrader.app.fault_kinds import (
    WATERMARK,
    CutStream,
    DoubledMessage,
    LateMessage,
    LostMessage,
    MessageFault,
    ReorderedMessage,
    SilentStream,
)
from agenttrader.app.venue.faults import Faults, Lane
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trade_updates import (
    TRADE_UPDATES,
    WATERMARKS,
    Authenticate,
    decode_stream_request,
)

MILLISECONDS = 1_000
"""Of one second."""


class _Data(Struct):
    event: str | None = None


class _Said(Struct):
    """As much of a message as a fault is chosen by."""

    stream: str
    data: _Data


_decoder = msgspec.json.Decoder(_Said)


class FaultyStreams:
    """Every connection to the stream, counted by the key that it shows."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._connections: Counter[str] = Counter()

    async def serve(self, app: Application, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, until it ends."""
        connection = _Connection(self._faults, send)

        async def hear() -> Message:
            message = await receive()
            key_id = _key_in(message)
            if key_id is not None:
                self._connections[key_id] += 1
                connection.lane = (key_id, self._connections[key_id])
            return message

        try:
            await app(scope, hear, connection.tell)
        finally:
            connection.end()


class _Connection:
    """One connection's messages on their way out."""

    def __init__(self, faults: Faults, send: Send) -> None:
        self.lane: Lane = ()
        self._faults = faults
        self._send = send
        self._held: list[Message] = []
        self._releases: set[asyncio.Task[None]] = set()
        self._silenced_by: int | None = None
        self._silent_until_seconds = 0.0
        self._is_cut = False

    async def tell(self, message: Message) -> None:
        """Pass a message on, or do to it what befalls it."""
        if self._is_cut:
            return
        event = _event_in(message)
        if event is None:
            await self._send(message)
            return
        if self._is_silent():
            return
        found = self._faults.of_message(event, self.lane)
        if found is None:
            await self._pass(message)
            return
        await self._befall(message, *found)

    def end(self) -> None:
        """Forget what is held: there is nobody to tell."""
        for task in self._releases:
            task.cancel()

    async def _befall(self, message: Message, number: int, fault: MessageFault) -> None:
        match fault:
            case DoubledMessage():
                await self._send(message)
                await self._pass(message)
            case ReorderedMessage():
                self._hold(message, fault.milliseconds / MILLISECONDS)
            case LateMessage():
                await asyncio.sleep(fault.milliseconds / MILLISECONDS)
                await self._pass(message)
            case LostMessage():
                pass
            case CutStream():
                self._is_cut = True
                sever(self._send)
            case SilentStream():
                self._silenced_by = number
                self._silent_until_seconds = _now_seconds() + fault.milliseconds / MILLISECONDS
            case _:
                assert_never(fault)

    async def _pass(self, message: Message) -> None:
        """The message, and after it what was held for it."""
        held, self._held = self._held, []
        for each in (message, *held):
            await self._send(each)

    def _hold(self, message: Message, seconds: float) -> None:
        self._held.append(message)
        task = asyncio.create_task(self._release_after(message, seconds))
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)

    async def _release_after(self, message: Message, seconds: float) -> None:
        """Let it go by itself where nothing followed."""
        await asyncio.sleep(seconds)
        if message in self._held and not self._is_cut:
            self._held.remove(message)
            with contextlib.suppress(OSError):  # the listener has left meanwhile
                await self._send(message)

    def _is_silent(self) -> bool:
        """Whether the silence that began lasts: it has not passed, and its fault was not withdrawn."""
        if self._silenced_by is None:
            return False
        if self._faults.stands(self._silenced_by) and _now_seconds() < self._silent_until_seconds:
            return True
        self._silenced_by = None
        return False


def _now_seconds() -> float:
    return asyncio.get_running_loop().time()


def _key_in(message: Message) -> str | None:
    """The key's id, where the client says who it is."""
    said = message.get("text") or message.get("bytes")
    if not said:
        return None
    try:
        request = decode_stream_request(said)
    except BadValue:
        return None  # The venue answers it.
    return request.key_id if isinstance(request, Authenticate) else None


def _event_in(message: Message) -> str | None:
    """The word of the order event, or of the watermark, that the message tells; None for any other."""
    if message["type"] != "websocket.send":
        return None
    said = _decoder.decode(message.get("bytes") or message.get("text") or b"")
    if said.stream == WATERMARKS:
        return WATERMARK
    return said.data.event if said.stream == TRADE_UPDATES else None
