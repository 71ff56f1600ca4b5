"""What every journal must do, as tests: subclass, say how one is opened, and let pytest collect the subclass.

A journal that outlives its process passes `DurableJournalSuite` too.
"""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.model.errors import StoreError
from agenttrader.model.events import Event, SegmentOpened, SegmentSealed
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.times import Instant
from agenttrader.ports.journal import Journal
from agenttrader.testing.events import events, filled, instants, opened, sealed

ACCOUNT = AccountName("SIM-1")

_dated_events = st.lists(st.tuples(events(), instants()), max_size=8)


class JournalSuite(ABC):
    """The promises of `ports.journal.Journal`."""

    @abstractmethod
    def open(self, folder: Path) -> Journal:
        """The journal of ACCOUNT in `folder`, an empty folder the first time; no segment is open yet."""

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """A new journal, closed at the end."""
        with tempfile.TemporaryDirectory() as folder:
            journal = self.open(Path(folder))
            try:
                yield journal
            finally:
                journal.close()

    def test_reads_back_what_was_appended(self) -> None:
        """In order, record by record, whatever the events and however they came in batches."""

        # Inside, because Hypothesis wants one test class a test, and a suite has many.
        @given(batches=st.lists(_dated_events, max_size=4))
        @settings(deadline=None, max_examples=25)
        def check(batches: list[list[tuple[Event, Instant]]]) -> None:
            with self.journal() as journal:
                _append_and_read(journal, batches)

        check()

    def test_is_empty_at_first(self) -> None:
        """No records, and nothing to sign."""
        with self.journal() as journal:
            journal.sign_head()
            assert list(journal.read()) == []

    def test_takes_an_empty_batch(self) -> None:
        """It changes nothing."""
        with self.journal() as journal:
            assert journal.append([]) == ()
            assert list(journal.read()) == []

    def test_takes_all_or_nothing(self) -> None:
        """A batch with a gap anywhere in it leaves no record behind, and the right one can follow."""
        chain = Chain()
        first = sealed(chain, opened(ACCOUNT), filled(1))
        batch = sealed(chain, filled(2), filled(3), filled(4))
        with self.journal() as journal:
            journal.append(first)
            with pytest.raises(StoreError, match="expected record 4"):
                journal.append([batch[0], batch[2]])
            assert list(journal.read()) == first
            journal.append(batch)
            assert list(journal.read()) == first + batch

    def test_refuses_gaps_repeats_and_forks(self) -> None:
        """Each in words that name what was expected, and each without a trace."""
        chain = Chain()
        records = sealed(chain, opened(ACCOUNT), filled(1), filled(2))
        fork = sealed(Chain(1, records[0].hash), filled(9), filled(10))[1]
        skipping = sealed(Chain(3, records[1].hash), filled(9))
        with self.journal() as journal:
            journal.append(records[:2])
            for wrong in (sealed(chain, filled(3)), records[1:2], records[:1], [fork], skipping):
                with pytest.raises(StoreError, match=r"expected record 3 .* a gap or a fork"):
                    journal.append(wrong)
            assert list(journal.read()) == records[:2]

    def test_refuses_records_without_a_segment(self) -> None:
        """Before one is opened and after it was sealed: a process says what it runs before it records."""
        chain = Chain()
        with self.journal() as journal:
            with pytest.raises(StoreError, match="expected an open segment"):
                journal.append(sealed(Chain(), filled(1)))
            journal.append(
                sealed(chain, opened(ACCOUNT), filled(1), SegmentSealed(reason="the session ended"))
            )
            with pytest.raises(StoreError, match="expected an open segment"):
                journal.append(sealed(Chain(chain.sequence, chain.head), filled(2)))
            journal.append(sealed(chain, opened(ACCOUNT, epoch=2), filled(2)))
            assert [record.kind for record in journal.read(3)] == ["segment_opened.1", "filled.1"]

    def test_signs_heads_and_goes_on(self) -> None:
        """As often as it is asked, twice at one place too."""
        chain = Chain()
        with self.journal() as journal:
            journal.append(sealed(chain, opened(ACCOUNT)))
            journal.sign_head()
            journal.sign_head()
            journal.append(sealed(chain, filled(1)))
            journal.sign_head()
            assert [record.sequence for record in journal.read()] == [1, 2]

    def test_closes_twice(self) -> None:
        """As once."""
        with self.journal() as journal:
            journal.close()


class DurableJournalSuite(JournalSuite):
    """What a journal that outlives its process promises besides."""

    def test_goes_on_after_it_was_opened_again(self, tmp_path: Path) -> None:
        """The chain continues; the new process opens a segment of the next epoch before anything else."""
        chain = Chain()
        written: list[Sealed[Event]] = []
        for epoch in (1, 2, 3):
            journal = self.open(tmp_path)
            assert list(journal.read()) == written
            with pytest.raises(StoreError, match="expected an open segment"):
                journal.append(sealed(Chain(chain.sequence, chain.head), filled(0)))
            records = sealed(chain, opened(ACCOUNT, epoch), filled(epoch))
            journal.append(records)
            written += records
            journal.close()

    def test_takes_an_epoch_that_a_fence_made_higher(self, tmp_path: Path) -> None:
        """Epochs grow; what lies between two may be left out."""
        chain = Chain()
        for epoch in (1, 4):
            journal = self.open(tmp_path)
            journal.append(sealed(chain, opened(ACCOUNT, epoch), filled(epoch)))
            assert len(list(journal.read())) == chain.sequence
            journal.close()

    @pytest.mark.parametrize("segment", (opened(ACCOUNT, epoch=1), opened("SIM-2", epoch=2)))
    def test_refuses_another_epoch_or_account(self, tmp_path: Path, segment: SegmentOpened) -> None:
        """One file holds one account, and its epochs grow."""
        chain = Chain()
        for records in ([opened(ACCOUNT), filled(1)], [segment]):
            journal = self.open(tmp_path)
            batch: Sequence[Sealed[Event]] = sealed(chain, *records)
            if records[0] is segment:
                with pytest.raises(StoreError, match="of account SIM-1 in an epoch above 1"):
                    journal.append(batch)
            else:
                journal.append(batch)
            journal.close()


def _append_and_read(journal: Journal, batches: list[list[tuple[Event, Instant]]]) -> None:
    chain = Chain()
    written = sealed(chain, opened(ACCOUNT))
    assert [recorded.sealed for recorded in journal.append(written)] == written
    for batch in batches:
        records = [chain.seal(event, time) for event, time in batch]
        assert [recorded.sealed for recorded in journal.append(records)] == records
        written += records
    assert list(journal.read()) == written
    for after in range(len(written) + 1):
        assert list(journal.read(after)) == written[after:]
