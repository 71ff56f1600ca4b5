"""A person's way to the gateway's `/v1`: a question and its answer over HTTP, under the person's token.

The gateway may start again with another port, so its address is asked for before each call. A call is made
once: what was asked may have happened when it raises Unreachable, and cannot have when that is Unsent.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Self, TypeVar

import aiohttp
import msgspec
from msgspec import Struct

from agenttrader.model.credentials import Secret
from agenttrader.model.errors import (
    AgentTraderError,
    BadValue,
    ConfigurationError,
    StatementRefused,
    Unreachable,
    Unsent,
)
from agenttrader.protocols.native import ErrorBody, encode

ANSWER_SECONDS = 15

_REFUSALS: dict[int, type[AgentTraderError]] = {
    HTTPStatus.UNAUTHORIZED: ConfigurationError,
    HTTPStatus.FORBIDDEN: StatementRefused,
    HTTPStatus.UNPROCESSABLE_ENTITY: BadValue,
}

T = TypeVar("T")


class OperatorClient:
    """One person's calls. `address` says where the gateway listens now, None while nobody knows.

    Used as an async context manager.
    """

    def __init__(self, address: Callable[[], str | None], token: Secret) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {token.reveal()}", "Content-Type": "application/json"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
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

    async def _call(self, method: str, path: str, body: bytes | None, answer: type[T]) -> T:
        assert self._session is not None, "used inside `async with`"
        base = self._address()
        if base is None:
            raise Unsent("gateway: expected it to have said where it listens, found nothing; is it running?")
        try:
            async with self._session.request(method, f"{base}{path}", data=body) as response:
                content = await response.read()
        except aiohttp.ClientConnectorError as error:
            raise Unsent(f"gateway: expected it to listen at {base}, found: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            found = str(error) or type(error).__name__
            raise Unreachable(f"gateway: expected an answer to {method} {path}, found: {found}") from error
        if response.status != HTTPStatus.OK:
            raise _refusal(method, path, response.status, content)
        try:
            return msgspec.json.decode(content, type=answer)
        except msgspec.MsgspecError as error:
            raise Unreachable(f"gateway: expected {answer.__name__} from {path}, found: {error}") from error


def _refusal(method: str, path: str, status: int, content: bytes) -> AgentTraderError:
    try:
        said = msgspec.json.decode(content, type=ErrorBody).message
    except msgspec.MsgspecError:
        said = content[:200].decode(errors="replace")
    kind = _REFUSALS.get(status, Unreachable)
    return kind(
        said if kind is not Unreachable else f"gateway: {method} {path} was answered {status}: {said}"
    )
