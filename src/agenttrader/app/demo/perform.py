"""The use case: make a run, play it, and give what `--json` prints."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agenttrader.app.config import home
from agenttrader.app.demo.day import Tell
from agenttrader.app.demo.play import play
from agenttrader.app.demo.report import Result, summary
from agenttrader.app.demo.setup import Wish, prepare
from agenttrader.app.demo.wiring import DemoWorld, commit, maker, now


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
