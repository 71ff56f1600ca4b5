"""The closed sets of words: enumerations that are looked up many times for every order."""

from enum import Enum


class Word(Enum):
    """An enumeration whose members hash by identity; the hash that Enum has is Python code."""

    __hash__ = object.__hash__
