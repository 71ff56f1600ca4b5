"""Alpaca's orders of several options as wishes: what is read, what is refused, and what they do."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.app.gateway.alpaca_packages import HAS_NO, package_wish, units_held
from agenttrader.app.gateway.alpaca_refusals import Unsupported
from agenttrader.app.gateway.alpaca_requests import Wish, effect_of, proposal_of
from agenttrader.app.sections import ExitFractions
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, Symbol, derive_order_id
from agenttrader.model.instruments import Instrument, Option
from agenttrader.model.market import Mark
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Side, TimeInForce
from agenttrader.protocols.alpaca_trading import NewOrder, OptionLeg, StopLoss, TakeProfit
from agenttrader.testing.builders import ALFA, at

D = Decimal
NEAR, FAR = Symbol("NEAR"), Symbol("FAR")
KNOWN: dict[Symbol, Instrument] = {
    symbol: Option(
        symbol=symbol,
        tick=D("0.01"),
        lot=D(1),
        multiplier=D(100),
        underlying=ALFA,
        expiry="2026-12-18",
        strike=D(100),
        right="call",
    )
    for symbol in (NEAR, FAR)
}


def leg(
    symbol: str = NEAR, side: str | None = "buy", intent: str | None = None, ratio: str = "1"
) -> OptionLeg:
    return OptionLeg(symbol=symbol, side=side, position_intent=intent, ratio_qty=D(ratio))


NOT_ITS: dict[str, Any] = {
    "symbol": NEAR,
    "side": "buy",
    "position_intent": "buy_to_open",
    "notional": D(1),
    "stop_price": D(1),
    "trail_price": D(1),
    "trail_percent": D(1),
    "take_profit": TakeProfit(limit_price=D(1)),
    "stop_loss": StopLoss(stop_price=D(1)),
}
PLAIN = (leg(), leg(FAR, "sell", ratio="2"))


def new(**changes: Any) -> NewOrder:
    fields: dict[str, Any] = {
        "order_class": "mleg",
        "qty": D(3),
        "type": "limit",
        "limit_price": D("1.5000000000001"),
        "time_in_force": "day",
        "client_order_id": "mine",
        "legs": PLAIN,
    }
    return NewOrder(**(fields | changes))


def wish(**changes: Any) -> Wish:
    return package_wish(new(**changes), KNOWN)


def test_it_is_a_purchase_of_its_legs_each_its_own_way() -> None:
    assert wish() == Wish(
        client_order_id="mine",
        symbol=NEAR,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=D(3),
        limit_price=D("1.50"),
        order_class="mleg",
        legs=(Leg(NEAR), Leg(FAR, -2)),
    )


@pytest.mark.parametrize(
    ("legs", "intent"),
    (
        ((leg(side=None, intent="buy_to_open"), leg(FAR, "sell", "sell_to_open")), "buy_to_open"),
        ((leg(side=None, intent="sell_to_close"), leg(FAR, None, "buy_to_close")), "buy_to_close"),
    ),
)
def test_its_intent_is_that_of_all_legs(legs: tuple[OptionLeg, ...], intent: str) -> None:
    assert wish(legs=legs).intent == intent


@pytest.mark.parametrize(
    ("changes", "kind", "found"),
    (
        *(({name: value}, BadValue, f"{name}: an mleg order has none") for name, value in NOT_ITS.items()),
        ({"advanced_instructions": {}}, Unsupported, "advanced_instructions"),
        ({"type": "stop"}, BadValue, "type: expected market or limit"),
        ({"extended_hours": True}, BadValue, "type: expected market or limit in the session"),
        ({"qty": None}, BadValue, "qty: expected it"),
        ({"qty": D("1.5")}, BadValue, "qty: expected a multiple"),
        ({"legs": None}, BadValue, "legs: expected 2 to 4"),
        ({"legs": (leg(), leg(FAR, "hold"))}, BadValue, r"legs\.side: expected one of"),
        ({"legs": (leg(), leg(FAR, intent="buy"))}, BadValue, r"legs\.position_intent: expected one of"),
        ({"legs": (leg(), leg(FAR, None))}, BadValue, r"legs\.side: expected one that fits"),
        ({"legs": (leg(), leg(FAR, "buy", "sell_to_open"))}, BadValue, r"legs\.side: expected one that fits"),
        ({"legs": (leg(ratio="1.5"), leg(FAR))}, BadValue, r"legs\.ratio_qty: expected a whole number"),
        ({"legs": (leg(ratio="0"), leg(FAR))}, BadValue, r"legs\.ratio_qty: expected a whole number"),
        (
            {"legs": (leg(intent="buy_to_open"), leg(FAR, "sell"))},
            BadValue,
            r"legs\.position_intent: expected it in every leg",
        ),
        (
            {"legs": (leg(intent="buy_to_open"), leg(FAR, "sell", "sell_to_close"))},
            Unsupported,
            "legs that open beside legs that close",
        ),
    ),
)
def test_what_it_has_not_is_refused_by_name(
    changes: dict[str, Any], kind: type[Exception], found: str
) -> None:
    with pytest.raises(kind, match=found):
        wish(**changes)


def test_every_field_that_it_has_not_is_tried() -> None:
    assert set(NOT_ITS) == set(HAS_NO)


@pytest.mark.parametrize(
    ("near", "far", "units", "effect"),
    (
        (0, 0, 0, Effect.OPEN),
        (2, -4, 2, Effect.OPEN),
        (-3, 6, -3, Effect.REDUCE),
        (-3, 4, -3, Effect.REDUCE),
        (-1, 6, -3, Effect.REDUCE),
    ),
)
def test_what_it_does_follows_from_what_is_held(near: int, far: int, units: int, effect: Effect) -> None:
    held = {NEAR: D(near), FAR: D(far)}
    found = units_held(wish(), held.__getitem__)
    assert found == units
    assert effect_of(wish(), found, wish().quantity) is effect
    at_market = wish(type="market", limit_price=None)
    if found == -3:
        assert effect_of(at_market, found, D(3)) is Effect.CLOSE, "where legs differ `whole` denies it"
        assert effect_of(at_market, found, D(2)) is Effect.REDUCE


def test_where_its_legs_would_do_different_things_it_must_say_which() -> None:
    held = {NEAR: D(3), FAR: D(2)}
    with pytest.raises(BadValue, match="send position_intent"):
        units_held(wish(), held.__getitem__)
    said = wish(legs=(leg(intent="buy_to_open"), leg(FAR, "sell", "sell_to_open", "2")))
    assert effect_of(said, units_held(said, held.__getitem__), D(3)) is Effect.OPEN


@pytest.mark.parametrize(
    ("net", "limit", "plan"),
    (
        ("1.60", "1.50", ExitPlan(stop=D("1.20"), target=D("1.65"))),
        ("-0.90", "-1.00", ExitPlan(stop=D("-1.20"), target=D("-0.90"))),
    ),
)
def test_its_plan_leaves_room_on_both_sides_of_a_net_price(net: str, limit: str, plan: ExitPlan) -> None:
    made = proposal_of(
        wish(limit_price=D(limit)),
        derive_order_id("a spread"),
        AgentName("bot"),
        position=D(0),
        mark=Mark(price=D(net), time=at(1), source="test"),
        fractions=ExitFractions(stop=D("0.2"), target=D("0.1")),
        instrument=KNOWN[NEAR],
        now=at(1),
    )
    assert (made.legs, made.side, made.decision_price) == ((Leg(NEAR), Leg(FAR, -2)), Side.BUY, D(net))
    assert made.exit_plan == plan
