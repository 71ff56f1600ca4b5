"""Bugs that are planted to see whether worlds find them: each spoils one thing of the product for a while.

The list is `testing.planted`, written by somebody who has not read what the worlds look at.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

Spoil = Callable[[], AbstractContextManager[None]]


class Planted(NamedTuple):
    """A bug: its name, what is wrong then, and what makes it so for as long as it is entered."""

    name: str
    sentence: str
    spoil: Spoil


PLANTED: dict[str, Planted] = {}
"""Every bug by its name, in the order of the list."""


def planted(sentence: str) -> Callable[[Callable[[], Iterator[None]]], Spoil]:
    """Enter a bug in the list: the function spoils, yields once, and mends; its name is the bug's."""

    def enter(spoil: Callable[[], Iterator[None]]) -> Spoil:
        name = spoil.__name__
        assert name not in PLANTED, f"expected a bug's name once, found {name} twice"
        made = contextmanager(spoil)
        PLANTED[name] = Planted(name, sentence, made)
        return made

    return enter


@contextmanager
def spoiled(owner: object, name: str, instead: Any) -> Iterator[None]:
    """Have `owner`, a class or a module, hold something else by that name for a while.

    A function that other modules have imported by its name is spoiled in each of them.
    """
    kept = owner.__dict__[name]
    setattr(owner, name, instead)
    try:
        yield
    finally:
        setattr(owner, name, kept)
