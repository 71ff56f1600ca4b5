"""The drill of kill: from the command to the last order that reaches the venue, over every channel.

A venue, a market and a gateway of its own run as processes on loopback, and clients send orders as fast as
they are answered. Each channel kills a day of its own. What counts is the log of the venue: the moment at
which its last order was written there, by the monotonic clock of this machine, looked at every millisecond.
"""

import asyncio
import contextlib
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
from msgspec import Struct

from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.protocols.native import TradingBody
from agenttrader.protocols.person_bodies import HaltBody
from agenttrader.testing.drills.report import Finding, Look
from agenttrader.testing.killed_day import KilledDay
from agenttrader.testing.played_day import playing

NAME = "kill"
ABOUT = (
    "Clients send orders as fast as they are answered, and everything is killed: within a second none leaves."
)
PROMISED_MS = 1_000
AIMED_MS = 100
WATCHED_SECONDS = 1.5
"""How long the venue's log is watched after the command: longer than the promise."""
LOOK_SECONDS = 0.001
MANY = 1_000_000
ORDER = b'"type":"order"'
KILL = ("kill", "--confirm", "HALT TRADING", "--reason", "a drill")
CHANNELS = ("cli", "api", "file", "fence")


def unlimited(tables: dict[str, Any]) -> None:
    """Limits that a flood does not reach."""
    tables["gateway"]["inbox"] = "arrival"
    for limits in (tables["limits"]["account"], tables["limits"]["agent"]["momentum"]):
        limits |= {"orders_per_minute_max": MANY, "open_orders_max": MANY, "gross_exposure_max": str(10**9)}
        limits |= {"net_exposure_max": str(10**9), "daily_orders_max": MANY, "daily_new_risk_max": str(10**9)}
        limits |= {"long_exposure_max": str(10**9), "short_exposure_max": str(10**9)}
    wide = {"gross_exposure_max": str(10**9), "daily_orders_max": MANY, "daily_new_risk_max": str(10**9)}
    tables["limits"] |= {"group": {}, "strategy": {"momentum": wide}}
    tables["limits"]["account"]["concentration_fraction_max"] = str(10**9)
    tables["limits"]["agent"]["momentum"] |= {"repeats_max": MANY, "messages_per_minute_max": MANY}
    tables["limits"]["account"]["dead_machine_loss_max"] = str(10**9)
    tables["limits"]["symbol"]["ALFA"]["position_quantity_max"] = str(10**9)
    tables["venue"]["accounts"][0]["cash"] = str(10**9)


class WireLog:
    """The venue's log, followed: when its last order was written, and how many there were."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.orders = 0
        self.last = time.monotonic()

    def look(self) -> None:
        """Take what has been added."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        found = sum(is_order(line) for line in whole.splitlines())
        if found:
            self.orders += found
            self.last = time.monotonic()

    async def follow(self) -> None:
        """Look until canceled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)


def is_order(line: bytes) -> bool:
    """Whether an entry of the venue's log is an order that arrived."""
    return line.startswith(ORDER, 1)


async def hammer(day: KilledDay, session: aiohttp.ClientSession, name: int) -> None:
    """Send orders, one after the other, as fast as they are answered."""
    assert day.market is not None
    for number in range(MANY):
        body = day.proposal(proposal_id=str(UUID(int=name * MANY + number)), quantity="1")
        with contextlib.suppress(aiohttp.ClientError):
            async with session.post(f"{day.address('gateway')}/v1/proposals", json=body) as answer:
                await answer.read()


async def by_cli(day: KilledDay) -> None:
    """As a person types it, the program's own start included."""
    await day.type(*KILL)


async def by_api(day: KilledDay) -> None:
    """POST /v1/halt, on record when it is answered."""
    await day.say("/v1/halt", HaltBody(EVERYTHING, TradingState.HALTED, "a drill"), TradingBody)


async def by_file(day: KilledDay) -> None:
    """`echo 1` into the halt file."""
    (day.folder / day.configuration.switches.file).write_text("1\n")


async def by_fence(day: KilledDay) -> None:
    """The gateway stands still while kill is called, and wakes up afterwards: what counts is from there."""
    day.processes["gateway"].send_signal(signal.SIGCONT)


ACTS: dict[str, Callable[[KilledDay], Awaitable[None]]] = {
    "cli": by_cli,
    "api": by_api,
    "file": by_file,
    "fence": by_fence,
}


async def drill(channel: str, clients: int, milliseconds: int) -> dict[str, Any]:
    """One kill of one day; its figures."""
    with tempfile.TemporaryDirectory(prefix="agenttrader-drill-") as folder:
        async with playing(KilledDay(Path(folder), unlimited)) as day, contextlib.AsyncExitStack() as stack:
            await day.bar()
            await day.open_window()
            log = WireLog(day.configuration.path(day.configuration.venue.log))
            headers = {"Authorization": f"Bearer {day.key_of('momentum')}"}
            session = await stack.enter_async_context(
                aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0))
            )
            tasks = [asyncio.create_task(hammer(day, session, name)) for name in range(clients)]
            tasks.append(asyncio.create_task(log.follow()))
            try:
                await asyncio.sleep(milliseconds / 1_000)
                if channel == "fence":
                    day.processes["gateway"].send_signal(signal.SIGSTOP)
                    await day.type(*KILL)
                log.look()
                before, start = log.orders, time.monotonic()
                await ACTS[channel](day)
                took = time.monotonic() - start
                await asyncio.sleep(WATCHED_SECONDS)
                log.look()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    after = log.orders - before
    return {
        "channel": channel,
        "orders_before": before,
        "orders_after": after,
        "last_order_ms": round((log.last - start) * 1000, 1) if after else 0.0,
        "command_ms": round(took * 1000, 1),
    }


class Killing(Struct, frozen=True):
    """How it is tried."""

    clients: int = 64
    """How many send orders at once."""
    milliseconds: int = 1_000
    """Of orders before each kill."""
    channels: tuple[str, ...] = CHANNELS


async def find(killing: Killing) -> Finding:
    """Kill over each channel; whether the promise was kept, and the figures."""
    start, looks, figures = time.monotonic(), list[Look](), list[str]()
    for channel in killing.channels:
        told = await drill(channel, killing.clients, killing.milliseconds)
        looks += [
            Look(
                f"{channel}: orders came before the kill", expected=True, observed=told["orders_before"] > 0
            ),
            Look(
                f"{channel}: the last order within {PROMISED_MS} ms",
                expected=True,
                observed=told["last_order_ms"] <= PROMISED_MS,
            ),
        ]
        figures.append(
            f"{channel}: {told['orders_before']} orders before the kill, {told['orders_after']} after it, "
            f"the last {told['last_order_ms']} ms after the command, which was done after "
            f"{told['command_ms']} ms"
        )
    return Finding(
        drill=NAME,
        about=ABOUT,
        looks=tuple(looks),
        evidence={f"figures, with {killing.clients} clients; the aim is {AIMED_MS} ms": figures},
        failure="",
        seconds=round(time.monotonic() - start),
    )
