"""The journal's bytes, read by nobody of ours: plain SQL, JSON and SHA-256.

What stands here is what another process would find on the disk at this moment, so what is not committed is
not there.
"""

import hashlib
import json
import sqlite3
import struct
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

_FIRST = "0" * 64


class Row(NamedTuple):
    """One record as it stands."""

    sequence: int
    time: int
    kind: str
    body: bytes
    previous: str
    hash: str

    @property
    def said(self) -> dict[str, Any]:
        """Its body; numbers are exact."""
        found: dict[str, Any] = json.loads(self.body, parse_float=Decimal)
        return found

    @property
    def holds(self) -> bool:
        """Whether its hash covers it."""
        name = self.kind.encode()
        header = struct.pack(">QqH", self.sequence, self.time, len(name))
        text = bytes.fromhex(self.previous) + header + name + self.body
        return hashlib.sha256(text).hexdigest() == self.hash


class Witness:
    """Reads the journal in the file `path`, beside whoever writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._verified, self._head = 0, _FIRST

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()

    def row(self, sequence: int) -> Row | None:
        """The record of that sequence, where it is on the disk."""
        return next(self._rows("sequence = ?", sequence), None)

    def rows(self, after: int = 0) -> Iterator[Row]:
        """Every record after that sequence, in order."""
        return self._rows("sequence > ? ORDER BY sequence", after)

    def news(self) -> tuple[list[Row], str]:
        """The records since the last time, and what is wrong with the chain up to here, or nothing."""
        found = list(self.rows(self._verified))
        for row in found:
            if row.sequence != self._verified + 1 or row.previous != self._head or not row.holds:
                return found, f"record {row.sequence} does not follow record {self._verified}, or is forged"
            self._verified, self._head = row.sequence, row.hash
        return found, ""

    def _rows(self, where: str, number: int) -> Iterator[Row]:
        if self._connection is None:
            self._connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        asked = f"SELECT sequence, time, kind, body, previous, hash FROM records WHERE {where}"  # noqa: S608 - our own words
        for found in self._connection.execute(asked, (number,)):
            yield Row(*found)
