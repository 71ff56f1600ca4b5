"""What tables of limits carry: live and folded alike, tried and taken back, and as a walk finds it."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.gateway.limits import GroupLimits, GroupName, Limits
from agenttrader.gateway.snapshot import GroupView
from agenttrader.model.events import Decided, Event
from agenttrader.model.identifiers import AgentName, StrategyName, Symbol
from agenttrader.model.instruments import Option
from agenttrader.model.orders import Changes, Effect, ExitPlan, Leg, OrderType, Side
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.portfolio.scopes import agent_table, expiry_table, group_table
from agenttrader.runtime.carried import (
    OfStrategy,
    Sides,
    expiry_exposure,
    groups_of,
    of_strategy,
    sides_of_account,
    sides_of_agent,
)
from agenttrader.runtime.inputs import GroupProposed, MarketSeen, ReplaceAsked, TightenAsked, TimeReached
from agenttrader.runtime.rules import Rules
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    BRAVO,
    CHARLY,
    DAY,
    OPEN,
    OTHER_AGENT,
    STRATEGY,
    bar,
    closing_proposal,
    instruments,
    proposal,
    rules,
)
from agenttrader.testing.driver import Driver, trading
from agenttrader.testing.hostile_day import folded
from agenttrader.testing.state_dump import dump_state

D = Decimal
PAIR, LONE = GroupName("pair"), GroupName("lone")
SHORT = {"side": Side.SELL, "exit_plan": ExitPlan(stop=D(105), target=D(90))}
FAR = D(10**9)


def of(*symbols: Symbol, **limits: Any) -> GroupLimits:
    fields = {"gross_exposure_max": FAR, "net_exposure_max": FAR, "daily_new_risk_max": FAR}
    return GroupLimits(symbols=frozenset(symbols), **({"daily_orders_max": 1_000} | fields | limits))


def grouped(**limits: Any) -> Limits:
    """ALFA is in both groups, BRAVO in the first, CHARLY in none."""
    return replace(rules().limits, group={PAIR: of(ALFA, BRAVO, **limits), LONE: of(ALFA)})


def dealing(**limits: Any) -> Driver:
    return trading(limits=grouped(**limits))


def pair_of(driver: Driver, way: int = 1) -> GroupView:
    """What the pair carries, as a decision about BRAVO sees it."""
    (found,) = groups_of(BRAVO, D(way), driver.engine.state, driver.engine.valued)
    return found


def denied_by(events: list[Event]) -> list[str | None]:
    return [event.decision.denied_by for event in events if isinstance(event, Decided)]


def test_a_symbol_is_in_its_groups_and_an_option_in_those_of_its_share() -> None:
    option = Option(
        symbol=BRAVO,
        tick=D("0.01"),
        lot=D(1),
        underlying=ALFA,
        expiry="2026-12-18",
        strike=D(100),
        right="call",
    )
    made = rules(
        limits=replace(grouped(), group={LONE: of(ALFA), PAIR: of(CHARLY)}),
        instruments=instruments() | {BRAVO: option},
    )
    scopes = made.scopes
    assert scopes.groups_of(ALFA) == scopes.groups_of(BRAVO) == (group_table(LONE),)
    assert scopes.groups_of(CHARLY) == (group_table(PAIR),)
    assert expiry_table("2026-12-18") in scopes.of_symbol(BRAVO)
    assert agent_table(OTHER_AGENT) in scopes.of_symbol(CHARLY)
    assert scopes.of_symbol(Symbol("NOPE")) == ()


def test_what_is_held_and_what_works_count_in_each_group_and_in_no_other() -> None:
    driver = dealing()
    driver.enter(1)
    driver.propose(proposal(2, legs=(Leg(BRAVO),)))
    driver.give(MarketSeen(bar(2, 110)))
    driver.propose(proposal(3, agent=OTHER_AGENT, strategy=StrategyName(""), legs=(Leg(CHARLY),)))
    assert pair_of(driver) == GroupView(PAIR, D(2_100), D(2_100), 2, D(2_000))
    assert pair_of(driver, -1).net_exposure == -1_100
    state, valued = driver.engine.state, driver.engine.valued
    lone = next(each for each in groups_of(ALFA, D(1), state, valued) if each.name == LONE)
    assert lone == GroupView(LONE, D(1_100), D(1_100), 1, D(1_000))
    assert groups_of(CHARLY, D(1), state, valued) == ()
    assert of_strategy(STRATEGY, state, valued) == OfStrategy(D(2_100), 2, D(2_000))
    assert of_strategy(StrategyName(""), state, valued) == OfStrategy(None, None, None)
    assert sides_of_account(valued.value(), state) == Sides(D(3_100), D(0))
    assert sides_of_agent(AGENT, state, valued) == Sides(D(2_100), D(0))


def test_a_limit_of_a_group_holds_over_its_symbols_and_names_it() -> None:
    driver = dealing(gross_exposure_max=D(2_000))
    found = driver.propose(proposal(1), proposal(2, legs=(Leg(BRAVO),)), proposal(3, quantity=D(1)))
    assert denied_by(found) == [None, None, "gross_exposure_group"]
    (last,) = [each for each in found if isinstance(each, Decided)][2:]
    check = next(each for each in last.decision.checks if each.code == "gross_exposure_group")
    assert (check.observed, check.permitted) == (D(2_100), "2000 in pair")
    assert denied_by(driver.propose(proposal(4, agent=OTHER_AGENT, strategy="", legs=(Leg(CHARLY),)))) == [
        None
    ]


def test_what_is_tried_together_is_counted_and_then_taken_back() -> None:
    driver = dealing(daily_orders_max=1)
    before, state = dump_state(driver.engine.state), driver.engine.state
    carried = pair_of(driver)
    members = (proposal(1, group="both"), proposal(2, legs=(Leg(BRAVO),), group="both"))
    step = driver.hear(GroupProposed(members))
    assert denied_by([each.event for each in step.records]) == ["group", "daily_orders_group"]
    assert pair_of(driver) == carried == GroupView(PAIR, D(0), D(0), 0, D(0))
    assert dump_state(state)["entries"] == before["entries"]


def test_what_comes_in_the_place_of_another_counts_for_what_it_is_dearer() -> None:
    driver = dealing(gross_exposure_max=D(1_030))
    old = proposal(1, type=OrderType.LIMIT, limit_price=D(100))
    driver.propose(old)
    driver.accept(old.id)
    changes = Changes(limit_price=D(103))
    driver.hear(ReplaceAsked(old.id, proposal(9).id, changes, AGENT, "nearer"))
    assert pair_of(driver).gross_exposure == 1_030
    driver.report(ReportKind.CANCELED, old.id)
    assert pair_of(driver).gross_exposure <= 1_030
    driver = dealing(gross_exposure_max=D("1029.99"))
    driver.propose(old)
    driver.accept(old.id)
    step = driver.hear(ReplaceAsked(old.id, proposal(9).id, changes, AGENT, "nearer"))
    assert denied_by([each.event for each in step.records]) == ["gross_exposure_group"]


def test_what_an_exit_sells_for_a_strategy_is_no_more_a_part_of_it() -> None:
    driver = dealing()
    driver.enter(1)
    state, valued = driver.engine.state, driver.engine.valued
    assert of_strategy(STRATEGY, state, valued).gross_exposure == 1_000
    leaving = closing_proposal(2, effect=Effect.CLOSE)
    driver.propose(leaving)
    for leg in driver.order(proposal(1).id).protection:
        driver.report(ReportKind.CANCELED, leg.id)
    driver.fill(leaving.id, "out", 10)
    assert of_strategy(STRATEGY, state, valued) == OfStrategy(D(0), 1, D(1_000))


def test_a_group_that_is_tightened_while_everything_runs_binds_the_next_order() -> None:
    driver = dealing()
    driver.enter(1)
    other = proposal(2, agent=OTHER_AGENT, strategy=StrategyName(""), legs=(Leg(CHARLY),))
    driver.hear(TightenAsked("group.pair.symbols", "CHARLY", "ada", "it moves with them"))
    driver.hear(TightenAsked("group.pair.gross_exposure_max", "1500", "ada", "a rough day"))
    assert pair_of(driver).gross_exposure == 1_000
    assert denied_by(driver.propose(other)) == ["gross_exposure_group"]
    assert denied_by(driver.propose(replace(other, id=proposal(3).id, quantity=D(5)))) == [None]
    assert pair_of(driver).gross_exposure == 1_500


def test_before_a_day_has_opened_nothing_is_known_and_a_new_one_begins_anew() -> None:
    driver = dealing()
    driver.propose(proposal(1))
    assert (pair_of(driver).entries_today, pair_of(driver).new_risk_today) == (1, D(1_000))
    driver.give(TimeReached(Instant(OPEN + 3 * DAY)))
    assert (pair_of(driver).entries_today, pair_of(driver).new_risk_today) == (0, D(0))
    driver.engine.state.day = None
    assert (pair_of(driver).entries_today, pair_of(driver).new_risk_today) == (None, None)


@pytest.mark.parametrize("limit", ("gross_exposure_max", "net_exposure_max", "daily_new_risk_max"))
def test_no_group_is_ever_over_its_limit_by_what_was_approved(limit: str) -> None:
    driver = dealing(**{limit: D(3_500)})
    chance = Random(7)
    for number in range(1, 30):
        symbol = chance.choice((ALFA, BRAVO))
        driver.propose(proposal(number, legs=(Leg(symbol),), quantity=D(chance.randint(1, 12))))
        found = pair_of(driver)
        assert found.new_risk_today is not None
        reached = (found.gross_exposure, found.net_exposure, found.new_risk_today)
        assert max(reached) <= 3_500
    assert pair_of(driver).gross_exposure > 3_400


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 30))
def test_a_restart_knows_what_was_carried(seed: int, length: int) -> None:
    driver, chance = dealing(), Random(seed)
    for number in range(1, length + 1):
        _go_on(driver, chance, number)
    made, now = driver.engine.rules, driver.engine
    again = folded(driver.records).state
    valued = MarkedBook(again.book, now.market.prices, made.scopes)
    for symbol, way in ((ALFA, D(1)), (BRAVO, D(-1))):
        assert groups_of(symbol, way, again, valued) == groups_of(symbol, way, now.state, now.valued)
    assert of_strategy(STRATEGY, again, valued) == of_strategy(STRATEGY, now.state, now.valued)
    assert sides_of_account(valued.value(), again) == sides_of_account(now.valued.value(), now.state)
    assert expiry_exposure(made.instruments[ALFA], again, valued) is None
    _assert_walked(driver, made)


def _go_on(driver: Driver, chance: Random, number: int) -> None:
    """One entry, long or short, of which perhaps all fills, or none."""
    symbol = chance.choice((ALFA, BRAVO, CHARLY))
    own = (AGENT, STRATEGY) if symbol != CHARLY else (OTHER_AGENT, StrategyName(""))
    side: dict[str, Any] = SHORT if chance.random() < 0.4 else {}
    asked = proposal(number, agent=AgentName(own[0]), strategy=own[1], legs=(Leg(symbol),), **side)
    if denied_by(driver.propose(asked)) != [None]:
        return
    driver.accept(asked.id)
    if chance.random() < 0.5:
        driver.fill(asked.id, f"e-{number}", 10)
    elif chance.random() < 0.5:
        driver.report(ReportKind.CANCELED, asked.id)


def _assert_walked(driver: Driver, made: Rules) -> None:
    """The pair's sums are those over its positions and its open entries."""
    book, prices = driver.engine.state.book, driver.engine.market.prices
    symbols = made.limits.group[PAIR].symbols
    held = [book.position(symbol) * prices[symbol] for symbol in sorted(symbols)]
    working = [
        order for order in book.orders.open_orders() if order.adds_risk and order.proposal.symbol in symbols
    ]
    gross = sum(map(abs, held), D(0)) + sum((order.reserved for order in working), D(0))
    bought = sum((order.reserved for order in working if order.side is Side.BUY), D(0))
    assert (pair_of(driver).gross_exposure, pair_of(driver).net_exposure) == (gross, sum(held, D(0)) + bought)
