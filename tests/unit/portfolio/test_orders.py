"""An order's life in the ledger: what is reserved for it, its protective legs, and nothing left over."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.model.events import Accepted, Event, Filled, Sending
from agenttrader.model.identifiers import BrokerOrderId, ExecutionId, OrderId
from agenttrader.model.instructions import ProtectiveLeg
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderState, OrderType, Proposal, Role, Side
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.transitions import Trigger, next_state
from agenttrader.portfolio import ledger as ledger_module
from agenttrader.portfolio.ledger import OrderLedger
from agenttrader.portfolio.orders import Order, protective_id
from agenttrader.runtime.instructions import instruction_of
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    BRAVO,
    MULTIPLIERS,
    OTHER_AGENT,
    at,
    decided,
    proposal,
    sending,
)

S = OrderState
D = Decimal
NOW = at(1)


def seal(event: Event) -> Sealed[Any]:
    return Chain().seal(event, NOW)


def accepted(entry: OrderId, *roles: Role) -> Accepted:
    legs = {
        role.value: ProtectiveLeg(protective_id(entry, role), BrokerOrderId(f"b-{entry}-{role.value}"))
        for role in roles
    }
    return Accepted(
        order_id=entry,
        broker_order_id=BrokerOrderId(f"b-{entry}"),
        time=NOW,
        stop=legs.get("stop"),
        target=legs.get("target"),
    )


def filled(order_id: OrderId, quantity: int | str, price: int = 100, **changes: Any) -> Filled:
    fill = Filled(
        order_id=order_id,
        execution_id=ExecutionId("e"),
        symbol=ALFA,
        side=Side.BUY,
        quantity=D(quantity),
        price=D(price),
        fee=D(0),
        time=NOW,
    )
    return msgspec.structs.replace(fill, **changes)


def approved(ledger: OrderLedger, entry: Proposal, price: int = 100) -> Order:
    return ledger.decide(seal(decided(entry, price=D(price))))


def sent(ledger: OrderLedger, entry: Proposal, price: int = 100) -> Order:
    order = approved(ledger, entry, price)
    ledger.send(seal(sending(entry)))
    return order


def bracket(ledger: OrderLedger, number: int = 1, **changes: Any) -> tuple[Order, Order, Order]:
    """An accepted entry with its stop and target."""
    order = sent(ledger, proposal(number, **changes))
    ledger.accept(accepted(order.id, Role.STOP, Role.TARGET))
    stop, target = order.protection
    return order, stop, target


def assert_nothing_is_left(ledger: OrderLedger) -> None:
    assert ledger.open_notional_total == 0
    assert not any(ledger.open_notional.values())
    assert (ledger.open_longs.total, ledger.open_shorts.total) == (D(0), D(0))
    assert ledger.open_count_total == 0
    assert not any(ledger.open_count.values())
    assert list(ledger.open_orders()) == []


# What is reserved.


def test_what_is_reserved_is_summed_by_where_it_goes_and_both_ways_where_its_legs_do() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    approved(ledger, proposal(1))
    approved(ledger, proposal(2, agent=OTHER_AGENT, side=Side.SELL), price=50)
    approved(ledger, proposal(3, legs=(Leg(ALFA, 1), Leg(BRAVO, -2))))
    approved(ledger, proposal(4, legs=(Leg(ALFA, -1),)))
    assert (ledger.open_longs.of(AGENT), ledger.open_shorts.of(AGENT)) == (D(4_000), D(4_000))
    assert (ledger.open_longs.of(OTHER_AGENT), ledger.open_shorts.of(OTHER_AGENT)) == (D(0), D(500))
    assert (ledger.open_longs.total, ledger.open_shorts.total) == (D(4_000), D(4_500))


def test_an_approval_reserves_at_the_price_it_was_decided_on() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    approved(ledger, proposal(1))
    approved(ledger, proposal(2, agent=OTHER_AGENT, quantity=D(3)), price=50)
    assert ledger.open_notional == {AGENT: D(1000), OTHER_AGENT: D(150)}
    assert ledger.open_notional_total == D(1150)
    assert ledger.open_count == {AGENT: 1, OTHER_AGENT: 1}
    assert ledger.open_count_total == 2


@pytest.mark.parametrize(
    ("changes", "reserved"),
    (
        ({"type": OrderType.LIMIT, "limit_price": D(104)}, 1040),
        ({"type": OrderType.LIMIT, "limit_price": D(90)}, 1000),
        ({"type": OrderType.STOP, "stop_price": D(107)}, 1070),
        ({"side": Side.SELL, "type": OrderType.LIMIT, "limit_price": D(104)}, 1040),
        ({"type": OrderType.STOP_LIMIT, "stop_price": D(105), "limit_price": D(107)}, 1070),
        ({"type": OrderType.TRAILING_STOP, "trail_price": D(3)}, 1030),
        ({"type": OrderType.TRAILING_STOP, "trail_percent": D(2)}, 1020),
        ({"side": Side.SELL, "type": OrderType.TRAILING_STOP, "trail_price": D(3)}, 1000),
        ({"effect": Effect.REDUCE, "side": Side.SELL, "exit_plan": None}, 0),
        ({"effect": Effect.CLOSE, "side": Side.SELL, "exit_plan": None}, 0),
        ({"legs": (Leg(ALFA, 1), Leg(BRAVO, -2))}, 3000),
    ),
)
def test_what_is_reserved_is_the_worst_that_the_decision_knew(changes: dict[str, Any], reserved: int) -> None:
    ledger = OrderLedger(MULTIPLIERS)
    approved(ledger, proposal(**changes))
    assert ledger.open_notional_total == reserved


@pytest.mark.parametrize(
    ("changes", "reserved"),
    (
        ({}, 100_000),
        ({"type": OrderType.LIMIT, "limit_price": D(104)}, 104_000),
        ({"legs": (Leg(ALFA, 1), Leg(BRAVO, -2))}, 10 * (100 * 100 + 2 * 100)),
    ),
)
def test_what_one_unit_is_multiplied_by_is_reserved_too(changes: dict[str, Any], reserved: int) -> None:
    ledger = OrderLedger({ALFA: D(100), BRAVO: D(1)})
    approved(ledger, proposal(exit_plan=None, **changes))
    assert ledger.open_notional_total == reserved
    assert ledger.totals.loss() == reserved


def test_a_denied_order_reserves_nothing_and_is_kept() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    ledger.decide(seal(decided(proposal(), denied_by="session")))
    order = ledger.by_id[proposal().id]
    assert (order.state, order.denied_by) == (S.DENIED, "session")
    assert_nothing_is_left(ledger)


def test_the_last_decisions_are_kept_whole_and_of_the_others_what_they_were_denied_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_module, "DECISIONS_KEPT", 2)
    ledger = OrderLedger(MULTIPLIERS)
    orders = [
        ledger.decide(seal(decided(proposal(number), denied_by="order_quantity"))) for number in range(1, 4)
    ]
    assert [order.decision is None for order in orders] == [True, False, False]
    assert {order.denied_by for order in orders} == {"order_quantity"}
    assert not any(order.is_adopted for order in orders)
    tried = approved(ledger, proposal(4))
    ledger.forget(tried.id)
    assert orders[2].decision is not None


def test_an_order_says_when_it_was_decided_by_what_the_decision_knew() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    assert approved(ledger, proposal(1)).decided == decided(proposal(1)).decision.inputs.now
    without = decided(proposal(2))
    inputs = msgspec.structs.replace(without.decision.inputs, now=None)
    without = msgspec.structs.replace(
        without, decision=msgspec.structs.replace(without.decision, inputs=inputs)
    )
    assert ledger.decide(seal(without)).decided == NOW


def test_a_fill_frees_its_part_and_a_cancel_the_rest() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order, *_ = bracket(ledger)
    ledger.fill(filled(order.id, 4))
    assert (order.state, order.remaining, ledger.open_notional_total) == (S.PARTIALLY_FILLED, D(6), D(600))
    ledger.advance(order.id, Trigger.REQUEST_CANCEL, NOW)
    assert ledger.open_notional_total == 600
    ledger.advance(order.id, Trigger.CANCEL, NOW)
    assert (order.state, order.filled, order.average_price()) == (S.CANCELED, D(4), D(100))
    assert (ledger.open_notional_total, ledger.open_count_total) == (D(0), 0)


@pytest.mark.parametrize(
    "trigger", (Trigger.REJECT, Trigger.CANCEL, Trigger.EXPIRE, Trigger.WITHHOLD), ids=lambda each: each.value
)
def test_however_an_order_ends_its_reservation_comes_back(trigger: Trigger) -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order = sent(ledger, proposal(exit_plan=None))
    assert ledger.open_notional_total == 1000
    ledger.advance(order.id, trigger, NOW)
    assert order.state.is_terminal
    assert_nothing_is_left(ledger)


def test_an_order_whose_answer_was_lost_keeps_its_reservation() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order = sent(ledger, proposal())
    ledger.advance(order.id, Trigger.LOSE, NOW)
    assert order.state is S.UNKNOWN
    assert (ledger.open_notional_total, ledger.open_count_total) == (D(1000), 1)


def test_a_close_leaves_with_what_is_still_held() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    close = proposal(effect=Effect.CLOSE, side=Side.SELL, exit_plan=None)
    order = approved(ledger, close)
    ledger.send(seal(sending(close, quantity=D(7))))
    assert order.quantity == 7
    ledger.fill(filled(order.id, 7, side=Side.SELL))
    assert order.state is S.FILLED


def test_an_order_carries_what_was_proposed_and_when_it_last_changed() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    limited = proposal(1, type=OrderType.LIMIT, limit_price=D(99))
    stopped = proposal(2, type=OrderType.STOP, stop_price=D(101), side=Side.SELL)
    for entry in (limited, stopped):
        order = approved(ledger, entry)
        assert (order.type, order.side, order.effect) == (entry.type, entry.side, entry.effect)
        assert (order.limit_price, order.stop_price) == (entry.limit_price, entry.stop_price)
        assert (order.quantity, order.legs, order.agent) == (entry.quantity, entry.legs, entry.agent)
        assert (order.updated, order.role) == (NOW, Role.ENTRY)
    leaving = proposal(3, effect=Effect.REDUCE, side=Side.SELL, exit_plan=None)
    assert approved(ledger, leaving).role is Role.EXIT
    ledger.advance(limited.id, Trigger.WITHHOLD, at(5))
    ledger.advance(stopped.id, Trigger.WITHHOLD, at(0))
    assert [ledger.by_id[each.id].updated for each in (limited, stopped)] == [at(5), NOW]


# The broker's order of telling.


def test_a_fill_may_beat_the_accept() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order = sent(ledger, proposal())
    ledger.fill(filled(order.id, 4))
    assert order.state is S.PARTIALLY_FILLED
    ledger.accept(accepted(order.id, Role.STOP, Role.TARGET))
    assert order.state is S.PARTIALLY_FILLED
    assert ledger.by_broker_id[BrokerOrderId(f"b-{order.id}")] is order
    ledger.fill(filled(order.id, 6, 110))
    assert (order.state, order.average_price()) == (S.FILLED, D(106))


def test_a_refused_cancel_leaves_an_order_as_filled_as_it_was() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order, *_ = bracket(ledger)
    ledger.fill(filled(order.id, 4))
    ledger.advance(order.id, Trigger.REQUEST_CANCEL, NOW)
    ledger.advance(order.id, Trigger.REFUSE_CANCEL, NOW)
    assert order.state is S.PARTIALLY_FILLED


def test_what_cannot_be_leaves_the_state_as_it_is() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order = sent(ledger, proposal(exit_plan=None))
    ledger.advance(order.id, Trigger.REJECT, NOW)
    ledger.advance(order.id, Trigger.EXPIRE, NOW)
    assert order.state is S.REJECTED
    assert_nothing_is_left(ledger)


def test_an_order_filled_too_far_reserves_nothing_and_never_less() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order, *_ = bracket(ledger)
    assert order.fill_trigger(ALFA, D(12)) is None
    ledger.fill(filled(order.id, 12))
    assert (order.filled, order.remaining, order.state) == (D(12), D(0), S.ACCEPTED)
    assert ledger.open_notional_total == 0


def test_a_fill_taken_back_may_fill_again() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order, *_ = bracket(ledger)
    ledger.fill(filled(order.id, 4))
    ledger.fill(filled(order.id, 2, 130))
    ledger.bust(filled(order.id, 4), NOW)
    assert (order.state, order.filled, order.average_price()) == (S.PARTIALLY_FILLED, D(2), D(130))
    assert ledger.open_notional_total == 800


def test_a_fill_in_a_foreign_symbol_fills_nothing() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order, *_ = bracket(ledger)
    assert order.fill_trigger(BRAVO, D(1)) is None
    ledger.fill(filled(order.id, 1, symbol=BRAVO))
    assert (order.filled, order.state) == (D(0), S.ACCEPTED)


# Protective legs.


def test_sending_makes_the_legs_with_ids_that_a_restart_knows_again() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order = sent(ledger, proposal())
    stop, target = order.protection
    assert [leg.id for leg in order.protection] == [
        protective_id(order.id, Role.STOP),
        protective_id(order.id, Role.TARGET),
    ]
    assert (stop.role, stop.type, stop.stop_price, stop.limit_price) == (
        Role.STOP,
        OrderType.STOP,
        D(95),
        None,
    )
    assert (target.role, target.type, target.stop_price, target.limit_price) == (
        Role.TARGET,
        OrderType.LIMIT,
        None,
        D(110),
    )
    for leg in order.protection:
        assert (leg.side, leg.effect, leg.quantity, leg.state) == (Side.SELL, Effect.REDUCE, D(10), S.SENDING)
        assert ledger.by_id[leg.id] is leg
        assert leg.decision is None
    assert ledger.open_count == {AGENT: 1}


def test_a_plan_with_a_stop_alone_makes_one_leg_and_none_makes_none() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    assert [leg.role for leg in sent(ledger, proposal(1, exit_plan=ExitPlan(stop=D(90)))).protection] == [
        Role.STOP
    ]
    assert sent(ledger, proposal(2, exit_plan=None)).protection == ()


def test_the_id_towards_the_broker_follows_from_the_record() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    approved(ledger, proposal())
    chain = Chain(6, "ab" * 32)
    record: Sealed[Any] = chain.seal(sending(proposal()), NOW)
    ledger.send(record)
    order = ledger.by_id[proposal().id]
    assert order.client_id == f"at-7-{record.hash[:16]}"
    assert ledger.by_client_id[order.client_id] is order


def test_an_approval_that_leaves_at_once_is_the_order_that_leaves_after_it() -> None:
    told = sending(proposal()).instruction
    at_once, later = OrderLedger(MULTIPLIERS), OrderLedger(MULTIPLIERS)
    order = at_once.decide(seal(msgspec.structs.replace(decided(proposal()), instruction=told)))
    same = sent(later, proposal())
    assert order.state is same.state is S.SENDING
    assert [leg.id for leg in order.protection] == [leg.id for leg in same.protection]
    assert (at_once.open_notional, at_once.open_count) == (later.open_notional, later.open_count)
    assert at_once.by_client_id == {order.client_id: order}


def test_accepting_gives_the_legs_their_broker_ids() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order, stop, target = bracket(ledger)
    assert ledger.by_broker_id == {
        BrokerOrderId(f"b-{order.id}"): order,
        BrokerOrderId(f"b-{order.id}-stop"): stop,
        BrokerOrderId(f"b-{order.id}-target"): target,
    }
    assert {order.state, stop.state, target.state} == {S.ACCEPTED}
    assert (stop.broker_id, target.broker_id) == (f"b-{order.id}-stop", f"b-{order.id}-target")


def test_legs_are_held_until_the_entry_has_filled_whole() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order, stop, _ = bracket(ledger)
    assert order.is_armed
    assert not stop.is_armed
    ledger.fill(filled(order.id, 4))
    assert not stop.is_armed
    ledger.fill(filled(order.id, 6))
    assert stop.is_armed


def test_an_exit_that_fills_in_part_leaves_the_other_no_more_than_it_has_left() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order, stop, target = bracket(ledger)
    ledger.fill(filled(order.id, 10))
    ledger.fill(filled(target.id, 4, side=Side.SELL))
    assert (stop.quantity, target.quantity, target.remaining) == (D(6), D(10), D(6))
    ledger.fill(filled(stop.id, 1, side=Side.SELL))
    assert (stop.remaining, target.quantity, target.remaining) == (D(5), D(9), D(5))
    ledger.fill(filled(target.id, 5, side=Side.SELL))
    assert (target.state, stop.quantity, stop.filled) == (S.FILLED, D(6), D(1))


@pytest.mark.parametrize(
    ("trigger", "state"),
    ((Trigger.REJECT, S.REJECTED), (Trigger.WITHHOLD, S.WITHHELD), (Trigger.LOSE, S.UNKNOWN)),
)
def test_what_ends_an_entry_before_the_broker_took_it_befalls_its_legs(trigger: Trigger, state: S) -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order = sent(ledger, proposal())
    ledger.advance(order.id, trigger, NOW)
    assert [leg.state for leg in order.protection] == [state, state]
    if state.is_terminal:
        assert_nothing_is_left(ledger)


def test_a_canceled_entry_leaves_its_legs_to_the_brokers_word() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order, stop, target = bracket(ledger)
    ledger.advance(order.id, Trigger.CANCEL, NOW)
    assert (stop.state, target.state) == (S.ACCEPTED, S.ACCEPTED)
    ledger.advance(stop.id, Trigger.CANCEL, NOW)
    ledger.advance(target.id, Trigger.CANCEL, NOW)
    assert_nothing_is_left(ledger)


# Several legs.


SPREAD: dict[str, Any] = {"legs": (Leg(ALFA, 1), Leg(BRAVO, -2)), "exit_plan": None}


def test_a_spread_is_filled_as_far_as_its_least_filled_leg() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order = sent(ledger, proposal(**SPREAD))
    assert ledger.open_notional_total == 3000
    ledger.fill(filled(order.id, 10))
    assert (order.filled, order.state, ledger.open_notional_total) == (D(0), S.PARTIALLY_FILLED, D(3000))
    ledger.fill(filled(order.id, 8, 30, symbol=BRAVO, side=Side.SELL))
    assert (order.filled, ledger.open_notional_total) == (D(4), D(1800))
    assert order.fill_trigger(BRAVO, D(13)) is None
    assert order.fill_trigger(BRAVO, D(12)) is Trigger.FILL
    assert order.fill_trigger(BRAVO, D(11)) is Trigger.PARTIAL_FILL
    ledger.fill(filled(order.id, 12, 30, symbol=BRAVO, side=Side.SELL))
    assert (order.filled, order.state) == (D(10), S.FILLED)
    assert order.average_price() == 40
    assert_nothing_is_left(ledger)


def test_a_spread_is_open_in_each_of_its_symbols() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order = sent(ledger, proposal(**SPREAD))
    assert list(ledger.open_in(ALFA)) == list(ledger.open_in(BRAVO)) == list(ledger.open_orders()) == [order]
    assert (order.ratio_in(ALFA), order.ratio_in(BRAVO)) == (1, -2)


@pytest.mark.parametrize("legs", ((Leg(ALFA, 3),), (Leg(ALFA, 3), Leg(BRAVO, 7))))
def test_a_ratio_that_does_not_divide_leaves_nothing_behind(legs: tuple[Leg, ...]) -> None:
    ledger = OrderLedger(MULTIPLIERS)
    order = sent(ledger, proposal(legs=legs, quantity=D(1), exit_plan=None), price=33)
    for leg in legs:
        for _ in range(leg.ratio):
            assert not order.state.is_terminal
            ledger.fill(filled(order.id, 1, symbol=leg.symbol))
    assert (order.filled, order.state) == (D(1), S.FILLED)
    assert_nothing_is_left(ledger)


# Whatever happens.


entries = st.builds(
    lambda quantity, side, legs, plan: {"quantity": quantity, "side": side, "legs": legs, "exit_plan": plan},
    quantity=st.decimals("0.001", 500, places=3),
    side=st.sampled_from(Side),
    legs=st.sampled_from([(Leg(ALFA),), (Leg(ALFA, 3),), (Leg(ALFA, 1), Leg(BRAVO, -3))]),
    plan=st.sampled_from([None, ExitPlan(stop=D(1)), ExitPlan(stop=D(1), target=D(900))]),
)
_OF_BROKER = [trigger for trigger in Trigger if trigger not in (Trigger.FILL, Trigger.PARTIAL_FILL)]


class Life:
    """Legal things that happen to a few orders, in any order."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.ledger = OrderLedger(MULTIPLIERS)
        for number in range(data.draw(st.integers(1, 3))):
            entry = proposal(number, agent=data.draw(st.sampled_from([AGENT, OTHER_AGENT])))
            entry = msgspec.structs.replace(entry, **data.draw(entries))
            self.ledger.decide(seal(decided(entry, price=data.draw(st.decimals("0.01", 900, places=4)))))

    def happen(self) -> None:
        order = self.data.draw(st.sampled_from(list(self.ledger.by_id.values())))
        if order.state is S.APPROVED:
            if self.data.draw(st.booleans()):
                sending_of: Sending = sending(order.proposal)
                self.ledger.send(Chain(len(self.ledger.by_client_id)).seal(sending_of, NOW))  # type: ignore[arg-type]
            else:
                self.ledger.advance(order.id, Trigger.WITHHOLD, NOW)
        elif self.data.draw(st.booleans()):
            self._fill(order)
        else:
            legal = [each for each in _OF_BROKER if next_state(order.state, each) is not None]
            if legal:
                self.ledger.advance(order.id, self.data.draw(st.sampled_from(legal)), NOW)

    def _fill(self, order: Order) -> None:
        leg = self.data.draw(st.sampled_from(order.legs))
        quantity = self.data.draw(st.sampled_from([D("0.001"), order.remaining * abs(leg.ratio), D(10_000)]))
        if not order.state.is_working or quantity == 0:
            return
        side = order.side if leg.ratio > 0 else order.side.opposite
        self.ledger.fill(filled(order.id, str(quantity), symbol=leg.symbol, side=side))

    def end(self) -> None:
        """Whatever is left ends."""
        for trigger in (Trigger.WITHHOLD, Trigger.CANCEL):
            for order in list(self.ledger.open_orders()):
                if next_state(order.state, trigger) is not None:
                    self.ledger.advance(order.id, trigger, NOW)


@settings(max_examples=150)
@given(data=st.data())
def test_totals_are_the_sums_over_open_orders_and_nothing_is_left_at_the_end(data: st.DataObject) -> None:
    life = Life(data)
    ledger = life.ledger
    for _ in range(data.draw(st.integers(0, 15))):
        life.happen()
        open_orders = [order for order in ledger.by_id.values() if not order.state.is_terminal]
        assert set(ledger.open_orders()) == set(open_orders)
        entries_open = [order for order in open_orders if order.parent is None]
        assert ledger.open_count_total == len(entries_open)
        assert all(count >= 0 for count in ledger.open_count.values())
        assert all(order.reserved >= 0 for order in ledger.by_id.values())
        assert ledger.open_notional_total == sum(order.reserved for order in ledger.by_id.values())
        for agent, notional in ledger.open_notional.items():
            assert notional == sum(order.reserved for order in entries_open if order.agent == agent)
        for order in entries_open:
            assert order.reserved == order.remaining * order.reserve_price
        for sign, reserves in ((1, ledger.open_longs), (-1, ledger.open_shorts)):
            ways = [
                (order, {leg.ratio * order.side.sign * sign > 0 for leg in order.legs})
                for order in entries_open
            ]
            going = [order for order, way in ways if True in way]
            assert reserves.total == sum(order.reserved for order in going)
            for agent in ledger.open_notional:
                assert reserves.of(agent) == sum(order.reserved for order in going if order.agent == agent)
    life.end()
    assert_nothing_is_left(ledger)


# Exits that rest.


def resting(number: int, **changes: Any) -> Proposal:
    """An exit of a long position of 10."""
    fields = {"effect": Effect.REDUCE, "side": Side.SELL, "exit_plan": None}
    return proposal(number, **(fields | changes))


def pair_of_exits(ledger: OrderLedger, number: int = 7) -> tuple[Order, Order]:
    """A target at 110 and its stop at 95, both at the broker."""
    asked = resting(number, type=OrderType.LIMIT, limit_price=D(110), exit_plan=ExitPlan(stop=D(95)))
    ledger.decide(seal(msgspec.structs.replace(decided(asked), instruction=instruction_of(asked, D(10)))))
    ledger.accept(accepted(asked.id, Role.STOP))
    target = ledger.by_id[asked.id]
    (stop,) = target.protection
    return target, stop


def test_a_pair_is_a_target_with_a_stop_that_works_from_the_start() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    target, stop = pair_of_exits(ledger)
    assert (target.role, target.type, target.limit_price) == (Role.TARGET, OrderType.LIMIT, D(110))
    assert (stop.role, stop.type, stop.stop_price) == (Role.STOP, OrderType.STOP, D(95))
    assert stop.limit_price is None
    assert (target.side, stop.side, stop.quantity) == (Side.SELL, Side.SELL, D(10))
    assert stop.is_armed
    assert stop.parent is target
    assert target.pair == stop.pair == (target, stop)
    assert target.protects
    assert (ledger.open_count_total, ledger.open_notional_total) == (0, D(0))
    for order in (target, stop):
        ledger.advance(order.id, Trigger.CANCEL, NOW)
    assert_nothing_is_left(ledger)


def test_either_half_of_a_pair_leaves_the_other_what_it_has_left_itself() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    target, stop = pair_of_exits(ledger)
    ledger.fill(filled(target.id, 3, side=Side.SELL))
    assert (stop.quantity, stop.remaining, target.remaining) == (D(7), D(7), D(7))
    ledger.fill(filled(stop.id, 2, side=Side.SELL))
    assert (target.quantity, target.remaining, stop.remaining) == (D(8), D(5), D(5))


@pytest.mark.parametrize("trigger", (Trigger.WITHHOLD, Trigger.REJECT, Trigger.LOSE))
def test_a_pair_that_the_broker_has_not_taken_has_one_fate(trigger: Trigger) -> None:
    ledger = OrderLedger(MULTIPLIERS)
    asked = resting(1, type=OrderType.LIMIT, limit_price=D(110), exit_plan=ExitPlan(stop=D(95)))
    ledger.decide(seal(msgspec.structs.replace(decided(asked), instruction=instruction_of(asked, D(10)))))
    target = ledger.by_id[asked.id]
    ledger.advance(target.id, trigger, NOW)
    assert {leg.state for leg in target.pair} == {next_state(S.SENDING, trigger)}


def test_a_stop_alone_protects_and_a_limit_alone_does_not() -> None:
    ledger = OrderLedger(MULTIPLIERS)
    stop = approved(ledger, resting(1, type=OrderType.STOP, stop_price=D(95)))
    limit = approved(ledger, resting(2, type=OrderType.LIMIT, limit_price=D(110)))
    assert (stop.role, stop.protects, stop.pair) == (Role.STOP, True, (stop,))
    assert (limit.role, limit.protects) == (Role.EXIT, False)
    assert ledger.open_count_total == 1
