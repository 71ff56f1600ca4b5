"""What a person's acceptance of a break does, and every case in which it is refused."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from agenttrader.model.activities import ActivityKind
from agenttrader.model.authority import Act
from agenttrader.model.breaks import Break, BreakKind, DoubtKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import BreakFound, BreakSettled, Canceled, CashPosted, Event, PositionAdjusted
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, ExecutionId, OrderId
from agenttrader.model.orders import Changes, Leg, OrderState, Role, Side
from agenttrader.model.reports import BrokerOrder, BrokerPosition, BrokerStatement, ReportKind
from agenttrader.model.times import SECOND, Instant
from agenttrader.model.values import ZERO
from agenttrader.reconciliation.compare import compare
from agenttrader.runtime.acceptance import break_id, meaning_of, refusal_of
from agenttrader.runtime.doubts import break_of_doubt
from agenttrader.runtime.inputs import (
    CancelAsked,
    Compared,
    DoubtsTold,
    ReplaceAsked,
    Reported,
    StatementGiven,
    TimeReached,
)
from agenttrader.runtime.recovery import book_statement
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ACCOUNT,
    AGENT,
    ALFA,
    BRAVO,
    EXITS,
    MULTIPLIERS,
    OPEN,
    PERSON,
    at,
    broker_statement,
    execution,
    posted,
    proposal,
    report,
    signed,
)
from agenttrader.testing.driver import Driver, trading

THEIRS = report(
    ReportKind.FILLED,
    "by hand",
    time=at(1),
    execution=execution("x-1", side=Side.SELL, quantity=Decimal(3)),
)
"""Somebody sold three at the broker's own desk."""


def accept(driver: Driver, found: Break, /, nonce: str = "n", **says: Any) -> list[Event] | str:
    """What a signed acceptance brings about now."""
    says = {"start": OPEN, "end": at(60), "nonce": nonce, "about": break_id(found)} | says
    step = driver.hear(StatementGiven(signed(Act.ACCEPT_BREAK, **says)))
    return step.refusal or [record.event for record in step.records]


def accepted(driver: Driver, found: Break, /, nonce: str = "n") -> list[Event]:
    """What it brings about where it is not refused."""
    given = accept(driver, found, nonce)
    assert not isinstance(given, str), given
    return given


def compare_with(driver: Driver, stated: BrokerStatement) -> tuple[Break, ...]:
    """A comparison as recovery makes it, recorded; what it found."""
    state = driver.engine.state
    all_found = compare(book_statement(state.book, ACCOUNT, OPEN), stated)
    found = state.unexplained(all_found)
    driver.give(Compared("run", stated, found, left=state.left_of(all_found)))
    return found


def as_we_say(driver: Driver, **changes: Any) -> BrokerStatement:
    """The broker's statement that agrees with our book, but for `changes`; nothing works."""
    book = driver.engine.state.book
    held = tuple(
        BrokerPosition(symbol=symbol, quantity=each.quantity, average_price=Decimal(100))
        for symbol, each in book.positions().items()
    )
    fields = {"cash": book.posted_cash, "positions": held, "executions": tuple(book.executions)}
    return broker_statement(**(fields | changes))


def held(quantity: int) -> dict[str, Any]:
    return {
        "positions": (BrokerPosition(symbol=ALFA, quantity=Decimal(quantity), average_price=Decimal(100)),)
    }


def of_kind(found: tuple[Break, ...], kind: BreakKind) -> Break:
    (one,) = [each for each in found if each.kind is kind]
    return one


def bare_position() -> Driver:
    """Ten ALFA whose protection has ended."""
    driver = trading()
    entry = driver.enter()
    for leg in entry.protection:
        driver.report(ReportKind.CANCELED, leg.id)
    return driver


def folded(driver: Driver) -> State:
    again = State(MULTIPLIERS)
    for record in driver.records:
        again.apply(record)
    return again


# What was said.


def test_a_report_that_stood_for_good_is_accepted_when_the_books_agree_after_it() -> None:
    driver = trading()
    (raised,) = driver.give(Reported(THEIRS))
    assert isinstance(raised, BreakFound)
    assert "came after the last comparison" in str(accept(driver, raised.found))
    compare_with(driver, as_we_say(driver))
    (settled,) = accepted(driver, raised.found)
    assert isinstance(settled, BreakSettled)
    assert (settled.found, settled.by, settled.reason) == (raised.found, PERSON, signed().statement.reason)
    assert settled.signed is not None
    assert driver.engine.state.breaks == folded(driver).breaks == ()
    assert driver.engine.standing(proposal()).state is TradingState.ACTIVE


def test_what_was_accepted_is_raised_again_only_where_it_is_news() -> None:
    driver = trading()
    (raised,) = driver.give(Reported(THEIRS))
    assert isinstance(raised, BreakFound)
    compare_with(driver, as_we_say(driver))
    accepted(driver, raised.found)
    assert driver.give(Reported(THEIRS)) == []
    assert folded(driver).knows(raised.found, THEIRS.time)
    driver.give(TimeReached(at(3)))
    later = report(ReportKind.FILLED, "by hand", time=at(3), execution=THEIRS.execution)
    assert driver.give(Reported(later)) == [raised]
    other = report(ReportKind.CANCELED, "by hand", time=at(1), broker_order_id=BrokerOrderId("b"))
    assert [type(each) for each in driver.give(Reported(other))] == [BreakFound]


def test_what_was_said_is_not_accepted_beside_books_that_differ() -> None:
    driver = bare_position()
    (raised,) = driver.give(Reported(THEIRS))
    assert isinstance(raised, BreakFound)
    compare_with(driver, as_we_say(driver, **held(7)))
    assert "the books differ beside it" in str(accept(driver, raised.found))


def test_an_impossible_report_on_an_order_is_accepted_too() -> None:
    driver = trading()
    entry = driver.enter()
    (raised,) = driver.report(ReportKind.REJECTED, entry.id, reason="too late")
    assert isinstance(raised, BreakFound)
    assert driver.engine.standing(proposal()).state is TradingState.HALTED
    driver.give(Compared("run", broker_statement(), ()))
    accepted(driver, raised.found)
    assert driver.report(ReportKind.REJECTED, entry.id, reason="too late", time=at(1)) == []


# What is put right.


def test_a_position_is_taken_over_with_its_plan_and_the_next_comparison_agrees() -> None:
    driver = bare_position()
    stated = as_we_say(driver, **held(7))
    found = of_kind(compare_with(driver, stated), BreakKind.POSITION)
    before = driver.engine.state.book.tenure(ALFA)
    adjusted, settled = accepted(driver, found)
    assert isinstance(adjusted, PositionAdjusted)
    assert isinstance(settled, BreakSettled)
    (activity,) = adjusted.activities
    assert (activity.kind, activity.quantity, activity.amount) == (
        ActivityKind.CORRECTION,
        Decimal(-3),
        ZERO,
    )
    state = driver.engine.state
    assert state.book.position(ALFA) == state.stated(ALFA) == state.shared(ALFA) == Decimal(7)
    assert state.book.tenure(ALFA) == before
    assert state.book.holdings[ALFA].cost == Decimal(1000)
    assert folded(driver).book.position(ALFA) == Decimal(7)
    assert compare_with(driver, stated) == ()


def test_a_position_that_is_gone_is_realised_and_flat() -> None:
    driver = bare_position()
    found = of_kind(compare_with(driver, as_we_say(driver, positions=())), BreakKind.POSITION)
    accepted(driver, found)
    book = driver.engine.state.book
    assert (book.position(ALFA), book.realised) == (ZERO, Decimal(-1000))


def test_cash_is_taken_over_as_profit_or_loss_and_after_positions() -> None:
    driver = bare_position()
    book = driver.engine.state.book
    stated = as_we_say(driver, cash=book.posted_cash + 303, **held(7))
    found = compare_with(driver, stated)
    position, cash = of_kind(found, BreakKind.POSITION), of_kind(found, BreakKind.CASH)
    assert "a position comes first" in str(accept(driver, cash))
    accepted(driver, position, "first")
    corrected, _ = accepted(driver, cash, "second")
    assert isinstance(corrected, CashPosted)
    assert (book.posted_cash, book.income, book.flows) == (stated.cash, Decimal(303), ZERO)
    assert compare_with(driver, stated) == ()


def test_the_same_difference_again_is_a_new_break() -> None:
    driver = trading()
    for nonce in ("first", "second"):
        stated = as_we_say(driver, cash=driver.engine.state.book.posted_cash + 1)
        cash = of_kind(compare_with(driver, stated), BreakKind.CASH)
        accepted(driver, cash, nonce)


def test_a_whole_sale_by_hand_is_settled_to_the_end() -> None:
    driver = bare_position()
    (raised,) = driver.give(Reported(THEIRS))
    assert isinstance(raised, BreakFound)
    book = driver.engine.state.book
    stated = as_we_say(driver, cash=book.posted_cash + 303, executions=(*book.executions, "x-1"), **held(7))
    found = compare_with(driver, stated)
    kinds = (BreakKind.POSITION, BreakKind.CASH, BreakKind.EXECUTION_MISSING_HERE)
    for kind in kinds:
        accepted(driver, of_kind(found, kind), kind.value)
    accepted(driver, raised.found, "the last")
    assert compare_with(driver, stated) == driver.engine.state.breaks == ()
    driver.give(Reported(THEIRS))
    assert driver.engine.state.breaks == ()


def test_a_doubt_is_accepted_beside_books_that_agree_and_stands_again_where_its_unit_still_has_it() -> None:
    driver = bare_position()
    doubted = break_of_doubt(ALFA, DoubtKind.PRICE, "no price")
    driver.give(DoubtsTold(EXITS, (doubted,)))
    assert "came after the last comparison" in str(accept(driver, doubted))
    (differs,) = compare_with(driver, as_we_say(driver, **held(7)))
    assert "the books differ beside it" in str(accept(driver, doubted))
    compare_with(driver, as_we_say(driver))
    (settled,) = accepted(driver, doubted)
    assert isinstance(settled, BreakSettled)
    assert settled.signed is not None
    assert driver.engine.standing(proposal(2)).state is TradingState.ACTIVE
    assert folded(driver).breaks == driver.engine.state.breaks == ()
    assert driver.give(DoubtsTold(EXITS, (doubted,))) == [BreakFound(found=doubted)]
    assert driver.engine.standing(proposal(2)).state is TradingState.HALTED
    assert differs.kind is BreakKind.POSITION


# What is refused.


def test_a_position_is_not_taken_over_while_more_than_that_works() -> None:
    driver = trading()
    entry = driver.enter()
    found = of_kind(compare_with(driver, as_we_say(driver, **held(7))), BreakKind.POSITION)
    (stop,) = [leg for leg in entry.protection if leg.role is Role.STOP]
    refusal = str(accept(driver, found))
    assert "works in ALFA for more than would be held: cancel it" in refusal
    assert driver.engine.state.book.position(ALFA) == Decimal(10)
    driver.give(CancelAsked(stop.id, PERSON, "by hand"))
    assert isinstance(accept(driver, found), str)


def test_a_position_that_nobody_can_leave_or_that_moved_is_not_taken_over() -> None:
    driver = bare_position()
    found = of_kind(compare_with(driver, as_we_say(driver, **held(-7))), BreakKind.POSITION)
    assert "nobody has said how" in str(accept(driver, found))
    driver = bare_position()
    entry = proposal(2)
    driver.propose(entry)
    driver.accept(entry.id)
    found = of_kind(compare_with(driver, as_we_say(driver, **held(7))), BreakKind.POSITION)
    driver.fill(entry.id, "late", 10)
    assert "our position is 20 by now" in str(accept(driver, found))


def test_a_split_that_was_not_taken_in_leaves_no_plan_to_keep() -> None:
    driver = bare_position()
    split = posted("s-1", ActivityKind.SPLIT, symbol=ALFA, quantity=Decimal(11), amount=ZERO)
    stated = as_we_say(driver, activities=(split,), **held(20))
    found = of_kind(compare_with(driver, stated), BreakKind.POSITION)
    assert "its plan's prices may be of before" in str(accept(driver, found))


@pytest.mark.parametrize("kind", tuple(BreakKind))
def test_every_kind_says_what_accepting_it_does_or_what_to_do_instead(kind: BreakKind) -> None:
    driver = trading()
    found = Break(kind=kind, ours="0", theirs="1", sentence="a difference", symbol=BRAVO)
    compared = Compared("run", broker_statement(), (found,))
    driver.give(compared)
    refusal = refusal_of(found, driver.engine.state)
    explained = (
        BreakKind.ACTIVITY,
        BreakKind.DOUBT,
        BreakKind.EXECUTION_MISSING_AT_BROKER,
        BreakKind.EXECUTION_MISSING_HERE,
        BreakKind.EXECUTION_TERMS,
        BreakKind.IMPOSSIBLE_TRANSITION,
        BreakKind.ORDER_MISSING_HERE,
        BreakKind.POSITION,
        BreakKind.STRUCTURE,
        BreakKind.UNRECOGNISED_REPORT,
        BreakKind.UNPROTECTED,
    )
    assert bool(refusal) is (kind not in explained)
    assert meaning_of(found)


def test_a_bare_position_is_not_accepted_away() -> None:
    driver = bare_position()
    raised = [
        each
        for each in driver.give(TimeReached(Instant(at(2) + 86_400 * SECOND)))
        if isinstance(each, BreakFound)
    ]
    (found,) = [each.found for each in raised if each.found.kind is BreakKind.UNPROTECTED]
    driver.give(Compared("run", broker_statement(), ()))
    refusal = str(accept(driver, found, end=Instant(at(3) + 86_400 * SECOND)))
    assert refusal.startswith("ALFA is not protected still: close it (`agenttrader positions close ALFA`)")


def test_a_statement_is_for_one_break_in_its_time_and_used_once() -> None:
    driver = trading()
    cash = of_kind(compare_with(driver, as_we_say(driver, cash=Decimal(1))), BreakKind.CASH)
    assert "expected start < end" in str(accept(driver, cash, start=OPEN, end=Instant(OPEN + 1)))
    assert "no break 'else' stands" in str(accept(driver, cash, about="else"))
    assert "is about nothing" in str(accept(driver, cash, about=""))
    assert "gives no reason" in str(accept(driver, cash, reason=" "))
    opened = driver.hear(StatementGiven(signed(Act.OPEN_WINDOW, nonce="w", about=break_id(cash))))
    assert "a statement to open_window is about" in opened.refusal
    accepted(driver, cash)
    again = of_kind(compare_with(driver, as_we_say(driver, cash=Decimal(2))), BreakKind.CASH)
    assert "was used before" in str(accept(driver, again))
    assert "n" in folded(driver).standing.nonces


def test_nothing_is_accepted_before_the_books_were_compared() -> None:
    driver = trading()
    found = of_kind(compare_with(driver, as_we_say(driver, cash=Decimal(1))), BreakKind.CASH)
    driver.give(Compared("run", None, (), "the broker does not answer"))
    assert "no break" in str(accept(driver, found))
    assert "has not been compared" in refusal_of(found, driver.engine.state)


# An order whose answer never came.


def lost(number: int = 1) -> Driver:
    """An entry of ten ALFA that left, and no answer came."""
    driver = trading()
    driver.propose(proposal(number))
    driver.report(ReportKind.ANSWER_LOST, proposal(number).id)
    return driver


def test_an_order_that_never_arrived_ends_by_a_persons_word_with_its_legs_and_reserves_nothing() -> None:
    driver = lost()
    order = driver.order(proposal().id)
    assert driver.engine.state.book.orders.open_notional_total > 0
    (found,) = compare_with(driver, as_we_say(driver))
    assert (found.kind, found.theirs) == (BreakKind.ORDER_UNKNOWN, "nothing of it")
    *ended, settled = accepted(driver, found)
    assert [type(event) for event in ended] == [Canceled] * 3
    assert isinstance(settled, BreakSettled)
    assert {each.state for each in (order, *order.protection)} == {OrderState.CANCELED}
    assert driver.engine.state.book.orders.open_notional_total == ZERO
    assert compare_with(driver, as_we_say(driver)) == ()
    assert driver.engine.standing(proposal()).state is TradingState.ACTIVE


def test_orders_that_never_arrived_together_end_one_by_one() -> None:
    """A gateway that was killed leaves many at once, in one symbol: none of them waits for another."""
    driver = lost()
    driver.propose(proposal(2))
    driver.report(ReportKind.ANSWER_LOST, proposal(2).id)
    first, second = compare_with(driver, as_we_say(driver))
    accepted(driver, first)
    accepted(driver, second, nonce="n-2")
    assert {driver.order(proposal(number).id).state for number in (1, 2)} == {OrderState.CANCELED}
    assert compare_with(driver, as_we_say(driver)) == ()


def test_what_arrives_after_all_counts_and_what_works_of_it_is_a_break() -> None:
    driver = lost()
    (found,) = compare_with(driver, as_we_say(driver))
    accepted(driver, found)
    driver.report(ReportKind.ACCEPTED, proposal().id, legs=())
    late = BrokerOrder(
        broker_order_id=BrokerOrderId("b-late"),
        client_order_id=driver.order(proposal().id).client_id or ClientOrderId(""),
        symbol=ALFA,
        side=Side.BUY,
        quantity=Decimal(10),
        filled_quantity=ZERO,
        status="new",
    )
    (works,) = compare_with(driver, as_we_say(driver, open_orders=(late,)))
    assert works.kind is BreakKind.ORDER_MISSING_HERE
    driver.fill(proposal().id, "late", 10)
    assert driver.engine.state.book.position(ALFA) == 10
    assert driver.engine.standing(proposal()).state is TradingState.HALTED


@pytest.mark.parametrize(
    ("changes", "said"),
    (
        ({"cash": Decimal(1)}, "the books differ beside it"),
        ({"executions": (ExecutionId("x-9"),)}, "the broker shows something of it"),
        (held(10), "the broker shows something of it"),
    ),
)
def test_an_order_of_which_the_broker_shows_anything_goes_on_being_unknown(
    changes: dict[str, Any], said: str
) -> None:
    driver = lost()
    found = of_kind(compare_with(driver, as_we_say(driver, **changes)), BreakKind.ORDER_UNKNOWN)
    assert said in str(accept(driver, found))
    assert driver.order(proposal().id).state is OrderState.UNKNOWN


def test_an_order_that_is_still_leaving_is_not_ended_by_a_word() -> None:
    driver = trading()
    driver.propose(proposal())
    (found,) = compare_with(driver, as_we_say(driver))
    assert "the broker shows something of it" in str(accept(driver, found))


def test_what_was_to_be_replaced_goes_on_where_the_replacement_never_arrived() -> None:
    driver = trading()
    entry = driver.enter()
    stop = next(leg for leg in entry.protection if leg.role is Role.STOP)
    asked = ReplaceAsked(stop.id, OrderId("r-1"), Changes(stop_price=Decimal(96)), AGENT, "nearer")
    driver.give(asked)
    driver.report(ReportKind.ANSWER_LOST, OrderId("r-1"))
    assert driver.order(stop.id).state is OrderState.REPLACE_REQUESTED
    works = tuple(
        BrokerOrder(
            broker_order_id=leg.broker_id or BrokerOrderId(""),
            client_order_id=ClientOrderId(""),
            symbol=ALFA,
            side=leg.side,
            quantity=leg.quantity,
            filled_quantity=ZERO,
            status="new",
        )
        for leg in entry.protection
    )
    found = of_kind(compare_with(driver, as_we_say(driver, open_orders=works)), BreakKind.ORDER_UNKNOWN)
    accepted(driver, found)
    assert driver.order(OrderId("r-1")).state is OrderState.CANCELED
    assert driver.order(stop.id).state is OrderState.ACCEPTED
    assert compare_with(driver, as_we_say(driver, open_orders=works)) == ()


# What is somebody else's.


THEIR_ORDER = BrokerOrder(
    broker_order_id=BrokerOrderId("b-desk"),
    client_order_id=ClientOrderId("desk"),
    symbol=ALFA,
    side=Side.BUY,
    quantity=Decimal(5),
    filled_quantity=ZERO,
    status="new",
)
REDUCE_ONLY, ACTIVE = TradingState.REDUCE_ONLY, TradingState.ACTIVE


def test_a_foreign_position_is_left_by_a_word_and_nothing_is_opened_beside_it() -> None:
    driver = trading()
    stated = as_we_say(driver, **held(7))
    found = of_kind(compare_with(driver, stated), BreakKind.POSITION)
    assert driver.engine.standing(proposal()).state is TradingState.HALTED
    (settled,) = accepted(driver, found)
    assert isinstance(settled, BreakSettled)
    state = driver.engine.state
    assert (state.breaks, state.left, state.book.position(ALFA)) == ((), (found,), ZERO)
    assert driver.engine.standing(proposal()).state is REDUCE_ONLY
    driver.propose(proposal())
    assert driver.order(proposal().id).denied_by == "trading_state"
    assert driver.engine.standing(proposal(2, legs=(Leg(BRAVO),))).state is ACTIVE

    # It is told by each comparison, and known after a restart; anything more of it is another break.
    assert compare_with(driver, stated) == ()
    assert state.left == folded(driver).left == (found,)
    assert (state.stated(ALFA), state.shared(ALFA)) == (Decimal(7), ZERO)
    (more,) = compare_with(driver, as_we_say(driver, **held(8)))
    assert (more.theirs, driver.engine.state.left) == ("8", ())
    assert compare_with(driver, as_we_say(driver)) == ()
    assert driver.engine.state.left == ()
    assert driver.engine.standing(proposal()).state is ACTIVE


def test_a_foreign_order_is_left_by_a_word_and_its_fill_is_a_break() -> None:
    driver = trading()
    (found,) = compare_with(driver, as_we_say(driver, open_orders=(THEIR_ORDER,)))
    assert (found.kind, found.symbol) == (BreakKind.ORDER_MISSING_HERE, ALFA)
    assert "left to whoever made it" in meaning_of(found)
    accepted(driver, found)
    assert compare_with(driver, as_we_say(driver, open_orders=(THEIR_ORDER,))) == ()
    assert driver.engine.standing(proposal()).state is REDUCE_ONLY
    filled = structs.replace(THEIR_ORDER, filled_quantity=Decimal(2))
    some = compare_with(driver, as_we_say(driver, open_orders=(filled,), **held(2)))
    assert {each.kind for each in some} == {BreakKind.POSITION, BreakKind.ORDER_MISSING_HERE}
    for number, each in enumerate(some):
        accepted(driver, each, f"n-{number}")
    assert compare_with(driver, as_we_say(driver, **held(2))) == ()
    assert driver.engine.standing(proposal()).state is REDUCE_ONLY


def test_a_foreign_position_is_not_left_where_something_of_ours_works_in_its_symbol() -> None:
    driver = trading()
    found = of_kind(compare_with(driver, as_we_say(driver, **held(7))), BreakKind.POSITION)
    driver.propose(proposal(2, legs=(Leg(BRAVO),)))
    assert refusal_of(found, driver.engine.state) == ""
    entered = lost()
    beside = of_kind(compare_with(entered, as_we_say(entered, **held(7))), BreakKind.POSITION)
    assert "could not be told from that: cancel it" in str(accept(entered, beside))


def test_an_empty_list_of_positions_is_not_a_flat_account() -> None:
    driver = bare_position()
    empty = as_we_say(driver, positions=())
    found = of_kind(compare_with(driver, empty), BreakKind.POSITION)
    assert (found.ours, found.theirs) == ("10", "0")
    assert driver.engine.standing(proposal(2)).state is TradingState.HALTED
    assert driver.engine.state.shared(ALFA) == ZERO
