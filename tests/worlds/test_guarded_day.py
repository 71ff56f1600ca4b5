"""Days in which nobody is careful but the exits unit: never turned round, bare no longer than permitted."""

from collections import Counter
from functools import cache

import pytest

from agenttrader.runtime.exits_host import ExitsHost
from agenttrader.testing.guarded_day import GuardedDay, play

SEEDS = range(1, 13)
MORE_SEEDS = range(13, 201)
MINUTES_MAX = 100


@cache
def day(seed: int) -> GuardedDay:
    return play(seed, MINUTES_MAX)


def differences() -> list[str]:
    """What the days find, until one finds anything; played anew, because something was planted."""
    for seed in range(1, 30):
        found = play(seed, MINUTES_MAX).findings
        if found:
            return list(found)
    return []


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_about_exits_holds(seed: int) -> None:
    assert day(seed).findings == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_every_promise_about_exits_holds_on_more_days(seed: int) -> None:
    assert play(seed, MINUTES_MAX).findings == ()


def test_the_days_give_the_unit_everything_to_do() -> None:
    acts: Counter[str] = Counter()
    for seed in SEEDS:
        acts.update(day(seed).acts)
    assert {"reduce", "close", "cancel", "doubt", "part"} <= acts.keys()
    assert sum(day(seed).restarts for seed in SEEDS) > 0


def test_a_seed_is_one_day() -> None:
    assert play(3, MINUTES_MAX) == day(3)


def test_without_the_unit_positions_are_bare_for_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExitsHost, "wanted", lambda _: ())
    assert any("no stop has faced" in each for each in differences())
