"""One run of a drill: its day is opened in a folder of its own, played, and what was found is said."""

import tempfile
import time
from pathlib import Path

import aiohttp

from agenttrader.model.errors import AgentTraderError
from agenttrader.testing.drills.catalog import Drill
from agenttrader.testing.drills.report import Finding
from agenttrader.testing.drills.stage import DrillDay, opened

FAILURE_CHARACTERS_MAX = 2_000


async def run(drill: Drill) -> Finding:
    """Run it once. What keeps it from its end is part of what was found."""
    start, failure = time.monotonic(), ""
    with tempfile.TemporaryDirectory(prefix="agenttrader-drill-") as folder:
        day = DrillDay(Path(folder), drill.change)
        try:
            async with opened(day):
                await drill.play(day)
        except (AssertionError, AgentTraderError, aiohttp.ClientError, OSError) as error:
            failure = f"{type(error).__name__}: {error}"[-FAILURE_CHARACTERS_MAX:]
    return Finding(
        drill=drill.name,
        about=drill.about,
        looks=tuple(day.looks),
        evidence=day.evidence,
        failure=failure,
        seconds=round(time.monotonic() - start),
    )
