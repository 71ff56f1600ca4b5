"""A journal in memory, for backtests and benches: the same chain and refusals, gone with the process."""

from collections.abc import Iterator, Sequence

from agenttrader.model.errors import StoreError, TamperingFound
from agenttrader.model.events import Event, SegmentOpened, SegmentSealed
from agenttrader.model.records import GENESIS, Recorded, Sealed, unseal


class MemoryJournal:
    """Implements `ports.journal.Journal`; what it holds is verified when it is read."""

    def __init__(self) -> None:
        self._records: list[Sealed[Event]] = []
        self._is_open = False

    @property
    def sequence(self) -> int:
        """The last record's; 0 of an empty journal."""
        return len(self._records)

    def append(self, records: Sequence[Sealed[Event]]) -> tuple[Recorded[Event], ...]:
        """Take all of `records`, or none; StoreError where they do not follow or no segment is open."""
        sequence, head = len(self._records), self._records[-1].hash if self._records else GENESIS
        is_open = self._is_open
        for sealed in records:
            if sealed.sequence != sequence + 1 or sealed.previous != head:
                raise StoreError(
                    f"expected record {sequence + 1} after {head[:16]}, found record {sealed.sequence} after "
                    f"{sealed.previous[:16]}: a gap or a fork"
                )
            is_open = is_open or isinstance(sealed.event, SegmentOpened)
            if not is_open:
                raise StoreError(f"expected an open segment for record {sealed.sequence}, found none")
            is_open = not isinstance(sealed.event, SegmentSealed)
            sequence, head = sealed.sequence, sealed.hash
        self._records.extend(records)
        self._is_open = is_open
        return tuple(map(Recorded, records))

    def read(self, after: int = 0) -> Iterator[Sealed[Event]]:
        """Every record with a sequence above `after`, each verified against its predecessor."""
        head = self._records[after - 1].hash if after else GENESIS
        for sealed in self._records[after:]:
            if sealed.previous != head:
                raise TamperingFound(sealed.sequence, f"it does not follow {head[:16]}…")
            head = sealed.hash
            yield unseal(sealed.sequence, sealed.time, sealed.kind, sealed.body, sealed.previous, sealed.hash)

    def sign_head(self) -> None:
        """Nothing: what is gone with the process has no tail that could be cut."""

    def close(self) -> None:
        """Take nothing more; it can still be read."""
        self._is_open = False
