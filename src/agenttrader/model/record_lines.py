"""A record as a line of JSON that anybody can check: {sequence, time, kind, previous, hash, event}.

`event` is the record's body, byte for byte, and `time` has all of its nanoseconds; so whoever has the lines
can compute every hash again without our program.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue, TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.records import GENESIS, Sealed, unseal
from agenttrader.model.times import from_rfc3339, rfc3339


class RecordLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands on the line."""

    sequence: int
    time: str
    kind: str
    previous: str
    hash: str
    event: msgspec.Raw


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(RecordLine)


def line_of(sealed: Sealed[Event]) -> bytes:
    """The record as a line of JSON, without its end."""
    return _encoder.encode(
        RecordLine(
            sequence=sealed.sequence,
            time=rfc3339(sealed.time),
            kind=sealed.kind,
            previous=sealed.previous,
            hash=sealed.hash,
            event=msgspec.Raw(sealed.body),
        )
    )


def record_of(line: bytes, sequence: int) -> Sealed[Event]:
    """The record on the line, which is as `line_of` wrote it, and whose hash holds.

    Raises TamperingFound, naming record `sequence`.
    """
    try:
        found = _decoder.decode(line)
        time = from_rfc3339(found.time)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadValue) as error:
        raise TamperingFound(sequence, f"expected a record on its line, found none: {error}") from error
    record = unseal(found.sequence, time, found.kind, bytes(found.event), found.previous, found.hash)
    if line_of(record) != line:
        raise TamperingFound(sequence, "its line is not as it was written: it says the same in other words")
    return record


def chained(
    records: Iterable[Sealed[Event]], sequence: int = 0, head: str = GENESIS
) -> Iterator[Sealed[Event]]:
    """The records, each the next of the one before it, from after record `sequence` with hash `head`.

    Raises TamperingFound at the first that is not.
    """
    for sealed in records:
        sequence += 1
        if sealed.sequence != sequence:
            raise TamperingFound(sequence, f"it is missing: expected it before record {sealed.sequence}")
        if sealed.previous != head:
            expected = f"expected {head[:16]}…"
            raise TamperingFound(sequence, f"it names {sealed.previous[:16]}… as its predecessor: {expected}")
        head = sealed.hash
        yield sealed
