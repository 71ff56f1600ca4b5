"""Lines out of a stream of bytes that may have no end: whole ones, and no more memory than one may take."""

from collections.abc import Iterator

from msgspec import Struct

LINE_BYTES_MAX = 65_536
"""A proposal takes a few hundred bytes. What is longer is passed over to its end, and is no proposal."""


class Line(Struct, frozen=True):
    """A line without its end, or the beginning of one that was too long."""

    content: bytes
    is_whole: bool


class Lines:
    """The lines of what is fed, in order. Empty ones are left out."""

    def __init__(self) -> None:
        self._held = b""
        self._is_long = False

    def feed(self, piece: bytes) -> Iterator[Line]:
        """Every line that `piece` ends."""
        *ended, rest = piece.split(b"\n")
        for part in ended:
            self._hold(part)
            yield from self.finish()
        self._hold(rest)

    def finish(self) -> Iterator[Line]:
        """The line that is held, where one is: a last line without its end is one."""
        held, is_long = self._held, self._is_long
        self._held, self._is_long = b"", False
        if is_long or held.strip():
            yield Line(held, not is_long)

    def _hold(self, part: bytes) -> None:
        room = LINE_BYTES_MAX - len(self._held)
        self._is_long = self._is_long or len(part) > room
        self._held += part[:room]
