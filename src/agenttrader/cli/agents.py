"""`agenttrader agents`: give agents their keys, show whose are accepted, take them away."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.json_answers import builtins_of, print_json
from agenttrader.cli.operating import AsJson, Config, configuration_at

if TYPE_CHECKING:
    from agenttrader.app.config import Configuration

agents = typer.Typer(
    help="Add, list, rotate and revoke agents' keys.", rich_markup_mode=None, no_args_is_help=True
)

SECONDS = len("2026-11-20T14:30:00")
"""As much of a time as a person reads; JSON has all of it."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="As in [agents.NAME]; `exits` for the exits unit.")]
Target = Annotated[
    Path | None,
    typer.Option("--to", metavar="FILE", help="A new file for the key, for its owner alone; else stdout."),
]


@agents.command()
def add(name: Name, *, config: Config, to: Target = None) -> None:
    """Make a key for an agent that has none. It is shown once, and kept nowhere."""
    from agenttrader.app.operators.perform import give_key

    _tell(to, give_key(configuration_at(config), name, to), name)


@agents.command()
def rotate(
    name: Name,
    *,
    config: Config,
    to: Target = None,
    grace: Annotated[
        str, typer.Option("--grace", metavar="SPAN", help="How long the old key is accepted too, as 10m.")
    ] = "0m",
) -> None:
    """Make a new key for an agent; the old one ends now, or after the grace."""
    from agenttrader.app.operators.perform import rotate_key
    from agenttrader.app.operators.wishes import span_of

    _tell(to, rotate_key(configuration_at(config), name, to, span_of(grace, "--grace")), name)


@agents.command()
def revoke(name: Name, *, config: Config) -> None:
    """Take an agent's keys away: from its next request on it is nobody. Its orders and positions stay."""
    from agenttrader.app.operators.perform import revoke_keys

    revoke_keys(configuration_at(config), name)
    print(f"revoked   {name}; halt it too where its working orders shall be looked at first")


@agents.command("list")
def list_(*, config: Config, as_json: AsJson = False) -> None:
    """Show every key: its agent, its hash's beginning, whether it is accepted, how far it reaches."""
    from agenttrader.app.operators.perform import list_keys

    configuration = configuration_at(config)
    found = list_keys(configuration)
    if as_json:
        print_json({"keys": builtins_of(found)})
        return
    for key in found:
        words = [f"up to {key.mode_ceiling.value}"] if key.mode_ceiling else []
        words += [f"approval {key.approval.value}"] if key.approval else []
        words += [f"made {key.made[:SECONDS]}Z"]
        words += [f"ends {key.ends[:SECONDS]}Z"] if key.ends else []
        words += [] if key.is_accepted else ["NOT accepted"]
        print(f"{key.agent:<20} {key.sha256}… {', '.join(words)}")
    for name in sorted(_names(configuration) - {key.agent for key in found}):
        print(f"{name:<20} no key: it is nobody to the gateway")


def _names(configuration: "Configuration") -> set[str]:
    return set(configuration.agent_names())


def _tell(to: Path | None, key: str, name: str) -> None:
    if to is None:
        print(key)
        print(f"the key of {name}; it is shown this once", file=sys.stderr)
        return
    print(f"made      {to}, the key of {name}")
