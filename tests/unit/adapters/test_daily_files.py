"""The daily export on disk: whole lines only, a file a day, and one who adds."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from agenttrader.adapters import daily_files as module
from agenttrader.adapters.daily_files import DailyFiles
from agenttrader.model.errors import StoreError, StoreLocked, TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.times import SECOND, Instant, from_rfc3339
from agenttrader.testing.events import filled, opened

DAY = 24 * 60 * 60 * SECOND
FRIDAY = from_rfc3339("2026-11-20T14:30:00Z")


def records(*times: int) -> list[Sealed[Event]]:
    """A chain of records at these times."""
    chain = Chain()
    events: list[Event] = [opened(), *(filled(number) for number in range(1, len(times)))]
    return [chain.seal(event, Instant(time)) for event, time in zip(events, times, strict=True)]


def reader(known: list[Sealed[Event]]) -> Callable[[int], Iterable[Sealed[Event]]]:
    return lambda after: [each for each in known if each.sequence > after]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_added_is_read(tmp_path: Path) -> None:
    known = records(FRIDAY, FRIDAY + 1, FRIDAY + 2)
    files = DailyFiles(tmp_path / "a")
    assert files.add(reader(known[:2])) == 2
    assert files.add(reader(known)) == 3
    assert files.add(reader(known)) == 3
    assert DailyFiles(tmp_path / "a").add(reader(known)) == 3
    assert list(DailyFiles(tmp_path / "a").read()) == known
    assert names(tmp_path / "a") == ["audit_20261120_0001.jsonl"]


def test_where_nothing_was_ever_added_there_is_nothing(tmp_path: Path) -> None:
    files = DailyFiles(tmp_path / "a")
    assert (list(files.read()), files.end().sequence) == ([], 0)
    assert files.add(reader([])) == 0


def test_each_day_has_a_file_and_a_time_that_goes_back_stays_with_its_file(tmp_path: Path) -> None:
    known = records(FRIDAY, FRIDAY + DAY, FRIDAY, FRIDAY + DAY, FRIDAY + 2 * DAY)
    files = DailyFiles(tmp_path)
    files.add(reader(known))
    days = ["audit_20261120_0001.jsonl", "audit_20261121_0001.jsonl", "audit_20261122_0001.jsonl"]
    assert names(tmp_path) == days
    assert [len((tmp_path / day).read_bytes().splitlines()) for day in days] == [1, 3, 1]
    assert list(files.read()) == known


def test_a_long_day_has_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECORDS_MAX", 4)
    monkeypatch.setattr(module, "BATCH_RECORDS", 3)
    known = records(*(FRIDAY + number for number in range(10)), FRIDAY + DAY)
    for length in (2, 3, 9, 11):
        DailyFiles(tmp_path).add(reader(known[:length]))
    assert [(path.name, len(path.read_bytes().splitlines())) for path in DailyFiles(tmp_path).files()] == [
        ("audit_20261120_0001.jsonl", 4),
        ("audit_20261120_0002.jsonl", 4),
        ("audit_20261120_0003.jsonl", 2),
        ("audit_20261121_0001.jsonl", 1),
    ]
    assert list(DailyFiles(tmp_path).read()) == known


def test_what_a_crash_left_of_a_line_is_never_counted_and_written_over(tmp_path: Path) -> None:
    known = records(FRIDAY, FRIDAY + 1)
    DailyFiles(tmp_path).add(reader(known))
    file = tmp_path / "audit_20261120_0001.jsonl"
    whole = file.read_bytes()
    for length in range(whole.index(b"\n") + 1, len(whole), 17):
        file.write_bytes(whole[:length])
        assert list(DailyFiles(tmp_path).read()) == known[:1]
        assert DailyFiles(tmp_path).add(reader(known)) == 2
        assert file.read_bytes() == whole


def test_damage_is_named_with_its_file(tmp_path: Path) -> None:
    DailyFiles(tmp_path).add(reader(records(FRIDAY, FRIDAY + 1)))
    file = tmp_path / "audit_20261120_0001.jsonl"
    file.write_bytes(file.read_bytes().replace(b"order-1", b"order-2"))
    with pytest.raises(TamperingFound, match=r"record 2: in audit_20261120_0001.jsonl: its hash does not"):
        list(DailyFiles(tmp_path).read())


def test_records_of_another_journal_are_not_added(tmp_path: Path) -> None:
    DailyFiles(tmp_path).add(reader(records(FRIDAY)))
    with pytest.raises(TamperingFound, match=r"record 2: it names .* as its predecessor"):
        DailyFiles(tmp_path).add(reader(records(FRIDAY + 5, FRIDAY + 6)))


def test_a_disk_that_is_full_leaves_whole_lines_and_it_catches_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = records(FRIDAY, FRIDAY + 1)
    files = DailyFiles(tmp_path)
    files.add(reader(known[:1]))
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda _descriptor, content: len(content) - 1)
        with pytest.raises(
            StoreError, match="expected to add 1 records to the daily export, found: No space"
        ):
            files.add(reader(known))
    assert list(DailyFiles(tmp_path).read()) == known[:1]
    assert files.add(reader(known)) == 2


def test_one_adds_at_a_time(tmp_path: Path) -> None:
    with (
        DailyFiles(tmp_path / "a").alone(),
        pytest.raises(StoreLocked, match="expected to be the only writer"),
        DailyFiles(tmp_path / "a").alone(),
    ):
        pass
    with DailyFiles(tmp_path / "a").alone():
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="expected a folder"), DailyFiles(tmp_path / "file").alone():
        pass
