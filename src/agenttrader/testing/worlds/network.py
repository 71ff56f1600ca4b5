"""The network of a world: requests from a gateway to the exchange, and what may become of each on the way.

What a gateway holds is the client of `adapters.alpaca.connection` with this in the place of sockets, so every
rule about time-outs, what cannot have arrived and what may have is the product's own. A request that has left
arrives, whether or not who sent it still lives.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from random import Random
from typing import Any, Protocol, cast

import aiohttp
from msgspec import Struct
from yarl import URL

from agenttrader.adapters.alpaca.connection import Answer, Connection
from agenttrader.testing.venue_calls import VenueCalls
from agenttrader.testing.worlds.faults import Lane, RequestFails
from agenttrader.testing.worlds.loop import CURRENT

ANSWER_SECONDS = 1.0
"""How long the gateways of a world wait for an answer."""
ADDRESS = "http://127.0.0.1:8000"
_CONNECT_SECONDS = 0.001
_RATE_LIMITED = b'{"code": 42910000, "message": "rate limit exceeded"}'
_BROKEN = b'{"code": 50010000, "message": "internal server error"}'
_PAGE = b"<html><body>Gateway Timeout</body></html>"
_UNTAKEN = {"429": (429, _RATE_LIMITED), "500": (500, _BROKEN), "503": (503, _PAGE)}
_TAKEN = {"500_after": (500, _BROKEN), "504_after": (504, _PAGE)}


class Request(Struct, frozen=True, kw_only=True):
    """One request as it leaves."""

    method: str
    path: str
    parameters: Mapping[str, str]
    body: bytes
    lane: Lane
    sender: str
    """The name of the process that sent it."""


class Sees(Protocol):
    """Who watches the wire."""

    def departs(self, request: Request) -> None:
        """It leaves the gateway."""
        ...

    def arrives(self, request: Request, answer: Answer, *, is_ours: bool) -> None:
        """It was answered at the exchange, or at whoever stands in its place, which is not ours."""
        ...

    def is_lost(self, request: Request) -> None:
        """It will never arrive."""
        ...


class Network:
    """What lies between the gateways and one account at the exchange."""

    def __init__(self, venue: VenueCalls, account: str, watch: Sees, chance: Random) -> None:
        self.venue = venue
        self.account = account
        self.faults: list[tuple[RequestFails, int]] = []
        """Those that wait for their requests, each with how many it still takes."""
        self.is_up = True
        self.imposter: str | None = None
        """The number of the account that somebody else at the address says to be."""
        self.generation = 0
        """Moves when the exchange dies: what was under way to it is lost."""
        self._watch = watch
        self._chance = chance

    async def ask(self, request: Request, departed: asyncio.Event | None) -> Answer:
        """Send it and wait for the answer. Raises what aiohttp would."""
        fault = self._fault_for(request.lane)
        how = None if fault is None else fault.how
        await asyncio.sleep(_CONNECT_SECONDS)
        if not self.is_up or how == "refused":
            raise aiohttp.ConnectionTimeoutError("nobody listens there")
        self._watch.departs(request)
        if departed is not None:
            departed.set()
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._carry(request, fault, answered)
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answered

    def _fault_for(self, lane: Lane) -> RequestFails | None:
        for place, (fault, left) in enumerate(self.faults):
            if fault.lane == lane:
                if left > 1:
                    self.faults[place] = (fault, left - 1)
                else:
                    del self.faults[place]
                return fault
        return None

    def _carry(  # noqa: C901 - each fault has its place on the way
        self, request: Request, fault: RequestFails | None, answered: asyncio.Future[Answer]
    ) -> None:
        """Let it arrive, and its answer come back, as its fault has it."""
        loop, generation = asyncio.get_running_loop(), self.generation
        how, late = (None, 0.0) if fault is None else (fault.how, fault.seconds)
        there, back = self._latency_seconds(), self._latency_seconds()

        def answer(found: Answer) -> None:
            if not answered.done():
                answered.set_result(found)

        def broken() -> None:
            if not answered.done():
                answered.set_exception(aiohttp.ServerDisconnectedError())

        def arrive() -> None:
            if not self.is_up or generation != self.generation:
                self._watch.is_lost(request)
                broken()
            elif how in _UNTAKEN:
                self._watch.is_lost(request)
                loop.call_later(back, answer, Answer(*_UNTAKEN[how]))
            else:
                found = self._served(request)
                if how == "doubled":
                    found = self._served(request)
                if how in _TAKEN:
                    found = Answer(*_TAKEN[how])
                elif how == "garbled":
                    found = Answer(found.status, found.body[: len(found.body) // 2])
                if how == "reset_after":
                    loop.call_later(back, broken)
                elif how != "lost_answer":
                    loop.call_later(back + (late if how == "late_answer" else 0.0), answer, found)

        if how in ("reset_before", "lost_request"):
            self._watch.is_lost(request)
        if how == "reset_before":
            loop.call_later(there, broken)
        elif how != "lost_request":
            loop.call_later(there + (late if how == "late_request" else 0.0), arrive)

    def _served(self, request: Request) -> Answer:
        if self.imposter is not None:
            found = self._answer_of(request)
            ours, theirs = self.account.encode(), self.imposter.encode()
            self._watch.arrives(request, found, is_ours=False)
            return Answer(found.status, found.body.replace(ours, theirs))
        found = self._answer_of(request)
        self._watch.arrives(request, found, is_ours=True)
        return found

    def _answer_of(self, request: Request) -> Answer:
        if self.imposter is not None and request.method != "GET":
            return Answer(403, b'{"code": 40310000, "message": "another account"}')
        return self.venue.request(
            self.account, request.method, request.path, request.parameters, request.body
        )

    def _latency_seconds(self) -> float:
        return self._chance.randint(2, 20) / 1_000


class WorldConnection(Connection):
    """The product's connection, with a world's network in the place of sockets."""

    def __init__(self, client: "Client", **given: Any) -> None:
        super().__init__(**given)
        self._client = client

    def _open(self) -> aiohttp.ClientSession:
        return cast("aiohttp.ClientSession", self._client)


class Client:
    """What the connection uses of aiohttp's client."""

    def __init__(self, network: Network, stream: Callable[[], Any]) -> None:
        self._network = network
        self._stream = stream

    def request(self, method: str, url: URL, **given: Any) -> "_Asking":
        """A request, sent when its answer is awaited."""
        process = CURRENT.get()
        path = url.path.removeprefix("/")
        request = Request(
            method=method,
            path=path,
            parameters=given["params"] or {},
            body=given["data"] or b"",
            lane=_lane_of(method),
            sender="" if process is None else process.name,
        )
        return _Asking(self._network, request, given["trace_request_ctx"])

    async def ws_connect(self, _: URL, **__: Any) -> Any:
        """The account's stream."""
        await asyncio.sleep(_CONNECT_SECONDS)
        if not self._network.is_up:
            raise aiohttp.ClientConnectionError("nobody listens there")
        return self._stream()


class _Asking:
    """One request, from its head to the end of its answer."""

    def __init__(self, network: Network, request: Request, departed: asyncio.Event | None) -> None:
        self._network, self._request, self._departed = network, request, departed

    async def __aenter__(self) -> "_Response":
        return _Response(await self._network.ask(self._request, self._departed))

    async def __aexit__(self, *_: object) -> None:
        return None


class _Response:
    """What the connection reads of an answer."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.headers: Mapping[str, str] = {}
        self.content = self
        self._body = answer.body

    async def iter_any(self) -> AsyncIterator[bytes]:
        """The body, at once."""
        yield self._body


def _lane_of(method: str) -> Lane:
    match method:
        case "POST":
            return "order"
        case "PATCH":
            return "replace"
        case "DELETE":
            return "cancel"
        case _:
            return "question"
