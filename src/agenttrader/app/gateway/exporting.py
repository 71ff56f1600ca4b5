"""The daily export, kept up while the gateway runs: what is recorded is added within a second or so.

It reads the journal as an auditor would, in a thread of its own: nothing that is decided waits for it. What
cannot be added now is logged once, and added later; `journal daily` says what is missing.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Protocol

import structlog
from prometheus_client import CollectorRegistry, Gauge

from agenttrader.model.errors import StoreError
from agenttrader.model.events import Event
from agenttrader.model.records import Sealed

EVERY_SECONDS = 1.0

Work = Callable[[], Coroutine[Any, Any, None]]

logger = structlog.get_logger()


class Export(Protocol):
    """Where records are added."""

    def alone(self) -> AbstractContextManager[None]:
        """While this is held, nobody else adds. Raises StoreError."""
        ...

    def add(self, read: Callable[[int], Iterator[Sealed[Event]]]) -> int:
        """Add all that `read` has after the last that is there; which is the last then. Raises StoreError."""
        ...


class Exporting:
    """The duty of one gateway, whose journal `read` reads; without an `export` there is nothing to do."""

    def __init__(self, export: Export | None, read: Callable[[int], Iterator[Sealed[Event]]]) -> None:
        self._export = export
        self._read = read
        self._reached = 0
        self._failure = ""
        self._begun = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="daily-export")

    def register(self, registry: CollectorRegistry) -> None:
        """Show how far the export goes."""
        if self._export is None:
            return
        gauge = Gauge(
            "agenttrader_audit_logs_records", "The last record of the daily export", registry=registry
        )
        gauge.set_function(lambda: self._reached)

    async def follow(self) -> None:
        """Keep it up, from when `during` begins until canceled."""
        await self._begun.wait()
        while True:
            await self._add()
            await asyncio.sleep(EVERY_SECONDS)

    async def during(self, work: Work) -> None:
        """Do `work` to its end, alone with the export; it is complete then. Raises StoreError before that."""
        if self._export is None:
            await work()
            return
        with self._export.alone():
            self._begun.set()
            try:
                await work()
            finally:
                await self._add()

    async def _add(self) -> None:
        assert self._export is not None
        add = partial(self._export.add, self._read)
        try:
            self._reached = await asyncio.get_running_loop().run_in_executor(self._thread, add)
        except StoreError as error:
            if str(error) != self._failure:
                logger.error("export_behind", reason=str(error), record=self._reached)  # noqa: TRY400
            self._failure = str(error)
        else:
            self._failure = ""
