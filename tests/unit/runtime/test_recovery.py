"""Asking the broker and comparing: history first, looked at again, recorded whatever comes of it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import structlog

from agenttrader.adapters.memory_journal import MemoryJournal
from agenttrader.model.breaks import BreakKind
from agenttrader.model.errors import StoreError, TamperingFound, Unreachable
from agenttrader.model.events import DayOpened, Reconciled
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, ExecutionId, Symbol
from agenttrader.model.market import Watermark
from agenttrader.model.orders import ExitPlan, Leg, OrderState, Role, Side
from agenttrader.model.reports import (
    BrokerOrder,
    BrokerPosition,
    BrokerStatement,
    ReportedLeg,
    ReportKind,
)
from agenttrader.model.times import MINUTE, Instant
from agenttrader.runtime import recovery
from agenttrader.runtime.inputs import Proposed, Reported, SwitchSeen
from agenttrader.runtime.recovery import asked_since, book_statement, fold
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ACCOUNT,
    ALFA,
    BRAVO,
    CASH,
    MULTIPLIERS,
    OPEN,
    at,
    broker_statement,
    closing_proposal,
    execution,
    proposal,
    report,
    reported_legs,
    switch,
)
from agenttrader.testing.driver import trading
from agenttrader.testing.small_gateway import SmallGateway

D = Decimal
S, K = OrderState, ReportKind


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SmallGateway]:
    monkeypatch.setattr(recovery, "LOOK_AGAIN_SECONDS", 0.001)
    made = SmallGateway()
    await made.trade()
    yield made
    await made.stop()


async def enter(world: SmallGateway) -> str:
    """An order that has left; what it is called."""
    await world.session.ask(Proposed(proposal()))
    name = world.order(proposal().id).client_id
    assert name is not None
    return name


def recorded(world: SmallGateway) -> list[Reconciled]:
    return [event for event in world.events() if isinstance(event, Reconciled)]


def holding(quantity: int, **changes: Any) -> BrokerStatement:
    position = BrokerPosition(symbol=ALFA, quantity=D(quantity), average_price=D(100))
    fields: dict[str, Any] = {
        "cash": CASH - 100 * quantity,
        "positions": (position,),
        "executions": (ExecutionId("e-1"),),
    }
    return broker_statement(**(fields | changes))


def working(name: str, legs: tuple[str, ...] = ("", "-stop", "-target")) -> tuple[BrokerOrder, ...]:
    return tuple(
        BrokerOrder(
            broker_order_id=f"broker-{name}{leg}",  # type: ignore[arg-type]
            client_order_id=ClientOrderId(name if not leg else f"theirs{leg}"),
            symbol=ALFA,
            side=Side.SELL if leg else Side.BUY,
            quantity=D(10),
            filled_quantity=D(0),
            status="held" if leg else "new",
        )
        for leg in legs
    )


# A run.


async def test_a_clean_run_is_recorded(world: SmallGateway) -> None:
    world.broker.statements = [broker_statement(time=at(1))]
    compared = await world.reconciler.run()
    assert (compared.breaks, compared.failure) == ((), "")
    assert recorded(world)[-1] == Reconciled(
        run=compared.run, statement_time=at(1), orders=0, positions=0, executions=0, breaks=()
    )


async def test_history_is_taken_in_before_the_books_are_compared(world: SmallGateway) -> None:
    name = await enter(world)
    legs = reported_legs(f"broker-{name}", D(95), D(110))
    world.broker.told = [
        report(K.ACCEPTED, name, legs=legs),
        report(K.FILLED, name, execution=execution("e-1")),
    ]
    stop_and_target = working(name, ("-stop", "-target"))
    world.broker.statements = [holding(10, open_orders=stop_and_target)]
    compared = await world.reconciler.run()
    assert compared.breaks == ()
    assert [what for what, _ in world.broker.asked] == ["history", "statement"]
    assert world.session.engine.state.book.position(ALFA) == 10


async def test_everything_is_asked_for_since_the_day_opened(world: SmallGateway) -> None:
    world.broker.statements = [broker_statement()]
    await world.reconciler.run()
    assert {since for _, since in world.broker.asked} == {OPEN}


async def test_a_run_that_need_not_be_whole_asks_from_before_the_last_agreement(
    world: SmallGateway,
) -> None:
    asked = world.broker.asked

    async def since(minute: int, *, whole: bool = False, **changes: Any) -> set[int]:
        world.session.market(Watermark(time=at(minute)))
        await world.settle()
        asked.clear()
        world.broker.statements = [broker_statement(time=at(minute), **changes)]
        await world.reconciler.run(whole=whole)
        return {(told - OPEN) // MINUTE for _, told in asked}

    # Of a start nothing is known, so all is asked for; then what came since an hour before they agreed.
    assert await since(100) == {0}
    assert await since(102) == {40}
    assert await since(104) == {42}
    assert await since(106, whole=True) == {0}
    # A difference is looked at whole, and so is what follows it, until they agree again.
    assert await since(108, cash=D(1)) == {46, 0}
    assert await since(110) == {0}
    assert await since(112) == {50}
    # And once in an hour all of the day.
    assert await since(169) == {52}
    assert await since(170) == {0}


async def test_a_difference_counts_when_it_is_still_there_after_several_looks(world: SmallGateway) -> None:
    world.broker.statements = [holding(10)]
    compared = await world.reconciler.run()
    assert {found.kind for found in compared.breaks} == {
        BreakKind.POSITION,
        BreakKind.CASH,
        BreakKind.EXECUTION_MISSING_HERE,
    }
    assert len(world.broker.asked) == 2 * recovery.COMPARISONS_MAX
    assert recorded(world)[-1].breaks == compared.breaks


async def test_each_break_is_told_in_the_log_each_time(world: SmallGateway) -> None:
    world.broker.statements = [broker_statement(cash=CASH + 1)]
    with structlog.testing.capture_logs() as told:
        first, second = await world.reconciler.run(), await world.reconciler.run()
    said = [(each["run"], each["kind"]) for each in told if each["event"] == "break"]
    assert said == [(first.run, "cash"), (second.run, "cash")]


async def test_a_report_that_was_under_way_is_no_difference(world: SmallGateway) -> None:
    name = await enter(world)
    legs = reported_legs(f"broker-{name}", D(95), D(110))
    world.broker.statements = [broker_statement(), broker_statement(open_orders=working(name))]
    run = asyncio.create_task(world.reconciler.run())
    while len(world.broker.asked) < 2:  # noqa: ASYNC110 - the run has no event for it
        await asyncio.sleep(0)
    world.broker.told = [report(K.ACCEPTED, name, legs=legs)]
    assert (await run).breaks == ()


async def test_a_broker_that_cannot_be_reached_is_a_failed_run(world: SmallGateway) -> None:
    world.broker.statements = [Unreachable("no answer within 5 s")]
    compared = await world.reconciler.run()
    assert (compared.statement, compared.failure) == (None, "no answer within 5 s")
    assert recorded(world)[-1].failure == "no answer within 5 s"
    assert "failed" in world.session.engine.standing().reasons[0]


async def test_runs_follow_one_another_under_names_of_their_own(world: SmallGateway) -> None:
    world.broker.statements = [broker_statement()]
    first, second = await asyncio.gather(world.reconciler.run(), world.reconciler.run())
    assert [what for what, _ in world.broker.asked] == ["history", "statement"] * 2
    assert first.run != second.run


async def test_the_statement_tells_the_brokers_buying_power(world: SmallGateway) -> None:
    world.broker.statements = [broker_statement(buying_power=D(500))]
    await world.reconciler.run()
    await world.session.ask(Proposed(proposal()))
    assert world.session.engine.state.book.orders.by_id[proposal().id].denied_by == "buying_power"


async def test_a_history_longer_than_the_inbox_is_taken_in_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "ROOM_SECONDS", 0.001)
    world = SmallGateway(capacity=20)
    await world.trade()
    name = await enter(world)
    legs = reported_legs(f"broker-{name}", D(95), D(110))
    fills = [
        report(K.FILLED, name, execution=execution(f"e-{number}", quantity=D("0.1"))) for number in range(100)
    ]
    world.broker.told = [report(K.ACCEPTED, name, legs=legs), *fills]
    world.broker.statements = [
        holding(
            10,
            executions=tuple(ExecutionId(f"e-{number}") for number in range(100)),
            open_orders=working(name, ("-stop", "-target")),
        )
    ]
    assert (await world.reconciler.run()).breaks == ()
    await world.stop()


async def test_a_store_that_cannot_be_written_ends_the_run_rather_than_hang_it(world: SmallGateway) -> None:
    world.broker.statements = [broker_statement()]
    world.session.failure = "the disk is full"
    with pytest.raises(StoreError, match="nothing new is decided"):
        await world.reconciler.run()
    world.session.failure = ""
    await world.session.ask(SwitchSeen(switch(world.session.engine.standing().state)))


async def test_an_order_whose_answer_never_came_is_asked_for_by_its_id_each_time(world: SmallGateway) -> None:
    name = await enter(world)
    world.session.broker(report(K.ANSWER_LOST, name, broker_order_id=None))
    compared = await world.reconciler.run()
    assert [found.kind for found in compared.breaks] == [BreakKind.ORDER_UNKNOWN]
    assert set(world.broker.found) == {name}
    legs = reported_legs(f"broker-{name}", D(95), D(110))
    world.broker.known[ClientOrderId(name)] = (report(K.ACCEPTED, name, legs=legs),)
    world.broker.statements = [broker_statement(open_orders=working(name))]
    assert (await world.reconciler.run()).breaks == ()
    assert world.order(proposal().id).state is S.ACCEPTED
    asked = len(world.broker.found)
    await world.reconciler.run()
    assert len(world.broker.found) == asked


async def test_an_order_whose_answer_is_on_its_way_is_waited_for(world: SmallGateway) -> None:
    name = await enter(world)
    world.broker.statements = [broker_statement(), broker_statement(open_orders=working(name))]
    run = asyncio.create_task(world.reconciler.run())
    while len(world.broker.asked) < 3:  # noqa: ASYNC110 - the run has no event for it
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert len(world.broker.asked) == 3
    legs = reported_legs(f"broker-{name}", D(95), D(110))
    world.session.broker(report(K.ACCEPTED, name, legs=legs))
    assert (await run).breaks == ()


# The book in the words of a statement.


def test_the_books_statement_says_what_works_and_what_nobody_has_confirmed() -> None:
    driver = trading()
    first = driver.enter(1)
    leaving, lost, denied = proposal(2), proposal(3), proposal(4, quantity=D(5_000))
    driver.propose(leaving, lost, denied)
    driver.report(K.ANSWER_LOST, lost.id)
    driver.propose(closing_proposal(quantity=D(4)))
    said = book_statement(driver.engine.state.book, ACCOUNT, OPEN)
    assert [order.order_id for order in said.unknown_orders] == [leaving.id, lost.id]
    assert [order.order_id for order in said.working_orders] == [leg.id for leg in first.protection]
    stop = said.working_orders[0]
    assert (stop.client_order_id, stop.side, stop.quantity, stop.filled_quantity) == (
        None,
        Side.SELL,
        D(10),
        D(0),
    )
    assert (said.account, said.cash, said.positions) == (ACCOUNT, CASH - 1_000, ((ALFA, D(10)),))


def parts(*symbols: Symbol) -> tuple[ReportedLeg, ...]:
    """The legs of an order of several, as the broker names them."""
    return tuple(
        ReportedLeg(
            broker_order_id=BrokerOrderId(f"b-{symbol}"),
            client_order_id=ClientOrderId(f"c-{symbol}"),
            limit_price=None,
            stop_price=None,
            symbol=symbol,
        )
        for symbol in symbols
    )


def test_an_order_of_several_legs_is_said_leg_by_leg() -> None:
    driver = trading()
    plan = ExitPlan(stop=D(-120), target=D(-50))
    spread = proposal(1, legs=(Leg(ALFA), Leg(BRAVO, -2)), decision_price=D(-100), exit_plan=plan)
    driver.propose(spread)
    driver.report(K.ACCEPTED, spread.id, legs=parts(ALFA, BRAVO))
    made = execution("e-1", symbol=BRAVO, side=Side.SELL, quantity=D(4))
    filled = report(K.FILLED, "c-BRAVO", broker_order_id=BrokerOrderId("b-BRAVO"), execution=made)
    driver.give(Reported(filled))
    said = book_statement(driver.engine.state.book, ACCOUNT, OPEN)
    assert [
        (each.broker_order_id, each.symbol, each.side, each.quantity, each.filled_quantity)
        for each in said.working_orders
    ] == [("b-ALFA", ALFA, Side.BUY, D(10), D(0)), ("b-BRAVO", BRAVO, Side.SELL, D(20), D(4))]
    assert driver.engine.state.book.position(BRAVO) == -4
    assert driver.engine.state.breaks == ()


def test_a_legs_fill_before_the_accept_is_asked_about_and_counted_once() -> None:
    driver = trading()
    plan = ExitPlan(stop=D(-120), target=D(-50))
    spread = proposal(1, legs=(Leg(ALFA), Leg(BRAVO, -2)), decision_price=D(-100), exit_plan=plan)
    driver.propose(spread)
    made = execution("e-1", symbol=BRAVO, side=Side.SELL, quantity=D(4))
    filled = Reported(report(K.FILLED, "c-BRAVO", broker_order_id=BrokerOrderId("b-BRAVO"), execution=made))
    early = driver.hear(filled)
    assert (early.records, early.resync) == ([], True)
    driver.report(K.ACCEPTED, spread.id, legs=parts(ALFA, BRAVO))
    assert len(driver.give(filled)) == 1
    assert driver.give(filled) == []
    assert (driver.engine.state.book.position(BRAVO), driver.engine.state.breaks) == (D(-4), ())


def test_the_books_statement_counts_executions_since_then_and_no_fee_that_is_only_estimated() -> None:
    driver = trading()
    first = driver.enter(1)
    driver.now = at(5)
    stop = next(leg for leg in first.protection if leg.role is Role.STOP)
    driver.fill(stop.id, "stopped", 10, 95)
    said = book_statement(driver.engine.state.book, ACCOUNT, at(5))
    assert (said.executions, said.cash) == ((ExecutionId("stopped"),), CASH - 50)
    assert driver.engine.state.book.cash == CASH - 50 - D("0.04")
    assert said.positions == ()
    everything = book_statement(driver.engine.state.book, ACCOUNT, OPEN)
    assert everything.executions == (ExecutionId("entry-1"), ExecutionId("stopped"))


# The fold.


def test_a_fold_is_the_state_and_the_end_of_the_chain() -> None:
    driver, journal = trading(), MemoryJournal()
    driver.enter(1)
    journal.append(driver.records)
    state, chain = fold(journal, MULTIPLIERS)
    assert state.book.position(ALFA) == 10
    assert (chain.sequence, chain.head) == (driver.engine.chain.sequence, driver.engine.chain.head)


def test_a_chain_that_does_not_hold_is_not_folded() -> None:
    driver, journal = trading(), MemoryJournal()
    journal.append(driver.records)
    journal._records[3] = journal._records[4]
    with pytest.raises(TamperingFound):
        fold(journal, MULTIPLIERS)


def test_a_fold_looks_for_no_garbage_and_leaves_the_collector_as_it_found_it() -> None:
    driver = trading()
    seen: list[bool] = []

    class Watched(MemoryJournal):
        def read(self, after: int = 0) -> Any:
            seen.append(gc.isenabled())
            yield from super().read(after)
            raise TamperingFound(99, "found")

    journal = Watched()
    journal.append(driver.records)
    with pytest.raises(TamperingFound):
        fold(journal, MULTIPLIERS)
    assert (seen, gc.isenabled()) == ([False], True)


def test_books_that_never_agreed_are_asked_for_from_the_days_open_on() -> None:
    state = State(MULTIPLIERS)
    assert asked_since(state) == 0
    state.day = DayOpened(session="2025-01-02", open=Instant(5), close=Instant(9), equity=Decimal(100))
    assert asked_since(state) == 5
    state.agreed = Instant(3)
    assert asked_since(state) == 3
