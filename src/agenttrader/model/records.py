"""Records: events in a chain of hashes.

Sealing is arithmetic; only the journal turns a sealed record into a recorded one.
"""

import hashlib
import struct
from typing import Generic, TypeVar, get_args

import msgspec
from msgspec import Struct

from agenttrader.model.errors import TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.times import Instant

GENESIS = "0" * 64
"""What the first record names as its previous hash."""

_NUMBERS = struct.Struct(">QqH")
"""Sequence, time and the length of the kind, big-endian."""

T_co = TypeVar("T_co", covariant=True, bound=Event)

_KINDS: dict[type, str] = {kind: str(kind.__struct_config__.tag) for kind in get_args(Event)}

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class Sealed(Struct, Generic[T_co], frozen=True, gc=False):
    """An event with its place in the chain. It may not be on disk yet."""

    sequence: int
    time: Instant
    kind: str
    body: bytes
    previous: str
    hash: str
    event: T_co


class Recorded(Struct, Generic[T_co], frozen=True, gc=False):
    """What the journal returns after the commit: this is on disk. Only journals make one."""

    sealed: Sealed[T_co]

    @property
    def event(self) -> T_co:
        """The event that was recorded."""
        return self.sealed.event


class Chain:
    """The growing end of a chain: the last sequence and hash, and what is sealed after them."""

    __slots__ = ("head", "sequence")

    def __init__(self, sequence: int = 0, head: str = GENESIS) -> None:
        self.sequence = sequence
        self.head = head

    def seal(self, event: Event, time: Instant) -> Sealed[Event]:
        """The event as the next record of this chain."""
        body = _encoder.encode(event)
        kind = _KINDS[type(event)]
        self.sequence = sequence = self.sequence + 1
        previous = self.head
        self.head = head = hash_of(previous, sequence, time, kind, body)
        return Sealed(sequence, time, kind, body, previous, head, event)


def kind_of(event: Event) -> str:
    """The event's kind with its version, such as `decided.1`."""
    return _KINDS[type(event)]


def hash_of(previous: str, sequence: int, time: Instant, kind: str, body: bytes) -> str:
    """SHA-256, in hexadecimal, over the previous hash, sequence, time, kind and body.

    Each is of fixed length or length-prefixed, but for the body, which is last: no two can run together.
    """
    name = kind.encode()
    header = bytes.fromhex(previous) + _NUMBERS.pack(sequence, time, len(name))
    return hashlib.sha256(header + name + body).hexdigest()


def unseal(
    sequence: int, time: Instant, kind: str, body: bytes, previous: str, claimed: str
) -> Sealed[Event]:
    """A stored record, decoded, with its own hash checked. Raises TamperingFound, naming the record."""
    require_whole(sequence, time, kind, body, previous, claimed)
    try:
        event = _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise TamperingFound(
            sequence, f"its body is not an event that this version knows: {error}"
        ) from error
    if kind_of(event) != kind:
        raise TamperingFound(sequence, f"its kind is {kind}, its body says {kind_of(event)}")
    return Sealed(sequence, time, kind, body, previous, claimed, event)


def require_whole(sequence: int, time: Instant, kind: str, body: bytes, previous: str, claimed: str) -> None:
    """Raise TamperingFound, naming the record, where its hash does not cover what stands in it."""
    try:
        if hash_of(previous, sequence, time, kind, body) == claimed:
            return
    except (ValueError, struct.error):  # A previous hash that is none, or a number that no record can have.
        pass
    raise TamperingFound(sequence, "its hash does not cover what stands in it: expected it as it was written")
