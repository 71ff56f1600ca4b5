"""`agenttrader demo`: one paper trading day from one command, with nothing to set up."""

import os
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.model.errors import BadValue

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Sequence

    from agenttrader.app.demo.day import Tell
    from agenttrader.app.demo.report import Result
    from agenttrader.app.demo.setup import Asked, Wish
    from agenttrader.app.demo.stretch import Stretch

REPORTS = Path("audit_artifacts")
EXCHANGE_ZONE = "America/New_York"
SPEED_MAX = 10_000


def demo(  # noqa: PLR0913 - each is an option
    *,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Which generated day to play; 7 where it is not said."),
    ] = None,
    date: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Which session of the exchange it shall be.")
    ] = None,
    speed: Annotated[
        str | None, typer.Option(metavar="N|max", help="Bars a second at most; 8 where it is not said.")
    ] = None,
    leaves: Annotated[
        bool, typer.Option("--exit", help="Stop the roles and end when the day is over.")
    ] = False,
    prints: Annotated[
        bool, typer.Option("--json", help="Print the day's outcome as one object on stdout.")
    ] = False,
    order: Annotated[
        str | None, typer.Option(metavar="ROLE,ROLE,…", help="In which order the roles are started.")
    ] = None,
    inbox: Annotated[
        str, typer.Option(metavar="watermark|arrival", help="In which order the gateway hears its sources.")
    ] = "watermark",
    data: Annotated[
        str | None, typer.Option(metavar="DIR", help="Play a recorded day from the files in this folder.")
    ] = None,
    symbol: Annotated[
        str | None,
        typer.Option(metavar="SYMBOL", help="Which recorded symbol; the first where it is not said."),
    ] = None,
    day: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="Which recorded session; the first where it is not said."),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="YYYY-MM-DD", help="Play the recorded sessions up to it as one run; needs --exit."
        ),
    ] = None,
    holds: Annotated[
        bool,
        typer.Option("--hold", help="With --to: an agent buys on the first day and sells on the last."),
    ] = False,
) -> None:
    """Play one paper trading day: generated or recorded prices, simulated venue, throw-away person."""
    import asyncio

    from agenttrader.app.demo.perform import days_of

    wish = wish_of(seed, date, speed, order, inbox, holds=holds)
    asked = asked_of(wish, data, symbol, day, last)
    if last is None:
        if holds:
            raise BadValue("--hold: expected --to with it, for there must be a night to hold over")
        (only,) = days_of(wish, asked)
        raise typer.Exit(exit_code_of(asyncio.run(_demo(only, stays=not leaves, prints=prints))))
    if not leaves:
        raise BadValue("--to: expected --exit with it, for every session but the last must end by itself")
    stretch = asyncio.run(_days(days_of(wish, asked), prints=prints))
    typer.echo(sum_of(stretch), err=True)
    raise typer.Exit(exit_code_of_days(stretch))


def asked_of(
    wish: "Wish", data: str | None, symbol: str | None, day: str | None, last: str | None
) -> "Asked | None":
    """The recorded sessions that these words ask for; None for a generated day. Raises BadValue."""
    from agenttrader.app.demo.setup import Asked

    if data is None:
        for word, given in (("--symbol", symbol), ("--day", day), ("--to", last)):
            if given is not None:
                raise BadValue(f"{word}: expected --data with it, for only recorded days have one")
        return None
    for word, found in (("--seed", wish.seed), ("--date", wish.date)):
        if found is not None:
            raise BadValue(f"{word}: expected none with --data, for only a generated day has one; say --day")
    for word, text in (("--data", data), ("--symbol", symbol)):
        if text == "":
            raise BadValue(f"{word}: expected a name, found an empty text")
    return Asked(folder=Path(data), symbol=symbol, day=_date("--day", day), last=_date("--to", last))


def wish_of(
    seed: int | None,
    date: str | None,
    speed: str | None,
    order: str | None,
    inbox: str,
    *,
    holds: bool = False,
) -> "Wish":
    """The wish that these words express. Raises BadValue naming the word."""
    from agenttrader.app.demo.setup import ROLES, Wish

    if inbox not in ("watermark", "arrival"):
        raise BadValue(f"--inbox: expected watermark or arrival, found {inbox!r}")
    chosen: Literal["watermark", "arrival"] = "arrival" if inbox == "arrival" else "watermark"
    roles = ROLES if order is None else tuple(role.strip() for role in order.split(","))
    return Wish(
        seed=seed, date=_date("--date", date), speed=_speed(speed), order=roles, inbox=chosen, holds=holds
    )


def _date(word: str, text: str | None) -> str | None:
    from datetime import date

    try:
        if text is None or date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass  # No date in any form: told with those of other forms.
    raise BadValue(f"{word}: expected a day as YYYY-MM-DD, found {text!r:.40}")


def _speed(text: str | None) -> int | Literal["max"] | None:
    if text is None:
        return None
    if text == "max":
        return "max"
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) <= SPEED_MAX:
        raise BadValue(f"--speed: expected max or bars per second from 1 to {SPEED_MAX}, found {text!r}")
    return int(text)


async def _demo(wish: "Wish", *, stays: bool, prints: bool) -> "Result":
    from agenttrader.app.demo.perform import perform

    async with _show(prints=prints) as (tell, interrupted, ended):
        return await perform(wish, os.environ, tell, interrupted, stays=stays, reports=REPORTS, ended=ended)


async def _days(wishes: "Sequence[Wish]", *, prints: bool) -> "Stretch":
    from agenttrader.app.demo.perform import perform_days

    async with _show(prints=prints) as (tell, interrupted, ended):
        return await perform_days(wishes, os.environ, tell, interrupted, reports=REPORTS, ended=ended)


@asynccontextmanager
async def _show(*, prints: bool) -> "AsyncIterator[tuple[Tell, asyncio.Event, Callable[[object], None]]]":
    """Who is told, what a person's Ctrl-C sets, and what prints the outcome."""
    import asyncio
    from zoneinfo import ZoneInfo

    import msgspec
    from rich.console import Console

    from agenttrader.cli.show import show_day

    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)

    def ended(summary: object) -> None:
        if prints:
            print(msgspec.json.encode(summary).decode(), flush=True)

    async with show_day(Console(stderr=True), ZoneInfo(EXCHANGE_ZONE)) as tell:
        yield tell, interrupted, ended


def sum_of(stretch: "Stretch") -> str:
    """What all sessions came to together, in one line; what is unrealised is so at the end."""
    from agenttrader.cli.figures import amount, signed

    whole, profit = stretch.whole, stretch.whole.profit
    breaks = "not compared" if stretch.breaks is None else str(stretch.breaks)
    held = ", ".join(f"{each.quantity:f} {each.symbol}" for each in whole.held) or "nothing"
    parts = (
        f"sessions: {len(stretch.days)}",
        f"orders: {sum(whole.orders.values())}",
        f"fills: {len(whole.fills)}",
        f"held: {held}",
        f"realised {signed(profit.realised)}",
        f"unrealised {signed(profit.unrealised)}",
        f"fees {amount(profit.fees)}",
        f"net {signed(profit.net)}",
        f"breaks: {breaks}",
    )
    return f"{'':8}  {'sum':<9} {'; '.join(parts)}"


def exit_code_of_days(stretch: "Stretch") -> ExitCode:
    """Of the first day that does not end with 0; 0 only where every day was played."""
    codes = [exit_code_of(played.result) for played in stretch.days]
    worst = next((code for code in codes if code is not ExitCode.DONE), ExitCode.DONE)
    return ExitCode.FINDING if worst is ExitCode.DONE and stretch.ended_early else worst


def exit_code_of(result: "Result") -> ExitCode:
    """0 only for a day that went to its close and is reconciled, verified and halted."""
    from agenttrader.app.demo.report import Ending

    match result.ending:
        case Ending.UNREACHABLE:
            return ExitCode.UNREACHABLE
        case Ending.STOPPED:
            return ExitCode.FINDING
        case Ending.HALTED if not result.is_good:
            return ExitCode.HALTED
        case _:
            return ExitCode.DONE if result.is_good else ExitCode.FINDING
