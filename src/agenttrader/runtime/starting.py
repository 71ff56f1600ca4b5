"""What a start folds: the whole chain, or the last fold that was written down and what came after it.

The chain is walked from its first record in either case, and a finding stops the start. A fold is used only
where our key signed it, this program made it, and the chain holds up to the very record that it names; one
that our key signed and whose record is another says that the chain was made anew. What is not to be used is
said aloud, and the chain is folded.
"""

from collections.abc import Mapping
from decimal import Decimal

import structlog
from msgspec import Struct

from agenttrader.model.errors import BadValue, StoreError
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.records import Chain
from agenttrader.model.times import SECOND
from agenttrader.ports.clock import BootClock
from agenttrader.ports.journal import FoldedJournal, Snapshot, require_record
from agenttrader.runtime.kept_state import state_of_bytes, state_to_bytes
from agenttrader.runtime.recovery import fold_on, nothing_collected
from agenttrader.runtime.state import State

KEEP_AFTER_RECORDS = 10_000
"""A fold is written down when so many records came after the last that was: some 0.2 s of folding."""

logger = structlog.get_logger()


class Folded(Struct):
    """A fold, the end of its chain, and up to which record it was read as it had been written down."""

    state: State
    chain: Chain
    kept: int
    thrown_away: str
    """Why a fold that was written down was not used; empty where it was, and where there was none."""


class Folding:
    """How one journal is folded at a start, and written down where that saves the next start much."""

    def __init__(
        self,
        journal: FoldedJournal,
        multipliers: Mapping[Symbol, Decimal],
        made_by: Digest,
        clock: BootClock,
        keep_after: int = KEEP_AFTER_RECORDS,
    ) -> None:
        """`made_by` is a digest of all by which is folded here: what was folded by another is of no use."""
        self._journal = journal
        self._multipliers = multipliers
        self._made_by = made_by
        self._clock = clock
        self._keep_after = keep_after
        self._kept = 0
        """The last record that the fold which was written down goes up to."""

    def start(self) -> tuple[State, Chain]:
        """The state that the journal says, and the end of its chain; what it took is logged.

        Raises TamperingFound where the chain does not hold.
        """
        since = self._clock.elapsed()
        found = self.fold()
        if found.thrown_away:
            logger.warning("fold_thrown_away", reason=found.thrown_away)
        logger.info(
            "journal_folded",
            records=found.chain.sequence,
            of_which_kept=found.kept,
            epoch=0 if found.state.segment is None else found.state.segment.epoch,
            seconds=round((self._clock.elapsed() - since) / SECOND, 3),
        )
        self.keep(found.state, found.chain)
        return found.state, found.chain

    def fold(self) -> Folded:
        """The same, and how it came to be. Raises TamperingFound where the chain does not hold."""
        with nothing_collected():
            found = self._begin()
            fold_on(self._journal, found.state, found.chain)
        self._kept = found.kept
        return found

    def keep(self, state: State, chain: Chain) -> None:
        """Write the fold down where much came after the last one; that it cannot be is said and no harm."""
        if chain.sequence - self._kept < self._keep_after:
            return
        since = self._clock.elapsed()
        try:
            size = self.write(state, chain)
        except (StoreError, BadValue) as error:
            # The next start folds more: it says so itself.
            logger.warning("fold_not_kept", reason=str(error))
            return
        logger.info(
            "fold_kept",
            records=chain.sequence,
            bytes=size,
            seconds=round((self._clock.elapsed() - since) / SECOND, 3),
        )

    def write(self, state: State, chain: Chain) -> int:
        """Write the fold down; how many bytes it has.

        Raises StoreError where it cannot be written, BadValue where something of it has no shape.
        """
        body = state_to_bytes(state)
        self._journal.keep(
            Snapshot(sequence=chain.sequence, head=chain.head, made_by=self._made_by, body=body)
        )
        self._kept = chain.sequence
        return len(body)

    def _begin(self) -> Folded:
        reason = ""
        try:
            found = self._journal.snapshot()
            state = None if found is None else self._state_of(found)
        except BadValue as error:
            found, state, reason = None, None, str(error)
        if found is None or state is None:
            return Folded(State(self._multipliers), Chain(), 0, reason)
        require_record(found.sequence, found.head, self._journal.hash_at(found.sequence))
        return Folded(state, Chain(found.sequence, found.head), found.sequence, "")

    def _state_of(self, found: Snapshot) -> State:
        if found.made_by != self._made_by:
            raise BadValue(
                "expected a fold by this program and these multipliers of the instruments, found another's"
            )
        return state_of_bytes(found.body, self._multipliers)
