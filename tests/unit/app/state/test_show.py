"""The runtime state, shown and held against the journal."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.adapters.state_file import backup_of, write_state
from agenttrader.app.state.show import show_state
from agenttrader.model.errors import ConfigurationError, StoreError
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Chain
from agenttrader.testing.events import filled, opened, sealed

CONFIGURATION = """
[account]
name = "SIM-1"

[store]
directory = "store"
heads_directory = "heads"
keys_directory = "keys"
runtime_state = "data/runtime_state.json"
"""
RECORDS = sealed(Chain(), opened(), filled(1), filled(2))


class State(Struct):
    journal: Any


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with three records, whose state goes to the second."""
    (tmp_path / "run.toml").write_text(CONFIGURATION)
    with closing(
        SqliteJournal(
            tmp_path / "store" / "SIM-1.journal",
            account=AccountName("SIM-1"),
            heads_folder=tmp_path / "heads",
            key_folder=tmp_path / "keys",
        )
    ) as journal:
        journal.append(RECORDS)
    tell(tmp_path, 2, RECORDS[1].hash)
    return tmp_path


def tell(run: Path, records: int, head: str) -> None:
    write_state(run / "data" / "runtime_state.json", State({"records": records, "head": head, "epoch": 1}))


@pytest.mark.parametrize("words", ("", "run.toml", "data/runtime_state.json"))
def test_a_folder_a_configuration_and_the_file_mean_the_same(words: str, run: Path) -> None:
    found = show_state(run / words)
    assert (found.records, found.finding) == (2, "")
    assert found.behind == (None if words.endswith("json") else 1)
    assert found.payload["journal"]["head"] == found.head == RECORDS[1].hash


@pytest.mark.parametrize(
    ("records", "head", "finding"),
    (
        (2, "a" * 64, "the journal gives record 2 hash "),
        (4, "a" * 64, "it goes to record 4, the journal ends with record 3"),
    ),
)
def test_a_journal_that_says_otherwise_is_a_finding(records: int, head: str, finding: str, run: Path) -> None:
    tell(run, records, head)
    assert show_state(run).finding.startswith(finding)


def test_where_the_journal_is_lost_the_state_is_shown(run: Path) -> None:
    (run / "store" / "SIM-1.journal").unlink()
    found = show_state(run)
    assert (found.behind, found.finding) == (None, "")


def test_of_a_damaged_one_the_backup_is_shown_and_that_is_a_finding(run: Path) -> None:
    tell(run, 3, RECORDS[2].hash)
    file = run / "data" / "runtime_state.json"
    file.write_text(file.read_text().replace('"records": 3', '"records": 1'))
    found = show_state(run)
    assert (found.file, found.records) == (backup_of(file), 2)
    assert "expected the sha256 of its payload as checksum" in found.finding


def test_what_says_nothing_is_an_error(run: Path) -> None:
    write_state(run / "data" / "runtime_state.json", State({"records": "many"}))
    with pytest.raises(StoreError, match="expected it to name its record in `journal`"):
        show_state(run)
    (run / "run.toml").write_text(CONFIGURATION.replace('runtime_state = "data/runtime_state.json"', ""))
    with pytest.raises(ConfigurationError, match=r"expected runtime_state in \[store\]"):
        show_state(run)
