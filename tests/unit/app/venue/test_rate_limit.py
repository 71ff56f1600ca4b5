"""So many requests of a key in each minute of the wall clock."""

import pytest

from agenttrader.app.venue.rate_limit import NO_LIMIT, RateExceeded, RateLimit
from agenttrader.model.times import MINUTE, SECOND, Instant


class Clock:
    def __init__(self) -> None:
        self.time = Instant(10 * MINUTE)

    def now(self) -> Instant:
        return self.time


def test_a_key_may_ask_so_often_and_then_in_the_next_minute_again() -> None:
    clock = Clock()
    limit = RateLimit(2, clock.now)
    assert [limit.take("a"), limit.take("a")] == [limit_left(1), limit_left(0)]
    with pytest.raises(RateExceeded, match="rate limit exceeded") as refused:
        limit.take("a")
    assert refused.value.allowance == limit_left(0)
    assert limit.take("b") == limit_left(1)
    clock.time = Instant(11 * MINUTE)
    found = limit.take("a")
    assert found is not None
    assert (found.remaining, found.reset_epoch_seconds) == (1, 12 * 60)


def limit_left(remaining: int) -> object:
    """What is left in the eleventh minute of the epoch, of two."""
    limit = RateLimit(2, lambda: Instant(11 * MINUTE - SECOND))
    for _ in range(2 - remaining - 1):
        limit.take("x")
    return limit.take("x")


def test_every_answer_says_what_is_left() -> None:
    found = RateLimit(200, Clock().now).take("a")
    assert found is not None
    assert dict(found.headers) == {
        "x-ratelimit-limit": "200",
        "x-ratelimit-remaining": "199",
        "x-ratelimit-reset": "660",
    }


def test_without_a_limit_nothing_is_counted() -> None:
    assert [NO_LIMIT.take("a") for _ in range(1_000)] == [None] * 1_000
