"""How a person's verbs reach the gateway of a run, and how they show what it said."""

import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from agenttrader.cli.json_answers import builtins_of, print_json
from agenttrader.cli.kill_words import CONFIG_VARIABLE
from agenttrader.cli.runs import configuration_of
from agenttrader.cli.telling import tell
from agenttrader.model.errors import BadValue, ConfigurationError

if TYPE_CHECKING:
    from agenttrader.app.config import Configuration
    from agenttrader.app.gateway.breaker_views import BreakerBody
    from agenttrader.app.gateway.status import StatusBody
    from agenttrader.app.operators.acts import Operator, Pen
    from agenttrader.app.operators.person import PersonFiles
    from agenttrader.protocols.native import TradingBody

T = TypeVar("T")


def _path(text: str) -> Path:
    """Where the configuration lies; an empty text is no place, though a path takes it for this folder."""
    if not text:
        raise typer.BadParameter("--config: expected a file or a folder, found nothing")
    return Path(text)


Config = Annotated[
    Path,
    typer.Option(
        "--config",
        metavar="FILE",
        parser=_path,
        envvar=CONFIG_VARIABLE,
        help="The run's configuration or its folder.",
    ),
]
Who = Annotated[
    Path,
    typer.Option(
        "--person",
        metavar="FOLDER/NAME",
        envvar="AGENTTRADER_PERSON",
        help="Whose token and key: NAME.token and NAME.key in the folder.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is on record.")]
ScopeText = Annotated[
    str,
    typer.Option("--scope", metavar="SCOPE", help="everything, or such as symbol:ALFA or agent:NAME."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]


def configuration_at(path: Path) -> "Configuration":
    """The configuration that `path`, a file or a run's folder, names."""
    from agenttrader.app.config import load

    return load(configuration_of(path))


def person_at(path: Path) -> "PersonFiles":
    """The files of a person. Raises ConfigurationError for what cannot be one."""
    from agenttrader.app.operators.person import PersonFiles

    if not path.name or path.is_dir():
        raise ConfigurationError(f"--person: expected FOLDER/NAME, found {str(path)!r}, which is a folder")
    return PersonFiles(path)


def at_desk(config: Path, person: Path, act: "Callable[[Operator], Awaitable[T]]") -> T:
    """What `act` gives at the gateway of the run."""
    from agenttrader.app.operators.perform import at_desk as perform

    return perform(configuration_at(config), person_at(person), act)


def signing_at_desk(config: Path, person: Path, act: "Callable[[Operator, Pen], Awaitable[T]]") -> T:
    """What `act` gives at the gateway of the run, with the person's signature.

    The key's passphrase is asked for, on the terminal or from stdin, once everything else is there.
    """
    from agenttrader.app.operators.perform import at_desk as perform

    configuration, files = configuration_at(config), person_at(person)
    pen = pen_at(person)
    return perform(configuration, files, lambda desk: act(desk, pen))


def pen_at(person: Path) -> "Pen":
    """The person's signature; the key's passphrase is asked for, on the terminal or from stdin."""
    from agenttrader.app.operators.perform import signature_of

    files = person_at(person)
    files.require()
    return signature_of(files, passphrase_of(files))


def passphrase_of(files: "PersonFiles") -> str:
    """The passphrase of the person's key, from the terminal or from stdin."""
    import getpass

    asked = f"passphrase of {files.key}: "
    return getpass.getpass(asked) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def require_reason(reason: str) -> None:
    """Raise BadValue where there is none: a record without a why helps nobody."""
    if not reason.strip():
        raise BadValue("--reason: expected a text that says why, found none")


def show_trading(trading: "TradingBody", *, as_json: bool) -> None:
    """What may leave now, and why not more."""
    if as_json:
        print_json(builtins_of(trading))
        return
    print(f"trading   {trading.state}")
    for reason in trading.reasons:
        tell(f"reason    {reason}")


def show_breakers(breakers: "Iterable[BreakerBody]") -> None:
    """Each breaker on a line; of one that tripped, why and how it ends."""
    from agenttrader.runtime.standing import words_of

    for each in breakers:
        what = f"{each.name.removeprefix('breaker:')}, {words_of(each.scope)}"
        tell(f"breaker   {each.state.value:<8}  {what}: {each.counted or each.reason}")
        if each.since is not None:
            halts = "nothing is halted" if each.halts is None else each.halts.value
            tell(f"          {halts} since {each.since}: {each.reason}")
        if each.way_back:
            print(f"          a person ends it: {each.way_back}")


def show_window(status: "StatusBody") -> None:
    """The window, in lines."""
    from agenttrader.runtime.standing import words_of

    window = status.window
    if window is None:
        print("window    none is open")
        return
    print(f"window    {window.mode.value} on {words_of(window.scope)}")
    print(f"          {window.start} to {window.end}")
    tell(f"          by {window.person}: {window.reason}")
    if window.suspended:
        tell(f"suspended {window.suspended}")
