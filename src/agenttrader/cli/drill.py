"""`agenttrader drill WHAT`: promises tried here, with processes of its own. It needs a checkout."""

import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from agenttrader.cli.bench import BENCHES
from agenttrader.cli.exit_codes import ExitCode

REPORTS = Path("audit_artifacts") / "drills"

drill = typer.Typer(
    help="Try a promise on this machine, with processes of its own.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


class Channel(Enum):
    """How it is killed."""

    CLI = "cli"
    API = "api"
    FILE = "file"
    FENCE = "fence"


@drill.callback()
def group() -> None:
    """Hold the verbs below, though there is but one."""


@drill.command("kill")
def kill(
    *,
    clients: Annotated[
        int, typer.Option("--clients", metavar="N", min=1, help="How many send orders at once.")
    ] = 64,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="N", min=0.1, help="Of orders before each kill.")
    ] = 1.0,
    channel: Annotated[
        list[Channel] | None,
        typer.Option(
            "--channel",
            metavar="cli|api|file|fence",
            help="How it is killed; may be repeated; all where it is not said.",
        ),
    ] = None,
    reports: Annotated[
        Path, typer.Option("--reports", metavar="FOLDER", help="Where the report is written.")
    ] = REPORTS,
) -> None:
    """Measure the time from a kill to the last order that reaches the venue, over every channel."""
    script = BENCHES / "kill.py"
    if not script.exists():
        typer.echo(f"agenttrader: expected a checkout with {script}; clone the repository", err=True)
        raise typer.Exit(ExitCode.USAGE)
    words = ["--clients", str(clients), "--seconds", str(seconds), "--reports", str(reports)]
    for each in channel or ():
        words += ["--channel", each.value]
    raise typer.Exit(subprocess.run([sys.executable, str(script), *words], check=False).returncode)
