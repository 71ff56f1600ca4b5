import itertools
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.doctor.findings import Standing
from agenttrader.app.doctor.machine import Clocks, Machine, Stamp, judge_configuration, judge_machine

WELL = Machine(
    python=(3, 11, 2),
    stamp=Stamp(written=("/here", "a"), now=("/here", "a")),
    open_files=1024,
    disk_bytes=1 << 30,
    store_fault="",
    journal="2 heads, the last of record 10",
    journal_fault="",
    clocks=Clocks(ours=100, brokers=102),
)


def test_a_machine_with_the_least_of_everything_passes() -> None:
    findings = list(judge_machine(WELL))
    assert {each.standing for each in findings} == {Standing.PASS}
    assert len(findings) == 7
    assert {each.standing for each in judge_machine(replace(WELL, clocks=None))} == {Standing.PASS}


@pytest.mark.parametrize(
    ("bad", "subject", "standing"),
    (
        (replace(WELL, python=(3, 10, 9)), "Python", Standing.FAIL),
        (replace(WELL, stamp=None), "installation", Standing.WARN),
        (
            replace(WELL, stamp=Stamp(written=("/here", "a"), now=("/here", "b"))),
            "installation",
            Standing.FAIL,
        ),
        (replace(WELL, open_files=1023), "open files", Standing.FAIL),
        (replace(WELL, open_files=None), "open files", Standing.FAIL),
        (replace(WELL, disk_bytes=(1 << 30) - 1), "disk", Standing.FAIL),
        (replace(WELL, disk_bytes=None), "disk", Standing.FAIL),
        (replace(WELL, store_fault="nfs"), "store's file system", Standing.FAIL),
        (replace(WELL, journal=""), "journal", Standing.FAIL),
        (replace(WELL, journal_fault="the tail is cut"), "journal", Standing.FAIL),
        (replace(WELL, clocks=Clocks(ours=100, brokers=None)), "clock", Standing.WARN),
        (replace(WELL, clocks=Clocks(ours=100, brokers=103)), "clock", Standing.FAIL),
        (replace(WELL, clocks=Clocks(ours=103, brokers=100)), "clock", Standing.FAIL),
    ),
)
def test_one_thing_less_is_named_and_told_what_to_do(bad: Machine, subject: str, standing: Standing) -> None:
    (found,) = [each for each in judge_machine(bad) if each.standing is not Standing.PASS]
    assert found.subject.startswith(subject)
    assert found.standing is standing
    assert found.advice


def configured(folder: Path, *changes: tuple[str, str]) -> Configuration:
    numbers = itertools.count(1)
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "run.toml").write_text(text)
    return load(folder / "run.toml", environment={})


SENTINEL = '\n[sentinel]\nlisten = "127.0.0.1:0"\nsilence_seconds_max = 5\n\n[limits.account]'


def test_a_run_that_is_watched_and_answers_this_machine_alone_passes(tmp_path: Path) -> None:
    found = list(judge_configuration(configured(tmp_path, ("\n[limits.account]", SENTINEL))))
    assert {each.standing for each in found} == {Standing.PASS}
    assert len(found) == 9


def test_who_is_missing_or_listens_to_others_is_named(tmp_path: Path) -> None:
    found = configured(
        tmp_path,
        ('[gateway]\nlisten = "127.0.0.1:0"', '[gateway]\nlisten = "0.0.0.0:80"'),
        ('wired = ["store", "file"]', 'wired = ["store"]'),
    )
    findings = {each.subject: each.standing for each in judge_configuration(found)}
    assert {name for name, standing in findings.items() if standing is not Standing.PASS} == {
        "address of gateway",
        "sentinel",
        "switches",
    }
    assert findings["sentinel"] is Standing.WARN
