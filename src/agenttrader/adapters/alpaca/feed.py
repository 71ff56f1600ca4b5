"""Market data from Alpaca's stream, or from whoever speaks it: a `Feed` over a web socket.

It asks for the address anew before each connection, because a peer that restarts has another port. A
connection that breaks, does not answer, or says what cannot be read is let go and made again after pauses
that grow; so is one whose receiver has no room (InboxFull). The link is down meanwhile, and says why. From a
peer with our extensions it takes watermarks, asks after each reconnect for what came after the last one, and
repeats what it has settled. Alpaca itself has none of these: what was missed there is missed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from agenttrader.model.credentials import Credential
from agenttrader.model.errors import BadValue, InboxFull, Unreachable
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, MarketEvent, StatusChange, Watermark
from agenttrader.model.times import Instant, rfc3339
from agenttrader.protocols.alpaca_data import (
    EVERY,
    Authenticate,
    Failure,
    Request,
    Settled,
    Subscribe,
    Subscription,
    Success,
    Understood,
    decode,
    encode_request,
)

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0
"""How long greeting, authentication and subscription may each take."""
HEARTBEAT_SECONDS = 10.0
"""A ping this often; without a pong after half as long the connection is dead, however open it looks."""
CLOSE_SECONDS = 1.0
RETRY_SECONDS_MIN = 0.1
RETRY_SECONDS_MAX = 5.0
"""Between two tries: doubled from the least to the most, the least again after data came."""
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
BEGINNING = Instant(0)
"""Before everything that is kept."""

Address = Callable[[], Awaitable[str]]
"""Where the peer listens now, as `http://host:port` or `wss://host`; raises Unreachable where it does not."""


class _Broken(Exception):
    """The connection is of no more use. Not one of ours, so that no fault of who receives is taken for it."""


class AlpacaFeed:
    """A `Feed`. `feed` is the peer's name for its data, such as iex; `symbols` None is all that it has."""

    def __init__(
        self,
        *,
        address: Address,
        feed: str,
        credential: Credential,
        symbols: Collection[Symbol] | None,
        extended: bool,
        since: Instant | None = BEGINNING,
        participant: str | None = None,
    ) -> None:
        """`extended` peers know our extensions; only they are asked for what came after `since`.

        That is all they have, unless said otherwise: who starts late or anew must learn what was told at the
        open, such as that a symbol trades. None asks only for what is new. `participant` is whom a paced peer
        waits for; None where it does not wait for this process.
        """
        self._address = address
        self._feed = feed
        self._credential = credential
        self._symbols = (EVERY,) if symbols is None else tuple(sorted(symbols))
        self._extended = extended
        self._reached = since
        self._participant = participant
        self._settled: Instant | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def follow(self, receive: Callable[[MarketEvent], None], link: Callable[[bool, str], None]) -> None:
        """Deliver until cancelled, as the port says."""
        up: bool | None = None
        pause = RETRY_SECONDS_MIN
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                try:
                    async with self._connected(session) as socket:
                        link(True, f"{self._feed}: connected")  # noqa: FBT003 - the port has it so
                        up = True
                        async for event in self._events(socket):
                            receive(event)
                            pause = RETRY_SECONDS_MIN
                            if isinstance(event, Watermark):
                                self._reached = event.time
                except (_Broken, InboxFull) as error:
                    if up is not False:
                        await _tell_down(link, f"{self._feed}: {error}")
                        up = False
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_SECONDS_MAX)

    async def settled(self, time: Instant) -> None:
        """Tell a paced peer. While there is no connection it is remembered, and told when there is one."""
        self._settled = time
        if self._socket is not None:
            await self._tell_settled(self._socket)

    @asynccontextmanager
    async def _connected(
        self, session: aiohttp.ClientSession
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A socket that is authenticated and subscribed. Raises _Broken."""
        try:
            url = URL(await self._address()) / "v2" / self._feed
        except Unreachable as error:
            raise _Broken(str(error)) from error
        try:
            socket = await session.ws_connect(
                url,
                heartbeat=HEARTBEAT_SECONDS,
                max_msg_size=MESSAGE_BYTES_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _Broken(f"no connection to {url}: {str(error) or type(error).__name__}") from error
        try:
            await self._introduce(socket)
            self._socket = socket
            await self._tell_settled(socket)
            yield socket
        finally:
            self._socket = None
            await socket.close()

    async def _introduce(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        await _answer(socket, lambda said: said == Success(msg="connected"), "its greeting")
        key = Authenticate(key=self._credential.key_id, secret=self._credential.secret.reveal())
        await _send(socket, key)
        await _answer(socket, lambda said: said == Success(msg="authenticated"), "to be authenticated")
        await _send(socket, self._subscription())
        await _answer(socket, lambda said: isinstance(said, Subscription), "its subscriptions")

    def _subscription(self) -> Subscribe:
        if not self._extended:
            return Subscribe(bars=self._symbols, statuses=self._symbols)
        since = None if self._reached is None else rfc3339(self._reached)
        return Subscribe(bars=self._symbols, statuses=self._symbols, watermarks=True, since=since)

    async def _tell_settled(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        if self._participant is None or self._settled is None or not self._extended:
            return
        try:
            await _send(socket, Settled(participant=self._participant, t=rfc3339(self._settled)))
        except _Broken:
            # Who follows finds the same, and tells it again on the next connection.
            return

    async def _events(self, socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[MarketEvent]:
        """What the peer tells, in order, until it raises _Broken."""
        while True:
            for message in await _receive(socket):
                match message:
                    case Bar() | StatusChange() | Watermark():
                        yield message
                    case Failure():
                        raise _Broken(f"expected market data, found error {message.code}: {message.msg}")
                    case _:
                        continue


async def _tell_down(link: Callable[[bool, str], None], reason: str) -> None:
    """Until it is taken in: nobody may believe in a link that is down, however much is waiting."""
    while True:
        try:
            link(False, reason)  # noqa: FBT003 - the port has it so
        except InboxFull:
            await asyncio.sleep(RETRY_SECONDS_MIN)
        else:
            return


async def _answer(
    socket: aiohttp.ClientWebSocketResponse, fits: Callable[[Understood], bool], expected: str
) -> None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            found = await _receive(socket)
    except TimeoutError as error:
        raise _Broken(f"expected {expected} within {ANSWER_SECONDS:g} s, found silence") from error
    if not any(fits(message) for message in found):
        raise _Broken(f"expected {expected}, found {', '.join(map(str, found)) or 'nothing of use'}")


async def _receive(socket: aiohttp.ClientWebSocketResponse) -> tuple[Understood, ...]:
    """The next frame's messages. Raises _Broken at the end, and for what cannot be read."""
    frame = await socket.receive()
    if frame.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        raise _Broken(f"expected market data, found the connection closed ({socket.close_code})")
    try:
        return decode(frame.data)
    except BadValue as error:
        raise _Broken(str(error)) from error


async def _send(socket: aiohttp.ClientWebSocketResponse, request: Request) -> None:
    try:
        await socket.send_str(encode_request(request).decode())
    except (aiohttp.ClientError, OSError) as error:
        raise _Broken(f"expected to be heard, found the connection closed: {error}") from error
