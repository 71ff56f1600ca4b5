from decimal import Decimal
from pathlib import Path

import pytest

from agenttrader.adapters.exit_checkpoints import FILE, ExitCheckpoints
from agenttrader.exits.acts import Tenancy
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName, Symbol

ACCOUNT = AccountName("SIM-1")
BESTS = {Tenancy(Symbol("ALFA"), 7): Decimal("104.50"), Tenancy(Symbol("BRVO"), 9): Decimal(71)}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "of" / "its" / "own"
    ExitCheckpoints(folder, ACCOUNT).write(BESTS)
    assert ExitCheckpoints(folder, ACCOUNT).read() == BESTS
    ExitCheckpoints(folder, ACCOUNT).write({})
    assert ExitCheckpoints(folder, ACCOUNT).read() == {}


@pytest.mark.parametrize(
    ("old", "new"),
    (("104.50", "194.50"), ("SIM-1", "SIM-2"), ("{", "["), ('"sequence"', '"sequenze"')),
)
def test_what_is_not_as_it_was_written_is_no_memory(old: str, new: str, tmp_path: Path) -> None:
    memory = ExitCheckpoints(tmp_path, ACCOUNT)
    memory.write(BESTS)
    file = tmp_path / FILE
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    assert memory.read() == {}


def test_where_there_is_none_or_another_accounts_nothing_is_remembered(tmp_path: Path) -> None:
    assert ExitCheckpoints(tmp_path, ACCOUNT).read() == {}
    ExitCheckpoints(tmp_path, AccountName("SIM-2")).write(BESTS)
    assert ExitCheckpoints(tmp_path, ACCOUNT).read() == {}


def test_a_disk_that_does_not_take_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(StoreError, match="expected to write the best prices"):
        ExitCheckpoints(tmp_path / "folder", ACCOUNT).write(BESTS)
