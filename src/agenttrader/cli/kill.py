"""`kill` and `emergency-liquidate`: stopping everything, whatever state the gateway is in.

Here their options are declared, for help, for completion and for words that are not right. Those that
`kill_words` understands never come here.
"""

from typing import Annotated

import typer

from agenttrader.cli.kill_words import KILL, LIQUIDATE, PHRASES, REASONS, SECONDS, KillWords
from agenttrader.cli.operating import AsJson, Config

CONFIRM = {
    verb: typer.Option("--confirm", metavar="PHRASE", help=f'"{phrase}", or nothing happens.')
    for verb, phrase in PHRASES.items()
}
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is on record.")]
PATIENCE = typer.Option(
    "--seconds", metavar="N", min=1, help="How long the broker is asked until everything is done."
)


def kill(
    *,
    config: Config,
    confirm: Annotated[str, CONFIRM[KILL]],
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
    reason: Why = REASONS[KILL],
    seconds: Annotated[int, PATIENCE] = SECONDS,
    as_json: AsJson = False,
) -> None:
    """Halt trading at once, with the gateway up, down, wedged or unreachable; then cancel and close.

    Exit code 0 when everything that was asked for has happened, 1 while something remains, 2 for another
    phrase, 5 where the broker cannot be reached: what halts stands then all the same.
    """
    act(
        KillWords(
            verb=KILL,
            config=config,
            confirm=confirm,
            reason=reason,
            cancel_orders=cancel_orders,
            liquidate=liquidate,
            including_protective=including_protective,
            seconds=seconds,
            as_json=as_json,
        )
    )


def emergency_liquidate(
    *,
    config: Config,
    confirm: Annotated[str, CONFIRM[LIQUIDATE]],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    reason: Why = REASONS[LIQUIDATE],
    seconds: Annotated[int, PATIENCE] = SECONDS,
    as_json: AsJson = False,
) -> None:
    """Halt trading at once, cancel every order and close every position. Exit codes as of kill."""
    act(
        KillWords(
            verb=LIQUIDATE,
            config=config,
            confirm=confirm,
            reason=reason,
            dry_run=dry_run,
            seconds=seconds,
            as_json=as_json,
        )
    )


def act(words: KillWords) -> None:
    """Do it, and end with its code."""
    from agenttrader.cli.killing import perform

    raise typer.Exit(perform(words))
