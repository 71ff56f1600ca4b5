"""`agenttrader limits`: what rules and what of it is used; tightening at once; loosening by signatures."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

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
from agenttrader.model.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agenttrader.app.operators.acts import Operator, Pen
    from agenttrader.protocols.limit_bodies import LimitBody, LimitsBody
    from agenttrader.protocols.native import TradingBody

limits = typer.Typer(
    help="Show what rules and what of it is used, make it tighter, sign for what the file has looser.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

KEY_CHARACTERS, NUMBER_CHARACTERS = 37, 16
LIST_CHARACTERS, DIGEST_CHARACTERS = 50, 12
"""A longer list of names is counted instead of shown, and a key cut; JSON has all of it."""


@limits.command()
def show(
    scope: Annotated[
        str, typer.Argument(metavar="SCOPE", help="Only what is called so, such as symbol.ALFA or agent.")
    ] = "",
    *,
    config: Config,
    person: Who,
    as_json: AsJson = False,
) -> None:
    """Show every limit that rules, how much of it is used, what is left, and what waits for signatures."""
    found = at_desk(config, person, lambda desk: desk.limits())
    if as_json:
        print_json(builtins_of(found))
        return
    for line in table_of(found, scope):
        print(line)
    print(f"digest    {found.digest}")
    _show_waiting(found)


@limits.command()
def tighten(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As shown: account.gross_exposure_max.")],
    value: Annotated[
        str,
        typer.Argument(
            metavar="VALUE",
            help="The tighter one; of a list what stays (or none); onto restricted what comes.",
        ),
    ],
    *,
    config: Config,
    person: Who,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Make one limit tighter, from the next decision on and over restarts. It takes no signature."""
    require_reason(reason)
    found = at_desk(config, person, lambda desk: desk.tighten(name, value, reason))
    if as_json:
        print_json(builtins_of(found))
        return
    print(f"tightened {found.name} is {found.value or 'none'} now")
    print(f"          {found.tightened}")


@limits.command()
def loosen(
    loosening: Annotated[
        str, typer.Argument(metavar="ID", help="Of what waits, as `limits show` names it, or how it begins.")
    ],
    *,
    config: Config,
    person: Who,
    reason: Reason,
    confirm: Annotated[
        str,
        typer.Option(
            "--confirm", metavar="PHRASE", help="SINGLE PERSON, from one who signs for two, the second time."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Sign for what the configuration has looser than it rules. With the last signature needed it rules."""
    from agenttrader.app.operators.wishes import one_of

    require_reason(reason)

    async def act(desk: "Operator", pen: "Pen") -> "tuple[LimitsBody, LimitsBody, TradingBody]":
        found = await desk.limits()
        if found.waiting:
            one_of(loosening, (found.loosening,), "loosening")
        trading = await desk.loosen(pen, found, reason, confirm)
        return found, await desk.limits(), trading

    before, after, trading = signing_at_desk(config, person, act)
    if as_json:
        print_json(builtins_of(after))
        return
    for each in before.waiting:
        print(f"signed    {each.name}: {each.rules or 'none'} to {each.configured or 'none'}")
    print(f"missing   {after.missing}" if after.waiting else "loosened  it rules from now on")
    _show_profile(after)
    show_trading(trading, as_json=False)


def table_of(found: "LimitsBody", scope: str = "") -> "Iterator[str]":
    """The limits whose name begins with `scope`, a heading for each thing that they are about.

    Raises BadValue where none is called so: to say nothing would look as if nothing were limited.
    """
    heading = ""
    for each in found.limits:
        if not each.name.startswith(scope):
            continue
        about, _, key = each.name.rpartition(".")
        if about != heading:
            heading = about
            columns = "".join(f"{word:>{NUMBER_CHARACTERS}}" for word in ("limit", "used", "left"))
            yield f"{about:<{KEY_CHARACTERS}} {columns}"
        yield _row(key, each)
        if each.tightened:
            yield f"    tightened {each.tightened}"
    if not heading:
        known = ", ".join(dict.fromkeys(each.name.rpartition(".")[0] for each in found.limits))
        raise BadValue(f"SCOPE: expected how a limit is called, found {scope!r}; there are {known}")


def _row(key: str, each: "LimitBody") -> str:
    value = each.value or "none"
    if len(value) > LIST_CHARACTERS:
        value = f"{value.count(',') + 1} names" if "," in value else f"{value[:DIGEST_CHARACTERS]}…"
    if each.used is None:
        return f"  {key:<{KEY_CHARACTERS - 2}} {value:>{NUMBER_CHARACTERS}}"
    left = "" if each.left is None else _number(each.left)
    used = _number(each.used)
    return (
        f"  {key:<{KEY_CHARACTERS - 2}} {value:>{NUMBER_CHARACTERS}}"
        f"{used:>{NUMBER_CHARACTERS}}{left:>{NUMBER_CHARACTERS}}"
    )


def _number(value: Decimal) -> str:
    """An amount without the noughts behind it, to the cent where it has more."""
    return f"{round(value, 2).normalize():f}" if value else "0"


def _show_waiting(found: "LimitsBody") -> None:
    for each in found.waiting:
        rules, configured = each.rules or "none", each.configured or "none"
        print(f"waiting   {each.name}: {rules} rules, the configuration says {configured}")
    if found.waiting:
        signed = ", ".join(found.signed) or "nobody"
        print(f"loosening {found.loosening}, signed by {signed}; missing: {found.missing}")
    _show_profile(found)


def _show_profile(found: "LimitsBody") -> None:
    if found.single_person:
        print("profile   SINGLE PERSON: one signs for two, in two sessions")
