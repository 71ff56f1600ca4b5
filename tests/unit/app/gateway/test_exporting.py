import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from agenttrader.app.gateway import exporting as module
from agenttrader.app.gateway.exporting import Exporting
from agenttrader.model.errors import StoreError
from agenttrader.model.events import Event
from agenttrader.model.records import Chain, Sealed
from agenttrader.testing.events import filled, opened, sealed

KNOWN = sealed(Chain(), opened(), filled(1), filled(2))


class Files:
    """An export in memory."""

    def __init__(self) -> None:
        self.records: list[Sealed[Event]] = []
        self.is_held = False
        self.fails = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        self.is_held = True
        yield
        self.is_held = False

    def add(self, read: Callable[[int], Iterator[Sealed[Event]]]) -> int:
        assert self.is_held
        if self.fails:
            raise StoreError("no room")
        self.records += read(len(self.records))
        return len(self.records)


class Journal:
    def __init__(self) -> None:
        self.records: list[Sealed[Event]] = []

    def read(self, after: int) -> Iterator[Sealed[Event]]:
        return iter(self.records[after:])


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.01)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come")


async def test_it_is_kept_up_while_the_work_goes_on_and_complete_after_it() -> None:
    files, journal = Files(), Journal()
    exporting = Exporting(files, journal.read)
    registry = CollectorRegistry()
    exporting.register(registry)

    async def work() -> None:
        journal.records += KNOWN[:1]
        await until(lambda: len(files.records) == 1)
        journal.records += KNOWN[1:2]
        await until(lambda: len(files.records) == 2)
        assert registry.get_sample_value("agenttrader_audit_logs_records") == 2
        following.cancel()
        journal.records += KNOWN[2:]

    following = asyncio.create_task(exporting.follow())
    await exporting.during(work)
    assert files.records == journal.records == list(KNOWN)
    assert not files.is_held


async def test_what_fails_is_said_once_and_added_later() -> None:
    files, journal = Files(), Journal()
    exporting = Exporting(files, journal.read)
    files.fails = True
    journal.records += KNOWN

    async def work() -> None:
        await asyncio.sleep(0.05)
        files.fails = False

    following = asyncio.create_task(exporting.follow())
    with capture_logs() as logs:
        await exporting.during(work)
    following.cancel()
    assert [(log["event"], log["reason"]) for log in logs] == [("export_behind", "no room")]
    assert files.records == list(KNOWN)


async def test_where_none_is_wanted_the_work_is_all() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("work")

    exporting = Exporting(None, Journal().read)
    registry = CollectorRegistry()
    exporting.register(registry)
    await exporting.during(work)
    assert done == ["work"]
    assert registry.get_sample_value("agenttrader_audit_logs_records") is None
