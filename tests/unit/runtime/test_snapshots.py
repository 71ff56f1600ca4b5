"""What a decision is made on: totals with every open order counted in, and None for what is not known."""

from decimal import Decimal
from typing import Any, NoReturn

import pytest
from msgspec.structs import replace

from agenttrader.gateway.decide import decide
from agenttrader.gateway.snapshot import Snapshot
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Decided
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.instruments import Component, Spread
from agenttrader.model.market import Mark, StatusChange, TradingStatus
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant
from agenttrader.portfolio.ledger import OrderLedger
from agenttrader.runtime.inputs import MarketSeen, SwitchSeen, TimeReached
from agenttrader.runtime.snapshots import session_at, take_snapshot
from agenttrader.testing.builders import (
    ALFA,
    BRAVO,
    CASH,
    CHARLY,
    CLOSE,
    DAY,
    OPEN,
    OTHER_AGENT,
    SWITCH,
    at,
    bar,
    calendar,
    closing_proposal,
    compared,
    instruments,
    proposal,
    rules,
    signed,
    switch,
)
from agenttrader.testing.driver import Driver, at_rest, trading

D = Decimal


def taken(driver: Driver, asked: Proposal | None = None, buying_power: int | None = 7) -> Snapshot:
    asked = asked or proposal(99)
    engine = driver.engine
    return take_snapshot(
        asked,
        engine.state,
        engine.market,
        engine.valued,
        engine.rules,
        engine.standing(asked),
        None if buying_power is None else D(buying_power),
        driver.now,
    )


def other(number: int, quantity: int = 10, **changes: object) -> Proposal:
    fields: dict[str, object] = {"agent": OTHER_AGENT, "strategy": "", "legs": (Leg(CHARLY),)}
    return proposal(number, quantity=D(quantity), **(fields | changes))


def test_exposure_is_positions_at_the_mark_and_open_orders_at_their_worst() -> None:
    driver = trading()
    driver.enter(1)
    driver.enter(2, legs=(Leg(BRAVO),), side=Side.SELL, exit_plan=ExitPlan(stop=D(105)))
    driver.propose(proposal(3, quantity=D(4)), other(4, 3))
    driver.give(MarketSeen(bar(2, 103)))
    snapshot = taken(driver)
    assert snapshot.gross_exposure_agent == 1_030 + 1_000 + 400
    assert snapshot.gross_exposure_account == 1_030 + 1_000 + 400 + 300
    assert taken(driver, other(99)).gross_exposure_agent == 300


def test_net_exposure_is_positions_at_the_mark_with_the_entries_that_make_it_worse() -> None:
    driver = trading()
    driver.enter(1)
    driver.enter(2, legs=(Leg(BRAVO),), side=Side.SELL, quantity=D(4), exit_plan=ExitPlan(stop=D(105)))
    short = {"legs": (Leg(BRAVO),), "side": Side.SELL, "exit_plan": ExitPlan(stop=D(105))}
    driver.propose(proposal(3, quantity=D(2)), proposal(4, quantity=D(7), **short), other(5, 3))
    driver.give(MarketSeen(bar(2, 103)))
    snapshot = taken(driver)
    assert snapshot.net_long_agent == 1_030 - 400 + 200
    assert snapshot.net_short_agent == 400 - 1_030 + 700
    assert snapshot.net_long_account == 1_030 - 400 + 200 + 300
    assert snapshot.net_short_account == 400 - 1_030 + 700
    theirs = taken(driver, other(99))
    assert (theirs.net_long_agent, theirs.net_short_agent) == (D(300), D(0))


def test_what_reduces_neither_sets_off_net_exposure_nor_adds_to_it() -> None:
    driver = trading()
    driver.enter(1)
    before = taken(driver)
    driver.propose(closing_proposal(2))
    assert driver.order(closing_proposal(2).id).denied_by is None
    after = taken(driver)
    assert (after.net_long_account, after.net_short_account) == (D(1_000), D(-1_000))
    assert (before.net_long_account, before.net_short_account) == (D(1_000), D(-1_000))


def test_an_agents_exposure_is_in_the_symbols_that_it_owns() -> None:
    driver = trading()
    driver.enter(1)
    driver.propose(other(2, 5))
    driver.accept(other(2).id)
    driver.fill(other(2).id, "theirs", 5)
    assert taken(driver).gross_exposure_agent == 1_000
    assert taken(driver, other(99)).gross_exposure_agent == 500
    assert taken(driver, other(99, agent=AgentName("nobody"))).gross_exposure_agent == 0
    driver.forget_prices()
    assert taken(driver).gross_exposure_agent == 1_000


def test_orders_are_counted_for_the_agent_and_the_account() -> None:
    driver = trading()
    driver.propose(proposal(1), proposal(2), other(3))
    snapshot = taken(driver)
    assert (snapshot.open_orders_agent, snapshot.open_orders_account) == (2, 3)
    assert (snapshot.orders_last_minute_agent, snapshot.orders_last_minute_account) == (2, 3)
    assert taken(driver, other(99)).open_orders_agent == 1


def test_buying_power_is_cash_less_what_is_open_beside_the_brokers_word() -> None:
    driver = trading()
    driver.propose(proposal(1, quantity=D(4)))
    snapshot = taken(driver)
    assert (snapshot.buying_power_fold, snapshot.buying_power_broker) == (CASH - 400, D(7))
    assert taken(driver, buying_power=None).buying_power_broker is None


def test_before_the_account_is_known_nobody_knows_its_money() -> None:
    snapshot = taken(at_rest())
    assert (snapshot.buying_power_fold, snapshot.equity, snapshot.day_start_equity) == (None, None, None)


def test_equity_is_at_the_marks_and_unknown_without_one() -> None:
    driver = trading()
    driver.enter(1)
    driver.give(MarketSeen(bar(2, 103)))
    snapshot = taken(driver)
    assert (snapshot.equity, snapshot.day_start_equity) == (CASH + 30, CASH)
    driver.forget_prices()
    assert taken(driver).equity is None


def test_a_leg_is_seen_with_its_instrument_mark_status_and_position() -> None:
    driver = trading()
    driver.enter(1)
    driver.propose(proposal(2, quantity=D(4)))
    halt = StatusChange(symbol=BRAVO, time=at(1), status=TradingStatus.HALTED, reason="news")
    driver.give(MarketSeen(halt))
    spread = proposal(3, legs=(Leg(BRAVO, -2), Leg(ALFA, 1)), quantity=D(3))
    bravo, alfa = taken(driver, spread).legs
    assert (bravo.symbol, bravo.quantity, bravo.status) == (BRAVO, D(-6), TradingStatus.HALTED)
    assert (alfa.symbol, alfa.quantity, alfa.status) == (ALFA, D(3), TradingStatus.TRADING)
    assert alfa.instrument == instruments()[ALFA]
    assert alfa.mark == Mark(price=D(100), time=at(1), source="test")
    assert (alfa.position, alfa.open_buy, alfa.open_sell) == (D(10), D(4), D(14))
    assert (bravo.position, bravo.open_buy, bravo.open_sell) == (D(0), D(0), D(0))


def test_a_leg_sees_the_best_price_at_which_one_of_ours_rests_the_other_way() -> None:
    driver = trading()
    driver.propose(proposal(1))
    driver.accept(proposal(1).id)
    assert taken(driver).legs[0].facing == (), "its target waits for the fill"
    driver.fill(proposal(1).id, "first", 10)
    assert taken(driver).legs[0].facing == (D(110),)
    assert taken(driver, proposal(9, side=Side.SELL)).legs[0].facing == ()
    driver.enter(2, exit_plan=ExitPlan(stop=D(95), target=D(107)))
    assert taken(driver).legs[0].facing == (D(107),)
    assert taken(driver, proposal(9, legs=(Leg(BRAVO),))).legs[0].facing == ()
    for leg in driver.order(proposal(2).id).protection:
        driver.report(ReportKind.CANCELED, leg.id)
    assert taken(driver).legs[0].facing == (D(110),)
    short = proposal(3, legs=(Leg(BRAVO),), side=Side.SELL, exit_plan=ExitPlan(stop=D(105), target=D(90)))
    driver.propose(short)
    driver.accept(short.id)
    driver.fill(short.id, "short", 10)
    selling = proposal(9, legs=(Leg(BRAVO),), side=Side.SELL, exit_plan=ExitPlan(stop=D(105)))
    assert taken(driver, selling).legs[0].facing == (D(90),)


@pytest.mark.parametrize(("price", "denied_by"), ((109, None), (110, "self_match"), (111, "self_match")))
def test_an_entry_that_would_buy_what_our_own_target_sells_is_denied(
    price: int, denied_by: str | None
) -> None:
    driver = trading()
    driver.enter(1)
    asked = proposal(
        2, type=OrderType.LIMIT, limit_price=D(price), exit_plan=ExitPlan(stop=D(95), target=D(115))
    )
    driver.propose(asked)
    assert driver.order(asked.id).denied_by == denied_by


def test_what_is_not_known_of_a_symbol_is_none() -> None:
    driver = trading(
        instruments={ALFA: Spread(symbol=ALFA, tick=D(1), legs=(Component(BRAVO, 1), Component(CHARLY, -1)))}
    )
    (zulu,) = taken(driver, proposal(9, legs=(Leg(Symbol("ZULU")),))).legs
    assert (zulu.instrument, zulu.mark, zulu.status) == (None, None, None)
    (alfa,) = taken(driver).legs
    assert alfa.instrument is None


def test_a_close_may_take_what_protection_holds_and_a_reduction_may_not() -> None:
    driver = trading()
    driver.enter(1)
    assert taken(driver, closing_proposal()).legs[0].reducible == 10
    assert taken(driver, closing_proposal(effect=Effect.REDUCE)).legs[0].reducible == 0
    assert taken(driver).legs[0].reducible is None, "of an entry nobody asks"


@pytest.mark.parametrize("effect", (Effect.REDUCE, Effect.CLOSE))
@pytest.mark.parametrize(("theirs", "expected"), (("10", 10), ("6", 6), ("14", 10), ("0", 0), ("-10", 0)))
def test_no_more_is_reducible_than_the_broker_holds(effect: Effect, theirs: str, expected: int) -> None:
    driver = trading()
    for leg in driver.enter(1).protection:
        driver.report(ReportKind.CANCELED, leg.id)
    differs = Break(kind=BreakKind.POSITION, ours="10", theirs=theirs, sentence="differs", symbol=ALFA)
    driver.give(compared(differs))
    assert taken(driver, closing_proposal(effect=effect)).legs[0].reducible == expected
    driver.give(compared(failure="no answer"))
    assert taken(driver, closing_proposal(effect=effect)).legs[0].reducible == expected
    driver.start(epoch=2)
    assert taken(driver, closing_proposal(effect=effect)).legs[0].reducible is None


def test_what_filled_since_the_comparison_is_counted_on_both_sides() -> None:
    driver = trading()
    differs = Break(kind=BreakKind.POSITION, ours="0", theirs="5", sentence="differs", symbol=BRAVO)
    driver.give(compared(differs))
    driver.enter(1)
    assert taken(driver, closing_proposal()).legs[0].reducible == 10
    assert driver.engine.state.stated(ALFA) == 10
    assert driver.engine.state.stated(BRAVO) == 5


def test_the_dead_machine_loss_counts_what_is_held_and_what_may_still_fill() -> None:
    driver = trading()
    driver.enter(1)
    assert taken(driver, proposal(3)).dead_machine_loss == 50
    driver.propose(proposal(2))
    assert taken(driver, proposal(3)).dead_machine_loss == 100
    assert taken(driver, closing_proposal()).dead_machine_loss is None


def test_authority_is_seen_as_it_stands() -> None:
    driver = trading()
    snapshot = taken(driver)
    assert (snapshot.window, snapshot.window_suspended) == (signed().statement, "")
    assert (snapshot.trading_state, snapshot.halt_reasons) == (TradingState.ACTIVE, ())
    assert snapshot.switches == ((SWITCH, TradingState.ACTIVE),)
    assert snapshot.mode_ceiling == driver.engine.rules.authority.ceiling
    assert snapshot.limits_digest == driver.engine.rules.limits_digest
    assert snapshot.grant == driver.engine.rules.grants[proposal().agent]
    driver.start(epoch=2)
    assert taken(driver).window_suspended.startswith("the gateway started again")
    resting = taken(at_rest())
    assert (resting.window, resting.window_suspended, resting.trading_state) == (
        None,
        "",
        TradingState.HALTED,
    )


def test_an_id_is_used_from_its_decision_on() -> None:
    driver = trading()
    assert not taken(driver).id_used
    driver.propose(proposal(99))
    assert taken(driver).id_used


def test_the_session_is_the_one_that_trades_now_and_none_where_nobody_knows() -> None:
    table = calendar()
    assert session_at(table, OPEN) == table.sessions[1]
    assert session_at(table, CLOSE) is None
    assert session_at(table, Instant(OPEN + 100 * DAY)) is None
    driver = trading()
    assert taken(driver).session == table.sessions[1]
    driver.give(TimeReached(CLOSE))
    assert taken(driver).session is None


@pytest.mark.parametrize("effect", Effect)
def test_a_decision_walks_over_no_order(effect: Effect, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = trading()
    driver.enter(1)
    driver.propose(*(proposal(number, quantity=D(1)) for number in range(2, 9)))

    def walked(*_: object) -> NoReturn:
        raise AssertionError("the snapshot was made by a walk over the open orders")

    monkeypatch.setattr(OrderLedger, "open_in", walked)
    monkeypatch.setattr(OrderLedger, "open_orders", walked)
    asked = closing_proposal(99, effect=effect) if effect is not Effect.OPEN else proposal(99)
    snapshot = taken(driver, asked)
    assert (snapshot.open_orders_agent, snapshot.legs[0].open_buy) == (7, D(7))
    assert snapshot.dead_machine_loss == (7 * 5 + 50 if effect is Effect.OPEN else None)


def test_a_decision_tells_the_prices_of_what_is_held_once_and_again_after_a_restart() -> None:
    driver = trading()
    driver.enter(1)
    assert driver.engine.state.told == {}
    assert taken(driver).prices == ((ALFA, D(100)),)
    (told,) = [each for each in driver.propose(proposal(2)) if isinstance(each, Decided)]
    assert told.decision.inputs.prices == ((ALFA, D(100)),)
    assert driver.engine.state.told == {ALFA: D(100)}
    assert taken(driver).prices == ()
    driver.start(epoch=2)
    assert driver.engine.state.told == {}


def test_a_decision_tells_the_brokers_buying_power_and_what_switches_said() -> None:
    driver = trading()
    asked = proposal(1)
    assert decide(asked, taken(driver, asked), driver.engine.rules.limits).inputs.buying_power == 7
    driver.hear(SwitchSeen(switch(TradingState.HALTED, "it was set to 1")))
    snapshot = taken(driver, asked)
    assert snapshot.said == ((SWITCH, "it was set to 1"),)
    assert decide(asked, snapshot, driver.engine.rules.limits).inputs.said == snapshot.said


def test_a_price_that_moved_too_far_pauses_its_symbol_for_entries_until_the_time_has_passed() -> None:
    limits = rules().limits
    calm = {"price_move_fraction_max": D("0.05"), "price_move_seconds": 120, "quote_age_seconds_max": 900}
    symbols = {name: replace(each, **calm) for name, each in limits.symbol.items()}
    driver = trading(limits=replace(limits, symbol=symbols))
    driver.enter(1)
    driver.give(MarketSeen(bar(2, 94)), TimeReached(at(2)))
    far = {"exit_plan": ExitPlan(stop=D(80), target=D(120))}

    def denied_by(number: int, **changes: Any) -> str | None:
        driver.propose(proposal(number, **(far | changes)))
        return driver.order(proposal(number).id).denied_by

    assert denied_by(2) == "price_move"
    assert denied_by(3, legs=(Leg(BRAVO),)) is None, "another symbol is calm"
    driver.propose(closing_proposal(4))
    assert driver.order(closing_proposal(4).id).denied_by is None, "what is held may be left"
    driver.give(TimeReached(at(3)))
    assert denied_by(5) == "price_move"
    driver.give(TimeReached(at(3, 1)))
    assert denied_by(6) is None


def test_a_fall_of_what_stands_for_the_market_stops_entries_until_it_has_come_back_or_a_day_begins() -> None:
    limits, day = rules().limits, calendar()
    falls = {"market_symbols": frozenset({BRAVO}), "market_fall_fraction_max": D("0.05")}
    driver = trading(limits=replace(limits, account=replace(limits.account, **falls)))

    def denied_by(number: int) -> str | None:
        driver.propose(proposal(number))
        return driver.order(proposal(number).id).denied_by

    driver.give(MarketSeen(bar(2, 95, BRAVO)), TimeReached(at(2)))
    assert denied_by(1) is None
    driver.give(MarketSeen(bar(3, 94, BRAVO)), TimeReached(at(3)))
    assert denied_by(2) == "market_fall"
    driver.give(MarketSeen(bar(4, 96, BRAVO)), TimeReached(at(4)))
    assert denied_by(3) is None
    driver.give(MarketSeen(bar(5, 90, BRAVO)), TimeReached(at(5)))
    assert denied_by(4) == "market_fall"
    assert driver.engine.market.began[BRAVO] == 100
    tomorrow = next(each for each in day.sessions if each.open > at(5))
    driver.give(TimeReached(tomorrow.open))
    assert driver.engine.market.began[BRAVO] == 90
