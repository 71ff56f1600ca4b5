"""`agenttrader state`: what stood at the last look, and a lost store made again from the daily export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.json_answers import print_json
from agenttrader.cli.operating import (
    AsJson,
    Config,
    Reason,
    Who,
    configuration_at,
    passphrase_of,
    person_at,
    require_reason,
)
from agenttrader.cli.telling import tell

if TYPE_CHECKING:
    from agenttrader.app.state.show import StateShown

state = typer.Typer(
    help="Show the runtime state of a run, or restore a store that is lost.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@state.command()
def show(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A run's folder, its configuration, or the state's file.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Show what stood when the gateway wrote it last, and whether the file is whole.

    Exit code 1 where it is damaged (then its backup is shown), or the journal says otherwise.
    """
    from agenttrader.app.state.show import show_state

    found = show_state(path)
    if as_json:
        print_json(
            {
                "file": str(found.file),
                "records": found.records,
                "head": found.head,
                "behind": found.behind,
                "finding": found.finding,
                "payload": found.payload,
            }
        )
    else:
        _tell(found)
    raise typer.Exit(ExitCode.FINDING if found.finding else ExitCode.DONE)


@state.command()
def restore(
    *,
    config: Config,
    person: Who,
    reason: Reason,
    without_tail: Annotated[
        bool,
        typer.Option(
            "--without-tail", help="Go on without records that are known to have been, and are lost."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a lost journal again from the daily export. Signed with the person's key.

    Nothing is started, and nothing is open after it: the gateway starts on it halted and compares with the
    broker, as after every end. It refuses where there is a journal.
    """
    from agenttrader.app.state.restore import restore as perform

    require_reason(reason)
    configuration, files = configuration_at(config), person_at(person)
    files.require()
    done = perform(configuration, files, passphrase_of(files), reason, without_tail=without_tail)
    if as_json:
        print_json(
            {
                "journal": str(done.journal),
                "records": done.records,
                "head": done.head,
                "lost": done.lost,
                "lost_heads": None if done.lost_heads is None else str(done.lost_heads),
            }
        )
        return
    print(f"restored  {done.journal}, {done.records} records")
    print(f"head      {done.head}")
    if done.lost_heads is not None or done.lost:
        where = "" if done.lost_heads is None else f"; their signed heads are kept in {done.lost_heads}"
        print(f"lost      {done.lost} records after it{where}")
    print("next      start the gateway: it compares with the broker, halted until a person resumes")


def _tell(found: "StateShown") -> None:
    said = found.payload
    manager, gateway = said["position_manager"], said["gateway_state"]
    print(f"state     {found.file}")
    tell(f"of        {said['account']} at {said['timestamp']}, session {said['session']}")
    behind = "no journal here" if found.behind is None else f"the journal has {found.behind} more"
    print(f"reaches   record {found.records} with hash {found.head}; {behind}")
    tell(f"account   cash {manager['account']['cash']}, equity {manager['account']['equity']}")
    for each in manager["positions"]:
        plan = each.get("exit_plan") or {}
        leaves = ", ".join(f"{name} {value}" for name, value in plan.items()) or "no plan"
        tell(f"position  {each['quantity']} {each['symbol']} at {each['average_price']}; {leaves}")
    for each in said["lifecycle"]["working"]:
        order = each["order"]
        what = f"{order['side']} {order['quantity']} {order['symbol']} {order['type']}"
        name = each["client_order_id"] or each["broker_order_id"]
        tell(f"working   {what}, {order['state']}; the broker has it as {name}")
    tell(f"trading   {gateway['trading']['state']}")
    for text in gateway["trading"]["reasons"]:
        tell(f"reason    {text}")
    print(f"verdict   {f'NOT WHOLE: {found.finding}' if found.finding else 'whole'}")
