"""`agenttrader new` and `agenttrader up`: a folder for one's own bot, and its processes until Ctrl-C."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.persons import new_passphrase
from agenttrader.cli.runs import configuration_of
from agenttrader.model.errors import BadValue

if TYPE_CHECKING:
    from agenttrader.app.config import Configuration
    from agenttrader.runtime.supervisor import Notice

PORT = 8765


class Kind(StrEnum):
    """Which brokers a folder is made for."""

    VENUE = "venue"
    PAPER = "alpaca_paper"


def new(  # noqa: PLR0913 - its options
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder; everything is in it.")],
    *,
    bot: Annotated[
        str, typer.Option("--bot", metavar="NAME", help="What the bot is called: its key id.")
    ] = "bot",
    person_name: Annotated[str, typer.Option("--person-name", metavar="NAME", help="Who will sign.")] = "me",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=1, max=65535, help="The gateway's, on this machine.")
    ] = PORT,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Which invented day.")] = 7,
    speed: Annotated[
        int, typer.Option("--speed", metavar="N", min=1, help="Minutes of the market in a second, at most.")
    ] = 1,
    broker: Annotated[Kind, typer.Option("--broker", help="Where it trades.")] = Kind.VENUE,
    account: Annotated[
        str | None, typer.Option("--account", metavar="NUMBER", help="The paper account's number, PA….")
    ] = None,
    key_id: Annotated[
        str | None, typer.Option("--key-id", metavar="ID", help="The gateway's key there, PK….")
    ] = None,
    kill_key_id: Annotated[
        str | None,
        typer.Option(
            "--kill-key-id", metavar="ID", help="Kill's own; the gateway's where there is no other."
        ),
    ] = None,
) -> None:
    """Make a folder with a simulated exchange, a gateway, one agent with a key, and a person to sign.

    The passphrase of the person's key, of 8 characters or more, is asked for twice. The bot's key is shown
    once. With `--broker alpaca_paper` there is no exchange: the gateway trades that account, on live prices.
    """
    from agenttrader.app.guarding.paper import SECRETS, PaperWish
    from agenttrader.app.guarding.perform import make
    from agenttrader.app.guarding.setup import GuardWish

    wish = GuardWish(bot=bot, person=person_name, port=port, seed=seed, speed=speed)
    paper = None
    if broker is Kind.PAPER:
        if account is None or key_id is None:
            raise BadValue(
                "--account, --key-id: expected both with --broker alpaca_paper, found one or none; name both"
            )
        paper = PaperWish(
            account=account, key_id=key_id, kill_key_id=kill_key_id or key_id, data_key_id=key_id
        )
    elif account or key_id or kill_key_id:
        raise BadValue("--account, --key-id, --kill-key-id: expected --broker alpaca_paper with them")
    made = make(folder, wish, new_passphrase(), paper)
    symbols = "six invented symbols" if paper is None else "six funds at live prices"
    print(f"made      {made.path}: {symbols}, one bot, its limits; read them")
    print(f"person    {made.signer}.key and .token; keep both to yourself")
    print(f"bot       address {made.address}, key id {bot}, secret {made.key.reveal()}")
    print(f"          it is shown this once; another: ./agenttrader agents rotate {bot} --config {folder}")
    if paper is not None:
        print(f"fill      {', '.join(SECRETS)} in {folder}: the secrets of the keys at Alpaca")
        print(f"exam      ./agenttrader brokers conformance --against paper --config {folder}")
    print(f"next      ./agenttrader up {folder}")


def up(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A run's folder, or its configuration.")],
) -> None:
    """Start the processes of a run, halted, start again what dies, and stop them in order at Ctrl-C."""
    import asyncio
    import os
    import signal

    from agenttrader.app.guarding.perform import keep_up

    path = configuration_of(folder)

    async def go() -> None:
        interrupted = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
        await keep_up(
            path, os.environ, _tell, lambda found: _say_ready(found, path.parent), _say_over, interrupted
        )

    asyncio.run(go())
    raise typer.Exit(ExitCode.DONE)


def _tell(notice: "Notice") -> None:
    """What becomes of a process, on stderr."""
    from typing import assert_never

    from agenttrader.runtime.supervisor import Died, Ready, Started, Stopped

    match notice:
        case Started():
            said = f"starting  {notice.role}, process {notice.pid}"
        case Ready():
            said = f"up        {notice.role}"
        case Died():
            said = f"died      {notice.role}: {notice.how}; started again in {notice.pause_seconds:g} s"
        case Stopped():
            said = f"stopped   {notice.role}{', which had to be killed' if notice.killed else ''}"
        case _:
            assert_never(notice)
    print(said, file=sys.stderr, flush=True)


def _say_over(configuration: "Configuration") -> None:
    """That nothing more will happen: else whoever watches waits for a market that is closed."""
    print(f"over      the session of {configuration.marketdata.date} has been played: no more prices come,")
    print("          and no order fills. Stop with Ctrl-C; `agenttrader new` makes a folder for another day.")
    sys.stdout.flush()


def _say_ready(configuration: "Configuration", folder: Path) -> None:
    print(f"ready     the gateway listens on http://{configuration.gateway.listen}; trading is halted")
    for name in configuration.people:
        signer = f"--config {folder} --person {folder}/people/{name}"
        print(f"open      ./agenttrader window open {signer} --reason TEXT")
    print("stop      Ctrl-C", flush=True)
