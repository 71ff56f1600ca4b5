"""Whole days of the strategy host against a small gateway: restarts and interleavings change no bit."""

import random
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.indicators.compiled import Compiled
from agenttrader.model.identifiers import AgentName, ExecutionId, OrderId, StrategyName, Symbol
from agenttrader.model.instruments import Equity
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.orders import Effect, OrderType, Proposal, Side
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, rfc3339
from agenttrader.protocols.native import (
    AccountBody,
    AnswerBody,
    DecisionBody,
    FillMade,
    OrderBody,
    OrderChanged,
    PositionBody,
    PositionsChanged,
    Snapshot,
    StreamMessage,
    TradingBody,
    WatermarkReached,
    exit_plan_body,
)
from agenttrader.runtime.hearing import GatewayLost
from agenttrader.runtime.strategy_host import InboxPolicy, StrategyHost
from agenttrader.runtime.strategy_messages import (
    Answered,
    GivenUp,
    Output,
    Propose,
    Remember,
    Settled,
    Written,
)
from agenttrader.strategies.contract import (
    Fill,
    Strategy,
    after_open,
    before_close,
    flat,
    on_fill,
    on_timer,
    when,
)
from agenttrader.strategies.expressions import close, cross_above, sma
from agenttrader.strategies.hosted import Hosted
from agenttrader.strategies.memory import Memory
from agenttrader.strategies.momentum import Momentum
from agenttrader.strategies.ticket import Ticket

D = Decimal
AGENT = AgentName("mo")
SYMBOLS = tuple(map(Symbol, ("ALFA", "BRVO", "CHRL")))
MINUTES = 150
SESSION = Session(date="2026-11-20", open=Instant(0), close=Instant(MINUTES * MINUTE))
EASY = {
    "rsi_low": 40,
    "rsi_high": 90,
    "adx_low": 5,
    "volume_factor": "0.9",
    "stop": "0.002",
    "target": "0.003",
    "trail": "0.001",
    "entry_minutes": 6,
}
"""Parameters with which Momentum trades often."""
NOTHING = AccountBody(
    equity=D(0),
    cash=D(0),
    realised=D(0),
    unrealised=D(0),
    fees=D(0),
    gross_exposure=D(0),
    dead_machine_loss=D(0),
)
TRADING = TradingBody(state="active", reasons=(), mode="paper")


def market(seed: int) -> list[list[Bar]]:
    """The bars of each minute. Now and then a symbol has none."""
    chance = random.Random(seed)
    prices = dict.fromkeys(SYMBOLS, D("100.00"))
    day = []
    for minute in range(MINUTES):
        bars = []
        for symbol in SYMBOLS:
            start = prices[symbol]
            end = max(D(50), start + D(str(round(chance.gauss(0.01, 0.08), 2))))
            prices[symbol] = end
            if chance.random() < 0.03:
                continue
            bars.append(
                Bar(
                    symbol=symbol,
                    start=Instant(minute * MINUTE),
                    interval=MINUTE,
                    open=start,
                    high=max(start, end) + D("0.03"),
                    low=min(start, end) - D("0.03"),
                    close=end,
                    volume=D(chance.randint(500, 2000)),
                )
            )
        chance.shuffle(bars)
        day.append(bars)
    return day


class Desk:
    """A gateway and its exchange: orders fill at the next open, a stop and a target rest for each entry."""

    def __init__(self) -> None:
        self.proposals: dict[OrderId, Proposal] = {}
        self.orders: dict[OrderId, OrderBody] = {}
        self.held: dict[Symbol, tuple[Decimal, Decimal, OrderId]] = {}
        self.fills: list[FillMade] = []
        self.watermark: str | None = None

    def propose(self, proposal: Proposal) -> tuple[list[StreamMessage], AnswerBody]:
        """What the stream says of the order, and the answer. The same id must be the same proposal."""
        news: list[StreamMessage] = []
        if proposal.id in self.proposals:
            assert self.proposals[proposal.id] == proposal
        else:
            self.proposals[proposal.id] = proposal
            opens = proposal.effect is Effect.OPEN
            news.append(
                self._change(
                    OrderBody(
                        id=proposal.id,
                        agent=AGENT,
                        strategy=proposal.strategy,
                        symbol=proposal.symbol,
                        side=proposal.side,
                        type=OrderType.MARKET,
                        effect=proposal.effect,
                        role="entry" if opens else "exit",
                        quantity=proposal.quantity,
                        filled_quantity=D(0),
                        state="accepted",
                        reason=proposal.reason,
                        time=rfc3339(proposal.decision_time),
                        exit_plan=exit_plan_body(proposal.exit_plan) if opens else None,
                    )
                )
            )
        order = self.orders[proposal.id]
        decision = DecisionBody(code="approved", sentence="", checks=())
        return news, AnswerBody(order=order, state=order.state, decision=decision)

    def pass_minute(self, bars: list[Bar]) -> Iterator[StreamMessage]:
        """What happened in one minute of market."""
        for bar in sorted(bars, key=lambda it: it.symbol):
            for order in [
                it for it in self.orders.values() if it.symbol == bar.symbol and it.state == "accepted"
            ]:
                yield from self._fill(order, bar)
            if bar.symbol in self.held:
                yield from self._protect(bar)
        yield self._positions()

    def snapshot(self) -> Snapshot:
        return Snapshot(
            watermark=self.watermark,
            orders=tuple(self.orders.values()),
            positions=self._positions().positions,
            account=NOTHING,
            trading=TRADING,
            fills=tuple(self.fills),
        )

    def _fill(self, order: OrderBody, bar: Bar) -> Iterator[StreamMessage]:
        yield self._made(order.id, order.side, order.quantity, bar.open, bar)
        yield self._change(
            msgspec.structs.replace(
                order,
                state="filled",
                filled_quantity=order.quantity,
                average_price=bar.open,
                time=rfc3339(bar.start),
            )
        )
        if order.effect is Effect.OPEN:
            self.held[bar.symbol] = (order.quantity, bar.open, order.id)
        else:
            self.held.pop(bar.symbol, None)

    def _protect(self, bar: Bar) -> Iterator[StreamMessage]:
        quantity, _, entry = self.held[bar.symbol]
        plan = self.orders[entry].exit_plan
        assert plan is not None
        assert plan.stop is not None
        assert plan.target is not None
        price = plan.stop if bar.low <= plan.stop else plan.target if bar.high >= plan.target else None
        if price is not None:
            yield self._made(OrderId(f"{entry}-leg"), Side.SELL, quantity, price, bar)
            del self.held[bar.symbol]

    def _made(self, order_id: OrderId, side: Side, quantity: Decimal, price: Decimal, bar: Bar) -> FillMade:
        made = FillMade(
            order_id=order_id,
            symbol=bar.symbol,
            side=side,
            quantity=quantity,
            price=price,
            fee=D(0),
            time=rfc3339(bar.start),
            execution_id=ExecutionId(f"{order_id}-{bar.start}"),
        )
        self.fills.append(made)
        return made

    def _change(self, order: OrderBody) -> OrderChanged:
        self.orders[order.id] = order
        return OrderChanged(order=order)

    def _positions(self) -> PositionsChanged:
        return PositionsChanged(
            positions=tuple(
                PositionBody(
                    symbol=symbol,
                    quantity=quantity,
                    average_price=price,
                    mark=None,
                    unrealised=D(0),
                    protected_quantity=quantity,
                )
                for symbol, (quantity, price, _) in sorted(self.held.items())
            )
        )


class Day:
    """One day: the market, the desk, and the host of the moment. Three queues lead to the host."""

    def __init__(
        self,
        seed: int,
        compiled: Compiled,
        policy: InboxPolicy = InboxPolicy.WATERMARK,
        kind: type[Strategy] = Momentum,
    ) -> None:
        self.minutes = market(seed)
        self.kind = kind
        self.written = b""
        """What the disk holds of what is to be remembered."""
        self.given_up: list[OrderId] = []
        self.dies: Callable[[object], bool] = lambda _: False
        """Whether the host is killed before it says, or is told, this."""
        self.compiled = compiled
        self.policy = policy
        self.desk = Desk()
        self.told: list[Any] = []
        self.market: deque[Any] = deque()
        self.stream: deque[Any] = deque()
        self.answers: deque[Any] = deque()
        self.settled: Instant | None = None
        self.released = -1
        self.host = self._host()
        self.stream.append(self.desk.snapshot())
        self.release()

    def _host(self) -> StrategyHost:
        return StrategyHost(
            {
                symbol: Hosted(
                    self.kind,
                    EASY if self.kind is Momentum else {},
                    agent=AGENT,
                    name=StrategyName("momentum"),
                    instrument=Equity(symbol=symbol, tick=D("0.01"), lot=D(1)),
                    session=SESSION,
                    compiled=self.compiled,
                )
                for symbol in SYMBOLS
            },
            agent=AGENT,
            session=SESSION,
            policy=self.policy,
        )

    def release(self) -> None:
        """Let the next minute go: to the host, and through the desk."""
        self.released += 1
        bars = self.minutes[self.released - 1] if self.released else []
        time = Instant(self.released * MINUTE)
        news = [*bars, Watermark(time=time)]
        self.told += news
        self.market += news
        self.stream += self.desk.pass_minute(bars)
        self.desk.watermark = rfc3339(time)
        self.stream.append(WatermarkReached(time=self.desk.watermark))

    def deliver(self, queue: deque[Any]) -> None:
        """Give the host the next of one queue, and do what it says."""
        received = queue.popleft()
        if self.dies(received):
            self.go_on()
            return
        said: deque[Output] = deque(self.host.handle(received))
        while said:
            output = said.popleft()
            if self.dies(output):
                self.go_on()
                return
            match output:
                case Propose():
                    news, answer = self.desk.propose(output.proposal)
                    self.stream += news
                    self.answers.append(Answered(answer))
                case Remember():
                    self.written = msgspec.json.encode(output.memory)
                    said += self.host.handle(Written(durably=True))
                case GivenUp():
                    self.given_up.append(output.order_id)
                case Settled():
                    self.settled = output.time if self.settled is None else max(self.settled, output.time)
        if self.settled == self.released * MINUTE and self.released < MINUTES:
            self.release()

    def restart(self) -> None:
        """Kill the host; what was on its way to it is lost. A new one is told the day from the open."""
        self.market, self.answers = deque(self.told), deque()
        self.stream = deque([self.desk.snapshot()])
        self.host = self._host()

    def go_on(self) -> None:
        """Kill the host; a new one remembers what was written, and is told only what came after that."""
        self.restart()
        if not self.written:
            return
        memory = msgspec.json.decode(self.written, type=Memory)
        self.host.restore(memory)
        self.market = deque(it for it in self.told if time_of(it) > memory.stepped)

    def lose_gateway(self) -> None:
        """Break the stream: what was on its way is lost, and a snapshot comes after a while."""
        self.stream = deque([GatewayLost(), self.desk.snapshot()])

    def queues(self) -> list[deque[Any]]:
        return [queue for queue in (self.market, self.stream, self.answers) if queue]

    def play(self, interrupt: Callable[["Day"], None] = lambda _: None) -> list[Proposal]:
        """The rest of the day in plain order; every proposal of the day, in order of its first coming."""
        while queues := self.queues():
            interrupt(self)
            if queues := self.queues():
                self.deliver(queues[0])
        assert self.settled == MINUTES * MINUTE
        return list(self.desk.proposals.values())


class Nervous(Strategy):
    """Acts at fills, at timers and by a trail: what a restart could forget."""

    mean = sma(close, 7)

    @on_fill
    def regret(self, fill: Fill, order: Ticket) -> Proposal | None:
        return order.close(f"filled at {fill.price}, mean {self.mean:.3f}") if fill.price % 2 < 1 else None

    @when(cross_above(close, mean), flat)
    def enter(self, order: Ticket) -> Proposal | None:
        price = order.price
        reason = f"{self.mean:.4f}"
        return order.buy(D(5), reason, stop=price - 2, target=price + 2, trail=D("0.1"))

    @on_timer(after_open(minutes=30), flat)
    def begin(self, order: Ticket) -> Proposal | None:
        return order.buy(D(3), "half an hour", stop=order.price - 2, target=order.price + 2)

    @on_timer(before_close(minutes=5))
    def end(self, order: Ticket) -> Proposal | None:
        return order.close("the close")


def time_of(told: Bar | Watermark) -> Instant:
    return told.end if isinstance(told, Bar) else told.time


class EveryMoment:
    """Kills the host once at each thing that it says, and that it is told, the first time that it comes."""

    def __init__(self) -> None:
        self.met: set[object] = set()

    def __call__(self, thing: object) -> bool:
        key: object = thing
        if isinstance(thing, Remember):
            key = (thing.memory.stepped, len(thing.memory.pending))
        elif isinstance(thing, Answered):
            key = thing.answer.order.id
        elif isinstance(thing, (Snapshot, PositionsChanged)):
            return False  # What a restart begins with, and what comes with others.
        if key in self.met:
            return False
        self.met.add(key)
        return True


@pytest.mark.parametrize("kind", (Momentum, Nervous))
def test_killed_at_every_moment_of_the_day_it_proposes_the_same(
    kind: type[Strategy], compiled: Compiled
) -> None:
    """Before and after each write, each proposal, each answer and each step, with only what it remembers."""
    expected = Day(1, compiled, kind=kind).play()
    day, kills = Day(1, compiled, kind=kind), EveryMoment()
    day.dies = kills
    assert day.play() == expected
    assert day.given_up == []
    assert len(expected) > 40
    assert len(kills.met) > 4 * MINUTES
    reasons = [it.reason.partition(" ")[0].partition(":")[0] for it in expected]
    assert {"trailing", *({"filled", "half", "the"} if kind is Nervous else {"MACD"})} <= set(reasons)


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_moment_of_any_interleaving_it_proposes_the_same(seed: int, compiled: Compiled) -> None:
    chance = random.Random(seed)
    expected = Day(2, compiled, kind=Nervous).play()
    day = Day(2, compiled, kind=Nervous)
    day.dies = lambda _: chance.random() < 0.02
    while queues := day.queues():
        if chance.random() < 0.01:
            day.lose_gateway()
            continue
        day.deliver(chance.choice(queues))
    assert list(day.desk.proposals.values()) == expected


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moment_by_arrival_nothing_is_entered_twice_and_the_day_ends_flat(
    seed: int, compiled: Compiled
) -> None:
    """What comes first depends on the pace there, but what was proposed is one order, or given up aloud."""
    chance = random.Random(seed)
    day = Day(seed, compiled, InboxPolicy.ARRIVAL)
    day.dies = lambda _: chance.random() < 0.02
    while queues := day.queues():
        day.deliver(chance.choice(queues))
    assert day.settled == MINUTES * MINUTE
    assert not day.desk.held
    assert len(day.desk.proposals) > 20
    entries = [it for it in day.desk.proposals.values() if it.effect is Effect.OPEN]
    assert len({(it.symbol, it.decision_time) for it in entries}) == len(entries)


@pytest.fixture(scope="module")
def usual(compiled: Compiled) -> list[Proposal]:
    """What is proposed on a day without interruption."""
    return Day(1, compiled).play()


def test_the_day_is_worth_testing_on(usual: list[Proposal]) -> None:
    rules = {it.reason.partition(":")[0] for it in usual if it.effect is Effect.CLOSE}
    assert len(usual) > 40
    assert any(it.startswith("MACD") for it in rules)
    assert "trailing" in rules
    assert any("minutes before the close" in it for it in rules)
    assert {it.symbol for it in usual} == set(SYMBOLS)
    times = [it.decision_time for it in usual]
    assert len(times) > len(set(times)), "no minute with two proposals"


@pytest.mark.parametrize("after", (0, 1, 2, 3, 5, 8, 13, 21, 34))
def test_a_restart_proposes_what_would_have_been_proposed(
    after: int, usual: list[Proposal], compiled: Compiled
) -> None:
    """The host is killed when the desk has just received proposal number `after`; the answer is lost."""
    killed: list[Instant | int | None] = []

    def kill(day: Day) -> None:
        if len(day.desk.proposals) == after and not killed:
            killed.append(day.settled)
            day.restart()

    assert Day(1, compiled).play(kill) == usual
    assert killed


@pytest.mark.parametrize("minute", (0, 1, 20, 34, 35, 60, 90, 139, 140, 145, 149))
def test_a_restart_between_two_minutes_is_not_seen(
    minute: int, usual: list[Proposal], compiled: Compiled
) -> None:
    killed: list[Instant | int | None] = []

    def kill(day: Day) -> None:
        if day.settled == minute * MINUTE and not killed:
            killed.append(minute)
            day.restart()

    assert Day(1, compiled).play(kill) == usual
    assert killed


def test_restarting_again_and_again_is_not_seen(usual: list[Proposal], compiled: Compiled) -> None:
    killed: set[Instant] = set()

    def kill(day: Day) -> None:
        if day.settled is not None and day.settled % (10 * MINUTE) == 0 and day.settled not in killed:
            killed.add(day.settled)
            day.restart()

    assert Day(1, compiled).play(kill) == usual
    assert len(killed) == 15


@settings(max_examples=25, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_any_interleaving_proposes_the_same(
    chance: random.Random, usual: list[Proposal], compiled: Compiled
) -> None:
    """Each source in its own order and at any pace, the answers whenever they like."""
    day = Day(1, compiled)
    while queues := day.queues():
        day.deliver(chance.choice(queues))
    assert list(day.desk.proposals.values()) == usual


@settings(max_examples=15, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_interruptions_at_any_moment_are_not_seen(
    chance: random.Random, usual: list[Proposal], compiled: Compiled
) -> None:
    day, interruptions = Day(1, compiled), 0
    while queues := day.queues():
        if interruptions < 6 and chance.random() < 0.01:
            interruptions += 1
            chance.choice((day.restart, day.lose_gateway))()
            continue
        day.deliver(chance.choice(queues))
    assert list(day.desk.proposals.values()) == usual


def test_by_arrival_the_day_ends_and_no_symbol_is_entered_twice(compiled: Compiled) -> None:
    chance = random.Random(3)
    day = Day(1, compiled, InboxPolicy.ARRIVAL)
    while queues := day.queues():
        day.deliver(chance.choice(queues))
    assert day.settled == MINUTES * MINUTE
    assert not day.desk.held
    assert len(day.desk.proposals) > 20
