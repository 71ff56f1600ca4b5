"""A day on which breakers trip: prices, answers, money and persons at an engine that holds a position."""

from collections.abc import Sequence
from decimal import Decimal

from agenttrader.gateway.breakers import BreakerLimits
from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.authority import Act, Scope, ScopeKind
from agenttrader.model.events import Event, Halted, Warned
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import MINUTE, Instant
from agenttrader.runtime.breakers import PREFIX
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import AccountStated, MarketSeen, StatementGiven, TimeReached
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ACCOUNT,
    AGENT,
    MULTIPLIERS,
    at,
    bar,
    broker_statement,
    closing_proposal,
    posted,
    proposal,
    signed,
)
from agenttrader.testing.driver import Driver, trading

WHOLE, MINE = Scope(ScopeKind.ACCOUNT, ACCOUNT), Scope(ScopeKind.AGENT, AGENT)
"""What a breaker halts: the account, or the agent that lost or was rejected."""
HELD = 900


def of_breakers(events: Sequence[Event]) -> list[Halted | Warned]:
    """What breakers had put on record."""
    return [each for each in events if isinstance(each, Halted | Warned) and each.by.startswith(PREFIX)]


def folded(records: Sequence[Sealed[Event]]) -> State:
    """The state by these records alone."""
    state = State(MULTIPLIERS)
    for record in records:
        state.apply(record)
    return state


def holding(limits: BreakerLimits) -> Driver:
    """An account of 100 000 that holds 900 ALFA, bought at 100, four minutes into the day."""
    driver = trading(breakers=limits)
    driver.enter(quantity=Decimal(HELD))
    for minute in (2, 3, 4):
        tick(driver, minute, 100)
    return driver


def tick(driver: Driver, minute: int, price: int) -> list[Event]:
    """A minute at that price."""
    return driver.give(MarketSeen(bar(minute, price)), TimeReached(at(minute)))


def ticks(driver: Driver, start: int, *prices: int) -> list[Event]:
    """Minutes at these prices, one after the other from `start` on."""
    return [event for number, price in enumerate(prices) for event in tick(driver, start + number, price)]


def resume(driver: Driver, scope: Scope = WHOLE, number: int = 1) -> list[Event]:
    """A person lifts the halts of a scope that stand now."""
    now = driver.now
    statement = signed(
        Act.RESUME, scope=scope, nonce=f"resume-{number}", start=Instant(now + 1), end=Instant(now + MINUTE)
    )
    return driver.give(StatementGiven(statement))


def transfer(number: int, amount: int) -> AccountActivity:
    """Money that came from outside, or left."""
    return posted(f"t-{number}", ActivityKind.TRANSFER, amount=Decimal(amount))


def move_money(driver: Driver, number: int, amount: int) -> list[Event]:
    """The broker tells of it."""
    return driver.give(AccountStated(broker_statement(activities=(transfer(number, amount),))))


def leave(driver: Driver, number: int, price: int) -> list[Event]:
    """Close the entry of that number at the price."""
    entry = driver.order(proposal(number).id)
    close = closing_proposal(100 + number, legs=entry.proposal.legs)
    driver.propose(close)
    found = [event for leg in entry.protection for event in driver.report(ReportKind.CANCELED, leg.id)]
    return [*found, *driver.fill(close.id, f"close-{number}", 10, price)]


def answered(driver: Driver, number: int, minutes: int) -> list[Event]:
    """The broker's yes to a proposal, so many minutes after it left."""
    driver.now = Instant(driver.now + (at(minutes) - at(0)))
    return driver.accept(proposal(number).id)


def restarted(driver: Driver, records: Sequence[Sealed[Event]] | None = None) -> Driver:
    """Another process, by what the first had on disk."""
    told = driver.records if records is None else records
    engine = Engine(driver.engine.rules, folded(told), Chain(told[-1].sequence, told[-1].hash))
    engine.take_over(driver.engine)
    again = Driver(engine, driver.now)
    again.records = list(told)
    return again
