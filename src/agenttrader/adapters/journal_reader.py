"""Reading a journal's file: every record in order, each verified against its predecessor as it goes by.

A reader needs no lock and may run beside the writer: it sees whole commits and nothing else.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from agenttrader.adapters.journal_file import open_for_reading
from agenttrader.model.errors import StoreError, TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.records import GENESIS, Sealed, require_whole, unseal
from agenttrader.model.times import Instant

CHUNK_RECORDS = 1_000
"""Records read at a time: memory stays small, and no long read holds up the writer's checkpoints."""

_SELECT = """
    SELECT sequence, time, kind, body, previous, hash, segment FROM records
    WHERE sequence > ? ORDER BY sequence LIMIT ?
"""
_ENDS = "SELECT sequence, time FROM records ORDER BY sequence {} LIMIT 1"


class Span(NamedTuple):
    """How many records there are, and the times of the first and the last."""

    records: int
    first: Instant
    last: Instant


def span_of(path: Path) -> Span | None:
    """The journal's span, unverified; None where nothing was recorded. Raises StoreError, TamperingFound."""
    try:
        with closing(open_for_reading(path)) as connection:
            rows = [connection.execute(_ENDS.format(order)).fetchone() for order in ("ASC", "DESC")]
    except sqlite3.Error as error:
        raise damaged(error, 1) from error
    (_, first), (records, last) = rows if all(rows) else ((0, 0), (0, 0))
    return Span(records, Instant(first), Instant(last)) if records else None


def read_records(path: Path, after: int = 0) -> Iterator[Sealed[Event]]:
    """Every record of the journal at `path` with a sequence above `after`, in order.

    Raises TamperingFound at the first that does not hold, StoreError where the file cannot be read.
    """
    with closing(open_for_reading(path)) as connection:
        for sealed, _ in walk(connection, after):
            yield sealed


def hash_at(path: Path, sequence: int) -> str | None:
    """The hash of record `sequence`, after the chain was walked to it; what the records say is not read.

    None where the chain ends before it. Raises TamperingFound at the first that does not hold.
    """
    with closing(open_for_reading(path)) as connection:
        number, head = 0, GENESIS
        while number < sequence and (rows := _chunk(connection, number)):
            for found, time, kind, body, previous, claimed, _ in rows[: sequence - number]:
                number += 1
                if found != number:
                    raise _missing(number, found)
                require_whole(found, Instant(time), kind, body, previous, claimed)
                if previous != head:
                    raise _unjoined(number, previous, head)
                head = claimed
    return head if number == sequence else None


def walk(connection: sqlite3.Connection, after: int = 0) -> Iterator[tuple[Sealed[Event], int]]:
    """The same over an open connection, each record with the segment that it says it belongs to."""
    sequence, head = after, _hash_of_record(connection, after)
    while rows := _chunk(connection, sequence):
        for number, time, kind, body, previous, claimed, segment in rows:
            sequence += 1
            if number != sequence:
                raise _missing(sequence, number)
            sealed = unseal(number, Instant(time), kind, body, previous, claimed)
            if previous != head:
                raise _unjoined(sequence, previous, head)
            head = claimed
            yield sealed, segment


def _missing(sequence: int, found: int) -> TamperingFound:
    return TamperingFound(sequence, f"it is missing: expected it before record {found}")


def _unjoined(sequence: int, previous: str, head: str) -> TamperingFound:
    return TamperingFound(sequence, f"it names {previous[:16]}… as its predecessor: expected {head[:16]}…")


def last_record(connection: sqlite3.Connection) -> tuple[int, str]:
    """Sequence and hash of the last record, unverified; 0 and the genesis where there is none."""
    try:
        row = connection.execute(
            "SELECT sequence, hash FROM records ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
    except sqlite3.Error as error:
        raise damaged(error, 1) from error
    return row or (0, GENESIS)


def _hash_of_record(connection: sqlite3.Connection, sequence: int) -> str:
    if sequence == 0:
        return GENESIS
    try:
        row = connection.execute("SELECT hash FROM records WHERE sequence = ?", (sequence,)).fetchone()
    except sqlite3.Error as error:
        raise damaged(error, sequence) from error
    if row is None:
        raise TamperingFound(sequence, "it is missing: expected the record to read on from")
    return str(row[0])


def _chunk(connection: sqlite3.Connection, after: int) -> list[tuple[int, int, str, bytes, str, str, int]]:
    try:
        return connection.execute(_SELECT, (after, CHUNK_RECORDS)).fetchall()
    except sqlite3.Error as error:
        raise damaged(error, after + 1) from error


def damaged(error: sqlite3.Error, sequence: int) -> StoreError:
    """What a fault of the file itself is to a reader: damage is found, anything else cannot be read."""
    if isinstance(error, sqlite3.OperationalError):
        return StoreError(f"expected to read the journal, found: {error}")
    return TamperingFound(sequence, f"the file is damaged from here on: {error}")
