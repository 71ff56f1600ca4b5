from contextlib import closing
from pathlib import Path

import pytest

from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.app.journals.verify import verify
from agenttrader.app.journals.wiring import find_archive
from agenttrader.model.errors import ConfigurationError, StoreError
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Chain
from agenttrader.testing.events import filled, opened, sealed

CONFIGURATION = """
[account]
name = "SIM-1"

[store]
directory = "store"
heads_directory = "outside/heads"
keys_directory = "keys"

[limits_of_another_release]
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run whose journal has two records."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.toml").write_text(CONFIGURATION)
    with closing(
        SqliteJournal(
            folder / "store" / "SIM-1.journal",
            account=AccountName("SIM-1"),
            heads_folder=folder / "outside" / "heads",
            key_folder=folder / "keys",
        )
    ) as journal:
        journal.append(sealed(Chain(), opened(), filled(1)))
    return folder


@pytest.mark.parametrize("words", ("", "run.toml", "store/SIM-1.journal"))
def test_a_folder_a_configuration_and_the_file_mean_the_same(run: Path, words: str) -> None:
    verified = verify(run / words)
    assert (verified.found.verified, verified.found.records) == (True, 2)
    assert (verified.journal, verified.heads) == (run / "store" / "SIM-1.journal", run / "outside" / "heads")
    assert [record.sequence for record in find_archive(run / words).read(1)] == [2]


def test_a_path_may_be_relative(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run / "store")
    for words in ("SIM-1.journal", "..", "../run.toml"):
        assert verify(Path(words)).found.verified
    monkeypatch.chdir(run)
    assert verify(Path()).found.verified


def test_a_copy_is_verified_against_what_it_is_told(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "copy.db"
    copy.parent.mkdir()
    copy.write_bytes((run / "store" / "SIM-1.journal").read_bytes())
    with pytest.raises(ConfigurationError, match="Give --heads FOLDER and --key FILE"):
        verify(copy)
    heads = run / "outside" / "heads" / "SIM-1.journal.heads"
    for key in (run / "keys", run / "keys" / "journal.pub"):
        assert verify(copy, heads, key).found.verified
    assert [record.sequence for record in find_archive(copy).read()] == [1, 2]


def test_other_heads_go_before_the_configurations(run: Path, tmp_path: Path) -> None:
    found = verify(run, heads=tmp_path / "nothing").found
    assert (found.verified, found.record) == (False, 2)


def test_what_names_no_journal_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="missing: expected a run's folder, its configuration or a journal's"
    ):
        find_archive(tmp_path / "missing")
    with pytest.raises(
        ConfigurationError, match="expected a run's folder with one configuration, found none"
    ):
        find_archive(tmp_path)
    (run / "second.toml").write_text("")
    with pytest.raises(ConfigurationError, match=r"with one configuration, found run\.toml, second\.toml"):
        find_archive(run)
    with pytest.raises(ConfigurationError, match=r"second\.toml: store: expected a table"):
        find_archive(run / "second.toml")
    (run / "second.toml").write_text(CONFIGURATION.replace('name = "SIM-1"', ""))
    with pytest.raises(ConfigurationError, match=r"\[account\] name: expected a text"):
        find_archive(run / "second.toml")


def test_a_run_without_a_journal_says_so(run: Path) -> None:
    (run / "store" / "SIM-1.journal").unlink()
    with pytest.raises(StoreError, match="expected a journal, found no such file"):
        verify(run)
