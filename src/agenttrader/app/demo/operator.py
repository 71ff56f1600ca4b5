"""What the demo person asks of the gateway: to look, to open, resume and close a window, and to compare.

A gateway that restarts is waited for. Where an answer was lost, nothing is sent again: the gateway's own
status says what came of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from msgspec import Struct

from agenttrader.app.demo.report import Compared
from agenttrader.app.demo.setup import PERSON, Person
from agenttrader.app.gateway.desk import ReconcileBody, StatusBody
from agenttrader.model.authority import EVERYTHING, Act, Mode, Statement
from agenttrader.model.errors import BadValue, StatementRefused, Unreachable
from agenttrader.model.times import Instant
from agenttrader.protocols.native import Snapshot, TradingBody

PATIENCE_SECONDS = 30
"""How long a gateway that does not answer is asked again: it may be starting anew."""
PAUSE_SECONDS = 0.2

T = TypeVar("T")


class Client(Protocol):
    """A person's way to the gateway. Each call is made once; see `adapters.operator_client`."""

    async def get(self, path: str, answer: type[T]) -> T:
        """What stands at `path`."""
        ...

    async def post(self, path: str, body: Struct, answer: type[T]) -> T:
        """The answer to `body`."""
        ...


class Envelope(Struct, frozen=True):
    """A signed statement on its way."""

    envelope: str


class Reason(Struct, frozen=True):
    """Why."""

    reason: str


class Nothing(Struct, frozen=True):
    """An empty body."""


class Operator:
    """The demo person at the gateway's desk."""

    def __init__(
        self, client: Client, person: Person, now: Callable[[], Instant], nonce: Callable[[], str]
    ) -> None:
        self._client = client
        self._person = person
        self._now = now
        self._nonce = nonce

    async def status(self) -> StatusBody:
        """How the gateway stands. Raises Unreachable when it does not answer for long."""
        return await patiently(lambda: self._client.get("/v1/status", StatusBody))

    async def snapshot(self) -> Snapshot:
        """Everything as the gateway has it now. Raises Unreachable when it does not answer for long."""
        return await patiently(lambda: self._client.get("/v1/snapshot", Snapshot))

    async def open_window(self, start: Instant, end: Instant, reason: str) -> TradingBody:
        """Sign and post a window in PAPER. Raises StatementRefused with the gateway's sentence."""
        return await self._give(Act.OPEN_WINDOW, "/v1/windows", start, end, reason)

    async def resume_window(self, start: Instant, end: Instant, reason: str) -> TradingBody:
        """Sign and post that a suspended window goes on. Raises StatementRefused."""
        return await self._give(Act.RESUME_WINDOW, "/v1/windows/resume", start, end, reason)

    async def close_window(self, reason: str) -> bool:
        """End the window; False where none was open. Raises Unreachable."""
        try:
            await patiently(lambda: self._client.post("/v1/windows/close", Reason(reason), TradingBody))
        except BadValue:
            return False
        return True

    async def compare(self) -> Compared:
        """Compare with the venue now; one that cannot be reached is asked again for a while."""

        async def once() -> ReconcileBody:
            found = await self._client.post("/v1/reconcile", Nothing(), ReconcileBody)
            if found.failure:
                raise Unreachable(found.failure)
            return found

        try:
            body = await patiently(once)
        except Unreachable as error:
            return Compared(breaks=(), failure=str(error))
        return Compared(breaks=body.breaks, failure="")

    async def _give(self, act: Act, path: str, start: Instant, end: Instant, reason: str) -> TradingBody:
        status = await self.status()
        statement = Statement(
            act=act,
            account=status.account,
            epoch=status.epoch,
            configuration=status.configuration,
            mode=Mode.PAPER,
            scope=EVERYTHING,
            start=start,
            end=end,
            reason=reason,
            person=PERSON,
            nonce=self._nonce(),
            issued_at=self._now(),
        )
        try:
            return await self._client.post(path, Envelope(self._person.sign(statement)), TradingBody)
        except Unreachable as error:
            trading = (await self.status()).trading
            if trading.state == "active":
                return trading
            raise StatementRefused(f"the answer to {path} was lost, and nothing is open: {error}") from error


async def patiently(call: Callable[[], Awaitable[T]], seconds: float = PATIENCE_SECONDS) -> T:
    """What `call` gives, asked again after each Unreachable until `seconds` have passed."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            return await call()
        except Unreachable:
            if loop.time() >= deadline:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
