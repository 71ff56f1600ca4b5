import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.cli import main
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Chain
from agenttrader.testing.builders import decided, proposal, sending
from agenttrader.testing.events import opened, sealed

CONFIGURATION = """
[account]
name = "SIM-1"

[store]
directory = "store"
heads_directory = "heads"
keys_directory = "keys"
"""
ENTRY = proposal(1, reason="it rises\nverdict   forged")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run with one order."""
    (tmp_path / "run.toml").write_text(CONFIGURATION)
    with closing(
        SqliteJournal(
            tmp_path / "store" / "SIM-1.journal",
            account=AccountName("SIM-1"),
            heads_folder=tmp_path / "heads",
            key_folder=tmp_path / "keys",
        )
    ) as journal:
        journal.append(sealed(Chain(), opened(), decided(ENTRY), sending(ENTRY)))
        journal.sign_head()
    return tmp_path


class Said(NamedTuple):
    """What the verb said, and how it ended."""

    code: int
    out: str
    err: str


Proof = Callable[..., Said]


@pytest.fixture
def proof(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Proof:
    """`agenttrader proof` with these words."""

    def run(*words: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["agenttrader", "proof", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main.main()
        return Said(int(end.value.code or 0), *capsys.readouterr())

    return run


def test_a_proof_is_made_and_verified_by_the_public_key(proof: Proof, folder: Path) -> None:
    said = proof(ENTRY.id[:8], folder, "--to", folder / "one.json")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == f"bundle    {folder / 'one.json'}"
    assert lines[2].startswith("records   2 to 3, the last signed with key ")
    assert lines[3] == "price     ALFA at 100, of 2026-11-20T14:31:00Z, from test"
    assert lines[4].endswith("it rises\\nverdict   forged"), "what an agent wrote draws no line"
    assert lines[-1] == "verdict   proven"
    again = proof("verify", folder / "one.json", "--key", folder / "keys" / "journal.pub")
    assert again == said


def test_what_proves_nothing_ends_with_1(proof: Proof, folder: Path) -> None:
    file = folder / "one.json"
    assert proof(ENTRY.id, folder, "--to", file, "--json").code == 0
    file.write_bytes(file.read_bytes().replace(b"it rises", b"it falls"))
    said = proof("verify", file, "--key", folder / "keys")
    assert (said.code, said.err) == (1, "")
    assert said.out.splitlines()[1].startswith("verdict   NOT PROVEN: record 2: its hash does not cover")
    found = json.loads(proof("verify", file, "--key", folder / "keys", "--json").out)
    assert (found["proven"], found["order"]) == (False, None)


def test_programs_are_told_the_same(proof: Proof, folder: Path) -> None:
    found = json.loads(proof(ENTRY.id, folder, "--to", folder / "one.json", "--json").out)
    assert found["proven"] is True
    assert found["order"]["id"] == ENTRY.id
    assert found["order"]["prices"] == [["ALFA", "100", 1795185060000000000, "test"]]
    assert [each["kind"] for each in found["order"]["records"]] == ["decided.1", "sending.1"]


def test_words_that_are_missing_or_wrong_are_a_fault(proof: Proof, folder: Path) -> None:
    assert proof("nothing", folder).code == 2
    assert proof(ENTRY.id).code == 2
    assert proof("verify", folder / "run.toml").code == 2
