"""A lost store comes back from the daily export, by a person's signature, and never more than there was."""

import itertools
import re
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec import Struct

from agenttrader.adapters.fence import fence_path, read_fence
from agenttrader.adapters.journal_heads import load_public_key
from agenttrader.adapters.journal_verification import verify
from agenttrader.adapters.persons import make_key, public_key_text, write_key
from agenttrader.adapters.side_journal import read_side_journals
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.adapters.state_file import write_state
from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.journals.daily import catch_up
from agenttrader.app.operators.person import PersonFiles
from agenttrader.app.state.restore import Restored, restore
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import (
    BadValue,
    ConfigurationError,
    StatementRefused,
    StoreError,
    TamperingFound,
)
from agenttrader.model.events import Halted, SegmentSealed
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Chain
from agenttrader.ports.fence import epoch_above
from agenttrader.runtime.meanwhile import meanwhile
from agenttrader.runtime.state import State
from agenttrader.testing.events import filled, opened, sealed

ACCOUNT = AccountName("DEMO-1")
PASSPHRASE = "a passphrase"


class Reached(Struct):
    journal: dict[str, Any]


class Run(NamedTuple):
    folder: Path
    files: PersonFiles

    @property
    def configuration(self) -> Configuration:
        return load(self.folder / "run.toml", environment={})

    @property
    def journal(self) -> Path:
        return self.folder / "store" / "DEMO-1.journal"

    def open(self) -> SqliteJournal:
        return SqliteJournal(
            self.journal, account=ACCOUNT, heads_folder=self.folder / "heads", key_folder=self.folder / "keys"
        )

    def lose(self) -> None:
        shutil.rmtree(self.folder / "store")

    def restore(self, passphrase: str = PASSPHRASE, *, without_tail: bool = False) -> Restored:
        return restore(
            self.configuration, self.files, passphrase, "the disk broke", without_tail=without_tail
        )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of two segments, the first ended by a crash; all of it is exported."""
    folder, files = tmp_path / "run", PersonFiles(tmp_path / "persons" / "demo")
    folder.mkdir()
    files.stem.parent.mkdir()
    key = make_key()
    write_key(files.key, key, PASSPHRASE)
    numbers = itertools.count(1)
    public = f'public_key = "{public_key_text(key.public_key())}"'
    text = re.sub(r'(\[people\.demo\][^\n]*\n)public_key = ""', rf"\1{public}", demo_template())
    assert public in text
    (folder / "run.toml").write_text(re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', text))
    made = Run(folder, files)
    account = str(ACCOUNT)
    for first, events in (
        (0, (opened(account), filled(1), filled(2))),
        (3, (opened(account, epoch=2), filled(3), SegmentSealed(reason="the day is over"))),
    ):
        with closing(made.open()) as journal:
            head = list(journal.read())[-1].hash if first else Chain().head
            journal.append(sealed(Chain(first, head), *events))
    catch_up(folder)
    return made


def everything(run: Run) -> list[Any]:
    with closing(run.open()) as journal:
        return list(journal.read())


def test_what_comes_back_is_the_journal_itself(run: Run) -> None:
    before = everything(run)
    run.lose()
    done = run.restore()
    assert (done.records, done.head, done.lost, done.lost_heads) == (6, before[-1].hash, 0, None)
    assert everything(run) == before
    found = verify(run.journal, run.folder / "heads", load_public_key(run.folder / "keys"))
    assert (found.verified, found.anchored, found.epoch) == (True, 6, 2)
    with closing(run.open()) as journal:
        chain = Chain(6, before[-1].hash)
        assert journal.append(sealed(chain, opened(ACCOUNT, epoch=3), filled(4)))
    assert [path.name for path in run.journal.parent.iterdir() if "rebuilding" in path.name] == []


def test_it_is_noted_for_the_next_start_with_who_why_and_the_signature(run: Run) -> None:
    head = everything(run)[-1].hash
    run.lose()
    run.restore()
    (line,) = read_side_journals(run.folder / "heads", ACCOUNT)
    assert (line.journal, line.act, line.by, line.stage) == ("restore", "restore", "demo", "answered")
    assert line.outcome.startswith(f"6 records, head {head}; the disk broke; signed: {{")
    assert "application/vnd.agenttrader.restoration.v1+json" in line.outcome


@pytest.mark.parametrize(("records", "last", "next_epoch"), ((6, 2, 5), (4, 2, 7), (3, 1, 7)))
def test_the_next_start_is_halted_and_no_statement_of_lost_records_holds_for_it(
    records: int, last: int, next_epoch: int, run: Run
) -> None:
    """A statement is bound to its epoch. So many writers as there are lost records may have had the next."""
    run.lose()
    cut_export(run, records)
    run.restore(without_tail=True)
    fence = read_fence(fence_path(run.folder / "heads", ACCOUNT))
    assert fence is not None
    assert (fence.by, fence.reason) == ("demo", "the journal was restored: the disk broke")
    assert epoch_above(last, fence) == next_epoch
    state = State({})
    state.apply(sealed(Chain(), opened(ACCOUNT, epoch=last))[0])
    (latch,) = meanwhile(state, fence, ())
    assert latch == Halted(
        scope=EVERYTHING,
        state=TradingState.HALTED,
        by="demo",
        reason="the journal was restored: the disk broke",
    )


def test_a_journal_that_is_there_is_not_touched(run: Run) -> None:
    before = run.journal.read_bytes()
    with pytest.raises(StoreError, match="expected no journal, found one; only a store that is lost"):
        run.restore()
    assert run.journal.read_bytes() == before


def test_only_a_configured_persons_key_restores(run: Run, tmp_path: Path) -> None:
    run.lose()
    with pytest.raises(BadValue, match="expected a key in PEM and its passphrase"):
        run.restore("another")
    files = PersonFiles(tmp_path / "others" / "demo")
    files.stem.parent.mkdir()
    write_key(files.key, make_key(), PASSPHRASE)
    with pytest.raises(
        StatementRefused, match="demo: expected a signature with the key whose public half is"
    ):
        Run(run.folder, files).restore()
    with pytest.raises(StatementRefused, match=r"expected a person of .* who may resume, found nobody"):
        Run(run.folder, PersonFiles(tmp_path / "others" / "nobody")).restore()
    text = (run.folder / "run.toml").read_text()
    (run.folder / "run.toml").write_text(text.replace('role = "operator"', 'role = "viewer"', 1))
    with pytest.raises(StatementRefused, match="who may resume, found viewer"):
        run.restore()
    assert not run.journal.exists()


def cut_export(run: Run, records: int) -> None:
    (file,) = (run.folder / "audit_logs" / "DEMO-1").glob("*.jsonl")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:records]))


def test_records_that_heads_prove_to_be_lost_take_a_word_more(run: Run) -> None:
    run.lose()
    cut_export(run, 4)
    heads = run.folder / "heads" / "DEMO-1.journal.heads"
    before = heads.read_bytes()
    with pytest.raises(
        StoreError, match=r"expected the export to reach record 6, .* The 2 after it are lost"
    ):
        run.restore()
    assert (run.journal.exists(), heads.read_bytes()) == (False, before)
    done = run.restore(without_tail=True)
    assert (done.records, done.lost) == (4, 2)
    assert done.lost_heads is not None
    assert done.lost_heads.name == "DEMO-1.journal.heads.lost-after-4"
    assert done.lost_heads.read_bytes() in before, "the proof that there were such records stays"
    assert len(everything(run)) == 4


def test_records_that_the_runtime_state_names_are_missed_too(run: Run) -> None:
    state = run.folder / "data" / "runtime_state.json"
    write_state(state, Reached({"records": 9, "head": "a" * 64, "epoch": 2}))
    run.lose()
    with pytest.raises(StoreError, match="expected the export to reach record 9"):
        run.restore()
    assert run.restore(without_tail=True).lost == 3


def damage_state(run: Run) -> None:
    write_state(
        run.folder / "data" / "runtime_state.json", Reached({"records": 3, "head": "b" * 64, "epoch": 1})
    )


def damage_export(run: Run) -> None:
    (file,) = (run.folder / "audit_logs" / "DEMO-1").glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b"order-2", b"order-9"))


def exchange_export(run: Run) -> None:
    """A chain that holds by itself, and is another than the signed one."""
    (file,) = (run.folder / "audit_logs" / "DEMO-1").glob("*.jsonl")
    file.unlink()
    other = Run(run.folder.parent / "other", run.files)
    shutil.copytree(run.folder, other.folder, ignore=shutil.ignore_patterns("heads", "fence"))
    with closing(other.open()) as journal:
        events = [filled(number) for number in range(7, 12)]
        journal.append(sealed(Chain(), opened(ACCOUNT), *events))
    catch_up(other.folder)
    shutil.rmtree(run.folder / "audit_logs")
    shutil.copytree(other.folder / "audit_logs", run.folder / "audit_logs")


@pytest.mark.parametrize(
    ("harm", "said"),
    (
        (damage_state, "record 3: the runtime state gives it hash bbbb"),
        (damage_export, "record 3: in audit_.*: its hash does not cover"),
        (exchange_export, "record 1: a signed head gives it hash|record .: a signed head gives it hash"),
    ),
)
def test_what_does_not_agree_is_not_restored(harm: Callable[[Run], None], said: str, run: Run) -> None:
    run.lose()
    harm(run)
    with pytest.raises(TamperingFound, match=said):
        run.restore(without_tail=True)
    assert not run.journal.exists()


def test_a_damaged_runtime_state_is_no_obstacle(run: Run) -> None:
    state = run.folder / "data" / "runtime_state.json"
    state.parent.mkdir()
    state.write_text("{}")
    run.lose()
    assert run.restore().records == 6


def test_without_an_export_or_the_journals_key_nothing_is_made_up(run: Run) -> None:
    run.lose()
    (run.folder / "keys" / "journal.key").rename(run.folder / "kept.key")
    with pytest.raises(StoreError, match="expected the journal's key, found none"):
        run.restore()
    (run.folder / "kept.key").rename(run.folder / "keys" / "journal.key")
    shutil.rmtree(run.folder / "audit_logs")
    with pytest.raises(StoreError, match="expected a daily export to restore from, found no record"):
        run.restore()
    text = (run.folder / "run.toml").read_text()
    (run.folder / "run.toml").write_text(re.sub(r"audit_logs = .*\n", "", text))
    with pytest.raises(ConfigurationError, match=r"expected audit_logs in \[store\]"):
        run.restore()
    assert not run.journal.exists()
