"""Hostile worlds: in each, whatever goes wrong, every promise holds; and a seed is one world."""

from collections import Counter
from functools import cache

import pytest
from msgspec import structs

from agenttrader.testing.worlds.faults import Acts
from agenttrader.testing.worlds.script import script_of
from agenttrader.testing.worlds.world import Outcome, play

PART = 10
"""Seeds of one test."""
SEEDS = range(1, 101)
MORE_SEEDS = range(101, 1_001)
FEW_SEEDS = range(1, 13)


@cache
def world(seed: int) -> Outcome:
    return play(script_of(seed))


def broken_in(first: int) -> dict[int, tuple[str, ...]]:
    """What is found in a part of the seeds, by seed."""
    outcomes = {seed: world(seed) for seed in range(first, first + PART)}
    return {seed: outcome.findings for seed, outcome in outcomes.items() if outcome.findings}


@pytest.mark.parametrize("first", SEEDS[::PART])
def test_every_promise_holds(first: int) -> None:
    assert broken_in(first) == {}


@pytest.mark.slow
@pytest.mark.parametrize("first", MORE_SEEDS[::PART])
def test_every_promise_holds_in_more_worlds(first: int) -> None:
    assert broken_in(first) == {}


def test_worlds_have_orders_crashes_and_every_promise_to_look_at() -> None:
    looked: Counter[str] = Counter()
    for seed in FEW_SEEDS:
        looked.update(world(seed).looked)
    assert len(looked) >= 16
    assert sum(world(seed).orders for seed in FEW_SEEDS) > 5 * len(FEW_SEEDS)
    assert sum(world(seed).fills for seed in FEW_SEEDS) > 5 * len(FEW_SEEDS)
    assert sum(world(seed).crashes for seed in FEW_SEEDS) > 0


def test_a_seed_is_one_world_and_two_are_two() -> None:
    again = play(script_of(7), with_trace=True)
    assert again == structs.replace(world(7), trace=again.trace)
    assert world(7).head != world(8).head


def test_a_world_with_a_part_of_it_taken_away_is_a_world() -> None:
    script = script_of(9)
    kept = tuple(each for each in script.happenings if isinstance(each, Acts))
    assert 0 < len(kept) < len(script.happenings)
    found = play(structs.replace(script, happenings=kept))
    assert found.findings == ()
    assert set(found.happened) < set(world(9).happened)
