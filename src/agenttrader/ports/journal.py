"""The journal as the session needs it: append a batch durably, and read everything back."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from agenttrader.model.events import Event
from agenttrader.model.records import Recorded, Sealed


class Journal(Protocol):
    """One account's chain of records, with one writer."""

    def append(self, records: Sequence[Sealed[Event]]) -> tuple[Recorded[Event], ...]:
        """Commit all of `records`, or none: on return they survive a power cut.

        Raises StoreError when they cannot be written; the caller's state is then ahead of the disk.
        """
        ...

    def read(self, after: int = 0) -> Iterator[Sealed[Event]]:
        """Every record with a sequence above `after`, in order, each verified against its predecessor.

        Raises TamperingFound at the first that does not hold.
        """
        ...

    def sign_head(self) -> None:
        """Sign the present head, in the store and outside it: a cut tail or a remade chain is then seen."""
        ...

    def close(self) -> None:
        """Let go of the store; another process may open it."""
        ...
