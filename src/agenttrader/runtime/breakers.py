"""The breakers: what they go by, folded from the journal, and the latches that they ask for.

What was sampled, filled, rejected, answered and compared is all on record, and so is that a breaker tripped
and that a person resumed. So a restart forgets nothing, and what was due when a process died is recorded by
the next.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

from agenttrader.gateway.breakers import (
    KEPT,
    BreakerLimits,
    Tripped,
    by_comparisons,
    by_daily_loss,
    by_drawdown,
    by_errors,
    by_latency,
    by_losses,
    by_rejections,
)
from agenttrader.model.activities import ActivityKind
from agenttrader.model.authority import EVERYTHING, Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import (
    Accepted,
    AnswerLost,
    Busted,
    CashPosted,
    DayOpened,
    EquitySampled,
    Event,
    Filled,
    Halted,
    PositionAdjusted,
    Reconciled,
    Rejected,
    Resumed,
    SegmentOpened,
    Warned,
)
from agenttrader.model.identifiers import AccountName, AgentName
from agenttrader.model.orders import OrderState, Side
from agenttrader.model.records import Sealed
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.day_loss import DayLoss
from agenttrader.portfolio.high_water import HighWater
from agenttrader.portfolio.round_trips import Closed, RoundTrips

PREFIX = "breaker:"
"""How whoever halted is called where it was a breaker."""
DRAWDOWN, DAY, LOSSES = f"{PREFIX}drawdown", f"{PREFIX}daily_loss", f"{PREFIX}loss_streak"
REJECTIONS, LATENCY, ERRORS = f"{PREFIX}rejections", f"{PREFIX}broker_latency", f"{PREFIX}broker_errors"
COMPARISONS, STALE, CLOCK = f"{PREFIX}reconciliation", f"{PREFIX}stale_data", f"{PREFIX}clock"
FLATTENER = AgentName(DRAWDOWN)
"""As whom a breaker closes what is held. An agent that is configured under that name is itself."""


class Asked(NamedTuple):
    """What a breaker asked for, when, and why; ACTIVE where it only warned."""

    state: TradingState
    since: Instant
    reason: str


class Breakers:
    """What the breakers of one account go by. `book` is read as it was before each record."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.water = HighWater()
        self.day = DayLoss()
        self.losses: dict[AgentName, int] = {}
        """The round trips that each agent has lost since the last that it did not."""
        self.rejections: dict[AgentName, deque[Instant]] = {}
        """When the broker rejected orders of each agent, oldest first."""
        self.answers: deque[int | None] = deque(maxlen=KEPT)
        """Nanoseconds until the broker's first word on each order, oldest first; None where none came."""
        self.errors: deque[Instant] = deque(maxlen=KEPT)
        """When the broker left an order without answer, or could not be compared with, oldest first."""
        self.breaking = 0
        """Comparisons that found a difference since the last that found none. One that failed is neither."""
        self.tripped: dict[tuple[str, Scope], Asked] = {}
        """What each breaker asked for last and no person has lifted."""
        self._round_trips = RoundTrips()
        self._is_own = False
        """Whether what is UNKNOWN now was sent by the process that writes."""
        self._stale = False
        """Whether something has changed that was not judged yet."""
        self._handlers: dict[type, Callable[[Sealed[Event]], None]] = {
            DayOpened: self._opened,
            EquitySampled: self._sampled,
            CashPosted: self._posted,
            Filled: self._filled,
            Busted: self._busted,
            PositionAdjusted: self._adjusted,
            Rejected: self._rejected,
            Accepted: self._answered,
            AnswerLost: self._answered,
            SegmentOpened: self._began,
            Reconciled: self._compared,
            Halted: self._tripped,
            Warned: self._tripped,
            Resumed: self._resumed,
        }

    def apply(self, sealed: Sealed[Event]) -> None:
        """Fold one record, before the book does."""
        handler = self._handlers.get(type(sealed.event))
        if handler is not None:
            handler(sealed)
            self._stale = True

    def due(self, limits: BreakerLimits, account: AccountName) -> Iterator[Event]:
        """What has to go on record now: a warning, or a latch that no latch of the same breaker covers."""
        if not self._stale:
            return
        self._stale = False
        for name, scope, tripped in self._judged(limits, account):
            if tripped is None:
                continue
            before = self.tripped.get((name, scope))
            if before is not None and before.state.severity >= tripped.state.severity:
                continue
            if tripped.state is TradingState.ACTIVE:
                yield Warned(scope=scope, by=name, reason=tripped.reason)
            else:
                yield Halted(scope=scope, state=tripped.state, by=name, reason=tripped.reason)

    def _judged(
        self, limits: BreakerLimits, account: AccountName
    ) -> Iterator[tuple[str, Scope, Tripped | None]]:
        everybody = Scope(ScopeKind.ACCOUNT, account)
        yield DRAWDOWN, everybody, by_drawdown(limits, self.water.drawdown())
        yield DAY, everybody, by_daily_loss(limits, self.day.loss())
        yield LATENCY, everybody, by_latency(limits, tuple(self.answers))
        yield ERRORS, everybody, by_errors(limits, self.errors)
        yield COMPARISONS, everybody, by_comparisons(limits, self.breaking)
        for agent, losses in self.losses.items():
            yield LOSSES, Scope(ScopeKind.AGENT, agent), by_losses(limits, losses)
        for agent, times in self.rejections.items():
            yield REJECTIONS, Scope(ScopeKind.AGENT, agent), by_rejections(limits, times)

    # Equity.

    def _opened(self, sealed: Sealed[Event]) -> None:
        self.day.open(cast("DayOpened", sealed.event).equity)

    def _sampled(self, sealed: Sealed[Event]) -> None:
        equity = cast("EquitySampled", sealed.event).equity
        self.water.sample(equity, sealed.time)
        self.day.sample(equity, sealed.time)
        if not self.water.drawdown():
            self._rearm()

    def _posted(self, sealed: Sealed[Event]) -> None:
        activity = cast("CashPosted", sealed.event).activity
        if activity.kind is ActivityKind.TRANSFER:
            self.water.transfer(activity.amount)
            self.day.transfer(activity.amount)

    def _rearm(self) -> None:
        """Warn again of the next fall: the account has climbed out of the last."""
        warned = [key for key, asked in self.tripped.items() if asked.state is TradingState.ACTIVE]
        for key in warned:
            del self.tripped[key]

    # Round trips.

    def _filled(self, sealed: Sealed[Event]) -> None:
        self._answered(sealed)
        self._trade(cast("Filled", sealed.event), sign=1)

    def _busted(self, sealed: Sealed[Event]) -> None:
        """Hold again what a fill had closed, or no more what it opened. What was counted stays counted."""
        self._trade(self._book.executions[cast("Busted", sealed.event).execution_id], sign=-1)

    def _trade(self, fill: Filled, sign: int) -> None:
        order = self._book.orders.by_id[fill.order_id]
        self._closed(
            self._round_trips.trade(
                order.agent,
                [leg.symbol for leg in order.legs],
                fill.symbol,
                fill.quantity * (sign if fill.side is Side.BUY else -sign),
                fill.price * self._book.multiplier(fill.symbol),
                fill.fee * sign,
            )
        )

    def _adjusted(self, sealed: Sealed[Event]) -> None:
        event = cast("PositionAdjusted", sealed.event)
        quantity = sum((each.quantity for each in event.activities), ZERO)
        cash = sum((each.amount for each in event.activities), ZERO)
        self._closed(self._round_trips.adjust(event.symbol, quantity, cash))

    def _closed(self, closed: Closed | None) -> None:
        if closed is not None:
            lost = closed.net < 0
            self.losses[closed.agent] = self.losses.get(closed.agent, 0) + 1 if lost else 0

    # The broker.

    def _rejected(self, sealed: Sealed[Event]) -> None:
        self._answered(sealed)
        agent = self._book.orders.by_id[cast("Rejected", sealed.event).order_id].agent
        self.rejections.setdefault(agent, deque(maxlen=KEPT)).append(sealed.time)

    def _answered(self, sealed: Sealed[Event]) -> None:
        """Time the broker's first word on an order that is leaving, or that none came."""
        event = cast("Accepted | Rejected | Filled | AnswerLost", sealed.event)
        order = self._book.orders.by_id[event.order_id]
        if order.state is not OrderState.SENDING or order.is_leg:
            return
        if not isinstance(event, AnswerLost):
            self.answers.append(sealed.time - order.updated)
        elif self._is_own:
            self.answers.append(None)
            self.errors.append(sealed.time)

    def _began(self, _: Sealed[Event]) -> None:
        """What was leaving when the last process died was not answered because nobody listened."""
        self._is_own = False

    def _compared(self, sealed: Sealed[Event]) -> None:
        self._is_own = True
        compared = cast("Reconciled", sealed.event)
        if compared.failure:
            self.errors.append(sealed.time)
        else:
            self.breaking = self.breaking + 1 if compared.breaks else 0

    # Latches.

    def _tripped(self, sealed: Sealed[Event]) -> None:
        match sealed.event:
            case Halted(scope=scope, by=by, state=state, reason=reason) if by.startswith(PREFIX):
                self.tripped[by, scope] = Asked(state, sealed.time, reason)
            case Warned(scope=scope, by=by, reason=reason):
                self.tripped[by, scope] = Asked(TradingState.ACTIVE, sealed.time, reason)
            case _:
                pass

    def _resumed(self, sealed: Sealed[Event]) -> None:
        """Let each breaker that had tripped in what a person resumed begin anew; no other."""
        resumed = cast("Resumed", sealed.event).scope
        lifted = [
            (name, scope)
            for (name, scope), asked in self.tripped.items()
            if asked.state is not TradingState.ACTIVE and resumed in (EVERYTHING, scope)
        ]
        for name, scope in lifted:
            del self.tripped[name, scope]
            self._begin_anew(name, AgentName(scope.name))

    def _begin_anew(self, name: str, agent: AgentName) -> None:
        anew: dict[str, Callable[[], object]] = {
            DRAWDOWN: self.water.begin_anew,
            DAY: self.day.begin_anew,
            LATENCY: self.answers.clear,
            ERRORS: self.errors.clear,
            COMPARISONS: self._agree,
            LOSSES: lambda: self.losses.pop(agent, None),
            REJECTIONS: lambda: self.rejections.pop(agent, None),
        }
        if name in anew:  # The others keep nothing: they go by the moment.
            anew[name]()

    def _agree(self) -> None:
        self.breaking = 0
