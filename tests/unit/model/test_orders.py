from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, OrderId, StrategyName, Symbol
from agenttrader.model.orders import (
    Effect,
    ExitPlan,
    Leg,
    OrderState,
    OrderType,
    Proposal,
    Role,
    Side,
    TimeInForce,
)
from agenttrader.model.times import Instant
from agenttrader.testing.events import proposals

PROPOSAL = Proposal(
    id=OrderId("p-1"),
    agent=AgentName("momentum"),
    strategy=StrategyName("crossover"),
    legs=(Leg(Symbol("ALFA")),),
    side=Side.BUY,
    quantity=Decimal(100),
    type=OrderType.MARKET,
    time_in_force=TimeInForce.DAY,
    effect=Effect.OPEN,
    reason="fast above slow",
    decision_price=Decimal("101.25"),
    decision_time=Instant(1),
    correlation_id="c-1",
)
LIMIT = msgspec.structs.replace(PROPOSAL, type=OrderType.LIMIT, limit_price=Decimal(10))
STOP = msgspec.structs.replace(PROPOSAL, type=OrderType.STOP, stop_price=Decimal(9))
STOP_LIMIT = msgspec.structs.replace(STOP, type=OrderType.STOP_LIMIT, limit_price=Decimal(10))
TRAILING = msgspec.structs.replace(PROPOSAL, type=OrderType.TRAILING_STOP, trail_price=Decimal(2))
EXIT = msgspec.structs.replace(PROPOSAL, effect=Effect.REDUCE)
PAIR = msgspec.structs.replace(LIMIT, effect=Effect.REDUCE, exit_plan=ExitPlan(stop=Decimal(9)))


@pytest.mark.parametrize(
    ("base", "change", "words"),
    (
        (PROPOSAL, {"legs": ()}, "legs: expected one or more different symbols"),
        (
            PROPOSAL,
            {"legs": (Leg(Symbol("A"), 0),)},
            "legs: expected one or more different symbols with ratios",
        ),
        (
            PROPOSAL,
            {"legs": (Leg(Symbol("A")), Leg(Symbol("A"), -1))},
            "legs: expected one or more different",
        ),
        (PROPOSAL, {"quantity": Decimal(0)}, "quantity: expected a number above 0, found 0"),
        (PROPOSAL, {"quantity": Decimal(-1)}, "quantity: expected a number above 0, found -1"),
        (PROPOSAL, {"quantity": Decimal("NaN")}, "quantity: expected a finite number"),
        (PROPOSAL, {"quantity": Decimal("Infinity")}, "quantity: expected a finite number"),
        (PROPOSAL, {"quantity": Decimal("1e-3000000")}, "quantity: expected at most 15 digits"),
        (PROPOSAL, {"quantity": 1.5}, "quantity: expected a decimal number, found 1.5 of type float"),
        (PROPOSAL, {"limit_price": Decimal(10)}, "limit_price: a market order has no limit_price, found 10"),
        (PROPOSAL, {"stop_price": Decimal(10)}, "stop_price: a market order has no stop_price, found 10"),
        (LIMIT, {"limit_price": None}, "limit_price: a limit order needs limit_price, found None"),
        (LIMIT, {"stop_price": Decimal(9)}, "stop_price: a limit order has no stop_price, found 9"),
        (LIMIT, {"limit_price": Decimal("NaN")}, "limit_price: expected a finite number"),
        (STOP, {"stop_price": None}, "stop_price: a stop order needs stop_price, found None"),
        (STOP, {"limit_price": Decimal(9)}, "limit_price: a stop order has no limit_price, found 9"),
        (STOP_LIMIT, {"limit_price": None}, "limit_price: a stop_limit order needs limit_price, found None"),
        (STOP_LIMIT, {"stop_price": None}, "stop_price: a stop_limit order needs stop_price, found None"),
        (TRAILING, {"trail_price": None}, "trail: a trailing_stop order has one of trail_price and"),
        (TRAILING, {"trail_percent": Decimal(1)}, "trail: a trailing_stop order has one of .*, found 2"),
        (TRAILING, {"trail_price": Decimal(0)}, "trail: expected above 0"),
        (TRAILING, {"trail_price": Decimal("NaN")}, "trail: expected a finite number"),
        (TRAILING, {"trail_price": None, "trail_percent": Decimal(100)}, "trail: expected above 0, and less"),
        (TRAILING, {"stop_price": Decimal(9)}, "stop_price: a trailing_stop order has no stop_price"),
        (PROPOSAL, {"trail_price": Decimal(1)}, "trail: a market order has none of trail_price"),
        (STOP, {"trail_percent": Decimal(1)}, "trail: a stop order has none of trail_price"),
        (PROPOSAL, {"decision_price": Decimal("NaN")}, "decision_price: expected a finite number"),
        (EXIT, {"exit_plan": ExitPlan(stop=Decimal(9))}, "exit_plan: expected none but that of an entry"),
        (STOP, {"effect": Effect.REDUCE, "exit_plan": ExitPlan(stop=Decimal(9))}, "exit_plan: expected none"),
        (PAIR, {"effect": Effect.CLOSE}, "exit_plan: expected none"),
        (PAIR, {"exit_plan": ExitPlan()}, "the stop alone of a pair"),
        (PAIR, {"exit_plan": ExitPlan(stop=Decimal(9), target=Decimal(11))}, "the stop alone of a pair"),
        (PAIR, {"legs": (Leg(Symbol("A")), Leg(Symbol("B")))}, "a limit order of one leg that reduces"),
    ),
)
def test_what_cannot_be_a_proposal_is_refused(base: Proposal, change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadValue, match=words):
        msgspec.structs.replace(base, **change)


@pytest.mark.parametrize("name", ("stop", "target", "trail"))
@pytest.mark.parametrize(
    "value", (Decimal("NaN"), Decimal("-Infinity"), Decimal("1e400"), Decimal("1e-10"), 9.5)
)
def test_an_exit_plan_holds_numbers(name: str, value: Any) -> None:
    with pytest.raises(BadValue, match=rf"^exit_plan\.{name}: expected"):
        ExitPlan(**{name: value})
    assert ExitPlan(
        stop=Decimal("9.5"), target=Decimal(12), trail=Decimal("0.5"), until=Instant(5)
    ).stop == Decimal("9.5")


def test_a_spreads_net_price_may_be_nothing_or_less() -> None:
    legs = (Leg(Symbol("A")), Leg(Symbol("B"), -2))
    for price in (Decimal("-0.35"), Decimal(0)):
        assert msgspec.structs.replace(LIMIT, legs=legs, limit_price=price).limit_price == price


@pytest.mark.parametrize(("side", "sign"), ((Side.BUY, 1), (Side.SELL, -1)))
def test_the_side_and_the_ratio_give_the_sign(side: Side, sign: int) -> None:
    legs = (Leg(Symbol("A"), 2), Leg(Symbol("B"), -3))
    both = msgspec.structs.replace(PROPOSAL, legs=legs, side=side, quantity=Decimal(5))
    assert [both.signed_quantity(leg) for leg in legs] == [10 * sign, -15 * sign]
    assert (side.sign, side.opposite.sign, side.opposite.opposite) == (sign, -sign, side)
    assert both.symbol == "A"


@given(proposals())
def test_a_proposal_goes_through_json_unchanged(proposal: Proposal) -> None:
    assert msgspec.json.decode(msgspec.json.encode(proposal), type=Proposal) == proposal


@pytest.mark.parametrize(
    ("proposal", "role", "is_pair"),
    (
        (PROPOSAL, Role.ENTRY, False),
        (msgspec.structs.replace(STOP, exit_plan=ExitPlan(stop=Decimal(8))), Role.ENTRY, False),
        (EXIT, Role.EXIT, False),
        (msgspec.structs.replace(EXIT, effect=Effect.CLOSE), Role.EXIT, False),
        (msgspec.structs.replace(LIMIT, effect=Effect.REDUCE), Role.EXIT, False),
        (msgspec.structs.replace(STOP, effect=Effect.REDUCE), Role.STOP, False),
        (msgspec.structs.replace(STOP_LIMIT, effect=Effect.REDUCE), Role.STOP, False),
        (msgspec.structs.replace(TRAILING, effect=Effect.REDUCE), Role.STOP, False),
        (msgspec.structs.replace(STOP, effect=Effect.CLOSE), Role.EXIT, False),
        (PAIR, Role.TARGET, True),
    ),
)
def test_an_exit_protects_where_it_rests_at_a_stop_or_in_a_pair(
    proposal: Proposal, role: Role, *, is_pair: bool
) -> None:
    assert (proposal.role, proposal.is_pair) == (role, is_pair)


@pytest.mark.parametrize(
    ("changes", "trigger"),
    (
        ({}, "102"),
        ({"side": Side.SELL}, "98"),
        ({"trail_price": None, "trail_percent": Decimal(5)}, "105"),
        ({"trail_price": None, "trail_percent": Decimal(5), "side": Side.SELL}, "95"),
    ),
)
def test_a_trailing_stop_is_triggered_its_trail_behind_the_mark(
    changes: dict[str, Any], trigger: str
) -> None:
    trailing = msgspec.structs.replace(TRAILING, **changes)
    assert trailing.trigger(Decimal(100)) == Decimal(trigger)
    assert STOP.trigger(Decimal(100)) is None


def test_only_orders_for_the_day_or_until_canceled_rest() -> None:
    assert {time for time in TimeInForce if time.rests} == {TimeInForce.DAY, TimeInForce.GTC}


def test_what_reserves_what_works_and_what_has_ended() -> None:
    """Every state in one of three: not yet at the broker, at the broker as far as we know, or over."""
    terminal = {state for state in OrderState if state.is_terminal}
    working = {state for state in OrderState if state.is_working}
    assert {state.value for state in terminal} == {
        "denied",
        "withheld",
        "rejected",
        "filled",
        "canceled",
        "expired",
        "replaced",
    }
    assert {state.value for state in set(OrderState) - terminal - working} == {
        "proposed",
        "pending_approval",
        "approved",
    }
    assert not terminal & working


@pytest.mark.parametrize(
    ("until", "now", "is_over"),
    ((None, 5, False), (None, None, False), (5, 4, False), (5, 5, False), (5, 6, True), (5, None, True)),
)
def test_a_proposal_is_over_after_its_own_time_and_where_nobody_knows_the_time(
    until: int | None,
    now: int | None,
    is_over: bool,  # noqa: FBT001
) -> None:
    proposal = msgspec.structs.replace(PROPOSAL, valid_until=None if until is None else Instant(until))
    assert proposal.is_over(None if now is None else Instant(now)) is is_over
