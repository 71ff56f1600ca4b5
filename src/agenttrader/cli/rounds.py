"""`agenttrader rounds`: real processes under load are killed, again and again, and judged from outside."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

REPORTS = Path("audit_artifacts") / "rounds"


def rounds(
    *,
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, help="How many rounds.")] = 200,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Decides which kills, of what and when.")
    ] = 1,
    reports: Annotated[
        Path, typer.Option("--reports", metavar="FOLDER", help="Where the report is written.")
    ] = REPORTS,
) -> None:
    """Kill gateway, venue and strategy with kill -9 under load: no order is lost, none is sent twice.

    Every round starts again on the same disk. Exit code 1 where a promise was broken, or where 200 rounds or
    more have hit a phase of an order fewer than 10 times.
    """
    # A process of its own: what plays them is no part of what the other verbs load.
    words = ["--count", str(count), "--seed", str(seed), "--reports", str(reports)]
    command = [sys.executable, "-m", "agenttrader.testing.rounds.play", *words]
    raise typer.Exit(subprocess.run(command, check=False).returncode)
