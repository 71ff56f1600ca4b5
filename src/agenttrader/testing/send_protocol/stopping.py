"""A journal that stops before and after it writes a decision, so that a gateway can die at either point."""

import queue
import threading
from collections.abc import Sequence

from agenttrader.adapters.memory_journal import MemoryJournal
from agenttrader.model.events import Decided, Event
from agenttrader.model.records import Recorded, Sealed

WAIT_SECONDS = 5


class Died(Exception):
    """The process ended here."""


class StoppingJournal(MemoryJournal):
    """A journal that waits for a word before and after it writes a decision of which an order leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = threading.Event()
        """Set while it waits."""
        self._words: queue.Queue[bool] = queue.Queue()

    def go_on(self, *, dies: bool = False) -> None:
        """The word: go on, or die here."""
        self.waits.clear()
        self._words.put(dies)

    def append(self, records: Sequence[Sealed[Event]]) -> tuple[Recorded[Event], ...]:
        """As the memory's, but for the two stops."""
        if not any(leaves(each.event) for each in records):
            return super().append(records)
        self._stop()
        recorded = super().append(records)
        self._stop()
        return recorded

    def _stop(self) -> None:
        self.waits.set()
        if self._words.get(timeout=WAIT_SECONDS):
            raise Died


def leaves(event: Event) -> bool:
    """Whether an order leaves by it."""
    return isinstance(event, Decided) and event.instruction is not None
