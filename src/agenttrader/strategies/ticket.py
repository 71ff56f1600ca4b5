"""What a handler writes its order on: it knows the price, the tick, the lot, the session and what is held."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, TypedDict, Unpack

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import (
    AgentName,
    Digest,
    StrategyName,
    Symbol,
    derive_order_id,
    derive_proposed_id,
)
from agenttrader.model.instruments import Single
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, rfc3339
from agenttrader.model.values import exact


class Author(Struct, frozen=True, kw_only=True):
    """In whose name orders are written, and with which parameters: the digest enters every id."""

    agent: AgentName
    strategy: StrategyName
    parameters: Digest


class Terms(TypedDict, total=False):
    """At what price an entry is made, and how its position will be left. All optional.

    `limit`, `stop` and `target` are prices, `trail` is a distance from the best price since the entry.
    """

    limit: Decimal | None
    stop: Decimal | None
    target: Decimal | None
    trail: Decimal | None
    until: Instant | None


class Ticket(Struct, frozen=True, kw_only=True):
    """One chance to propose one order, at the close of one bar (or at a timer, or after a fill).

    Every price is put on a tick in the direction that gives nothing away: a limit and a target never worse
    than asked, a stop nearer to the price, a trail shorter; a stop and a target stay at least one tick from
    the price. Quantities are cut to the lot. Raises BadValue for what no rounding can mend.
    """

    author: Author
    instrument: Single
    session: Session
    price: Decimal
    """The close of the bar; between bars, the last known."""
    time: Instant
    """The data time of the decision."""
    held: Decimal
    """Signed quantity in the symbol."""
    leaving: bool
    """Whether an order of ours already works to close it."""
    ordinal: int

    @property
    def symbol(self) -> Symbol:
        """What is traded."""
        return self.instrument.symbol

    def before_close(self, minutes: int) -> Instant:
        """The instant `minutes` before the session's close, as an exit plan's `until`."""
        return Instant(self.session.close - minutes * MINUTE)

    def buy(self, quantity: Decimal, reason: str, **terms: Unpack[Terms]) -> Proposal:
        """Open or add to a long position, at the market or `limit`, to be left by the other terms."""
        return self._entry(Side.BUY, quantity, reason, terms)

    def sell(self, quantity: Decimal, reason: str, **terms: Unpack[Terms]) -> Proposal:
        """Open or add to a short position, at the market or `limit`, to be left by the other terms."""
        return self._entry(Side.SELL, quantity, reason, terms)

    def close(self, reason: str) -> Proposal | None:
        """Leave the position whole, at the market; None where there is none, or we already leave it."""
        if not self.held or self.leaving:
            return None
        side = Side.SELL if self.held > 0 else Side.BUY
        return self._proposal(side, abs(self.held), Effect.CLOSE, reason)

    def _entry(self, side: Side, quantity: Decimal, reason: str, terms: Terms) -> Proposal:
        if self.held * side.sign < 0:
            found = f"a {side.value} of {self.symbol} with {self.held} held"
            raise BadValue(f"{self.author.strategy}: expected an order that adds, found {found}; close first")
        lots = (exact(quantity, "quantity") / self.instrument.lot).to_integral_value(ROUND_FLOOR)
        limit = terms.get("limit")
        if limit is not None:
            limit = self._on_tick(limit, "limit", -side.sign)
        plan = self._plan(side, self.price if limit is None else limit, terms)
        return self._proposal(side, lots * self.instrument.lot, Effect.OPEN, reason, limit, plan)

    def _plan(self, side: Side, price: Decimal, terms: Terms) -> ExitPlan | None:
        stop, target, trail = terms.get("stop"), terms.get("target"), terms.get("trail")
        plan = ExitPlan(
            stop=None if stop is None else self._apart(stop, "stop", side.sign, price, -side.sign),
            target=None if target is None else self._apart(target, "target", side.sign, price, side.sign),
            trail=None if trail is None else max(self._on_tick(trail, "trail", -1), self.instrument.tick),
            until=terms.get("until"),
        )
        return None if plan == ExitPlan() else plan

    def _apart(self, asked: Decimal, name: str, rounding: int, price: Decimal, side: int) -> Decimal:
        """`asked` on a tick, and at least one tick above `price` (`side` +1) or below it (-1)."""
        if (asked - price) * side <= 0:
            where = "above" if side > 0 else "below"
            raise BadValue(f"{name} of {self.symbol}: expected a price {where} {price}, found {asked}")
        nearest = self._on_tick(price + side * self.instrument.tick, name, side)
        fitted = self._on_tick(asked, name, rounding)
        return max(fitted, nearest) if side > 0 else min(fitted, nearest)

    def _on_tick(self, price: Any, name: str, direction: int) -> Decimal:
        """`price` on the next tick up (`direction` +1) or down (-1)."""
        if not isinstance(price, Decimal) or not price.is_finite() or price <= 0:
            raise BadValue(f"{name} of {self.symbol}: expected a Decimal above 0, found {price!r}")
        tick = self.instrument.tick
        ticks = (price / tick).to_integral_value(ROUND_CEILING if direction > 0 else ROUND_FLOOR)
        return (ticks * tick).quantize(tick)

    def _proposal(
        self,
        side: Side,
        quantity: Decimal,
        effect: Effect,
        reason: str,
        limit: Decimal | None = None,
        plan: ExitPlan | None = None,
    ) -> Proposal:
        author = self.author
        name = derive_order_id(author.agent, author.parameters, self.symbol, self.time, self.ordinal)
        return Proposal(
            id=derive_proposed_id(author.agent, name),
            agent=author.agent,
            strategy=author.strategy,
            legs=(Leg(self.symbol),),
            side=side,
            quantity=quantity,
            type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            time_in_force=TimeInForce.DAY,
            effect=effect,
            reason=reason,
            decision_price=self.price,
            decision_time=self.time,
            correlation_id=f"{author.strategy}-{self.symbol}-{rfc3339(self.time)}",
            limit_price=limit,
            exit_plan=plan,
            client_order_id=name,
        )
