"""The stream of what happens to orders: connected for as long as it is followed, read word for word.

The link is up from the broker's confirmation that it will tell, until the connection ends. Alpaca does not
tell again what it told while nobody listened, so after each time the link comes up the account's history must
be read; whoever is told of the link does that. A connection that is open and dead is found by its missing
pongs (`connection.HEARTBEAT_SECONDS`); one that is alive and has nothing to say is no fault here: how old the
last watermark may be is judged by who decides.

What cannot be read is a report too: UNRECOGNISED, with the text.
"""

import asyncio
from collections.abc import Callable
from typing import NoReturn, assert_never

import aiohttp
from aiohttp import WSMsgType

from agenttrader.adapters.alpaca.connection import Connection
from agenttrader.adapters.alpaca.reports import reports_of_update, unrecognised
from agenttrader.model.errors import AgentTraderError, BadValue, Unreachable
from agenttrader.model.market import Watermark
from agenttrader.model.reports import ExecutionReport
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.protocols.alpaca_trade_updates import (
    TRADE_UPDATES,
    WATERMARKS,
    Authenticate,
    Authorization,
    Listen,
    Listening,
    StreamMessage,
    StreamRequest,
    TradeUpdate,
    Unrecognised,
    WatermarkReached,
    decode_stream,
    encode_stream_request,
)

RECONNECT_SECONDS_MIN = 0.05
RECONNECT_SECONDS_MAX = 5.0
"""The pause before connecting again doubles from the least to the most."""
STEADY_SECONDS = 1.0
"""After a link that stood this long the pauses start anew."""
HANDSHAKE_SECONDS = 5.0

Said = ExecutionReport | Watermark
Emit = Callable[[Said], None]
Link = Callable[[bool, str], None]


class TradeUpdates:
    """One subscription to the account's events.

    `emit` and `link` may raise an AgentTraderError where no more is taken in: the stream then starts anew,
    and what was lost is found in the history.
    """

    def __init__(
        self,
        *,
        connection: Connection,
        emit: Emit,
        link: Link,
        now: Callable[[], Instant],
        watermarks: bool,
    ) -> None:
        self._connection = connection
        self._emit = emit
        self._link = link
        self._now = now
        self._streams = (TRADE_UPDATES, WATERMARKS) if watermarks else (TRADE_UPDATES,)
        self._told: tuple[bool, str] | None = None
        self._pause_seconds = RECONNECT_SECONDS_MIN

    async def follow(self) -> None:
        """Tell what the stream says until canceled."""
        while True:
            try:
                await self._listen()
            except AgentTraderError as error:
                # Who is there next may be somebody else, and that it is down may take long to be taken in.
                self._connection.forget()
                await self._tell_down(str(error))
            await asyncio.sleep(self._pause_seconds)
            self._pause_seconds = min(2 * self._pause_seconds, RECONNECT_SECONDS_MAX)

    async def _listen(self) -> NoReturn:
        """Tell what one connection says until it ends. Raises Unreachable, saying how it ended."""
        async with await self._connection.stream() as socket:
            try:
                async with asyncio.timeout(HANDSHAKE_SECONDS):
                    await self._shake_hands(socket)
            except TimeoutError as error:
                raise Unreachable(
                    f"stream: expected the broker to confirm within {HANDSHAKE_SECONDS:g} s that it tells, "
                    "found silence"
                ) from error
            self._tell_link(up=True, reason="the broker tells what happens to orders")
            up_at_seconds = asyncio.get_running_loop().time()
            try:
                while True:
                    self._take(await _receive(socket))
            finally:
                if asyncio.get_running_loop().time() - up_at_seconds > STEADY_SECONDS:
                    self._pause_seconds = RECONNECT_SECONDS_MIN

    async def _shake_hands(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        credential = self._connection.credential
        await _send(socket, Authenticate(key_id=credential.key_id, secret_key=credential.secret.reveal()))
        await self._wait_for(Authorization, socket)
        await _send(socket, Listen(streams=self._streams))
        await self._wait_for(Listening, socket)

    async def _wait_for(self, kind: type[StreamMessage], socket: aiohttp.ClientWebSocketResponse) -> None:
        while not isinstance(self._take(await _receive(socket)), kind):
            pass

    def _take(self, text: bytes | str) -> StreamMessage | None:
        """Tell what one message says, and return it; None where it cannot be read."""
        raw = text if isinstance(text, str) else text.decode(errors="replace")
        try:
            said = decode_stream(text)
            match said:
                case TradeUpdate():
                    for report in reports_of_update(said, raw, self._now()):
                        self._emit(report)
                case WatermarkReached():
                    self._emit(Watermark(time=from_rfc3339(said.time)))
                case Unrecognised():
                    reason = f"the stream {said.stream!r} has no treatment"
                    self._emit(unrecognised(raw, self._now(), reason))
                case Authorization():
                    _require(
                        said.status == "authorized", "authorized", f"{said.status}: check the credentials"
                    )
                case Listening():
                    told = frozenset(said.streams) >= frozenset(self._streams)
                    _require(told, f"told {', '.join(self._streams)}", ", ".join(said.streams) or "nothing")
                case _:
                    assert_never(said)
        except BadValue as error:
            self._emit(unrecognised(raw, self._now(), str(error)))
            return None
        return said

    async def _tell_down(self, reason: str) -> None:
        """Until it is taken in: nobody may believe in a link that is down, however much is waiting."""
        while True:
            try:
                self._tell_link(up=False, reason=reason)
                return
            except AgentTraderError:
                await asyncio.sleep(RECONNECT_SECONDS_MIN)

    def _tell_link(self, *, up: bool, reason: str) -> None:
        if self._told != (up, reason):
            self._link(up, reason)
            self._told = (up, reason)


def _require(holds: bool, expected: str, found: str) -> None:  # noqa: FBT001 - a condition, not a switch
    if not holds:
        raise Unreachable(f"stream: expected to be {expected}, found {found}")


async def _send(socket: aiohttp.ClientWebSocketResponse, request: StreamRequest) -> None:
    try:
        await socket.send_bytes(encode_stream_request(request))
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(f"stream: the connection broke: {error}") from error


async def _receive(socket: aiohttp.ClientWebSocketResponse) -> bytes | str:
    """The next message. Raises Unreachable where the connection ended."""
    message = await socket.receive()
    if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
        text: bytes | str = message.data
        return text
    failure = socket.exception()
    if failure is None:
        raise Unreachable(f"stream: the broker ended the connection with close code {socket.close_code}")
    raise Unreachable(f"stream: the connection to the broker broke: {type(failure).__name__}: {failure}")
