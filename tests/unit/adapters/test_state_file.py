"""The runtime state on disk: whole, with its checksum, and the one before beside it."""

import hashlib
import json
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import Struct, field

from agenttrader.adapters.state_file import backup_of, read_state, write_state
from agenttrader.model.errors import StoreError


class State(Struct, frozen=True):
    number: int
    amount: Decimal = Decimal("1.50")
    by_name: dict[str, int] = field(default_factory=lambda: {"b": 1, "a": 2})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "runtime_state.json"


def test_what_was_written_is_read(file: Path) -> None:
    write_state(file, State(1))
    found = read_state(file)
    assert (found.file, found.finding) == (file, "")
    assert found.payload == {"number": 1, "amount": "1.50", "by_name": {"b": 1, "a": 2}}
    assert file.stat().st_mode & 0o077 == 0


def test_anybody_can_compute_the_checksum(file: Path) -> None:
    write_state(file, State(1))
    found = json.loads(file.read_text())
    assert (found["format_version"], found["checksum_algo"]) == (3, "sha256")
    canonical = json.dumps(found["payload"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(canonical.encode()).hexdigest() == found["checksum"]
    assert len(file.read_text().splitlines()) > 5, "a person can read it"


def test_the_one_before_is_the_backup(file: Path) -> None:
    for number in (1, 2, 3):
        write_state(file, State(number))
    assert read_state(file).payload["number"] == 3
    assert read_state(backup_of(file)).payload["number"] == 2
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "runtime_state.json",
        "runtime_state.json.bak",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    (
        ('"number": 2', '"number": 9', "expected the sha256 of its payload as checksum"),
        ('"sha256"', '"md5"', "expected the sha256 of its payload as checksum"),
        ('"format_version": 3', '"format_version": 2', "expected format_version 3, found 2"),
        ('"payload"', '"payloads"', "expected a runtime state, found none"),
        ("{", "", "expected a runtime state, found none"),
    ),
)
def test_one_that_is_damaged_is_said_and_its_backup_read(old: str, new: str, said: str, file: Path) -> None:
    write_state(file, State(1))
    write_state(file, State(2))
    file.write_text(file.read_text().replace(old, new, 1))
    found = read_state(file)
    assert (found.file, found.payload["number"]) == (backup_of(file), 1)
    assert said in found.finding


def test_where_neither_says_anything_that_is_an_error(file: Path) -> None:
    with pytest.raises(
        StoreError, match=r"runtime_state.json: expected a runtime state, found: No such file"
    ):
        read_state(file)
    write_state(file, State(1))
    file.write_text("{}")
    with pytest.raises(StoreError, match=r"expected a runtime state, found none.*\.bak: expected a runtime"):
        read_state(file)


def test_a_disk_that_does_not_take_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="expected to write the runtime state"):
        write_state(tmp_path / "data" / "state.json", State(1))
