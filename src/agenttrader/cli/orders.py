"""`agenttrader orders`: what works, and ending it by hand. Whose order it is does not matter to a person."""

from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.json_answers import builtins_of, print_json
from agenttrader.cli.operating import AsJson, Config, Reason, Who, at_desk, require_reason

if TYPE_CHECKING:
    from agenttrader.app.operators.acts import Operator
    from agenttrader.protocols.native import OrderBody

orders = typer.Typer(help="Show orders, and cancel one by hand.", rich_markup_mode=None, no_args_is_help=True)


@orders.command("list")
def list_(
    *,
    config: Config,
    person: Who,
    all_: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the orders that have not ended, everybody's, what protects among them."""
    found = at_desk(config, person, lambda desk: desk.snapshot()).orders
    shown = [each for each in found if all_ or not _has_ended(each)]
    if as_json:
        print_json({"orders": [builtins_of(each) for each in shown]})
        return
    for each in shown:
        price = each.limit_price or each.stop_price
        what = f"{each.side.value} {each.quantity:f} {each.symbol} {each.type.value}"
        at = "" if price is None else f" {price:f}"
        print(f"order     {each.id} {each.state}: {each.agent} {what}{at} ({each.role})")
    print(f"orders    {len(shown) or 'none'}")


@orders.command()
def cancel(
    order_id: Annotated[str, typer.Argument(metavar="ID", help="As listed, or how it begins.")],
    *,
    config: Config,
    person: Who,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Ask the broker to end an order, protection too; the person and the reason are on record.

    Needs no signature. What it leaves without protection the exits unit protects again, or close it.
    """
    from agenttrader.app.operators.wishes import one_of
    from agenttrader.model.identifiers import OrderId

    require_reason(reason)

    async def act(desk: "Operator") -> "OrderBody":
        known = {each.id: each for each in (await desk.snapshot()).orders if not _has_ended(each)}
        chosen = OrderId(one_of(order_id, known, "order"))
        await desk.cancel(chosen, reason)
        return known[chosen]

    asked = at_desk(config, person, act)
    if as_json:
        print_json({"order_id": asked.id, "asked": True})
        return
    print(f"canceling {asked.id} {asked.side.value} {asked.quantity:f} {asked.symbol}: the broker is asked")


def _has_ended(order: "OrderBody") -> bool:
    from agenttrader.model.orders import OrderState

    return OrderState(order.state).is_terminal
