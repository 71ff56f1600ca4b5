"""Rounds of kill -9 over real processes: one here, ten by `-m slow`, two hundred by `agenttrader rounds`."""

import json
from itertools import count
from pathlib import Path

import pytest

from agenttrader.testing.played_day import ROLES
from agenttrader.testing.rounds.day import RoundsDay
from agenttrader.testing.rounds.marking import PROGRAM
from agenttrader.testing.rounds.phases import Phase
from agenttrader.testing.rounds.play import main, play_day
from agenttrader.testing.rounds.rounds import Kind, plan_of

SEED = 6
_FIRST = next(each for each in count() if plan_of(SEED, each).kind is Kind.ANSWER_HELD)
HELD = range(_FIRST, _FIRST + 1)
"""One round in which answers are held."""

pytestmark = pytest.mark.timeout(120)


async def test_orders_whose_answers_are_held_as_the_gateway_dies_are_neither_lost_nor_sent_again(
    tmp_path: Path,
) -> None:
    (told,) = await play_day(RoundsDay(tmp_path, ROLES), SEED, HELD, lambda _: None)
    assert told.findings == ()
    assert told.hits[Phase.SENT.value] > 0


class LateDay(RoundsDay):
    """A day whose gateway lets each batch leave before it is on disk: the next one brings it there."""

    program = f"""
from agenttrader.adapters.sqlite_journal import SqliteJournal
commit, waiting = SqliteJournal._commit, []
def late(journal, batch):
    waiting.append(batch)
    if len(waiting) > 1:
        commit(journal, waiting.pop(0))
SqliteJournal._commit = late
{PROGRAM}"""


@pytest.mark.slow
async def test_a_gateway_that_sends_before_it_writes_is_found_out(tmp_path: Path) -> None:
    (told,) = await play_day(LateDay(tmp_path), SEED, HELD, lambda _: None)
    assert told.findings


@pytest.mark.slow
def test_ten_rounds_break_no_promise(tmp_path: Path) -> None:
    assert main(["--count", "10", "--seed", str(SEED), "--reports", str(tmp_path)]) == 0
    (report,) = tmp_path.glob("rounds-*.json")
    found = json.loads(report.read_text())
    assert (found["rounds"], found["findings"], found["kept"]) == (10, [], True)
    assert sum(found["hits"].values()) >= 10
    assert "## What was wrong\n\nNothing." in report.with_suffix(".md").read_text()
