from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.records import GENESIS, Chain, Recorded, hash_of, kind_of, unseal
from agenttrader.model.times import Instant
from agenttrader.testing.events import events, filled, instants, opened, sealed


@given(st.lists(st.tuples(events(), instants()), min_size=1, max_size=4))
def test_what_was_sealed_is_unsealed_as_it_was(dated: list[tuple[Event, Instant]]) -> None:
    chain = Chain()
    previous = GENESIS
    for number, (event, time) in enumerate(dated, 1):
        record = chain.seal(event, time)
        assert (record.sequence, record.time, record.kind) == (number, time, kind_of(event))
        assert record.previous == previous
        assert unseal(number, time, record.kind, record.body, previous, record.hash) == record
        previous = record.hash
    assert (chain.sequence, chain.head) == (len(dated), previous)


def test_a_chain_goes_on_from_any_of_its_records() -> None:
    whole = sealed(Chain(), opened(), filled(1), filled(2))
    assert sealed(Chain(1, whole[0].hash), filled(1), filled(2)) == whole[1:]


RECORD = sealed(Chain(), opened(), filled(1))[1]
FIELDS = (RECORD.sequence, RECORD.time, RECORD.kind, RECORD.body, RECORD.previous, RECORD.hash)


@pytest.mark.parametrize(
    ("index", "value"),
    (
        (0, 3),
        (0, 0),
        (0, -1),
        (0, 2**64),
        (1, RECORD.time + 1),
        (1, 2**63),
        (2, "filled.2"),
        (2, ""),
        (2, "x" * 70_000),
        (3, RECORD.body + b" "),
        (3, b""),
        (4, GENESIS),
        (4, ""),
        (4, "no hash"),
        (5, RECORD.previous),
        (5, ""),
        (5, RECORD.hash.upper()),
    ),
)
def test_whatever_is_changed_in_a_record_its_hash_tells(index: int, value: object) -> None:
    fields = list(FIELDS)
    fields[index] = value
    with pytest.raises(TamperingFound) as found:
        unseal(*fields)  # type: ignore[arg-type]
    assert found.value.finding == "its hash does not cover what stands in it: expected it as it was written"
    assert found.value.sequence == fields[0]


@pytest.mark.parametrize(
    ("kind", "body", "finding"),
    (
        ("filled.1", b"", "its body is not an event"),
        ("filled.1", b"\xff", "its body is not an event"),
        ("filled.1", b"[]", "its body is not an event"),
        ("filled.1", b"{}", "its body is not an event"),
        (
            "filled.9",
            b'{"kind":"filled.9"}',
            "its body is not an event that this version knows: Invalid value 'filled.9'",
        ),
        ("decided.1", RECORD.body, "its kind is decided.1, its body says filled.1"),
    ),
)
def test_a_whole_record_that_is_no_event_is_named(kind: str, body: bytes, finding: str) -> None:
    claimed = hash_of(GENESIS, 1, Instant(0), kind, body)
    with pytest.raises(TamperingFound, match=f"^record 1: {finding}"):
        unseal(1, Instant(0), kind, body, GENESIS, claimed)


PARTS = st.tuples(st.integers(0, 300), st.integers(-300, 300), st.text(max_size=4), st.binary(max_size=6))


@given(PARTS, PARTS)
def test_no_two_records_run_together(
    one: tuple[int, int, str, bytes], other: tuple[int, int, str, bytes]
) -> None:
    hashes = {
        hash_of(GENESIS, sequence, Instant(time), kind, body) for sequence, time, kind, body in (one, other)
    }
    assert len(hashes) == len({one, other})


def test_a_recorded_event_is_the_sealed_one() -> None:
    recorded = Recorded(RECORD)
    assert recorded.event is RECORD.event
    with pytest.raises(AttributeError):
        recorded.sealed = RECORD  # type: ignore[misc]


def test_a_number_keeps_its_digits_on_disk() -> None:
    """1.10 is not 1.1: what was said is what is hashed."""
    texts = {
        sealed(Chain(), msgspec.structs.replace(filled(1), price=Decimal(text)))[0].body
        for text in ("1.1", "1.10", "1.100")
    }
    assert len(texts) == 3
