"""`agenttrader drill`: promises tried here, by name, with processes of its own that fail on purpose."""

import json
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.telling import tell

REPORTS = Path("audit_artifacts") / "drills"
MODULE = "agenttrader.testing.drills"
"""A program of its own: it stands beside this one in the package, and is slow to load."""

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


@drill.command("list")
def list_(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print it as one JSON array.")] = False
) -> None:
    """Tell which drills there are, and what each is about."""
    done = subprocess.run([sys.executable, "-m", MODULE, "--list"], stdout=subprocess.PIPE, check=True)
    if as_json:
        sys.stdout.write(done.stdout.decode())
        return
    for each in json.loads(done.stdout):
        tell(f"{each['name']}  ({each['group']})")
        tell(f"    {each['about']}")


@drill.command()
def run(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; `drill list` tells them.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Run all of them, one after the other.")] = False,
    clients: Annotated[
        int, typer.Option("--clients", metavar="N", min=1, help="Of kill: how many send orders at once.")
    ] = 64,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="N", min=0.1, help="Of kill: of orders before each kill.")
    ] = 1.0,
    channel: Annotated[
        list[Channel] | None,
        typer.Option(
            "--channel",
            metavar="cli|api|file|fence",
            help="Of kill: how it is killed; may be repeated; all where it is not said.",
        ),
    ] = None,
    reports: Annotated[
        Path, typer.Option("--reports", metavar="FOLDER", help="Where the reports are written.")
    ] = REPORTS,
) -> None:
    """Run drills by name, or all: each is told as it ends, and reported as JSON and as a page.

    Exit code 0 where all passed, 1 where one did not, 2 for a name that there is not.
    """
    if bool(names) == every:
        typer.echo(
            "agenttrader: expected names of drills or --all; `agenttrader drill list` tells them", err=True
        )
        raise typer.Exit(ExitCode.USAGE)
    words = ["--clients", str(clients), "--milliseconds", str(round(seconds * 1_000))]
    words += ["--reports", str(reports)]
    for each in channel or ():
        words += ["--channel", each.value]
    command = [sys.executable, "-m", MODULE, *words, *(names or ())]
    raise typer.Exit(subprocess.run(command, check=False).returncode)
