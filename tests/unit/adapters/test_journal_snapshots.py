"""A written fold: as it was signed, of this account, or not at all."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import agenttrader
from agenttrader.adapters.journal_snapshots import SnapshotFile, maker_of
from agenttrader.model.errors import BadValue, StoreError
from agenttrader.model.identifiers import AccountName, Digest, Symbol
from agenttrader.ports.journal import Snapshot

KEY = Ed25519PrivateKey.generate()
SNAPSHOT = Snapshot(sequence=7, head="ab" * 32, made_by=Digest("cd" * 32), body=b"\x00what\nit came to\xff")


@pytest.fixture
def file(tmp_path: Path) -> SnapshotFile:
    made = SnapshotFile(tmp_path / "SIM-1.journal", AccountName("SIM-1"))
    made.write(SNAPSHOT, KEY)
    return made


def test_what_was_written_last_is_read(file: SnapshotFile) -> None:
    assert file.read(KEY.public_key()) == SNAPSHOT
    later = Snapshot(sequence=9, head="ef" * 32, made_by=Digest(""), body=b"")
    file.write(later, KEY)
    assert file.read(KEY.public_key()) == later
    assert [each.name for each in file.path.parent.iterdir()] == ["SIM-1.journal.fold"]


def test_what_writers_left_half_written_is_removed(file: SnapshotFile) -> None:
    for number in range(3):
        file.path.with_name(f".{file.path.name}.{number}.new").write_bytes(b"half")
    file.write(SNAPSHOT, KEY)
    assert file.read(KEY.public_key()) == SNAPSHOT
    assert [each.name for each in file.path.parent.iterdir()] == [file.path.name]


def test_where_there_is_none_there_is_none(tmp_path: Path) -> None:
    assert SnapshotFile(tmp_path / "SIM-1.journal", AccountName("SIM-1")).read(KEY.public_key()) is None


@pytest.mark.parametrize("field", ("account", "made_by", "sequence", "hash", "digest", "signature"))
def test_no_word_of_it_can_be_changed(file: SnapshotFile, field: str) -> None:
    line, _, body = file.path.read_bytes().partition(b"\n")
    head = json.loads(line)
    head[field] = 8 if field == "sequence" else "QUJD" if field == "signature" else f"{head[field]}0"
    file.path.write_bytes(json.dumps(head).encode() + b"\n" + body)
    with pytest.raises(BadValue, match="expected a fold that our key signed, found another"):
        file.read(KEY.public_key())


def test_neither_can_what_it_came_to(file: SnapshotFile) -> None:
    whole = file.path.read_bytes()
    for broken in (whole[:-1], whole + b"\x00", whole[:-1] + b"\xfe"):
        file.path.write_bytes(broken)
        with pytest.raises(BadValue, match="expected the fold that was signed, found another"):
            file.read(KEY.public_key())


@pytest.mark.parametrize("content", (b"", b"\n", b"{}\n", b"\xff\xfe\n", b"[1]", b'{"account": "SIM-1"'))
def test_a_file_that_is_none_is_said(file: SnapshotFile, content: bytes) -> None:
    file.path.write_bytes(content)
    with pytest.raises(BadValue, match="expected a fold that our key signed"):
        file.read(KEY.public_key())


def test_another_keys_and_another_accounts_are_not_ours(file: SnapshotFile) -> None:
    with pytest.raises(BadValue, match="that our key signed"):
        file.read(Ed25519PrivateKey.generate().public_key())
    other = SnapshotFile(file.path.with_name("SIM-1.journal"), AccountName("SIM-2"))
    with pytest.raises(BadValue, match="expected a fold of SIM-2, found one of SIM-1"):
        other.read(KEY.public_key())


def test_one_that_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    file = SnapshotFile(tmp_path / "SIM-1.journal", AccountName("SIM-1"))
    file.path.mkdir()
    with pytest.raises(BadValue, match="expected a fold, found: Is a directory"):
        file.read(KEY.public_key())
    with pytest.raises(StoreError, match="expected to write the fold, found: Is a directory"):
        file.write(SNAPSHOT, KEY)


def test_who_made_it_is_the_program_and_the_multipliers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    multipliers = {Symbol("ALFA"): Decimal(1), Symbol("BRAVO"): Decimal(100)}
    found = maker_of(multipliers)
    assert found == maker_of(dict(reversed(multipliers.items())))
    assert found != maker_of(multipliers | {Symbol("ALFA"): Decimal(2)})
    package = tmp_path / "agenttrader"
    (package / "runtime").mkdir(parents=True)
    (package / "runtime" / "state.py").write_text("1")
    monkeypatch.setattr(agenttrader, "__file__", str(package / "__init__.py"))
    other = maker_of(multipliers)
    (package / "runtime" / "state.py").write_text("2")
    assert len({found, other, maker_of(multipliers)}) == 3
