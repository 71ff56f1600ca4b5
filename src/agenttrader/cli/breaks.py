"""`agenttrader breaks`: what differs from the broker, and accepting it by a person's signature."""

from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.json_answers import builtins_of, print_json
from agenttrader.cli.operating import (
    AsJson,
    Config,
    Reason,
    Who,
    at_desk,
    require_reason,
    show_trading,
    signing_at_desk,
)
from agenttrader.cli.telling import tell

if TYPE_CHECKING:
    from agenttrader.app.operators.acts import Operator, Pen
    from agenttrader.protocols.native import TradingBody
    from agenttrader.protocols.person_bodies import BreakBody

breaks = typer.Typer(
    help="Show what differs from the broker, and accept it with a reason.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

BreakId = Annotated[str, typer.Argument(metavar="ID", help="As listed, or how it begins.")]


@breaks.command("list")
def list_(*, config: Config, person: Who, as_json: AsJson = False) -> None:
    """Show every break that stands. Exit code 1 where there is one."""

    async def look(desk: "Operator") -> "tuple[tuple[BreakBody, ...], bool]":
        return await desk.breaks(), (await desk.status()).single_person

    found, is_single = at_desk(config, person, look)
    if as_json:
        print_json({"breaks": builtins_of(found), "single_person": is_single})
    else:
        _show_profile(is_single=is_single)
        for each in found:
            tell(f"break     {each.id} {each.found.kind.value}: {each.found.sentence}")
        print(f"verdict   {len(found) or 'no'} {'break' if len(found) == 1 else 'breaks'}")
    if found:
        raise typer.Exit(ExitCode.FINDING)


@breaks.command()
def show(break_id: BreakId, *, config: Config, person: Who, as_json: AsJson = False) -> None:
    """Show one break: both sides, and what accepting it does, or why it cannot be accepted."""

    async def act(desk: "Operator") -> "BreakBody":
        return _chosen(await desk.breaks(), break_id)

    body = at_desk(config, person, act)
    if as_json:
        print_json(builtins_of(body))
        return
    found = body.found
    tell(f"break     {body.id} {found.kind.value}: {found.sentence}")
    tell(f"touches   {found.symbol or 'everything'}{f', order {found.order_id}' if found.order_id else ''}")
    tell(f"ours      {found.ours}")
    tell(f"theirs    {found.theirs}")
    tell(f"refused   {body.refusal}" if body.refusal else f"accepting {body.accepting}")


@breaks.command()
def accept(
    break_id: BreakId, *, config: Config, person: Who, reason: Reason, as_json: AsJson = False
) -> None:
    """Accept a break as it is shown. Signed with the person's key."""
    require_reason(reason)

    async def act(desk: "Operator", pen: "Pen") -> "tuple[BreakBody, TradingBody, bool]":
        found = _chosen(await desk.breaks(), break_id)
        trading = await desk.accept(pen, found, reason)
        return found, trading, (await desk.status()).single_person

    body, trading, is_single = signing_at_desk(config, person, act)
    if not as_json:
        _show_profile(is_single=is_single)
        tell(f"accepted  {body.id} {body.found.kind.value}: {body.accepting}")
    show_trading(trading, as_json=as_json)


def _show_profile(*, is_single: bool) -> None:
    """Say where nobody else looks at what is accepted."""
    from agenttrader.model.authority import SINGLE_PERSON

    if is_single:
        print(f"persons   {SINGLE_PERSON}: no second one looks at what is accepted")


def _chosen(found: "tuple[BreakBody, ...]", break_id: str) -> "BreakBody":
    from agenttrader.app.operators.wishes import one_of

    by_id = {each.id: each for each in found}
    return by_id[one_of(break_id, by_id, "break")]
