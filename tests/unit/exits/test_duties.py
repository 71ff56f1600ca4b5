"""What the exits unit wants, case by case; both sides of the market."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.exits.acts import (
    DOUBTED_AFTER,
    Act,
    Cancel,
    Close,
    Doubt,
    Moment,
    OrderSeen,
    Patience,
    Position,
    Protect,
)
from agenttrader.exits.duties import duties
from agenttrader.model.breaks import DoubtKind
from agenttrader.model.identifiers import OrderId, StrategyName, Symbol
from agenttrader.model.orders import Effect, ExitPlan, OrderState, Role, Side, TimeInForce
from agenttrader.model.times import MINUTE, SECOND, Instant

D = Decimal
ALFA = Symbol("ALFA")
NOW, CLOSE = Instant(1_000 * SECOND), Instant(5_000 * SECOND)
PATIENCE = Patience(partial_fill_seconds=10, retry_seconds_max=60)
SIDES = tuple(Side)
RECKLESS = ExitPlan(stop=D(95), trail=D(4))


def price(value: str, side: Side) -> Decimal:
    """What is as good for a short as `value` is for a long, from 100."""
    return D(value) if side is Side.BUY else 200 - D(value)


def held(side: Side = Side.BUY, **changes: Any) -> Position:
    """10 at 100, its stop at 95 and its target at 110, with nothing that protects it; or short, mirrored."""
    values: dict[str, Any] = {
        "symbol": ALFA,
        "quantity": D(10) * side.sign,
        "stated": D(10) * side.sign,
        "average_price": D(100),
        "sequence": 7,
        "since": Instant(MINUTE),
        "strategy": StrategyName("momentum"),
        "plan": ExitPlan(stop=price("95", side), target=price("110", side)),
        "protected": D(0),
        "closing": False,
        "unprotected_since": Instant(NOW - SECOND),
    }
    return Position(**(values | changes))


def order(name: str, side: Side = Side.SELL, **changes: Any) -> OrderSeen:
    """A stop of 10 that rests, of somebody else's."""
    values: dict[str, Any] = {
        "id": OrderId(name),
        "symbol": ALFA,
        "side": side,
        "effect": Effect.REDUCE,
        "role": Role.STOP,
        "remaining": D(10),
        "state": OrderState.ACCEPTED,
        "updated": NOW,
    }
    return OrderSeen(**(values | changes))


def entry(state: OrderState = OrderState.PARTIALLY_FILLED, side: Side = Side.BUY) -> tuple[OrderSeen, ...]:
    """An entry of 20 that works, with its stop and target."""
    leg = {"state": OrderState.ACCEPTED, "parent": OrderId("entry"), "remaining": D(20)}
    return (
        order("entry", side, effect=Effect.OPEN, role=Role.ENTRY, remaining=D(10), state=state),
        order("entry/stop", side.opposite, **leg),
        order("entry/target", side.opposite, role=Role.TARGET, **leg),
    )


def wanted(position: Position | None, *orders: OrderSeen, **changes: Any) -> tuple[Act, ...]:
    moment: dict[str, Any] = {"now": NOW, "close": CLOSE, "marks": {ALFA: D(100)}}
    positions = () if position is None else (position,)
    return duties(positions, orders, Moment(**(moment | changes)), PATIENCE)


@pytest.mark.parametrize("side", SIDES)
def test_what_no_stop_faces_is_protected_at_once(side: Side) -> None:
    (act,) = wanted(held(side))
    assert isinstance(act, Protect)
    assert (act.side, act.quantity, act.time_in_force) == (side.opposite, D(10), TimeInForce.GTC)
    assert (act.stop, act.target) == (price("95", side), price("110", side))
    assert wanted(held(side)) == (act,), "asked again it has the same name"
    (part,) = wanted(held(side, protected=D(6)), order("stop", side.opposite, remaining=D(6)))
    assert isinstance(part, Protect)
    assert part.quantity == 4


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("state", (OrderState.SENDING, OrderState.UNKNOWN, OrderState.CANCEL_REQUESTED))
def test_what_may_work_to_reduce_it_is_not_asked_for_again(state: OrderState, side: Side) -> None:
    assert wanted(held(side), order("stop", side.opposite, state=state)) == ()


def test_a_pair_counts_once_and_protected_is_protected() -> None:
    pair = (
        order("target", role=Role.TARGET),
        order("target/stop", parent=OrderId("target")),
    )
    assert wanted(held(protected=D(10)), *pair) == ()
    (act,) = wanted(held(quantity=D(15), stated=D(15), protected=D(10)), *pair)
    assert isinstance(act, Protect)
    assert act.quantity == 5


@pytest.mark.parametrize("side", SIDES)
def test_an_entry_that_fills_in_part_ends_before_its_fill_is_protected(side: Side) -> None:
    assert wanted(held(side), *entry(side=side)) == ()
    waited = held(side, unprotected_since=Instant(NOW - 10 * SECOND))
    (act,) = wanted(waited, *entry(side=side))
    assert isinstance(act, Cancel)
    assert act.order_id == "entry"
    assert wanted(waited, *entry(OrderState.CANCEL_REQUESTED, side)) == ()
    ended = [replace(each, state=OrderState.CANCELED) for each in entry(side=side)]
    (after,) = wanted(waited, *ended)
    assert isinstance(after, Protect)
    assert after.quantity == 10


def test_an_entry_without_legs_is_in_nobodys_way() -> None:
    (act,) = wanted(held(), entry()[0])
    assert isinstance(act, Protect)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("mark", "rule"), (("95", "stop"), ("94", "stop"), ("110", "target")))
def test_what_the_market_has_passed_is_closed_and_not_protected(side: Side, mark: str, rule: str) -> None:
    (act,) = wanted(held(side), marks={ALFA: price(mark, side)})
    assert isinstance(act, Close)
    assert (act.rule, act.side, act.quantity) == (rule, side.opposite, D(10))
    assert act.strategy == "momentum"


def test_one_close_however_many_rules_fire() -> None:
    late = ExitPlan(stop=D(95), trail=D(2), until=NOW, before_close_seconds=4_500)
    position = held(plan=late, best=D(105))
    (by_trail,) = wanted(position, marks={ALFA: D(103)})
    (by_time,) = wanted(position, marks={ALFA: D(105)})
    assert isinstance(by_trail, Close)
    assert isinstance(by_time, Close)
    assert (by_trail.rule, by_time.rule) == ("trailing", "time")
    assert by_trail.proposal_id == by_time.proposal_id
    assert wanted(replace(position, closing=True), marks={ALFA: D(90)}) == ()


def test_while_the_exchange_is_closed_nothing_leaves_at_the_market() -> None:
    assert wanted(held(), marks={ALFA: D(90)}, close=None) == ()
    (act,) = wanted(held(), close=None)
    assert isinstance(act, Protect)


@pytest.mark.parametrize("side", SIDES)
def test_what_a_rule_would_leave_while_the_exchange_is_closed_rests_at_its_stop_until_the_open(
    side: Side,
) -> None:
    (reached,) = wanted(held(side), marks={ALFA: price("111", side)}, close=None)
    assert isinstance(reached, Protect)
    assert (reached.stop, reached.target) == (price("95", side), None)
    over = replace(held(side), plan=ExitPlan(stop=price("95", side), target=price("110", side), until=NOW))
    (late,) = wanted(over, close=None)
    assert isinstance(late, Protect)
    assert late.target == price("110", side)
    (at_open,) = wanted(over)
    assert isinstance(at_open, Close)


@pytest.mark.parametrize(("stated", "asked"), (("10", 10), ("6", 6), ("30", 10)))
def test_no_more_than_the_broker_holds(stated: str, asked: int) -> None:
    (act,) = wanted(held(stated=D(stated)), marks={ALFA: D(99)})
    assert isinstance(act, Protect)
    assert act.quantity == asked


@pytest.mark.parametrize("stated", (None, D(0), D(-10)))
def test_what_the_broker_does_not_hold_is_left_alone(stated: Decimal | None) -> None:
    assert wanted(held(stated=stated), marks={ALFA: D(90)}) == ()


@pytest.mark.parametrize(
    ("position", "mark", "about"),
    (
        (held(plan=None), D(90), DoubtKind.PLAN),
        (held(plan=None, stated=None), D(90), DoubtKind.PLAN),
        (held(plan=None, closing=True), D(90), DoubtKind.PLAN),
        (held(stated=D(20)), D("50.5"), DoubtKind.SPLIT),
        (held(Side.SELL, stated=D(-20)), D("49"), DoubtKind.SPLIT),
        (held(stated=D(5)), D(201), DoubtKind.SPLIT),
        (held(), D("NaN"), DoubtKind.PRICE),
        (held(plan=RECKLESS, average_price=D("Infinity")), D(100), DoubtKind.RECKONING),
    ),
)
def test_what_cannot_be_judged_is_a_doubt_and_never_a_close(
    position: Position, mark: Decimal, about: DoubtKind
) -> None:
    (act,) = wanted(position, marks={ALFA: mark})
    assert isinstance(act, Doubt)
    assert act.about is about


def test_a_difference_that_is_no_split_is_left_at_its_stop() -> None:
    (act,) = wanted(held(stated=D(5)), marks={ALFA: D(94)})
    assert isinstance(act, Close)
    assert act.quantity == 5


@pytest.mark.parametrize("side", SIDES)
def test_an_order_of_its_own_that_faces_nothing_is_canceled(side: Side) -> None:
    own = order("own", side.opposite, proposal_id="a-name")
    (flat,) = wanted(None, own)
    assert isinstance(flat, Cancel)
    assert flat.order_id == "own"
    (turned,) = wanted(held(side.opposite, protected=D(10)), own)
    assert isinstance(turned, Cancel)
    assert wanted(None, replace(own, proposal_id=None)) == ()
    (over,) = wanted(held(side, quantity=D(6) * side.sign, stated=D(6) * side.sign, protected=D(6)), own)
    assert isinstance(over, Cancel)


def test_a_failure_is_tried_again_under_another_name_and_later_each_time() -> None:
    names: list[str] = []
    failed: list[OrderSeen] = []
    for wait in (0, 1, 2, 4, 8, 16, 32, 60, 60):
        last = failed[-1].updated if failed else NOW
        doubts = 1 if len(failed) >= DOUBTED_AFTER else 0
        if wait:
            assert len(wanted(held(), *failed, now=Instant(last + wait * SECOND - 1))) == doubts
        now = Instant(last + wait * SECOND)
        *doubted, act = wanted(held(), *failed, now=now, close=Instant(now + 1))
        assert isinstance(act, Protect)
        assert [isinstance(each, Doubt) and each.about for each in doubted] == [DoubtKind.ORDER] * doubts
        names.append(act.proposal_id)
        failed.append(order(f"own-{wait}", state=OrderState.DENIED, updated=now, proposal_id=act.proposal_id))
    assert len(set(names)) == len(names)


def test_an_order_that_works_after_failures_leaves_no_doubt() -> None:
    failed: list[OrderSeen] = []
    for _ in range(DOUBTED_AFTER):
        *_, act = wanted(held(), *failed, now=Instant(NOW + 100 * SECOND))
        assert isinstance(act, Protect)
        state = OrderState.REJECTED
        failed.append(order(f"own-{len(failed)}", state=state, proposal_id=act.proposal_id))
    assert any(isinstance(each, Doubt) for each in wanted(held(), *failed))
    *_, act = wanted(held(), *failed, now=Instant(NOW + 100 * SECOND))
    assert isinstance(act, Protect)
    working = order("works", proposal_id=act.proposal_id)
    assert wanted(held(protected=D(10)), *failed, working) == ()


def test_a_part_of_a_share_has_a_stop_for_the_day() -> None:
    (act,) = wanted(held(quantity=D("0.5"), stated=D("0.5")))
    assert isinstance(act, Protect)
    assert (act.quantity, act.target, act.time_in_force) == (D("0.5"), None, TimeInForce.DAY)
