"""A run's journal read from its beginning, and every decision in it made again. Nothing is written."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from agenttrader.app.config import load
from agenttrader.app.gateway.rules import rules_of
from agenttrader.app.policy.again import Replay
from agenttrader.app.policy.earnings import Earned, Earnings, Trip
from agenttrader.app.policy.findings import Findings
from agenttrader.app.policy.wanted import Wanted, read_wanted
from agenttrader.app.policy.wiring import Source, source_of
from agenttrader.model.orders import Effect

STEP_RECORDS = 500
"""How often progress is told."""


class Replayed(Struct, frozen=True, kw_only=True):
    """What came of it."""

    source: Source
    wanted: Wanted | None
    findings: Findings
    trips: tuple[Trip, ...]
    earned: Earned


def replay(path: Path, limits: Path | None, progress: Callable[[int, int], None]) -> Replayed:
    """Every decision of the run that is configured at `path`, made again by the limits of a file.

    Without one, by those that ruled. `progress` is told how many records are done, and of how many. Raises
    ConfigurationError where there is no such run or limit, TamperingFound where the journal does not hold.
    """
    configuration = load(path)
    source = source_of(configuration)
    rules = rules_of(configuration, source.calendar, configuration.switches.wired)
    wanted = None if limits is None else read_wanted(limits, path, configuration, rules)
    again = Replay(rules, configuration.multipliers(), None if wanted is None else wanted.ask())
    findings, earnings = Findings(), Earnings()
    for sealed in source.read():
        earnings.see(sealed, again.state.book)
        for each in again.see(sealed):
            change = findings.add(each)
            if change is not None and change.denies and change.effect is Effect.OPEN:
                earnings.deny(change.order_id)
        if sealed.sequence % STEP_RECORDS == 0:
            progress(sealed.sequence, source.records)
    progress(source.records, source.records)
    return Replayed(
        source=source,
        wanted=wanted,
        findings=findings,
        trips=tuple(earnings.trips),
        earned=earnings.earned(),
    )
