"""`agenttrader positions`: what is held, and closing it by hand, by the gateway's own closing procedure."""

from typing import Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.json_answers import builtins_of, print_json
from agenttrader.cli.operating import AsJson, Config, Reason, Who, at_desk, require_reason
from agenttrader.cli.telling import tell

positions = typer.Typer(
    help="Show what is held, and close it by hand.", rich_markup_mode=None, no_args_is_help=True
)


@positions.command("list")
def list_(*, config: Config, person: Who, as_json: AsJson = False) -> None:
    """Show what is held, how much of it is protected at the broker, and what the broker says of it."""
    found = at_desk(config, person, lambda desk: desk.snapshot()).positions
    if as_json:
        print_json({"positions": [builtins_of(each) for each in found]})
        return
    for each in found:
        stated = "not known" if each.stated_quantity is None else f"{each.stated_quantity:f}"
        held = f"{each.symbol} {each.quantity:f} at {each.average_price:f}"
        covered = f"{each.protected_quantity:f} protected, unrealised {each.unrealised:f}"
        print(f"position  {held}, {covered}; the broker's {stated}")
    print(f"positions {len(found) or 'none'}")


@positions.command()
def close(
    symbol: Annotated[
        str, typer.Argument(metavar="SYMBOL", help="Of which all is closed, whoever holds it.")
    ],
    *,
    config: Config,
    person: Who,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Close all of a position at the market; the person and the reason are on record.

    What protects it is canceled first, then our own order leaves. Needs no signature, and no window: a halt
    does not stop it. Exit code 1 where it is denied, 4 where a kill keeps the gateway out.
    """
    require_reason(reason)
    answer = at_desk(config, person, lambda desk: desk.close(symbol, reason))
    order, decision = answer.order, answer.decision
    if as_json:
        print_json(builtins_of(answer))
    else:
        print(f"order     {order.id} {order.side.value} {order.quantity:f} {order.symbol}: {answer.state}")
        tell(f"decision  {decision.sentence}")
    if order.denied_by is not None:
        raise typer.Exit(ExitCode.HALTED if order.denied_by == "trading_state" else ExitCode.FINDING)
