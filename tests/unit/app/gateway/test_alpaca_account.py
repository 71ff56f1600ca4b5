"""The account and the clock as alpaca-py reads them."""

from decimal import Decimal

import pytest
from alpaca.trading import models

from agenttrader.app.gateway.alpaca_account import account_answer, clock_answer
from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName
from agenttrader.model.records import Chain
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant
from agenttrader.protocols.alpaca_trading import encode
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import HaltAsked, MarketSeen, WindowCloseAsked
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    CLOSE,
    MULTIPLIERS,
    OPEN,
    OTHER_AGENT,
    bar,
    calendar,
    execution,
    proposal,
    reported_legs,
    rules,
)
from agenttrader.testing.driver import READY, Driver

D = Decimal


@pytest.fixture
def driver() -> Driver:
    made = Driver(Engine(rules(), State(MULTIPLIERS), Chain()))
    made.start()
    made.give(*READY)
    return made


def read(driver: Driver, agent: AgentName = AGENT) -> models.TradeAccount:
    return models.TradeAccount.model_validate_json(encode(account_answer(driver.engine, agent)))


def test_an_account_with_cash_alone(driver: Driver) -> None:
    account = read(driver)
    assert (account.account_number, account.status, account.currency) == ("SIM-1", "ACTIVE", "USD")
    assert (account.cash, account.equity, account.buying_power) == ("100000",) * 3
    assert (account.last_equity, account.trading_blocked) == ("100000", False)
    assert account.shorting_enabled is True
    assert read(driver, AgentName("nobody")).shorting_enabled is False


def test_open_orders_take_buying_power_and_positions_are_marked(driver: Driver) -> None:
    driver.propose(proposal())
    assert read(driver).buying_power == "99000"
    legs = reported_legs("broker-1", D(95), D(110))
    driver.report(ReportKind.ACCEPTED, proposal().id, legs=legs)
    driver.report(ReportKind.FILLED, proposal().id, execution=execution("e-1"))
    driver.give(MarketSeen(bar(2, 102, ALFA)))
    account = read(driver)
    assert (account.cash, account.equity, account.buying_power) == ("99000", "100020", "99000")
    assert (account.long_market_value, account.short_market_value) == ("1020", "0")


def test_trading_is_blocked_for_an_agent_that_is_halted_and_for_nobody_else(driver: Driver) -> None:
    scope = Scope(ScopeKind.AGENT, AGENT)
    driver.give(HaltAsked(scope, TradingState.REDUCE_ONLY, "ada", "look"))
    assert read(driver).trading_blocked is False
    driver.give(HaltAsked(scope, TradingState.HALTED, "ada", "look"))
    assert read(driver).trading_blocked is True
    assert read(driver, OTHER_AGENT).trading_blocked is False


def test_at_rest_trading_is_blocked(driver: Driver) -> None:
    driver.give(WindowCloseAsked("ada", "the end"))
    assert read(driver).trading_blocked is True


@pytest.mark.parametrize(
    ("now", "is_open", "next_open", "next_close"),
    (
        (
            Instant(OPEN - 1),
            False,
            "2026-11-20T09:30:00.000000000-05:00",
            "2026-11-20T16:00:00.000000000-05:00",
        ),
        (OPEN, True, "2026-11-23T09:30:00.000000000-05:00", "2026-11-20T16:00:00.000000000-05:00"),
        (CLOSE, False, "2026-11-23T09:30:00.000000000-05:00", "2026-11-23T16:00:00.000000000-05:00"),
    ),
)
def test_the_clock_knows_the_sessions_around_now(
    now: Instant,
    *,
    is_open: bool,
    next_open: str,
    next_close: str,
) -> None:
    clock = clock_answer(calendar(), now)
    assert (clock.is_open, clock.next_open, clock.next_close) == (is_open, next_open, next_close)
    assert models.Clock.model_validate_json(encode(clock)).is_open is is_open


def test_beyond_the_calendar_the_clock_says_nothing() -> None:
    with pytest.raises(BadValue, match="expected a time"):
        clock_answer(calendar(), Instant(CLOSE + 20 * (CLOSE - OPEN) * 4))
