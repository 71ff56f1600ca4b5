"""What the broker posts is recorded once; what does not lead to the broker's own numbers is left out."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.model.activities import AccountActivity
from agenttrader.model.activities import ActivityKind as K
from agenttrader.model.events import (
    AccountOpened,
    CashPosted,
    Event,
    FeesPosted,
    PastIncluded,
    PositionAdjusted,
)
from agenttrader.model.identifiers import Symbol
from agenttrader.model.permits import PermitsStated
from agenttrader.model.records import Chain
from agenttrader.model.reports import BrokerPosition, BrokerStatement
from agenttrader.runtime.inputs import AccountStated
from agenttrader.runtime.postings import events_of_statement
from agenttrader.runtime.state import State
from agenttrader.testing.builders import ALFA, BRAVO, CASH, MULTIPLIERS, PERMITS, broker_statement, posted
from agenttrader.testing.driver import Driver, at_rest, trading
from agenttrader.testing.state_dump import dump_state

D = Decimal


def stated(*activities: AccountActivity, held: int = 0, **changes: Any) -> BrokerStatement:
    position = BrokerPosition(symbol=ALFA, quantity=D(held), average_price=D(100))
    return broker_statement(activities=activities, positions=(position,) if held else (), **changes)


PERMITTED = PermitsStated(permits=PERMITS)


def split(name: str, quantity: int, cash: str = "0", symbol: Symbol = ALFA) -> AccountActivity:
    return posted(name, K.SPLIT, quantity=D(quantity), amount=D(cash), symbol=symbol)


def events(driver: Driver, statement: BrokerStatement) -> list[Event]:
    return list(events_of_statement(driver.engine.state.book, statement))


def test_an_account_opens_with_what_was_posted_before() -> None:
    driver, past = at_rest(), (posted("a-1"), posted("a-2", K.UNTREATED))
    found = driver.give(AccountStated(stated(*past, cash=D(5))))
    assert found == [PERMITTED, PastIncluded(activities=past), AccountOpened(cash=D(5))]
    assert driver.give(AccountStated(stated(*past, cash=D(5)))) == []


def test_an_account_that_holds_something_opens_nothing_and_takes_nothing_in() -> None:
    assert events(at_rest(), stated(posted("a-1"), held=1)) == [PERMITTED]


def test_what_the_account_may_do_is_recorded_when_it_changes_and_kept_over_a_restart() -> None:
    driver = trading()
    assert driver.engine.state.book.permits == PERMITS
    barred = replace(PERMITS, shorting=None)
    assert driver.give(AccountStated(broker_statement(permits=barred))) == [PermitsStated(permits=barred)]
    assert driver.give(AccountStated(broker_statement(permits=barred))) == []
    assert driver.give(AccountStated(broker_statement(permits=PERMITS, account="SIM-2"))) == []
    assert driver.engine.state.book.permits == barred
    again = State(MULTIPLIERS)
    for record in driver.records:
        again.apply(record)
    assert again.book.permits == barred


def test_each_activity_is_recorded_once_and_fees_as_one() -> None:
    driver = trading()
    dividend, interest = posted("d", K.DIVIDEND, amount=D(3)), posted("i", K.INTEREST, amount=D(-1))
    said = stated(posted("f-1"), dividend, posted("u", K.UNTREATED), interest, posted("f-2"))
    found = driver.give(AccountStated(said))
    fees = FeesPosted(activities=(posted("f-1"), posted("f-2")))
    assert found == [CashPosted(activity=dividend), CashPosted(activity=interest), fees]
    assert driver.give(AccountStated(said)) == []
    assert driver.give(AccountStated(stated(posted("f-1"), posted("f-3")))) == [
        FeesPosted(activities=(posted("f-3"),))
    ]


POSTED = tuple(
    posted(f"a-{number}", kind, amount=D(number) / 100, word=kind.value)
    for number, kind in enumerate((K.FEE, K.DIVIDEND, K.INTEREST, K.TRANSFER, K.UNTREATED, K.FEE), start=1)
)


@given(st.lists(st.lists(st.sampled_from(POSTED), max_size=6), max_size=6))
def test_however_often_and_in_whatever_order_things_are_told_each_counts_once(
    told: list[list[AccountActivity]],
) -> None:
    driver = trading()
    for several in told:
        driver.give(AccountStated(stated(*several)))
    counted = {each for several in told for each in several if each.kind is not K.UNTREATED}
    book = driver.engine.state.book
    assert book.posted_cash == CASH + sum(each.amount for each in counted)
    assert book.cash == CASH + book.income + book.flows - book.fees
    assert book.activities == {each.id for each in counted}


def test_another_accounts_statement_says_nothing_of_ours() -> None:
    assert trading().give(AccountStated(stated(posted("f"), account="SIM-2"))) == []


def test_a_split_that_comes_in_parts_is_one_and_the_old_price_is_forgotten() -> None:
    driver = trading()
    driver.enter()
    parts = (split("old", -10), split("new", 70))
    (adjusted,) = driver.give(AccountStated(stated(*parts, held=70)))
    assert adjusted == PositionAdjusted(symbol=ALFA, activities=parts)
    holding = driver.engine.state.book.holdings[ALFA]
    assert (holding.quantity, holding.cost) == (D(70), D(1_000))
    assert ALFA not in driver.engine.market.prices
    assert ALFA not in driver.engine.market.marks
    assert BRAVO in driver.engine.market.prices


@pytest.mark.parametrize(
    ("activity", "held"),
    (
        (split("s", 60), 71),
        (split("s", 60), 0),
        (split("s", -20), -10),
        (split("s", -10), 0),
        (split("s", 60, symbol=BRAVO), 10),
    ),
    ids=("not theirs", "they hold none", "to the other side", "to nothing, unpaid", "of what we do not hold"),
)
def test_a_split_that_does_not_lead_to_the_brokers_position_is_left_out(
    activity: AccountActivity, held: int
) -> None:
    driver = trading()
    driver.enter()
    assert events(driver, stated(activity, held=held)) == []


def test_a_split_may_leave_the_shares_as_they_are_and_pay_out_a_part_of_one() -> None:
    driver = trading()
    driver.enter()
    (adjusted,) = driver.give(AccountStated(stated(split("s", 0, "5"), held=10)))
    holding = driver.engine.state.book.holdings[ALFA]
    assert adjusted == PositionAdjusted(symbol=ALFA, activities=(split("s", 0, "5"),))
    assert (holding.quantity, holding.cost) == (D(10), D(995))


def test_a_position_that_was_paid_out_is_gone() -> None:
    driver = trading()
    driver.enter()
    driver.give(AccountStated(stated(split("s", -10, "995"))))
    book = driver.engine.state.book
    assert (book.position(ALFA), book.realised, book.positions()) == (D(0), D(-5), {})


def test_replaying_the_records_gives_the_same_state() -> None:
    driver = trading()
    driver.enter()
    flow = posted("t", K.TRANSFER, amount=D(1_000))
    driver.give(AccountStated(stated(posted("f"), flow, split("s", -9, "5"), held=1)))
    again = State(MULTIPLIERS)
    for record in driver.records:
        again.apply(Chain(record.sequence - 1, record.previous).seal(record.event, record.time))
    assert dump_state(again) == dump_state(driver.engine.state)
    assert again.book.activities == {"f", "t", "s"}
