"""Drills of what goes on, or stays as it is: over a crash, while reports fail, while nobody answers."""

import asyncio
import shutil

from agenttrader.app.journals.verify import verify
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Decided, Event, Halted, Reconciled, Resumed
from agenttrader.protocols.native import TradingBody
from agenttrader.protocols.person_bodies import HaltBody
from agenttrader.testing.drills.stage import ORDERS, DrillDay

QUIET_MINUTES = 90
"""Longer than anybody may leave an incident unread."""
STEP_MINUTES = 4
"""Less than what counts as a feed that has died."""
ANSWER_MILLISECONDS = 4_000


async def crash(day: DrillDay) -> None:
    """The gateway is killed before the broker's answer comes: started again, it knows the order."""
    await day.plan("latency", (ORDERS,), times=1, when="after", milliseconds=ANSWER_MILLISECONDS)
    asking = asyncio.create_task(day.order(1))

    async def has_arrived() -> bool:
        return bool(await day.entries())

    assert await day.becomes(has_arrived), day.logs()
    day.kill("gateway")
    await asyncio.gather(asking, return_exceptions=True)
    before = day.journal()
    day.start("gateway")
    await day.until(lambda: day.address("gateway"))
    assert await day.becomes(day.is_ready), day.logs()
    await day.agree()
    async with day.operator() as operator:
        await operator.resume_window(day.pen, "started again")
    day.expect("the same proposal is the same order", "accepted", await day.order(1))
    day.expect("entries at the venue", 1, len(await day.entries()))
    after = day.journal()
    day.expect("records of before that are still there", len(before), _kept(before, after))
    day.expect("decisions on it", 1, sum(isinstance(each, Decided) for each in after))
    verified = verify(day.folder, None, None).found
    day.expect("the journal stands as it was written", expected=True, observed=verified.verified)
    day.evidence["the journal"] = [f"{verified.records} records, head {verified.head}"]


async def unwritten_report(day: DrillDay) -> None:
    """The reports that people read cannot be written: trading and its record go on, and the log says so."""
    reports = day.configuration.path(day.configuration.reconciliation.reports)
    shutil.rmtree(reports, ignore_errors=True)
    reports.parent.mkdir(parents=True, exist_ok=True)
    reports.write_text("no folder\n")
    found = await day.reconciled()
    day.expect("the comparison", "", found.failure)
    day.expect("an order", "accepted", await day.order(1))
    day.expect("the gateway lives", expected=True, observed=day.processes["gateway"].poll() is None)
    runs = [each for each in day.journal() if isinstance(each, Reconciled)]
    day.expect(
        "the comparison is on record", expected=True, observed=any(each.run == found.run for each in runs)
    )
    said = [line for line in (day.folder / "gateway.log").read_text().splitlines() if "report" in line]
    day.expect("the log says that it was not written", expected=True, observed=bool(said))
    day.evidence["the log"] = said


async def unanswered_halt(day: DrillDay) -> None:
    """All halts, and nobody answers for 90 minutes and a restart: time lifts nothing, a person does."""
    body = HaltBody(EVERYTHING, TradingState.HALTED, "a drill: an incident")
    await day.say("/v1/halt", body, TradingBody)
    for _ in range(0, QUIET_MINUTES, STEP_MINUTES):
        day.pass_time(STEP_MINUTES, day.minute())
        assert await day.becomes(day.has_heard), day.logs()
    await day.trade()
    day.expect("an order after an hour and a half", "denied trading_state", await day.order(1))
    await day.restarted()
    assert await day.becomes(day.is_ready), day.logs()
    await day.trade()
    latches = (await day.status()).latches
    day.expect(
        "the halt is told after a restart", ["a drill: an incident"], [each.reason for each in latches]
    )
    day.expect("an order after a restart", "denied trading_state", await day.order(2))
    await day.resumed()
    day.expect("an order once a person has answered", "accepted", await day.order(3))
    events = day.journal()
    day.expect("halts and resumes on record", ["halted", "resumed"], _acts(events))
    day.expect("entries at the venue", 1, len(await day.entries()))


async def drift(day: DrillDay) -> None:
    """Each decision is made again beside the record: by the limits that ruled, none comes out otherwise."""
    for number in range(1, 4):
        await day.order(number)
    day.expect("decisions made again by what ruled: exit code", 0, (await day.type("policy", "replay"))[0])
    other = day.folder / "tighter.toml"
    other.write_text('[limits.symbol.ALFA]\norder_quantity_max = "9"\n')
    code, told = await day.type("policy", "replay", "--limits", str(other))
    day.expect("by a limit that all three exceed: exit code", 1, code)
    day.evidence["by a limit that all three exceed"] = [str(told)[:2_000]]


def _kept(before: list[Event], after: list[Event]) -> int:
    return sum(one == other for one, other in zip(before, after, strict=False))


def _acts(events: list[Event]) -> list[str]:
    return [type(each).__name__.lower() for each in events if isinstance(each, Halted | Resumed)]
