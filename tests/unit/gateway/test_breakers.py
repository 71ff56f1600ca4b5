"""When a breaker trips: at the number itself for a fraction, beyond it for a count, and not one before."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.gateway.breakers import (
    KEPT,
    BreakerLimits,
    by_clock,
    by_comparisons,
    by_daily_loss,
    by_drawdown,
    by_errors,
    by_feed,
    by_latency,
    by_losses,
    by_rejections,
    by_silence,
)
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import MINUTE, SECOND, Duration, Instant

D = Decimal
ACTIVE, REDUCE_ONLY, HALTED, _ = TradingState
SET: dict[str, Any] = {
    "soft_fraction": "0.02",
    "medium_fraction": "0.04",
    "hard_fraction": "0.06",
    "flatten": False,
    "day_loss_max": "500",
    "loss_streak_max": 4,
    "rejects_max": 3,
    "reject_minutes": 5,
    "broker_latency_seconds_max": 2,
    "broker_latency_answers": 3,
    "errors_max": 2,
    "error_minutes": 1,
    "breaking_comparisons_max": 3,
    "stale_seconds_max": 60,
    "feed_stale_seconds_max": 30,
    "clock_seconds_max": 1,
}
LIMITS = msgspec.convert(SET, BreakerLimits)


@pytest.mark.parametrize(
    ("drawdown", "state"),
    (
        ("0.019999", None),
        ("0.02", ACTIVE),
        ("0.039999", ACTIVE),
        ("0.04", REDUCE_ONLY),
        ("0.059999", REDUCE_ONLY),
        ("0.06", HALTED),
        ("3", HALTED),
    ),
)
def test_the_ladder_trips_where_a_step_is_reached(drawdown: str, state: TradingState | None) -> None:
    found = by_drawdown(LIMITS, D(drawdown))
    assert (None if found is None else found.state) is state


def test_a_drawdown_that_nobody_knows_yet_trips_nothing() -> None:
    assert by_drawdown(LIMITS, None) is None


def test_a_days_loss_trips_beyond_its_limit() -> None:
    assert by_daily_loss(LIMITS, None) is None
    assert by_daily_loss(LIMITS, D(-900)) is None
    assert by_daily_loss(LIMITS, D(500)) is None
    found = by_daily_loss(LIMITS, D("500.001"))
    assert found == (REDUCE_ONLY, "500.00 lost since the day's open; day_loss_max is 500")


def test_a_streak_trips_beyond_its_limit() -> None:
    assert by_losses(LIMITS, 4) is None
    found = by_losses(LIMITS, 5)
    assert found is not None
    assert found == (REDUCE_ONLY, "5 round trips in a row lost; loss_streak_max is 4")


def test_more_than_three_rejections_in_five_minutes_trip() -> None:
    times = [Instant(each * MINUTE) for each in (0, 1, 2)]
    assert by_rejections(LIMITS, times) is None
    assert by_rejections(LIMITS, [*times, Instant(5 * MINUTE)]) is None
    found = by_rejections(LIMITS, [*times, Instant(5 * MINUTE - 1)])
    assert found is not None
    assert found.state is HALTED


def test_more_errors_than_permitted_within_the_time_trip() -> None:
    times = [Instant(each * SECOND) for each in (0, 30)]
    assert by_errors(LIMITS, times) is None
    assert by_errors(LIMITS, [*times, Instant(60 * SECOND)]) is None
    found = by_errors(LIMITS, [*times, Instant(60 * SECOND - 1)])
    assert found is not None
    assert found.state is REDUCE_ONLY


def test_comparisons_that_break_trip_beyond_their_number() -> None:
    assert by_comparisons(LIMITS, 3) is None
    found = by_comparisons(LIMITS, 4)
    assert found is not None
    assert found.state is REDUCE_ONLY


def test_silence_trips_beyond_its_time() -> None:
    assert by_silence(LIMITS, Symbol("ALFA"), Duration(60 * SECOND)) is None
    assert by_silence(LIMITS, Symbol("ALFA"), Duration(60 * SECOND + 1)) is not None
    assert by_feed(LIMITS, Duration(30 * SECOND)) is None
    found = by_feed(LIMITS, Duration(30 * SECOND + 1))
    assert found is not None
    assert found.state is REDUCE_ONLY


@pytest.mark.parametrize(
    ("went_back", "ahead", "sentence"),
    (
        (SECOND, None, None),
        (SECOND + 1, None, "our clock went back by 1.000 s; clock_seconds_max is 1"),
        (0, SECOND, None),
        (0, -SECOND, None),
        (0, 2 * SECOND, "our clock lies 2.000 s ahead of the broker's; clock_seconds_max is 1"),
        (0, -2 * SECOND, "our clock lies 2.000 s behind the broker's; clock_seconds_max is 1"),
    ),
)
def test_a_clock_trips_beyond_its_limit(went_back: int, ahead: int | None, sentence: str | None) -> None:
    found = by_clock(LIMITS, Duration(went_back), None if ahead is None else Duration(ahead))
    assert found == (None if sentence is None else (REDUCE_ONLY, sentence))


def test_slow_answers_trip_when_the_last_all_were_slow() -> None:
    slow, quick = 2 * SECOND + 1, 2 * SECOND
    calm: tuple[list[int | None], ...] = (
        [slow, slow],
        [quick, slow, slow],
        [slow, slow, quick],
        [slow, quick, None],
    )
    for answers in calm:
        assert by_latency(LIMITS, answers) is None
    late: tuple[list[int | None], ...] = ([slow, slow, slow], [quick, slow, None, slow], [None] * 3)
    for answers in late:
        found = by_latency(LIMITS, answers)
        assert found is not None
        assert found.state is REDUCE_ONLY


def test_no_limit_has_a_default() -> None:
    for name in SET:
        with pytest.raises(msgspec.ValidationError, match=f"missing required field `{name}`"):
            msgspec.convert({key: value for key, value in SET.items() if key != name}, BreakerLimits)


def made(**changes: Any) -> BreakerLimits:
    return BreakerLimits(**({name: getattr(LIMITS, name) for name in SET} | changes))


@pytest.mark.parametrize(
    "changes",
    (
        {"soft_fraction": D(0)},
        {"hard_fraction": D(1)},
        {"medium_fraction": D("0.02")},
        {"medium_fraction": D("0.07")},
        {"soft_fraction": D("nan")},
        {"day_loss_max": D(0)},
        {"day_loss_max": D("inf")},
        {"loss_streak_max": 0},
        {"rejects_max": 0},
        {"rejects_max": KEPT},
        {"reject_minutes": 0},
        {"broker_latency_seconds_max": 0},
        {"broker_latency_answers": KEPT},
        {"errors_max": KEPT},
        {"error_minutes": 0},
        {"breaking_comparisons_max": 0},
        {"stale_seconds_max": 0},
        {"feed_stale_seconds_max": 0},
        {"clock_seconds_max": 0},
    ),
    ids=str,
)
def test_a_limit_that_could_never_trip_or_always_would_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match=next(iter(changes))):
        made(**changes)
