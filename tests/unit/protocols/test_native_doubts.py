"""What the exits unit may say that it doubts."""

import json
from typing import Any

import pytest

from agenttrader.model.breaks import DoubtKind
from agenttrader.model.errors import BadValue
from agenttrader.protocols.native import encode
from agenttrader.protocols.native_doubts import DOUBTS_MAX, SENTENCE_MAX, DoubtBody, DoubtsBody, decode_doubts

PRICE = {"symbol": "ALFA", "about": "price", "sentence": "its price is 0"}


def body(*doubts: Any) -> bytes:
    return json.dumps({"doubts": doubts}).encode()


def test_what_is_told_is_read_as_it_was_written() -> None:
    told = (
        DoubtBody(symbol="ALFA", about=DoubtKind.PRICE, sentence="its price is 0"),
        DoubtBody(symbol="ALFA", about=DoubtKind.PLAN, sentence="none"),
    )
    assert decode_doubts(encode(DoubtsBody(doubts=told))) == told
    assert decode_doubts(body()) == ()


def test_the_largest_message_is_no_body_that_is_too_long() -> None:
    largest = DoubtBody(symbol="A" * 32, about=DoubtKind.RECKONING, sentence="x" * SENTENCE_MAX)
    assert len(encode(DoubtsBody(doubts=(largest,) * DOUBTS_MAX))) < 65_536


@pytest.mark.parametrize(
    ("sent", "found"),
    (
        (b"", "doubts: "),
        (b"{}", "missing required field `doubts`"),
        (b'{"doubts": [], "more": 1}', "unknown field `more`"),
        (body(PRICE | {"about": "mood"}), r"\$.doubts\[0\].about"),
        (body(PRICE | {"kind": "price"}), "unknown field `kind`"),
        (body(PRICE | {"symbol": "A" * 33}), r"\$.doubts\[0\].symbol"),
        (body(PRICE | {"sentence": "x" * (SENTENCE_MAX + 1)}), r"\$.doubts\[0\].sentence"),
        (body(*[PRICE] * (DOUBTS_MAX + 1)), "length <= 100"),
        (body(PRICE, PRICE | {"sentence": "its price is -1"}), "each symbol and kind once"),
    ),
)
def test_what_cannot_be_is_refused_by_name(sent: bytes, found: str) -> None:
    with pytest.raises(BadValue, match=found):
        decode_doubts(sent)
