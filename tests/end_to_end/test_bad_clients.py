"""Clients that cannot be helped, beside good ones that trade: nothing of the good ones' is lost or late.

Everything is real: the processes, the sockets, and what is said on them. The gateway is watched from outside:
its memory, its open files, and how long it takes to answer a good client.
"""

import asyncio
import logging
import os
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from agenttrader.testing import bad_clients
from agenttrader.testing.permissive_day import BOT, PermissiveDay
from agenttrader.testing.played_day import PATIENCE_SECONDS, playing

ANSWER_SECONDS_MAX = 1.0
RSS_GROWTH_MAX = 48 * 1024 * 1024
"""The good orders' own records, and what an allocator keeps; a thousand times 64 KiB would be more."""
GOOD_PAUSE_SECONDS = 0.02

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.timeout(120)


class Good:
    """A client that sends orders one after the other, each until it is answered, and asks for each."""

    def __init__(self, day: PermissiveDay, body: dict[str, object]) -> None:
        self.accepted: list[str] = []
        self.slowest = 0.0
        self.cut = 0
        """How often its connection was taken from it."""
        self._day = day
        self._body = body

    async def trade(self, enough: asyncio.Event) -> None:
        async with aiohttp.ClientSession(
            self._day.address("gateway"), headers=self._day.headers()
        ) as session:
            while not enough.is_set():
                name = f"good {len(self.accepted)}"
                order = self._body | {"client_order_id": name}
                while await self._post(session, order) != 200:
                    pass
                self.accepted.append(name)
                await asyncio.sleep(GOOD_PAUSE_SECONDS)

    async def _post(self, session: aiohttp.ClientSession, order: dict[str, object]) -> int:
        start = time.monotonic()
        try:
            async with session.post("/v2/orders", json=order) as answer:
                assert answer.status == 200, await answer.text()
                assert (await answer.json())["client_order_id"] == order["client_order_id"]
                return answer.status
        except aiohttp.ClientConnectionError:
            self.cut += 1
            return 0
        finally:
            self.slowest = max(self.slowest, time.monotonic() - start)


def rss_of(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def files_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def files_back(pid: int, before: int) -> None:
    """No more files are open than before; a connection that ended is let go of in its own time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while files_of(pid) > before:
        assert time.monotonic() < deadline, f"expected {before} open files, found {files_of(pid)}"
        await asyncio.sleep(0.05)


async def misbehave(day: PermissiveDay, clients: int, at_once: int) -> None:
    """So many bad clients, so many of them at a time; a process of its own is not in the good ones' way."""
    port = int((day.address("gateway") or "").rpartition(":")[2])
    words = ["-m", bad_clients.__name__, str(port), BOT, str(clients), str(at_once)]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=asyncio.subprocess.PIPE)
    await process.communicate(day.key_of(BOT).encode())
    assert process.returncode == 0


async def endure(tmp_path: Path, clients: int, at_once: int) -> None:
    day = PermissiveDay(tmp_path)
    async with playing(day):
        await day.bar()
        await day.open_window()
        pid = day.processes["gateway"].pid
        files = files_of(pid)
        await misbehave(
            day, at_once, at_once
        )  # What is kept for the next time is kept before it is measured.
        await files_back(pid, files)
        memory, enough = rss_of(pid), asyncio.Event()
        good = Good(day, await day.resting())
        trading = asyncio.create_task(good.trade(enough))
        start = time.monotonic()
        await misbehave(day, clients, at_once)
        seconds = time.monotonic() - start
        enough.set()
        await trading
        await files_back(pid, files)
        grown = rss_of(pid) - memory
        logger.info(
            "%d bad clients in %.1f s, %d orders meanwhile, slowest %.3f s, %d cut, memory +%.1f MiB",
            *(clients, seconds, len(good.accepted), good.slowest, good.cut, grown / 2**20),
        )
        assert good.slowest <= ANSWER_SECONDS_MAX
        assert grown <= RSS_GROWTH_MAX
        url, account = day.address("venue") or "", day.configuration.venue.accounts[0]
        assert await day.held_by_the_venue(url, account.key_id) == {day.symbols[BOT]: len(good.accepted)}
        await day.agree()
        assert "request_failed" not in (day.folder / "gateway.log").read_text()


async def test_bad_clients_cost_good_ones_nothing(tmp_path: Path) -> None:
    await endure(tmp_path, clients=180, at_once=60)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_thousand_bad_clients_cost_good_ones_nothing(tmp_path: Path) -> None:
    await endure(tmp_path, clients=5_200, at_once=1_000)
