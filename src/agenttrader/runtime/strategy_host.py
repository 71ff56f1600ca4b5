"""The strategy host, pure: market data and the gateway's stream in, proposals out, one at a time.

Time advances by steps, one for each watermark of the market data. A step at t is taken when the market data
has told everything up to t and, by the `watermark` policy, the gateway has too; by `arrival`, as soon as the
market data has. Within a step: fills of the time before are told, then every symbol's bar is taken, then each
symbol in order decides on the close (conditions, timers, exit rules). What reduces is proposed before what
adds. The next proposal leaves when the one before is answered and stands somewhere firm; after the last, the
step is settled.

Messages behind the gateway's watermark t wait until the step at t is taken, so that any interleaving of the
two sources with the same watermarks decides the same. After a (re)connection the snapshot says how far the
gateway is: steps before that are replayed without proposing; timers and fills of meanwhile are told after it.

What the host remembers is to be written before a step's first proposal leaves, with all of them, and again
when the gateway has them all; only then is the step settled. A host that is restored from it sends those
again, under the same ids, which the gateway answers with the orders that it has: so none is lost or doubled,
wherever the one before it ended.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from typing import assert_never

from msgspec import Struct

from agenttrader.exits.rules import leave
from agenttrader.model.identifiers import AgentName, OrderId, Symbol
from agenttrader.model.market import Bar, StatusChange, Watermark
from agenttrader.model.orders import Effect, OrderState, Proposal
from agenttrader.model.sessions import Session
from agenttrader.model.times import SECOND, Instant, from_rfc3339
from agenttrader.protocols.native import (
    AccountMarked,
    AnswerBody,
    FillMade,
    OrderChanged,
    PositionsChanged,
    Snapshot,
    StreamMessage,
    TradingChanged,
    WatermarkReached,
)
from agenttrader.runtime.hearing import GatewayLost
from agenttrader.runtime.strategy_messages import (
    Answered,
    GivenUp,
    Input,
    Output,
    Propose,
    Remember,
    Settled,
    Written,
)
from agenttrader.runtime.strategy_view import StrategyView
from agenttrader.runtime.untold_fills import UntoldFills
from agenttrader.strategies.contract import Fill
from agenttrader.strategies.hosted import Hosted, Situation
from agenttrader.strategies.memory import Memory, expect_fit, memory_of

AGAIN_SECONDS = 30
"""How old a proposal that a restart found may be to be sent again: as long as one is tried at all."""
_UNFIRM = frozenset({OrderState.PROPOSED, OrderState.APPROVED, OrderState.SENDING, OrderState.UNKNOWN})
"""The broker's word is still to come; a close waits in APPROVED for its protection to be canceled."""


class InboxPolicy(Enum):
    """What a step waits for: both sources' watermarks, or the market data's alone."""

    WATERMARK = "watermark"
    ARRIVAL = "arrival"


class _Step(Struct, frozen=True):
    time: Instant
    bars: tuple[Bar, ...]


class StrategyHost:
    """The strategies of one agent over one session, one `Hosted` a symbol. It reads no clock."""

    def __init__(
        self, hosted: Mapping[Symbol, Hosted], *, agent: AgentName, session: Session, policy: InboxPolicy
    ) -> None:
        self._hosted = dict(sorted(hosted.items()))
        self._agent = agent
        self._session = session
        self._policy = policy
        self._view = StrategyView(agent)
        self._bars: dict[tuple[Instant, Symbol], Bar] = {}
        self._steps: deque[_Step] = deque()
        self._market_time: Instant | None = None
        self._messages: deque[StreamMessage] = deque()
        self._fills = UntoldFills()
        self._connected = False
        self._gateway_time: Instant | None = None
        self._replay_until: Instant | None = None
        self._stepped: Instant | None = None
        self._asked: Instant | None = None
        """Up to when timers have been asked."""
        self._unwritten = self._writing = False
        self._found: tuple[Proposal, ...] = ()
        """What a restart found pending, until the gateway is heard."""
        self._resuming = False
        self._proposals: deque[Proposal] = deque()
        self._waiting: OrderId | None = None
        self._answered = False
        self._settling: Instant | None = None

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """What is traded, in the order in which it is decided on."""
        return tuple(self._hosted)

    @property
    def awaits_report(self) -> OrderId | None:
        """The order whose proposal was answered, and which does not stand anywhere firm yet."""
        return self._waiting if self._answered else None

    @property
    def waits_for(self) -> str | None:
        """What keeps the host from deciding, as a sentence; None while it follows the market."""
        if not self._connected or self._gateway_time is None:
            return "the gateway"
        return "market data" if self._stepped is None else None

    def memory(self) -> Memory:
        """All that must outlive this process; after the first step."""
        assert self._stepped is not None
        return Memory(
            agent=self._agent,
            session=self._session,
            stepped=self._stepped,
            asked=self._asked,
            told=self._fills.told,
            pending=tuple(self._proposals),
            symbols=tuple(
                memory_of(symbol, hosted, self._view.extents(symbol))
                for symbol, hosted in self._hosted.items()
            ),
        )

    def restore(self, memory: Memory) -> None:
        """Go on, before anything else, where the host that remembered this stood.

        Raises BadValue, and nothing is restored, where it was another's, or another session's.
        """
        expect_fit(memory, agent=self._agent, session=self._session, hosted=self._hosted)
        for each in memory.symbols:
            hosted = self._hosted[each.symbol]
            hosted.restore(each.indicators)
            hosted.price = each.price
            self._view.recall(each.symbol, each.bars)
        self._stepped = self._market_time = self._settling = memory.stepped
        self._asked = memory.asked
        self._fills.recall(memory.told)
        self._found, self._resuming = memory.pending, bool(memory.pending)

    def handle(self, received: Input) -> tuple[Output, ...]:
        """Take one input; what is to be done now, in this order."""
        match received:
            case Bar():
                self._take_bar(received)
            case StatusChange():
                pass  # Whether a symbol may trade is the gateway's to say.
            case Watermark():
                self._take_watermark(received.time)
            case Answered():
                self._take_answer(received.answer)
            case GivenUp():
                if received.order_id == self._waiting:
                    self._waiting = None
            case Written():
                self._writing = False
                if not received.durably:
                    self._proposals = deque(it for it in self._proposals if it.effect is not Effect.OPEN)
            case GatewayLost():
                self._connected = False
            case _:
                self._messages.append(received)
        return tuple(self._advance())

    def _take_bar(self, bar: Bar) -> None:
        """Keep a bar of ours and of the session. Sources repeat themselves around a reconnection."""
        told = self._market_time is not None and bar.end <= self._market_time
        within = self._session.open <= bar.start and bar.end <= self._session.close
        if bar.symbol in self._hosted and within and not told:
            self._bars[bar.end, bar.symbol] = bar

    def _take_watermark(self, time: Instant) -> None:
        if self._market_time is not None and time <= self._market_time:
            return
        self._market_time = time
        told = sorted(key for key in self._bars if key[0] <= time)
        self._steps.append(_Step(time, tuple(self._bars.pop(key) for key in told)))

    def _take_answer(self, answer: AnswerBody) -> None:
        """The stream is in order and an answer may overtake it, or be overtaken: the stream's word stands."""
        if not self._view.knows(answer.order.id):
            self._view.learn(answer.order)
        if answer.order.id == self._waiting:
            self._answered = True
            if OrderState(answer.state) not in _UNFIRM:
                self._waiting = None

    def _advance(self) -> Iterator[Output]:
        """Do what can be done now, until only something new can change that."""
        while True:
            self._take_messages()
            if self._is_waiting():
                return
            if self._found:
                yield from self._resume()
                if self._found:
                    return
            elif self._unwritten:
                self._unwritten, self._writing = False, True
                yield Remember(self.memory())
                return
            elif self._proposals:
                proposal = self._proposals.popleft()
                self._waiting, self._answered = proposal.id, False
                self._unwritten = not self._proposals
                yield Propose(proposal)
            elif self._settling is not None:
                time, self._settling = self._settling, None
                yield Settled(time)
            elif self._may_step():
                self._take_step(self._steps.popleft())
            else:
                return

    def _is_waiting(self) -> bool:
        """Whether the disk has to say first that it has what is to be remembered, or the gateway an order."""
        if self._waiting is not None and self._answered:
            state = self._view.state_of(self._waiting)
            if state is not None and state not in _UNFIRM:
                self._waiting = None
        return self._writing or self._waiting is not None

    def _resume(self) -> Iterator[Output]:
        """Propose again what was found, once the gateway is where it was proposed; not what is too old."""
        assert self._stepped is not None
        if self._resuming and self._stepped > self._session.open:
            yield Settled(Instant(self._stepped - 1))  # A day that is told anew gets there.
        self._resuming = False
        if not self._connected or self._gateway_time is None or self._gateway_time < self._stepped:
            return
        found, self._found = self._found, ()
        for proposal in found:
            age = (self._gateway_time - proposal.decision_time) // SECOND
            if age <= AGAIN_SECONDS:
                self._proposals.append(proposal)
            else:
                reason = f"it was proposed {age} s ago, before this process began: expected {AGAIN_SECONDS} s"
                yield GivenUp(proposal.id, f"{reason} at the most")
        self._unwritten = not self._proposals

    def _take_messages(self) -> None:
        while self._messages and not self._gateway_is_ahead():
            message = self._messages.popleft()
            match message:
                case Snapshot():
                    self._connected, self._replay_until = True, None
                    self._reach(message.watermark)
                    self._fills.catch_up(message.fills)
                case WatermarkReached():
                    self._reach(message.time)
                case FillMade():
                    self._fills.hear(message)
                case OrderChanged() | PositionsChanged() | AccountMarked() | TradingChanged():
                    pass
                case _:
                    assert_never(message)
            self._view.apply(message)

    def _reach(self, watermark: str | None) -> None:
        """The gateway is at `watermark`; the first that we hear after a connection ends the past."""
        self._gateway_time = None if watermark is None else from_rfc3339(watermark)
        if self._replay_until is None:
            self._replay_until = self._gateway_time

    def _gateway_is_ahead(self) -> bool:
        """Whether what it says next belongs to a time after the step that we have yet to take."""
        if self._policy is InboxPolicy.ARRIVAL or not self._connected or self._gateway_time is None:
            return False
        return self._stepped is None or self._gateway_time > self._stepped

    def _may_step(self) -> bool:
        if not self._steps or not self._connected or self._gateway_time is None:
            return False
        return self._policy is InboxPolicy.ARRIVAL or self._gateway_time >= self._steps[0].time

    def _is_past(self, time: Instant) -> bool:
        """Whether the gateway has gone beyond `time`, so that a proposal would be about yesterday's news."""
        present = self._gateway_time if self._policy is InboxPolicy.WATERMARK else self._replay_until
        return present is not None and time < present

    def _take_step(self, step: _Step) -> None:
        previous = Instant(self._session.open - 1) if self._stepped is None else self._stepped
        self._stepped = self._settling = step.time
        proposes = not self._is_past(step.time)
        self._unwritten = proposes or bool(step.bars)
        fills = self._fills.take() if proposes else []
        situations = {symbol: self._situation(symbol, step.time) for symbol in self._hosted}
        made = [it for fill in fills for it in self._after_fill(fill, situations)]
        for bar in step.bars:
            self._hosted[bar.symbol].step(bar)
            self._view.observe(bar)
        if not proposes:
            return
        after, self._asked = previous if self._asked is None else self._asked, step.time
        closes = {bar.symbol: bar.end for bar in step.bars if step.time - bar.end < bar.interval}
        for symbol, situation in situations.items():
            made += self._decide(symbol, situation, after, closes.get(symbol))
        self._proposals.extend(sorted(made, key=lambda proposal: proposal.effect is Effect.OPEN))

    def _after_fill(self, fill: FillMade, situations: Mapping[Symbol, Situation]) -> Iterator[Proposal]:
        hosted, situation = self._hosted.get(fill.symbol), situations.get(fill.symbol)
        if hosted is None or situation is None:
            return
        situation.price = fill.price
        told = Fill(
            order_id=fill.order_id,
            symbol=fill.symbol,
            side=fill.side,
            quantity=fill.quantity,
            price=fill.price,
            time=from_rfc3339(fill.time),
        )
        yield from hosted.after_fill(told, situation)

    def _decide(
        self, symbol: Symbol, situation: Situation, after: Instant, closed: Instant | None
    ) -> Iterator[Proposal]:
        """What one symbol's strategy proposes at the close, by timers and by its exit plan, in this order.

        A bar closes at its own end, however soon its source has told everything up to that time.
        """
        price = self._price(symbol)
        if price is None:
            return
        situation.price = price
        hosted = self._hosted[symbol]
        if closed is not None:
            now, situation.time = situation.time, closed
            yield from hosted.at_close(situation)
            situation.time = now
        yield from hosted.at_timers(after, situation)
        held = self._view.held(symbol)
        if held is not None:
            due = leave(held, price, situation.time, self._session.close)
            if due is not None:
                yield from hosted.leave(f"{due.rule}: {due.sentence}", situation)

    def _situation(self, symbol: Symbol, time: Instant) -> Situation:
        view = self._view
        return Situation(
            time=time,
            price=self._price(symbol) or Decimal(0),
            held=view.quantity(symbol),
            working=view.is_working(symbol),
            leaving=view.is_leaving(symbol),
        )

    def _price(self, symbol: Symbol) -> Decimal | None:
        """The last close; before the first bar, the gateway's mark, or what was paid."""
        price, position = self._hosted[symbol].price, self._view.position(symbol)
        if price is not None or position is None:
            return price
        return position.mark or position.average_price
