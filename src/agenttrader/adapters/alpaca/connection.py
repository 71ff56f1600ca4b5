"""The wire to one broker account: HTTP and web socket, and nothing is trusted before all of it agrees.

What an error means for the request is the whole point here:

- `Unsent`: no connection was made, so nothing can have arrived. Refused, not found, no TLS, time-out while
  connecting, or the check of host and account did not hold.
- `Unreachable`: a connection stood. Whatever happened then (time-out, reset, half an answer), the request may
  have arrived. It is never sent again from here; a redirect, which would send it again, is an error.

Questions wait for their turn where the broker's rate limit is near (`allowance`), a bounded time. What acts
does not wait here: who sends it has waited, and taken its turn.

aiohttp repeats a GET or DELETE by itself, one time, where the connection breaks before the answer; never a
POST, and nothing that is sent `once`. Connections are kept for less time than any server keeps them, so that
an order seldom meets a closing one.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import TypeVar

import aiohttp
from msgspec import Struct
from yarl import URL

from agenttrader.adapters.alpaca.allowance import Allowance, Urgency
from agenttrader.model.credentials import Credential
from agenttrader.model.errors import BadValue, ConfigurationError, Unreachable, Unsent
from agenttrader.model.identifiers import AccountName
from agenttrader.protocols.alpaca_surroundings import Surroundings
from agenttrader.protocols.alpaca_trading import Account, decode

CONNECT_SECONDS = 2.0
KEPT_SECONDS = 2.0
"""How long an idle connection is used again: below the 5 s after which uvicorn closes it."""
HEARTBEAT_SECONDS = 10.0
"""A ping this often; without a pong after half as long the connection is dead, however open it looks."""
CLOSE_SECONDS = 1.0
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
BODY_BYTES_MAX = 16 * 1024 * 1024
TURN_SECONDS_MAX = 120.0
"""How long a question waits for its turn at the most; then it was not asked."""
TURN_PAUSE_SECONDS_MAX = 0.25
"""How long until it looks again: an answer may have moved its turn."""

_Body = TypeVar("_Body")


class Answer(Struct, frozen=True):
    """What a broker answered: any status, with its body."""

    status: int
    body: bytes

    def as_kind(self, kind: type[_Body]) -> _Body:
        """The body of a 200 as `kind`. Raises Unreachable for any other status and an unreadable body."""
        if self.status != HTTPStatus.OK:
            raise Unreachable(f"broker: expected status 200, found {self.status}: {self.beginning}")
        try:
            return decode(self.body, kind)
        except BadValue as error:
            raise Unreachable(str(error)) from error

    @property
    def beginning(self) -> str:
        """The first of the body, for a sentence."""
        return self.body[:200].decode(errors="replace")


def _connector() -> aiohttp.BaseConnector:
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS)


class Connection:
    """Requests to one account. Nothing leaves before address, number and key fit its kind.

    And nothing but the question who it is, before the broker has said that it is that account.
    """

    def __init__(
        self,
        *,
        address: Callable[[], str | None],
        credential: Credential,
        account: AccountName,
        surroundings: Surroundings,
        answer_seconds: float,
        allowance: Allowance,
        connector: Callable[[], aiohttp.BaseConnector] = _connector,
    ) -> None:
        self._address = address
        self._credential = credential
        self._account = account
        self._surroundings = surroundings
        self._timeout = aiohttp.ClientTimeout(total=answer_seconds, sock_connect=CONNECT_SECONDS)
        self._answer_seconds = answer_seconds
        self._allowance = allowance
        self._connector = connector
        self._session: aiohttp.ClientSession | None = None
        self._verified: URL | None = None
        self._forgotten = 0
        """How often; what was asked before the last time says nothing of who is there now."""

    async def verify(self) -> URL:
        """The broker's base address, where the expected account was seen.

        Raises ConfigurationError where host or account do not fit, Unreachable where nobody answers.
        """
        if self._verified is not None:
            return self._verified
        base, asked = self._base(), self._forgotten
        self._allowance.take()
        answer = await self._request("GET", base / "v2/account")
        account = answer.as_kind(Account)
        self._surroundings.refuse_account(self._account, account.account_number)
        if asked == self._forgotten:
            self._verified = base
        return base

    async def check(self) -> URL:
        """As `verify`, where another account's answers are no answers: raises Unreachable alone."""
        try:
            return await self.verify()
        except ConfigurationError as error:
            raise Unreachable(str(error)) from error

    def forget(self) -> None:
        """Ask again who is there before the next order: the other end may have become somebody else."""
        self._verified = None
        self._forgotten += 1

    async def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Answer:
        """Ask for something where orders go, too. The host is checked, the account is not: see `check`.

        Waits for its turn. Raises Unsent where that does not come.
        """
        await self._turn(f"GET {path}")
        return await self._request("GET", (self._verified or self._base()) / path, parameters=parameters)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        departed: asyncio.Event | None = None,
        *,
        once: bool = False,
    ) -> Answer:
        """Send something that acts to the verified account. `departed` is set when its bytes leave.

        A DELETE that does harm when it arrives twice is sent `once`. Raises Unsent where it cannot have
        arrived, Unreachable where nobody knows.
        """
        try:
            base = await self.check()
        except Unreachable as error:
            raise Unsent(str(error)) from error
        try:
            return await self._request(method, base / path, body=body, departed=departed, once=once)
        except Unsent:
            self.forget()  # Nobody is there any more; the next is sent to whoever says that it is.
            raise

    async def stream(self) -> aiohttp.ClientWebSocketResponse:
        """A web socket to the account's stream, not yet authenticated. Raises Unreachable.

        Who is there is asked anew: whoever was seen before the last stream ended may have gone with it.
        """
        await self._turn("the stream")
        self.forget()
        base = await self.check()
        try:
            return await self._open().ws_connect(
                base / "stream",
                heartbeat=HEARTBEAT_SECONDS,
                max_msg_size=MESSAGE_BYTES_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"broker's stream: {_text(error)}") from error

    @property
    def credential(self) -> Credential:
        """What the stream is authenticated with."""
        return self._credential

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _turn(self, what: str) -> None:
        """Return when a question may leave, counted as leaving."""
        give_up_at = asyncio.get_running_loop().time() + TURN_SECONDS_MAX
        while (seconds := self._allowance.wait_seconds(Urgency.QUESTION)) > 0:
            if asyncio.get_running_loop().time() >= give_up_at:
                raise Unsent(f"{what}: the broker's rate limit has left no room for {TURN_SECONDS_MAX:g} s")
            await asyncio.sleep(min(seconds, TURN_PAUSE_SECONDS_MAX))
        self._allowance.take()

    def _base(self) -> URL:
        address = self._address()
        if address is None:
            raise Unsent("broker: expected it to have said where it listens, found nothing; is it running?")
        self._surroundings.refuse_to_ask(
            address=address, number=self._account, key_id=self._credential.key_id
        )
        return URL(address)

    async def _request(
        self,
        method: str,
        url: URL,
        *,
        parameters: Mapping[str, str] | None = None,
        body: bytes | None = None,
        departed: asyncio.Event | None = None,
        once: bool = False,
    ) -> Answer:
        headers = {
            "APCA-API-KEY-ID": self._credential.key_id,
            "APCA-API-SECRET-KEY": self._credential.secret.reveal(),
            "Content-Type": "application/json",
        }
        self._allowance.begin()
        try:
            async with self._open().request(
                method,
                url,
                params=parameters,
                data=body,
                headers=headers,
                trace_request_ctx=departed,
                middlewares=(_Once(),) if once else (),
            ) as response:
                self._allowance.hear(response.status, response.headers)
                return Answer(response.status, await _read(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unsent(f"{method} {url.path}: no connection to {url.origin()}: {_text(error)}") from error
        except TimeoutError as error:
            raise Unreachable(
                f"{method} {url.path}: no answer from {url.origin()} within {self._answer_seconds:g} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(
                f"{method} {url.path}: no whole answer from {url.origin()}: {_text(error)}"
            ) from error
        finally:
            self._allowance.end()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_depart)
            trace.on_request_redirect.append(_refuse_redirect)
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                trace_configs=[trace],
            )
        return self._session


class _Once:
    """Lets one try of a request leave, and refuses the client's own second one."""

    def __init__(self) -> None:
        self._has_left = False

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self._has_left:
            raise aiohttp.ClientError("the connection broke before the answer")
        self._has_left = True
        return await handler(request)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise aiohttp.ClientPayloadError(f"a body of more than {BODY_BYTES_MAX} bytes")
    return bytes(body)


async def _depart(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    """Head and body leave in one write, right after this."""
    if isinstance(context.trace_request_ctx, asyncio.Event):
        context.trace_request_ctx.set()


async def _refuse_redirect(_: aiohttp.ClientSession, __: SimpleNamespace, redirect: object) -> None:
    assert isinstance(redirect, aiohttp.TraceRequestRedirectParams)
    raise aiohttp.ClientError(f"{redirect.url} redirects: whoever does that is not the broker")


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
