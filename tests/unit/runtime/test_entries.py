"""What was approved to enter today: counted whatever came of it, over restarts, until the next day."""

from decimal import Decimal

import msgspec
import pytest

from agenttrader.gateway.limits import Limits
from agenttrader.model.events import Decided, Event
from agenttrader.model.orders import Changes, ExitPlan, Leg, OrderType
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant
from agenttrader.runtime.inputs import GroupProposed, ReplaceAsked, TimeReached
from agenttrader.testing.builders import (
    AGENT,
    BRAVO,
    CHARLY,
    DAY,
    OPEN,
    OTHER_AGENT,
    closing_proposal,
    proposal,
    rules,
)
from agenttrader.testing.driver import Driver, trading
from agenttrader.testing.hostile_day import folded

D = Decimal


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
    assert sums(driver) == (0, 0)


def test_what_was_only_tried_with_its_group_is_not_counted() -> None:
    driver = trading(limits=limited(orders=1))
    pair = (proposal(1, group="a pair"), proposal(2, group="a pair", legs=(Leg(BRAVO),)))
    driver.hear(GroupProposed(pair))
    assert [driver.order(each.id).denied_by for each in pair] == ["group", "daily_orders_account"]
    assert sums(driver) == (0, 0)


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
