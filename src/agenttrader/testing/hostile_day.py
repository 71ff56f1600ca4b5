"""A gateway's day as chance has it: proposals, reports, halts and restarts, in any order, from a seed.

Most of what is heard can follow what was heard before, so that orders live long enough to meet what cannot.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from msgspec.structs import replace

from agenttrader.model.authority import EVERYTHING, Act, Scope, ScopeKind
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Event
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, ExecutionId, OrderId
from agenttrader.model.market import StatusChange, TradingStatus
from agenttrader.model.orders import (
    Changes,
    Effect,
    ExitPlan,
    Leg,
    OrderState,
    OrderType,
    Proposal,
    Role,
    Side,
)
from agenttrader.model.records import Chain, Sealed, unseal
from agenttrader.model.reports import ExecutionReport, ReportedLeg, ReportKind
from agenttrader.model.times import Instant
from agenttrader.model.transitions import Trigger, next_state
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.acceptance import break_id
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import (
    AccountStated,
    CancelAsked,
    GroupProposed,
    HaltAsked,
    Input,
    LastLookStopped,
    LinkSeen,
    MarketSeen,
    Proposed,
    ReplaceAsked,
    Reported,
    StatementGiven,
    SwitchSeen,
    TimeReached,
    WindowCloseAsked,
)
from agenttrader.runtime.recorder import Step
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    BRAVO,
    CHARLY,
    MULTIPLIERS,
    OPEN,
    OTHER_AGENT,
    at,
    bar,
    broker_statement,
    compared,
    execution,
    proposal,
    report,
    reported_legs,
    rules,
    segment,
    signed,
    switch,
)
from agenttrader.testing.driver import READY

T = TypeVar("T")
Restart = int
"""The epoch of a process that starts on what the last one left."""

_LEGS: Sequence[tuple[Leg, ...]] = (
    *((Leg(ALFA),), (Leg(ALFA),), (Leg(BRAVO),), (Leg(CHARLY),)),
    (Leg(ALFA, 1), Leg(BRAVO, -3)),
)
_LIKELY_REPORTS = {
    ReportKind.ACCEPTED: Trigger.ACCEPT,
    ReportKind.CANCELED: Trigger.CANCEL,
    ReportKind.CANCEL_REFUSED: Trigger.REFUSE_CANCEL,
    ReportKind.EXPIRED: Trigger.EXPIRE,
    ReportKind.REJECTED: Trigger.REJECT,
    ReportKind.SUSPENDED: Trigger.SUSPEND,
    ReportKind.DONE_FOR_DAY: Trigger.DONE_FOR_DAY,
    ReportKind.ANSWER_LOST: Trigger.LOSE,
    ReportKind.REPLACED: Trigger.REPLACE,
    ReportKind.REPLACE_REFUSED: Trigger.REFUSE_REPLACE,
}
_OF_REPLACEMENTS = frozenset({ReportKind.REPLACED, ReportKind.REPLACE_REFUSED})
"""What is said of an order only where another was to come in its place."""
_STRANGE_ONE_IN = 150
"""What cannot be halts for good, so it must be seldom for anything to be traded before it."""

_ACTS = tuple(act for act in Act if act is not Act.LOOSEN_LIMITS)
"""What is signed for by chance: such a day has one configuration, so nothing of it waits to be loosened."""


class HostileDay:
    """What a seed makes happen to one engine: what it heard, when, and every record that came of it."""

    def __init__(self, seed: int, ruled: Rules | None = None) -> None:
        self.rules = rules() if ruled is None else ruled
        self.chance = Random(seed)  # noqa: S311 - a seed that fails must replay
        self.minute = 1
        self.epoch = 1
        self.heard: list[tuple[Input | Restart, Instant]] = []
        self.records: list[Sealed[Event]] = []
        self.engine = Engine(self.rules, State(MULTIPLIERS), Chain())
        self._took(self.engine.start(segment(), OPEN))
        for received in READY:
            self.hear(received)

    def go_on(self) -> Step:
        """One thing more happens."""
        return self.restart() if self._one_in(80) else self.hear(self._any_input())

    def hear(self, received: Input) -> Step:
        """The engine hears `received`."""
        self.heard.append((received, at(self.minute)))
        return self._took(self.engine.handle(received, at(self.minute)))

    def restart(self) -> Step:
        """The process dies; another starts on its journal and is heard back into trading."""
        self.epoch += 1
        self.heard.append((self.epoch, at(self.minute)))
        self.engine = folded(self.records, self.rules)
        step = self._took(self.engine.start(segment(self.epoch), at(self.minute)))
        for received in READY[:4]:
            self.hear(received)
        if self._one_in(2):
            self.hear(
                StatementGiven(signed(Act.RESUME_WINDOW, epoch=self.epoch, nonce=f"epoch {self.epoch}"))
            )
        self.hear(SwitchSeen(switch(TradingState.ACTIVE)))
        for symbol in (ALFA, BRAVO, CHARLY):
            self.hear(MarketSeen(bar(self.minute, 100, symbol)))
        return step

    def _took(self, step: Step) -> Step:
        self.records += step.records
        return step

    def _one_of(self, *several: T) -> T:
        return self.chance.choice(several)

    def _one_in(self, chances: int) -> bool:
        return self.chance.randrange(chances) == 0

    def _any_input(self) -> Input:
        often = (
            self._propose,
            self._propose,
            self._accept,
            self._fill,
            self._report,
            self._time,
            self._market,
        )
        seldom = (
            self._cancel,
            self._replace,
            self._replace,
            self._authority,
            self._authority,
            self._world,
            self._world,
        )
        happen: Callable[[], Input] = self._one_of(*often * 3, *seldom)
        return happen()

    def _propose(self) -> Input:
        if not self._one_in(8):
            return Proposed(self._proposal())
        members = [self._proposal() for _ in range(self._one_of(2, 2, 3))]
        return GroupProposed(tuple(replace(each, group="pair") for each in members))

    def _proposal(self) -> Proposal:
        effect = self._one_of(Effect.OPEN, Effect.OPEN, Effect.CLOSE, Effect.REDUCE)
        positions = self.engine.state.book.positions()
        legs = self._one_of(*_LEGS)
        if effect is not Effect.OPEN and positions and not self._one_in(5):
            legs = (Leg(self._one_of(*positions)),)
        held = self.engine.state.book.position(legs[0].symbol)
        side = self._one_of(*Side) if effect is Effect.OPEN else Side.SELL if held >= 0 else Side.BUY
        low, high = (Decimal(80), Decimal(120)) if len(legs) == 1 else (Decimal(-300), Decimal(300))
        stop, target = (low, high) if side is Side.BUY else (high, low)
        changes: dict[str, Any] = {
            "legs": legs,
            "side": side,
            "effect": effect,
            "quantity": self._one_of(
                Decimal(1), Decimal(3), Decimal(10), Decimal(500), abs(held) or Decimal(10)
            ),
            "exit_plan": ExitPlan(stop=stop, target=self._one_of(None, target)),
            "decision_price": Decimal(100) if len(legs) == 1 else Decimal(-200),
        }
        if effect is not Effect.OPEN:
            changes["exit_plan"] = None
        if effect is Effect.REDUCE and len(legs) == 1 and self._one_in(2):
            changes |= self._resting(side)
        elif effect is Effect.OPEN and len(legs) == 1 and self._one_in(2):
            # No bracket can leave with it, so what it fills is bare until an exit rests.
            changes |= {"type": OrderType.TRAILING_STOP, "trail_price": Decimal(5)}
        elif len(legs) == 1 and self._one_in(3):
            changes |= {"type": OrderType.LIMIT, "limit_price": Decimal(self._one_of(99, 101))}
        if legs[0].symbol == CHARLY and not self._one_in(5):
            changes |= {"agent": OTHER_AGENT, "strategy": ""}
        return proposal(self.chance.randrange(300), **changes)

    def _resting(self, side: Side) -> dict[str, Any]:
        """An exit that rests: a stop of any kind alone, or a pair."""
        stop, target = Decimal(100 - 20 * -side.sign), Decimal(100 - 20 * side.sign)
        return self._one_of(
            {"type": OrderType.STOP, "stop_price": stop},
            {"type": OrderType.STOP_LIMIT, "stop_price": stop, "limit_price": stop},
            {"type": OrderType.TRAILING_STOP, "trail_price": Decimal(5)},
            {"type": OrderType.LIMIT, "limit_price": target, "exit_plan": ExitPlan(stop=stop)},
            {"type": OrderType.LIMIT, "limit_price": target, "exit_plan": ExitPlan(stop=stop)},
        )

    def _some_order(self) -> Order | None:
        """Mostly one that the broker has and that can trade, seldom any; None where there is none yet."""
        orders = [order for order in self.engine.state.book.orders.by_id.values() if _is_told_of(order)]
        working = [order for order in orders if order.state.is_working and order.is_armed]
        if not orders:
            return None
        return self._one_of(*(orders if not working or self._one_in(20) else working))

    def _said(self, kind: ReportKind, order: Order | None, **changes: Any) -> Input:
        if order is None:
            return Reported(report(kind, "a stranger's", **changes))
        fields: dict[str, Any] = {
            "client_order_id": order.client_id or ClientOrderId("theirs"),
            "broker_order_id": order.broker_id or BrokerOrderId(f"b-{order.id}"),
            "time": at(self.minute),
        }
        return Reported(ExecutionReport(kind=kind, **(fields | changes)))

    def _report(self) -> Input:
        order = self._some_order()
        if self._one_in(_STRANGE_ONE_IN):
            return self._said(self._one_of(*ReportKind), self._one_of(order, None), reason="chance")
        if order is None:
            return self._time()
        kinds = [
            kind
            for kind, trigger in _LIKELY_REPORTS.items()
            if next_state(order.state, trigger) and (order.replacement or kind not in _OF_REPLACEMENTS)
        ]
        legs = () if order.is_leg else self._legs_of(order)
        return self._said(self._one_of(*kinds), order, reason="chance", legs=legs) if kinds else self._time()

    def _legs_of(self, order: Order) -> tuple[ReportedLeg, ...]:
        prices = {leg.role: leg.stop_price or leg.limit_price for leg in order.protection}
        stop = None if self._one_in(_STRANGE_ONE_IN) else prices.get(Role.STOP)
        return reported_legs(f"b-{order.id}", stop, prices.get(Role.TARGET))

    def _accept(self) -> Input:
        orders = self.engine.state.book.orders.open_orders()
        leaving = [order for order in orders if order.state is OrderState.SENDING and not order.is_leg]
        order = self._one_of(*leaving) if leaving else self._some_order()
        if order is None or order.is_leg:
            return self._time()
        return self._said(ReportKind.ACCEPTED, order, legs=self._legs_of(order))

    def _fill(self) -> Input:
        order = self._some_order()
        if order is None or not (order.state.is_working or self._one_in(_STRANGE_ONE_IN)):
            return self._time()
        fills = [fill for fill in self.engine.state.book.executions.values() if fill.order_id == order.id]
        if fills and self._one_in(4):
            again = self._one_of(*fills)
            kind = self._one_of(ReportKind.BUSTED, ReportKind.FILLED)
            return self._said(kind, order, execution=execution(again.execution_id, symbol=again.symbol))
        leg = self._one_of(*order.legs)
        side = order.side if leg.ratio > 0 else order.side.opposite
        made = execution(
            ExecutionId(f"e-{self.chance.randrange(10**9)}"),
            symbol=leg.symbol,
            side=side.opposite if self._one_in(_STRANGE_ONE_IN) else side,
            quantity=self._one_of(order.remaining * abs(leg.ratio) or Decimal(1), Decimal(1)),
            price=Decimal(self._one_of("100", "99.37", "101.5")),
        )
        return self._said(ReportKind.FILLED, order, execution=made, legs=self._legs_of(order))

    def _cancel(self) -> Input:
        order = self._some_order()
        if order is None:
            return self._time()
        if order.state is OrderState.SENDING and not order.is_leg and self._one_in(2):
            return LastLookStopped(order.id, "chance")
        return CancelAsked(order.id, "who", "why", self._one_of(None, AGENT, OTHER_AGENT))

    def _replace(self) -> Input:
        """Another order in the place of one that works: prices and quantities that may do, or not."""
        orders = [order for order in self.engine.state.book.orders.open_orders() if order.broker_id]
        if not orders:
            return self._time()
        order = self._one_of(*orders)
        quantity = self._one_of(None, order.quantity + 1, order.quantity - 1)
        away = Decimal(self._one_of(-3, -1, 1, 3, 30))
        changes = Changes(
            quantity=None if order.protects or order.protection else quantity,
            limit_price=None if order.limit_price is None else order.limit_price + away,
            stop_price=None if order.stop_price is None else order.stop_price + away,
            trail=None if order.trail_price is None else abs(away),
        )
        replacement = OrderId(f"replacement-{self.chance.randrange(300)}")
        return ReplaceAsked(order.id, replacement, changes, order.agent, "chance")

    def _time(self) -> Input:
        self.minute += 400 if self._one_in(100) else self.chance.randrange(3)
        return TimeReached(at(self.minute))

    def _market(self) -> Input:
        symbol = self._one_of(ALFA, ALFA, BRAVO, CHARLY)
        if self._one_in(20):
            status = self._one_of(*TradingStatus)
            return MarketSeen(StatusChange(symbol=symbol, time=at(self.minute), status=status, reason="?"))
        return MarketSeen(bar(self.minute, self.chance.randrange(90, 111), symbol))

    def _authority(self) -> Input:
        scope = self._one_of(EVERYTHING, EVERYTHING, Scope(ScopeKind.SYMBOL, ALFA))
        if self._one_in(15):
            return HaltAsked(scope, self._one_of(*TradingState), "ada", "chance")
        if self._one_in(15):
            return WindowCloseAsked("ada", "chance")
        act = self._one_of(*_ACTS) if self._one_in(4) else self._needed_act()
        breaks = self.engine.state.breaks
        accepts = act is Act.ACCEPT_BREAK and breaks
        statement = signed(
            act,
            about=break_id(self._one_of(*breaks)) if accepts else "",
            scope=scope if self._one_in(4) else EVERYTHING,
            epoch=self.epoch,
            nonce=str(self.chance.randrange(300)),
            start=Instant(at(self.minute) + 1) if act is Act.RESUME else OPEN,
            end=at(self.minute + self.chance.randrange(1, 400)),
        )
        return StatementGiven(statement)

    def _needed_act(self) -> Act:
        standing = self.engine.state.standing
        if standing.latches:
            return Act.RESUME
        if self.engine.state.breaks and self._one_in(2):
            return Act.ACCEPT_BREAK
        return Act.OPEN_WINDOW if standing.window is None else Act.RESUME_WINDOW

    def _world(self) -> Input:
        match self.chance.randrange(40):
            case 0:
                return SwitchSeen(switch(self._one_of(*TradingState)))
            case 1:
                return LinkSeen(self._one_of("broker", "marketdata"), up=False, reason="chance")
            case 2:
                found = Break(kind=BreakKind.CASH, ours="1", theirs="2", sentence="chance", symbol=ALFA)
                return compared(found)
            case 3:
                return compared(failure="chance")
            case 4:
                said = broker_statement(buying_power=Decimal(self.chance.randrange(200_000)))
                return AccountStated(said)
            case number if number % 3 == 0:
                return LinkSeen(self._one_of("broker", "marketdata"), up=True, reason="chance")
            case number if number % 3 == 1:
                return compared()
            case _:
                return SwitchSeen(switch(TradingState.ACTIVE))


def _is_told_of(order: Order) -> bool:
    """Whether the broker can have anything to say of the order."""
    return order.client_id is not None or order.broker_id is not None


def folded(records: Sequence[Sealed[Event]], ruled: Rules | None = None) -> Engine:
    """An engine on `records` as a reader of the journal has them."""
    state, chain = State(MULTIPLIERS), Chain()
    for each in records:
        state.apply(unseal(each.sequence, each.time, each.kind, each.body, each.previous, each.hash))
        chain.sequence, chain.head = each.sequence, each.hash
    return Engine(rules() if ruled is None else ruled, state, chain)
