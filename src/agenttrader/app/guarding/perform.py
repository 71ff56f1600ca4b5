"""Making a guarded bot's folder, and keeping its processes up."""

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import structs

from agenttrader.app.config import Configuration, load
from agenttrader.app.guarding.paper import SECRETS, PaperWish, paper_text
from agenttrader.app.guarding.setup import Guard, GuardWish, make_guard
from agenttrader.app.guarding.wiring import maker, played_out, require_rest, supervisor, today
from agenttrader.app.throwaway import write_private
from agenttrader.model.errors import AgentTraderError
from agenttrader.runtime.supervisor import Notice


def make(folder: Path, wish: GuardWish, passphrase: str, paper: PaperWish | None = None) -> Guard:
    """The folder, made whole or not at all. Raises BadValue, ConfigurationError, StoreError."""
    is_new = not folder.exists()
    try:
        guard = make_guard(folder, wish, maker(passphrase))
        return guard if paper is None else _at_paper(guard, paper)
    except AgentTraderError:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _at_paper(guard: Guard, paper: PaperWish) -> Guard:
    """The same folder for the paper account; what of it is secret at Alpaca is for a person to fill in."""
    text = paper_text(guard.path.read_text(encoding="utf-8"), paper, today())
    guard.path.write_text(text, encoding="utf-8")
    for name in SECRETS:
        write_private(guard.path.parent / name, "")
    return structs.replace(guard, configuration=load(guard.path, environment={}))


def roles_of(configuration: Configuration) -> tuple[str, ...]:
    """What is started for a run, in order: the exits unit and the sentinel where they are configured."""
    wanted = ("venue", "marketdata", "gateway", "exits", "sentinel")
    present = {
        "venue": configuration.broker.is_simulated,
        "exits": configuration.exits is not None,
        "sentinel": configuration.sentinel is not None,
    }
    strategies = ("strategy",) if configuration.strategy.run else ()
    return (*(role for role in wanted if present.get(role, True)), *strategies)


async def keep_up(
    path: Path,
    environment: Mapping[str, str],
    tell: Callable[[Notice], None],
    ready: Callable[[Configuration], None],
    over: Callable[[Configuration], None],
    interrupted: asyncio.Event,
) -> None:
    """Start every role of the run, start again what dies, and stop them in order when interrupted.

    `ready` is called once they all can do their work, `over` when the day that is played has been. Raises
    RoleFailed where one cannot be kept, and ConfigurationError where the run is up already.
    """
    configuration = load(path)
    roles = roles_of(configuration)
    require_rest(configuration, roles)
    processes = supervisor(configuration, path, roles, environment, tell)
    watching: asyncio.Task[None] | None = None
    ending: asyncio.Task[None] | None = None
    waiting = asyncio.create_task(interrupted.wait())
    try:
        await processes.start()
        ready(configuration)
        watching = asyncio.create_task(processes.watch())
        ending = asyncio.create_task(_tell_when_over(configuration, over))
        await asyncio.wait((watching, waiting), return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()
    finally:
        for task in filter(None, (watching, waiting, ending)):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await processes.stop(_stop_order(roles))


async def _tell_when_over(configuration: Configuration, over: Callable[[Configuration], None]) -> None:
    await played_out(configuration)
    over(configuration)


def _stop_order(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Who decides first, then who protects, the gateway after them, and what it needs last."""
    order = ("strategy", "sentinel", "exits", "gateway", "venue", "marketdata")
    return tuple(role for role in order if role in roles)
