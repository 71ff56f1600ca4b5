"""The use case: make a run, play it, and give what `--json` prints."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agenttrader.app.config import home
from agenttrader.app.demo.day import Tell
from agenttrader.app.demo.play import play, play_days
from agenttrader.app.demo.report import Result, summary
from agenttrader.app.demo.setup import Asked, Wish, prepare, prepare_days
from agenttrader.app.demo.stretch import Stretch, stretch_summary
from agenttrader.app.demo.wiring import DemoWorld, choose, commit, maker, now


def days_of(wish: Wish, asked: Asked | None) -> tuple[Wish, ...]:
    """A wish for each session to play. Raises BadValue where what was asked for is not recorded."""
    if asked is None:
        return (wish,)
    return tuple(msgspec.structs.replace(wish, recorded=chosen) for chosen in choose(asked))


async def perform(
    wish: Wish,
    environment: Mapping[str, str],
    tell: Tell,
    interrupted: asyncio.Event,
    *,
    stays: bool,
    reports: Path,
    ended: Callable[[dict[str, Any]], None],
) -> Result:
    """Play the day that is wished for, with real processes. See `play` and `prepare` for what it raises.

    `ended` is given the day's summary as soon as there is one.
    """
    run = prepare(home(environment), wish, maker(), now())
    return await play(
        run,
        DemoWorld(run, environment),
        tell,
        interrupted,
        stays=stays,
        reports=reports,
        code=commit(environment),
        ended=lambda result: ended(summary(run, result)),
    )


async def perform_days(
    wishes: Sequence[Wish],
    environment: Mapping[str, str],
    tell: Tell,
    interrupted: asyncio.Event,
    *,
    reports: Path,
    ended: Callable[[dict[str, Any]], None],
) -> Stretch:
    """Play the wished sessions as one run. See `play_days` and `prepare_days` for what it raises.

    `ended` is given the summary of the whole.
    """
    return await play_days(
        prepare_days(home(environment), wishes, maker(), now()),
        lambda run: DemoWorld(run, environment),
        tell,
        interrupted,
        reports=reports,
        code=commit(environment),
        ended=lambda stretch: ended(stretch_summary(stretch)),
    )
