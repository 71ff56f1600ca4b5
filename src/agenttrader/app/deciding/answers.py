"""One line in, one decision out: read, decided once, on disk before it is told.

What needs a person waits in between: it is decided again when persons have said yes, and rejected when one
says no or it may wait no longer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from agenttrader.app.deciding.decider import Decider
from agenttrader.app.deciding.facts import Facts
from agenttrader.app.deciding.holding import WaitingKeeper, entry_of
from agenttrader.app.deciding.lines import LINE_BYTES_MAX, Line
from agenttrader.app.deciding.proposals import PARSE, SCHEMA, Malformed, Wanted, read_proposal
from agenttrader.app.deciding.records import (
    APPROVE,
    DecisionRecord,
    Safety,
    line_of,
    record_of,
    record_of_end,
    refusal_of,
    waits_for_persons,
)
from agenttrader.model.approvals import ApprovalGiven
from agenttrader.model.authority import SignedStatement
from agenttrader.model.decisions import SwitchReading
from agenttrader.model.errors import BadValue, StoreError
from agenttrader.model.events import Event
from agenttrader.model.identifiers import OrderId, derive_proposed_id
from agenttrader.model.records import Sealed
from agenttrader.model.times import SECOND, Instant, rfc3339

Tell = Callable[[str, Mapping[str, object]], None]
"""Says what happens, by its `intent_type`, to whoever watches."""


class DecisionKeeper(Protocol):
    """Where decisions are kept, and which were made."""

    def is_decided(self, proposal_id: str) -> bool:
        """Whether the proposal was decided, in this run or in one before."""
        ...

    def append(self, day: str, line: bytes, proposal_id: str | None, approved: bytes | None = None) -> None:
        """Keep the line, with what was `approved`; StoreError where it cannot be: then nothing is told."""
        ...

    def approved(self, day: str) -> Sequence[bytes]:
        """What was approved on that day; StoreError where it cannot be read."""
        ...


class World(Struct, frozen=True, kw_only=True):
    """What is read anew for each proposal, and what stood at the start."""

    wall: Callable[[], Instant]
    records: Callable[[int], Iterable[Sealed[Event]]]
    """The gateway's records above a sequence."""
    switches: Callable[[int], Mapping[str, SwitchReading]]
    """The wired switches, for a gateway of an epoch."""
    facts: Callable[[], Facts]
    by_data: bool
    """Whether the gateway goes by the time of its data: then its last record says what the time is."""
    mode: str
    """The word of the environment."""
    data_told: Instant | None
    """When the market data were last heard, as the environment said at the start."""
    data_age_seconds_max: int


class Answers:
    """Answers lines, one after the other, and attends to what waits for a person."""

    def __init__(
        self,
        decider: Decider,
        world: World,
        keeper: DecisionKeeper,
        waiting: WaitingKeeper,
        tell: Tell,
    ) -> None:
        self._decider = decider
        self._world = world
        self._keeper = keeper
        self._waiting = waiting
        self._tell = tell
        self._is_begun = False
        self._shown: dict[OrderId, bytes] = {}
        """What the file of each that waits says."""

    def answer(self, line: Line) -> bytes | None:
        """The decision on the line, which is on disk then; None where none is made.

        That is a proposal that was decided before, or one that waits for a person.
        """
        wall = self._look()
        try:
            wanted = self._read(line)
            name = wanted.proposal_id
            if self._keeper.is_decided(name) or self._decider.holds.has(name):
                self._tell("proposal_duplicate_seen", {"proposal_id": name})
                return None
            return self._decide(wanted, wall)
        except Malformed as fault:
            return self._refuse(line, fault, wall)

    def attend(self) -> Iterator[bytes]:
        """The decisions on what waited for a person and does not any more, each on disk then."""
        if self._is_begun and not self._decider.holds.by_id:
            return
        wall = self._look()
        facts, switches, now = self._world.facts(), self._switches(), self._now(wall)
        self._decider.see(facts)
        safety = self._safety(switches, facts, wall)
        for name, why in self._decider.voided(switches, now):
            yield self._end(name, why, safety, wall)
        for file, envelope in self._waiting.words().items():
            outcome = self._decider.holds.hear(envelope, self._decider.rules(now), now)
            match outcome:
                case str():
                    self._tell("approval_word_refused", {"file": file, "fault": outcome})
                case ApprovalGiven():
                    self._show(outcome.order_id, now)
                    self._tell("approval_given", self._words_of(outcome.order_id, outcome.signed))
                    if self._decider.state.approvals.waiting[outcome.order_id].is_approved:
                        yield self._decide_again(outcome.order_id, switches, safety, wall)
                case SignedStatement():
                    name, said = self._decider.holds.of(outcome.statement.about), outcome.statement
                    self._tell("approval_refused", self._words_of(name, outcome))
                    why = f"denied by {said.person}: {said.reason}"
                    yield self._end(name, why, safety, wall, outcome.envelope)
            self._waiting.drop_word(file)
        for name in self._decider.holds.by_id:
            self._show(name, now)

    def _look(self) -> Instant:
        """Take in what the gateway recorded since and, once, what was here before; the wall's time."""
        wall = self._world.wall()
        self._decider.follow(self._world.records(self._decider.sequence))
        if not self._is_begun:
            now = self._now(wall)
            self._decider.take_in(self._keeper.approved(rfc3339(wall)[:10]), now)
            for content in self._waiting.read():
                self._take_in(content, now)
            self._is_begun = True
        return wall

    def _take_in(self, content: bytes, now: Instant) -> None:
        try:
            entry = entry_of(content)
        except (msgspec.MsgspecError, BadValue) as error:
            raise StoreError(
                f"waiting: expected the files as they were written, found one that is none: {error}. Look "
                "who wrote there, and take it away"
            ) from error
        if self._keeper.is_decided(entry.wanted.proposal_id):
            self._waiting.drop(entry.approval.order_id)
            return
        agent = entry.approval.shown.proposal.agent
        proposed = derive_proposed_id(agent, entry.wanted.proposal_id)
        self._decider.holds.take_in(entry, proposed, self._decider.rules(now), now)

    def _read(self, line: Line) -> Wanted:
        if not line.is_whole:
            raise Malformed(PARSE, f"expected a line of at most {LINE_BYTES_MAX} bytes, found a longer one")
        return read_proposal(line.content)

    def _decide(self, wanted: Wanted, wall: Instant) -> bytes | None:
        facts, now = self._world.facts(), self._now(wall)
        switches = self._switches()
        self._decider.see(facts)
        try:
            ruling = self._decider.rule(wanted, switches, now)
        except BadValue as error:
            raise Malformed(SCHEMA, str(error), wanted.proposal_id) from error
        record = record_of(wanted, ruling, self._safety(switches, facts, wall), wall)
        if waits_for_persons(record):
            name = self._decider.hold(wanted, ruling, now)
            if name is not None:
                self._show(name, now)
                self._tell("approval_asked", self._words_of(name))
                return None
        approved = self._decider.reserve(ruling, now) if record.decision == APPROVE else None
        return self._keep(record, wall, approved)

    def _decide_again(
        self, order_id: OrderId, switches: Mapping[str, SwitchReading], safety: Safety, wall: Instant
    ) -> bytes:
        now, held = self._now(wall), self._decider.holds.by_id[order_id]
        ruling = self._decider.rule_again(order_id, switches, now)
        record = record_of(held.wanted, ruling, safety, wall, held.words)
        approved = self._decider.reserve(ruling, now) if record.decision == APPROVE else None
        found = self._keep(record, wall, approved)
        self._forget(order_id)
        return found

    def _end(self, order_id: OrderId, why: str, safety: Safety, wall: Instant, *words: str) -> bytes:
        """Reject what waited."""
        now = self._now(wall)
        entry = self._decider.shown(order_id, now)
        held = self._decider.holds.end(order_id, now)
        record = record_of_end(entry, held.proposed, why, safety, wall, (*held.words, *words))
        found = self._keep(record, wall)
        self._forget(order_id)
        return found

    def _keep(self, record: DecisionRecord, wall: Instant, approved: bytes | None = None) -> bytes:
        """Keep the decision, and say that it was made."""
        found = line_of(record)
        self._keeper.append(rfc3339(wall)[:10], found, record.proposal_id, approved)
        self._tell(
            "execution_decision",
            {
                "proposal_id": record.proposal_id,
                "correlation_id": record.correlation_id,
                "decision": record.decision,
                "reject_reason_codes": record.reject_reason_codes,
            },
        )
        return found

    def _show(self, order_id: OrderId, now: Instant) -> None:
        """Let the file of what waits say how things are, and what was said."""
        content = msgspec.json.encode(self._decider.shown(order_id, now))
        if self._shown.get(order_id) != content:
            self._waiting.keep(order_id, content)
            self._shown[order_id] = content

    def _forget(self, order_id: OrderId) -> None:
        self._waiting.drop(order_id)
        self._shown.pop(order_id, None)

    def _words_of(self, order_id: OrderId, signed: SignedStatement | None = None) -> Mapping[str, object]:
        """What is said of one that waits, and of a person's word on it."""
        held, asked = (
            self._decider.holds.by_id[order_id],
            self._decider.state.approvals.waiting[order_id].asked,
        )
        return {
            "proposal_id": held.wanted.proposal_id,
            "order_id": order_id,
            "digest": asked.digest,
            "expires_at_utc": rfc3339(asked.shown.expires),
            **({} if signed is None else {"person": signed.statement.person}),
        }

    def _refuse(self, line: Line, fault: Malformed, wall: Instant) -> bytes:
        safety = self._safety(self._switches(), self._world.facts(), wall)
        found = line_of(refusal_of(line.content, fault, safety, wall))
        self._keeper.append(rfc3339(wall)[:10], found, None)
        self._tell(fault.kind, {"proposal_id": fault.proposal_id, "fault": str(fault)})
        return found

    def _now(self, wall: Instant) -> Instant:
        """The market's time: where nothing was recorded yet, the wall's."""
        last = self._decider.heard
        return last if self._world.by_data and last else wall

    def _switches(self) -> Mapping[str, SwitchReading]:
        segment = self._decider.state.segment
        return self._world.switches(0 if segment is None else segment.epoch)

    def _safety(self, switches: Mapping[str, SwitchReading], facts: Facts, wall: Instant) -> Safety:
        now = self._now(wall)
        told = [
            (time, reference)
            for time, reference in ((self._world.data_told, wall), (facts.newest, now))
            if time is not None
        ]
        last = max((time for time, _ in told), default=None)
        age_max = self._world.data_age_seconds_max * SECOND
        return Safety(
            kill_switch=self._decider.is_halted(switches, now),
            marketdata_fresh=any(0 <= reference - time <= age_max for time, reference in told),
            marketdata_last_ts=None if last is None else rfc3339(last),
            agent_mode=self._world.mode,
        )
