import hashlib
import json
import os
import sqlite3
import subprocess
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
from agenttrader.testing.events import filled, opened, sealed

CONFIGURATION = """
[account]
name = "SIM-1"

[store]
directory = "store"
heads_directory = "heads"
keys_directory = "keys"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run whose journal has four records."""
    (tmp_path / "run.toml").write_text(CONFIGURATION)
    with closing(
        SqliteJournal(
            tmp_path / "store" / "SIM-1.journal",
            account=AccountName("SIM-1"),
            heads_folder=tmp_path / "heads",
            key_folder=tmp_path / "keys",
        )
    ) as journal:
        journal.append(sealed(Chain(), opened(), filled(1), filled(2), filled(3)))
    return tmp_path


@pytest.fixture
def tampered(folder: Path) -> Path:
    with closing(sqlite3.connect(folder / "store" / "SIM-1.journal")) as connection:
        connection.execute("DROP TRIGGER records_unchanged")
        connection.execute("UPDATE records SET time = 5 WHERE sequence = 3")
        connection.commit()
    return folder


class Said(NamedTuple):
    """What a verb said, and how it ended."""

    code: int
    out: str
    err: str


Journal = Callable[..., Said]


@pytest.fixture
def journal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Journal:
    """`agenttrader journal` with these words."""

    def run(*words: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["agenttrader", "journal", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main.main()
        return Said(int(end.value.code or 0), *capsys.readouterr())

    return run


def test_a_sound_journal_ends_with_0(journal: Journal, folder: Path) -> None:
    said = journal("verify", folder)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[1] == "records   4, epoch 1"
    assert said.out.splitlines()[-1] == "verdict   verified"


def test_tampering_ends_with_1_and_names_the_record(journal: Journal, tampered: Path) -> None:
    said = journal("verify", tampered)
    assert (said.code, said.err) == (1, "")
    assert "verdict   NOT VERIFIED at record 3: its hash does not cover what stands in it" in said.out
    assert said.out.splitlines()[1] == "records   2 verified of 4, epoch 1"
    assert said.out.splitlines()[-1].startswith("next      keep the journal and its heads as they are")
    found = json.loads(journal("verify", tampered, "--json").out)
    assert (found["verified"], found["record"], found["records"], found["written"]) == (False, 3, 2, 4)
    assert found["journal"] == str(tampered / "store" / "SIM-1.journal")


def test_what_is_no_journal_is_a_fault_of_the_words(journal: Journal, tmp_path: Path) -> None:
    for verb in (("verify",), ("show",), ("export", tmp_path / "x.jsonl")):
        said = journal(verb[0], tmp_path / "missing", *verb[1:])
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"agenttrader: {tmp_path / 'missing'}: expected a run's folder")


def test_a_daily_export_that_is_stale_ends_with_1_and_one_that_was_brought_up_with_0(
    journal: Journal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with (folder / "run.toml").open("a") as file:
        file.write('audit_logs = "audit_logs"\n')
    said = journal("daily", folder)
    assert (said.code, said.err) == (1, "")
    assert "verdict   NOT CURRENT: it is stale: records 1 to 4 are missing" in said.out
    said = journal("daily", folder, "--catch-up")
    assert (said.code, said.out.splitlines()[-1]) == (0, "verdict   current")
    assert "1 files, 4 records added" in said.out
    found = json.loads(journal("daily", folder, "--json").out)
    assert (found["current"], found["records"], found["journal_records"], found["added"]) == (True, 4, 4, 0)


def test_records_are_shown_for_a_person_and_for_a_program(journal: Journal, folder: Path) -> None:
    said = journal("show", folder, "--kind", "filled", "--last", "2")
    assert said.code == 0
    assert [line.split()[:3] for line in said.out.splitlines()] == [
        ["3", "1970-01-01T00:00:03Z", "filled"],
        ["4", "1970-01-01T00:00:04Z", "filled"],
    ]
    lines = [
        json.loads(line) for line in journal("show", folder, "--order", "order-2", "--json").out.splitlines()
    ]
    assert [(line["sequence"], line["event"]["order_id"]) for line in lines] == [(3, "order-2")]


def test_a_folder_without_a_run_is_told_what_was_expected(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    for verb in (("verify",), ("show",), ("export", tmp_path / "x.jsonl")):
        said = journal(verb[0], tmp_path, *verb[1:])
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(
            f"agenttrader: {tmp_path}: expected a run's folder (with run.toml), found none"
        )


def test_an_order_that_is_not_there_is_not_an_empty_answer(journal: Journal, folder: Path) -> None:
    said = journal("show", folder, "--order", "zzz")
    assert (said.code, said.out) == (1, "")
    assert "found 'zzz': no such order" in said.err
    assert journal("show", folder, "--order", "order-2", "--kind", "halted") == Said(0, "", "")


def test_the_showing_ends_at_the_record_that_does_not_hold(journal: Journal, tampered: Path) -> None:
    said = journal("show", tampered)
    assert said.code == 1
    assert len(said.out.splitlines()) == 2
    assert said.err.startswith("agenttrader: record 3: its hash does not cover")


def test_an_export_goes_into_a_folder_or_a_file(journal: Journal, folder: Path, tmp_path: Path) -> None:
    said = journal("export", folder, tmp_path)
    assert said.code == 0
    assert said.out.splitlines()[1:3] == ["records   4", f"written   {tmp_path / 'SIM-1.jsonl'}"]
    digest = hashlib.sha256((tmp_path / "SIM-1.jsonl").read_bytes()).hexdigest()
    assert said.out.splitlines()[3] == f"sha256    {digest}"
    exported = json.loads(journal("export", folder, tmp_path / "other.jsonl", "--json").out)
    assert (exported["records"], exported["digest"]) == (4, digest)
    again = journal("export", folder, tmp_path)
    assert (again.code, again.out) == (2, "")
    assert "expected a new file for the export, found one" in again.err


def test_an_export_below_a_file_is_a_fault_of_the_words(
    journal: Journal, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").touch()
    for target in ("taken/x.jsonl", "taken/below/x.jsonl"):
        said = journal("export", folder, tmp_path / target)
        assert (said.code, said.out) == (2, "")
        assert "expected a folder for the export, found a file on the way; name another" in said.err


@pytest.mark.parametrize("unbuffered", ("", "1"))
def test_a_reader_that_goes_away_is_no_fault(folder: Path, unbuffered: str) -> None:
    """`agenttrader journal show RUN | head`, whether it is noticed at the first line or at the end."""
    read, write = os.pipe()
    os.close(read)
    words = [
        sys.executable,
        "-c",
        "from agenttrader.cli.main import main; main()",
        "journal",
        "show",
        str(folder),
    ]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, check=False, env=environment)
    os.close(write)
    assert done.stderr == b""
