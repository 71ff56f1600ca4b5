"""The stage of a drill: a real venue and a real gateway on loopback, and a market that says what it is told.

The market is served from here over a real socket, so that a drill says what prices do, wrong ones too, and
how time goes by. Faults between gateway and venue are the venue's own (`app.fault_kinds`).
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp

from agenttrader.api.market_stream import Terms
from agenttrader.api.marketdata import create_marketdata_app
from agenttrader.app.gateway.status import ReconcileBody, StatusBody
from agenttrader.app.marketdata.aggregation import Actions
from agenttrader.app.marketdata.broadcast import Broadcast
from agenttrader.app.marketdata.health import judge_health
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import AgentTraderError
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar, Told, Watermark
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.simulation.market import FEED, NOTICE
from agenttrader.testing.drills.report import Found, Look
from agenttrader.testing.killed_day import KilledDay
from agenttrader.testing.permissive_day import Nothing
from agenttrader.testing.played_day import PATIENCE_SECONDS, playing, sha256
from agenttrader.testing.serving import serving

ALFA = Symbol("ALFA")
PRICE = Decimal("48.20")
ORDERS = "POST /v2/orders"
WAIT_SECONDS = 12
"""How long a drill waits for what must come; the adapter asks for a lost answer for eight seconds."""
LOOK_SECONDS = 0.05
_ENDED = frozenset({"canceled", "expired", "rejected", "filled"})

Tables = dict[str, Any]
Change = Callable[[Tables], None]


class DrillDay(KilledDay):
    """One venue, one gateway, and what a drill says, does and looks at."""

    def __init__(self, folder: Path, change: Change = lambda _: None) -> None:
        """`change` may alter the configuration."""

        def changed(tables: Tables) -> None:
            tables["gateway"] |= {"inbox": "arrival"}
            faults = {"listen": "127.0.0.1:0", "seed": 7, "planned": [], "token_sha256": sha256(self.token)}
            tables["venue"]["faults"] = faults
            change(tables)

        super().__init__(folder, changed, ("venue", "gateway"))
        self.looks: list[Look] = []
        self.evidence: dict[str, list[str]] = {}
        self.broadcast = Broadcast()
        self.time = self.session.open
        """How far the market has told."""

    # What is looked at.

    def expect(self, name: str, expected: Found, observed: Found) -> None:
        """Look at something: it is to be as expected."""
        self.looks.append(Look(name, expected, observed))

    async def becomes(self, condition: Callable[[], Awaitable[bool]]) -> bool:
        """Whether it comes to hold in time. What cannot be asked just now does not hold yet."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(AgentTraderError, aiohttp.ClientError):
                if await condition():
                    return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    # The market.

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve it; the value is `host:port`."""
        terms = Terms(
            feed=FEED,
            notice=NOTICE,
            channels=frozenset({"bars", "statuses"}),
            actions=Actions(splits=(), without_dividends=True),
            keys={each.key_id: Digest(each.secret_sha256) for each in self.configuration.marketdata.keys},
            settle=None,
        )

        def health() -> Any:
            return judge_health(self.time, self.broadcast.last_tick, max_age_seconds=180, forced_stale=False)

        async with serving(create_marketdata_app(self.broadcast, terms, health=health, pace=None)) as address:
            self.announcements.announce("marketdata", address)
            yield address

    def tell(self, *told: Told) -> None:
        """The market says it."""
        for each in told:
            self.broadcast.publish(each)

    def minute(self, close: Decimal = PRICE, volume: int = 100_000) -> Bar:
        """A bar of the minute that comes next, at one price."""
        prices = dict.fromkeys(("open", "high", "low", "close"), close)
        return Bar(symbol=ALFA, start=self.time, interval=MINUTE, volume=Decimal(volume), **prices)

    def pass_time(self, minutes: int = 1, *bars: Bar) -> None:
        """So much time goes by, with these bars and no other."""
        self.time = Instant(self.time + minutes * MINUTE)
        self.tell(*bars, Watermark(time=self.time))

    async def trade(self, minutes: int = 1) -> None:
        """So many quiet minutes, one after the other, each heard by the gateway before the next."""
        for _ in range(minutes):
            self.pass_time(1, self.minute())
            assert await self.becomes(self.has_heard), self.logs()

    async def has_heard(self) -> bool:
        """Whether the gateway has heard all that the market has told."""
        told = (await self.status()).watermark
        return told is not None and from_rfc3339(told) >= self.time

    # What is asked.

    async def status(self) -> StatusBody:
        """How the gateway stands."""
        return await self.ask("/v1/status", StatusBody)

    async def is_ready(self) -> bool:
        """Whether `/readyz` says so."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.address('gateway')}/readyz") as answer,
        ):
            return answer.status == HTTPStatus.OK

    async def may_trade(self) -> bool:
        """Whether trading is active, as the gateway itself says."""
        return (await self.status()).trading.state == TradingState.ACTIVE.value

    async def is_halted(self) -> bool:
        """Whether nothing of an agent's may leave, as the gateway itself says."""
        return not await self.may_trade()

    async def reconciled(self) -> ReconcileBody:
        """What a comparison finds now."""
        return await self.say("/v1/reconcile", Nothing(), ReconcileBody)

    async def differences(self) -> list[str]:
        """What a comparison finds now, in sentences, or why it cannot be made."""
        found = await self.reconciled()
        return [found.failure] if found.failure else [each.sentence for each in found.breaks]

    async def agree(self) -> None:
        """Look whether our book and the venue's agree."""
        self.expect("differences between the books", [], await self.differences())

    async def order(self, number: int, **changes: Any) -> str:
        """What becomes of an order that rests, or would: its state, and the check where it is denied."""
        answer = await self.propose(proposal_id=str(UUID(int=number)), **changes)
        if "state" not in answer:
            return str(answer.get("code", answer))
        code = answer["decision"]["code"] if answer["state"] == "denied" else ""
        return f"{answer['state']} {code}".strip()

    async def entries(self) -> list[dict[str, Any]]:
        """Every entry that the venue ever took, with what became of it."""
        asked = "/v2/orders?status=all&limit=500&nested=true"
        return [each for each in await self.at_venue(asked) if each["side"] == "buy"]

    async def works(self) -> int:
        """How many entries work at the venue."""
        return sum(each["status"] not in _ENDED for each in await self.entries())

    async def metrics(self, name: str) -> dict[str, int]:
        """The samples of a metric, as they stand."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.address('gateway')}/metrics") as answer,
        ):
            lines = (await answer.text()).splitlines()
        samples = (line.rpartition(" ") for line in lines if line.startswith(name))
        return {sample: int(Decimal(value)) for sample, _, value in samples}

    # What goes wrong.

    async def plan(
        self, fault: str, only: Iterable[str] = (), times: int | str = "always", **fields: Any
    ) -> None:
        """Have the venue fail from now on."""
        body = {"fault": fault, "only": list(only), "per_mille": 1000, "times": times} | fields
        await self._control("POST", "/v1/faults", body)

    async def heal(self) -> None:
        """Have it fail no more."""
        await self._control("DELETE", "/v1/faults", None)

    async def struck(self) -> Counter[str]:
        """How often what has struck."""
        found = await self._control("GET", "/v1/struck?after=0", None)
        return Counter(each["fault"] for each in found["struck"])

    async def _control(self, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, f"{self.address('venue_control')}{path}", json=body) as answer,
        ):
            assert answer.ok, await answer.text()
            return await answer.json()


@contextlib.asynccontextmanager
async def opened(day: DrillDay) -> AsyncIterator[DrillDay]:
    """The day's processes, its market at work and a window open; the block ends them."""
    async with day.serving():
        beginning = asyncio.create_task(_begin(day))
        try:
            async with playing(day):
                beginning.cancel()
                await day.trade()
                await day.open_window()
                yield day
        finally:
            beginning.cancel()


async def _begin(day: DrillDay) -> None:
    """Say what time it is until somebody has heard it."""
    for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
        day.tell(Watermark(time=day.time))
        await asyncio.sleep(LOOK_SECONDS)
