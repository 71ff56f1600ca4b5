"""A client of the gateway's own API, `/v1`: questions over HTTP and the stream over a web socket.

The gateway may restart with another port, so it is looked up before each connection. A call is made once:
what was asked of it may have happened when it raises Unreachable, and cannot have when that is Unsent.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, Self, TypeVar

import aiohttp
import msgspec
from msgspec import Struct

from agenttrader.model.credentials import Secret
from agenttrader.model.errors import AgentTraderError, BadValue, StatementRefused, Unreachable, Unsent
from agenttrader.protocols.native import ErrorBody, StreamMessage, decode_stream, encode

CALL_SECONDS = 15
FIND_SECONDS = 10
RECONNECT_SECONDS = 0.1
HEARTBEAT_SECONDS = 20
MESSAGE_BYTES_MAX = 64 * 1024 * 1024
"""The first message holds every order of the day."""

UNAUTHORIZED = 4401
"""The gateway's close code for a key that it does not know."""

_OK = 200


class KeyRefused(AgentTraderError):
    """The gateway does not know the key, or it may not do this: asking again does not help."""


_REFUSALS: dict[int, type[AgentTraderError]] = {401: KeyRefused, 403: StatementRefused, 422: BadValue}

T = TypeVar("T")
Link = Callable[[bool, str], None]


class Peer(Protocol):
    """A process that listens."""

    @property
    def url(self) -> str:
        """Where."""
        ...


class Directory(Protocol):
    """Where the gateway announces itself."""

    async def find(self, role: str, timeout_seconds: float) -> Peer:
        """The living process that plays `role`. Raises Unreachable."""
        ...


class GatewayClient:
    """One caller's way to the gateway, under one key or token. Used as an async context manager."""

    def __init__(self, directory: Directory, token: Secret) -> None:
        self._directory = directory
        self._headers = {"authorization": f"Bearer {token.reveal()}", "content-type": "application/json"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, answer: type[T]) -> T:
        """What stands at `path`."""
        return await self._call("GET", path, None, answer)

    async def post(self, path: str, body: Struct, answer: type[T]) -> T:
        """The answer to `body`. Raises StatementRefused and BadValue with the gateway's own sentence."""
        return await self._call("POST", path, encode(body), answer)

    async def follow(self, receive: Callable[[StreamMessage], None], link: Link) -> None:
        """Deliver the stream until cancelled; after a broken connection the next message is a snapshot.

        Raises BadValue for a message that is none, and KeyRefused.
        """
        session = self._opened()
        while True:
            try:
                peer = await self._directory.find("gateway", FIND_SECONDS)
                async with session.ws_connect(
                    f"{peer.url}/v1/stream", heartbeat=HEARTBEAT_SECONDS, max_msg_size=MESSAGE_BYTES_MAX
                ) as socket:
                    link(True, "")  # noqa: FBT003 - the port's own shape
                    while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                        receive(decode_stream(message.data))
                    if socket.close_code == UNAUTHORIZED:
                        raise KeyRefused(f"gateway: the stream was refused: {message.extra}")
                    reason = f"closed with {socket.close_code}"
            except (aiohttp.ClientError, TimeoutError, Unreachable) as error:
                reason = str(error) or type(error).__name__
            link(False, reason)  # noqa: FBT003
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _call(self, method: str, path: str, body: bytes | None, answer: type[T]) -> T:
        peer = await self._find()
        try:
            async with self._opened().request(method, f"{peer.url}{path}", data=body) as response:
                content = await response.read()
        except aiohttp.ClientConnectorError as error:
            raise Unsent(f"gateway: expected it to listen at {peer.url}, found: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            found = str(error) or type(error).__name__
            raise Unreachable(f"gateway: expected an answer to {method} {path}, found: {found}") from error
        if response.status != _OK:
            raise _refusal(method, path, response.status, content)
        try:
            return msgspec.json.decode(content, type=answer)
        except msgspec.MsgspecError as error:
            raise Unreachable(f"gateway: expected {answer.__name__} from {path}, found: {error}") from error

    async def _find(self) -> Peer:
        try:
            return await self._directory.find("gateway", FIND_SECONDS)
        except Unreachable as error:
            raise Unsent(str(error)) from error

    def _opened(self) -> aiohttp.ClientSession:
        assert self._session is not None, "used inside `async with`"
        return self._session


def _refusal(method: str, path: str, status: int, content: bytes) -> AgentTraderError:
    try:
        said = msgspec.json.decode(content, type=ErrorBody).message
    except msgspec.MsgspecError:
        said = content[:200].decode(errors="replace")
    kind = _REFUSALS.get(status, Unreachable)
    return kind(
        said if kind is not Unreachable else f"gateway: {method} {path} was answered {status}: {said}"
    )
