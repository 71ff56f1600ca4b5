"""How the comparisons with the broker went, folded from the journal, and that the last is not too old.

A run that found no difference agreed; one that found some differed; one that could not be made failed, and
says nothing about the books: it neither ends a count nor is part of one.
"""

from collections.abc import Iterator

from agenttrader.model.events import Reconciled
from agenttrader.model.times import SECOND, Instant, rfc3339
from agenttrader.runtime.compared_days import ComparedDays


class Comparisons:
    """Counts over all segments; when the books were last compared, and last agreed, of this one."""

    def __init__(self) -> None:
        self.runs = 0
        self.differing = 0
        self.failed = 0
        self.compared: Instant | None = None
        """When the last run of this segment was recorded that did not fail."""
        self.agreed: Instant | None = None
        """When the last one was that found no difference."""
        self.days = ComparedDays()
        self._is_failed = False

    def begin(self) -> None:
        """A segment begins: what was compared before it says nothing about now."""
        self.compared = self.agreed = None
        self._is_failed = False

    def note(self, run: Reconciled, time: Instant) -> None:
        """A run is on record, at `time`."""
        self.runs += 1
        self.days.note(run, time)
        self._is_failed = bool(run.failure)
        if run.failure:
            self.failed += 1
            return
        self.compared = time
        if run.breaks:
            self.differing += 1
        else:
            self.agreed = time

    def outdated(self, seconds_max: int, now: Instant) -> Iterator[Reconciled]:
        """The failure that it is where the books have not been compared for too long; told once."""
        if self.compared is None or self._is_failed or now - self.compared <= seconds_max * SECOND:
            return
        yield Reconciled(
            run=f"none-{self.runs + 1}",
            statement_time=None,
            orders=0,
            positions=0,
            executions=0,
            breaks=(),
            failure=f"the books were last compared at {rfc3339(self.compared)}, more than {seconds_max} s "
            "ago ([reconciliation] age_seconds_max)",
        )
