"""A record's line: of every kind, byte for byte, and nothing of it can be changed unseen."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.record_lines import chained, line_of, record_of
from agenttrader.model.records import Chain, Sealed, unseal
from agenttrader.model.times import Instant
from agenttrader.testing.events import events, filled, opened, sealed

GOLDEN = Path(__file__).parent / "golden_records.jsonl"
CHAIN = sealed(Chain(), opened(), filled(1), filled(2))


def golden() -> Iterator[Sealed[Event]]:
    """A record of every kind."""
    for text in GOLDEN.read_text().splitlines():
        it = json.loads(text)
        body = it["body"].encode()
        yield unseal(it["sequence"], Instant(it["time"]), it["kind"], body, it["previous"], it["hash"])


def test_a_record_of_every_kind_survives_its_line() -> None:
    records = list(golden())
    assert [record_of(line_of(each), each.sequence) for each in records] == records
    assert list(chained(record_of(line_of(each), each.sequence) for each in records)) == records


@given(event=events(), time=st.integers(0, 2**62).map(Instant))
def test_any_record_survives_its_line(event: Event, time: Instant) -> None:
    record = Chain().seal(event, time)
    assert record_of(line_of(record), 1) == record


@pytest.mark.parametrize("field", ("sequence", "time", "kind", "previous", "hash", "event"))
def test_no_field_can_be_changed_unseen(field: str) -> None:
    one, another = (msgspec.json.decode(line_of(each), type=dict[str, msgspec.Raw]) for each in CHAIN[1:])
    assert one[field] != another[field] or field in ("time", "kind")
    changes = {"time": b'"2026-11-20T14:31:00.000000001Z"', "kind": b'"canceled.1"'}
    value = changes.get(field, bytes(another[field]))
    with pytest.raises(TamperingFound):
        record_of(msgspec.json.encode(one | {field: msgspec.Raw(value)}), 2)


def test_there_is_one_spelling_of_a_line() -> None:
    line = line_of(CHAIN[1])
    for other in (line.replace(b":", b": ", 1), line.replace(b"T", b"t", 1), line + b" "):
        with pytest.raises(TamperingFound):
            record_of(other, 2)


@pytest.mark.parametrize("line", (b"", b"{}", b"[]", b"\xff", b"[" * 10_000, b'{"sequence":1}'))
def test_what_is_no_line_is_named_by_its_place(line: bytes) -> None:
    with pytest.raises(TamperingFound, match="record 7: expected a record on its line, found none"):
        record_of(line, 7)


def test_a_record_left_out_exchanged_or_of_another_chain_is_named() -> None:
    first, second, third = CHAIN
    other = sealed(Chain(1, "a" * 64), filled(2))[0]
    for records, found in (
        ((first, third), "record 2: it is missing: expected it before record 3"),
        ((second,), "record 1: it is missing: expected it before record 2"),
        ((first, other), "record 2: it names aaaaaaaaaaaaaaaa… as its predecessor"),
        ((first, first), "record 2: it is missing"),
    ):
        with pytest.raises(TamperingFound, match=found):
            list(chained(records))
    assert list(chained((third,), second.sequence, second.hash)) == [third]
