"""The report says what was hit and what was wrong, and calls a long run that missed a phase not kept."""

from agenttrader.model.times import Instant
from agenttrader.testing.rounds.phases import PHASES, Phase
from agenttrader.testing.rounds.report import HITS_MIN, ROUNDS_TO_SHOW, page, report
from agenttrader.testing.rounds.rounds import DECK, Kind, Told, plan_of

EVERY = dict.fromkeys((phase.value for phase in PHASES), 1)


def played(count: int, hits: dict[str, int], *findings: str) -> list[Told]:
    return [
        plan_of(7, number).told(
            seconds=3, down_seconds=1, intents=9, hits=hits, accepted=2, findings=findings
        )
        for number in range(count)
    ]


def test_a_run_is_kept_where_nothing_was_wrong_and_every_phase_was_hit() -> None:
    found = report(played(ROUNDS_TO_SHOW, EVERY), 7, 600, Instant(0))
    assert (found["kept"], found["thin"], found["never_arrived"]) == (True, [], 2 * ROUNDS_TO_SHOW)
    assert "200 rounds of seed 7 in 600 s: kept." in page(found)


def test_a_finding_is_named_with_its_round() -> None:
    found = report(played(1, EVERY, "two of one"), 7, 3, Instant(0))
    assert (found["kept"], found["findings"]) == (False, ["round 0: two of one"])
    assert "- round 0: two of one" in page(found)


def test_a_long_run_must_have_hit_each_phase_often_and_a_short_one_need_not() -> None:
    thin = EVERY | {Phase.DECIDED.value: 0}
    long, short = (report(played(count, thin), 7, 3, Instant(0)) for count in (ROUNDS_TO_SHOW, HITS_MIN))
    assert (long["kept"], long["thin"]) == (False, [Phase.DECIDED.value])
    assert short["kept"]


def test_no_round_at_all_shows_nothing() -> None:
    assert not report([], 7, 0, Instant(0))["kept"]


def test_the_same_seed_means_the_same_rounds_and_twenty_are_one_of_each() -> None:
    plans = [plan_of(7, number) for number in range(2 * len(DECK))]
    assert plans == [plan_of(7, number) for number in range(2 * len(DECK))]
    assert plans[: len(DECK)] != [plan_of(8, number) for number in range(len(DECK))]
    for half in (plans[: len(DECK)], plans[len(DECK) :]):
        assert {each.kind for each in half} == set(Kind)
        assert sorted(each.kind.value for each in half) == sorted(kind.value for kind, _ in DECK)
    assert all((each.fate is None) == (each.kind not in {Kind.AT, Kind.AFTER}) for each in plans)


def test_a_round_that_broke_off_is_a_finding() -> None:
    failed = plan_of(7, 3).failed("the books do not agree")
    assert (failed.number, failed.findings) == (3, ("the books do not agree",))
