"""The state that the engine decides on: the journal folded, every part of it, by one function."""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

from agenttrader.model.breaks import Break
from agenttrader.model.events import (
    BreakFound,
    DayOpened,
    Decided,
    EquitySampled,
    Event,
    LinkChanged,
    Reconciled,
    SegmentOpened,
)
from agenttrader.model.identifiers import AgentName, OrderId, Symbol
from agenttrader.model.orders import Effect, OrderState
from agenttrader.model.records import Sealed
from agenttrader.model.times import MINUTE, Instant
from agenttrader.portfolio.book import Book
from agenttrader.runtime.standing import STANDING_EVENTS, Standing

_OF_STANDING = frozenset({SegmentOpened, BreakFound, Reconciled, LinkChanged, *STANDING_EVENTS})


class State:
    """Everything that the journal says, as of its last record."""

    def __init__(self, multipliers: Mapping[Symbol, Decimal]) -> None:
        self.book = Book(multipliers)
        self.standing = Standing()
        self.segment: SegmentOpened | None = None
        self.day: DayOpened | None = None
        self.equity: EquitySampled | None = None
        self.reconciled: Reconciled | None = None
        """The last comparison of this segment; a restart has none until it has compared."""
        self.links: dict[str, LinkChanged] = {}
        self.version = 0
        """Moves with every record that can change whether something may leave."""
        self.last_time = Instant(0)
        self.closing: dict[OrderId, None] = {}
        """Orders of the closing procedure that wait for their position's protection to end."""
        self._found: list[Break] = []
        self._decided: dict[AgentName, deque[Instant]] = {}
        self._decided_in_account: deque[Instant] = deque()

    def apply(self, sealed: Sealed[Event]) -> None:
        """Fold one record."""
        self.last_time = max(self.last_time, sealed.time)
        self.book.apply(sealed)
        event = sealed.event
        match event:
            case Decided():
                self._count(event, sealed.time)
            case EquitySampled():
                self.equity = event
            case DayOpened():
                self.day = event
            case _ if type(event) in _OF_STANDING:
                self._apply_to_standing(event, sealed.time)
            case _:
                pass

    def _apply_to_standing(self, event: Event, time: Instant) -> None:
        """Fold what decides whether anything may leave; `version` moves with it."""
        self.version += 1
        match event:
            case SegmentOpened():
                self.segment, self.reconciled, self.links = event, None, {}
            case BreakFound():
                self._found.append(event.found)
            case Reconciled():
                self.reconciled = event
            case LinkChanged():
                self.links[event.link] = event
            case _:
                self.standing.apply(event, time)

    @property
    def breaks(self) -> tuple[Break, ...]:
        """What differs from the broker, or cannot be, and that nobody has settled."""
        compared = self.reconciled.breaks if self.reconciled is not None else ()
        return (*self._found, *compared)

    def decided_last_minute(self, agent: AgentName, now: Instant) -> tuple[int, int]:
        """How many proposals were decided in the minute before `now`: the agent's, and the account's."""
        return _recent(self._decided.get(agent, deque()), now), _recent(self._decided_in_account, now)

    def _count(self, decided: Decided, time: Instant) -> None:
        self._decided.setdefault(decided.proposal.agent, deque()).append(time)
        self._decided_in_account.append(time)
        if decided.proposal.effect is Effect.CLOSE and decided.decision.denied_by is None:
            self.closing[decided.proposal.id] = None

    def closing_orders(self) -> tuple[OrderId, ...]:
        """The approved closes that have not left yet; those that have are forgotten here."""
        orders = self.book.orders.by_id
        for order_id in [each for each in self.closing if orders[each].state is not OrderState.APPROVED]:
            del self.closing[order_id]
        return tuple(self.closing)


def _recent(times: deque[Instant], now: Instant) -> int:
    while times and times[0] <= now - MINUTE:
        times.popleft()
    return len(times)
