"""`agenttrader journal`: is the journal as it was written, what stands in it, and a copy for an auditor."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.json_answers import print_json
from agenttrader.cli.runs import RUN, configuration_of
from agenttrader.model.errors import ConfigurationError

if TYPE_CHECKING:
    from msgspec import Struct

FOREIGN = ("pyproject.toml",)
"""Configurations of other programs, as they lie about in checkouts."""

NEXT = (
    "keep the journal and its heads as they are, on a copy; do not start the gateway on them; hold them "
    "against another copy of the heads and the broker's own record of its orders (docs/journal.md, Verify)"
)

journal = typer.Typer(
    help="Verify, show and export the journal of a run.", rich_markup_mode=None, no_args_is_help=True
)

Where = Annotated[
    Path, typer.Argument(metavar="PATH", help="A run's folder, its configuration, or the journal's own file.")
]
Heads = Annotated[
    Path | None,
    typer.Option("--heads", metavar="FOLDER", help="Where the signed heads outside the store lie."),
]
Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="The public key that the heads are verified with."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]


@journal.command()
def verify(path: Where, *, heads: Heads = None, key: Key = None, as_json: AsJson = False) -> None:
    """Find whether it stands as it was written.

    Exit code 1, and the first record that does not, where it does not.
    """
    from agenttrader.app.journals.verify import verify as find

    make_sure_of_run(path)
    verified = find(path, heads, key)
    found = verified.found
    if as_json:
        print_json({"journal": str(verified.journal), **fields(found)})
    else:
        where = f" at record {found.record}" if found.record is not None else ""
        print(f"journal   {verified.journal}")
        of_written = "" if found.verified else f" verified of {found.written}"
        print(f"records   {found.records}{of_written}, epoch {found.epoch}")
        print(f"head      {found.head}")
        print(f"anchored  to record {found.anchored} by the signed heads in {verified.heads}")
        print(f"verdict   {'verified' if found.verified else f'NOT VERIFIED{where}: {found.finding}'}")
        if not found.verified:
            print(f"next      {NEXT}")
    raise typer.Exit(ExitCode.DONE if found.verified else ExitCode.FINDING)


@journal.command()
def show(
    path: Where,
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Only records of this kind, such as filled; may be repeated."),
    ] = None,
    order: Annotated[
        str, typer.Option(metavar="ID", help="Only this order, with its legs; the id's beginning is enough.")
    ] = "",
    last: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the last N of them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the records, one a line.

    Each is checked against the one before it; where that does not hold, the showing ends with exit code 1.
    """
    from agenttrader.app.journals.show import Selection, kinds_of
    from agenttrader.app.journals.show import show as read
    from agenttrader.cli.journal_lines import line_for_person
    from agenttrader.model.record_lines import line_of

    make_sure_of_run(path)
    selection = Selection(kinds=kinds_of(kind or ()), order=order, last=last)
    has_shown = False
    for sealed in read(path, selection):
        has_shown = True
        print(line_of(sealed).decode() if as_json else line_for_person(sealed))
    # An order may be there with no record of the kinds asked for: that is an empty answer, and no mistake.
    if order and not has_shown and not any(read(path, Selection(order=order, last=1))):
        print(
            f"agenttrader: --order: expected an order's id or its beginning, found {order!r}: no such order",
            file=sys.stderr,
        )
        raise typer.Exit(ExitCode.FINDING)


@journal.command()
def export(
    path: Where,
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="A new file, or a folder to make one in.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Write a copy for an auditor.

    Every record is a line of JSON, and the file's SHA-256 stands beside it, for `sha256sum -c`.
    """
    from agenttrader.app.journals.export import export as write

    make_sure_of_run(path)
    exported = write(path, target)
    if as_json:
        print_json(fields(exported))
    else:
        print(f"journal   {exported.journal}")
        print(f"records   {exported.records}")
        print(f"written   {exported.file}")
        print(f"sha256    {exported.digest}")


@journal.command()
def daily(
    path: Where,
    *,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="First add what is missing, where no gateway does.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether the daily export in audit_logs is whole and current.

    Exit code 1 where it is not: a record is missing, or not as it was written.
    """
    from time import sleep

    from agenttrader.app.journals import daily as export

    make_sure_of_run(path)
    added = export.catch_up(path) if catch_up else 0
    found = export.check(path, sleep)
    if as_json:
        print_json({**fields(found), "added": added, "current": found.is_current})
    else:
        where = f" at record {found.record}" if found.record is not None else ""
        print(f"journal   {found.journal}, {found.journal_records} records")
        print(f"export    {found.folder}, {found.files} files{f', {added} records added' if added else ''}")
        print(f"reaches   record {found.records} with hash {found.head}")
        print(f"verdict   {'current' if found.is_current else f'NOT CURRENT{where}: {found.finding}'}")
    raise typer.Exit(ExitCode.DONE if found.is_current else ExitCode.FINDING)


@journal.command()
def fold(path: Where, *, as_json: AsJson = False) -> None:
    """Keep what the records so far came to, for the next start.

    A gateway does so itself when it starts and when it stops; of one that runs for long, do it now and then.
    """
    from agenttrader.app.journals.fold import fold as keep

    kept = keep(configuration_of(path))
    if as_json:
        print_json(fields(kept))
    else:
        print(f"journal   {kept.journal}")
        print(f"records   {kept.records}, {kept.of_which_kept} of them read from the last fold")
        if kept.thrown_away:
            print(f"not used  {kept.thrown_away}")
        print(f"written   {kept.file}")


def make_sure_of_run(path: Path) -> None:
    """Where `path` is a folder with no run in it, say so before one of its files is read as a run's."""
    if not path.is_dir() or (path / RUN).exists():
        return
    others = [file for file in path.glob("*.toml") if file.name not in FOREIGN]
    if not others:
        raise ConfigurationError(
            f"{path}: expected a run's folder (with {RUN}), found none; "
            "name the folder that the demo ended with, the run's configuration, or the journal's own file"
        )


def fields(struct: "Struct") -> dict[str, Any]:
    """The struct's fields by name."""
    import msgspec

    return msgspec.structs.asdict(struct)
