"""An order as Alpaca's clients ask for it, as a proposal of ours. Nothing asked for is dropped.

What an Alpaca order cannot say is added here. Its effect follows from its class and intent, else from the
position: what goes against it reduces, and the whole of it at the market closes, by our closing procedure, as
does a part that protection holds (`alpaca_closing`).
The price that it was decided on is the mark, by which an amount of money becomes a quantity. An entry without
legs gets its agent's configured exit plan, or none, and is then denied.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TypeVar

import msgspec
from msgspec import Struct

from agenttrader.app.gateway.alpaca_refusals import Unsupported, not_now
from agenttrader.app.gateway.alpaca_symbols import meant
from agenttrader.app.sections import ExitFractions
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, OrderId, StrategyName, Symbol, derive_order_id
from agenttrader.model.instruments import Instrument, Spread
from agenttrader.model.market import Mark
from agenttrader.model.orders import STOPS, Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO, on_step
from agenttrader.protocols.alpaca_trading import NewOrder

OPENING, PAIR = frozenset({"bracket", "oto"}), "oco"
_CLASSES = frozenset({"", "simple", *OPENING, PAIR})
REFUSED = frozenset({"advanced_instructions"})
"""The fields that are refused by name where they say something."""

_T = TypeVar("_T")


class Wish(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client asks for, its numbers on tick and lot: the same words again are the same wish."""

    client_order_id: str | None
    symbol: Symbol
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal | None = None
    notional: Decimal | None = None
    """The amount of money that is wanted instead of a quantity."""
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    order_class: str = ""
    plan: ExitPlan | None = None
    """The legs: how the entry is left, or the stop of a pair."""
    intent: str | None = None
    legs: tuple[Leg, ...] = ()
    """Of several legs, each; `symbol` is then the first one's, and the price a net price. See there."""

    def digest(self, agent: AgentName) -> str:
        """What this wish of the agent's is known by, and no other; the correlation id of what it becomes."""
        return derive_order_id("alpaca wish", agent, msgspec.json.encode(self).decode())

    def called(self, client_order_id: str | None) -> "Wish":
        """The same words under another id."""
        return msgspec.structs.replace(self, client_order_id=client_order_id)

    def units(self, mark: Mark | None, instrument: Instrument | None) -> Decimal:
        """How many units are wanted; of an amount, what it buys at the mark, in whole lots.

        Raises Refused without a price, and BadValue for an amount that is less than a lot.
        """
        if self.quantity is not None:
            return self.quantity
        assert self.notional is not None, f"{self.symbol}: expected a quantity or an amount, found neither"
        if instrument is None or isinstance(instrument, Spread) or mark is None:
            raise not_now(f"notional: no price of {self.symbol} is known to make a quantity of it; send qty")
        lots = self.notional / (mark.price * instrument.multiplier * instrument.lot)
        found = lots.to_integral_value(ROUND_FLOOR) * instrument.lot
        if found <= ZERO:
            raise BadValue(
                f"notional: expected the price of a lot of {instrument.lot} at {mark.price} or more, "
                f"found {self.notional}"
            )
        return found


def wish_of(order: NewOrder, instruments: Mapping[Symbol, Instrument]) -> Wish:
    """The order as a wish.

    Raises Unsupported for what this face does not know, and BadValue for what cannot be.
    """
    _refuse_unknown(order)
    name = _required(order.symbol, "symbol")
    symbol = meant(name, instruments) or Symbol(name)
    found = instruments.get(symbol)
    tick, lot = (None, None) if found is None or isinstance(found, Spread) else (found.tick, found.lot)
    if (order.qty is None) is (order.notional is None):
        raise BadValue(
            f"qty: expected it or notional, found {'both' if order.qty is not None else 'neither'}"
        )
    order_class = "" if order.order_class == "simple" else order.order_class
    side = Side(_required(order.side, "side"))
    limit_price = _limit_price(order)
    return Wish(
        client_order_id=order.client_order_id or None,
        symbol=symbol,
        side=side,
        quantity=None if order.qty is None else _fitted(order.qty, lot, "qty"),
        notional=order.notional,
        type=OrderType(order.type),
        time_in_force=TimeInForce(order.time_in_force),
        limit_price=None if limit_price is None else _fitted(limit_price, tick, "limit_price"),
        stop_price=None if order.stop_price is None else _fitted(order.stop_price, tick, "stop_price"),
        trail_price=None if order.trail_price is None else _fitted(order.trail_price, tick, "trail_price"),
        trail_percent=order.trail_percent,
        extended_hours=order.extended_hours,
        order_class=order_class,
        plan=_plan(order, order_class, tick),
        intent=_intent(order.position_intent, side),
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
    """The wish as the proposal `name` of `agent`, who holds `position` (signed).

    Raises BadValue, and Refused where an amount cannot be a quantity.
    """
    quantity = wish.units(mark, instrument)
    effect = effect_of(wish, position, quantity)
    proposal = Proposal(
        id=name,
        agent=agent,
        strategy=StrategyName(""),
        legs=wish.legs or (Leg(wish.symbol),),
        side=wish.side,
        quantity=quantity,
        type=wish.type,
        time_in_force=wish.time_in_force,
        effect=effect,
        reason=f"alpaca order {wish.client_order_id or 'without an id'}",
        decision_price=ZERO if mark is None else mark.price,  # without a price the check `quote` denies
        decision_time=now,
        correlation_id=wish.digest(agent),
        limit_price=wish.limit_price,
        stop_price=wish.stop_price,
        trail_price=wish.trail_price,
        trail_percent=wish.trail_percent,
        extended_hours=wish.extended_hours,
        exit_plan=wish.plan,
        client_order_id=wish.client_order_id,
    )
    if effect is not Effect.OPEN or wish.plan is not None or fractions is None or mark is None:
        return proposal
    plan = default_plan(proposal, mark.price, fractions, instrument)
    return msgspec.structs.replace(proposal, exit_plan=plan)


def effect_of(wish: Wish, position: Decimal, quantity: Decimal | None) -> Effect:
    """What the wish, of so many units, does to the position.

    An entry with legs, or by its intent, opens or is denied; so is selling more than is held. A pair reduces.
    """
    if wish.order_class == PAIR:
        return Effect.REDUCE
    opens = position * wish.side.sign >= 0 if wish.intent is None else wish.intent.endswith("_open")
    if wish.order_class in OPENING or opens:
        return Effect.OPEN
    is_whole = quantity == abs(position) and wish.type is OrderType.MARKET
    return (
        Effect.CLOSE if is_whole and wish.time_in_force.rests and not wish.extended_hours else Effect.REDUCE
    )


def default_plan(
    entry: Proposal, mark: Decimal, fractions: ExitFractions, instrument: Instrument | None
) -> ExitPlan | None:
    """The agent's own plan, from the price at which the entry would fill; each price on the nearer tick.

    A stop that enters fills beyond the mark: its plan leaves room for both.
    """
    if instrument is None:
        return None
    is_buy = entry.side is Side.BUY
    prices = [mark]
    if entry.type in STOPS:
        prices.append(entry.stop_price or entry.trigger(mark) or mark)
    elif entry.limit_price is not None:
        prices = [min(entry.limit_price, mark) if is_buy else max(entry.limit_price, mark)]
    below, above = (fractions.stop, fractions.target) if is_buy else (fractions.target, fractions.stop)
    tick = instrument.tick
    lowest, highest = min(prices), max(prices)
    # A net price may lie below 0.
    low = ((lowest - abs(lowest) * below) / tick).to_integral_value(ROUND_CEILING) * tick
    high = ((highest + abs(highest) * above) / tick).to_integral_value(ROUND_FLOOR) * tick
    return ExitPlan(stop=low, target=high) if is_buy else ExitPlan(stop=high, target=low)


def _refuse_unknown(order: NewOrder) -> None:
    for field in sorted(REFUSED):
        if getattr(order, field) is not None:
            raise Unsupported(field)
    if order.legs is not None:
        raise BadValue(f"legs: expected them in orders of class mleg alone, found {order.order_class!r}")
    assert order.order_class in _CLASSES, f"{order.order_class}: expected a class of one order"


def _limit_price(order: NewOrder) -> Decimal | None:
    """The order's own; a pair's is that of its target."""
    target = None if order.take_profit is None else order.take_profit.limit_price
    if order.order_class != PAIR or target is None:
        return order.limit_price
    if order.limit_price not in (None, target):
        raise BadValue(f"limit_price: expected that of take_profit, {target}, found {order.limit_price}")
    return target


def _plan(order: NewOrder, order_class: str, tick: Decimal | None) -> ExitPlan | None:
    """The legs that the class has: of a bracket and a pair both, of an `oto` one."""
    given = [field for field in ("take_profit", "stop_loss") if getattr(order, field) is not None]
    wanted = {"": 0, "oto": 1}.get(order_class, 2)
    if len(given) != wanted:
        raise BadValue(
            f"order_class: expected {('neither', 'one', 'both')[wanted]} of take_profit and stop_loss with "
            f"{order_class or 'simple'!r}, found {' and '.join(given) or 'neither'}"
        )
    if not given:
        return None
    target, stop = order.take_profit, order.stop_loss
    if stop is not None and stop.limit_price is not None:
        raise Unsupported("stop_loss.limit_price")
    has_target = target is not None and order_class != PAIR
    return ExitPlan(
        stop=None if stop is None else _fitted(stop.stop_price, tick, "stop_loss.stop_price"),
        target=_fitted(target.limit_price, tick, "take_profit.limit_price")
        if target is not None and has_target
        else None,
    )


def _intent(intent: str | None, side: Side) -> str | None:
    if intent is not None and not intent.startswith(side.value):
        raise BadValue(f"position_intent: expected one that begins with {side.value}, found {intent}")
    return intent


def _fitted(value: Decimal, step: Decimal | None, name: str) -> Decimal:
    """On tick or lot, where the symbol has them; where it is not known the decision denies it."""
    return value if step is None else on_step(value, step, name)


def _required(value: _T | None, field: str) -> _T:
    if value is None:
        raise BadValue(f"{field}: expected it in this order, found none")
    return value
