"""Many rounds, on a day after the other: `python -m agenttrader.testing.rounds.play` plays and reports them.

A round in which something is wrong ends its day, and the day's folder is kept for whoever looks into it.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agenttrader.model.errors import AgentTraderError
from agenttrader.model.times import Instant
from agenttrader.testing.played_day import playing
from agenttrader.testing.rounds.day import RoundsDay
from agenttrader.testing.rounds.report import page, report
from agenttrader.testing.rounds.rounds import Told, plan_of, play

ROUNDS_A_DAY = 40
"""A day has 390 minutes, and a round takes three of them; a journal that grows takes time to judge."""

Heard = Callable[[Told], None]


async def play_all(seed: int, count: int, heard: Heard) -> list[Told]:
    """Rounds 0 to `count`, told one by one."""
    told: list[Told] = []
    while len(told) < count:
        folder = Path(tempfile.mkdtemp(prefix="agenttrader-rounds-"))
        numbers = range(len(told), min(len(told) + ROUNDS_A_DAY, count))
        news = await play_day(RoundsDay(folder), seed, numbers, heard)
        told += news
        if any(each.findings for each in news):
            sys.stderr.write(f"what was wrong lies in {folder}\n")
        else:
            shutil.rmtree(folder)
    return told


async def play_day(day: RoundsDay, seed: int, numbers: range, heard: Heard) -> list[Told]:
    """Rounds of one day that has not begun, up to the first in which something is wrong."""
    told: list[Told] = []
    async with playing(day):
        await day.bar()
        await day.open_window()
        for number in numbers:
            plan = plan_of(seed, number)
            try:
                each = await play(day, plan, seed)
            except (AssertionError, AgentTraderError, aiohttp.ClientError, TimeoutError) as error:
                each = plan.failed(f"{type(error).__name__}: {error}")
            told.append(each)
            heard(each)
            if each.findings:
                break
    return told


def main(words: list[str]) -> int:
    """Play, write the reports, print them; 0 where the promises were kept, else 1."""
    parser = argparse.ArgumentParser(description="Rounds of kill -9.")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--reports", type=Path, required=True)
    asked = parser.parse_args(words)
    began = time.monotonic()
    with _progress(asked.count) as heard:
        played = asyncio.run(play_all(asked.seed, asked.count, heard))
    found = report(played, asked.seed, time.monotonic() - began, Instant(time.time_ns()))
    asked.reports.mkdir(parents=True, exist_ok=True)
    stem = asked.reports / f"rounds-{found['time'][:19].replace('-', '').replace(':', '')}Z"
    stem.with_suffix(".json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    stem.with_suffix(".md").write_text(page(found))
    sys.stderr.write(page(found))
    sys.stdout.write(json.dumps({name: each for name, each in found.items() if name != "played"}) + "\n")
    return 0 if found["kept"] else 1


@contextlib.contextmanager
def _progress(count: int) -> Iterator[Heard]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("rounds", total=count)

        def heard(told: Told) -> None:
            bar.advance(task)
            for finding in told.findings:
                console.print(f"round {told.number}, {told.kind}: {finding}", markup=False, soft_wrap=True)

        yield heard


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
