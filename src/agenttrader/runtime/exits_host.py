"""The exits unit, pure: market data and the gateway's stream in, the acts that `exits.duties` wants out.

It decides whenever anything was heard, as soon as it has caught up: its market data have reached the time at
which the gateway was when their connection was made, for a price of before would judge a position of now.
With `by_watermark` both must stand at the same time, and at each it has its say once, before the gateway lets
others know of that time: so a day played at any speed is judged on the same facts. While the gateway is lost,
or everything is frozen, it wants nothing.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, assert_never

from msgspec import Struct

from agenttrader.exits.acts import (
    Act,
    Cancel,
    Close,
    Doubt,
    Moment,
    Patience,
    Position,
    Protect,
    Tenancy,
)
from agenttrader.exits.duties import duties
from agenttrader.exits.refusals import Refusals
from agenttrader.model.identifiers import AgentName, Symbol, derive_proposed_id
from agenttrader.model.market import Bar, StatusChange, Watermark
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderState, OrderType, Proposal, TimeInForce
from agenttrader.model.sessions import Session
from agenttrader.model.times import SECOND, Instant, from_rfc3339
from agenttrader.protocols.native import OrderBody, Snapshot, StreamMessage, WatermarkReached
from agenttrader.runtime.exits_view import ExitsView
from agenttrader.runtime.hearing import GatewayLost, Heard

_UNFIRM = frozenset({OrderState.PROPOSED, OrderState.APPROVED, OrderState.SENDING, OrderState.UNKNOWN})
_ENDING = frozenset({OrderState.CANCEL_REQUESTED, OrderState.REPLACE_REQUESTED})


class Propose(Struct, frozen=True):
    """Send this to the gateway; sent twice it is one order."""

    proposal: Proposal


Output = Propose | Cancel | Doubt


class Coverage(Struct, frozen=True):
    """How well what is held is protected, for whoever watches."""

    covered: int
    """Positions that stops face whole."""
    uncovered: int
    unprotected_seconds: Mapping[Symbol, int]
    """For how long each of the others has been so."""


class ExitsHost:
    """The positions of one account over one session. It reads no clock: time is what it was told."""

    def __init__(
        self,
        *,
        agent: AgentName,
        session: Session,
        patience: Patience,
        at_once: Collection[Symbol],
        bests: Mapping[Tenancy, Decimal],
        by_watermark: bool,
    ) -> None:
        """`at_once` and `bests` as `ExitsView` takes them."""
        self._agent = agent
        self._session = session
        self._patience = patience
        self._by_watermark = by_watermark
        self._view = ExitsView(agent, at_once, bests)
        self._refusals = Refusals(patience.retry_seconds_max)
        self._connected = False
        self._market_time: Instant | None = None
        self._gateway_time: Instant | None = None
        self._done_at: Instant | None = None
        """The last time at which it has had its say."""
        self._caught_up_at: Instant | None = None
        """Where the gateway was at the first that was heard of its time on this connection."""

    @property
    def waits_for(self) -> str | None:
        """What keeps it from deciding, as a sentence; None while it follows."""
        if not self._connected or self._gateway_time is None:
            return "the gateway"
        return None if self._follows() else "market data"

    @property
    def settled(self) -> Instant | None:
        """The market's time up to which both sources were heard; None while it cannot decide."""
        follows = self._connected and self._follows()
        return self._market_time if follows and self._gateway_has_reached() else None

    @property
    def awaits_report(self) -> bool:
        """Whether the broker's word is still to come on an order of ours, or on one that is to end."""
        return any(
            order.state in _ENDING or (order.proposal_id is not None and order.state in _UNFIRM)
            for order in self._view.orders()
        )

    @property
    def bests(self) -> dict[Tenancy, Decimal]:
        """What a checkpoint remembers."""
        return self._view.bests()

    def take(self, received: Heard) -> None:
        """Hear one thing."""
        match received:
            case Bar():
                self._view.observe(received)
            case StatusChange():
                pass  # Whether a symbol may trade is the gateway's to say.
            case Watermark():
                self._market_time = max(received.time, self._market_time or received.time)
            case GatewayLost():
                self._connected = False
            case _:
                self._hear(received)

    def rest(self, time: Instant) -> None:
        """It has had its say at `time`: with `by_watermark` it wants nothing more then."""
        self._done_at = time

    def learn(self, order: OrderBody) -> None:
        """Take the answer to a proposal. Where the stream has overtaken it, the stream's word stands."""
        if not self._view.knows(order.id):
            self._view.learn(order)

    def refused(self, output: Propose | Cancel, sentence: str) -> None:
        """The gateway has not taken it, and says why."""
        now = self._now()
        assert now is not None, f"{output}: expected to have wanted it at some time"
        self._refusals.note(_name_of(output), _symbol_of(output), sentence, now)

    @property
    def decides(self) -> bool:
        """Whether it knows enough to decide; else it wants nothing, and what was in doubt stays so."""
        return self._now() is not None and self._may_decide()

    def wanted(self) -> tuple[Output, ...]:
        """What is to be done now, and what is in doubt; asked again with nothing new, the same.

        What was refused again is not wanted before its time.
        """
        now = self._now()
        if now is None or not self._may_decide():
            return ()
        open_until = self._session.close if self._session.is_open_at(now) else None
        moment = Moment(now=now, close=open_until, marks=self._view.marks())
        positions = {each.symbol: each for each in self._view.positions()}
        acts = duties(positions.values(), self._view.orders(), moment, self._patience)
        outputs = [self._output(act, positions.get(act.symbol), moment) for act in acts]
        self._refusals.keep({_name_of(each) for each in outputs if not isinstance(each, Doubt)})
        timely = (
            each for each in outputs if isinstance(each, Doubt) or self._refusals.may_ask(_name_of(each), now)
        )
        return *timely, *self._refusals.doubts()

    def _output(self, act: Act, position: Position | None, moment: Moment) -> Output:
        if isinstance(act, Cancel | Doubt):
            return act
        assert position is not None, f"{act.symbol}: expected to leave or protect what is held"
        return Propose(
            Proposal(
                id=derive_proposed_id(self._agent, act.proposal_id),
                agent=self._agent,
                strategy=act.strategy,
                legs=(Leg(act.symbol),),
                side=act.side,
                quantity=act.quantity,
                reason=act.sentence,
                decision_price=moment.marks.get(act.symbol, position.average_price),
                decision_time=moment.now,
                correlation_id=f"{self._agent}-{act.symbol}-{position.sequence}",
                client_order_id=act.proposal_id,
                **_shape(act),
            )
        )

    def coverage(self) -> Coverage:
        """How well what is held is protected now."""
        now = self._now() or Instant(0)
        positions = tuple(self._view.positions())
        bare = {
            each.symbol: max(0, now - each.unprotected_since) // SECOND
            for each in positions
            if each.unprotected_since is not None
        }
        return Coverage(covered=len(positions) - len(bare), uncovered=len(bare), unprotected_seconds=bare)

    def _hear(self, message: StreamMessage) -> None:
        match message:
            case Snapshot():
                self._connected, self._caught_up_at = True, None
                self._reach(message.watermark)
            case WatermarkReached():
                self._reach(message.time)
            case _:
                pass
        self._view.apply(message)

    def _reach(self, watermark: str | None) -> None:
        if watermark is None:
            return
        self._gateway_time = from_rfc3339(watermark)
        if self._caught_up_at is None:
            self._caught_up_at = self._gateway_time

    def _now(self) -> Instant | None:
        times = [time for time in (self._market_time, self._gateway_time) if time is not None]
        return max(times) if times else None

    def _may_decide(self) -> bool:
        is_told = self._connected and self._follows() and not self._view.is_frozen
        return is_told and (not self._by_watermark or self._has_its_say())

    def _has_its_say(self) -> bool:
        return self._market_time == self._gateway_time != self._done_at

    def _follows(self) -> bool:
        """Whether the market data are not those of before the gateway's present."""
        market, reached = self._market_time, self._caught_up_at
        return market is not None and reached is not None and market >= reached

    def _gateway_has_reached(self) -> bool:
        market, gateway = self._market_time, self._gateway_time
        return market is not None and gateway is not None and gateway >= market


def _name_of(output: Propose | Cancel) -> str:
    """What it is called for as long as it is wanted: asked again, it is the same."""
    return output.order_id if isinstance(output, Cancel) else output.proposal.id


def _symbol_of(output: Propose | Cancel) -> Symbol:
    return output.symbol if isinstance(output, Cancel) else output.proposal.symbol


def _shape(act: Protect | Close) -> dict[str, Any]:
    """What kind of order the act is."""
    match act:
        case Close():
            return {"effect": Effect.CLOSE, "type": OrderType.MARKET, "time_in_force": TimeInForce.DAY}
        case Protect(target=None):
            shape = {"type": OrderType.STOP, "stop_price": act.stop}
        case Protect():
            shape = {
                "type": OrderType.LIMIT,
                "limit_price": act.target,
                "exit_plan": ExitPlan(stop=act.stop),
            }
        case _:
            assert_never(act)
    return {"effect": Effect.REDUCE, "time_in_force": act.time_in_force, **shape}
