"""An order in Alpaca's words as a proposal: what is read, what is added, and that nothing is dropped."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.gateway.alpaca_refusals import Refused, Unsupported
from agenttrader.app.gateway.alpaca_requests import (
    REFUSED,
    Wish,
    effect_of,
    proposal_of,
    wish_of,
)
from agenttrader.app.gateway.alpaca_symbols import asset_id
from agenttrader.app.sections import ExitFractions
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, Symbol, derive_order_id
from agenttrader.model.instruments import Component, CryptoPair, Equity, Spread
from agenttrader.model.market import Mark
from agenttrader.model.orders import Effect, ExitPlan, OrderType, Proposal, Role, Side, TimeInForce
from agenttrader.protocols.alpaca_trading import NewOrder, OptionLeg, StopLoss, TakeProfit
from agenttrader.testing.builders import ALFA, BRAVO, at, instruments

D = Decimal
BOT = AgentName("bot")
NAME = derive_order_id("an order")
HUNDRED = Mark(price=D(100), time=at(1), source="test")
PLAN = ExitFractions(stop=D("0.03"), target=D("0.05"))
LEGS: dict[str, Any] = {
    "order_class": "bracket",
    "take_profit": TakeProfit(limit_price=D(110)),
    "stop_loss": StopLoss(stop_price=D(95)),
}
REST = frozenset(NewOrder.__struct_fields__)


def new(**changes: Any) -> NewOrder:
    fields: dict[str, Any] = {
        "symbol": ALFA,
        "qty": D(10),
        "side": "buy",
        "type": "market",
        "time_in_force": "day",
        "client_order_id": "mine",
    }
    return NewOrder(**(fields | changes))


def wish(**changes: Any) -> Wish:
    return wish_of(new(**changes), instruments())


def proposed(position: int = 0, *, by: Wish | None = None, **changes: Any) -> Proposal:
    surroundings: dict[str, Any] = {
        "mark": HUNDRED,
        "fractions": PLAN,
        "instrument": instruments()[ALFA],
        "now": at(2),
    }
    return proposal_of(
        wish() if by is None else by,
        NAME,
        BOT,
        position=D(position),
        **(surroundings | changes),
    )


def test_every_field_of_an_order_is_read() -> None:
    assert wish(type="limit", limit_price=D("99.5"), time_in_force="gtc", side="sell", **LEGS) == Wish(
        client_order_id="mine",
        symbol=ALFA,
        side=Side.SELL,
        quantity=D(10),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        limit_price=D("99.50"),
        order_class="bracket",
        plan=ExitPlan(stop=D(95), target=D(110)),
    )
    made = proposed(
        by=wish(type="stop_limit", stop_price=D(101), limit_price=D("101.5"), extended_hours=True)
    )
    assert (made.type, made.stop_price, made.limit_price) == (OrderType.STOP_LIMIT, D(101), D("101.50"))
    assert (made.extended_hours, made.effect) == (True, Effect.OPEN)


@pytest.mark.parametrize("trail", ({"trail_price": D("1.5")}, {"trail_percent": D("2.5")}))
def test_a_stop_that_follows_says_by_how_much(trail: dict[str, Any]) -> None:
    made = proposed(10, by=wish(type="trailing_stop", side="sell", **trail))
    assert (made.effect, made.role) == (Effect.REDUCE, Role.STOP)
    assert {name: getattr(made, name) for name in trail} == trail


@pytest.mark.parametrize("time", TimeInForce)
def test_every_time_in_force_is_read(time: TimeInForce) -> None:
    assert proposed(by=wish(time_in_force=time.value)).time_in_force is time


def test_a_pair_is_its_target_with_the_stop_beside_it() -> None:
    for limit in (None, D(110)):
        asked = wish(side="sell", type="limit", limit_price=limit, **LEGS | {"order_class": "oco"})
        assert proposed(0, by=asked).effect is Effect.REDUCE
        made = proposed(10, by=asked)
        assert (made.effect, made.is_pair, made.limit_price) == (Effect.REDUCE, True, D(110))
        assert made.exit_plan == ExitPlan(stop=D(95))


def test_one_leg_is_an_oto() -> None:
    stop = wish(order_class="oto", stop_loss=LEGS["stop_loss"])
    assert proposed(by=stop).exit_plan == ExitPlan(stop=D(95))
    target = wish(order_class="oto", take_profit=LEGS["take_profit"])
    assert proposed(by=target).exit_plan == ExitPlan(target=D(110))


def test_an_amount_is_what_it_buys_at_the_mark_in_whole_lots() -> None:
    asked = wish(qty=None, notional=D("1099.99"))
    assert proposed(by=asked).quantity == 10
    shared = Equity(symbol=ALFA, tick=D("0.01"), lot=D("0.001"))
    assert proposed(by=asked, instrument=shared).quantity == D("10.999")
    with pytest.raises(BadValue, match="notional: expected the price of a lot of 1 at 100 or more"):
        proposed(by=wish(qty=None, notional=D("99.99")))
    with pytest.raises(Refused, match="notional: no price of ALFA is known"):
        proposed(by=asked, mark=None)


def test_an_intent_says_what_the_order_does() -> None:
    def effect(position: int, side: str, intent: str) -> Effect:
        return proposed(position, by=wish(side=side, position_intent=intent)).effect

    assert effect(10, "sell", "sell_to_open") is effect(0, "buy", "buy_to_open") is Effect.OPEN
    assert effect(20, "sell", "sell_to_close") is effect(0, "buy", "buy_to_close") is Effect.REDUCE
    assert effect(10, "sell", "sell_to_close") is Effect.CLOSE
    with pytest.raises(BadValue, match="position_intent: expected one that begins with buy"):
        wish(position_intent="sell_to_close")


def test_every_name_of_a_symbol_is_understood() -> None:
    pair = Symbol("BTC/USD")
    known = {pair: CryptoPair(symbol=pair, tick=D("0.01"), lot=D("0.0001"))}
    asked = [wish_of(new(symbol=name, qty=D("0.5")), known) for name in (pair, "BTCUSD", asset_id(pair))]
    assert {each.symbol for each in asked} == {pair}
    assert len({each.digest(BOT) for each in asked}) == 1


UNKNOWN: dict[str, Any] = {
    "advanced_instructions": {"algorithm": "VWAP"},
}


@pytest.mark.parametrize("field", UNKNOWN)
def test_a_field_that_this_face_does_not_know_is_refused_by_name(field: str) -> None:
    with pytest.raises(Unsupported, match=f"not supported by this gateway yet: {field}$"):
        wish(**{field: UNKNOWN[field]})


def test_legs_are_those_of_an_order_of_several() -> None:
    with pytest.raises(BadValue, match="legs: expected them in orders of class mleg alone, found ''"):
        wish(legs=(OptionLeg(symbol="X", ratio_qty=D(1)),))


def test_every_field_of_the_protocol_is_read_or_refused() -> None:
    read = {"symbol", "qty", "notional", "side", "type", "time_in_force", "client_order_id", "order_class"}
    read |= {"take_profit", "stop_loss", "limit_price", "stop_price", "trail_price", "trail_percent"}
    read |= {"extended_hours", "position_intent", "legs"}
    assert set(UNKNOWN) == REFUSED
    assert read | REFUSED == REST


@pytest.mark.parametrize(
    ("changes", "what"),
    ((LEGS | {"stop_loss": StopLoss(stop_price=D(95), limit_price=D(94))}, "stop_loss.limit_price"),),
)
def test_a_word_that_this_face_does_not_know_is_refused_by_name(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(Unsupported, match=f"not supported by this gateway yet: {what}$"):
        wish(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    (
        ({"symbol": None}, "symbol: expected it"),
        ({"side": None}, "side: expected it"),
        ({"qty": None}, "qty: expected it or notional, found neither"),
        ({"notional": D(100)}, "qty: expected it or notional, found both"),
        ({"qty": D("1.5")}, "qty: expected a multiple of 1, found 1.5"),
        ({"limit_price": D(99)}, "limit_price: a market order has no limit_price"),
        ({"type": "limit"}, "limit_price: a limit order needs limit_price"),
        ({"type": "stop_limit", "stop_price": D(99)}, "limit_price: a stop_limit order needs limit_price"),
        ({"type": "stop"}, "stop_price: a stop order needs stop_price"),
        ({"type": "trailing_stop"}, "trail: a trailing_stop order has one of trail_price and trail_percent"),
        ({"trail_price": D(1)}, "trail: a market order has none of trail_price and trail_percent"),
        ({"type": "limit", "limit_price": D("99.001")}, "limit_price: expected a multiple of 0.01"),
        ({"type": "trailing_stop", "trail_price": D("0.001")}, "trail_price: expected a multiple of 0.01"),
        ({"stop_price": D(99)}, "stop_price: a market order has no stop_price"),
        (
            {"take_profit": TakeProfit(limit_price=D(1))},
            "order_class: expected neither of take_profit and stop_loss with 'simple', found take_profit",
        ),
        ({"order_class": "bracket"}, "order_class: expected both of .* with 'bracket', found neither"),
        (LEGS | {"order_class": "oto"}, "order_class: expected one of .* found take_profit and stop_loss"),
        (LEGS | {"stop_loss": StopLoss(stop_price=D("95.001"))}, "stop_loss.stop_price: expected a multiple"),
        (
            LEGS | {"order_class": "oco", "type": "limit", "limit_price": D(111)},
            "limit_price: expected that of take_profit, 110, found 111",
        ),
        (LEGS | {"order_class": "oco"}, "exit_plan: expected none but .* a limit order of one leg"),
    ),
)
def test_what_cannot_be_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BadValue, match=says):
        proposed(by=wish(**changes))


def test_an_order_without_an_id_is_a_wish_without_one() -> None:
    for name in (None, ""):
        made = proposed(by=wish(client_order_id=name))
        assert (made.client_order_id, made.reason) == (None, "alpaca order without an id")


def test_a_symbol_that_is_not_known_is_left_for_the_decision() -> None:
    known = instruments() | {
        Symbol("PAIR"): Spread(
            symbol=Symbol("PAIR"), tick=D("0.01"), legs=(Component(ALFA, 1), Component(BRAVO, -1))
        )
    }
    for symbol in ("NONE", "PAIR"):
        asked = wish_of(new(symbol=symbol, qty=D("1.5")), known)
        made = proposed(by=asked, instrument=known.get(Symbol(symbol)), fractions=None)
        assert (made.symbol, made.quantity, made.exit_plan) == (symbol, D("1.5"), None)
    nothing = proposed(by=wish_of(new(symbol="NONE"), known), instrument=None)
    assert nothing.exit_plan is None


# What is added.


def test_what_an_alpaca_order_cannot_say_is_added() -> None:
    made = proposed()
    assert (made.id, made.agent, made.strategy, made.group) == (NAME, "bot", "", None)
    assert (made.reason, made.client_order_id) == ("alpaca order mine", "mine")
    assert (made.decision_price, made.decision_time) == (D(100), at(2))
    assert made.correlation_id == wish().digest(BOT)
    assert proposed(mark=None).decision_price == 0
    assert proposed(mark=None).exit_plan is None


@pytest.mark.parametrize(
    ("position", "changes", "effect"),
    (
        (0, {}, Effect.OPEN),
        (10, {}, Effect.OPEN),
        (-10, {"side": "sell"}, Effect.OPEN),
        (10, {"side": "sell"}, Effect.CLOSE),
        (-10, {}, Effect.CLOSE),
        (11, {"side": "sell"}, Effect.REDUCE),
        (9, {"side": "sell"}, Effect.REDUCE),
        (10, {"side": "sell", "type": "limit", "limit_price": D(101)}, Effect.REDUCE),
        (10, {"side": "sell", "time_in_force": "gtc"}, Effect.CLOSE),
        (10, {"side": "sell", "time_in_force": "cls"}, Effect.REDUCE),
        (10, {"side": "sell"} | LEGS, Effect.OPEN),
    ),
)
def test_the_effect_follows_from_the_position(position: int, changes: dict[str, Any], effect: Effect) -> None:
    asked = wish(**changes)
    assert effect_of(asked, D(position), asked.quantity) is effect
    made = proposed(position, by=asked)
    assert made.effect is effect
    assert (made.exit_plan is not None) is (effect is Effect.OPEN)


@pytest.mark.parametrize(
    ("changes", "stop", "target"),
    (
        ({}, "97.00", "105.00"),
        ({"side": "sell"}, "103.00", "95.00"),
        ({"type": "limit", "limit_price": D(98)}, "95.06", "102.90"),
        ({"type": "limit", "limit_price": D(104)}, "97.00", "105.00"),
        ({"side": "sell", "type": "limit", "limit_price": D(101)}, "104.03", "95.95"),
        ({"side": "sell", "type": "limit", "limit_price": D(97)}, "103.00", "95.00"),
        ({"type": "stop", "stop_price": D(102)}, "97.00", "107.10"),
        ({"side": "sell", "type": "stop", "stop_price": D(98)}, "103.00", "93.10"),
        ({"type": "trailing_stop", "trail_percent": D(2)}, "97.00", "107.10"),
    ),
)
def test_the_agents_own_plan_is_taken_from_the_price_at_which_the_order_would_fill(
    changes: dict[str, Any], stop: str, target: str
) -> None:
    assert proposed(by=wish(**changes)).exit_plan == ExitPlan(stop=D(stop), target=D(target))


def test_without_a_plan_none_is_invented_and_a_bracket_goes_before_it() -> None:
    assert proposed(fractions=None).exit_plan is None
    assert proposed(by=wish(**LEGS)).exit_plan == ExitPlan(stop=D(95), target=D(110))


@given(
    price=st.decimals(min_value=1, max_value=10_000, places=9),
    fractions=st.tuples(*(st.decimals(min_value=D("0.001"), max_value=D("0.999"), places=3),) * 2),
    side=st.sampled_from(("buy", "sell")),
    tick=st.sampled_from((D("0.01"), D("0.05"), D(1))),
)
def test_a_plan_of_fractions_lies_on_ticks_and_no_further_than_the_fractions(
    price: Decimal, fractions: tuple[Decimal, Decimal], side: str, tick: Decimal
) -> None:
    plan = proposed(
        by=wish(side=side),
        mark=Mark(price=price, time=at(1), source="test"),
        fractions=ExitFractions(stop=fractions[0], target=fractions[1]),
        instrument=Equity(symbol=ALFA, tick=tick, lot=D(1)),
    ).exit_plan
    assert plan is not None
    assert plan.stop is not None
    assert plan.target is not None
    assert plan.stop % tick == plan.target % tick == 0
    sign = 1 if side == "buy" else -1
    assert (price - plan.stop) * sign <= price * fractions[0]
    assert (plan.target - price) * sign <= price * fractions[1]


# Identity.


def test_the_same_words_are_the_same_wish_and_any_other_word_makes_another() -> None:
    assert wish().digest(BOT) == wish(client_order_id="other").called("mine").digest(BOT)
    assert wish().digest(BOT) == wish(qty=D("10.0000000000001"), order_class="simple").digest(BOT)
    others = [
        wish(client_order_id="other"),
        wish(symbol=BRAVO),
        wish(qty=D(11)),
        wish(side="sell"),
        wish(time_in_force="gtc"),
        wish(type="limit", limit_price=D(99)),
        wish(type="limit", limit_price=D(98)),
        wish(**LEGS),
        wish(qty=None, notional=D(10)),
        wish(extended_hours=True),
        wish(position_intent="buy_to_open"),
        wish(order_class="oto", stop_loss=LEGS["stop_loss"]),
    ]
    digests = {each.digest(BOT) for each in others}
    digests |= {wish().digest(BOT), wish().digest(AgentName("other"))}
    assert len(digests) == len(others) + 2
