"""What the demo person asks of the gateway: to look, to open, resume and close a window, and to compare.

A gateway that restarts is waited for. Where an answer was lost, nothing is sent again: the gateway's own
status says what came of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from agenttrader.app.demo.report import Compared
from agenttrader.app.demo.setup import PERSON, Person
from agenttrader.app.gateway.status import ReconcileBody, StatusBody
from agenttrader.app.operators import acts
from agenttrader.model.authority import EVERYTHING, Mode
from agenttrader.model.errors import BadValue, StatementRefused, Unreachable
from agenttrader.model.times import Instant
from agenttrader.protocols.native import Snapshot, TradingBody

PATIENCE_SECONDS = 30
"""How long a gateway that does not answer is asked again: it may be starting anew."""
PAUSE_SECONDS = 0.2

T = TypeVar("T")


class Operator:
    """The demo person at the gateway's desk."""

    def __init__(
        self, client: acts.Client, person: Person, now: Callable[[], Instant], nonce: Callable[[], str]
    ) -> None:
        self._desk = acts.Operator(_Patient(client), now, nonce)
        self._pen = acts.Pen(PERSON, person.sign)

    async def status(self) -> StatusBody:
        """How the gateway stands. Raises Unreachable when it does not answer for long."""
        return await self._desk.status()

    async def snapshot(self) -> Snapshot:
        """Everything as the gateway has it now. Raises Unreachable when it does not answer for long."""
        return await self._desk.snapshot()

    async def open_window(self, start: Instant, end: Instant, reason: str) -> TradingBody:
        """Sign and post a window in PAPER. Raises StatementRefused with the gateway's sentence."""
        lease = acts.Lease(mode=Mode.PAPER, scope=EVERYTHING, start=start, end=end, reason=reason)
        return await self._once(self._desk.open_window(self._pen, lease))

    async def resume_window(self, reason: str) -> TradingBody:
        """Sign and post that the suspended window goes on. Raises StatementRefused."""
        try:
            return await self._once(self._desk.resume_window(self._pen, reason))
        except BadValue as error:
            raise StatementRefused(str(error)) from error

    async def close_window(self, reason: str) -> bool:
        """End the window; False where none was open. Raises Unreachable."""
        try:
            await patiently(lambda: self._desk.close_window(reason))
        except BadValue:
            return False
        return True

    async def compare(self) -> Compared:
        """Compare with the venue now; one that cannot be reached is asked again for a while."""

        async def once() -> ReconcileBody:
            found = await self._desk.reconcile()
            if found.failure:
                raise Unreachable(found.failure)
            return found

        try:
            body = await patiently(once)
        except Unreachable as error:
            return Compared(breaks=(), failure=str(error))
        return Compared(breaks=body.breaks, failure="")

    async def _once(self, act: Awaitable[TradingBody]) -> TradingBody:
        """What came of an act, by its answer or, where that was lost, by the gateway's status."""
        try:
            return await act
        except Unreachable as error:
            trading = (await self.status()).trading
            if trading.state == "active":
                return trading
            raise StatementRefused(f"the gateway's answer was lost, and nothing is open: {error}") from error


class _Patient:
    """A client whose questions are asked again. What it posts, it posts once."""

    def __init__(self, client: acts.Client) -> None:
        self._client = client

    async def get(self, path: str, answer: type[T]) -> T:
        return await patiently(lambda: self._client.get(path, answer))

    async def post(self, path: str, body: Struct, answer: type[T]) -> T:
        return await self._client.post(path, body, answer)


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
