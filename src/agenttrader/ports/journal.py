"""The journal as the session needs it: append a batch durably, and read everything back.

Whoever only reads, a verb of the command line or an auditor, needs less of it: that is an archive.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from agenttrader.model.errors import TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.identifiers import Digest
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


class Snapshot(Struct, frozen=True, kw_only=True):
    """What the records up to `sequence`, whose hash is `head`, came to; `made_by` says by what."""

    sequence: int
    head: str
    made_by: Digest
    body: bytes


def require_record(sequence: int, claimed: str, found: str | None) -> None:
    """Raise TamperingFound where the record that a signed fold goes up to is gone, or has another hash."""
    if found is None:
        raise TamperingFound(
            sequence, "it is missing: a fold that our key signed goes up to it; the tail is cut"
        )
    if found != claimed:
        raise TamperingFound(
            sequence,
            f"a fold that our key signed gives it hash {claimed[:16]}…, found {found[:16]}…: "
            "the chain was made anew",
        )


class FoldedJournal(Protocol):
    """A journal that keeps, beside its records, what they came to: a start then has less to fold."""

    def read(self, after: int = 0) -> Iterator[Sealed[Event]]:
        """As `Journal.read`."""
        ...

    def hash_at(self, sequence: int) -> str | None:
        """The hash of record `sequence`, after the chain was walked to it from the first record.

        None where the chain ends before it. Raises TamperingFound where it does not hold so far.
        """
        ...

    def snapshot(self) -> Snapshot | None:
        """The last one that was kept; None where there is none. BadValue where it is not our own."""
        ...

    def keep(self, snapshot: Snapshot) -> None:
        """Put it in the place of the last. Raises StoreError where it cannot be."""
        ...


class Verification(Struct, frozen=True, kw_only=True):
    """What verifying found.

    `records` and `head` are how far the chain holds: of a sound journal the whole of it, of another a part
    of what is `written`. `anchored` is the last of them that a signed head outside the store covers. `record`
    is the first that is not as it was written; None where all is well, or where it is about no single one.
    `finding` is empty when `verified`.
    """

    records: int
    written: int
    head: str
    anchored: int
    epoch: int
    verified: bool
    finding: str
    record: int | None


class JournalArchive(Protocol):
    """One account's journal to be read, whether anybody writes it or not."""

    def verify(self) -> Verification:
        """Hold chain, segments and signed heads against each other; StoreError where there is nothing to."""
        ...

    def read(self, after: int = 0) -> Iterator[Sealed[Event]]:
        """As `Journal.read`."""
        ...
