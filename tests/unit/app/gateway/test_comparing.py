"""When the books are compared, and what of each run is left to read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest

from agenttrader.app.gateway import comparing
from agenttrader.app.gateway.comparing import Comparing
from agenttrader.app.gateway.comparison_metrics import ComparisonMetrics
from agenttrader.app.gateway.comparison_views import ComparisonReport, comparisons_of
from agenttrader.model.errors import InboxFull, NotReady, StoreError, Unreachable
from agenttrader.model.events import Reconciled
from agenttrader.model.market import Watermark
from agenttrader.model.times import SECOND, Instant
from agenttrader.runtime.acceptance import refusal_of
from agenttrader.runtime.inbox import WatermarkInbox
from agenttrader.runtime.inputs import Input
from agenttrader.testing.builders import ACCOUNT, OPEN, at, broker_statement
from agenttrader.testing.small_gateway import SmallGateway

EVERY = 120


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SmallGateway]:
    monkeypatch.setattr("agenttrader.runtime.recovery.LOOK_AGAIN_SECONDS", 0.001)
    monkeypatch.setattr(comparing, "COMPARE_AGAIN_SECONDS", 0.001)
    made = SmallGateway(every_seconds=EVERY)
    await made.trade()
    following = asyncio.create_task(made.comparing.follow())
    yield made
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    await made.stop()


def runs(gateway: SmallGateway) -> list[Reconciled]:
    return [event for event in gateway.events() if isinstance(event, Reconciled)]


async def until(gateway: SmallGateway, reports: int) -> None:
    async with asyncio.timeout(5):
        while len(gateway.reports) < reports:  # noqa: ASYNC110 - reports have no event
            await asyncio.sleep(0.002)


async def reach(gateway: SmallGateway, seconds: int) -> None:
    """So many seconds after it began to trade."""
    gateway.session.market(Watermark(time=Instant(at(1) + seconds * SECOND)))
    await gateway.settle()


async def test_the_books_are_compared_by_the_markets_clock(gateway: SmallGateway) -> None:
    gateway.owed.set()
    await until(gateway, 1)
    before = len(runs(gateway))
    await reach(gateway, EVERY - 1)
    assert not gateway.owed.is_set()
    await reach(gateway, EVERY)
    await until(gateway, 2)
    await reach(gateway, EVERY + 60)
    await gateway.settle()
    assert len(runs(gateway)) == before + 1
    await reach(gateway, 2 * EVERY + 30)
    await until(gateway, 3)


async def test_whoever_asks_moves_the_next_run_by_the_clock(gateway: SmallGateway) -> None:
    await reach(gateway, 100)
    await gateway.desk.reconcile()
    before = len(runs(gateway))
    await reach(gateway, 100 + EVERY - 1)
    await gateway.settle()
    assert not gateway.owed.is_set()
    assert len(runs(gateway)) == before


async def test_each_run_is_reported_whatever_came_of_it(gateway: SmallGateway) -> None:
    gateway.broker.statements = [
        broker_statement(),
        broker_statement(cash=broker_statement().cash + 1),
    ]
    await gateway.desk.reconcile()
    await gateway.desk.reconcile()
    gateway.broker.statements = [Unreachable("no answer")]
    await gateway.desk.reconcile()
    told = [report for _, report in gateway.reports if isinstance(report, ComparisonReport)]
    assert {day for day, _ in gateway.reports} == {"2026-11-20"}
    assert [report.verdict for report in told] == ["agreed", "differed", "failed"]
    assert [len(report.breaks) for report in told] == [0, 1, 0]
    assert (told[2].failure, told[2].statement_time) == ("no answer", None)
    assert {report.account for report in told} == {ACCOUNT}
    assert told[1].comparisons.breaks == {"cash": 1}


async def test_a_report_that_cannot_be_written_takes_nothing_back(gateway: SmallGateway) -> None:
    def full(day: str, report: Struct) -> None:
        raise StoreError(f"no space for {day}: {report}")

    kept = Comparing(gateway.session, gateway.reconciler, asyncio.Event(), EVERY, full)
    before = len(runs(gateway))
    assert (await kept.compare()).failure == ""
    assert len(runs(gateway)) == before + 1


@pytest.mark.parametrize("reason", (InboxFull("too much is waiting"), StoreError("no space")))
async def test_a_comparison_that_cannot_be_recorded_now_is_owed(
    gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch, reason: Exception
) -> None:
    run_whole, tries = gateway.reconciler.run, 0

    async def run(*, whole: bool) -> object:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise reason
        return await run_whole(whole=whole)

    monkeypatch.setattr(gateway.reconciler, "run", run)
    gateway.owed.set()
    await until(gateway, 1)
    assert tries == 3


async def test_the_numbers_say_how_old_the_last_success_is_and_what_stands(gateway: SmallGateway) -> None:
    registry = CollectorRegistry()
    registry.register(ComparisonMetrics(lambda: comparisons_of(gateway.session.engine, gateway.session.now)))
    await gateway.desk.reconcile()
    agreed = gateway.session.engine.state.comparisons.runs
    await reach(gateway, 60)
    gateway.broker.statements = [Unreachable("no answer")]
    await gateway.desk.reconcile()
    shown = generate_latest(registry).decode()
    assert f'agenttrader_reconciliation_runs_total{{result="agreed"}} {agreed}.0' in shown
    assert 'agenttrader_reconciliation_runs_total{result="failed"} 1.0' in shown
    assert 'agenttrader_reconciliation_breaks{kind="position"} 0.0' in shown
    assert "agenttrader_reconciliation_age_seconds 60.0" in shown
    status = gateway.desk.status().comparisons
    assert status is not None
    assert (status.age_seconds, status.failure) == (60, "no answer")
    gateway.session.engine.state.comparisons.begin()
    assert "age_seconds" not in generate_latest(registry).decode()


async def test_nothing_is_compared_or_accepted_while_a_day_is_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agenttrader.runtime.recovery.LOOK_AGAIN_SECONDS", 0.001)
    gateway = SmallGateway()
    await gateway.trade()
    gateway.broker.statements = [broker_statement(cash=broker_statement().cash + 1)]
    await reach(gateway, 60)
    (found,) = (await gateway.desk.reconcile()).breaks
    before = len(runs(gateway))
    await gateway.stop()

    after = SmallGateway(journal=gateway.journal, inbox=WatermarkInbox[Input]())
    after.owed.set()
    following = asyncio.create_task(after.comparing.follow())

    async def tell(time: Instant) -> None:
        after.session.market(Watermark(time=time))
        after.session.broker(Watermark(time=time))
        await after.settle()

    after.session.market(Watermark(time=OPEN))
    after.session.broker(Watermark(time=OPEN))
    await after.start()
    await tell(Instant(at(2) - 1))
    with pytest.raises(NotReady, match=r"on record, up to 2026-11-20T14:32:00Z, .* by themselves as soon as"):
        await after.desk.reconcile()
    state = after.session.engine.state
    assert (len(runs(after)), state.comparisons.runs, after.owed.is_set()) == (before, before, True)
    assert "has not been compared" in refusal_of(found, state)
    assert "has not been compared" in after.desk.status().trading.reasons[1]
    await tell(at(2))
    await until(after, 1)
    assert len(runs(after)) == before + 1
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    await after.stop()
