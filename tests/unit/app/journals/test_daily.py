"""Whether the daily export is whole and current, held against the journal."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.app.journals.daily import catch_up, check
from agenttrader.model.errors import ConfigurationError, TamperingFound
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
audit_logs = "audit_logs"
"""


def nap(_: int) -> None:
    pass


def journal(folder: Path) -> SqliteJournal:
    return SqliteJournal(
        folder / "store" / "SIM-1.journal",
        account=AccountName("SIM-1"),
        heads_folder=folder / "heads",
        key_folder=folder / "keys",
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run whose journal has four records."""
    (tmp_path / "run.toml").write_text(CONFIGURATION)
    with closing(journal(tmp_path)) as made:
        made.append(sealed(Chain(), opened(), filled(1), filled(2), filled(3)))
    return tmp_path


def export(run: Path) -> Path:
    (file,) = (run / "audit_logs" / "SIM-1").glob("*.jsonl")
    return file


def test_what_is_missing_is_stale_until_it_is_added(run: Path) -> None:
    found = check(run, nap)
    assert not found.is_current
    assert found.finding.startswith("it is stale: records 1 to 4 are missing")
    assert catch_up(run) == 4
    found = check(run, nap)
    assert found.is_current
    assert (found.records, found.journal_records, found.files) == (4, 4, 1)
    assert catch_up(run) == 0


def test_a_gateway_that_is_adding_is_waited_for(run: Path) -> None:
    naps: list[int] = []

    def sleep(seconds: int) -> None:
        naps.append(seconds)
        catch_up(run)

    assert check(run, sleep).is_current
    assert len(naps) == 1


def edit(run: Path, change: Callable[[bytes], bytes]) -> None:
    file = export(run)
    file.write_bytes(change(file.read_bytes()))


@pytest.mark.parametrize(
    ("change", "record", "said"),
    (
        (lambda text: text.replace(b"order-2", b"order-9"), 3, "its hash does not cover"),
        (lambda text: b"".join(text.splitlines(keepends=True)[::2]), 2, "it is missing"),
        (lambda text: b"".join(reversed(text.splitlines(keepends=True))), 1, "it is missing"),
        (lambda text: text.replace(b"\n", b"\n\n", 1), 2, "expected a record on its line"),
    ),
)
def test_what_is_not_as_it_was_written_is_named(
    change: Callable[[bytes], bytes], record: int, said: str, run: Path
) -> None:
    catch_up(run)
    edit(run, change)
    found = check(run, nap)
    assert (found.record, found.is_current) == (record, False)
    assert said in found.finding
    assert "audit_" in found.finding or said == "it is missing"


def test_a_tail_that_was_cut_is_stale(run: Path) -> None:
    catch_up(run)
    edit(run, lambda text: b"".join(text.splitlines(keepends=True)[:3]))
    assert check(run, nap).finding.startswith("it is stale: records 4 to 4 are missing")


def exchange(run: Path, *numbers: int) -> None:
    """Put another journal in the place of the run's."""
    for file in (*(run / "store").iterdir(), *(run / "heads").iterdir()):
        file.unlink()
    with closing(journal(run)) as other:
        other.append(sealed(Chain(), opened(), *(filled(number) for number in numbers)))


def test_another_journal_in_the_exports_place_is_found(run: Path) -> None:
    catch_up(run)
    exchange(run, 7)
    found = check(run, nap)
    assert (found.record, found.finding) == (3, "the journal ends with record 2: its tail was cut")
    exchange(run, 7, 8, 9)
    found = check(run, nap)
    assert found.record == 4
    assert found.finding.startswith("the journal gives it hash ")
    exchange(run, 7, 8, 9, 10)
    with pytest.raises(TamperingFound, match="record 5: it names"):
        catch_up(run)


def test_a_journal_that_is_damaged_is_no_copy_of_the_export(run: Path) -> None:
    catch_up(run)
    with closing(sqlite3.connect(run / "store" / "SIM-1.journal")) as connection:
        connection.execute("DROP TRIGGER records_unchanged")
        connection.execute("UPDATE records SET time = 5 WHERE sequence = 4")
        connection.commit()
    with pytest.raises(TamperingFound, match="record 4"):
        check(run, nap)


def test_where_no_export_is_configured_that_is_said(run: Path) -> None:
    (run / "run.toml").write_text(CONFIGURATION.replace('audit_logs = "audit_logs"\n', ""))
    with pytest.raises(ConfigurationError, match="expected a configuration that says where the daily export"):
        check(run, nap)
