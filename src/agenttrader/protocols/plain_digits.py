"""Numbers that a client writes as text: in plain digits, or refused.

Python reads the digits of every script, blanks around a number and underscores in it. A person who reads
such a text, or a program in another language, may see another number or none.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import Any, Generic, TypeVar, get_args

import msgspec
from msgspec import Struct, structs

from agenttrader.model.values import exact, is_plain

_Body = TypeVar("_Body", bound=Struct)


class PlainDecoder(Generic[_Body]):
    """Reads JSON as `kind`. Raises BadValue, naming the field, where a number is a text of other digits."""

    def __init__(self, kind: type[_Body]) -> None:
        self._kinds = frozenset((kind,))
        self._decoder = msgspec.json.Decoder(kind)
        self._raw: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

    def decode(self, body: bytes) -> _Body:
        """What the body says; raises what msgspec raises for one that is none."""
        found = self._decoder.decode(body)
        _expect_plain(self._raw.decode(body), self._kinds, "")
        return found


def _expect_plain(raw: object, kinds: frozenset[Any], name: str) -> None:
    if isinstance(raw, str):
        if Decimal in kinds and not is_plain(raw):
            exact(raw, name)
    elif isinstance(raw, list):
        for item in raw:
            _expect_plain(item, kinds, name)
    elif isinstance(raw, dict):
        for key, kinds_of_field in chain.from_iterable(map(_fields, kinds)):
            if key in raw:
                _expect_plain(raw[key], kinds_of_field, key)


@cache
def _fields(kind: Any) -> tuple[tuple[str, frozenset[Any]], ...]:
    """The fields of a struct that are numbers, or have some in them, with all that each may be."""
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return ()
    found = ((field.encode_name, frozenset(_leaves(field.type))) for field in structs.fields(kind))
    return tuple(
        (key, kinds) for key, kinds in found if any(each is Decimal or _fields(each) for each in kinds)
    )


def _leaves(hint: Any) -> Iterator[Any]:
    """Every type of which a hint is made: of `tuple[Leg, ...] | None` Leg and None."""
    inner = get_args(hint)
    if not inner:
        yield hint
    for each in inner:
        yield from _leaves(each)
