"""What kill closed becomes ours: by name, or where the history leaves no doubt; else it is a break."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import BreakFound, BreakSettled, Event
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, Symbol
from agenttrader.model.orders import Effect, OrderState, Role, Side
from agenttrader.model.outside import ActedOutside, OrderAdopted
from agenttrader.model.records import Chain, Sealed, unseal
from agenttrader.model.reports import ExecutionReport, ReportKind, StatedOrder
from agenttrader.model.times import SECOND, Instant
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import HistoryTold, Reported, SwitchSeen, TimeReached
from agenttrader.runtime.recovery import asked_since
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ALFA,
    BRAVO,
    MULTIPLIERS,
    OPEN,
    STRATEGY,
    at,
    closing_proposal,
    compared,
    execution,
    report,
    rules,
    segment,
    switch,
)
from agenttrader.testing.driver import READY, Driver, trading
from agenttrader.testing.state_dump import dump_state

D = Decimal
K = ReportKind
LOOKED = at(5)
"""The broker's time at kill's look."""


def made(**changes: Any) -> StatedOrder:
    """The order that the broker makes of closing ten of ALFA."""
    fields: dict[str, Any] = {
        "broker_order_id": BrokerOrderId("b-kill"),
        "client_order_id": ClientOrderId("c-kill"),
        "symbol": ALFA,
        "side": Side.SELL,
        "type": "market",
        "quantity": D(10),
        "time": at(5, 1),
    }
    return StatedOrder(**(fields | changes))


def line(number: int, stage: str, **changes: Any) -> ActedOutside:
    fields: dict[str, Any] = {"subject": ALFA, "outcome": "", "by": "kill by ann", "act": "close"}
    if stage == "asked":
        fields |= {"held": D(10), "broker_time": LOOKED}
    return ActedOutside(journal="kill", line=number, time=Instant(number), stage=stage, **(fields | changes))


ASKED, LOST = line(1, "asked"), line(2, "lost", outcome="no answer")
NAMED = (ASKED, line(2, "answered", outcome="taken", order=made()))


def told(stated: StatedOrder, kind: ReportKind = K.ACCEPTED, **changes: Any) -> ExecutionReport:
    fields = {"broker_order_id": stated.broker_order_id, "time": stated.time}
    if kind is K.ACCEPTED:
        fields["stated"] = stated
    return report(kind, stated.client_order_id, **(fields | changes))


def fill(quantity: int = 10, name: str = "x-1", stated: StatedOrder | None = None) -> ExecutionReport:
    stated = stated or made()
    sold = execution(name, symbol=stated.symbol, side=stated.side, quantity=D(quantity))
    return told(stated, K.FILLED, execution=sold)


def holding() -> Driver:
    """Ten of ALFA with their stop and target."""
    driver = trading()
    driver.enter()
    return driver


def restarted(before: Driver, *lines: ActedOutside, epoch: int = 2) -> Driver:
    """The next process on what the last one recorded, with what was done meanwhile."""
    state, chain = State(MULTIPLIERS), Chain()
    for each in before.records:
        state.apply(unseal(each.sequence, each.time, each.kind, each.body, each.previous, each.hash))
        chain.sequence, chain.head = each.sequence, each.hash
    driver = Driver(Engine(rules(), state, chain), before.now)
    driver.records = [*before.records]
    step = driver.engine.start(segment(epoch), driver.now, lines)
    driver.records += step.records
    driver.give(*READY[:2], SwitchSeen(switch(TradingState.ACTIVE)))
    return driver


def hears(driver: Driver, *history: ExecutionReport) -> list[Event]:
    """The driver is told the broker's history, as a reconciler tells it."""
    return driver.give(HistoryTold(history), *map(Reported, history))


def of(events: Sequence[Event] | Sequence[Sealed[Event]], kind: type[Any]) -> list[Any]:
    return [each for each in (getattr(one, "event", one) for one in events) if isinstance(each, kind)]


def stops_canceled(driver: Driver) -> list[ExecutionReport]:
    legs = [order for order in driver.engine.state.book.orders.open_orders() if order.is_leg]
    return [report(K.CANCELED, "theirs", broker_order_id=leg.broker_id, time=at(4)) for leg in legs]


# By name.


def test_an_order_that_a_line_names_is_ours_from_the_start_and_its_fills_are_the_positions() -> None:
    driver = restarted(holding(), *NAMED)
    (adopted,) = of(driver.records, OrderAdopted)
    assert (adopted.order, adopted.strategy, adopted.by) == (made(), STRATEGY, "kill by ann")
    assert "line 2 of the side journal kill" in adopted.reason
    order = driver.order(adopted.order_id)
    assert (order.state, order.role, order.effect) == (OrderState.ACCEPTED, Role.EXIT, Effect.CLOSE)
    hears(driver, *stops_canceled(driver), told(made()), fill(4, "x-1"), fill(6, "x-2"))
    assert driver.engine.state.book.position(ALFA) == 0
    assert order.state is OrderState.FILLED
    assert driver.engine.state.breaks == ()
    assert driver.engine.state.book.by_strategy[STRATEGY, ALFA].quantity == 0


def test_it_is_never_sent_and_however_often_a_gateway_starts_it_is_adopted_once() -> None:
    driver = restarted(restarted(holding(), *NAMED), epoch=3)
    driver = restarted(driver, epoch=4)
    assert len(of(driver.records, OrderAdopted)) == 1
    assert not driver.hear(TimeReached(at(9))).sends


def test_what_is_folded_from_disk_is_what_was_decided() -> None:
    driver = restarted(holding(), *NAMED)
    hears(driver, *stops_canceled(driver), told(made()), fill(4))
    again = State(MULTIPLIERS)
    for each in driver.records:
        again.apply(each)
    assert dump_state(again) == dump_state(driver.engine.state)


def test_the_broker_is_asked_from_when_it_was_made() -> None:
    driver = restarted(holding(), line(1, "answered", order=made(time=Instant(OPEN - SECOND))))
    assert asked_since(driver.engine.state) == OPEN - SECOND
    driver = restarted(holding(), line(1, "asked", broker_time=Instant(OPEN - 2 * SECOND)))
    assert asked_since(driver.engine.state) == OPEN - 2 * SECOND


def test_a_short_and_a_part_of_a_unit_are_closed_alike() -> None:
    bought = made(side=Side.BUY, quantity=D("0.5"))
    driver = restarted(trading(), line(1, "asked", held=D("-0.5")), LOST)
    hears(driver, told(bought))
    assert of(driver.records, OrderAdopted)[0].order == bought


@pytest.mark.parametrize("stage", ("answered", "asked"))
def test_what_the_book_cannot_hold_stays_a_strangers(stage: str) -> None:
    """Kill closes what the broker holds, configured or not."""
    strange = made(symbol=Symbol("XRAY"))
    more = {"order": strange} if stage == "answered" else {}
    driver = restarted(holding(), line(1, stage, subject="XRAY", **more))
    hears(driver, told(strange))
    assert of(driver.records, OrderAdopted) == []
    assert [found.kind for found in driver.engine.state.breaks] == [BreakKind.ORDER_MISSING_HERE]


# What was waiting to be closed already.


def test_a_close_that_waited_finds_nothing_left() -> None:
    before = holding()
    close = closing_proposal()
    before.propose(close)
    driver = restarted(before, *NAMED)
    hears(driver, *stops_canceled(driver), told(made()))
    assert driver.order(close.id).state is OrderState.APPROVED
    hears(driver, fill())
    driver.give(compared())
    assert driver.order(close.id).state is OrderState.WITHHELD


# Without an answer.


def test_of_a_lost_answer_the_only_order_that_can_have_come_is_taken() -> None:
    driver = restarted(holding(), ASKED, LOST)
    assert of(driver.records, OrderAdopted) == []
    hears(driver, *stops_canceled(driver), told(made()), fill())
    (adopted,) = of(driver.records, OrderAdopted)
    assert adopted.order == made()
    assert "the answer was lost" in adopted.reason
    assert driver.engine.state.book.position(ALFA) == 0
    assert driver.engine.state.breaks == ()
    assert driver.engine.state.outside.unanswered == ()


@pytest.mark.parametrize(
    "changes",
    (
        {"symbol": BRAVO},
        {"side": Side.BUY},
        {"quantity": D(9)},
        {"type": "limit"},
        {"time": at(4, 59)},
        {"time": at(6, 1)},
    ),
)
def test_what_else_somebody_did_stays_a_break(changes: dict[str, Any]) -> None:
    driver = restarted(holding(), ASKED, LOST)
    hears(driver, told(made(**changes)))
    assert of(driver.records, OrderAdopted) == []
    assert [found.kind for found in driver.engine.state.breaks] == [BreakKind.ORDER_MISSING_HERE]


@pytest.mark.parametrize("known", ({"held": None}, {"broker_time": None}))
def test_what_kill_did_not_know_is_no_evidence(known: dict[str, Any]) -> None:
    driver = restarted(holding(), line(1, "asked", **known), LOST)
    hears(driver, told(made()))
    assert of(driver.records, OrderAdopted) == []


def test_of_two_that_can_be_meant_neither_is_taken() -> None:
    other = made(broker_order_id=BrokerOrderId("b-2"), client_order_id=ClientOrderId("c-2"))
    driver = restarted(holding(), ASKED, LOST)
    hears(driver, told(made()), told(other))
    assert of(driver.records, OrderAdopted) == []
    assert len(driver.engine.state.breaks) == 2


def test_a_close_that_was_refused_made_no_order() -> None:
    refused = line(2, "answered", outcome="insufficient qty available")
    driver = restarted(holding(), ASKED, refused)
    hears(driver, told(made()))
    assert of(driver.records, OrderAdopted) == []


def test_kill_that_died_before_the_answer_leaves_the_same_question() -> None:
    driver = restarted(holding(), ASKED)
    hears(driver, told(made()))
    assert len(of(driver.records, OrderAdopted)) == 1


def test_two_calls_for_the_same_are_answered_by_the_one_order() -> None:
    driver = restarted(holding(), ASKED, LOST, line(3, "asked"), line(4, "lost"))
    hears(driver, told(made()))
    assert len(of(driver.records, OrderAdopted)) == 1
    assert driver.engine.state.outside.unanswered == ()


def test_an_answer_is_that_of_the_last_call() -> None:
    """The first was lost, filled in part, and kept the second from being taken."""
    driver = restarted(holding(), ASKED, LOST, line(3, "asked", held=D(6)), line(4, "answered", outcome="no"))
    hears(driver, told(made()))
    assert len(of(driver.records, OrderAdopted)) == 1


def test_after_a_comparison_it_never_arrived_and_a_later_order_is_a_strangers() -> None:
    driver = restarted(holding(), ASKED, LOST)
    driver.give(HistoryTold(()), compared(failure="no answer"))
    assert driver.engine.state.outside.unanswered == (ASKED,)
    driver.give(compared())
    hears(driver, told(made()))
    assert of(driver.records, OrderAdopted) == []


# Breaks that are explained.


def test_what_a_running_gateway_heard_of_it_is_explained_by_the_next_start() -> None:
    before = holding()
    hears(before, *stops_canceled(before), told(made()), fill())
    assert [found.kind for found in before.engine.state.breaks] == [BreakKind.ORDER_MISSING_HERE] * 2
    other = told(made(broker_order_id=BrokerOrderId("b-2"), client_order_id=ClientOrderId("c-2")))
    before.give(Reported(other))
    driver = restarted(before, *NAMED)
    settled = of(driver.records, BreakSettled)
    assert [each.found for each in settled] == [each.found for each in of(before.records, BreakFound)[:2]]
    assert {each.by for each in settled} == {"kill by ann"}
    (left,) = driver.engine.state.breaks
    assert left.theirs == "accepted c-2"
    hears(driver, told(made()), fill())
    assert driver.engine.state.book.position(ALFA) == 0


@pytest.mark.parametrize("left", (0, 4))
def test_a_position_that_was_bare_is_so_no_more_when_nothing_is_left_of_it(left: int) -> None:
    before = holding()
    found = Break(kind=BreakKind.UNPROTECTED, ours="10", theirs="0", sentence="it is bare", symbol=ALFA)
    other = Break(kind=BreakKind.UNPROTECTED, ours="10", theirs="0", sentence="it is bare", symbol=BRAVO)
    for each in (found, other):
        sealed = before.engine.chain.seal(BreakFound(found=each), before.now)
        before.engine.state.apply(sealed)
        before.records.append(sealed)
    driver = restarted(before, *NAMED)
    assert driver.engine.state.breaks == (found, other)
    hears(driver, *stops_canceled(driver), told(made()), fill(10 - left))
    assert driver.engine.state.breaks == ((found, other) if left else (other,))


def test_an_agents_own_close_settles_no_such_break() -> None:
    driver = holding()
    found = Break(kind=BreakKind.UNPROTECTED, ours="10", theirs="0", sentence="it is bare", symbol=ALFA)
    driver.engine.state.apply(driver.engine.chain.seal(BreakFound(found=found), driver.now))
    leg = next(order for order in driver.engine.state.book.orders.open_orders() if order.is_leg)
    driver.fill(leg.id, "out", 10)
    assert driver.engine.state.breaks == (found,)


def test_a_close_that_waited_does_not_leave_before_the_broker_has_stated_what_is_held() -> None:
    """Nothing names what somebody sold by hand meanwhile, and its protection is gone, too."""
    before = holding()
    close = closing_proposal()
    before.propose(close)
    driver = restarted(before)
    hears(driver, *stops_canceled(driver), told(made()), fill())
    assert driver.order(close.id).state is OrderState.APPROVED
    gone = Break(kind=BreakKind.POSITION, ours="10", theirs="0", sentence="they are gone", symbol=ALFA)
    driver.give(compared(gone))
    assert driver.order(close.id).state is OrderState.WITHHELD
