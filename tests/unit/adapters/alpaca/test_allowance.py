"""Never more than the broker takes in any minute, and what is urgent goes first."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.adapters.alpaca.allowance import (
    PAUSE_SECONDS,
    PAUSE_SECONDS_MAX,
    WINDOW_SECONDS,
    Allowance,
    Urgency,
)

ANSWERED = "Fri, 20 Nov 2026 14:31:40 GMT"
RESET = 1_795_185_120
"""20 s after that."""


class Elapsed:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def elapsed() -> Elapsed:
    return Elapsed()


def told(allowance: Allowance, left: object, *, limit: int = 8, status: int = 200, **more: str) -> None:
    """An answer with these headers, while nothing else is under way."""
    allowance.begin()
    allowance.hear(
        status,
        {
            "Date": ANSWERED,
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(RESET),
        }
        | {name.replace("_", "-"): text for name, text in more.items()},
    )
    allowance.end()


@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.floats(0, 30), st.sampled_from(Urgency)), max_size=80),
)
def test_in_no_minute_do_more_leave_than_the_broker_takes(
    per_minute: int, asked: list[tuple[float, Urgency]]
) -> None:
    """Nor more than its share of what is less urgent; and what has to wait may leave when it is told."""
    elapsed = Elapsed()
    allowance = Allowance(per_minute, elapsed)
    left: list[tuple[float, Urgency]] = []
    for pause, urgency in asked:
        elapsed.seconds += pause
        elapsed.seconds += allowance.wait_seconds(urgency)
        assert allowance.wait_seconds(urgency) == pytest.approx(0, abs=1e-6)
        elapsed.seconds += 1e-6
        allowance.take()
        left.append((elapsed.seconds, urgency))
    for time, urgency in left:
        share = per_minute - per_minute * urgency.value // 100
        before = [each for each, _ in left if time - WINDOW_SECONDS < each <= time]
        assert len(before) <= share


def test_what_reduces_finds_room_where_questions_and_entries_find_none(elapsed: Elapsed) -> None:
    allowance = Allowance(200, elapsed)
    counts = []
    for urgency in (Urgency.ENTRY, Urgency.QUESTION, Urgency.URGENT):
        while allowance.wait_seconds(urgency) == 0:
            allowance.take()
            counts.append(urgency)
    assert list(accumulate(counts.count(each) for each in (Urgency.ENTRY, Urgency.QUESTION))) == [150, 180]
    assert len(counts) == 200
    elapsed.seconds += WINDOW_SECONDS
    assert allowance.wait_seconds(Urgency.ENTRY) == 0


def test_without_a_limit_nothing_waits(elapsed: Elapsed) -> None:
    allowance = Allowance(None, elapsed)
    for _ in range(1_000):
        allowance.take()
    told(allowance, 0, status=429, Retry_After="60")
    assert {allowance.wait_seconds(urgency) for urgency in Urgency} == {0}


def test_the_broker_is_believed_that_somebody_else_has_asked(elapsed: Elapsed) -> None:
    allowance = Allowance(8, elapsed)
    told(allowance, 2)
    assert allowance.wait_seconds(Urgency.ENTRY) == 20
    assert allowance.wait_seconds(Urgency.URGENT) == 0
    allowance.take()
    allowance.take()
    assert allowance.wait_seconds(Urgency.URGENT) == 20
    elapsed.seconds += 20
    assert allowance.wait_seconds(Urgency.ENTRY) == 0


def test_what_is_under_way_counts_on_top_of_what_the_broker_has_counted(elapsed: Elapsed) -> None:
    allowance = Allowance(8, elapsed)
    for _ in range(3):
        allowance.take()
        allowance.begin()
    told(allowance, 3)
    assert allowance.wait_seconds(Urgency.URGENT) == 20


def test_a_lower_limit_of_the_brokers_is_kept_and_a_higher_one_is_not(elapsed: Elapsed) -> None:
    allowance = Allowance(8, elapsed)
    told(allowance, 100, limit=1_000)
    for _ in range(8):
        allowance.take()
    assert allowance.wait_seconds(Urgency.URGENT) == WINDOW_SECONDS
    lower = Allowance(8, elapsed)
    told(lower, 4, limit=4)
    for _ in range(4):
        lower.take()
    assert lower.wait_seconds(Urgency.URGENT) == WINDOW_SECONDS


@pytest.mark.parametrize(
    ("headers", "seconds"),
    (
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "86400"}, PAUSE_SECONDS_MAX),
        ({"Retry-After": "soon"}, PAUSE_SECONDS),
        ({}, PAUSE_SECONDS),
        ({"Date": ANSWERED, "X-RateLimit-Reset": str(RESET)}, 20),
        ({"Date": ANSWERED, "X-RateLimit-Reset": str(RESET - 3_600)}, PAUSE_SECONDS),
        ({"Date": "yesterday", "X-RateLimit-Reset": str(RESET)}, PAUSE_SECONDS),
    ),
)
def test_after_a_429_nothing_leaves_for_as_long_as_it_says(
    headers: dict[str, str], seconds: float, elapsed: Elapsed
) -> None:
    allowance = Allowance(200, elapsed)
    allowance.begin()
    allowance.hear(429, headers)
    allowance.end()
    assert {allowance.wait_seconds(urgency) for urgency in Urgency} == {seconds}
    elapsed.seconds += seconds
    assert allowance.wait_seconds(Urgency.ENTRY) == 0


@pytest.mark.parametrize("text", ("", "-1", "many", "1e3", "²", "9" * 400))
def test_what_cannot_be_believed_moves_nothing(text: str, elapsed: Elapsed) -> None:
    allowance = Allowance(8, elapsed)
    allowance.begin()
    headers = {"Date": text, "X-RateLimit-Limit": text, "X-RateLimit-Remaining": text}
    allowance.hear(200, headers | {"X-RateLimit-Reset": text})
    allowance.end()
    assert allowance.wait_seconds(Urgency.ENTRY) == 0
    for _ in range(8):
        allowance.take()
    assert allowance.wait_seconds(Urgency.URGENT) == WINDOW_SECONDS
