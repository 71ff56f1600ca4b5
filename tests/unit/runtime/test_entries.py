"""What was approved to enter today: counted whatever came of it, over restarts, until the next day."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.gateway.limits import Limits
from agenttrader.model.authority import EVERYTHING, Act, Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import DayOpened, Decided, Event, Halted
from agenttrader.model.orders import Changes, ExitPlan, Leg, OrderType
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import SECOND, Instant
from agenttrader.runtime.inputs import (
    GroupProposed,
    HaltAsked,
    MarketSeen,
    ReplaceAsked,
    StatementGiven,
    TimeReached,
)
from agenttrader.testing.builders import (
    AGENT,
    BRAVO,
    CHARLY,
    DAY,
    OPEN,
    OTHER_AGENT,
    at,
    bar,
    closing_proposal,
    proposal,
    rules,
    signed,
)
from agenttrader.testing.driver import Driver, trading
from agenttrader.testing.hostile_day import folded

D = Decimal
OF_AGENT, OTHER = Scope(ScopeKind.AGENT, AGENT), Scope(ScopeKind.AGENT, OTHER_AGENT)


def limited(*, whose: str = "account", orders: int = 1_000, risk: int = 10**6) -> Limits:
    """Small limits of the day, for the account or for each agent."""
    base = rules().limits
    changes = {"daily_orders_max": orders, "daily_new_risk_max": D(risk)}
    if whose == "account":
        return msgspec.structs.replace(base, account=msgspec.structs.replace(base.account, **changes))
    agents = {name: msgspec.structs.replace(each, **changes) for name, each in base.agent.items()}
    return msgspec.structs.replace(base, agent=agents)


def denied_by(events: list[Event]) -> str | None:
    (found,) = [event for event in events if isinstance(event, Decided)]
    return found.decision.denied_by


def sums(driver: Driver) -> tuple[int, Decimal]:
    found = driver.engine.state.entries
    assert found.count_total == sum(found.count.values())
    assert found.risk_total == sum(found.risk.values())
    return found.count_total, found.risk_total


def test_an_entry_counts_at_its_worst_price_whatever_comes_of_it() -> None:
    driver = trading()
    driver.propose(proposal(1), proposal(2, type=OrderType.LIMIT, limit_price=D(102)))
    assert sums(driver) == (2, D(2_020))
    driver.report(ReportKind.REJECTED, proposal(1).id, reason="not today")
    driver.accept(proposal(2).id)
    driver.report(ReportKind.CANCELED, proposal(2).id)
    assert sums(driver) == (2, D(2_020))


def test_neither_what_is_denied_nor_what_reduces_is_counted() -> None:
    driver = trading()
    driver.enter(1)
    assert denied_by(driver.propose(proposal(2, exit_plan=ExitPlan()))) == "exit_plan"
    assert denied_by(driver.propose(closing_proposal())) is None
    assert sums(driver) == (1, D(1_000))


def test_an_entry_that_comes_in_the_place_of_another_counts_by_what_it_is_dearer() -> None:
    driver = trading()
    old = proposal(1, type=OrderType.TRAILING_STOP, trail_price=D(5))
    driver.propose(old)
    driver.accept(old.id)
    _, before = sums(driver)
    changes = Changes(quantity=D(12))
    driver.hear(ReplaceAsked(old.id, proposal(9).id, changes, AGENT, "larger"))
    assert driver.order(proposal(9).id).denied_by is None
    assert sums(driver) == (2, before * 12 / 10)


@pytest.mark.parametrize("whose", ("account", "agent"))
def test_the_limit_is_the_last_that_is_approved(whose: str) -> None:
    driver = trading(limits=limited(whose=whose, orders=2))
    found = [denied_by(driver.propose(proposal(number))) for number in (1, 2, 3)]
    assert found == [None, None, f"daily_orders_{whose}"]
    driver = trading(limits=limited(whose=whose, risk=2_000))
    found = [denied_by(driver.propose(proposal(number))) for number in (1, 2)]
    assert found == [None, None]
    assert denied_by(driver.propose(proposal(3, quantity=D(1)))) == f"daily_new_risk_{whose}"


def test_the_agents_limit_is_its_own_and_the_accounts_is_everybodys() -> None:
    other = proposal(9, agent=OTHER_AGENT, strategy="", legs=(Leg(CHARLY),))
    driver = trading(limits=limited(whose="agent", orders=1))
    assert [denied_by(driver.propose(each)) for each in (proposal(1), other)] == [None, None]
    driver = trading(limits=limited(whose="account", orders=1))
    assert [denied_by(driver.propose(each)) for each in (proposal(1), other)] == [
        None,
        "daily_orders_account",
    ]


def test_a_restart_forgets_nothing_and_the_next_day_begins_anew() -> None:
    driver = trading()
    driver.propose(proposal(1), proposal(2))
    again = folded(driver.records)
    assert (again.state.entries.count, again.state.entries.risk) == ({AGENT: 2}, {AGENT: D(2_000)})
    driver.give(TimeReached(Instant(OPEN + 3 * DAY)))
    assert sums(driver) == (0, D(0))


def test_the_turn_of_the_day_forgives_no_repeats_and_what_was_counted_before_it_is_taken_back_no_more() -> (
    None
):
    driver = trading(limits=repeating())
    driver.propose(proposal(1), proposal(2))
    opened = next(record for record in driver.records if isinstance(record.event, DayOpened))
    driver.engine.state.apply(msgspec.structs.replace(opened, time=Instant(OPEN + 18 * 3_600 * SECOND)))
    entries = driver.engine.state.entries
    assert (sums(driver), entries.repeated(proposal(3), OPEN)) == ((0, D(0)), 2)
    entries.forget(driver.order(proposal(1).id))
    assert (sums(driver), entries.repeated(proposal(3), OPEN)) == ((0, D(0)), 1)
    assert entries.next_day(Instant(OPEN + DAY)).repeated(proposal(3), OPEN) == 1
    assert entries.next_day(Instant(OPEN + 2 * DAY)).repeated(proposal(3), OPEN) == 0


def test_what_was_only_tried_with_its_group_is_not_counted() -> None:
    driver = trading(limits=limited(orders=1))
    pair = (proposal(1, group="a pair"), proposal(2, group="a pair", legs=(Leg(BRAVO),)))
    driver.hear(GroupProposed(pair))
    assert [driver.order(each.id).denied_by for each in pair] == ["group", "daily_orders_account"]
    assert sums(driver) == (0, D(0))


def test_before_a_day_has_opened_nothing_new_is_permitted() -> None:
    driver = trading()
    driver.engine.state.day = None
    driver.propose(proposal(1))
    decision = driver.order(proposal(1).id).decision
    assert decision is not None
    unknown = {check.code for check in decision.checks if check.observed is None}
    of_the_day = {
        "daily_orders_agent",
        "daily_orders_account",
        "daily_new_risk_agent",
        "daily_new_risk_account",
    }
    assert of_the_day <= unknown


# The same again.


def repeating(most: int = 2, seconds: int = 60) -> Limits:
    base = rules().limits
    changes = {"repeats_max": most, "repeat_seconds": seconds}
    agents = {name: msgspec.structs.replace(each, **changes) for name, each in base.agent.items()}
    return msgspec.structs.replace(base, agent=agents)


def halts(driver: Driver) -> list[Halted]:
    return [record.event for record in driver.records if isinstance(record.event, Halted)]


def halted() -> Driver:
    """An agent that entered the same once too often."""
    driver = trading(limits=repeating())
    found = [denied_by(driver.propose(proposal(number))) for number in (1, 2, 3)]
    assert found == [None, None, "repeats"]
    return driver


def test_the_same_once_too_often_halts_the_agent_and_no_other() -> None:
    driver = halted()
    (halt,) = halts(driver)
    assert (halt.scope, halt.state, halt.by) == (OF_AGENT, TradingState.HALTED, "repeats")
    assert halt.reason == "buy 10 ALFA came for the 3. time so soon, at most 2 are permitted"
    driver.now = at(30)
    driver.give(MarketSeen(bar(30)), MarketSeen(bar(30, symbol=CHARLY)))
    assert denied_by(driver.propose(proposal(4, quantity=D(1)))) == "trading_state"
    assert len(halts(driver)) == 1
    other = proposal(5, agent=OTHER_AGENT, strategy="", legs=(Leg(CHARLY),))
    assert denied_by(driver.propose(other)) is None


@pytest.mark.parametrize(
    "changes",
    (
        {"quantity": D(11)},
        {"legs": (Leg(BRAVO),)},
        {"agent": OTHER_AGENT, "strategy": "", "legs": (Leg(CHARLY),)},
    ),
)
def test_what_differs_is_not_the_same(changes: dict[str, Any]) -> None:
    driver = trading(limits=repeating())
    driver.propose(proposal(1), proposal(2))
    assert denied_by(driver.propose(proposal(3, **changes))) is None
    assert halts(driver) == []


def test_the_same_may_come_again_when_the_time_has_passed() -> None:
    driver = trading(limits=repeating())
    driver.propose(proposal(1), proposal(2))
    driver.now = at(1, 59)
    assert denied_by(driver.propose(proposal(3, quantity=D(1)))) is None
    assert driver.engine.state.entries.repeated(proposal(4), Instant(driver.now - 60 * SECOND)) == 2
    driver.now = at(2)
    assert denied_by(driver.propose(proposal(4))) is None


def test_what_replaces_another_is_not_asked_and_not_counted() -> None:
    driver = trading(limits=repeating(1))
    old = proposal(1, type=OrderType.TRAILING_STOP, trail_price=D(5))
    driver.propose(old)
    driver.accept(old.id)
    driver.hear(ReplaceAsked(old.id, proposal(9).id, Changes(trail=D(6)), AGENT, "further"))
    assert driver.order(proposal(9).id).denied_by is None
    assert driver.engine.state.entries.repeated(proposal(2), OPEN) == 1


def test_what_was_tried_with_a_group_counts_in_it_and_not_after_it() -> None:
    driver = trading(limits=repeating(1))
    driver.hear(GroupProposed((proposal(1, group="twins"), proposal(2, group="twins"))))
    assert [driver.order(proposal(number).id).denied_by for number in (1, 2)] == ["group", "repeats"]
    assert len(halts(driver)) == 1
    assert driver.engine.state.entries.repeated(proposal(3), OPEN) == 0


def test_the_halt_and_the_count_outlive_a_restart() -> None:
    driver = trading(limits=repeating())
    driver.propose(proposal(1), proposal(2))
    assert folded(driver.records).state.entries.repeated(proposal(3), OPEN) == 2
    driver = halted()
    assert OF_AGENT in folded(driver.records).state.standing.latches


@pytest.mark.parametrize("scope", (OF_AGENT, EVERYTHING))
def test_a_person_who_resumes_the_agent_begins_the_count_anew(scope: Scope) -> None:
    driver = halted()
    assert driver.hear(StatementGiven(signed(Act.RESUME, scope=scope))).refusal == ""
    found = [denied_by(driver.propose(proposal(number))) for number in (4, 5, 6)]
    assert found == [None, None, "repeats"]
    assert len(halts(driver)) == 2


def test_a_person_who_resumes_another_forgives_this_one_nothing() -> None:
    driver = halted()
    driver.hear(HaltAsked(OTHER, TradingState.HALTED, "ada", "to be sure"))
    assert driver.hear(StatementGiven(signed(Act.RESUME, scope=OTHER))).refusal == ""
    assert denied_by(driver.propose(proposal(4))) == "trading_state"
    assert driver.engine.state.entries.repeated(proposal(5), OPEN) == 2
