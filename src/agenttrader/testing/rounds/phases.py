"""How far an order had come when the gateway was killed, told by the gateway on a page that outlives it.

The page is a file that the process maps into its memory: what was written there stands after a `kill -9`,
and writing it costs no call of the kernel. Each entry is a phase and the name that the client gave its order.
The other way round it tells the gateway its fate: at which phase it is to die.
"""

import mmap
import struct
import threading
from pathlib import Path

from msgspec import Struct

from agenttrader.model.words import Word

PAGE_BYTES = 1 << 20
NAME_BYTES = 36
"""A name is a UUID as text."""
_COUNT = struct.Struct("=Q")
_FATE = struct.Struct("=BII")
"""The rank of a phase, 255 for none; how many orders come to it; microseconds."""
_NO_RANK = 255
_ENTRY = struct.Struct(f"=B{NAME_BYTES}s")
_FIRST = _COUNT.size + _FATE.size


class Phase(Word):
    """The way of one order through the gateway, in order."""

    BEFORE_DECISION = "before the decision"
    """The gateway has the request."""
    DECIDED = "decided, not committed"
    COMMITTED = "committed, not sent"
    """What is about to leave is on disk, and not handed to the wire."""
    SENDING = "sending"
    """Handed to the wire; the venue had not taken it when the gateway was dead."""
    SENT = "sent and unanswered"
    """The venue has it; the gateway has not heard of that."""
    ANSWERED = "answered, not recorded"
    RECORDED = "recorded"
    """The outcome is on disk; the client has not been told, or it is the last thing that was done."""


PHASES = tuple(Phase)
RANKS = {phase: rank for rank, phase in enumerate(PHASES)}


class Fate(Struct, frozen=True, kw_only=True):
    """When the process dies by its own hand: so long after the `nth` order, from now, came to `phase`."""

    phase: Phase
    nth: int
    pause_microseconds: int


class Page:
    """The page as the gateway has it, in any thread."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), PAGE_BYTES)
        self._lock = threading.Lock()
        self._count = 0

    def note(self, name: str, phase: Phase) -> None:
        """The order of that name has come to `phase`."""
        with self._lock:
            place = _FIRST + self._count * _ENTRY.size
            _ENTRY.pack_into(self._memory, place, RANKS[phase], name.encode())
            # Counted when it is whole: a reader never sees half an entry.
            self._count += 1
            _COUNT.pack_into(self._memory, 0, self._count)

    def fate(self) -> Fate | None:
        """What whoever wants it killed has written there."""
        rank, nth, pause = _FATE.unpack_from(self._memory, _COUNT.size)
        return None if rank == _NO_RANK else Fate(phase=PHASES[rank], nth=nth, pause_microseconds=pause)


def make_page(path: Path) -> None:
    """An empty page, of nobody's fate."""
    path.write_bytes(bytes(PAGE_BYTES))
    _write_fate(path, _FATE.pack(_NO_RANK, 0, 0))


def doom(path: Path, fate: Fate) -> None:
    """Let the process whose page this is die so."""
    _write_fate(path, _FATE.pack(RANKS[fate.phase], fate.nth, fate.pause_microseconds))


def _write_fate(path: Path, packed: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(_COUNT.size)
        file.write(packed)


def furthest(path: Path) -> tuple[dict[str, Phase], str]:
    """How far each order had come, by the page, and the one that came last to a phase."""
    data = path.read_bytes()
    (count,) = _COUNT.unpack_from(data)
    found: dict[str, int] = {}
    text = ""
    for number in range(count):
        rank, name = _ENTRY.unpack_from(data, _FIRST + number * _ENTRY.size)
        text = name.rstrip(b"\0").decode()
        found[text] = max(rank, found.get(text, 0))
    return {name: PHASES[rank] for name, rank in found.items()}, text
