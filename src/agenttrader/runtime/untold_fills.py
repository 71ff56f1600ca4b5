"""The fills that a strategy has yet to be told: each once, whichever side starts again in between."""

from collections.abc import Iterable, Sequence

from agenttrader.model.identifiers import ExecutionId
from agenttrader.protocols.native import FillMade


class UntoldFills:
    """What waits, in the order in which it was made, and the names of what was told."""

    def __init__(self) -> None:
        self._waiting: list[FillMade] = []
        self._told: dict[ExecutionId, None] | None = None

    @property
    def told(self) -> tuple[ExecutionId, ...] | None:
        """Those that were told, or were made before our time; None before a snapshot has said which."""
        return None if self._told is None else tuple(self._told)

    def recall(self, told: Iterable[ExecutionId] | None) -> None:
        """Take what was told by the process before this one."""
        self._told = None if told is None else dict.fromkeys(told)

    def catch_up(self, fills: Sequence[FillMade]) -> None:
        """Take all of the day from a snapshot: those that came while nobody listened wait, too."""
        if self._told is None:
            self._told = dict.fromkeys(fill.execution_id for fill in fills)
        self._waiting = [fill for fill in fills if fill.execution_id not in self._told]

    def hear(self, fill: FillMade) -> None:
        """Take one of the stream, which tells none that stood in its snapshot."""
        self._waiting.append(fill)

    def take(self) -> list[FillMade]:
        """All that wait; they are told with this."""
        taken, self._waiting = self._waiting, []
        if self._told is not None:
            self._told.update((fill.execution_id, None) for fill in taken)
        return taken
