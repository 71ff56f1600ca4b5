"""One line in, one decision out: read, decided once, on disk before it is told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from agenttrader.app.deciding.decider import Decider
from agenttrader.app.deciding.facts import Facts
from agenttrader.app.deciding.lines import LINE_BYTES_MAX, Line
from agenttrader.app.deciding.proposals import PARSE, SCHEMA, Malformed, Wanted, read_proposal
from agenttrader.app.deciding.records import APPROVE, Safety, line_of, record_of, refusal_of
from agenttrader.model.decisions import SwitchReading
from agenttrader.model.errors import BadValue
from agenttrader.model.events import Event
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
    """Answers lines, one after the other."""

    def __init__(self, decider: Decider, world: World, keeper: DecisionKeeper, tell: Tell) -> None:
        self._decider = decider
        self._world = world
        self._keeper = keeper
        self._tell = tell
        self._is_begun = False

    def answer(self, line: Line) -> bytes | None:
        """The decision on the line, which is on disk then; None for a proposal that was decided before."""
        wall = self._world.wall()
        self._decider.follow(self._world.records(self._decider.sequence))
        if not self._is_begun:
            self._decider.take_in(self._keeper.approved(rfc3339(wall)[:10]), self._now(wall))
            self._is_begun = True
        try:
            wanted = self._read(line)
            if self._keeper.is_decided(wanted.proposal_id):
                self._tell("proposal_duplicate_seen", {"proposal_id": wanted.proposal_id})
                return None
            return self._decide(wanted, wall)
        except Malformed as fault:
            return self._refuse(line, fault, wall)

    def _read(self, line: Line) -> Wanted:
        if not line.is_whole:
            raise Malformed(PARSE, f"expected a line of at most {LINE_BYTES_MAX} bytes, found a longer one")
        return read_proposal(line.content)

    def _decide(self, wanted: Wanted, wall: Instant) -> bytes:
        facts, now = self._world.facts(), self._now(wall)
        switches = self._switches()
        self._decider.see(facts)
        try:
            ruling = self._decider.rule(wanted, switches, now)
        except BadValue as error:
            raise Malformed(SCHEMA, str(error), wanted.proposal_id) from error
        record = record_of(wanted, ruling, self._safety(switches, facts, wall), wall)
        found = line_of(record)
        approved = self._decider.reserve(ruling, now) if record.decision == APPROVE else None
        self._keeper.append(rfc3339(wall)[:10], found, wanted.proposal_id, approved)
        self._tell(
            "execution_decision",
            {
                "proposal_id": wanted.proposal_id,
                "correlation_id": wanted.correlation_id,
                "decision": record.decision,
                "reject_reason_codes": record.reject_reason_codes,
            },
        )
        return found

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
