from pathlib import Path

from agenttrader.adapters.journal_file import journal_path
from agenttrader.adapters.memory_journal import MemoryJournal
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.ports.journal import Journal
from agenttrader.testing.journal_suite import ACCOUNT, DurableJournalSuite, JournalSuite


class TestMemoryJournal(JournalSuite):
    def open(self, folder: Path) -> Journal:
        del folder
        return MemoryJournal()


class TestSqliteJournal(DurableJournalSuite):
    def open(self, folder: Path) -> Journal:
        return SqliteJournal(
            journal_path(folder / "store", ACCOUNT),
            account=ACCOUNT,
            heads_folder=folder / "heads",
            key_folder=folder / "keys",
            head_every=3,
        )
