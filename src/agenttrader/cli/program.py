"""The program's verbs, as the command line's library knows them.

A verb is a function in a module of this folder, registered below; a group of verbs is a module with a Typer
of its own, added by `app.add_typer`. All of them are imported at every start, so a module of this folder
imports at its top only what its options need, and the rest inside its functions. A test holds `--help` to it.
"""

import importlib
from typing import Annotated

import typer

from agenttrader.cli.agents import agents
from agenttrader.cli.approvals import approvals
from agenttrader.cli.bench import bench
from agenttrader.cli.breaks import breaks
from agenttrader.cli.brokers import brokers
from agenttrader.cli.deciding import decide
from agenttrader.cli.demo import demo
from agenttrader.cli.doctor import doctor
from agenttrader.cli.drill import drill
from agenttrader.cli.guard import new, up
from agenttrader.cli.halts import halt, reconcile, resume, status, switches
from agenttrader.cli.journal import journal
from agenttrader.cli.kill import emergency_liquidate, kill
from agenttrader.cli.limits import limits
from agenttrader.cli.orders import orders
from agenttrader.cli.persons import persons
from agenttrader.cli.policy import policy
from agenttrader.cli.positions import positions
from agenttrader.cli.proof import proof
from agenttrader.cli.rounds import rounds
from agenttrader.cli.state import state
from agenttrader.cli.test import check
from agenttrader.cli.windows import window
from agenttrader.cli.worlds import world, worlds
from agenttrader.model.errors import BadValue

ROLES = ("exits", "gateway", "marketdata", "sentinel", "strategy", "venue")
"""The processes of the program; each is a module of `agenttrader.roles`."""

app = typer.Typer(
    help="A trading gateway: nothing trades until it has proved that it is safe to.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)


def print_version(wanted: bool) -> None:  # noqa: FBT001  Typer calls it so
    """Print the version and end, before a verb is asked for."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"agenttrader {version('agenttrader')}")
        raise typer.Exit


@app.callback()
def program(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=print_version, help="Show the version and exit."),
    ] = False,
) -> None:
    """Hold the options that stand before any verb."""


def run(
    role: Annotated[str, typer.Argument(metavar="ROLE", help=f"One of {', '.join(ROLES)}.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="The role's own: `run ROLE --help`.")
    ] = None,
) -> None:
    """Be one process of the system until told to stop."""
    if role not in ROLES:
        raise BadValue(f"role: expected one of {', '.join(ROLES)}, found {role!r}")
    # By name, because an import would point upwards: a role assembles faces, and this is one.
    module = importlib.import_module(f"agenttrader.roles.{role}")
    raise typer.Exit(module.main(arguments or []))


app.command("demo")(demo)
for verb in (new, up, status, halt, resume, switches, reconcile):
    app.command(verb.__name__)(verb)
app.command("kill")(kill)
app.command("emergency-liquidate")(emergency_liquidate)
app.command("doctor")(doctor)
app.command("decide")(decide)
app.command("world")(world)
app.command("worlds")(worlds)
# A role reads its own words, `--help` among them.
app.command("run", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})(run)
app.command("bench")(bench)
app.command("rounds")(rounds)
app.command("test", context_settings={"ignore_unknown_options": True})(check)
app.add_typer(window, name="window")
app.add_typer(orders, name="orders")
app.add_typer(positions, name="positions")
app.add_typer(limits, name="limits")
app.add_typer(approvals, name="approvals")
app.add_typer(breaks, name="breaks")
app.add_typer(persons, name="persons")
app.add_typer(agents, name="agents")
app.add_typer(journal, name="journal")
app.add_typer(policy, name="policy")
app.add_typer(proof, name="proof")
app.add_typer(state, name="state")
app.add_typer(brokers, name="brokers")
app.add_typer(drill, name="drill")


def list_whole_sentences(group: typer.Typer) -> None:
    """Let a group's list of verbs have the first sentence of each whole: else it is cut at the line's end."""
    for command in group.registered_commands:
        described = (command.callback.__doc__ or "").split("\n\n")[0] if command.callback else ""
        command.short_help = " ".join(described.split()).split(". ")[0].rstrip(".") + "."
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            inner.short_help = inner.typer_instance.info.help
            list_whole_sentences(inner.typer_instance)


list_whole_sentences(app)
