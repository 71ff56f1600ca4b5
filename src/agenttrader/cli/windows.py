"""`agenttrader window`: lease trading for a time, in a mode, over a scope. Only a person's signature does."""

from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.json_answers import builtins_of, print_json
from agenttrader.cli.operating import (
    AsJson,
    Config,
    Reason,
    ScopeText,
    Who,
    at_desk,
    require_reason,
    show_trading,
    show_window,
    signing_at_desk,
)

if TYPE_CHECKING:
    from agenttrader.app.gateway.status import StatusBody
    from agenttrader.app.operators.acts import Operator, Pen
    from agenttrader.protocols.native import TradingBody

window = typer.Typer(
    help="Open, extend, resume, close and show the lease to trade.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

Until = Annotated[
    str,
    typer.Option(
        "--until", metavar="WHEN", help="close, a span such as 90m or 2h, or as 2026-11-20T21:00:00Z."
    ),
]


@window.command("open")
def open_(
    *,
    config: Config,
    person: Who,
    reason: Reason,
    until: Until = "close",
    scope: ScopeText = "everything",
    mode: Annotated[str, typer.Option("--mode", help="paper, or what the ceiling permits.")] = "paper",
    as_json: AsJson = False,
) -> None:
    """Lease trading from now on. Signed with the person's key; wired switches are moved to 0."""
    from agenttrader.app.operators.acts import Lease
    from agenttrader.app.operators.wishes import end_of, now_of, require_caught_up, require_until, scope_of
    from agenttrader.model.authority import Mode
    from agenttrader.model.errors import BadValue

    require_reason(reason)
    try:
        wanted = Mode(mode)
    except ValueError:
        known = ", ".join(each.value for each in Mode)
        raise BadValue(f"--mode: expected one of {known}, found {mode!r}") from None
    require_until(until)
    covered = scope_of(scope)

    async def act(desk: "Operator", pen: "Pen") -> "tuple[TradingBody, StatusBody]":
        found = await desk.status()
        require_caught_up(found)
        lease = Lease(
            mode=wanted, scope=covered, start=now_of(found), end=end_of(until, found), reason=reason
        )
        return await desk.open_window(pen, lease), await desk.status()

    _show(*signing_at_desk(config, person, act), as_json=as_json)


@window.command()
def extend(*, config: Config, person: Who, reason: Reason, until: Until, as_json: AsJson = False) -> None:
    """Let the window that runs last longer. Signed with the person's key."""
    from agenttrader.app.operators.wishes import end_of, require_until

    require_reason(reason)
    require_until(until)

    async def act(desk: "Operator", pen: "Pen") -> "tuple[TradingBody, StatusBody]":
        end = end_of(until, await desk.status())
        return await desk.extend_window(pen, end, reason), await desk.status()

    _show(*signing_at_desk(config, person, act), as_json=as_json)


@window.command()
def resume(*, config: Config, person: Who, reason: Reason, as_json: AsJson = False) -> None:
    """Let a window that a restart suspended go on, until its own end. Signed with the person's key."""
    from agenttrader.app.operators.wishes import require_caught_up

    require_reason(reason)

    async def act(desk: "Operator", pen: "Pen") -> "tuple[TradingBody, StatusBody]":
        require_caught_up(await desk.status())
        return await desk.resume_window(pen, reason), await desk.status()

    _show(*signing_at_desk(config, person, act), as_json=as_json)


@window.command()
def close(*, config: Config, person: Who, reason: Reason, as_json: AsJson = False) -> None:
    """End the window: entries stop, working ones are asked to end, switches go back to 1."""
    require_reason(reason)

    async def act(desk: "Operator") -> "tuple[TradingBody, StatusBody]":
        return await desk.close_window(reason), await desk.status()

    _show(*at_desk(config, person, act), as_json=as_json)


@window.command()
def show(*, config: Config, person: Who, as_json: AsJson = False) -> None:
    """Show the window, whose it is and what may leave."""
    found = at_desk(config, person, lambda desk: desk.status())
    _show(found.trading, found, as_json=as_json)


def _show(trading: "TradingBody", status: "StatusBody", *, as_json: bool) -> None:
    if as_json:
        print_json({"window": builtins_of(status.window), "trading": builtins_of(trading)})
        return
    show_window(status)
    show_trading(trading, as_json=False)
