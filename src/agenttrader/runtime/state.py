"""The state that the engine decides on: the journal folded, every part of it, by one function."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import cast

from msgspec import structs

from agenttrader.model.approvals import ApprovalAsked, ApprovalGiven, ApprovalRefused
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import Decision
from agenttrader.model.events import (
    BreakFound,
    BreakSettled,
    CancelRequested,
    DayOpened,
    Decided,
    EquitySampled,
    Event,
    LinkChanged,
    Reconciled,
    Resumed,
    SegmentOpened,
    Sending,
    Withheld,
)
from agenttrader.model.identifiers import AgentName, OrderId, Symbol
from agenttrader.model.orders import Effect, OrderState, Proposal
from agenttrader.model.outside import ActedOutside, OrderAdopted
from agenttrader.model.records import Sealed
from agenttrader.model.ruling import LimitsLoosened, LimitTightened, LooseningSigned, RulingEvent
from agenttrader.model.times import MINUTE, Instant
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.breakers import Breakers
from agenttrader.runtime.comparisons import Comparisons
from agenttrader.runtime.entries import Entries
from agenttrader.runtime.foreign import is_foreign
from agenttrader.runtime.messages import Messages
from agenttrader.runtime.outside import Outside
from agenttrader.runtime.protection import Bare, bare_units
from agenttrader.runtime.ruling import Ruling
from agenttrader.runtime.standing import STANDING_EVENTS, Standing
from agenttrader.runtime.waiting import Approvals

_OF_STANDING = frozenset({SegmentOpened, BreakFound, BreakSettled, Reconciled, LinkChanged, *STANDING_EVENTS})

CORRECTED = frozenset({BreakKind.POSITION, BreakKind.CASH})
"""What is accepted by a correction of the book: the same difference again is a new one."""


class State:
    """Everything that the journal says, as of its last record."""

    def __init__(self, multipliers: Mapping[Symbol, Decimal]) -> None:
        self.book = Book(multipliers)
        self.standing = Standing()
        self.segment: SegmentOpened | None = None
        self.day: DayOpened | None = None
        self.overnight: frozenset[Symbol] = frozenset()
        """What was held as the day turned, until a comparison after it: a share may have split meanwhile."""
        self.equity: EquitySampled | None = None
        self.reconciled: Reconciled | None = None
        """The last comparison of this segment; a restart has none until it has compared."""
        self.agreed: Instant | None = None
        """The time of the last statement that our book agreed with, over restarts."""
        self.links: dict[str, LinkChanged] = {}
        self.version = 0
        """Moves with every record that can change whether something may leave."""
        self.last_time = Instant(0)
        self.closing: dict[OrderId, Order] = {}
        """Approved closes that wait for their position's protection to end; gone when they left, or ended."""
        self.parts: set[OrderId] = set()
        """Those of them that are for less than was held: what stays is to be protected again."""
        self.told: dict[Symbol, Decimal | None] = {}
        """The prices that the decisions of this segment say what is held was valued at."""
        self._flows_at_open = ZERO
        self.entries = Entries()
        """Those approved since the day opened."""
        self.messages = Messages()
        self.approvals = Approvals()
        self.ruling = Ruling()
        self.outside = Outside()
        self.comparisons = Comparisons()
        self.breakers = Breakers(self.book)
        self.bare: dict[Symbol, Bare] = {}
        """Since when something of a position is not protected; without those where nothing is."""
        self._touched = self.book.watch()
        self._stated: Reconciled | None = None
        """The last comparison of this segment that did not fail."""
        self._found: list[Break] = []
        self.uncompared: set[Break] = set()
        """Those of them that came after the last comparison."""
        self._explained: dict[Break, Instant] = {}
        """What a person accepted that changed no book, by when: told again, it is no news."""
        self._decided: dict[AgentName, deque[Instant]] = {}
        self._approved_in_account: deque[Instant] = deque()
        self._handlers: dict[type, Callable[[Sealed[Event]], None]] = {
            **self.book.handlers,
            Decided: self._apply_decided,
            ApprovalAsked: self._apply_asked,
            ApprovalGiven: self._apply_given,
            ApprovalRefused: self._apply_refused,
            Sending: self._apply_to_waiting,
            Withheld: self._apply_to_waiting,
            EquitySampled: self._apply_equity_sampled,
            DayOpened: self._apply_day_opened,
            CancelRequested: self._apply_cancel,
            ActedOutside: self._apply_acted_outside,
            OrderAdopted: self._apply_adopted,
            **dict.fromkeys((LimitTightened, LooseningSigned, LimitsLoosened), self._apply_ruling),
            **dict.fromkeys(_OF_STANDING, self._apply_to_standing),
        }

    def apply(self, sealed: Sealed[Event]) -> None:
        """Fold one record."""
        self.last_time = max(self.last_time, sealed.time)
        self.breakers.apply(sealed)
        kind = type(sealed.event)
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(sealed)
        if self._touched:
            self._time_protection(sealed.time)

    def forget(self, tried: Sequence[OrderId]) -> None:
        """Take back the last approvals, which were only tried: as if they had never been folded."""
        for order_id in reversed(tried):
            self.entries.forget(self.book.orders.by_id[order_id])
            order = self.book.orders.forget(order_id)
            self._decided[order.agent].pop()
            self._approved_in_account.pop()
            self.messages.forget(order.agent)

    def set_aside(self, order_id: OrderId) -> Proposal:
        """Take back what an entry that waited for a person counted for; the proposal, to be decided again.

        Once is enough, and folding the decision does so, too: after that record it is as if it never waited.
        """
        order = self.book.orders.by_id[order_id]
        if order.state is OrderState.PENDING_APPROVAL:
            self.entries.forget(order)
            for times in (self._decided[order.agent], self._approved_in_account):
                if order.updated in times:
                    times.remove(order.updated)
            self.book.orders.set_aside(order_id)
        return order.proposal

    def _time_protection(self, now: Instant) -> None:
        """Start the clock of what this record left bare, and stop that of what it left protected."""
        for symbol in self._touched:
            if not bare_units(self.book, symbol):
                self.bare.pop(symbol, None)
            elif symbol not in self.bare:
                self.bare[symbol] = Bare(now)
        self._touched.clear()

    def _apply_decided(self, sealed: Sealed[Event]) -> None:
        decided = cast("Sealed[Decided]", sealed)
        order_id, waiting = decided.event.order_id, self.approvals.waiting
        if waiting and order_id in waiting:
            self.set_aside(order_id)
            self.approvals.end(order_id)
        order = self.book.orders.decide(decided)
        self._count(order, decided.event.decision, sealed.time)
        if order.denied_by is None:
            self.messages.note(order.agent, sealed.time)
        if order.denied_by is None and order.effect is Effect.CLOSE:
            self.closing[order.id] = order
            if any(order.quantity * abs(leg.ratio) < (self.shared(leg.symbol) or ZERO) for leg in order.legs):
                self.parts.add(order.id)

    def _count(self, order: Order, decision: Decision, time: Instant) -> None:
        """Count what was decided, and what has been approved or waits for a person."""
        if decision.inputs.prices:
            self.told.update(decision.inputs.prices)
        agent = order.agent
        if agent not in self._decided:
            self._decided[agent] = deque()
        self._decided[agent].append(time)
        if decision.denied_by is None:
            self._approved_in_account.append(time)
            self.entries.note(order, time)

    def _apply_asked(self, sealed: Sealed[Event]) -> None:
        asked = cast("Sealed[ApprovalAsked]", sealed)
        self._count(self.book.orders.hold(asked), asked.event.shown.decision, sealed.time)
        self.approvals.ask(asked.event)

    def _apply_given(self, sealed: Sealed[Event]) -> None:
        given = cast("ApprovalGiven", sealed.event)
        self.standing.use(given.signed)
        self.approvals.give(given)

    def _apply_refused(self, sealed: Sealed[Event]) -> None:
        self.standing.use(cast("ApprovalRefused", sealed.event).signed)
        self._apply_to_waiting(sealed)

    def _apply_to_waiting(self, sealed: Sealed[Event]) -> None:
        """Fold what ends an order's waiting: it leaves, or never will."""
        self.book.apply(sealed)
        order_id = cast("Sending | Withheld | ApprovalRefused", sealed.event).order_id
        self.approvals.end(order_id)
        self.closing.pop(order_id, None)
        self.parts.discard(order_id)

    def _apply_equity_sampled(self, sealed: Sealed[Event]) -> None:
        self.equity = cast("EquitySampled", sealed.event)

    def _apply_day_opened(self, sealed: Sealed[Event]) -> None:
        if self.day is not None:
            self.overnight = frozenset(self.book.positions())
            self.version += 1
        self.day = cast("DayOpened", sealed.event)
        self.comparisons.days.begin(self.day)
        self.entries = self.entries.next_day(sealed.time)
        self._flows_at_open = self.book.flows

    def _apply_cancel(self, sealed: Sealed[Event]) -> None:
        self.book.apply(sealed)
        asked = cast("CancelRequested", sealed.event)
        self.messages.note_cancel(asked, self.book.orders.by_id[asked.order_id], sealed.time)

    def _apply_acted_outside(self, sealed: Sealed[Event]) -> None:
        self.outside.note(cast("ActedOutside", sealed.event))

    def _apply_adopted(self, sealed: Sealed[Event]) -> None:
        self.book.apply(sealed)
        self.outside.adopt(cast("OrderAdopted", sealed.event))

    def _apply_ruling(self, sealed: Sealed[Event]) -> None:
        signed = self.ruling.apply(cast("RulingEvent", sealed.event))
        if signed is not None:
            self.standing.use(signed)

    def _apply_to_standing(self, sealed: Sealed[Event]) -> None:
        """Fold what decides whether anything may leave; `version` moves with it."""
        self.version += 1
        event = sealed.event
        match event:
            case SegmentOpened():
                self.segment, self.reconciled, self._stated, self.links = event, None, None, {}
                self.comparisons.begin()
                self.ruling.begin(event)
                self.told.clear()
            case BreakFound():
                self._found.append(event.found)
                self.uncompared.add(event.found)
                clock = self.bare.get(event.found.symbol or Symbol(""))
                if clock is not None and event.found.kind is BreakKind.UNPROTECTED:
                    self.bare[event.found.symbol or Symbol("")] = Bare(clock.since, is_told=True)
            case BreakSettled():
                self._settle(event, sealed.time)
            case Reconciled():
                self.reconciled = event
                self.comparisons.note(event, sealed.time)
                if not event.failure:
                    self.overnight = frozenset()
                    self.uncompared.clear()
                    self.outside.compare()
                    self.agreed = self.agreed if event.breaks else event.statement_time
                    self._stated = event
            case LinkChanged():
                self.links[event.link] = event
            case Resumed():
                self.entries.resume(event.scope)
                self.standing.apply(event, sealed.time)
            case _:
                self.standing.apply(event, sealed.time)

    def _settle(self, settled: BreakSettled, time: Instant) -> None:
        """Fold the end of a break. What a person accepted stands in no comparison any more, either."""
        found = settled.found
        self._found = [each for each in self._found if each != found]
        self.uncompared.discard(found)
        if settled.signed is None:
            return
        self.standing.use(settled.signed)
        if found.kind not in CORRECTED or is_foreign(found):
            self._explained[found] = time
        if self._stated is not None:
            self._stated = _without(found, self._stated)
        if self.reconciled is not None:
            self.reconciled = _without(found, self.reconciled)

    def knows(self, found: Break, told: Instant) -> bool:
        """Whether the break is no news: it stands, or a person accepted it after it was `told`."""
        return found in self.breaks or told <= self._explained.get(found, Instant(-1))

    def unexplained(self, breaks: Sequence[Break]) -> tuple[Break, ...]:
        """Those of a comparison's `breaks` that no person has accepted."""
        return tuple([found for found in breaks if found not in self._explained])

    def left_of(self, breaks: Sequence[Break]) -> tuple[Break, ...]:
        """Those of a comparison's `breaks` that are somebody else's, and left to them by a person's word."""
        return tuple([found for found in breaks if found in self._explained and is_foreign(found)])

    @property
    def left(self) -> tuple[Break, ...]:
        """What is somebody else's, as last compared in this segment."""
        return () if self._stated is None else self._stated.left

    @property
    def found(self) -> tuple[Break, ...]:
        """Breaks that a report or a clock raised, not a comparison, and that nobody has settled."""
        return tuple(self._found)

    @property
    def breaks(self) -> tuple[Break, ...]:
        """What differs from the broker, or cannot be, and that nobody has settled."""
        compared = self.reconciled.breaks if self.reconciled is not None else ()
        return (*self._found, *compared)

    @property
    def day_start_equity(self) -> Decimal | None:
        """What the day's loss counts from: cash that came from outside since the open is no profit of it."""
        return None if self.day is None else self.day.equity + self.book.flows - self._flows_at_open

    def stated(self, symbol: Symbol) -> Decimal | None:
        """The broker's position in `symbol`, signed: as last compared, carried on by what has filled since.

        None before the first comparison of this segment: what it holds is not known.
        """
        if self._stated is None:
            return None
        for found in (*self._stated.breaks, *self._stated.left):
            if found.kind is BreakKind.POSITION and found.symbol == symbol:
                return self.book.position(symbol) + Decimal(found.theirs) - Decimal(found.ours)
        return self.book.position(symbol)

    def shared(self, symbol: Symbol) -> Decimal | None:
        """Units, unsigned, that our book and the broker both hold on the same side; None where not known."""
        ours, theirs = self.book.position(symbol), self.stated(symbol)
        if theirs is None:
            return None
        return min(abs(ours), abs(theirs)) if ours * theirs > 0 else ZERO

    def decided_last_minute(self, agent: AgentName, now: Instant) -> tuple[int, int]:
        """In the minute before `now`: how many the agent proposed, and how many of all were approved.

        What was denied went nowhere: counted for all, one agent's denials would keep the others out.
        """
        return _recent(self._decided.get(agent), now), _recent(self._approved_in_account, now)


def _without(found: Break, compared: Reconciled) -> Reconciled:
    """The comparison without what a person accepted: what is somebody else's is left to them from then on."""
    left = (*compared.left, found) if found in compared.breaks and is_foreign(found) else compared.left
    breaks = tuple([each for each in compared.breaks if each != found])
    return structs.replace(compared, breaks=breaks, left=left)


def _recent(times: deque[Instant] | None, now: Instant) -> int:
    if not times:
        return 0
    since = now - MINUTE
    while times and times[0] <= since:
        times.popleft()
    return len(times)
