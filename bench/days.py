"""Generated days in which nobody is careful: do the venue, our book and plain SQL agree, and how fast is it?

Each seed is a day of its own (`agenttrader.testing.careless_day`): `--seed` the first, `--days` how many.
A day in which anything differs is named by its seed, and `--seed S --days 1` plays it again. Days are shared
out to a process for each core. Progress goes to stderr, one JSON object to stdout.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from agenttrader.testing.careless_day import CarelessDay, play

DAYS, DAYS_QUICK = 1_000, 100
PROGRESS_EVERY = 50
SHOWN_MAX = 20
"""Of the differences of one day: what follows from the first is of no use."""


def played(seeds: range, processes: int) -> Iterator[CarelessDay]:
    """The days of these seeds, in order."""
    if processes == 1:
        yield from map(play, seeds)
        return
    # A process that begins anew shares nothing that was opened here.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(play, seeds, chunksize=5)


def summed(days: Iterable[CarelessDay], expected: int) -> dict[str, Any]:
    """All days as one; each difference with the seed of its day."""
    sums = {name: Counter[str]() for name in ("had", "orders", "denials", "venue_orders", "answers")}
    numbers: Counter[str] = Counter()
    found: list[dict[str, Any]] = []
    for day in days:
        for name, counter in sums.items():
            counter.update(getattr(day, name))
        numbers.update(
            days=1,
            bars=day.bars,
            fills=day.fills,
            comparisons=day.comparisons,
            restarts=day.restarts,
            breaks=day.breaks,
            bare=day.bare,
            disagreements=len(day.disagreements),
        )
        if day.disagreements:
            found.append({"seed": day.seed, "differs": day.disagreements[:SHOWN_MAX]})
            print(f"seed {day.seed}: {day.disagreements[0]}", file=sys.stderr)
        if numbers["days"] % PROGRESS_EVERY == 0 or numbers["days"] == expected:
            print(
                f"{numbers['days']:,} of {expected:,} days, {numbers['disagreements']} differences",
                file=sys.stderr,
            )
    counted = {name: dict(sorted(counter.items())) for name, counter in sums.items()}
    names = ("days", "bars", "fills", "comparisons", "restarts", "breaks", "bare", "disagreements")
    return {name: numbers[name] for name in names} | counted | {"seeds_that_differ": found}


def main(words: list[str]) -> int:
    """Play, and say what differed; 1 where anything did."""
    parser = argparse.ArgumentParser(prog="agenttrader bench days")
    parser.add_argument("--days", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args(words)
    days = asked.days if asked.days is not None else DAYS_QUICK if asked.quick else DAYS
    if days < 1:
        parser.error(f"--days: expected 1 or more, found {days}")
    processes = min(os.cpu_count() or 1, days)
    start = time.perf_counter()
    found = summed(played(range(asked.seed, asked.seed + days), processes), days)
    seconds = time.perf_counter() - start
    # What reached the venue, legs too, and what was denied before it.
    orders = sum(found["venue_orders"].values()) + sum(found["denials"].values())
    found["throughput"] = {
        "processes": processes,
        "seconds": round(seconds, 1),
        "days_per_second": round(days / seconds, 2),
        "bars_per_second": round(found["bars"] / seconds),
        "orders_per_second": round(orders / seconds),
    }
    print(json.dumps({"seed": asked.seed} | found))
    return 1 if found["disagreements"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
