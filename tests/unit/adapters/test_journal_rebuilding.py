"""A journal made again of its records: whole or not at all, with the heads that still hold."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agenttrader.adapters import journal_rebuilding as module
from agenttrader.adapters.journal_heads import OutsideHeads, sign_head
from agenttrader.adapters.journal_rebuilding import rebuild, refuse_other_heads
from agenttrader.adapters.persons import make_key
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.model.errors import StoreError, TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Chain, Sealed
from agenttrader.testing.events import filled, opened, sealed

ACCOUNT = AccountName("SIM-1")
RECORDS = sealed(Chain(), opened(), *(filled(number) for number in range(1, 6)))


def made(folder: Path, records: Iterable[Sealed[Event]]) -> Path | None:
    return rebuild(
        folder / "store" / "SIM-1.journal",
        account=ACCOUNT,
        heads_folder=folder / "heads",
        key_folder=folder / "keys",
        records=records,
    )


def journal(folder: Path) -> SqliteJournal:
    return SqliteJournal(
        folder / "store" / "SIM-1.journal",
        account=ACCOUNT,
        heads_folder=folder / "heads",
        key_folder=folder / "keys",
    )


def test_a_long_journal_is_made_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_RECORDS", 2)
    assert made(tmp_path, RECORDS) is None
    with closing(journal(tmp_path)) as found:
        assert list(found.read()) == RECORDS
    assert sorted(path.name for path in (tmp_path / "store").iterdir() if "rebuilding" in path.name) == []


def test_what_ends_half_way_leaves_no_journal_and_the_heads_as_they_were(tmp_path: Path) -> None:
    made(tmp_path, RECORDS[:3])
    path = tmp_path / "store" / "SIM-1.journal"
    path.unlink()
    heads = (tmp_path / "heads" / "SIM-1.journal.heads").read_bytes()

    def broken() -> Iterator[Sealed[Event]]:
        yield RECORDS[0]
        raise StoreError("the export cannot be read")

    for records in (iter(RECORDS[1:]), broken()):
        with pytest.raises(StoreError):
            made(tmp_path, records)
        assert list((tmp_path / "store").glob("*.journal")) == []
        assert (tmp_path / "heads" / "SIM-1.journal.heads").read_bytes() == heads


def test_a_journal_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    made(tmp_path, RECORDS)
    with pytest.raises(StoreError, match="expected no journal, found one"):
        made(tmp_path, RECORDS[:2])


def test_heads_up_to_the_last_record_stay_and_later_ones_are_kept_apart(tmp_path: Path) -> None:
    with closing(journal(tmp_path)) as first:
        for record in RECORDS:
            first.append([record])
            first.sign_head()
    path = tmp_path / "store" / "SIM-1.journal"
    path.unlink()
    outside = OutsideHeads(tmp_path / "heads", path)
    before = outside.read()
    lost = made(tmp_path, RECORDS[:4])
    assert lost == tmp_path / "heads" / "SIM-1.journal.heads.lost-after-4"
    assert outside.read() == before[:4]
    assert OutsideHeads(lost, path).read() == before[4:]


def test_heads_that_say_otherwise_refuse_the_records() -> None:
    key = make_key()
    good = sign_head(key, ACCOUNT, 2, RECORDS[1].hash)
    assert refuse_other_heads((), key.public_key(), RECORDS) == 0
    assert refuse_other_heads((good,), key.public_key(), RECORDS) == 2
    later = sign_head(key, ACCOUNT, 9, "a" * 64)
    assert refuse_other_heads((good, later), key.public_key(), RECORDS) == 9
    wrong = sign_head(key, ACCOUNT, 3, "a" * 64)
    with pytest.raises(TamperingFound, match="record 3: a signed head gives it hash aaaa"):
        refuse_other_heads((wrong,), key.public_key(), RECORDS)
    with pytest.raises(TamperingFound, match=r"record 2: its head names key .* not signed by ours"):
        refuse_other_heads((sign_head(make_key(), ACCOUNT, 2, RECORDS[1].hash),), key.public_key(), RECORDS)
