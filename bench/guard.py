"""What the guard adds to an order: the same order sent to the venue directly and through the gateway.

Real processes on this machine, real HTTP with keep-alive, the journal on disk. Runs alternate, directly and
through the gateway, so that what else the machine does meets both; each figure is a median of the runs.
`added` is the difference of the medians. An answer waits for the commit of the decision, so the disk's own
time for one is measured in the same run. Afterwards the orders are counted at the venue, our book is compared
with its, and the journal is verified.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp

from agenttrader.app.journals.verify import verify
from agenttrader.testing.permissive_day import BOT, DIRECT, Body, PermissiveDay
from agenttrader.testing.played_day import playing

RUNS, RUNS_QUICK = 9, 3
ORDERS, ORDERS_QUICK = 128, 64
"""Of a run. They rest until it ends."""
WARM_UP = 20
SYNCS = 200
CLIENTS = (1, 16, 64)
ADDED_P50_MS_MAX, ADDED_P99_MS_MAX = 1.5, 5.0


class Way:
    """One way to the venue: whose orders they are, and how many it has taken."""

    def __init__(self, name: str, url: str, headers: dict[str, str], body: Body) -> None:
        self.name = name
        self.sent = 0
        self.url = url
        self.headers = headers
        self._body = body

    async def run(self, orders: int, clients: int) -> tuple[list[float], float]:
        """Milliseconds of each order, and seconds of all; so many clients, each with its own connection."""
        milliseconds: list[float] = []

        async def one(share: int) -> None:
            async with aiohttp.ClientSession(headers=self.headers) as session:
                milliseconds.extend([await self._order(session) for _ in range(share)])

        start = time.perf_counter()
        await asyncio.gather(*(one(orders // clients) for _ in range(clients)))
        return milliseconds, time.perf_counter() - start

    async def _order(self, session: aiohttp.ClientSession) -> float:
        self.sent += 1
        body = self._body | {"client_order_id": f"{self.name} {self.sent}"}
        start = time.perf_counter()
        async with session.post(f"{self.url}/v2/orders", json=body) as answer:
            text = await answer.read()
            found = (time.perf_counter() - start) * 1_000
        if answer.status != HTTPStatus.OK or json.loads(text)["status"] not in ("new", "accepted"):
            raise SystemExit(f"{self.name}: expected an accepted order, found {answer.status}: {text!r}")
        return found


async def measured(day: PermissiveDay, runs: int, orders: int) -> dict[str, Any]:
    """Both ways in turn, for each number of clients."""
    body, venue = await day.resting(), day.address("venue") or ""
    ways = (
        Way("direct", venue, day.venue_headers(DIRECT), body),
        Way("guard", day.address("gateway") or "", day.headers(), body),
    )
    for way in ways:
        await way.run(WARM_UP, 1)
    found: dict[str, Any] = {}
    for clients in CLIENTS:
        figures: dict[str, list[dict[str, float]]] = {way.name: [] for way in ways}
        for _ in range(runs):
            for way in ways:
                milliseconds, seconds = await way.run(orders, clients)
                cuts = quantiles(milliseconds, n=100)
                figures[way.name].append(
                    {"p50_ms": cuts[49], "p99_ms": cuts[98], "orders_per_second": len(milliseconds) / seconds}
                )
                await day.cancel_all(way.url, way.headers)
            await day.bar()
        found[f"{clients}_clients"] = summed(figures)
    symbol = day.symbols[BOT]
    for way, account in zip(ways, (DIRECT, day.configuration.venue.accounts[0].key_id), strict=True):
        held = await day.held_by_the_venue(venue, account)
        assert held == {symbol: way.sent}, (
            f"{way.name}: expected {way.sent} orders at the venue, found {held}"
        )
    await day.agree()
    return found


def summed(figures: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """The median of each figure, and what the guard adds to each time."""
    sums = {
        name: {what: round(median(run[what] for run in runs), 3) for what in runs[0]}
        for name, runs in figures.items()
    }
    added = {what: round(sums["guard"][what] - sums["direct"][what], 3) for what in ("p50_ms", "p99_ms")}
    return sums | {"added": added}


async def bench(folder: Path, runs: int, orders: int) -> dict[str, Any]:
    """A day of its own, and its journal verified when it has ended."""
    day = PermissiveDay(folder)
    async with playing(day):
        await day.bar()
        await day.open_window()
        found = await measured(day, runs, orders)
        found["fdatasync_ms"] = fdatasync_ms(folder / "sync")
    journal = verify(day.path).found
    return found | {"journal": {"records": journal.records, "finding": journal.finding}}


def fdatasync_ms(path: Path) -> float:
    """What one page of 4 KiB costs to be on disk, where the journal is."""
    figures = []
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            start = time.perf_counter()
            file.write(bytes(4_096))
            os.fdatasync(file.fileno())
            figures.append((time.perf_counter() - start) * 1_000)
    return round(median(figures), 3)


def show(found: dict[str, Any]) -> None:
    """The table, to stderr."""
    print(f"{'':>12}  {'p50 ms':>9}  {'p99 ms':>9}  {'orders/s':>9}", file=sys.stderr)
    for clients in CLIENTS:
        of = found[f"{clients}_clients"]
        for name in ("direct", "guard"):
            row = of[name]
            print(
                f"{name:>8} {clients:>3}  {row['p50_ms']:>9.2f}  {row['p99_ms']:>9.2f}"
                f"  {row['orders_per_second']:>9.0f}",
                file=sys.stderr,
            )
    added = found["1_clients"]["added"]
    print(
        f"{'added':>8}   1  {added['p50_ms']:>9.2f}  {added['p99_ms']:>9.2f}"
        f"  aims: {ADDED_P50_MS_MAX}, {ADDED_P99_MS_MAX}",
        file=sys.stderr,
    )
    print(f"the disk: {found['fdatasync_ms']:.2f} ms for a page; an order waits for one", file=sys.stderr)


def main(words: list[str]) -> int:
    """Measure, print the table and the JSON; 1 where the journal does not verify."""
    parser = argparse.ArgumentParser(prog="agenttrader bench guard")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args(words)
    runs, orders = (RUNS_QUICK, ORDERS_QUICK) if asked.quick else (RUNS, ORDERS)
    with tempfile.TemporaryDirectory(prefix="bench-guard-") as folder:
        found = asyncio.run(bench(Path(folder), runs, orders))
    show(found)
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    aims = {"added_p50_ms_max": ADDED_P50_MS_MAX, "added_p99_ms_max": ADDED_P99_MS_MAX}
    print(json.dumps({"machine": machine, "runs": runs, "orders": orders, "aims": aims} | found))
    return 1 if found["journal"]["finding"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
