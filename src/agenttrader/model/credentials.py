"""Secrets as values that do not show themselves."""

from typing import NoReturn

from msgspec import Struct


class Secret:
    """A text that prints as stars everywhere; only `reveal` gives it away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for the header or the key that needs it, and nothing else."""
        return self._text

    def __repr__(self) -> str:
        return "*****"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: expected `reveal` where it is needed")


class Credential(Struct, frozen=True, kw_only=True):
    """What a client shows a peer: the id of its key, and the key's secret."""

    key_id: str
    secret: Secret
