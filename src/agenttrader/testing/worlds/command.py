"""What `agenttrader world` and `agenttrader worlds` run: `python -m agenttrader.testing.worlds.command`.

Progress and what a person reads go to stderr, one JSON object to stdout. Ends with 1 where a promise was
broken, or a planted bug was not found.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agenttrader.testing.planted import PLANTED
from agenttrader.testing.worlds.faults import Happening
from agenttrader.testing.worlds.script import script_of
from agenttrader.testing.worlds.shrink import shortest
from agenttrader.testing.worlds.wide import Sum, all_planted, played, wide

DONE, FINDING = 0, 1
SHOWN_MAX = 20
"""Of the worlds that failed: what follows is in the report."""
_TRADING_MINUTES = 390
"""Of a whole trading day: what a world's minutes are counted in."""


def main(arguments: list[str]) -> int:
    """One world, or many; the exit code."""
    parser = argparse.ArgumentParser(prog="agenttrader worlds")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--reports", type=Path, default=Path("audit_artifacts/worlds"))
    given = parser.parse_args(arguments)
    if given.seed is not None:
        return one(given.seed, with_trace=given.trace)
    if given.planted:
        return planted(given.first, given.seeds, given.reports)
    return many(given.first, given.seeds, given.reports)


def one(seed: int, *, with_trace: bool) -> int:
    """The world of a seed, and where it fails the shortest history that still does."""
    script = script_of(seed)
    outcome = played(script, with_trace=with_trace)
    for line in outcome.trace:
        _say(line)
    found: dict[str, Any] = msgspec.to_builtins(outcome)
    del found["trace"]
    if outcome.findings:
        for finding in outcome.findings:
            _say(f"seed {seed}: {finding}")
        left = shortest(script, outcome, played)
        _say(
            f"the shortest history that still fails, of {left.worlds} worlds: "
            f"{len(left.script.happenings)} of {len(script.happenings)} things happen"
        )
        for happening in left.script.happenings:
            _say(f"  {words_of(happening)}")
        for finding in left.outcome.findings:
            _say(f"  → {finding}")
        found["shortest"] = msgspec.to_builtins(left.script)
    _write(found)
    return FINDING if outcome.findings else DONE


def many(first: int, count: int, reports: Path) -> int:
    """So many seeds from `first` on; the report is written, too."""
    reports.mkdir(parents=True, exist_ok=True)
    cores = os.cpu_count() or 1
    shown: set[int] = set()
    with _bar() as bar:
        task = bar.add_task("worlds", total=count)

        def tell(total: Sum) -> None:
            bar.update(task, completed=total.worlds)
            for each in total.failed:
                if each.seed not in shown and len(shown) < SHOWN_MAX:
                    shown.add(each.seed)
                    bar.console.print(
                        f"seed {each.seed}: {each.findings[0]}", soft_wrap=True, highlight=False
                    )

        total = wide(first, count, cores=cores, progress=reports / "progress.jsonl", tell=tell)
    report = report_of(first, total, cores)
    (reports / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    _write(report)
    return FINDING if total.failed else DONE


def planted(first: int, count: int, reports: Path) -> int:
    """Every planted bug, each looked for in the worlds of these seeds until one finds it."""
    reports.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Any] = {}
    with _bar() as bar:
        task = bar.add_task("planted bugs", total=len(PLANTED))
        for name, found in all_planted(first, count, os.cpu_count() or 1):
            seed, finding = (None, None) if found is None else found
            rows[name] = {"bug": PLANTED[name].sentence, "seed": seed, "finding": finding}
            told = f"not found in {count:,} worlds" if found is None else f"seed {seed}: {finding}"
            bar.console.print(f"{name}: {told}", soft_wrap=True, highlight=False)
            bar.advance(task)
    missed = sorted(name for name, row in rows.items() if row["seed"] is None)
    report = {
        "bugs": len(rows),
        "found": len(rows) - len(missed),
        "missed": missed,
        "seeds": [first, first + count - 1],
        "planted": {name: rows[name] for name in PLANTED},
    }
    (reports / "planted.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    _write(report)
    return FINDING if missed else DONE


def report_of(first: int, total: Sum, cores: int) -> dict[str, Any]:
    """What many worlds came to. A day is counted as 390 minutes of the market."""
    found: dict[str, Any] = msgspec.to_builtins(total)
    seconds = found.pop("seconds")
    days = total.minutes / _TRADING_MINUTES
    return {
        "first": first,
        **found,
        "days": round(days, 1),
        "cores": cores,
        "worlds_per_second_and_core": round(total.worlds / seconds, 2) if seconds else None,
        "days_per_second_and_core": round(days / seconds, 3) if seconds else None,
    }


def words_of(happening: Happening) -> str:
    """What happens and when, on one line."""
    fields = msgspec.to_builtins(happening)
    at_seconds, kind = fields.pop("at_seconds"), fields.pop("type")
    return f"{at_seconds:7.3f} s  {kind} " + " ".join(f"{name}={value}" for name, value in fields.items())


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _write(found: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
