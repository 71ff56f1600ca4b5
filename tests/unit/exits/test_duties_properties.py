"""The duties through a whole engine, with a broker of chance: never turned round, denied, or left bare."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.exits.acts import Act, Cancel, Close, Doubt, Moment, OrderSeen, Patience, Position, Protect
from agenttrader.exits.duties import duties
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import BreakFound
from agenttrader.model.identifiers import derive_proposed_id
from agenttrader.model.orders import (
    Effect,
    ExitPlan,
    Leg,
    OrderState,
    OrderType,
    Proposal,
    Role,
    Side,
    TimeInForce,
)
from agenttrader.model.records import Chain
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import MINUTE, SECOND, Instant
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import CancelAsked, MarketSeen, SwitchSeen, TimeReached
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ALFA,
    CLOSE,
    EXITS,
    MULTIPLIERS,
    bar,
    compared,
    execution,
    proposal,
    rules,
    switch,
)
from agenttrader.testing.driver import Driver, trading

K, S = ReportKind, OrderState
PATIENCE = Patience(partial_fill_seconds=5, retry_seconds_max=60)
LIMIT = 30
"""How many seconds a position may be bare; the exits unit's patience lies well within."""
PLANS = {
    Side.BUY: ExitPlan(stop=Decimal(95), target=Decimal(110)),
    Side.SELL: ExitPlan(stop=Decimal(105), target=Decimal(90)),
}


class Day:
    """One side of one symbol: agents that enter, a broker that does as chance has it, and the exits unit."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.side = self.chance.choice(tuple(Side))
        made = rules()
        account = replace(made.limits.account, unprotected_seconds_max=LIMIT)
        self.driver = trading(limits=replace(made.limits, account=account))
        self.entered, self.price = 0, 100
        self.best: dict[int, Decimal] = {}
        self.enter()

    @property
    def state(self) -> State:
        return self.driver.engine.state

    @property
    def held(self) -> Decimal:
        """Units on the side of the entries; below 0: turned round."""
        return self.state.book.position(ALFA) * self.side.sign

    def open_orders(self) -> list[Order]:
        return list(self.state.book.orders.open_orders())

    def enter(self) -> None:
        self.entered += 1
        entry = proposal(
            self.entered,
            side=self.side,
            type=OrderType.LIMIT,
            limit_price=Decimal(100),
            exit_plan=replace(PLANS[self.side], trail=self.chance.choice((None, None, Decimal(4)))),
        )
        self.driver.propose(entry)

    # The broker.

    def go_on(self) -> None:
        """One thing more happens."""
        order = self.chance.choice([*self.open_orders(), None])
        what = self.chance.randrange(12)
        if order is None or what < 3:
            self.pass_time(self.chance.choice((1, 2, 6)))
        elif what == 3 and self.entered < 5:
            self.enter()
        elif what in (5, 6):
            self.price = self.chance.choice((94, 97, 100, 100, 103, 107, 111))
            self.pass_time(1)
            made = replace(bar(1, self.price), start=Instant(self.driver.now - MINUTE))
            self.driver.give(MarketSeen(made))
            assert self.driver.engine.market.prices[ALFA] == self.price
        elif what == 4:
            state = self.chance.choice((TradingState.ACTIVE, TradingState.HALTED))
            self.driver.give(SwitchSeen(switch(state)))
        elif order.state is S.SENDING and order.parent is None:
            if not order.filled and self.chance.randrange(6) == 0:
                self.driver.report(K.REJECTED, order.id)
                self.end_legs(order)
            else:
                self.driver.accept(order.id)
        elif order.state is S.CANCEL_REQUESTED:
            self.end(order)
        elif order.state in (S.ACCEPTED, S.PARTIALLY_FILLED) and self.can_trade(order):
            self.fill(order, self.chance.choice((order.remaining, Decimal(1))))

    def can_trade(self, order: Order) -> bool:
        """Whether the market would fill it: its stops rest untouched, mostly."""
        if order.role is Role.STOP:
            return order.is_armed and self.chance.randrange(8) == 0
        return order.is_armed and (not order.protects or self.chance.randrange(8) == 0)

    def fill(self, order: Order, quantity: Decimal) -> None:
        name = f"e-{len(self.driver.records)}"
        made = execution(name, side=order.side, quantity=quantity, price=Decimal(100))
        self.driver.report(K.FILLED, order.id, execution=made)
        if order.protects and order.state is S.FILLED:
            for other in order.pair:
                if other is not order and not other.state.is_terminal:
                    self.driver.report(K.CANCELED, other.id)

    def end(self, order: Order) -> None:
        """The broker cancels an order, and what hangs on it."""
        self.driver.report(K.CANCELED, order.id)
        if order.parent is not None and order.parent.adds_risk:
            return
        self.end_legs(order)

    def end_legs(self, order: Order) -> None:
        for leg in (*order.protection, *(() if order.parent is None else (order.parent,))):
            if not leg.state.is_terminal and not (order.adds_risk and order.state is S.FILLED):
                self.driver.report(K.CANCELED, leg.id)

    def pass_time(self, seconds: int) -> None:
        self.driver.give(TimeReached(Instant(self.driver.now + seconds * SECOND)))

    # The exits unit.

    def facts(self) -> tuple[list[Position], list[OrderSeen], Moment]:
        """What the gateway tells, as the exits unit reads it."""
        book, found = self.state.book, []
        for symbol, holding in book.positions().items():
            tenure, bare = book.tenures[symbol], self.state.bare.get(symbol)
            known = self.best.get(tenure.sequence, Decimal(self.price))
            best = (max if self.side is Side.BUY else min)(known, Decimal(self.price))
            self.best[tenure.sequence] = best
            found.append(
                Position(
                    symbol=symbol,
                    quantity=holding.quantity,
                    stated=self.state.stated(symbol),
                    average_price=holding.average_price(),
                    sequence=tenure.sequence,
                    since=tenure.since,
                    strategy=tenure.strategy,
                    plan=tenure.plan,
                    protected=book.covered(symbol),
                    closing=any(order.effect is Effect.CLOSE for order in book.orders.open_in(symbol)),
                    unprotected_since=None if bare is None else bare.since,
                    best=best,
                )
            )
        moment = Moment(now=self.driver.now, close=CLOSE, marks=self.driver.engine.market.prices)
        return found, [seen(order) for order in book.orders.by_id.values()], moment

    def wants(self) -> tuple[Act, ...]:
        return duties(*self.facts(), PATIENCE)

    def carry_out(self) -> None:
        """Do what is wanted, some of it twice."""
        wanted = self.wants()
        assert wanted == self.wants(), "the same facts, the same acts"
        for act in wanted:
            for _ in range(self.chance.choice((1, 1, 2))):
                self.do(act)

    def do(self, act: Act) -> None:
        match act:
            case Protect() | Close():
                asked = as_proposal(act, self.driver.now)
                self.driver.propose(asked)
                order = self.driver.order(asked.id)
                assert order.denied_by is None, (order.denied_by, act, order.decision)
            case Cancel():
                self.driver.give(CancelAsked(act.order_id, EXITS, act.sentence, EXITS))
            case Doubt():
                raise AssertionError(f"nothing here is doubtful: {act}")

    def settle(self) -> None:
        """The broker does all that it was asked, and the exits unit all that it wants."""
        for _ in range(60):
            for order in self.open_orders():
                if order.state is S.SENDING and order.parent is None:
                    self.driver.accept(order.id)
                elif order.state is S.CANCEL_REQUESTED:
                    self.end(order)
                elif order.effect is Effect.CLOSE and order.state in (S.ACCEPTED, S.PARTIALLY_FILLED):
                    self.fill(order, order.remaining)
            self.carry_out()
            self.pass_time(2)


def seen(order: Order) -> OrderSeen:
    """The order as the gateway tells it."""
    is_own = order.agent == EXITS and order.parent is None
    return OrderSeen(
        id=order.id,
        symbol=order.legs[0].symbol,
        side=order.side,
        effect=order.effect,
        role=order.role,
        remaining=order.remaining,
        state=order.state,
        updated=order.updated,
        parent=None if order.parent is None else order.parent.id,
        proposal_id=order.proposal.client_order_id if is_own else None,
    )


def as_proposal(act: Protect | Close, now: Instant) -> Proposal:
    """The act as the exits unit proposes it."""
    target = act.target if isinstance(act, Protect) else None
    stop = act.stop if isinstance(act, Protect) else None
    kind = OrderType.MARKET if stop is None else OrderType.STOP if target is None else OrderType.LIMIT
    return Proposal(
        id=derive_proposed_id(EXITS, act.proposal_id),
        client_order_id=act.proposal_id,
        agent=EXITS,
        strategy=act.strategy,
        legs=(Leg(act.symbol),),
        side=act.side,
        quantity=act.quantity,
        type=kind,
        time_in_force=act.time_in_force if isinstance(act, Protect) else TimeInForce.DAY,
        effect=Effect.CLOSE if isinstance(act, Close) else Effect.REDUCE,
        reason=act.sentence,
        decision_price=Decimal(100),
        decision_time=now,
        correlation_id="exits",
        limit_price=target,
        stop_price=stop if target is None else None,
        exit_plan=None if target is None else ExitPlan(stop=stop),
    )


def breaks(day: Day) -> Iterator[str]:
    return (each.event.found.sentence for each in day.driver.records if isinstance(each.event, BreakFound))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 60))
def test_whatever_the_broker_does_nothing_turns_round_and_nothing_stays_bare(seed: int, length: int) -> None:
    day = Day(seed)
    for _ in range(length):
        day.go_on()
        day.carry_out()
        assert day.held >= 0, "turned round"
    day.settle()
    assert day.held >= 0
    assert day.state.bare == {}
    assert day.wants() == ()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 40))
def test_after_a_restart_the_same_is_wanted_under_the_same_names(seed: int, length: int) -> None:
    day = Day(seed)
    for _ in range(length):
        day.go_on()
        if day.chance.randrange(2):
            day.carry_out()
    before = day.wants()
    state, last = State(MULTIPLIERS), day.driver.records[-1]
    for sealed in day.driver.records:
        state.apply(sealed)
    engine = Engine(day.driver.engine.rules, state, Chain(last.sequence, last.hash))
    engine.take_over(day.driver.engine)
    day.driver = Driver(engine, day.driver.now)
    day.driver.start(epoch=2)
    assert day.wants() == (), "before the first comparison nothing is known of the broker"
    day.driver.give(compared())
    after = day.wants()
    own = {act.proposal_id for act in before if isinstance(act, Protect | Close)}
    again = {act.proposal_id for act in after if isinstance(act, Protect | Close)}
    assert own == again
    assert {act.order_id for act in before if isinstance(act, Cancel)} <= {
        act.order_id for act in after if isinstance(act, Cancel)
    } | {order.id for order in day.open_orders() if order.state is S.UNKNOWN}
