from decimal import Decimal

import pytest

from agenttrader.exits.acts import Cancel, Doubt
from agenttrader.model.identifiers import derive_proposed_id
from agenttrader.model.market import StatusChange, TradingStatus
from agenttrader.model.orders import Effect, ExitPlan, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import rfc3339
from agenttrader.protocols.native import (
    ExitPlanBody,
    OrderChanged,
    PositionsChanged,
    TradingChanged,
    WatermarkReached,
)
from agenttrader.runtime.exits_host import ExitsHost, Output, Propose
from agenttrader.runtime.hearing import GatewayLost, Heard
from agenttrader.testing.exits_facts import (
    ALFA,
    EXITS,
    bar,
    host,
    minute,
    order,
    position,
    protected,
    snapshot,
    watermark,
)


def hearing(unit: ExitsHost, *received: Heard) -> tuple[Output, ...]:
    for each in received:
        unit.take(each)
    return unit.wanted()


def proposed(unit: ExitsHost, *received: Heard) -> Proposal:
    (output,) = hearing(unit, *received)
    assert isinstance(output, Propose)
    return output.proposal


def reached(number: int) -> WatermarkReached:
    return WatermarkReached(time=rfc3339(minute(number)))


def test_what_is_bare_is_protected_by_a_pair_that_rests() -> None:
    made = proposed(host(), snapshot(position()), bar(1, 100), watermark(1))
    assert (made.effect, made.side, made.quantity) == (Effect.REDUCE, Side.SELL, Decimal(10))
    assert (made.type, made.time_in_force) == (OrderType.LIMIT, TimeInForce.GTC)
    assert made.limit_price == 110
    assert made.exit_plan == ExitPlan(stop=Decimal(95))
    assert (made.agent, made.strategy, made.correlation_id) == (EXITS, "momentum", "exits-ALFA-7")
    assert made.client_order_id is not None
    assert made.id == derive_proposed_id(EXITS, made.client_order_id)
    assert (made.decision_price, made.decision_time) == (Decimal(100), minute(1))


def test_without_a_target_a_stop_rests_alone() -> None:
    made = proposed(
        host(), snapshot(position(exit_plan=ExitPlanBody(stop=Decimal(95)))), bar(1, 100), watermark(1)
    )
    assert (made.type, made.stop_price, made.exit_plan) == (OrderType.STOP, Decimal(95), None)


def test_a_rule_of_the_plan_closes_it_whole_at_the_market() -> None:
    unit = host()
    assert hearing(unit, snapshot(protected()), bar(2, 107, high=108), watermark(2)) == ()
    made = proposed(unit, bar(3, 104), watermark(3))
    assert (made.effect, made.type, made.time_in_force) == (Effect.CLOSE, OrderType.MARKET, TimeInForce.DAY)
    assert (made.quantity, made.side) == (Decimal(10), Side.SELL)
    assert made.reason.startswith("trailing: 104 is 4 from 108")


def test_asked_again_or_after_a_restart_it_is_the_same_order() -> None:
    heard = (snapshot(position()), bar(1, 100), watermark(1))
    unit = host()
    assert hearing(unit, *heard) == unit.wanted() == hearing(host(), *heard)


def test_what_was_answered_is_not_asked_for_again() -> None:
    unit = host()
    made = proposed(unit, snapshot(position()), bar(1, 100), watermark(1))
    unit.learn(order(made.id, state="sending", proposal_id=made.client_order_id))
    assert unit.wanted() == ()


def test_the_streams_word_of_an_order_stands_against_its_answer() -> None:
    unit = host()
    made = proposed(unit, snapshot(position()), bar(1, 100), watermark(1))
    told = order(made.id, state="rejected", proposal_id=made.client_order_id)
    unit.take(OrderChanged(order=told))
    unit.learn(order(made.id, state="sending", proposal_id=made.client_order_id))
    assert unit.wanted() == (), "a second after the failure, not before"
    again = proposed(unit, bar(2, 100), watermark(2))
    assert again.id != made.id


def test_nothing_is_wanted_before_the_market_has_reached_the_gateways_present() -> None:
    unit = host()
    assert hearing(unit, snapshot(position(), at=5), bar(2, 80), watermark(2)) == ()
    assert unit.waits_for == "market data"
    assert unit.settled is None
    proposed(unit, bar(5, 100), watermark(5))
    assert unit.waits_for is None


def test_nothing_is_wanted_while_the_gateway_is_lost() -> None:
    unit = host()
    proposed(unit, snapshot(position()), bar(1, 100), watermark(1))
    assert hearing(unit, GatewayLost()) == ()
    assert unit.waits_for == "the gateway"
    proposed(unit, snapshot(position(), at=1))


def test_a_gateway_that_has_no_time_yet_is_waited_for() -> None:
    unit = host()
    assert hearing(unit, snapshot(position(), at=None), bar(1, 100), watermark(1)) == ()
    assert unit.waits_for == "the gateway"
    proposed(unit, reached(1))


def test_halted_it_goes_on_and_frozen_it_does_not() -> None:
    heard = (bar(1, 100), watermark(1))
    proposed(host(), snapshot(position(), state="halted"), *heard)
    unit = host()
    assert hearing(unit, snapshot(position(), state="frozen"), *heard) == ()
    proposed(unit, TradingChanged(trading=snapshot(state="reduce_only").trading))


def test_by_watermark_it_waits_until_the_gateway_has_reached_the_markets_time() -> None:
    unit = host(by_watermark=True)
    assert hearing(unit, snapshot(protected(), at=1), bar(2, 94), watermark(2)) == ()
    assert unit.settled is None
    assert hearing(unit, PositionsChanged(positions=(position(),))) == ()
    made = proposed(unit, reached(2))
    assert made.effect is Effect.CLOSE
    assert unit.settled == minute(2)


def test_by_watermark_it_waits_until_the_market_has_reached_the_gateways_time() -> None:
    unit = host(by_watermark=True)
    assert hearing(unit, snapshot(protected(), at=1), bar(1, 100), watermark(1)) == ()
    assert hearing(unit, PositionsChanged(positions=(position(),)), reached(2)) == ()
    assert proposed(unit, bar(2, 94), watermark(2)).effect is Effect.CLOSE


def test_by_watermark_it_wants_nothing_more_at_a_time_that_it_is_done_with() -> None:
    unit = host(by_watermark=True)
    proposed(unit, snapshot(position()), bar(1, 100), watermark(1))
    unit.rest(minute(1))
    assert unit.wanted() == ()
    proposed(unit, bar(2, 100), watermark(2), reached(2))


@pytest.mark.parametrize(
    ("state", "name", "awaited"),
    (
        ("sending", "ours", True),
        ("unknown", "ours", True),
        ("cancel_requested", None, True),
        ("sending", None, False),
        ("accepted", "ours", False),
        ("filled", "ours", False),
    ),
)
def test_the_brokers_word_is_awaited_on_what_it_asked_for(
    state: str, name: str | None, *, awaited: bool
) -> None:
    unit = host()
    hearing(unit, snapshot(protected(), orders=(order("1", state=state, proposal_id=name),)))
    assert unit.awaits_report is awaited


def test_an_entry_that_keeps_its_fill_bare_for_too_long_is_canceled() -> None:
    entry = order("entry", agent="momentum", side=Side.BUY, effect="open", role="entry", proposal_id=None)
    leg = order("leg", agent="momentum", parent="entry", proposal_id=None)
    unit = host()
    assert hearing(unit, snapshot(position(), orders=(entry, leg)), bar(1, 100), watermark(1)) == ()
    (output,) = hearing(unit, bar(2, 100), watermark(2))
    assert isinstance(output, Cancel)
    assert output.order_id == "entry"


def test_what_has_no_plan_is_a_persons_to_judge() -> None:
    (output,) = hearing(host(), snapshot(position(exit_plan=None)), bar(1, 100), watermark(1))
    assert isinstance(output, Doubt)


@pytest.mark.parametrize("symbols", ((), (ALFA,)))
def test_where_no_stop_can_rest_the_rules_act_themselves(symbols: tuple[str, ...]) -> None:
    unit = host(at_once=symbols)
    assert bool(hearing(unit, snapshot(position()), bar(1, 100), watermark(1))) is not bool(symbols)
    made = proposed(unit, bar(2, 95), watermark(2))
    assert made.reason.startswith("stop: 95 has reached the stop 95")


def test_what_the_exchange_says_of_a_symbol_is_the_gateways_to_heed() -> None:
    told = StatusChange(symbol=ALFA, time=minute(1), status=TradingStatus.HALTED, reason="news")
    proposed(host(), snapshot(position()), told, bar(1, 100), watermark(1))


def test_how_well_all_is_covered_is_told() -> None:
    unit = host()
    bare = position(symbol="BRVO", protected_quantity=Decimal(4))
    hearing(unit, snapshot(protected(), bare), bar(3, 100), watermark(3))
    told = unit.coverage()
    assert (told.covered, told.uncovered, told.unprotected_seconds) == (1, 1, {"BRVO": 120})
