"""What `PUT /v1/doubts` takes: all that the exits unit cannot judge now. What it leaves out is over."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agenttrader.model.breaks import DoubtKind
from agenttrader.model.errors import BadValue
from agenttrader.protocols.native import UNREADABLE

DOUBTS_MAX = 100
"""In one message, which stays below 64 KiB. Whoever has more doubts everything."""
SENTENCE_MAX = 400
"""Characters. Each text that goes on record has an end."""


class DoubtBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing about one symbol, and why in a sentence; about everything where `symbol` is empty."""

    symbol: Annotated[str, Meta(max_length=32)]
    about: DoubtKind
    sentence: Annotated[str, Meta(max_length=SENTENCE_MAX)]


class DoubtsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of them, each symbol and kind once."""

    doubts: Annotated[tuple[DoubtBody, ...], Meta(max_length=DOUBTS_MAX)]


_decoder = msgspec.json.Decoder(DoubtsBody)


def decode_doubts(body: bytes) -> tuple[DoubtBody, ...]:
    """What `body` tells. Raises BadValue, naming the field."""
    try:
        doubts = _decoder.decode(body).doubts
    except UNREADABLE as error:
        raise BadValue(f"doubts: {error}") from error
    if len({(each.symbol, each.about) for each in doubts}) < len(doubts):
        raise BadValue("doubts: expected each symbol and kind once, found one twice")
    return doubts
