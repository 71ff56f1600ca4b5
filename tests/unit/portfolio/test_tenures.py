"""A position is held since the record that opened it from flat, by the plan of the last entry that filled."""

from decimal import Decimal

from agenttrader.model.events import Busted
from agenttrader.model.identifiers import ExecutionId, OrderId
from agenttrader.model.orders import ExitPlan, OrderType, Side
from agenttrader.model.reports import ReportKind as K
from agenttrader.portfolio.tenures import Tenure
from agenttrader.testing.builders import AGENT, ALFA, EXITS, STRATEGY, at, closing_proposal, proposal
from agenttrader.testing.driver import Driver, trading

D = Decimal


def tenure(driver: Driver) -> Tenure | None:
    return driver.engine.state.book.tenure(ALFA)


def test_a_position_has_the_plan_of_its_last_entry_and_the_record_that_opened_it() -> None:
    driver = trading()
    assert tenure(driver) is None
    first = driver.enter(1)
    opened = next(each for each in driver.records if each.kind == "filled.1")
    held = tenure(driver)
    assert held == Tenure(
        sequence=opened.sequence,
        since=at(1),
        entry=first.id,
        agent=AGENT,
        strategy=STRATEGY,
        plan=first.proposal.exit_plan,
    )
    second = driver.enter(2, exit_plan=ExitPlan(stop=D(97)))
    grown = tenure(driver)
    assert grown is not None
    assert (grown.sequence, grown.entry, grown.plan) == (opened.sequence, second.id, ExitPlan(stop=D(97)))


def test_an_entry_that_has_not_filled_plans_nothing() -> None:
    driver = trading()
    driver.enter(1)
    before = tenure(driver)
    second = proposal(2, type=OrderType.LIMIT, limit_price=D(99), exit_plan=ExitPlan(stop=D(97)))
    driver.propose(second)
    driver.accept(second.id)
    assert tenure(driver) == before
    driver.fill(second.id, "part", 1)
    assert tenure(driver) != before


def leave(driver: Driver, number: int = 100) -> None:
    """The whole position is closed, its protection canceled first."""
    close = closing_proposal(number, agent=EXITS)
    driver.propose(close)
    for leg in driver.engine.state.book.protection(ALFA):
        driver.report(K.CANCELED, leg.id)
    driver.accept(close.id)
    driver.fill(close.id, f"out-{number}", 10)


def test_what_was_left_and_entered_again_is_another_position() -> None:
    driver = trading()
    driver.enter(1)
    before = tenure(driver)
    leave(driver)
    assert tenure(driver) is None
    driver.enter(2, side=Side.SELL, exit_plan=ExitPlan(stop=D(105)))
    after = tenure(driver)
    assert before is not None
    assert after is not None
    assert after.sequence > before.sequence
    assert after.plan == ExitPlan(stop=D(105))


def test_what_the_exchange_takes_back_was_never_left() -> None:
    driver = trading()
    driver.enter(1)
    before = tenure(driver)
    leave(driver)
    book, last = driver.engine.state.book, driver.records[-1]
    busted = Busted(
        order_id=closing_proposal(100, agent=EXITS).id, execution_id=ExecutionId("out-100"), time=at(2)
    )
    book.apply(driver.engine.chain.seal(busted, last.time))
    assert book.position(ALFA) == 10
    assert tenure(driver) == before


def test_what_an_exit_sells_too_much_nobody_has_planned() -> None:
    driver = trading()
    driver.enter(1)
    leave(driver)
    driver.fill(closing_proposal(100, agent=EXITS).id, "too much", 3)
    held = tenure(driver)
    assert held is not None
    assert driver.engine.state.book.position(ALFA) == -3
    assert (held.entry, held.plan) == (None, None)


def test_a_split_takes_the_plans_prices_along_where_it_says_what_they_became() -> None:
    plan = ExitPlan(stop=D(630), target=D(770), trail=D(35), before_close_seconds=60)
    before = Tenure(sequence=7, since=at(1), entry=OrderId("e"), plan=plan)
    after = before.split(D(10), D(70), is_exact=True)
    assert after.plan == ExitPlan(stop=D(90), target=D(110), trail=D(5), before_close_seconds=60)
    assert (after.sequence, after.since, after.entry) == (7, at(1), "e")
    assert before.split(D(1), D(1), is_exact=False).plan is None
    assert before.split(D(10), D(0), is_exact=True) == before
