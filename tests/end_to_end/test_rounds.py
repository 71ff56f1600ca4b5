"""Rounds of kill -9 over real processes: one here, ten by `-m slow`, two hundred by `agenttrader rounds`."""

import json
from itertools import count
from pathlib import Path

import pytest

from agenttrader.testing.rounds.phases import Phase
from agenttrader.testing.rounds.play import main, play_day
from agenttrader.testing.rounds.rounds import Kind, plan_of

SEED = 6

pytestmark = pytest.mark.timeout(120)


async def test_orders_whose_answers_are_held_as_the_gateway_dies_are_neither_lost_nor_sent_again(
    tmp_path: Path,
) -> None:
    number = next(each for each in count() if plan_of(SEED, each).kind is Kind.ANSWER_HELD)
    (told,) = await play_day(tmp_path, SEED, range(number, number + 1), lambda _: None)
    assert told.findings == ()
    assert told.hits[Phase.SENT.value] > 0


@pytest.mark.slow
def test_ten_rounds_break_no_promise(tmp_path: Path) -> None:
    assert main(["--count", "10", "--seed", str(SEED), "--reports", str(tmp_path)]) == 0
    (report,) = tmp_path.glob("rounds-*.json")
    found = json.loads(report.read_text())
    assert (found["rounds"], found["findings"], found["kept"]) == (10, [], True)
    assert sum(found["hits"].values()) >= 10
    assert "## What was wrong\n\nNothing." in report.with_suffix(".md").read_text()
