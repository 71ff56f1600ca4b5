"""`halt`, `resume`, `switches`, `status`, `reconcile`: what stops trading, and what lets it go on.

Halting is easy: a token and a reason. Resuming is signed with the person's own key.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.json_answers import builtins_of, print_json
from agenttrader.cli.operating import (
    AsJson,
    Config,
    Reason,
    ScopeText,
    Who,
    at_desk,
    configuration_at,
    require_reason,
    show_breakers,
    show_trading,
    show_window,
    signing_at_desk,
)
from agenttrader.cli.telling import tell

if TYPE_CHECKING:
    from agenttrader.app.config import Configuration
    from agenttrader.app.gateway.comparison_views import ComparisonsBody


def halt(
    *,
    config: Config,
    person: Who,
    reason: Reason,
    scope: ScopeText = "everything",
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Nothing automatic at all, approved exit plans included.")
    ] = False,
    reduce_only: Annotated[
        bool, typer.Option("--reduce-only", help="Agents may still send what reduces.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Halt trading: no agent's order leaves from now on.

    On record when this returns. A gateway that does not answer is halted by the file switch, where that is
    wired and the halt is of everything.
    """
    from agenttrader.app.operators.wishes import scope_of
    from agenttrader.model.authority import EVERYTHING
    from agenttrader.model.decisions import TradingState
    from agenttrader.model.errors import BadValue, Unreachable

    require_reason(reason)
    if frozen and reduce_only:
        raise BadValue("expected --frozen or --reduce-only, found both")
    state = TradingState.REDUCE_ONLY if reduce_only else TradingState.HALTED
    if frozen:
        state = TradingState.FROZEN
    wanted = scope_of(scope)
    try:
        trading = at_desk(config, person, lambda desk: desk.halt(wanted, state, reason))
    except Unreachable as error:
        if wanted == EVERYTHING:
            _halt_by_file(configuration_at(config), reason, error)
        raise
    show_trading(trading, as_json=as_json)


def _halt_by_file(configuration: "Configuration", reason: str, error: Exception) -> None:
    """Put the file switch to 1, and end the verb: done, though not as it was asked."""
    from agenttrader.app.operators.perform import halt_by_file

    moved = halt_by_file(configuration, reason)
    if moved is not None:
        typer.echo(f"agenttrader: {error}", err=True)
        print(f"switch    {moved} is 1: the gateway halts as soon as it looks; it has no other record of why")
        raise typer.Exit(ExitCode.DONE)


def resume(
    *, config: Config, person: Who, reason: Reason, scope: ScopeText = "everything", as_json: AsJson = False
) -> None:
    """Lift the halts of a scope, or all of them, that stand now. Signed with the person's key.

    A window is not opened by this, and a switch outside the store not moved.
    """
    from agenttrader.app.operators.wishes import scope_of

    require_reason(reason)
    wanted = scope_of(scope)
    trading = signing_at_desk(config, person, lambda desk, pen: desk.resume(pen, wanted, reason))
    show_trading(trading, as_json=as_json)


def switches(*, config: Config, person: Who, as_json: AsJson = False) -> None:
    """Show every wired switch and every latch, with who and why."""
    from agenttrader.runtime.standing import words_of

    status = at_desk(config, person, lambda desk: desk.status())
    if as_json:
        print_json({"switches": builtins_of(status.switches), "latches": builtins_of(status.latches)})
        return
    for switch in status.switches:
        tell(f"switch    {switch.name} {switch.state.value}: {switch.reason}")
    for latch in status.latches:
        print(f"latch     {words_of(latch.scope)} is {latch.state.value} since {latch.time}")
        tell(f"          by {latch.by}: {latch.reason}")
    if not status.latches:
        print("latch     none")


def status(*, config: Config, person: Who, as_json: AsJson = False) -> None:
    """Show who the gateway is, what may leave, and why not more."""
    from agenttrader.model.authority import SINGLE_PERSON

    found = at_desk(config, person, lambda desk: desk.status())
    if as_json:
        print_json(builtins_of(found))
        return
    print(f"account   {found.account}, epoch {found.epoch}, up to {found.mode_ceiling.value}")
    if found.single_person:
        print(f"persons   {SINGLE_PERSON}: one signs for what needs two, in two sessions")
    print(f"session   {found.session or 'not begun'}, now {found.now or 'not known'}")
    if found.catching_up_to is not None:
        again = f"the market tells again what is on record, up to {found.catching_up_to}"
        print(f"          {again}; until then all is halted and nothing is compared")
    failure = f"; CANNOT BE WRITTEN: {found.failure}" if found.failure else ""
    print(f"journal   {found.records} records{failure}")
    if found.comparisons is not None:
        print(f"compared  {_told(found.comparisons)}")
        for each in found.comparisons.left:
            print(f"left      {each.sentence}")
    show_window(found)
    show_trading(found.trading, as_json=False)
    if found.looser:
        print(f"waiting   {found.looser} looser in the file than they rule: agenttrader limits show")
    if found.approvals_waiting:
        print(f"waiting   {found.approvals_waiting} for a person's approval, the first until")
        print(f"          {found.approvals_until}: agenttrader approvals list")
    show_breakers(found.breakers)


def reconcile(*, config: Config, person: Who, as_json: AsJson = False) -> None:
    """Compare the books with the broker's now. Exit code 1 for a difference, 5 where they cannot be."""
    found = at_desk(config, person, lambda desk: desk.reconcile())
    if as_json:
        print_json(builtins_of(found))
    else:
        print(f"run       {found.run}")
        for each in found.breaks:
            tell(f"break     {each.kind.value}: {each.sentence}")
        for each in found.left:
            tell(f"left      {each.kind.value}: {each.sentence}")
        print(f"verdict   {_verdict(len(found.breaks), found.failure)}")
    if found.failure:
        raise typer.Exit(ExitCode.UNREACHABLE)
    if found.breaks:
        raise typer.Exit(ExitCode.FINDING)


def _told(comparisons: "ComparisonsBody") -> str:
    """The comparisons in a line."""
    when = comparisons.last_success
    last = "not since this start" if when is None else f"{when}, {comparisons.age_seconds} s ago"
    failure = f"; THE LAST FAILED: {comparisons.failure}" if comparisons.failure else ""
    found = ", ".join(f"{count} {kind}" for kind, count in comparisons.breaks.items()) or "no breaks stand"
    days = "1 day" if comparisons.clean_days == 1 else f"{comparisons.clean_days} days"
    return f"{last}; {found}; {days} in a row without mismatch{failure}"


def _verdict(breaks: int, failure: str) -> str:
    if failure:
        return f"NOT COMPARED: {failure}"
    if not breaks:
        return "the books agree"
    return "1 break" if breaks == 1 else f"{breaks} breaks"
