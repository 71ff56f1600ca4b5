"""The comparisons with the broker as people are shown them: how they stand, and the report of one."""

from collections import Counter
from typing import Literal

from msgspec import Struct

from agenttrader.model.breaks import Break
from agenttrader.model.identifiers import AccountName
from agenttrader.model.times import SECOND, Instant, rfc3339
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import Compared


class ComparisonsBody(Struct, frozen=True, kw_only=True):
    """How the comparisons stand. Times and ages are the market's."""

    runs: int
    """All that the journal has."""
    differing: int
    """Those that found a difference."""
    failed: int
    """Those that could not be made."""
    last_success: str | None
    """When the last run of this start was recorded that did not fail, whatever it found."""
    age_seconds: int | None
    last_agreement: str | None
    """When the last one was that found no difference."""
    failure: str
    """Why the last run failed; empty where it did not."""
    breaks: dict[str, int]
    """Those that stand, by kind."""
    clean_days: int = 0
    """Sessions in a row without mismatch, by the exchange's calendar, up to the last one that is over."""
    left: tuple[Break, ...] = ()
    """What is somebody else's, and left to them by a person's word: nothing is opened in its symbol."""


class ComparisonReport(Struct, frozen=True, kw_only=True):
    """One run, as a line of the day's report."""

    account: AccountName
    session: str
    """The trading day, YYYY-MM-DD; before the first has begun, the date in UTC."""
    run: str
    verdict: Literal["agreed", "differed", "failed"]
    statement_time: str | None
    """The broker's own time."""
    orders: int
    positions: int
    executions: int
    breaks: tuple[Break, ...]
    failure: str
    comparisons: ComparisonsBody
    """How they stand after it."""


def comparisons_of(engine: Engine, now: Instant | None) -> ComparisonsBody:
    """How the comparisons stand at `now`, the market's time."""
    state = engine.state
    found, last = state.comparisons, state.reconciled
    age = None if now is None or found.compared is None else max(0, now - found.compared) // SECOND
    return ComparisonsBody(
        runs=found.runs,
        differing=found.differing,
        failed=found.failed,
        last_success=_time(found.compared),
        age_seconds=age,
        last_agreement=_time(found.agreed),
        failure="" if last is None else last.failure,
        breaks=dict(Counter(each.kind.value for each in state.breaks)),
        clean_days=0 if now is None else found.days.clean_in_a_row(engine.rules.calendar, now),
        left=state.left,
    )


def report_of(engine: Engine, compared: Compared, now: Instant) -> ComparisonReport:
    """The report of the run that was made just before."""
    statement, day = compared.statement, engine.state.day
    verdict: Literal["agreed", "differed", "failed"] = "differed" if compared.breaks else "agreed"
    return ComparisonReport(
        account=engine.rules.authority.account,
        session=rfc3339(now).partition("T")[0] if day is None else day.session,
        run=compared.run,
        verdict="failed" if compared.failure else verdict,
        statement_time=None if statement is None else rfc3339(statement.time),
        orders=0 if statement is None else len(statement.open_orders),
        positions=0 if statement is None else len(statement.positions),
        executions=0 if statement is None else len(statement.executions),
        breaks=compared.breaks,
        failure=compared.failure,
        comparisons=comparisons_of(engine, now),
    )


def _time(instant: Instant | None) -> str | None:
    return None if instant is None else rfc3339(instant)
