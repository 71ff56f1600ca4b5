import pytest

from agenttrader.app.marketdata.health import Health, judge_health
from agenttrader.model.times import SECOND, Instant, from_rfc3339

TICK = from_rfc3339("2026-11-20T14:32:00Z")


@pytest.mark.parametrize(
    ("age", "ok"), ((0, True), (60, True), (61, False), (-5, True), (-6, False), (10**9, False))
)
def test_data_are_fresh_up_to_their_age_and_never_in_the_future(age: int, ok: bool) -> None:  # noqa: FBT001
    health = judge_health(Instant(TICK + age * SECOND), TICK, max_age_seconds=60, forced_stale=False)
    assert health == Health(
        service="marketdata",
        last_tick_epoch_seconds=TICK // SECOND,
        age_seconds=age,
        max_age_seconds=60,
        ok=ok,
        forced_stale=False,
    )


def test_the_drill_makes_fresh_data_stale() -> None:
    health = judge_health(TICK, TICK, max_age_seconds=60, forced_stale=True)
    assert (health.ok, health.forced_stale, health.age_seconds) == (False, True, 0)


@pytest.mark.parametrize(("now", "tick"), ((None, TICK), (TICK, None), (None, None)))
def test_what_is_not_known_is_not_fresh(now: Instant | None, tick: Instant | None) -> None:
    health = judge_health(now, tick, max_age_seconds=60, forced_stale=False)
    assert (health.ok, health.age_seconds) == (False, None)
