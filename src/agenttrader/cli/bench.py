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

    GATEWAY = "gateway"
    START = "start"


def bench(
    what: Annotated[
        Bench, typer.Argument(help="gateway: a decision, a round, a durable order. start: --help.")
    ],
    *,
    quick: Annotated[bool, typer.Option(help="A tenth of the work: to see that it runs.")] = False,
) -> None:
    """Measure what the product costs; a table on stderr, one JSON object on stdout."""
    script = BENCHES / f"{what.value}.py"
    if not script.exists():
        typer.echo(f"agenttrader: expected a checkout with {script}; clone the repository", err=True)
        raise typer.Exit(ExitCode.USAGE)
    words = [sys.executable, str(script), *(["--quick"] if quick else [])]
    raise typer.Exit(subprocess.run(words, check=False).returncode)
