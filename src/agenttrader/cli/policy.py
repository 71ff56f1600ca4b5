"""`agenttrader policy`: what other limits would have decided, and what those orders earned."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.json_answers import print_json
from agenttrader.cli.operating import AsJson, Config
from agenttrader.cli.runs import configuration_of
from agenttrader.cli.telling import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

policy = typer.Typer(
    help="Ask what other limits would have decided.", rich_markup_mode=None, no_args_is_help=True
)


@policy.callback()
def group() -> None:
    """Ask what other limits would have decided."""


@policy.command()
def replay(
    *,
    config: Config,
    limits: Annotated[
        Path | None,
        typer.Option(
            "--limits", metavar="FILE", help="The limits to ask about; without it, those that ruled."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make every decision of the journal again by other limits: what changes, and what it earned.

    It only reads, whether the gateway runs or not. Exit code 0 where nothing changes, 1 where something
    does, 2 where the run or the limits are not understood.
    """
    from agenttrader.app.policy.perform import replay as perform
    from agenttrader.cli.policy_report import json_of, lines_of

    with _progress() as progress:
        found = perform(configuration_of(config), limits, progress)
    if as_json:
        print_json(json_of(found))
    else:
        for line in lines_of(found):
            tell(line)
    raise typer.Exit(ExitCode.FINDING if found.findings.changes else ExitCode.DONE)


@contextlib.contextmanager
def _progress() -> "Iterator[Callable[[int, int], None]]":
    """A bar on a terminal's stderr, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("records", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("records", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
