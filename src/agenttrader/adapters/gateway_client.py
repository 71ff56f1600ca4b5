"""The gateway's `/v1` as its clients reach it: proposals, snapshots, and the stream, with an agent's key.

The address is asked for before each connection, because a gateway that starts again has another port. Every
wait has a limit. Nothing is sent twice from here: whoever proposes again does so under the same id.
"""

import asyncio
import contextlib
from collections.abc import Callable
from http import HTTPStatus

import aiohttp
import msgspec
from yarl import URL

from agenttrader.model.credentials import Secret
from agenttrader.model.errors import BadValue, ConfigurationError, Unreachable, Unsent
from agenttrader.model.identifiers import OrderId
from agenttrader.model.orders import Proposal
from agenttrader.model.times import Instant, rfc3339
from agenttrader.protocols.native import (
    AnswerBody,
    ErrorBody,
    Snapshot,
    StreamMessage,
    WatermarkReached,
    decode_stream,
    encode,
    to_body,
)
from agenttrader.protocols.native_doubts import DoubtsBody

CONNECT_SECONDS = 2.0
KEPT_SECONDS = 2.0
"""How long an idle connection is used again: below the 5 s after which uvicorn closes it."""
HEARTBEAT_SECONDS = 10.0
"""A ping this often; without a pong after half as long the connection is dead, however open it looks."""
CLOSE_SECONDS = 1.0
RETRY_SECONDS_MIN = 0.1
RETRY_SECONDS_MAX = 2.0
"""Between two tries for the stream: doubled from least to most, the least again after a connection."""
MESSAGE_BYTES_MAX = 64 * 1024 * 1024
"""A snapshot holds every order of the day."""
UNAUTHORIZED = 4401
"""The close code with which the gateway refuses a key."""

_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)

_answers = msgspec.json.Decoder(AnswerBody)
_snapshots = msgspec.json.Decoder(Snapshot)
_errors = msgspec.json.Decoder(ErrorBody)


class GatewayClient:
    """One caller's way to the gateway. `address` says where it listens now, None while nobody knows."""

    def __init__(self, address: Callable[[], str | None], key: Secret, *, answer_seconds: float) -> None:
        self._address = address
        self._key = key
        self._answer_seconds = answer_seconds
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        """The stream's, while there is one."""

    async def propose(self, proposal: Proposal) -> AnswerBody:
        """The gateway's answer to `proposal`, a denial too.

        Raises BadValue where it refused the message, ConfigurationError where it does not know the key,
        Unsent where it cannot have received it, Unreachable where it gave no usable answer.
        """
        body = await self._request("POST", "v1/proposals", encode(to_body(proposal)))
        try:
            return _answers.decode(body)
        except msgspec.MsgspecError as error:
            raise Unreachable(
                f"gateway: expected an answer to a proposal, found {_text(body)}: {error}"
            ) from error

    async def cancel(self, order_id: OrderId) -> None:
        """Ask for the order's end; that it has ended comes on the stream. Raises as `propose` does."""
        await self._request("DELETE", f"v1/orders/{order_id}", None)

    async def doubt(self, doubts: DoubtsBody) -> None:
        """Tell all that cannot be judged; it is on record when this returns. Raises as `propose` does."""
        await self._request("PUT", "v1/doubts", encode(doubts))

    async def snapshot(self) -> Snapshot:
        """Everything that the caller may see. Raises as `propose` does."""
        body = await self._request("GET", "v1/snapshot", None)
        try:
            return _snapshots.decode(body)
        except msgspec.MsgspecError as error:
            raise Unreachable(f"gateway: expected a snapshot, found {_text(body)}: {error}") from error

    async def follow(
        self, receive: Callable[[StreamMessage], None], link: Callable[[bool, str], None]
    ) -> None:
        """Deliver every message of the stream until cancelled, a snapshot first after each connection.

        `link(up, reason)` is told of each connection before its messages, and of its end. Raises
        ConfigurationError where the gateway does not know the key.
        """
        pause = RETRY_SECONDS_MIN
        while True:
            try:
                async with self._open().ws_connect(
                    self._base() / "v1/stream",
                    headers=self._headers(),
                    heartbeat=HEARTBEAT_SECONDS,
                    max_msg_size=MESSAGE_BYTES_MAX,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                ) as socket:
                    pause = RETRY_SECONDS_MIN
                    self._socket = socket
                    await _deliver(socket, receive, link)
            except (aiohttp.ClientError, OSError, TimeoutError, Unsent):
                pass  # Nobody is there yet, or not any more: the next try asks for the address anew.
            finally:
                self._socket = None
            await asyncio.sleep(pause)
            pause = min(2 * pause, RETRY_SECONDS_MAX)

    async def settled(self, time: Instant) -> None:
        """Say on the stream that all that is wanted at `time` is done; without a connection, nothing."""
        if self._socket is not None:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.send_str(encode(WatermarkReached(time=rfc3339(time))).decode())

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _request(self, method: str, path: str, body: bytes | None) -> bytes:
        """The body of what was done, or is being done. Raises what every other end of it means."""
        url = self._base() / path
        try:
            async with self._open().request(
                method, url, data=body, headers=self._headers(), allow_redirects=False
            ) as response:
                answer = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unsent(f"gateway: no connection to {url.origin()}: {error}") from error
        except TimeoutError as error:
            raise Unreachable(
                f"gateway: no answer from {url.origin()} within {self._answer_seconds:g} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"gateway: no whole answer from {url.origin()}: {error}") from error
        _refuse(response.status, answer)
        return answer

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key.reveal()}", "Content-Type": "application/json"}

    def _base(self) -> URL:
        address = self._address()
        if address is None:
            raise Unsent("gateway: expected it to have said where it listens, found nothing; is it running?")
        return URL(address)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._answer_seconds, sock_connect=CONNECT_SECONDS),
            )
        return self._session


async def _deliver(
    socket: aiohttp.ClientWebSocketResponse,
    receive: Callable[[StreamMessage], None],
    link: Callable[[bool, str], None],
) -> None:
    """Every message of one connection, until it ends. A message that cannot be read ends it."""
    up = False
    reason = "the gateway closed the stream"
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            reason = f"expected text on the stream, found {message.type.name}"
            break
        try:
            decoded = decode_stream(message.data)
        except BadValue as error:
            reason = str(error)
            break
        if not up:
            up = True
            link(True, "the gateway's stream is open")  # noqa: FBT003  the feed's port has this form too
        receive(decoded)
    if socket.close_code == UNAUTHORIZED:
        raise ConfigurationError(
            "gateway: expected it to know our key, found it refused; "
            "give this agent's key, or put its hash into the gateway's configuration"
        )
    if up:
        link(False, reason)  # noqa: FBT003  the feed's port has this form too


def _refuse(status: int, body: bytes) -> None:
    """Raise what a status means that says neither done nor being done."""
    if status in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
        return
    try:
        text = _errors.decode(body).message
    except msgspec.MsgspecError:
        text = _text(body)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise ConfigurationError(f"gateway: expected it to know our key, found {status}: {text}")
    if status in _REFUSED:
        raise BadValue(f"gateway: {text}")
    raise Unreachable(f"gateway: expected status 200, found {status}: {text}")


def _text(body: bytes) -> str:
    return body[:200].decode(errors="replace")
