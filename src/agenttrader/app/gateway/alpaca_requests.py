"""An order as Alpaca's clients ask for it, as a proposal of ours. Nothing asked for is dropped.

What an Alpaca order cannot say is added here. Its effect follows from the position: what goes against it
reduces, and the whole of it at the market closes, by our closing procedure. The price that it was decided
on is the mark. An entry without a bracket gets its agent's configured exit plan, or none, and is then
denied.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TypeVar

import msgspec
from msgspec import Struct

from agenttrader.app.gateway.alpaca_refusals import Unsupported
from agenttrader.app.sections import ExitFractions
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, OrderId, StrategyName, Symbol, derive_order_id
from agenttrader.model.instruments import Instrument, Spread
from agenttrader.model.market import Mark
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO, on_step
from agenttrader.protocols.alpaca_trading import NewOrder

_TYPES = {kind.value: kind for kind in (OrderType.MARKET, OrderType.LIMIT)}
_TIMES_IN_FORCE = {each.value: each for each in (TimeInForce.DAY, TimeInForce.GTC)}
_CLASSES = ("", "simple", "bracket")
_KNOWN = frozenset(
    {
        *("type", "time_in_force", "symbol", "qty", "side", "limit_price", "stop_price", "client_order_id"),
        *("order_class", "take_profit", "stop_loss"),
    }
)
"""The fields that are read. Any other that says something is refused by its name."""
_BARE = NewOrder(type="market", time_in_force="day")
"""An order that says no more than it must."""

_T = TypeVar("_T")


class Wish(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client asks for, its numbers on tick and lot: the same words again are the same wish."""

    client_order_id: str | None
    symbol: Symbol
    side: Side
    quantity: Decimal
    type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None = None
    bracket: ExitPlan | None = None

    def digest(self, agent: AgentName) -> str:
        """What this wish of the agent's is known by, and no other; the correlation id of what it becomes."""
        return derive_order_id("alpaca wish", agent, msgspec.json.encode(self).decode())


def wish_of(order: NewOrder, instruments: Mapping[Symbol, Instrument]) -> Wish:
    """The order as a wish.

    Raises Unsupported for what this face does not know, and BadValue for what cannot be.
    """
    _refuse_unknown(order)
    symbol = Symbol(_required(order.symbol, "symbol"))
    kind = _supported(order.type, _TYPES, "type")
    if order.stop_price is not None:
        raise BadValue(f"stop_price: a {kind.value} order has no stop_price, found {order.stop_price}")
    if (order.limit_price is not None) != (kind is OrderType.LIMIT):
        needs = "needs" if kind is OrderType.LIMIT else "has no"
        raise BadValue(f"limit_price: a {kind.value} order {needs} limit_price, found {order.limit_price}")
    found = instruments.get(symbol)
    tick, lot = (None, None) if found is None or isinstance(found, Spread) else (found.tick, found.lot)
    return Wish(
        client_order_id=order.client_order_id or None,
        symbol=symbol,
        side=Side(_required(order.side, "side")),
        quantity=_fitted(_required(order.qty, "qty"), lot, "qty"),
        type=kind,
        time_in_force=_supported(order.time_in_force, _TIMES_IN_FORCE, "time_in_force"),
        limit_price=None if order.limit_price is None else _fitted(order.limit_price, tick, "limit_price"),
        bracket=_bracket(order, tick),
    )


def proposal_of(
    wish: Wish,
    name: OrderId,
    agent: AgentName,
    *,
    position: Decimal,
    mark: Mark | None,
    fractions: ExitFractions | None,
    instrument: Instrument | None,
    now: Instant,
) -> Proposal:
    """The wish as the proposal `name` of `agent`, who holds `position` (signed). Raises BadValue."""
    effect = effect_of(wish, position)
    price = ZERO if mark is None else mark.price  # without a price the check `quote` denies
    plan = wish.bracket
    if effect is Effect.OPEN and plan is None and fractions is not None and mark is not None:
        plan = _default_plan(wish, price, fractions, instrument)
    return Proposal(
        id=name,
        agent=agent,
        strategy=StrategyName(""),
        legs=(Leg(wish.symbol),),
        side=wish.side,
        quantity=wish.quantity,
        type=wish.type,
        time_in_force=wish.time_in_force,
        effect=effect,
        reason=f"alpaca order {wish.client_order_id or 'without an id'}",
        decision_price=price,
        decision_time=now,
        correlation_id=wish.digest(agent),
        limit_price=wish.limit_price,
        exit_plan=plan,
        client_order_id=wish.client_order_id,
    )


def closing_proposal(
    symbol: Symbol, name: OrderId, agent: AgentName, *, position: Decimal, mark: Mark | None, now: Instant
) -> Proposal:
    """The close of the whole position that the agent holds in `symbol`."""
    return Proposal(
        id=name,
        agent=agent,
        strategy=StrategyName(""),
        legs=(Leg(symbol),),
        side=Side.SELL if position > 0 else Side.BUY,
        quantity=abs(position),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        effect=Effect.CLOSE,
        reason=f"alpaca close of {symbol}",
        decision_price=ZERO if mark is None else mark.price,
        decision_time=now,
        correlation_id=name,
    )


def effect_of(wish: Wish, position: Decimal) -> Effect:
    """What the wish does to the position. A bracket opens, or is denied; so is selling more than is held."""
    if wish.bracket is not None or position * wish.side.sign >= 0:
        return Effect.OPEN
    is_whole = wish.type is OrderType.MARKET and wish.quantity == abs(position)
    return Effect.CLOSE if is_whole else Effect.REDUCE


def _default_plan(
    wish: Wish, mark: Decimal, fractions: ExitFractions, instrument: Instrument | None
) -> ExitPlan | None:
    """The agent's own plan, from the price at which the order would fill; each price on the nearer tick."""
    if instrument is None:
        return None
    is_buy = wish.side is Side.BUY
    limit = mark if wish.limit_price is None else wish.limit_price
    price = min(limit, mark) if is_buy else max(limit, mark)
    below, above = (fractions.stop, fractions.target) if is_buy else (fractions.target, fractions.stop)
    tick = instrument.tick
    low = (price * (1 - below) / tick).to_integral_value(ROUND_CEILING) * tick
    high = (price * (1 + above) / tick).to_integral_value(ROUND_FLOOR) * tick
    return ExitPlan(stop=low, target=high) if is_buy else ExitPlan(stop=high, target=low)


def _refuse_unknown(order: NewOrder) -> None:
    for field in order.__struct_fields__:
        if field not in _KNOWN and getattr(order, field) != getattr(_BARE, field):
            raise Unsupported(field)
    if order.order_class not in _CLASSES:
        raise Unsupported(f"order_class {order.order_class}")


def _bracket(order: NewOrder, tick: Decimal | None) -> ExitPlan | None:
    if order.order_class != "bracket":
        for field in ("take_profit", "stop_loss"):
            if getattr(order, field) is not None:
                raise BadValue(f"{field}: expected order_class bracket with it, found {order.order_class!r}")
        return None
    target, stop = _required(order.take_profit, "take_profit"), _required(order.stop_loss, "stop_loss")
    if stop.limit_price is not None:
        raise Unsupported("stop_loss.limit_price")
    return ExitPlan(
        stop=_fitted(stop.stop_price, tick, "stop_loss.stop_price"),
        target=_fitted(target.limit_price, tick, "take_profit.limit_price"),
    )


def _fitted(value: Decimal, step: Decimal | None, name: str) -> Decimal:
    """On tick or lot, where the symbol has them; where it is not known the decision denies it."""
    return value if step is None else on_step(value, step, name)


def _required(value: _T | None, field: str) -> _T:
    if value is None:
        raise BadValue(f"{field}: expected it in this order, found none")
    return value


def _supported(word: str, words: Mapping[str, _T], field: str) -> _T:
    if word not in words:
        raise Unsupported(f"{field} {word}")
    return words[word]
