"""Alpaca's orders of several options (`mleg`) as wishes: one purchase of their legs, each leg its own way.

A leg that sells has a ratio below 0, so the net price is above 0 where it is paid and below 0 where it is
received, as Alpaca's is. All legs open, or all of them close.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from agenttrader.app.gateway.alpaca_refusals import Unsupported
from agenttrader.app.gateway.alpaca_requests import REFUSED, Wish
from agenttrader.app.gateway.alpaca_symbols import meant
from agenttrader.app.gateway.packages import net_price, options_of, steps_of
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Instrument
from agenttrader.model.market import Mark
from agenttrader.model.orders import Leg, OrderType, Side, TimeInForce
from agenttrader.model.values import on_step
from agenttrader.protocols.alpaca_trading import POSITION_INTENTS, SIDES, NewOrder, OptionLeg
from agenttrader.runtime.engine import Engine

MLEG = "mleg"
HAS_NO = (
    *("symbol", "side", "position_intent", "notional", "stop_price", "trail_price", "trail_percent"),
    *("take_profit", "stop_loss"),
)
"""The fields of an order that one of several legs does not have."""
_TYPES = frozenset({"market", "limit"})
_OPEN, _CLOSE = "open", "close"


def package_wish(order: NewOrder, instruments: Mapping[Symbol, Instrument]) -> Wish:
    """The order as a wish. Raises Unsupported for what is not known here, and BadValue for what cannot be."""
    for field in sorted(REFUSED):
        if getattr(order, field) is not None:
            raise Unsupported(field)
    for field in HAS_NO:
        if getattr(order, field) is not None:
            raise BadValue(f"{field}: an mleg order has none, found {getattr(order, field)}")
    if order.type not in _TYPES or order.extended_hours:
        found = f"{order.type}{' for extended hours' if order.extended_hours else ''}"
        raise BadValue(f"type: expected market or limit in the session for an mleg order, found {found}")
    if order.qty is None:
        raise BadValue("qty: expected it in this order, found none")
    asked = order.legs or ()
    legs = tuple(_leg(each, instruments) for each in asked)
    options_of(legs, instruments)  # so one leg alone is refused, too
    steps, limit = steps_of(legs, instruments), order.limit_price
    return Wish(
        client_order_id=order.client_order_id or None,
        symbol=legs[0].symbol,
        side=Side.BUY,
        type=OrderType(order.type),
        time_in_force=TimeInForce(order.time_in_force),
        quantity=order.qty if steps is None else on_step(order.qty, steps.lot, "qty"),
        limit_price=limit if limit is None or steps is None else on_step(limit, steps.tick, "limit_price"),
        order_class=MLEG,
        intent=_intent(asked),
        legs=legs,
    )


class Seen(NamedTuple):
    """What a wish is judged by: how much of it is held, signed, its price, and what has its steps."""

    position: Decimal
    mark: Mark | None
    instrument: Instrument | None


def seen_of(wish: Wish, engine: Engine) -> Seen:
    """What the engine knows of what the wish is for. Raises BadValue as `units_held`."""
    position, marks, instruments = engine.state.book.position, engine.market.marks, engine.rules.instruments
    if not wish.legs:
        return Seen(position(wish.symbol), marks.get(wish.symbol), instruments.get(wish.symbol))
    net = net_price(wish.legs, lambda symbol: mark.price if (mark := marks.get(symbol)) else None)
    found = [each for leg in wish.legs if (each := instruments.get(leg.symbol)) is not None]
    return Seen(
        units_held(wish, position),
        None if net is None else replace(marks[wish.symbol], price=net),
        min(found, key=lambda each: each.tick, default=None),
    )


def units_held(wish: Wish, position: Callable[[Symbol], Decimal]) -> Decimal:
    """How many units of the wish's legs are held, signed; of legs that differ, as many as the most.

    Raises BadValue where some would add to what is held and others take from it, and it does not say which.
    """
    units = [position(leg.symbol) / leg.ratio for leg in wish.legs]
    if min(units) < 0 <= max(units) and wish.intent is None:
        raise BadValue(
            "legs: expected all that open, or all that take from what is held; send position_intent"
        )
    return max(units, key=abs)


def _leg(leg: OptionLeg, instruments: Mapping[Symbol, Instrument]) -> Leg:
    """A leg says a side, an intent, or both."""
    for name, word, words in (
        ("side", leg.side, SIDES),
        ("position_intent", leg.position_intent, POSITION_INTENTS),
    ):
        if word is not None and word not in words:
            raise BadValue(f"legs.{name}: expected one of {', '.join(sorted(words))}, found {word!r}")
    said = {each.partition("_")[0] for each in (leg.side, leg.position_intent) if each is not None}
    if len(said) != 1:
        raise BadValue(f"legs.side: expected one that fits position_intent, found {sorted(said) or 'none'}")
    if leg.ratio_qty < 1 or leg.ratio_qty % 1:
        raise BadValue(f"legs.ratio_qty: expected a whole number above 0, found {leg.ratio_qty}")
    sign = 1 if said == {"buy"} else -1
    return Leg(meant(leg.symbol, instruments) or Symbol(leg.symbol), sign * int(leg.ratio_qty))


def _intent(legs: tuple[OptionLeg, ...]) -> str | None:
    """What the whole does, in Alpaca's words for a purchase; None where no leg says so."""
    said = {None if leg.position_intent is None else leg.position_intent.rpartition("_")[2] for leg in legs}
    if said == {None}:
        return None
    if said in ({_OPEN}, {_CLOSE}):
        return f"buy_to_{said.pop()}"
    if None in said:
        raise BadValue("legs.position_intent: expected it in every leg, or in none")
    raise Unsupported("legs that open beside legs that close in one order")
