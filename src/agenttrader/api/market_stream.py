"""Alpaca's market-data stream, `/v2/{feed}`, as the server sees one connection.

It greets, is told a key and its secret within ten seconds (or found them in the headers), then takes requests
and tells what was subscribed to. What a client gets wrong is answered with Alpaca's code and a reason; what
ends the connection is a key that is not known, another feed's name, and not keeping up. Data are sent by a
task of their own, so that a client that does not read blocks nobody, itself included.
"""

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, NoReturn, assert_never, cast

import structlog
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect
from msgspec import Struct

from agenttrader.api.owners import belongs_to
from agenttrader.api.probes import Scope
from agenttrader.app.marketdata.aggregation import Actions
from agenttrader.app.marketdata.broadcast import Broadcast, Lagging, Subscriber, Wanted
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.protocols.alpaca_data import (
    Authenticate,
    Failure,
    Message,
    Refusal,
    Request,
    Settled,
    Subscribe,
    Success,
    Unsubscribe,
    codec_of,
    decode_request,
    encode,
    subscription_of,
)
from agenttrader.protocols.alpaca_data_fields import Codec

KEY_HEADER, SECRET_HEADER = "apca-api-key-id", "apca-api-secret-key"
NOTICE_HEADER = "x-market-data"
AUTHENTICATION_SECONDS = 10
LAST_WORD_SECONDS = 1
"""How long a slow client may take for the message that says that it is slow."""
CONNECTIONS_MAX = 64
SYMBOLS_MAX = 2_000
"""Symbols that one connection may name in a channel; `*` is one."""
REQUEST_BYTES_MAX = 65_536
"""alpaca-py sends its longest requests in fragments of half as much."""

logger = structlog.get_logger()


class Terms(Struct, frozen=True, kw_only=True):
    """What is served, to whom, and who may say that it has settled. Nothing has a default."""

    feed: str
    notice: str
    """What the data are, in every answer's headers."""
    channels: frozenset[str]
    """What the source tells, by the names of Alpaca's channels; others are refused."""
    actions: Actions
    """What the source knows of splits and dividends."""
    keys: Mapping[str, Digest]
    """SHA-256 of the secret of each key that is accepted."""
    settle: Callable[[str, Instant], None] | None
    """Told of `settled`; raises BadValue. None where the source is not paced."""

    def accept(self, key_id: str, secret: str) -> bool:
        """Whether this is a key that is accepted, with its secret."""
        expected = self.keys.get(key_id, "")
        return hmac.compare_digest(hashlib.sha256(secret.encode()).hexdigest(), expected)


class _Left(Exception):
    """The client has gone, or was told to go."""


class _Refused(Exception):
    """What the client asked is not to be had; the connection goes on."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.msg)
        self.failure = failure


async def serve_market_stream(
    socket: WebSocket[Any, Any, Any], broadcast: Broadcast, terms: Terms, others: int
) -> None:
    """Serve one connection to its end. `others` is how many there are besides it."""
    await socket.accept(headers={NOTICE_HEADER: terms.notice})
    connection = _Connection(socket, broadcast, terms)
    try:
        if others >= CONNECTIONS_MAX:
            await connection.end(Refusal.CONNECTION_LIMIT_EXCEEDED.because(f"{CONNECTIONS_MAX} are open"))
        await connection.authenticate()
        await connection.run()
    except (_Left, WebSocketDisconnect, OSError):
        pass  # It has gone, and there is nobody to tell.
    except Exception:  # a boundary: the framework would close the connection and say nothing in the log
        logger.exception("market_stream_failed")
        raise
    finally:
        connection.forget()
        with contextlib.suppress(WebSocketDisconnect, OSError, RuntimeError):
            await socket.close()


class _Connection:
    """One client: what it wants, and the tasks that hear and tell it."""

    def __init__(self, socket: WebSocket[Any, Any, Any], broadcast: Broadcast, terms: Terms) -> None:
        self._socket = socket
        self._broadcast = broadcast
        self._terms = terms
        self._codec = codec_of(socket.headers.get("content-type"))
        self._subscriber: Subscriber | None = None
        self._subscribed = asyncio.Event()

    async def authenticate(self) -> None:
        """Greet, and find out who it is. Raises _Left where it is nobody that may listen here."""
        await self._send([Success(msg="connected")])
        try:
            async with asyncio.timeout(AUTHENTICATION_SECONDS):
                said = await self._credential()
        except TimeoutError:
            await self.end(Refusal.AUTH_TIMEOUT.because(f"expected auth within {AUTHENTICATION_SECONDS} s"))
        if not self._terms.accept(said.key, said.secret):
            await self.end(Refusal.AUTH_FAILED.because())
        path, served = self._socket.url.path, f"/v2/{self._terms.feed}"
        if path != served:
            only = f"expected {served}, all that is served here, found {path}"
            await self.end(Refusal.INSUFFICIENT_SUBSCRIPTION.because(only))
        belongs_to(cast("Scope", self._socket.scope), said.key)
        await self._send([Success(msg="authenticated")])

    async def run(self) -> None:
        """Hear and tell until the client leaves or does not keep up."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear())
                tasks.create_task(self._tell())
                tasks.create_task(self._watch())
        except* (WebSocketDisconnect, OSError, _Left):
            pass  # It has gone.
        except* Lagging:
            self.forget()
            with contextlib.suppress(TimeoutError, _Left):
                async with asyncio.timeout(LAST_WORD_SECONDS):
                    await self.end(Refusal.SLOW_CLIENT.because("come back with since"))

    async def end(self, failure: Failure) -> NoReturn:
        """Say why, and hang up."""
        await self._send([failure])
        await self._socket.close()
        raise _Left

    def forget(self) -> None:
        """The connection has ended."""
        if self._subscriber is not None:
            self._broadcast.unsubscribe(self._subscriber)

    async def _credential(self) -> Authenticate:
        headers = self._socket.headers
        key, secret = headers.get(KEY_HEADER), headers.get(SECRET_HEADER)
        if key is not None and secret is not None:
            return Authenticate(key=key, secret=secret)
        while True:
            async with self._answering():
                said = await self._request()
                if isinstance(said, Authenticate):
                    return said
                raise _Refused(Refusal.NOT_AUTHENTICATED.because("say auth first"))

    async def _hear(self) -> None:
        while True:
            async with self._answering():
                match await self._request():
                    case Authenticate():
                        raise _Refused(Refusal.ALREADY_AUTHENTICATED.because())
                    case Subscribe() as asked:
                        await self._subscribe(asked)
                    case Unsubscribe() as asked:
                        await self._unsubscribe(asked)
                    case Settled() as said:
                        self._settle(said)
                    case never:
                        assert_never(never)

    async def _tell(self) -> None:
        await self._subscribed.wait()
        assert self._subscriber is not None
        while True:
            await self._send(await self._subscriber.next())

    async def _watch(self) -> None:
        """Find out that the client lags, also while a send to it waits."""
        await self._subscribed.wait()
        assert self._subscriber is not None
        await self._subscriber.lagging.wait()
        raise Lagging

    async def _subscribe(self, asked: Subscribe) -> None:
        if absent := asked.beyond(self._terms.channels):
            raise _Refused(Refusal.INVALID_SUBSCRIPTION.because(f"no {', '.join(absent)} here"))
        before = Wanted() if self._subscriber is None else self._subscriber.wanted
        channels = dict(before.channels)
        for channel, symbols in asked.asked().items():
            channels[channel] = channels.get(channel, frozenset()) | set(symbols)
        if max(map(len, channels.values()), default=0) > SYMBOLS_MAX:
            raise _Refused(Refusal.SYMBOL_LIMIT_EXCEEDED.because(f"at most {SYMBOLS_MAX} in a channel"))
        wanted = Wanted(channels, before.watermarks or asked.watermarks)
        if self._subscriber is None:
            since = None if asked.since is None else from_rfc3339(asked.since)
            self._subscriber = self._broadcast.subscribe(since)
        elif asked.since is not None:
            raise BadValue("since: expected in the first subscribe of a connection, found in a later one")
        # The answer goes first, so that no data precede it.
        await self._send([subscription_of(wanted.channels)])
        self._subscriber.wanted = wanted
        self._subscribed.set()

    async def _unsubscribe(self, asked: Unsubscribe) -> None:
        wanted = Wanted()
        if self._subscriber is not None:
            before = self._subscriber.wanted
            gone = asked.asked()
            channels = {name: those - set(gone.get(name, ())) for name, those in before.channels.items()}
            wanted = Wanted(channels, before.watermarks)
            self._subscriber.wanted = wanted
        await self._send([subscription_of(wanted.channels)])

    def _settle(self, said: Settled) -> None:
        if self._terms.settle is None:
            raise BadValue("settled: expected no such word, for this source is not paced")
        self._terms.settle(said.participant, from_rfc3339(said.t))

    @contextlib.asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """Answer what was wrong with a request, and go on."""
        try:
            yield
        except _Refused as refused:
            await self._send([refused.failure])
        except BadValue as error:
            await self._send([Refusal.INVALID_SYNTAX.because(str(error))])

    async def _request(self) -> Request:
        """The next request. Raises BadValue for what is none, and _Left at the end."""
        event = await self._socket.receive()
        if event["type"] != "websocket.receive":
            raise _Left
        frame = event.get("text") or event.get("bytes") or b""
        if len(frame) > REQUEST_BYTES_MAX:
            raise BadValue(f"request: expected at most {REQUEST_BYTES_MAX} bytes, found {len(frame)}")
        return decode_request(frame, self._codec)

    async def _send(self, messages: Iterable[Message]) -> None:
        frame = encode(messages, self._codec)
        if self._codec is Codec.JSON:
            await self._socket.send_text(frame)
        else:
            await self._socket.send_bytes(frame)
