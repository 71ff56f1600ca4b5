"""When the books are compared with the broker's, and what is left for people to read of each run.

By the market's clock, whenever the link to the broker comes up, whenever the session asks for it (a day
turned, a report is of nobody's order), and when somebody asks. Not while a simulated day is told again after
a restart: what the broker says of later waits for its time, so each difference would be a false one.
"""

import asyncio
from collections.abc import Callable

import structlog
from msgspec import Struct

from agenttrader.app.gateway.comparison_views import ComparisonReport, report_of
from agenttrader.model.errors import InboxFull, NotReady, StoreError
from agenttrader.model.times import SECOND, Instant, rfc3339
from agenttrader.runtime.inputs import Compared
from agenttrader.runtime.recovery import Reconciler
from agenttrader.runtime.session import Session

COMPARE_AGAIN_SECONDS = 1.0
"""After a comparison that could not be recorded."""

logger = structlog.get_logger()


class Comparing:
    """The runs of one gateway. `owed` is set by whoever wants one; `keep` writes a report of a day."""

    def __init__(
        self,
        session: Session,
        reconciler: Reconciler,
        owed: asyncio.Event,
        every_seconds: int,
        keep: Callable[[str, Struct], object],
    ) -> None:
        self._session = session
        self._reconciler = reconciler
        self._owed = owed
        self._every = every_seconds * SECOND
        self._keep = keep
        self._began: Instant | None = None
        """When the last run began, by the market's clock."""
        self._caught_up = asyncio.Event()
        session.reached_listeners.append(self._reached)

    async def follow(self) -> None:
        """Compare whenever a run is owed, until canceled; what cannot be recorded now is owed still."""
        await self._session.started.wait()
        await self._caught_up.wait()
        while True:
            await self._owed.wait()
            self._owed.clear()
            try:
                await self.compare(whole=False)
            except (StoreError, InboxFull) as error:
                # Nothing is decided while the store cannot be written or too much waits.
                logger.error("comparison_owed", reason=str(error))  # noqa: TRY400 - a trace says nothing more
                await asyncio.sleep(COMPARE_AGAIN_SECONDS)
                self._owed.set()

    async def compare(self, *, whole: bool = True) -> Compared:
        """Compare now; on record, and reported, when this returns.

        Raises StoreError and InboxFull, and NotReady where it cannot be compared yet.
        """
        if self._session.is_behind:
            until = rfc3339(self._session.engine.state.last_time)
            raise NotReady(
                f"not compared yet: the market tells again what is on record, up to {until}, and all is "
                "halted until then; the books are compared by themselves as soon as it is there"
            )
        self._began = self._now()
        compared = await self._reconciler.run(whole=whole)
        await self._report(report_of(self._session.engine, compared, self._now()))
        return compared

    async def _report(self, report: ComparisonReport) -> None:
        """Write the report. One that cannot be written takes nothing back: the journal has the run."""
        try:
            await asyncio.to_thread(self._keep, report.session, report)
        except StoreError as error:
            logger.error("report_unwritten", reason=str(error))  # noqa: TRY400 - the reason says it all

    def _now(self) -> Instant:
        """The market's time. Before any is known nothing can be recorded, so nothing is compared."""
        return self._session.now or Instant(0)

    def _reached(self, time: Instant) -> None:
        if not self._session.is_behind:
            self._caught_up.set()
        if self._began is not None and time - self._began >= self._every:
            self._owed.set()
