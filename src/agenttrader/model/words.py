"""The closed sets of words: enumerations that are looked up many times for every order."""

from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING


class Word(Enum):
    """An enumeration that is quick to look up: Python 3.11 runs Python code to hash or name a member."""

    __hash__ = object.__hash__
    if not TYPE_CHECKING:  # it reads the same, and no Python code runs
        value = property(attrgetter("_value_"))

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # From 3.12 on a member lies in its class, as any attribute does; here it does in 3.11 too.
        for name, member in cls.__members__.items():
            type.__setattr__(cls, name, member)
