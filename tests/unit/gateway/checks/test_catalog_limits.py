from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.model.authority import Approval, Mode, Scope, ScopeKind
from agenttrader.model.decisions import Check, TradingState
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import CryptoPair, Equity, Option
from agenttrader.model.orders import Effect, ExitPlan, OrderType, TimeInForce
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, SECOND, Instant
from agenttrader.model.values import ZERO
from agenttrader.testing.situations import (
    AGENT,
    ALFA,
    BRVO,
    GROUP,
    HOUR,
    NOW,
    STRATEGY,
    Situation,
    check_of,
    entry,
    exit_of_long,
    extended,
    market_entry,
    resting_pair,
    resting_stop,
    short_entry,
    spread_entry,
)


def plan(stop: str, target: str) -> ExitPlan:
    return ExitPlan(stop=Decimal(stop), target=Decimal(target))


def limit(price: str) -> Situation:
    """The entry at another limit price, with its plan out of the way."""
    return entry().proposing(limit_price=Decimal(price), exit_plan=plan("50.00", "200.00"))


def leave(price: str) -> Situation:
    """A reduction by a limit order."""
    return exit_of_long(Effect.REDUCE).proposing(type=OrderType.LIMIT, limit_price=Decimal(price))


def at_target(price: str) -> Situation:
    """The pair of a long position, whose stop is out of the way."""
    return resting_pair().proposing(limit_price=Decimal(price), exit_plan=ExitPlan(stop=Decimal("50.00")))


def fallen(price: str) -> Situation:
    """The entry while BRVO, whose day began at 100, stands for the market and has come to `price`."""
    limits = {"market_symbols": frozenset({BRVO}), "market_fall_fraction_max": Decimal("0.07")}
    return entry().seeing(market=((BRVO, Decimal(price), Decimal(100)),)).limiting_account(**limits)


def moved(low: str, high: str) -> Situation:
    """The entry after marks as low and as high as these."""
    return entry().seeing_leg(ranged=(Decimal(low), Decimal(high)))


def stop_order(price: str) -> Situation:
    return entry().proposing(
        type=OrderType.STOP, limit_price=None, stop_price=Decimal(price), exit_plan=plan("50.00", "200.00")
    )


def free() -> Situation:
    """The entry of an agent that may use everything, in a window that is always open."""
    return (
        entry()
        .limiting_agent(
            order_types=tuple(OrderType), times_in_force=tuple(TimeInForce), extended_hours_permitted=True
        )
        .leased(start=Instant(0), end=Instant(NOW + 24 * HOUR))
        .seeing(exits_unit=True)
    )


def stop_limit(stop: str, price: str) -> Situation:
    prices = {"stop_price": Decimal(stop), "limit_price": Decimal(price)}
    return (
        entry()
        .proposing(type=OrderType.STOP_LIMIT, **prices, exit_plan=plan("50.00", "200.00"))
        .limiting_agent(order_types=tuple(OrderType))
    )


def trailing(*, price: Decimal | None = None, percent: Decimal | None = None) -> Situation:
    trails = {"trail_price": price, "trail_percent": percent}
    return (
        free()
        .proposing(
            type=OrderType.TRAILING_STOP, limit_price=None, **trails, exit_plan=plan("50.00", "200.00")
        )
        .seeing(exits_unit=True)
    )


FAR = Decimal(10**9)
OPENS, CLOSE = Instant(NOW - HOUR), Instant(NOW + 6 * HOUR)
EARLY, LATE = Instant(OPENS - 5 * HOUR), Instant(CLOSE + 4 * HOUR)
IOC = TimeInForce.IOC
FRACTIONS = Equity(symbol=ALFA, tick=Decimal("0.01"), lot=Decimal("0.000000001"))
COIN = CryptoPair(symbol=ALFA, tick=Decimal("0.01"), lot=Decimal("0.0001"))
CALL = Option(
    symbol=ALFA,
    tick=Decimal("0.01"),
    lot=Decimal(1),
    underlying=BRVO,
    expiry="2026-12-18",
    strike=Decimal(100),
    right="call",
)


def call(expiry: str = "2026-12-18") -> Situation:
    """An entry in an option."""
    option = msgspec.structs.replace(CALL, expiry=expiry)
    return free().seeing_leg(instrument=option)


def in_hours(now: Instant, **changes: Any) -> Situation:
    """The entry at another time of a day that has hours before and after its session."""
    session = Session(date="d", open=OPENS, close=CLOSE, early_open=EARLY, late_close=LATE)
    return free().proposing(**changes).seeing(now=now, session=session, exits_unit=True).marked(time=now)


LIMITS: dict[str, tuple[str, Situation, Situation]] = {
    "account.gross_exposure_max": (
        "gross_exposure_account",
        entry().seeing(gross_exposure_account=Decimal(90_000)),
        entry().seeing(gross_exposure_account=Decimal("90_000.01")),
    ),
    "account.net_exposure_max": (
        "net_exposure_account",
        entry().seeing(net_long_account=Decimal(50_000), net_short_account=Decimal(-50_000)),
        entry().seeing(net_long_account=Decimal("50_000.01"), net_short_account=Decimal(-50_000)),
    ),
    "account.dead_machine_loss_max": (
        "dead_machine_loss",
        entry().seeing(dead_machine_loss=Decimal(19_700)),
        entry().seeing(dead_machine_loss=Decimal("19_700.01")),
    ),
    "account.daily_loss_max": (
        "daily_loss",
        entry().seeing(equity=Decimal(245_000)),
        entry().seeing(equity=Decimal("244_999.99")),
    ),
    "account.orders_per_minute_max": (
        "order_rate_account",
        entry().seeing(orders_last_minute_account=59),
        entry().seeing(orders_last_minute_account=60),
    ),
    "account.open_orders_max": (
        "open_orders_account",
        entry().seeing(open_orders_account=19),
        entry().seeing(open_orders_account=20),
    ),
    "account.daily_orders_max": (
        "daily_orders_account",
        entry().seeing(entries_today_account=199),
        entry().seeing(entries_today_account=200),
    ),
    "account.daily_new_risk_max": (
        "daily_new_risk_account",
        entry().seeing(new_risk_today_account=Decimal(990_000)),
        entry().seeing(new_risk_today_account=Decimal("990_000.01")),
    ),
    "account.ungrouped_permitted": (
        "symbol_group",
        entry().limiting_account(ungrouped_permitted=True).seeing_leg(groups=()),
        entry().seeing_leg(groups=()),
    ),
    "account.long_exposure_max": (
        "side_exposure_account",
        entry().seeing(long_exposure_account=Decimal(60_000), short_exposure_account=FAR),
        entry().seeing(long_exposure_account=Decimal("60_000.01")),
    ),
    "account.short_exposure_max": (
        "side_exposure_account",
        short_entry().seeing(short_exposure_account=Decimal(50_000), long_exposure_account=FAR),
        short_entry().seeing(short_exposure_account=Decimal("50_000.01")),
    ),
    "account.concentration_fraction_max": (
        "concentration",
        entry().limiting_account(concentration_fraction_max=Decimal("0.04")),
        entry().limiting_account(concentration_fraction_max=Decimal("0.0399")),
    ),
    "account.expiry_exposure_max": (
        "expiry_exposure",
        call().seeing_leg(expiry_exposure=Decimal(10_000)),
        call().seeing_leg(expiry_exposure=Decimal("10_000.01")),
    ),
    "account.days_to_expiry_min": (
        "days_to_expiry",
        call("2026-11-27"),
        call("2026-11-26"),
    ),
    "account.market_fall_fraction_max": ("market_fall", fallen("93.00"), fallen("92.99")),
    "account.market_symbols": (
        "market_fall",
        fallen("90.00").limiting_account(market_symbols=frozenset()),
        fallen("90.00"),
    ),
    "account.restricted": (
        "restricted",
        entry().limiting_account(restricted=frozenset({BRVO})),
        entry().limiting_account(restricted=frozenset({BRVO, ALFA})),
    ),
    "agent.gross_exposure_max": (
        "gross_exposure_agent",
        entry().seeing(gross_exposure_agent=Decimal(70_000)),
        entry().seeing(gross_exposure_agent=Decimal("70_000.01")),
    ),
    "agent.net_exposure_max": (
        "net_exposure_agent",
        entry().seeing(net_long_agent=Decimal(40_000), net_short_agent=Decimal(-40_000)),
        entry().seeing(net_long_agent=Decimal("40_000.01"), net_short_agent=Decimal(-40_000)),
    ),
    "agent.long_exposure_max": (
        "side_exposure_agent",
        entry().seeing(long_exposure_agent=Decimal(45_000), short_exposure_agent=FAR),
        entry().seeing(long_exposure_agent=Decimal("45_000.01")),
    ),
    "agent.short_exposure_max": (
        "side_exposure_agent",
        short_entry().seeing(short_exposure_agent=Decimal(35_000), long_exposure_agent=FAR),
        short_entry().seeing(short_exposure_agent=Decimal("35_000.01")),
    ),
    "group.symbols": (
        "symbol_group",
        entry(),
        entry().seeing_leg(groups=()),
    ),
    "group.gross_exposure_max": (
        "gross_exposure_group",
        entry().seeing_group(gross_exposure=Decimal(65_000)),
        entry().seeing_group(gross_exposure=Decimal("65_000.01")),
    ),
    "group.net_exposure_max": (
        "net_exposure_group",
        entry().seeing_group(net_exposure=Decimal(45_000)),
        entry().seeing_group(net_exposure=Decimal("45_000.01")),
    ),
    "group.daily_orders_max": (
        "daily_orders_group",
        entry().seeing_group(entries_today=89),
        entry().seeing_group(entries_today=90),
    ),
    "group.daily_new_risk_max": (
        "daily_new_risk_group",
        entry().seeing_group(new_risk_today=Decimal(390_000)),
        entry().seeing_group(new_risk_today=Decimal("390_000.01")),
    ),
    "strategy.gross_exposure_max": (
        "gross_exposure_strategy",
        entry().seeing(gross_exposure_strategy=Decimal(55_000)),
        entry().seeing(gross_exposure_strategy=Decimal("55_000.01")),
    ),
    "strategy.daily_orders_max": (
        "daily_orders_strategy",
        entry().seeing(entries_today_strategy=79),
        entry().seeing(entries_today_strategy=80),
    ),
    "strategy.daily_new_risk_max": (
        "daily_new_risk_strategy",
        entry().seeing(new_risk_today_strategy=Decimal(290_000)),
        entry().seeing(new_risk_today_strategy=Decimal("290_000.01")),
    ),
    "agent.orders_per_minute_max": (
        "order_rate_agent",
        entry().seeing(orders_last_minute_agent=29),
        entry().seeing(orders_last_minute_agent=30),
    ),
    "agent.messages_per_minute_max": (
        "message_rate",
        entry().seeing(messages_last_minute_agent=59),
        entry().seeing(messages_last_minute_agent=60),
    ),
    "agent.open_orders_max": (
        "open_orders_agent",
        entry().seeing(open_orders_agent=9),
        entry().seeing(open_orders_agent=10),
    ),
    "agent.daily_orders_max": (
        "daily_orders_agent",
        entry().seeing(entries_today_agent=99),
        entry().seeing(entries_today_agent=100),
    ),
    "agent.daily_new_risk_max": (
        "daily_new_risk_agent",
        entry().seeing(new_risk_today_agent=Decimal(490_000)),
        entry().seeing(new_risk_today_agent=Decimal("490_000.01")),
    ),
    "agent.repeats_max": ("repeats", entry().seeing(repeats=2), entry().seeing(repeats=3)),
    "agent.order_types": (
        "order_type",
        entry().limiting_agent(order_types=(OrderType.LIMIT,)),
        entry().limiting_agent(order_types=(OrderType.MARKET, OrderType.STOP)),
    ),
    "agent.times_in_force": (
        "time_in_force",
        entry().proposing(time_in_force=TimeInForce.GTC).limiting_agent(times_in_force=tuple(TimeInForce)),
        entry().proposing(time_in_force=TimeInForce.GTC),
    ),
    "agent.extended_hours_permitted": (
        "extended_hours",
        extended().limiting_agent(extended_hours_permitted=True),
        extended(),
    ),
    "symbol.order_quantity_max": (
        "order_quantity",
        entry().proposing(quantity=Decimal(500)),
        entry().proposing(quantity=Decimal(501)),
    ),
    "symbol.order_notional_max": (
        "order_notional",
        entry().limiting_symbol(order_notional_max=Decimal(10_000)),
        entry().limiting_symbol(order_notional_max=Decimal("9_999.99")),
    ),
    "symbol.position_quantity_max": (
        "position",
        entry().seeing_leg(position=Decimal(600), open_buy=Decimal(300), open_sell=Decimal(600)),
        entry().seeing_leg(position=Decimal(600), open_buy=Decimal(301), open_sell=Decimal(600)),
    ),
    "symbol.price_collar_fraction_max": ("price_collar", limit("105.00"), limit("105.01")),
    "symbol.reducing_price_collar_fraction_max": ("price_collar", leave("80.00"), leave("79.99")),
    "symbol.price_move_fraction_max": (
        "price_move",
        moved("95.00", "100.00").limiting_symbol(price_move_fraction_max=Decimal("0.05")),
        moved("94.99", "100.00").limiting_symbol(price_move_fraction_max=Decimal("0.05")),
    ),
    "symbol.quote_age_seconds_max": (
        "quote_age",
        entry().marked(time=Instant(NOW - 120 * SECOND)),
        entry().marked(time=Instant(NOW - 120 * SECOND - 1)),
    ),
    "symbol.shorting_permitted": (
        "shorting",
        short_entry(),
        short_entry().limiting_symbol(shorting_permitted=False),
    ),
}


@pytest.mark.parametrize(
    "market",
    (
        (),
        ((BRVO, None, Decimal(100)),),
        ((BRVO, Decimal(100), None),),
        ((ALFA, Decimal(100), Decimal(100)), (BRVO, None, None)),
    ),
)
def test_what_stands_for_the_market_and_has_no_price_denies(
    market: tuple[tuple[Symbol, Decimal | None, Decimal | None], ...],
) -> None:
    check = check_of(fallen("100").seeing(market=market).decide(), "market_fall")
    assert check == Check("market_fall", None, Decimal("0.07"), passed=False)


def test_of_several_that_stand_for_the_market_the_worst_counts_and_exits_are_not_asked() -> None:
    both = fallen("95").limiting_account(market_symbols=frozenset({ALFA, BRVO}))
    rises = (ALFA, Decimal(110), Decimal(100))
    check = check_of(both.seeing(market=(rises, *both.snapshot.market)).decide(), "market_fall")
    assert (check.observed, check.passed) == (Decimal("0.05"), True)
    leaves = exit_of_long().limiting_account(market_symbols=frozenset({BRVO})).decide()
    assert leaves.denied_by is None


@pytest.mark.parametrize(
    ("low", "high", "price", "observed"),
    (
        ("100", "100", "100", "0"),
        ("98", "103", "100", "5"),
        ("98", "103", "104", "6"),
        ("98", "103", "95", "8"),
        ("100", "100", "104", "4"),
    ),
)
def test_the_price_of_the_order_counts_with_those_of_late(
    low: str, high: str, price: str, observed: str
) -> None:
    decided = moved(low, high).proposing(limit_price=Decimal(price)).decide()
    check = check_of(decided, "price_move")
    assert check == Check("price_move", Decimal(observed), Decimal(50), passed=True)
    assert decided.inputs.ranges == ((ALFA, Decimal(low), Decimal(high)),)


def test_of_several_legs_each_is_asked_for_its_own_price_and_what_leaves_is_not_asked() -> None:
    calm = spread_entry().limiting_symbol(BRVO, price_move_fraction_max=Decimal("0.1"))
    assert calm.decide().denied_by is None
    wild = calm.seeing_leg(1, ranged=(Decimal(44), Decimal(50))).decide()
    assert (wild.denied_by, check_of(wild, "price_move").observed) == ("price_move", 6)
    assert exit_of_long().seeing_leg(ranged=None).decide().denied_by is None


def test_what_no_bracket_protects_counts_whole_in_the_dead_machine_loss() -> None:
    whole = free().proposing(extended_hours=True).seeing(dead_machine_loss=Decimal(10_000))
    assert check_of(whole.decide(), "dead_machine_loss").observed == 20_000
    assert check_of(free().decide(), "dead_machine_loss").observed == 300
    short = short_entry().seeing(dead_machine_loss=ZERO).decide()
    assert check_of(short, "dead_machine_loss").observed == 300


def test_protection_may_rest_as_far_away_as_its_plan_puts_it() -> None:
    assert at_target("900.00").decide().denied_by is None
    assert resting_stop().proposing(stop_price=Decimal("1.00")).decide().denied_by is None


OF_TIME = {"account.unprotected_seconds_max", "agent.repeat_seconds", "symbol.price_move_seconds"}
"""What no order is held against: the engine finds it when time moves, and counts what it saw in that time."""


def test_every_limit_has_a_row() -> None:
    limits = entry().limits
    tables = {"account": limits.account, "agent": limits.agent[AGENT], "symbol": limits.symbol[ALFA]}
    tables |= {"group": limits.group[GROUP], "strategy": limits.strategy[STRATEGY]}
    assert set(LIMITS) | OF_TIME == {
        f"{name}.{field}" for name, table in tables.items() for field in table.__struct_fields__
    }


EDGES = (
    *LIMITS.values(),
    (
        "concentration",
        entry()
        .seeing(equity=Decimal(250_000))
        .seeing_leg(position=Decimal(100), open_buy=Decimal(50), open_sell=FAR)
        .limiting_account(concentration_fraction_max=Decimal("0.1")),
        entry()
        .seeing(equity=Decimal(249_999))
        .seeing_leg(position=Decimal(100), open_buy=Decimal(50), open_sell=FAR)
        .limiting_account(concentration_fraction_max=Decimal("0.1")),
    ),
    (
        "concentration",
        short_entry()
        .seeing_leg(position=Decimal(-100), open_sell=Decimal(50), open_buy=FAR)
        .limiting_account(concentration_fraction_max=Decimal("0.1")),
        short_entry()
        .seeing_leg(position=Decimal(-100), open_sell=Decimal(51), open_buy=FAR)
        .limiting_account(concentration_fraction_max=Decimal("0.1")),
    ),
    (
        "concentration",
        limit("104.99").limiting_account(concentration_fraction_max=Decimal("0.041996")),
        limit("105.00").limiting_account(concentration_fraction_max=Decimal("0.041996")),
    ),
    (
        "concentration",
        spread_entry().limiting_account(concentration_fraction_max=Decimal("0.04")),
        spread_entry()
        .seeing_leg(1, position=Decimal(-1))
        .limiting_account(concentration_fraction_max=Decimal("0.04")),
    ),
    (
        "gross_exposure_group",
        spread_entry().seeing_group(1, gross_exposure=Decimal(55_000)),
        spread_entry().seeing_group(1, gross_exposure=Decimal("55_000.01")),
    ),
    (
        "side_exposure_account",
        spread_entry().seeing(long_exposure_account=Decimal(40_000), short_exposure_account=Decimal(40_000)),
        spread_entry().seeing(short_exposure_account=Decimal("40_000.01")),
    ),
    (
        "net_exposure_agent",
        short_entry().seeing(net_short_agent=Decimal(40_000), net_long_agent=FAR),
        short_entry().seeing(net_short_agent=Decimal("40_000.01"), net_long_agent=Decimal(-40_000)),
    ),
    (
        "net_exposure_account",
        short_entry().seeing(net_short_account=Decimal(50_000), net_long_account=FAR),
        short_entry().seeing(net_short_account=Decimal("50_000.01"), net_long_account=Decimal(-50_000)),
    ),
    (
        "net_exposure_account",
        spread_entry().seeing(net_long_account=Decimal(40_000), net_short_account=Decimal(40_000)),
        spread_entry().seeing(net_long_account=Decimal(-40_000), net_short_account=Decimal("40_000.01")),
    ),
    (
        "restricted",
        free().seeing_leg(instrument=CALL),
        free().seeing_leg(instrument=CALL).limiting_account(restricted=frozenset({BRVO})),
    ),
    ("restricted", spread_entry(), spread_entry().limiting_account(restricted=frozenset({BRVO}))),
    ("price_collar", limit("95.00"), limit("94.99")),
    (
        "price_collar",
        entry().proposing(decision_price=Decimal("95.00")),
        entry().proposing(decision_price=Decimal("94.99")),
    ),
    ("price_collar", stop_order("105.00"), stop_order("105.01")),
    ("window", entry().leased(start=NOW), entry().leased(start=Instant(NOW + 1))),
    ("window", market_entry().leased(end=Instant(NOW + 1)), market_entry().leased(end=NOW)),
    ("mode", entry().seeing(mode_ceiling=Mode.LIVE), entry().seeing(mode_ceiling=Mode.DRY_RUN)),
    (
        "mode",
        entry().leased(mode=Mode.LIVE).seeing(mode_ceiling=Mode.LIVE).granting(mode_ceiling=Mode.LIVE),
        entry().leased(mode=Mode.LIVE).granting(mode_ceiling=Mode.LIVE),
    ),
    ("mode", entry().granting(mode_ceiling=Mode.PAPER), entry().granting(mode_ceiling=Mode.DRY_RUN)),
    (
        "mode",
        entry().seeing(mode_ceiling=Mode.LIVE),
        entry().leased(mode=Mode.LIVE).seeing(mode_ceiling=Mode.LIVE),
    ),
    ("approval", entry(), entry().granting(approval=Approval.MANUAL)),
    ("valid_until", entry().proposing(valid_until=NOW), entry().proposing(valid_until=Instant(NOW - 1))),
    (
        "session",
        entry().seeing(session=Session(date="d", open=NOW, close=CLOSE)),
        entry().seeing(session=Session(date="d", open=Instant(NOW + 1), close=CLOSE)),
    ),
    (
        "session",
        entry().seeing(session=Session(date="d", open=Instant(NOW - HOUR), close=Instant(NOW + 1))),
        entry().seeing(session=Session(date="d", open=Instant(NOW - HOUR), close=NOW)),
    ),
    ("quote_time", entry(), entry().marked(time=Instant(NOW + 1))),
    (
        "quote",
        entry()
        .proposing(
            quantity=Decimal(1),
            limit_price=Decimal("0.01"),
            decision_price=Decimal("0.01"),
            exit_plan=ExitPlan(stop=Decimal("0.005")),
        )
        .seeing_leg(instrument=Equity(symbol=ALFA, tick=Decimal("0.005"), lot=Decimal(1)))
        .marked(price=Decimal("0.01")),
        entry().marked(price=ZERO),
    ),
    ("opens", entry().seeing_leg(position=Decimal(1)), entry().seeing_leg(position=Decimal(-1))),
    ("opens", short_entry().seeing_leg(position=Decimal(-1)), short_entry().seeing_leg(position=Decimal(1))),
    ("opens", entry(), entry().seeing_leg(opposed=True)),
    ("opens", short_entry(), short_entry().seeing_leg(opposed=True)),
    *(
        (
            "self_match",
            entering.seeing_leg(facing=(Decimal(at),)),
            entering.seeing_leg(facing=(Decimal(met),)),
        )
        for entering, at, met in (
            (entry(), "100.01", "100.00"),
            (market_entry(), "100.01", "100.00"),
            (limit("99.00"), "99.01", "99.00"),
            (stop_order("103.00"), "103.01", "103.00"),
            (stop_limit("103.00", "104.00"), "104.01", "104.00"),
            (short_entry(), "99.99", "100.00"),
            (short_entry().proposing(type=OrderType.MARKET, limit_price=None), "99.99", "100.00"),
            (spread_entry(), "100.01", "100.00"),
        )
    ),
    (
        "self_match",
        spread_entry().seeing_leg(1, facing=(Decimal("49.99"),)),
        spread_entry().seeing_leg(1, facing=(Decimal("50.00"),)),
    ),
    ("reduces", exit_of_long(), exit_of_long().seeing_leg(reducible=Decimal(99))),
    ("reduces", exit_of_long(Effect.REDUCE), exit_of_long(Effect.REDUCE).proposing(quantity=Decimal(101))),
    ("reduces", exit_of_long(), exit_of_long().seeing_leg(position=ZERO)),
    ("reduces", exit_of_long(), exit_of_long().seeing_leg(position=Decimal(-100))),
    ("tick", limit("100.01"), limit("100.001")),
    *(
        ("tick", entry(), entry().proposing(exit_plan=spoilt))
        for spoilt in (
            plan("97.001", "105.00"),
            plan("97.00", "105.001"),
            ExitPlan(stop=Decimal("97.00"), trail=Decimal("2.001")),
        )
    ),
    ("lot", entry(), entry().proposing(quantity=Decimal("100.5"))),
    (
        "position",
        short_entry().seeing_leg(position=Decimal(-600), open_sell=Decimal(300), open_buy=Decimal(600)),
        short_entry().seeing_leg(position=Decimal(-600), open_sell=Decimal(301), open_buy=Decimal(600)),
    ),
    (
        "order_notional",
        limit("105.00").limiting_symbol(order_notional_max=Decimal(10_500)),
        limit("105.00").limiting_symbol(order_notional_max=Decimal("10_499.99")),
    ),
    (
        "order_notional",
        limit("95.00").limiting_symbol(order_notional_max=Decimal(10_000)),
        limit("95.00").limiting_symbol(order_notional_max=Decimal("9_999.99")),
    ),
    (
        "buying_power",
        entry().seeing(buying_power_fold=Decimal(10_000)),
        entry().seeing(buying_power_fold=Decimal("9_999.99")),
    ),
    (
        "buying_power",
        entry().seeing(buying_power_broker=Decimal(10_000)),
        entry().seeing(buying_power_broker=Decimal("9_999.99")),
    ),
    ("exit_plan", entry(), entry().proposing(exit_plan=ExitPlan(target=Decimal("105.00")))),
    *(
        ("exit_plan", alone.seeing(exits_unit=True), alone.seeing(exits_unit=False))
        for alone in (
            free().proposing(time_in_force=TimeInForce.IOC),
            free().proposing(time_in_force=TimeInForce.CLS),
            free().proposing(type=OrderType.TRAILING_STOP, limit_price=None, trail_price=Decimal("2.00")),
            free().proposing(quantity=Decimal("1.5")).seeing_leg(instrument=FRACTIONS),
            free().seeing_leg(instrument=COIN).proposing(time_in_force=TimeInForce.GTC),
            free().proposing(extended_hours=True),
            spread_entry(),
        )
    ),
    *(
        ("shape", good, bad)
        for good, bad in (
            (
                free().proposing(time_in_force=TimeInForce.FOK),
                stop_order("101").proposing(time_in_force=IOC),
            ),
            (
                free().proposing(extended_hours=True),
                free().proposing(extended_hours=True).proposing(time_in_force=IOC),
            ),
            (free().proposing(extended_hours=True), stop_order("101.00").proposing(extended_hours=True)),
            (resting_pair(), resting_pair().proposing(time_in_force=IOC)),
            (resting_pair(), resting_pair().proposing(extended_hours=True)),
            (spread_entry(), spread_entry().proposing(time_in_force=TimeInForce.GTC)),
            (
                free().seeing_leg(instrument=COIN).proposing(time_in_force=IOC),
                free().seeing_leg(instrument=COIN),
            ),
            (free(), stop_order("101.00").seeing_leg(instrument=COIN).proposing(time_in_force=IOC)),
            (free().seeing_leg(instrument=CALL), stop_order("101.00").seeing_leg(instrument=CALL)),
            (
                free().seeing_leg(instrument=CALL),
                free().seeing_leg(instrument=CALL).proposing(time_in_force=IOC),
            ),
            (
                free().proposing(quantity=Decimal("1.5")).seeing_leg(instrument=FRACTIONS),
                free().proposing(quantity=Decimal("1.5"), time_in_force=TimeInForce.GTC),
            ),
            (resting_pair(), resting_pair().proposing(quantity=Decimal("1.5"))),
        )
    ),
    *(
        ("session", in_hours(good, **how), in_hours(bad, **how))
        for good, bad, how in (
            (EARLY, Instant(EARLY - 1), {"extended_hours": True}),
            (Instant(LATE - 1), LATE, {"extended_hours": True}),
            (OPENS, Instant(OPENS - 1), {}),
            (Instant(CLOSE - 1), CLOSE, {}),
            (EARLY, Instant(EARLY - 1), {"time_in_force": TimeInForce.OPG}),
            (
                Instant(OPENS - 2 * MINUTE - 1),
                Instant(OPENS - 2 * MINUTE),
                {"time_in_force": TimeInForce.OPG},
            ),
            (OPENS, Instant(OPENS - 1), {"time_in_force": TimeInForce.CLS}),
            (
                Instant(CLOSE - 10 * MINUTE - 1),
                Instant(CLOSE - 10 * MINUTE),
                {"time_in_force": TimeInForce.CLS},
            ),
        )
    ),
    (
        "order_lifetime",
        in_hours(NOW, extended_hours=True).leased(end=LATE),
        in_hours(NOW, extended_hours=True).leased(end=Instant(LATE - 1)),
    ),
    (
        "order_lifetime",
        in_hours(NOW, time_in_force=TimeInForce.CLS, type=OrderType.MARKET, limit_price=None).leased(
            end=CLOSE
        ),
        in_hours(NOW, time_in_force=TimeInForce.CLS, type=OrderType.MARKET, limit_price=None).leased(
            end=Instant(CLOSE - 1)
        ),
    ),
    (
        "shorting",
        short_entry(),
        short_entry()
        .seeing_leg(instrument=COIN)
        .proposing(time_in_force=TimeInForce.GTC)
        .limiting_agent(times_in_force=tuple(TimeInForce)),
    ),
    (
        "shorting",
        short_entry(),
        short_entry().seeing_leg(instrument=FRACTIONS).proposing(quantity=Decimal("1.5")),
    ),
    ("price_collar", trailing(price=Decimal("5.00")), trailing(price=Decimal("5.01"))),
    ("price_collar", trailing(percent=Decimal(5)), trailing(percent=Decimal("5.01"))),
    (
        "order_notional",
        trailing(percent=Decimal(5)).limiting_symbol(order_notional_max=Decimal(10_500)),
        trailing(percent=Decimal(5)).limiting_symbol(order_notional_max=Decimal("10_499.99")),
    ),
    ("tick", trailing(price=Decimal("2.00")), trailing(price=Decimal("2.001"))),
    ("price_collar", stop_limit("104.00", "105.00"), stop_limit("104.00", "105.01")),
    ("price_collar", at_target("80.00"), at_target("79.99")),
    (
        "order_notional",
        stop_limit("103.00", "105.00").limiting_symbol(order_notional_max=Decimal(10_500)),
        stop_limit("103.00", "105.00").limiting_symbol(order_notional_max=Decimal("10_499.99")),
    ),
    (
        "exit_plan",
        entry().proposing(exit_plan=ExitPlan(stop=Decimal("97.00"), trail=Decimal("0.01"))),
        entry().proposing(exit_plan=ExitPlan(stop=Decimal("97.00"), trail=ZERO)),
    ),
    (
        "exit_plan",
        entry().proposing(exit_plan=ExitPlan(stop=Decimal("97.00"), until=Instant(NOW + 1))),
        entry().proposing(exit_plan=ExitPlan(stop=Decimal("97.00"), until=NOW)),
    ),
    (
        "stop_price",
        entry().proposing(exit_plan=plan("99.99", "105.00")),
        entry().proposing(exit_plan=plan("100.00", "105.00")),
    ),
    (
        "stop_price",
        entry().proposing(limit_price=Decimal("99.00"), exit_plan=plan("98.99", "105.00")),
        entry().proposing(limit_price=Decimal("99.00"), exit_plan=plan("99.00", "105.00")),
    ),
    (
        "stop_price",
        entry().proposing(exit_plan=plan("0.01", "105.00")),
        entry().proposing(exit_plan=plan("0", "105.00")),
    ),
    (
        "stop_price",
        short_entry().proposing(exit_plan=plan("100.01", "95.00")),
        short_entry().proposing(exit_plan=plan("100.00", "95.00")),
    ),
    (
        "target_price",
        entry().proposing(exit_plan=plan("97.00", "100.01")),
        entry().proposing(exit_plan=plan("97.00", "100.00")),
    ),
    (
        "target_price",
        short_entry().proposing(exit_plan=plan("103.00", "99.99")),
        short_entry().proposing(exit_plan=plan("103.00", "100.00")),
    ),
    ("order_lifetime", entry().leased(end=CLOSE), entry().leased(end=Instant(CLOSE - 1))),
    ("strategy", entry(), entry().proposing(strategy="another")),
    (
        "strategy",
        entry().proposing(strategy="").granting(strategies=frozenset()),
        entry().proposing(strategy=""),
    ),
    ("agent", entry(), entry().proposing(agent="another")),
    (
        "scope",
        entry().leased(scope=Scope(ScopeKind.SYMBOL, "ALFA")),
        entry().leased(scope=Scope(ScopeKind.SYMBOL, "BRVO")),
    ),
    (
        "scope",
        entry().leased(scope=Scope(ScopeKind.AGENT, "momentum")),
        entry().leased(scope=Scope(ScopeKind.AGENT, "other")),
    ),
    (
        "scope",
        entry().leased(scope=Scope(ScopeKind.STRATEGY, "momentum")),
        entry().leased(scope=Scope(ScopeKind.STRATEGY, "other")),
    ),
    (
        "scope",
        entry().leased(scope=Scope(ScopeKind.ACCOUNT, "SIM-1")),
        entry().leased(scope=Scope(ScopeKind.ACCOUNT, "SIM-2")),
    ),
    ("window", entry(), entry().seeing(window_suspended="the gateway started again")),
    ("trading_state", entry(), entry().seeing(trading_state=TradingState.REDUCE_ONLY)),
    (
        "trading_state",
        exit_of_long().seeing(trading_state=TradingState.REDUCE_ONLY),
        exit_of_long().seeing(trading_state=TradingState.HALTED),
    ),
)


@pytest.mark.parametrize(("code", "at", "over"), EDGES)
def test_the_limit_itself_is_permitted_and_one_step_over_denies_by_that_code(
    code: str, at: Situation, over: Situation
) -> None:
    assert at.decide().denied_by is None
    decision = over.decide()
    assert decision.denied_by == code


def test_a_market_order_may_be_sent_in_a_window_that_ends_before_the_close() -> None:
    assert market_entry().leased(end=Instant(NOW + MINUTE)).decide().denied_by is None


def test_a_check_says_what_it_observed_and_what_is_permitted() -> None:
    decision = entry().seeing_leg(open_buy=Decimal(950)).decide()
    assert check_of(decision, "position") == Check("position", Decimal(1050), Decimal(1000), passed=False)
    assert check_of(decision, "quote_age") == Check("quote_age", 0, 120, passed=True)
    assert check_of(decision, "order_rate_agent") == Check("order_rate_agent", 1, 30, passed=True)
    assert check_of(decision, "price_collar") == Check("price_collar", ZERO, Decimal(5), passed=True)
