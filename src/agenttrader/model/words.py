"""The closed sets of words: enumerations that are looked up many times for every order."""

from enum import Enum


class Word(Enum):
    """An enumeration that is quick to look up: Python 3.11 runs Python code to hash or to name a member."""

    __hash__ = object.__hash__

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # From 3.12 on a member lies in its class, as any attribute does; here it does in 3.11 too.
        for name, member in cls.__members__.items():
            type.__setattr__(cls, name, member)
