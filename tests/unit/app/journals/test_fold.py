"""`journal fold`, as it is typed: what it keeps is what the gateway's next start reads."""

import json
import sys
from pathlib import Path

import pytest

from agenttrader.adapters.journal_beside import JournalBeside
from agenttrader.adapters.journal_file import journal_path
from agenttrader.app.config import Configuration
from agenttrader.cli import main
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.testing.builders import ACCOUNT, proposal
from agenttrader.testing.recorded_run import configured, keep, trading_by


@pytest.fixture
def run(tmp_path: Path) -> Configuration:
    """A run in which an entry was decided."""
    configuration = configured(tmp_path)
    driver = trading_by(configuration)
    driver.propose(proposal(1))
    keep(configuration, driver)
    return configuration


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["agenttrader", "journal", "fold", *words])
        with pytest.raises(SystemExit) as end:
            main.main()
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


def journal_of(run: Configuration) -> Path:
    return journal_path(run.path(run.store.directory), ACCOUNT)


def test_it_keeps_a_fold_and_reads_it_the_next_time(
    capsys: pytest.CaptureFixture[str], run: Configuration
) -> None:
    code, said, _ = typed(capsys, str(run.folder), "--json")
    found = json.loads(said)
    assert (code, found["of_which_kept"], found["thrown_away"]) == (ExitCode.DONE, 0, "")
    beside = JournalBeside(journal_of(run), ACCOUNT, run.path(run.store.keys_directory))
    kept = beside.snapshot()
    assert kept is not None
    assert (kept.sequence, kept.head) == (found["records"], beside.hash_at(found["records"]))
    before = Path(found["file"]).stat()
    code, said, _ = typed(capsys, str(run.folder))
    assert code == ExitCode.DONE
    assert f"records   {kept.sequence}, {kept.sequence} of them read from the last fold\n" in said
    assert "not used" not in said
    assert Path(found["file"]).stat().st_ino == before.st_ino  # Nothing was to be written.


def test_what_was_there_and_is_of_no_use_is_said(
    capsys: pytest.CaptureFixture[str], run: Configuration
) -> None:
    journal_of(run).with_name(f"{ACCOUNT}.journal.fold").write_text("no fold")
    code, said, _ = typed(capsys, str(run.folder))
    assert code == ExitCode.DONE
    assert ", 0 of them read from the last fold\nnot used  " in said
    assert "expected a fold that our key signed, found another" in said


def test_without_a_journal_there_is_nothing_to_fold(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    configured(tmp_path)
    code, _, said = typed(capsys, str(tmp_path))
    assert code == ExitCode.USAGE
    assert "expected a journal, found none; start the run first" in said
