"""Run drills by name: `python -m agenttrader.testing.drills NAME…`, as `agenttrader drill` does.

Each is told on stderr as it begins and ends and reported in the folder; the reports go to stdout as one JSON
array. `--list` tells which there are instead. Exit code 0 where all passed, else 1.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from agenttrader.model.times import Instant
from agenttrader.testing.drills import killing
from agenttrader.testing.drills.catalog import DRILLS
from agenttrader.testing.drills.killing import CHANNELS, Killing
from agenttrader.testing.drills.playing import run
from agenttrader.testing.drills.report import Finding, write

KNOWN = {each.name: each for each in DRILLS}
NAMES = (*KNOWN, killing.NAME)


def main() -> int:
    """Do as the words say."""
    words = _words()
    if words.list:
        told = [{"name": each.name, "group": each.group.value, "about": each.about} for each in DRILLS]
        told.append({"name": killing.NAME, "group": "kill", "about": killing.ABOUT})
        sys.stdout.write(json.dumps(told) + "\n")
        return 0
    tried = Killing(words.clients, words.milliseconds, tuple(words.channel or CHANNELS))
    reports = []
    for name in words.names or NAMES:
        sys.stderr.write(f"{name} …\n")
        found = asyncio.run(_find(name, tried))
        reports.append(write(found, words.reports, Instant(time.time_ns())))
        sys.stderr.write(f"{'pass' if found.passed else 'FAIL'}  {name}  {found.seconds} s\n")
    sys.stdout.write(json.dumps(reports) + "\n")
    return 0 if all(each["passed"] for each in reports) else 1


async def _find(name: str, tried: Killing) -> Finding:
    return await killing.find(tried) if name == killing.NAME else await run(KNOWN[name])


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="agenttrader drill", description="Drills; all where none is named.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(NAMES)}")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--reports", type=Path, default=Path("audit_artifacts") / "drills")
    parser.add_argument("--clients", type=int, default=Killing().clients)
    parser.add_argument("--milliseconds", type=int, default=Killing().milliseconds)
    parser.add_argument("--channel", choices=CHANNELS, action="append")
    words = parser.parse_args()
    if unknown := [name for name in words.names if name not in NAMES]:
        parser.error(
            f"expected drills that there are, found {', '.join(unknown)}; there are: {', '.join(NAMES)}"
        )
    return words


if __name__ == "__main__":
    sys.exit(main())
