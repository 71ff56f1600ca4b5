"""`agenttrader world` and `worlds`: whole days on a simulated clock, in which everything goes wrong."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

REPORTS = Path("audit_artifacts") / "worlds"
COMMAND = "agenttrader.testing.worlds.command"
"""By name and in a process of its own: doubles are no part of a program that trades."""


def world(
    *,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which world.")],
    trace: Annotated[bool, typer.Option("--trace", help="Tell everything that happens, on stderr.")] = False,
) -> None:
    """Play one hostile world again, exactly; where it fails, with the shortest history that still does."""
    _run("--seed", str(seed), *(["--trace"] if trace else []))


def worlds(
    *,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many worlds.")] = 1_000,
    first: Annotated[int, typer.Option("--from", min=0, help="The first of them.")] = 1,
    planted: Annotated[
        bool, typer.Option("--planted", help="Look for bugs that were planted: each must be found.")
    ] = False,
    reports: Annotated[
        Path, typer.Option("--reports", help="Where report and progress are kept; a run goes on from there.")
    ] = REPORTS,
) -> None:
    """Play many hostile worlds on all cores: in each, every promise must hold."""
    words = ["--seeds", str(seeds), "--from", str(first), "--reports", str(reports)]
    _run(*words, *(["--planted"] if planted else []))


def _run(*words: str) -> None:
    raise typer.Exit(subprocess.run([sys.executable, "-m", COMMAND, *words], check=False).returncode)
