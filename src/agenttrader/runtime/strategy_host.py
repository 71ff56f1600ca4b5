"""The strategy host, pure: market data and the gateway's stream in, proposals out, one at a time.

Time advances by steps, one for each watermark of the market data. A step at t is taken when the market data
has told everything up to t and, by the `watermark` policy, the gateway has too; by `arrival`, as soon as the
market data has. Within a step: fills of the time before are told, then every symbol's bar is taken, then each
symbol in order decides on the close (conditions, timers, exit rules). What reduces is proposed before what
adds. The next proposal leaves when the one before is answered and stands somewhere firm; after the last, the
step is settled.

Messages behind the gateway's watermark t wait until the step at t is taken, so that any interleaving of the
two sources with the same watermarks decides the same. After a (re)connection the snapshot says how far the
gateway is: steps before that are replayed without proposing, and at that very time we propose as before the
interruption, under the same ids, which the gateway answers with the orders that it has. `on_fill` is not told
again of fills that a snapshot already holds.
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
from agenttrader.model.times import Instant, from_rfc3339
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
from agenttrader.runtime.hearing import GatewayLost, Heard
from agenttrader.runtime.strategy_view import StrategyView
from agenttrader.strategies.contract import Fill
from agenttrader.strategies.hosted import Hosted, Situation

_UNFIRM = frozenset({OrderState.PROPOSED, OrderState.APPROVED, OrderState.SENDING, OrderState.UNKNOWN})
"""The broker's word is still to come; a close waits in APPROVED for its protection to be canceled."""


class InboxPolicy(Enum):
    """What a step waits for: both sources' watermarks, or the market data's alone."""

    WATERMARK = "watermark"
    ARRIVAL = "arrival"


class Answered(Struct, frozen=True):
    """The gateway answered a proposal."""

    answer: AnswerBody


class GivenUp(Struct, frozen=True):
    """No answer or no firm state came in time, or the message was refused; the host goes on without."""

    order_id: OrderId
    reason: str


Input = Heard | Answered | GivenUp


class Propose(Struct, frozen=True):
    """Send this proposal and come back with its answer."""

    proposal: Proposal


class Settled(Struct, frozen=True):
    """Everything up to `time` has been acted on; a paced source may go on."""

    time: Instant


Output = Propose | Settled


class _Step(Struct, frozen=True):
    time: Instant
    bars: tuple[Bar, ...]


class StrategyHost:
    """The strategies of one agent over one session, one `Hosted` a symbol. It reads no clock."""

    def __init__(
        self, hosted: Mapping[Symbol, Hosted], *, agent: AgentName, session: Session, policy: InboxPolicy
    ) -> None:
        self._hosted = dict(sorted(hosted.items()))
        self._session = session
        self._policy = policy
        self._view = StrategyView(agent)
        self._bars: dict[tuple[Instant, Symbol], Bar] = {}
        self._steps: deque[_Step] = deque()
        self._market_time: Instant | None = None
        self._messages: deque[StreamMessage] = deque()
        self._fills: list[FillMade] = []
        self._connected = False
        self._gateway_time: Instant | None = None
        self._replay_until: Instant | None = None
        self._stepped: Instant | None = None
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
            if self._waiting is not None:
                state = self._view.state_of(self._waiting)
                if not self._answered or state is None or state in _UNFIRM:
                    return
                self._waiting = None
            elif self._proposals:
                proposal = self._proposals.popleft()
                self._waiting, self._answered = proposal.id, False
                yield Propose(proposal)
            elif self._settling is not None:
                time, self._settling = self._settling, None
                yield Settled(time)
            elif self._may_step():
                self._take_step(self._steps.popleft())
            else:
                return

    def _take_messages(self) -> None:
        while self._messages and not self._gateway_is_ahead():
            message = self._messages.popleft()
            match message:
                case Snapshot():
                    self._connected, self._replay_until = True, None
                    self._reach(message.watermark)
                case WatermarkReached():
                    self._reach(message.time)
                case FillMade():
                    self._fills.append(message)
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
        after = Instant(self._session.open - 1) if self._stepped is None else self._stepped
        fills, self._fills = self._fills, []
        self._stepped = self._settling = step.time
        proposes = not self._is_past(step.time)
        situations = {symbol: self._situation(symbol, step.time) for symbol in self._hosted}
        made = [it for fill in fills for it in self._after_fill(fill, situations)] if proposes else []
        for bar in step.bars:
            self._hosted[bar.symbol].step(bar)
            self._view.observe(bar)
        if not proposes:
            return
        fresh = {bar.symbol for bar in step.bars if bar.end == step.time}
        for symbol, situation in situations.items():
            made += self._decide(symbol, situation, after, closes=symbol in fresh)
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
        self, symbol: Symbol, situation: Situation, after: Instant, *, closes: bool
    ) -> Iterator[Proposal]:
        """What one symbol's strategy proposes at the close, by timers and by its exit plan, in this order."""
        price = self._price(symbol)
        if price is None:
            return
        situation.price = price
        hosted = self._hosted[symbol]
        if closes:
            yield from hosted.at_close(situation)
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
