"""`kill` and `emergency-liquidate`: stopping everything, whatever state the gateway is in."""

from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.journal import RUN, print_json
from agenttrader.cli.operating import AsJson, Config

if TYPE_CHECKING:
    from agenttrader.app.kill.plan import Wish

KILL_PHRASE = "HALT TRADING"
LIQUIDATE_PHRASE = "LIQUIDATE_ALL"
SECONDS = 20.0

Confirm = Annotated[str, typer.Option("--confirm", metavar="PHRASE", help="The phrase, or nothing happens.")]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is on record.")]
PATIENCE = typer.Option("--seconds", min=1, help="How long the broker is asked until everything is done.")


def kill(
    *,
    config: Config,
    confirm: Confirm,
    cancel_orders: Annotated[
        bool,
        typer.Option("--cancel-orders", help="Cancel what works, but for stops and targets of positions."),
    ] = False,
    liquidate: Annotated[
        bool, typer.Option("--liquidate", help="Close every position too; its stops and targets go first.")
    ] = False,
    including_protective: Annotated[
        bool, typer.Option("--including-protective", help="Cancel the stops and targets of positions, too.")
    ] = False,
    reason: Why = "kill",
    seconds: Annotated[float, PATIENCE] = SECONDS,
    as_json: AsJson = False,
) -> None:
    """Halt trading at once, with the gateway up, down, wedged or unreachable; then cancel and close.

    Exit code 0 when everything that was asked for has happened, 1 while something remains, 2 for another
    phrase, 5 where the broker cannot be reached: what halts stands then all the same.
    """
    from agenttrader.app.kill.plan import Wish

    require(confirm, KILL_PHRASE)
    wish = Wish(cancel_orders=cancel_orders, liquidate=liquidate, including_protective=including_protective)
    act(config, wish, reason, seconds, as_json=as_json)


def emergency_liquidate(
    *,
    config: Config,
    confirm: Confirm,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    reason: Why = "emergency liquidation",
    seconds: Annotated[float, PATIENCE] = SECONDS,
    as_json: AsJson = False,
) -> None:
    """Halt trading at once, cancel every order and close every position. Exit codes as of kill."""
    from agenttrader.app.kill.verbs import EVERYTHING, rehearse

    require(confirm, LIQUIDATE_PHRASE)
    if not dry_run:
        act(config, EVERYTHING, reason, seconds, as_json=as_json)
    sentences = rehearse(config / RUN if config.is_dir() else config, EVERYTHING)
    if as_json:
        print_json({"would": list(sentences)})
    else:
        print("\n".join(sentences or ("nothing works and nothing is held",)))


def require(found: str, phrase: str) -> None:
    """End with 2 for another phrase, before anything is read or done."""
    if found != phrase:
        typer.echo(
            f'agenttrader: --confirm: expected "{phrase}", found "{found}"; nothing was done', err=True
        )
        raise typer.Exit(ExitCode.USAGE)


def act(config: "Config", wish: "Wish", reason: str, seconds: float, *, as_json: bool) -> None:
    """Kill, tell, and end with the code that says what came of it."""
    import msgspec

    from agenttrader.app.kill.verbs import kill as do

    report = do(config / RUN if config.is_dir() else config, wish, reason, seconds)
    if as_json:
        print_json({"done": report.is_done, **msgspec.to_builtins(report)})
    else:
        print("\n".join(report.lines()))
    if report.unreachable:
        raise typer.Exit(ExitCode.UNREACHABLE)
    raise typer.Exit(ExitCode.DONE if report.is_done else ExitCode.FINDING)
