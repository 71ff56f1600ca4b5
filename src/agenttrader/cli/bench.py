"""`agenttrader bench WHAT`: this machine's figures, beside peers in one run. It needs a checkout."""

import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

import agenttrader
from agenttrader.cli.exit_codes import ExitCode

BENCHES = Path(agenttrader.__file__).parents[2] / "bench"


class Bench(Enum):
    """What can be measured."""

    DAYS = "days"
    GATEWAY = "gateway"
    GUARD = "guard"
    RECOVERY = "recovery"
    START = "start"


def bench(
    what: Annotated[
        Bench,
        typer.Argument(
            metavar="WHAT",
            help="days: generated days, and whether three books agree. "
            "gateway: a decision, a round, a durable order. "
            "guard: what the gateway adds to an order, over HTTP. "
            "recovery: a journal of a million records, verified and folded. "
            "start: how long `agenttrader --help` takes.",
        ),
    ],
    *,
    quick: Annotated[bool, typer.Option("--quick", help="A tenth of the work: to see that it runs.")] = False,
    days: Annotated[
        int | None, typer.Option(metavar="N", help="Of days: how many; 1,000 where it is not said.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of days: the first; 1 where it is not said.")
    ] = None,
) -> None:
    """Measure what the product costs; a table on stderr, one JSON object on stdout."""
    if what is not Bench.DAYS and (days is not None or seed is not None):
        typer.echo(f"agenttrader: expected --days and --seed with days alone, found {what.value}", err=True)
        raise typer.Exit(ExitCode.USAGE)
    script = BENCHES / f"{what.value}.py"
    if not script.exists():
        typer.echo(f"agenttrader: expected a checkout with {script}; clone the repository", err=True)
        raise typer.Exit(ExitCode.USAGE)
    words = ["--quick"] if quick else []
    for name, number in (("--days", days), ("--seed", seed)):
        if number is not None:
            words += [name, str(number)]
    raise typer.Exit(subprocess.run([sys.executable, str(script), *words], check=False).returncode)
