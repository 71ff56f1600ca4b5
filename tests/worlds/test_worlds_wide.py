"""Many worlds: their sum, where a run goes on, what is left of a failure, and bugs that are planted."""

from pathlib import Path

import pytest
from msgspec import structs

from agenttrader.adapters.file_halt import FileHalt
from agenttrader.testing.planted import PLANTED
from agenttrader.testing.worlds import wide as wide_module
from agenttrader.testing.worlds.command import main, report_of, words_of
from agenttrader.testing.worlds.faults import Acts, Happening
from agenttrader.testing.worlds.script import Script, script_of
from agenttrader.testing.worlds.shrink import shape_of, shortest
from agenttrader.testing.worlds.wide import Failed, Sum, found_at, played, sum_of, wide
from agenttrader.testing.worlds.world import Outcome

SEEDS_MAX = 200


def outcome(script: Script, *findings: str) -> Outcome:
    return Outcome(
        seed=script.seed,
        head="",
        bars=1,
        orders=0,
        fills=0,
        crashes=0,
        happened={},
        looked={},
        findings=findings,
    )


def test_a_failure_is_cut_down_to_what_it_needs() -> None:
    script = next(script_of(seed) for seed in range(1, 50) if len(script_of(seed).happenings) > 20)
    needed: set[Happening] = {script.happenings[3], script.happenings[-2]}

    def fails(tried: Script) -> Outcome:
        found = ("order at-7-0123456789abcdef left twice",) if needed <= set(tried.happenings) else ()
        return outcome(tried, *found)

    left = shortest(script, outcome(script, "order at-12-fedcba9876543210 left twice"), fails)
    assert set(left.script.happenings) == needed
    assert left.script.actions == ()
    assert left.outcome.findings == ("order at-7-0123456789abcdef left twice",)


def test_another_failure_is_not_taken_for_the_same() -> None:
    script = script_of(2)
    left = shortest(script, outcome(script, "left twice"), lambda tried: outcome(tried, "left stale"))
    assert left.script == script
    assert shape_of("ALFA: 30 held and 0 protected") == shape_of("CHARLY: -5 held and 5.5 protected")


def test_worlds_are_summed_up_and_a_run_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress, told = tmp_path / "progress.jsonl", list[int]()
    monkeypatch.setattr(wide_module, "PART", 1)
    total = wide(5, 2, cores=1, progress=progress, tell=lambda sum_: told.append(sum_.worlds))
    alone = sum_of(5, 2)
    assert told == [0, 1, 2]
    assert (total.worlds, total.orders, total.happened) == (2, alone.orders, alone.happened)
    progress.write_bytes(progress.read_bytes() + b'{"program": "cut')

    def refuse(*_: object) -> Sum:
        raise AssertionError("it is done already")

    monkeypatch.setattr(wide_module, "sum_of", refuse)
    again = wide(5, 2, cores=1, progress=progress, tell=lambda _: None)
    assert again == total


def test_a_world_that_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*_: object, **__: object) -> Outcome:
        raise AssertionError("the world is flat")

    monkeypatch.setattr(wide_module, "play", end)
    assert played(script_of(1)).findings == ("the world ended with AssertionError: the world is flat",)


@pytest.mark.parametrize("name", ("resend_on_timeout", "missing_switch_is_active"))
def test_a_planted_bug_is_found_and_mended_again(name: str) -> None:
    read = FileHalt.__dict__["read"]
    found = found_at(name, 1, SEEDS_MAX)
    assert found is not None, f"{PLANTED[name].sentence} Nobody finds it in {SEEDS_MAX} worlds."
    assert FileHalt.__dict__["read"] is read


def test_one_world_is_told_and_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "4", "--trace"]) == 0
    out, err = capsys.readouterr()
    assert '"findings":[]' in out
    assert "gateway 1 starts" in err


def test_a_report_counts_days_and_speed() -> None:
    total = Sum(worlds=2, minutes=390, seconds=0.5, failed=[Failed(7, ("left twice",))])
    report = report_of(1, total, 2)
    assert (report["days"], report["days_per_second_and_core"], report["worlds_per_second_and_core"]) == (
        1.0,
        2.0,
        4.0,
    )
    assert report["failed"] == [{"seed": 7, "findings": ("left twice",)}]


def test_what_happens_is_one_line() -> None:
    happening = next(each for each in script_of(1).happenings if isinstance(each, Acts))
    line = words_of(structs.replace(happening, at_seconds=1.5))
    assert line.startswith("  1.500 s  Acts what=")
