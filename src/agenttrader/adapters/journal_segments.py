"""The rows of a journal's segments, held against the records that opened and sealed them.

A row repeats what its SegmentOpened record says, so that a query need not read the chain; the chain is what
counts.
"""

import sqlite3

import msgspec
from msgspec import Struct

from agenttrader.adapters.journal_reader import damaged
from agenttrader.model.errors import TamperingFound
from agenttrader.model.events import Event, SegmentOpened, SegmentSealed
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Sealed


class _Row(Struct, frozen=True, array_like=True):
    """A row of the table, in the order of its columns."""

    id: int
    session: str
    account: AccountName
    epoch: int
    configuration: str
    code: str
    parameters: str
    calendar: str
    previous_head: str
    sealed_head: str | None


class SegmentRows:
    """The table of segments, followed record by record; `account` and `epoch` are the last opened one's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        try:
            rows = connection.execute("SELECT * FROM segments ORDER BY id").fetchall()
        except sqlite3.Error as error:
            raise damaged(error, 1) from error
        self._rows = [msgspec.convert(row, _Row) for row in rows]
        self._opened = 0
        self._is_open = False
        self.account = AccountName("")
        self.epoch = 0

    def follow(self, sealed: Sealed[Event], segment: int) -> None:
        """Take the next record. Raises TamperingFound where it and its segment's row disagree."""
        event = sealed.event
        if isinstance(event, SegmentOpened):
            self._open(sealed, event)
        if not self._is_open:
            raise TamperingFound(
                sealed.sequence, "it stands in no segment: expected a SegmentOpened before it"
            )
        row = self._rows[self._opened - 1]
        if segment != row.id:
            raise TamperingFound(
                sealed.sequence, f"it is filed under segment {segment}: expected segment {row.id}"
            )
        if isinstance(event, SegmentSealed):
            if row.sealed_head != sealed.hash:
                raise TamperingFound(
                    sealed.sequence,
                    f"it seals segment {row.id}, whose row has another seal",
                )
            self._is_open = False

    def end(self, sequence: int) -> None:
        """Take the end of the journal after record `sequence`."""
        self._leave(sequence)
        if self._opened < len(self._rows):
            row = self._rows[self._opened]
            raise TamperingFound(
                sequence + 1, f"it is missing: expected the record that opened segment {row.id}"
            )

    def _open(self, sealed: Sealed[Event], opened: SegmentOpened) -> None:
        self._leave(sealed.sequence - 1)
        if self._opened == len(self._rows):
            raise TamperingFound(sealed.sequence, "it opens a segment that has no row")
        row = self._rows[self._opened]
        said = {
            "session": opened.session,
            "account": opened.account,
            "epoch": opened.epoch,
            "configuration": opened.configuration,
            "code": opened.code,
            "parameters": opened.parameters,
            "calendar": opened.calendar,
            "previous_head": sealed.previous,
        }
        for name, value in said.items():
            if getattr(row, name) != value:
                raise TamperingFound(
                    sealed.sequence,
                    f"it says {name} {value}, the row of segment {row.id} says {getattr(row, name)}",
                )
        # A fence may have made the process leave some out.
        if opened.epoch <= self.epoch or opened.account != (self.account or opened.account):
            raise TamperingFound(
                sealed.sequence,
                f"it opens epoch {opened.epoch} of account {opened.account}: "
                f"expected one above {self.epoch} of {self.account or opened.account}",
            )
        self.account, self.epoch = opened.account, opened.epoch
        self._opened += 1
        self._is_open = True

    def _leave(self, sequence: int) -> None:
        if self._is_open and self._rows[self._opened - 1].sealed_head is not None:
            raise TamperingFound(sequence, "its segment's row is sealed, but no record seals it")
        self._is_open = False
