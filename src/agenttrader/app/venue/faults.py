"""The faults of one venue: what is planned, what has struck, and what strikes next.

Each planned fault counts what it may strike by itself and by lane (one client's requests of one kind, one
client's connection), so that neither another client nor another fault moves its draws. The faults of the
configuration are planned anew when the process starts; `origin`, where the venue then stands, is part of each
draw, so that a venue that started again does not meet the same fate at the same place for ever.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from typing import NoReturn, TypeVar

import structlog
from msgspec import Struct

from agenttrader.app.fault_kinds import Fault, FillFault, MessageFault, OrderFault, RequestFault
from agenttrader.model.errors import AgentTraderError, BadValue

PLANNED_MAX = 100
STRUCK_MAX = 10_000
"""How many strikes are remembered; their numbers go on."""

Lane = tuple[str | int, ...]
_Kind = TypeVar("_Kind", bound=Fault)

logger = structlog.get_logger()


class Ended(AgentTraderError):
    """The venue was told to end in mid-day. Its log is what it comes back from."""


class Planned(Struct, frozen=True, kw_only=True):
    """A fault under the number by which it is withdrawn, how often it came up, and how often it struck."""

    number: int
    fault: Fault
    seen: int
    struck: int


class Struck(Struct, frozen=True, kw_only=True):
    """One strike: by which planned fault (None where it was asked for at once), and what it hit."""

    number: int
    planned: int | None
    fault: str
    subject: str


class _Standing:
    """A planned fault with its counts."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.number = number
        self.fault = fault
        self.struck = 0
        self._seen: Counter[Lane] = Counter()

    def comes_up(self, seed: int, origin: int, lane: Lane) -> bool:
        """Count something that it may strike; whether it is drawn."""
        self._seen[lane] += 1
        if self.fault.times != "always" and self.struck >= self.fault.times:
            return False
        return self.fault.is_drawn(seed, origin, self.number, *lane, self._seen[lane])

    def told(self) -> Planned:
        """How it stands."""
        return Planned(number=self.number, fault=self.fault, seen=self._seen.total(), struck=self.struck)


class Faults:
    """All faults of one venue. Everything happens in one thread, so no count is torn."""

    def __init__(self, seed: int, origin: int, planned: Sequence[Fault] = ()) -> None:
        self.seed = seed
        self._origin = origin
        self._standing: dict[int, _Standing] = {}
        self._struck: deque[Struck] = deque(maxlen=STRUCK_MAX)
        self._last_planned = 0
        self._last_struck = 0
        self._ending = asyncio.Event()
        for fault in planned:
            self.plan(fault)

    def plan(self, fault: Fault) -> Planned:
        """Let it strike from now on. Raises BadValue where too many are planned."""
        if len(self._standing) >= PLANNED_MAX:
            raise BadValue(f"faults: expected at most {PLANNED_MAX} at once, found one more; withdraw some")
        self._last_planned += 1
        self._standing[self._last_planned] = _Standing(self._last_planned, fault)
        logger.info("fault_planned", number=self._last_planned, fault=fault.word)
        return self._standing[self._last_planned].told()

    def withdraw(self, number: int) -> Planned | None:
        """Let it strike no more; None where nothing is planned under that number."""
        standing = self._standing.pop(number, None)
        if standing is None:
            return None
        logger.info("fault_withdrawn", number=number, fault=standing.fault.word, struck=standing.struck)
        return standing.told()

    def planned(self) -> list[Planned]:
        """Everything that is planned; what has struck as often as it may stays until it is withdrawn."""
        return [standing.told() for standing in self._standing.values()]

    def struck(self, after: int = 0) -> list[Struck]:
        """What has struck since number `after`, as far as it is remembered."""
        return [struck for struck in self._struck if struck.number > after]

    def stands(self, number: int) -> bool:
        """Whether the fault under that number is planned still."""
        return number in self._standing

    def of_request(self, line: str, lane: Lane) -> RequestFault | None:
        """What strikes a request; `line` is its method and path."""
        found = [(each, each.fault) for each in self._all() if isinstance(each.fault, RequestFault)]
        first = self._first(found, line, lane, hit=line)
        return None if first is None else first[1]

    def of_message(self, event: str, lane: Lane) -> tuple[int, MessageFault] | None:
        """What strikes a message of the stream, with its number; `event` is its word."""
        found = [(each, each.fault) for each in self._all() if isinstance(each.fault, MessageFault)]
        return self._first(found, event, lane, hit=event)

    def of_order(self, symbol: str, order_id: str) -> OrderFault | None:
        """What strikes an order that was just accepted; each is asked for once."""
        found = [(each, each.fault) for each in self._all() if isinstance(each.fault, OrderFault)]
        first = self._first(found, symbol, (order_id,), hit=order_id)
        return None if first is None else first[1]

    def of_fill(self, symbol: str, execution_id: str) -> FillFault | None:
        """What strikes an execution that was just told; each is asked for once."""
        found = [(each, each.fault) for each in self._all() if isinstance(each.fault, FillFault)]
        first = self._first(found, symbol, (execution_id,), hit=execution_id)
        return None if first is None else first[1]

    def note(self, fault: str, subject: str, planned: int | None = None) -> Struck:
        """Remember that a fault struck, and log it."""
        self._last_struck += 1
        struck = Struck(number=self._last_struck, planned=planned, fault=fault, subject=subject)
        self._struck.append(struck)
        logger.warning("fault_struck", number=struck.number, planned=planned, fault=fault, subject=subject)
        return struck

    def end(self) -> None:
        """Let the venue's process end, for whoever watches it to start it again."""
        self._ending.set()

    async def until_ended(self) -> NoReturn:
        """Wait to be told to end. Raises Ended, with which the process ends."""
        await self._ending.wait()
        raise Ended("venue: a fault told it to end in mid-day; its log is whole: start it again")

    def _all(self) -> list[_Standing]:
        return list(self._standing.values())

    def _first(
        self, candidates: Sequence[tuple[_Standing, _Kind]], subject: str, lane: Lane, *, hit: str
    ) -> tuple[int, _Kind] | None:
        """The first that strikes, by number. All are drawn, so that none changes the others' draws."""
        drawn = [
            (standing, fault)
            for standing, fault in candidates
            if standing.fault.names(subject) and standing.comes_up(self.seed, self._origin, lane)
        ]
        if not drawn:
            return None
        standing, fault = drawn[0]
        standing.struck += 1
        self.note(fault.word, hit, standing.number)
        return standing.number, fault
