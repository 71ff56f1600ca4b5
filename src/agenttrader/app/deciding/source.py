"""Where proposals come from: a file that others write on, or a pipe; a piece of it at a time."""

import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path

from agenttrader.app.deciding.lines import Line, Lines

PIECE_BYTES = 65_536
Wait = Callable[[], bool]
"""Waits until it is worth looking again; whether to go on at all."""


def lines_of_file(path: Path, wait: Wait, *, at_end: bool, follows: bool) -> Iterator[Line]:
    """The lines of the file, from its beginning or its end.

    Where it `follows`, what is added comes too, a last line once it has its end; a file that is shorter than
    it was, or another of that name, is read from its beginning. Raises OSError where there is none at first.
    """
    file = path.open("rb", buffering=0)
    try:
        if at_end:
            file.seek(0, os.SEEK_END)
        lines = Lines()
        while True:
            piece = file.read(PIECE_BYTES)
            if piece:
                yield from lines.feed(piece)
            elif not follows:
                yield from lines.finish()
                return
            elif not wait():
                return
            elif _is_another(path, os.fstat(file.fileno()), file.tell()):
                file.close()
                file, lines = path.open("rb", buffering=0), Lines()
    finally:
        file.close()


def lines_of_pipe(descriptor: int, wait: Wait, seconds: float) -> Iterator[Line]:
    """The lines that come through the pipe, until its end. After so many silent seconds `wait` is asked."""
    lines = Lines()
    while True:
        readable, _, _ = select.select([descriptor], [], [], seconds)
        if not readable:
            if not wait():
                return
            continue
        piece = os.read(descriptor, PIECE_BYTES)
        if not piece:
            yield from lines.finish()
            return
        yield from lines.feed(piece)


def _is_another(path: Path, read: os.stat_result, place: int) -> bool:
    """Whether the file of that name is not the one that is read; one that is away may come again."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) != (read.st_dev, read.st_ino) or found.st_size < place
