"""What a fault is, what it strikes, and that chance alone decides, the same each time."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.fault_kinds import (
    BustedFill,
    CorrectedFill,
    DoubledMessage,
    Fault,
    Latency,
    LostAnswer,
    LostMessage,
    RejectedOrder,
    When,
)
from agenttrader.model.errors import BadValue

ORDERS = ("POST /v2/orders",)


def lost(per_mille: int = 1_000, **changes: Any) -> LostAnswer:
    values: dict[str, Any] = {"only": ORDERS, "times": "always", "when": When.AFTER, **changes}
    return LostAnswer(per_mille=per_mille, **values)


@pytest.mark.parametrize(
    ("changes", "named"),
    (
        ({"per_mille": 0}, "per_mille"),
        ({"per_mille": 1_001}, "per_mille"),
        ({"times": 0}, "times"),
        ({"only": ("",)}, "only"),
    ),
)
def test_what_could_never_strike_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(BadValue, match=f"^{named}: expected"):
        lost(**{"per_mille": 1, **changes})


@pytest.mark.parametrize("milliseconds", (0, -1, 600_001))
def test_no_time_and_for_ever_are_no_latency(milliseconds: int) -> None:
    with pytest.raises(BadValue, match="milliseconds"):
        Latency(only=(), per_mille=1, times=1, when=When.BEFORE, milliseconds=milliseconds)


def test_a_request_is_named_by_how_its_line_begins() -> None:
    assert lost().names("POST /v2/orders")
    assert not lost().names("GET /v2/orders")
    assert lost(only=("DELETE /v2", "POST /v2/orders")).names("DELETE /v2/orders/1")
    assert lost(only=()).names("GET /v2/clock")


def test_a_message_is_named_by_its_event_and_a_watermark_only_by_its_name() -> None:
    fault = LostMessage(only=("fill",), per_mille=1_000, times=1)
    assert fault.names("fill")
    assert not fault.names("partial_fill")
    every = DoubledMessage(only=(), per_mille=1_000, times=1)
    assert every.names("canceled")
    assert not every.names("watermark")
    assert LostMessage(only=("watermark",), per_mille=1_000, times=1).names("watermark")


def test_an_order_and_a_fill_are_named_by_their_symbol() -> None:
    assert BustedFill(only=("ABC",), per_mille=1, times=1).names("ABC")
    assert not BustedFill(only=("ABC",), per_mille=1, times=1).names("ABCD")
    assert RejectedOrder(only=(), per_mille=1, times=1, message="no").names("ABC")


def test_a_correction_by_nothing_is_none() -> None:
    with pytest.raises(BadValue, match="ticks"):
        CorrectedFill(only=(), per_mille=1, times=1, ticks=0)


def test_always_is_always_and_a_rate_is_a_rate() -> None:
    assert all(lost(1_000).is_drawn(7, number) for number in range(100))
    struck = sum(lost(200).is_drawn(7, number) for number in range(2_000))
    assert 330 < struck < 470


@given(seed=st.integers(), per_mille=st.integers(1, 999), number=st.integers(0, 1_000_000))
def test_a_draw_depends_on_nothing_but_seed_rate_and_facts(seed: int, per_mille: int, number: int) -> None:
    first = lost(per_mille).is_drawn(seed, "client", number)
    assert lost(per_mille, only=(), times=3).is_drawn(seed, "client", number) is first
    assert not first or lost(per_mille + 1).is_drawn(seed, "client", number)


def test_every_kind_has_a_word_of_its_own_and_says_so_on_the_wire() -> None:
    words = {kind.__struct_config__.tag for kind in get_args(Fault)}
    assert len(words) == len(get_args(Fault)) == 14
    sent = msgspec.json.encode(lost(20, times=3))
    assert msgspec.json.decode(sent) == {
        "fault": "lost_answer",
        "when": "after",
        "only": ["POST /v2/orders"],
        "per_mille": 20,
        "times": 3,
    }
    assert msgspec.json.decode(sent, type=Fault) == lost(20, times=3)


@pytest.mark.parametrize(
    "text",
    (
        '{"fault": "lost_answer", "when": "after", "only": [], "per_mille": 5}',
        '{"fault": "lost_answer", "when": "then", "only": [], "per_mille": 5, "times": 1}',
        '{"fault": "lost_answers", "when": "after", "only": [], "per_mille": 5, "times": 1}',
        '{"fault": "lost_answer", "when": "after", "only": [], "per_mille": 5, "times": 1, "more": 1}',
        '{"fault": "error_answer", "when": "after", "status": 418, "only": [], "per_mille": 5, "times": 1}',
    ),
)
def test_what_is_missing_unknown_or_misspelt_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Fault)
