"""An order in Alpaca's words as a proposal: what is read, what is added, and that nothing is dropped."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.gateway.alpaca_refusals import Unsupported
from agenttrader.app.gateway.alpaca_requests import Wish, closing_proposal, effect_of, proposal_of, wish_of
from agenttrader.app.sections import ExitFractions
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, Symbol, derive_order_id
from agenttrader.model.instruments import Component, Equity, Spread
from agenttrader.model.market import Mark
from agenttrader.model.orders import Effect, ExitPlan, OrderType, Proposal, Side, TimeInForce
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
        bracket=ExitPlan(stop=D(95), target=D(110)),
    )


UNKNOWN: dict[str, Any] = {
    "notional": D(100),
    "trail_price": D(1),
    "trail_percent": D(1),
    "extended_hours": True,
    "legs": (OptionLeg(symbol="X", ratio_qty=D(1)),),
    "position_intent": "buy_to_open",
    "advanced_instructions": {"algorithm": "VWAP"},
}


@pytest.mark.parametrize("field", UNKNOWN)
def test_a_field_that_this_face_does_not_know_is_refused_by_name(field: str) -> None:
    with pytest.raises(Unsupported, match=f"not supported by this gateway yet: {field}$"):
        wish(**{field: UNKNOWN[field]})


def test_every_field_of_the_protocol_is_read_or_refused() -> None:
    read = {"symbol", "qty", "side", "type", "time_in_force", "client_order_id", "order_class"}
    read |= {"take_profit", "stop_loss", "limit_price", "stop_price"}
    assert read | set(UNKNOWN) == REST


@pytest.mark.parametrize(
    ("changes", "what"),
    (
        ({"type": "stop", "stop_price": D(90)}, "type stop"),
        ({"type": "stop_limit"}, "type stop_limit"),
        ({"type": "trailing_stop"}, "type trailing_stop"),
        ({"time_in_force": "ioc"}, "time_in_force ioc"),
        ({"time_in_force": "fok"}, "time_in_force fok"),
        ({"time_in_force": "opg"}, "time_in_force opg"),
        ({"order_class": "oco"}, "order_class oco"),
        ({"order_class": "oto"}, "order_class oto"),
        ({"order_class": "mleg"}, "order_class mleg"),
        (LEGS | {"stop_loss": StopLoss(stop_price=D(95), limit_price=D(94))}, "stop_loss.limit_price"),
    ),
)
def test_a_word_that_this_face_does_not_know_is_refused_by_name(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(Unsupported, match=f"not supported by this gateway yet: {what}$"):
        wish(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    (
        ({"symbol": None}, "symbol: expected it"),
        ({"side": None}, "side: expected it"),
        ({"qty": None}, "qty: expected it"),
        ({"qty": D("1.5")}, "qty: expected a multiple of 1, found 1.5"),
        ({"limit_price": D(99)}, "limit_price: a market order has no limit_price"),
        ({"type": "limit"}, "limit_price: a limit order needs limit_price"),
        ({"type": "limit", "limit_price": D("99.001")}, "limit_price: expected a multiple of 0.01"),
        ({"stop_price": D(99)}, "stop_price: a market order has no stop_price"),
        ({"take_profit": TakeProfit(limit_price=D(1))}, "take_profit: expected order_class bracket"),
        ({"order_class": "bracket"}, "take_profit: expected it"),
        (LEGS | {"stop_loss": StopLoss(stop_price=D("95.001"))}, "stop_loss.stop_price: expected a multiple"),
    ),
)
def test_what_cannot_be_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BadValue, match=says):
        wish(**changes)


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
        (10, {"side": "sell"} | LEGS, Effect.OPEN),
    ),
)
def test_the_effect_follows_from_the_position(position: int, changes: dict[str, Any], effect: Effect) -> None:
    asked = wish(**changes)
    assert effect_of(asked, D(position)) is effect
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
    ]
    digests = {each.digest(BOT) for each in others}
    digests |= {wish().digest(BOT), wish().digest(AgentName("other"))}
    assert len(digests) == len(others) + 2


def test_a_close_takes_the_whole_at_the_market_whatever_side_is_held() -> None:
    for position, side in ((D(7), Side.SELL), (D(-7), Side.BUY)):
        made = closing_proposal(ALFA, NAME, AgentName("bot"), position=position, mark=HUNDRED, now=at(2))
        assert (made.side, made.quantity, made.effect) == (side, D(7), Effect.CLOSE)
        assert (made.type, made.exit_plan, made.decision_price) == (OrderType.MARKET, None, D(100))
