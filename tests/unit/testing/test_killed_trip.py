"""Killed at any instant of tripping: the latch is never lost, never doubled, and what follows is denied."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import msgspec
import pytest

from agenttrader.runtime.breakers import DRAWDOWN
from agenttrader.testing.killed_trip import Found

INSTANTS = 12
"""So many are tried each time, spread over all of them."""
PARTS = 40
"""All of them are tried in so many parts."""


def told(folder: Path, *words: int) -> list[str]:
    command = [sys.executable, "-m", "agenttrader.testing.killed_trip", str(folder), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@cache
def count(base: Path) -> int:
    folder = base / "counted"
    folder.mkdir()
    return int(told(folder, 1, 1)[0])


def struck(folder: Path, first: int, step: int, last: int) -> list[Found]:
    lines = told(folder, first, step, last)
    found = [msgspec.json.decode(line, type=Found) for line in lines]
    assert [each.instant for each in found] == list(range(first, last + 1, step))
    return found


def assert_kept(found: Found) -> None:
    """The latch and the close stand once; nothing left that is not on disk, and no entry is approved."""
    assert (found.latches, found.closes, found.entries, found.left) == (1, 1, 0, ()), found
    assert found.entry_denied_by == "trading_state", found
    assert f"halted by {DRAWDOWN}" in found.halted_by, found


def test_wherever_it_is_killed_it_has_tripped_once_and_nothing_is_opened(tmp_path: Path) -> None:
    step = count(tmp_path) // INSTANTS
    found = struck(tmp_path, 1 + step // 2, step, count(tmp_path))
    for each in found:
        assert each.was_killed, each
        assert_kept(each)
    # Both sides of the commit are among them.
    assert {each.tripped_at_death for each in found} == {False, True}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_at_every_instant(tmp_path: Path, part: int) -> None:
    # How many instants there are differs a little with how the two threads meet.
    for each in struck(tmp_path, 1 + part, PARTS, count(tmp_path)):
        assert_kept(each)
