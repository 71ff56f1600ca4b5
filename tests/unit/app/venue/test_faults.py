"""What is planned, what strikes, and what is remembered of it."""

import asyncio
from typing import Any, Literal

import pytest

from agenttrader.app.fault_kinds import DoubledMessage, Latency, LostAnswer, LostMessage, When
from agenttrader.app.venue import faults as venue_faults
from agenttrader.app.venue.faults import Ended, Faults, Struck
from agenttrader.model.errors import BadValue

LINE = "POST /v2/orders"
LANE = ("KEY", "POST", "/v2/orders")


def lost(
    per_mille: int = 1_000, times: int | Literal["always"] = "always", when: When = When.AFTER
) -> LostAnswer:
    return LostAnswer(only=(LINE,), per_mille=per_mille, times=times, when=when)


def fates(faults: Faults, count: int, lane: tuple[str, ...] = LANE) -> list[bool]:
    """Whether each of `count` requests is struck."""
    return [faults.of_request(LINE, lane) is not None for _ in range(count)]


def test_nothing_planned_strikes_nothing() -> None:
    faults = Faults(7, 0)
    assert not any(fates(faults, 50))
    assert (faults.planned(), faults.struck()) == ([], [])


def test_a_fault_strikes_as_often_as_it_may_and_what_it_struck_is_remembered() -> None:
    faults = Faults(7, 0)
    planned = faults.plan(lost(times=2))
    assert fates(faults, 4) == [True, True, False, False]
    assert faults.struck() == [
        Struck(number=number, planned=planned.number, fault="lost_answer", subject=LINE) for number in (1, 2)
    ]
    assert faults.struck(after=1) == faults.struck()[1:]
    (told,) = faults.planned()
    assert (told.seen, told.struck) == (4, 2)


def test_what_is_withdrawn_strikes_no_more_and_says_what_it_did() -> None:
    faults = Faults(7, 0, [lost()])
    assert fates(faults, 2) == [True, True]
    assert faults.stands(1)
    withdrawn = faults.withdraw(1)
    assert withdrawn is not None
    assert (withdrawn.number, withdrawn.struck) == (1, 2)
    assert not faults.stands(1)
    assert fates(faults, 2) == [False, False]
    assert faults.withdraw(1) is None
    assert faults.plan(lost()).number == 2


def test_a_request_and_a_message_are_struck_by_faults_of_their_kind() -> None:
    faults = Faults(7, 0, [lost(), DoubledMessage(only=("fill",), per_mille=1_000, times="always")])
    assert isinstance(faults.of_request(LINE, LANE), LostAnswer)
    assert faults.of_request("GET /v2/orders", LANE) is None
    found = faults.of_message("fill", ("KEY", 1))
    assert found is not None
    assert (found[0], type(found[1])) == (2, DoubledMessage)
    assert faults.of_message("new", ("KEY", 1)) is None


def test_the_first_that_is_planned_strikes_and_the_other_keeps_its_times() -> None:
    slow = Latency(only=(LINE,), per_mille=1_000, times=1, when=When.BEFORE, milliseconds=5)
    faults = Faults(7, 0, [slow, lost(times=1)])
    struck = [faults.of_request(LINE, LANE) for _ in range(3)]
    assert [type(each) for each in struck] == [Latency, LostAnswer, type(None)]


def test_a_seed_replays_and_another_seed_or_start_is_another_day() -> None:
    first = fates(Faults(7, 0, [lost(300)]), 200)
    assert 30 < sum(first) < 90
    assert fates(Faults(7, 0, [lost(300)]), 200) == first
    assert fates(Faults(8, 0, [lost(300)]), 200) != first
    assert fates(Faults(7, 60, [lost(300)]), 200) != first


def test_neither_another_client_nor_another_fault_moves_the_draws() -> None:
    alone = fates(Faults(7, 0, [lost(300)]), 100)
    crowded = Faults(7, 0, [lost(300), LostMessage(only=(), per_mille=500, times="always")])
    mine = []
    for _ in range(100):
        crowded.of_request(LINE, ("ANOTHER", "POST", "/v2/orders"))
        crowded.of_message("fill", ("KEY", 1))
        mine += fates(crowded, 1)
    assert mine == alone
    behind = Faults(7, 0, [lost(300), lost(300, when=When.BEFORE)])
    both = [behind.of_request(LINE, LANE) for _ in range(100)]
    assert [isinstance(each, LostAnswer) and each.when is When.AFTER for each in both] == alone
    assert any(each is not None for each, hit in zip(both, alone, strict=True) if not hit)


def test_too_many_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue_faults, "PLANNED_MAX", 2)
    faults = Faults(7, 0, [lost(), lost()])
    with pytest.raises(BadValue, match="at most 2"):
        faults.plan(lost())


async def test_whoever_waits_for_the_end_is_told_of_it() -> None:
    faults = Faults(7, 0)
    waiting = asyncio.create_task(faults.until_ended())
    await asyncio.sleep(0)
    assert not waiting.done()
    faults.end()
    with pytest.raises(Ended):
        await waiting


def test_what_is_asked_for_at_once_is_remembered_too() -> None:
    faults = Faults(7, 0)
    noted: Any = faults.note("restart", "a drill")
    assert faults.struck() == [noted]
    assert (noted.number, noted.planned) == (1, None)
