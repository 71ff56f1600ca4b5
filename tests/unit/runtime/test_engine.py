"""One input in, records and sends out: what the engine does with each, and that it never waits or guesses."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.model.authority import EVERYTHING, Act, Scope, ScopeKind
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import (
    AccountOpened,
    AnswerLost,
    BreakFound,
    CancelRequested,
    DayOpened,
    Decided,
    EquitySampled,
    Event,
    Filled,
    Halted,
    LinkChanged,
    Reconciled,
    Resumed,
    SegmentOpened,
    SegmentSealed,
    Sending,
    WindowClosed,
    WindowSuspended,
    Withheld,
)
from agenttrader.model.identifiers import BrokerOrderId, Symbol
from agenttrader.model.market import StatusChange, TradingStatus
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderState, Role, Side
from agenttrader.model.permits import PermitsStated
from agenttrader.model.records import Chain
from agenttrader.model.reports import BrokerOrder, BrokerPosition, ReportKind
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import protective_id
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import (
    AccountStated,
    Compared,
    HaltAsked,
    Input,
    LastLookStopped,
    LinkSeen,
    MarketSeen,
    Proposed,
    Reported,
    StatementGiven,
    Stopping,
    SwitchSeen,
    TimeReached,
    WindowCloseAsked,
)
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ACCOUNT,
    AGENT,
    ALFA,
    BRAVO,
    CASH,
    CHARLY,
    CLOSE,
    DAY,
    EXITS,
    MULTIPLIERS,
    OPEN,
    OTHER_AGENT,
    PERMITS,
    STRATEGY,
    SWITCH,
    at,
    bar,
    broker_statement,
    closing_proposal,
    compared,
    execution,
    proposal,
    report,
    rules,
    segment,
    signed,
    switch,
)
from agenttrader.testing.driver import READY, Driver, at_rest, trading

D = Decimal
S, K = OrderState, ReportKind
ACTIVE, REDUCE_ONLY, HALTED, FROZEN = TradingState


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def denied_by(events: list[Event]) -> str | None:
    (decided,) = [event for event in events if isinstance(event, Decided)]
    return decided.decision.denied_by


# Deciding.


def test_an_approval_carries_what_leaves_and_is_sent_itself() -> None:
    step = trading().hear(Proposed(proposal()))
    assert names([record.event for record in step.records]) == ["Decided"]
    assert step.sends == step.records
    assert step.refusal == ""


def test_the_instruction_is_the_proposal_with_its_plan_as_the_brackets_legs() -> None:
    (made,) = trading().propose(proposal())
    assert isinstance(made, Decided)
    assert made.instruction is not None
    told = msgspec.structs.asdict(made.instruction)
    asked = msgspec.structs.asdict(proposal())
    assert (told.pop("stop"), told.pop("target"), told.pop("pair")) == (D(95), D(110), False)
    assert (told.pop("replacing"), told.pop("opens")) == (None, None)
    assert told == {name: asked[name] for name in told}


def test_a_denial_is_recorded_and_sends_nothing() -> None:
    driver = at_rest()
    step = driver.hear(Proposed(proposal()))
    assert names([record.event for record in step.records]) == ["Decided"]
    assert step.sends == []
    assert driver.order(proposal().id).state is S.DENIED


def test_an_approval_reserves_before_the_next_is_decided() -> None:
    driver = trading()
    driver.propose(proposal(1, quantity=D(600)))
    assert denied_by(driver.propose(proposal(2, quantity=D(600)))) == "buying_power"
    driver.report(K.REJECTED, proposal(1).id)
    assert denied_by(driver.propose(proposal(3, quantity=D(600)))) is None


def test_the_same_proposal_again_is_the_same_order_and_no_record() -> None:
    driver = trading()
    driver.propose(proposal())
    step = driver.hear(Proposed(proposal()))
    assert (step.records, step.sends, step.refusal) == ([], [], "")


def test_a_denied_proposal_again_is_the_same_denial() -> None:
    driver = at_rest()
    driver.propose(proposal())
    driver.give(*READY)
    assert driver.propose(proposal()) == []
    assert driver.order(proposal().id).state is S.DENIED


def test_while_flat_an_agent_opens_one_way_only() -> None:
    driver = trading()
    plan = ExitPlan(stop=D(105), target=D(90))
    first, other_way = proposal(1), proposal(2, side=Side.SELL, exit_plan=plan)
    driver.propose(first)
    (denied,) = driver.propose(other_way)
    assert isinstance(denied, Decided)
    assert denied.decision.denied_by == "opens"
    driver.report(ReportKind.REJECTED, first.id)
    (approved,) = driver.propose(proposal(3, side=Side.SELL, exit_plan=plan))
    assert isinstance(approved, Decided)
    assert approved.decision.denied_by is None


@pytest.mark.parametrize(
    "changes", ({"quantity": D(11)}, {"agent": OTHER_AGENT, "id": proposal().id}, {"reason": "another"})
)
def test_an_id_that_is_used_for_something_else_is_refused(changes: dict[str, Any]) -> None:
    driver = trading()
    driver.propose(proposal())
    step = driver.hear(Proposed(proposal(**changes)))
    assert step.records == []
    assert step.refusal == (
        f"proposal id {proposal().id} was used for another order; send a new id for a new order"
    )


def test_the_id_of_a_protective_leg_is_used_too() -> None:
    driver = trading()
    driver.propose(proposal())
    leg = protective_id(proposal().id, Role.STOP)
    assert "was used for another order" in driver.hear(Proposed(proposal(id=leg))).refusal


def test_a_spread_is_decided_reserved_and_folded_by_its_legs() -> None:
    driver = trading()
    spread = proposal(
        legs=(Leg(ALFA, 1), Leg(BRAVO, -2)),
        quantity=D(5),
        decision_price=D(-100),
        exit_plan=ExitPlan(stop=D(-105)),
    )
    events = driver.propose(spread)
    assert denied_by(events) is None
    decided = events[0]
    assert isinstance(decided, Decided)
    assert [mark.symbol for mark in decided.decision.inputs.marks] == [ALFA, BRAVO]
    book = driver.engine.state.book
    assert book.orders.open_notional_total == 5 * (100 + 2 * 100)
    driver.accept(spread.id)
    driver.fill(spread.id, "first leg", 5)
    order = driver.order(spread.id)
    assert (order.filled, order.state) == (D(0), S.PARTIALLY_FILLED)
    sold = execution("second leg", symbol=BRAVO, side=Side.SELL, quantity=D(10), price=D(100))
    driver.report(K.FILLED, spread.id, execution=sold)
    assert (order.filled, order.state) == (D(5), S.FILLED)
    assert (book.position(ALFA), book.position(BRAVO)) == (D(5), D(-10))
    assert book.orders.open_notional_total == 0


# What halts.


@pytest.mark.parametrize(
    ("halting", "lifting"),
    (
        ([SwitchSeen(switch(HALTED))], None),
        ([HaltAsked(EVERYTHING, HALTED, "ada", "lunch")], StatementGiven(signed(Act.RESUME))),
        (
            [HaltAsked(Scope(ScopeKind.SYMBOL, ALFA), HALTED, "ada", "news")],
            StatementGiven(signed(Act.RESUME, scope=Scope(ScopeKind.SYMBOL, ALFA))),
        ),
        ([LinkSeen("broker", up=False, reason="reset")], LinkSeen("broker", up=True, reason="back")),
        ([compared(failure="no answer")], compared()),
        ([WindowCloseAsked("ada", "enough"), SwitchSeen(switch(ACTIVE))], StatementGiven(signed(nonce="2"))),
    ),
)
def test_the_standing_follows_every_halt_and_its_lifting(halting: list[Input], lifting: Input | None) -> None:
    driver = trading()
    assert driver.engine.standing(proposal()).state is ACTIVE
    driver.give(*halting)
    assert driver.engine.standing(proposal()).state is HALTED
    assert denied_by(driver.propose(proposal(1))) == "trading_state"
    if lifting is not None:
        assert driver.hear(lifting).refusal == ""
        driver.give(SwitchSeen(switch(ACTIVE)))
        assert driver.engine.standing(proposal()).state is ACTIVE
        assert denied_by(driver.propose(proposal(2))) is None


def test_a_halt_of_one_symbol_leaves_the_others() -> None:
    driver = trading()
    driver.give(HaltAsked(Scope(ScopeKind.SYMBOL, ALFA), HALTED, "ada", "news"))
    assert driver.engine.standing(proposal()).state is HALTED
    assert driver.engine.standing(proposal(legs=(Leg(BRAVO),))).state is ACTIVE
    assert driver.engine.standing().state is ACTIVE


@pytest.mark.parametrize(
    ("kind", "name"), ((ScopeKind.AGENT, AGENT), (ScopeKind.STRATEGY, STRATEGY), (ScopeKind.ACCOUNT, ACCOUNT))
)
def test_a_halt_of_an_agent_strategy_or_account_is_its_own(kind: ScopeKind, name: str) -> None:
    driver = trading()
    driver.give(HaltAsked(Scope(kind, name), HALTED, "ada", "it loops"))
    assert driver.engine.standing(proposal()).state is HALTED
    another = proposal(agent=OTHER_AGENT, strategy="", legs=(Leg(CHARLY),))
    assert (driver.engine.standing(another).state is HALTED) is (kind is ScopeKind.ACCOUNT)


@pytest.mark.parametrize(
    ("kind", "expected"),
    (
        (ScopeKind.AGENT, f"one agent ({OTHER_AGENT}, {EXITS}, {AGENT})"),
        (ScopeKind.STRATEGY, f"one strategy ({STRATEGY})"),
        (ScopeKind.SYMBOL, "one symbol ("),
        (ScopeKind.ACCOUNT, f"one account ({ACCOUNT})"),
    ),
)
def test_a_halt_of_a_name_that_nobody_has_is_refused_and_says_who_there_is(
    kind: ScopeKind, expected: str
) -> None:
    step = trading().hear(HaltAsked(Scope(kind, "MISSPELT"), HALTED, "ada", "it loops"))
    assert step.records == []
    assert f"scope: expected the name of {expected}" in step.refusal
    assert step.refusal.endswith("found 'MISSPELT'")


@pytest.mark.parametrize("kind", (ScopeKind.AGENT, ScopeKind.STRATEGY, ScopeKind.SYMBOL))
def test_a_window_of_a_name_that_nobody_has_is_refused_and_opens_for_one_that_somebody_has(
    kind: ScopeKind,
) -> None:
    driver = trading()
    driver.give(WindowCloseAsked("ada", "lunch"))
    step = driver.hear(StatementGiven(signed(scope=Scope(kind, "MISSPELT"), nonce="misspelt")))
    assert step.records == []
    assert f"scope: expected the name of one {kind.value}" in step.refusal
    spelt = signed(scope=Scope(ScopeKind.SYMBOL, ALFA), nonce="spelt")
    assert driver.hear(StatementGiven(spelt)).refusal == ""


def test_a_halt_is_latched_with_who_and_why() -> None:
    assert trading().give(HaltAsked(EVERYTHING, FROZEN, "ada", "fire")) == [
        Halted(scope=EVERYTHING, state=FROZEN, by="ada", reason="fire")
    ]


@pytest.mark.parametrize("state", (REDUCE_ONLY, HALTED, FROZEN))
def test_a_switch_that_leaves_active_in_a_window_latches(state: TradingState) -> None:
    driver = trading()
    # What freezes is the fence; it outlives the process that it keeps out as a halt.
    latched = HALTED if state is FROZEN else state
    latch = Halted(scope=EVERYTHING, state=latched, by=f"switch {SWITCH}", reason="it says so")
    assert driver.give(SwitchSeen(switch(state))) == [latch]
    assert driver.give(SwitchSeen(switch(state, "still"))) == []
    assert driver.engine.standing().state is state
    assert driver.give(SwitchSeen(switch(ACTIVE))) == []
    assert driver.engine.standing().state is latched


def test_a_switch_latches_only_when_it_was_active_and_a_window_is_open() -> None:
    driver = at_rest()
    assert driver.give(SwitchSeen(switch(ACTIVE)), SwitchSeen(switch(HALTED))) == []
    driver = trading()
    driver.give(WindowCloseAsked("ada", "enough"))
    assert driver.give(SwitchSeen(switch(HALTED))) == []


def test_opening_forgets_what_switches_said_before() -> None:
    driver = at_rest()
    driver.give(SwitchSeen(switch(ACTIVE)), *READY[:6])
    assert driver.engine.switches == {}
    assert driver.give(SwitchSeen(switch(HALTED))) == []
    assert driver.engine.standing().state is HALTED
    assert driver.give(SwitchSeen(switch(ACTIVE))) == []
    assert driver.engine.standing().state is ACTIVE


def test_a_statement_that_does_not_hold_is_refused_without_a_record() -> None:
    step = trading().hear(StatementGiven(signed(nonce="2")))
    assert (step.records, step.refusal) == ([], "a window is open; close it before opening another")


def test_a_statement_that_holds_is_recorded_with_its_envelope() -> None:
    driver = trading()
    driver.give(HaltAsked(EVERYTHING, HALTED, "ada", "lunch"))
    said = signed(Act.RESUME)
    assert driver.give(StatementGiven(said)) == [Resumed(scope=EVERYTHING, signed=said)]
    assert driver.engine.standing().state is ACTIVE


# The window's end.


def test_the_window_ends_with_its_time_and_working_entries_are_canceled() -> None:
    driver = trading()
    driver.enter(1)
    driver.propose(proposal(2))
    driver.accept(proposal(2).id)
    assert "WindowClosed" not in names(driver.give(TimeReached(Instant(CLOSE - 1))))
    events = driver.give(TimeReached(CLOSE))
    assert names(events) == ["EquitySampled", "WindowClosed", "CancelRequested"]
    assert events[1] == WindowClosed(by="time", reason="the window has ended")
    assert isinstance(events[2], CancelRequested)
    assert events[2].order_id == proposal(2).id
    assert denied_by(driver.propose(proposal(3))) == "trading_state"


def test_closing_a_window_that_is_not_open_is_refused() -> None:
    step = at_rest().hear(WindowCloseAsked("ada", "enough"))
    assert (step.records, step.refusal) == ([], "no window is open")


def test_closing_says_who_and_why() -> None:
    assert trading().give(WindowCloseAsked("ada", "enough")) == [WindowClosed(by="ada", reason="enough")]


def test_the_window_ends_though_a_position_has_no_price() -> None:
    driver = trading()
    driver.enter(1)
    driver.forget_prices()
    assert names(driver.give(TimeReached(CLOSE))) == ["WindowClosed"]


# Time and money.


def test_time_opens_the_day_once_and_samples_the_equity() -> None:
    driver = at_rest()
    driver.give(AccountStated(broker_statement()))
    events = driver.give(TimeReached(OPEN))
    assert names(events) == ["DayOpened", "EquitySampled"]
    assert isinstance(events[0], DayOpened)
    assert (events[0].session, events[0].equity) == ("2026-11-20", CASH)
    assert names(driver.give(TimeReached(at(1)))) == ["EquitySampled"]


def test_a_night_over_which_something_is_held_has_the_books_compared() -> None:
    driver = trading()
    assert not driver.hear(TimeReached(at(2))).resync
    driver.enter(1)
    step = driver.hear(TimeReached(Instant(OPEN + 3 * DAY)))
    assert isinstance(step.records[0].event, DayOpened)
    assert step.resync


def test_a_sample_holds_the_account_at_the_marks() -> None:
    driver = trading()
    driver.enter(1)
    driver.give(MarketSeen(bar(2, 103)))
    (sample,) = driver.give(TimeReached(at(2)))
    assert sample == EquitySampled(
        equity=CASH + 30,
        cash=CASH - 1_000,
        gross_exposure=D(1_030),
        net_exposure=D(1_030),
        realised=D(0),
        unrealised=D(30),
        fees=D(0),
        dead_machine_loss=D(80),
    )
    driver.fill(protective_id(proposal().id, Role.TARGET), "out", 10, 110)
    (sample,) = driver.give(TimeReached(at(3)))
    assert isinstance(sample, EquitySampled)
    assert (sample.realised, sample.fees, sample.equity) == (D(100), D("0.05"), CASH + 100 - D("0.05"))


def test_before_the_account_is_known_there_is_nothing_to_sample() -> None:
    assert at_rest().give(TimeReached(OPEN)) == []


def test_time_that_is_told_again_after_a_restart_says_nothing() -> None:
    driver = trading()
    assert driver.give(TimeReached(OPEN)) == []


def test_records_never_go_back_in_time() -> None:
    driver = trading()
    step = driver.engine.handle(Proposed(proposal()), OPEN)
    assert [record.time for record in step.records] == [at(1)]


def test_the_account_opens_with_the_first_statement_and_only_when_it_holds_nothing() -> None:
    holding = broker_statement(positions=(BrokerPosition(symbol=ALFA, quantity=D(1), average_price=D(1)),))
    driver = at_rest()
    assert driver.give(AccountStated(holding)) == [PermitsStated(permits=PERMITS)]
    assert driver.give(AccountStated(broker_statement(cash=D(5)))) == [AccountOpened(cash=D(5))]
    assert driver.give(AccountStated(broker_statement(cash=D(6)))) == []
    assert driver.engine.state.book.cash == 5


def test_buying_power_is_the_smaller_of_ours_and_the_brokers_last_word_carried_on() -> None:
    driver = trading()
    driver.give(AccountStated(broker_statement(buying_power=D(2_500))))
    assert denied_by(driver.propose(proposal(1, quantity=D(26)))) == "buying_power"
    driver.propose(proposal(2, quantity=D(20)))
    assert denied_by(driver.propose(proposal(3, quantity=D(6)))) == "buying_power"
    assert denied_by(driver.propose(proposal(4, quantity=D(5)))) is None
    driver.report(K.REJECTED, proposal(2).id)
    assert denied_by(driver.propose(proposal(5, quantity=D(20)))) is None


def test_the_brokers_word_counts_what_was_open_when_it_spoke() -> None:
    driver = trading()
    driver.propose(proposal(1))
    driver.give(AccountStated(broker_statement(buying_power=D(2_500))))
    assert denied_by(driver.propose(proposal(2, quantity=D(26)))) == "buying_power"
    assert denied_by(driver.propose(proposal(3, quantity=D(25)))) is None


def test_buying_power_that_the_broker_has_not_told_denies() -> None:
    driver = at_rest()
    driver.give(*(each for each in READY if not isinstance(each, AccountStated)))
    events = driver.propose(proposal())
    assert isinstance(events[0], Decided)
    failed = [check.code for check in events[0].decision.checks if not check.passed]
    assert "buying_power" in failed


def test_the_rate_counts_decisions_of_the_last_minute() -> None:
    base = rules().limits
    account = msgspec.structs.replace(base.account, orders_per_minute_max=2)
    driver = trading(limits=msgspec.structs.replace(base, account=account))
    assert [denied_by(driver.propose(proposal(number))) for number in (1, 2, 3)] == [
        None,
        None,
        "order_rate_account",
    ]
    driver.now = at(2)
    assert denied_by(driver.propose(proposal(4))) is None


# The market.


def test_a_halted_symbol_is_denied_and_market_data_makes_no_record() -> None:
    driver = trading()
    status = StatusChange(symbol=ALFA, time=at(1), status=TradingStatus.HALTED, reason="news")
    assert driver.give(MarketSeen(status), MarketSeen(bar(2, 101))) == []
    assert denied_by(driver.propose(proposal())) == "symbol_status"


# The broker.


def test_the_brokers_word_is_folded_at_once() -> None:
    driver = trading()
    driver.propose(proposal())
    assert names(driver.accept(proposal().id)) == ["Accepted"]
    (fill,) = driver.fill(proposal().id, "e", 10, 101)
    assert isinstance(fill, Filled)
    assert driver.engine.state.book.position(ALFA) == 10


def test_what_cannot_be_is_one_break_however_often_it_is_told() -> None:
    driver = trading()
    driver.enter(1)
    assert names(driver.report(K.REJECTED, proposal().id)) == ["BreakFound"]
    assert driver.report(K.REJECTED, proposal().id) == []
    assert driver.engine.standing(proposal(2)).state is HALTED
    assert driver.engine.standing(proposal(2, legs=(Leg(BRAVO),))).state is ACTIVE


def stranger(kind: ReportKind = K.ACCEPTED, name: str = "theirs") -> Reported:
    return Reported(report(kind, name, broker_order_id=BrokerOrderId(f"b-{name}")))


def test_a_strangers_order_is_a_break_once() -> None:
    driver = trading()
    step = driver.hear(stranger())
    assert [record.event for record in step.records] == [
        BreakFound(
            found=Break(
                kind=BreakKind.ORDER_MISSING_HERE,
                ours="none",
                theirs="accepted theirs",
                sentence="the broker reports accepted on an order that this book does not have: theirs",
            )
        )
    ]
    assert not step.resync
    assert driver.give(stranger()) == []


def test_while_an_answer_is_out_a_strange_order_may_be_ours_and_is_asked_about_once() -> None:
    driver = trading()
    driver.propose(proposal())
    step = driver.hear(stranger())
    assert (step.records, step.resync) == ([], True)
    step = driver.hear(stranger(K.FILLED))
    assert (step.records, step.resync) == ([], False)
    assert driver.hear(stranger(name="another")).resync
    driver.give(compared(failure="no answer"))
    assert driver.give(stranger()) == []
    driver.give(compared())
    step = driver.hear(stranger())
    assert (names([record.event for record in step.records]), step.resync) == (["BreakFound"], False)


def test_a_word_that_nobody_knows_never_waits_for_an_answer() -> None:
    driver = trading()
    driver.propose(proposal())
    assert names(driver.give(stranger(K.UNRECOGNISED))) == ["BreakFound"]
    assert driver.engine.standing().state is HALTED


def test_what_the_last_look_stopped_never_left() -> None:
    driver = trading()
    driver.propose(proposal())
    assert driver.give(LastLookStopped(proposal().id, "the switch")) == [
        Withheld(order_id=proposal().id, reason="the switch")
    ]
    assert driver.engine.state.book.orders.open_notional_total == 0
    assert list(driver.engine.state.book.orders.open_orders()) == []


def test_a_comparison_is_recorded_with_what_was_looked_at() -> None:
    order = BrokerOrder(
        broker_order_id=BrokerOrderId("b"),
        client_order_id=proposal().correlation_id,  # type: ignore[arg-type]
        symbol=ALFA,
        side=Side.BUY,
        quantity=D(1),
        filled_quantity=D(0),
        status="new",
    )
    held = BrokerPosition(symbol=ALFA, quantity=D(1), average_price=D(1))
    statement = broker_statement(
        open_orders=(order,), executions=("e-1", "e-2"), positions=(held,) * 3, time=at(1)
    )
    found = Break(kind=BreakKind.CASH, ours="1", theirs="2", sentence="cash differs", symbol=None)
    assert at_rest().give(Compared("run 7", statement, (found,))) == [
        Reconciled(
            run="run 7",
            statement_time=at(1),
            orders=1,
            positions=3,
            executions=2,
            breaks=(found,),
        )
    ]
    assert at_rest().give(Compared("run 8", None, (), "no answer")) == [
        Reconciled(
            run="run 8",
            statement_time=None,
            orders=0,
            positions=0,
            executions=0,
            breaks=(),
            failure="no answer",
        )
    ]


def test_a_link_is_recorded_when_it_changes() -> None:
    driver = at_rest()
    up, down = LinkSeen("broker", up=True, reason="a"), LinkSeen("broker", up=False, reason="b")
    events = driver.give(up, up, down, down, up)
    assert events == [
        LinkChanged(link="broker", up=True, reason="a"),
        LinkChanged(link="broker", up=False, reason="b"),
        LinkChanged(link="broker", up=True, reason="a"),
    ]


# Starting and stopping.


def restarted(driver: Driver, epoch: int = 2) -> tuple[Driver, list[Event]]:
    """Another process on the same journal."""
    state, chain = State(MULTIPLIERS), Chain()
    for record in driver.records:
        state.apply(record)
        chain.sequence, chain.head = record.sequence, record.hash
    after = Driver(Engine(rules(), state, chain), driver.now)
    return after, after.start(epoch)


def test_the_first_start_opens_its_segment_and_nothing_else() -> None:
    driver = Driver(Engine(rules(), State(MULTIPLIERS), Chain()))
    assert driver.start() == [segment()]
    assert driver.engine.standing().state is HALTED


def test_a_restart_suspends_the_window_and_settles_what_was_leaving() -> None:
    driver = trading()
    driver.enter(1)
    driver.propose(proposal(2))
    close = closing_proposal()
    driver.propose(close)
    after, events = restarted(driver)
    assert names(events) == ["SegmentOpened", "WindowSuspended", "AnswerLost"]
    assert isinstance(events[0], SegmentOpened)
    assert isinstance(events[1], WindowSuspended)
    assert isinstance(events[2], AnswerLost)
    assert events[2].order_id == proposal(2).id
    assert after.order(proposal(2).id).state is S.UNKNOWN
    assert after.order(protective_id(proposal(2).id, Role.STOP)).state is S.UNKNOWN
    assert after.engine.state.book.orders.open_notional_total == 1_000
    assert denied_by(after.propose(proposal(3))) == "trading_state"
    assert after.order(close.id).state is S.APPROVED


def test_a_close_whose_protection_was_being_canceled_goes_on_after_a_restart() -> None:
    driver = trading()
    entry = driver.enter(1)
    close = closing_proposal()
    driver.propose(close)
    after, _ = restarted(driver)
    stop, target = entry.protection
    after.report(K.CANCELED, stop.id)
    assert not [event for event in after.report(K.CANCELED, target.id) if isinstance(event, Sending)]
    events = after.give(compared())
    assert [event.order_id for event in events if isinstance(event, Sending)] == [close.id]


def test_what_the_broker_confirmed_goes_on_after_a_restart() -> None:
    driver = trading()
    driver.enter(1)
    driver.propose(proposal(2), proposal(3))
    driver.accept(proposal(2).id)
    driver.report(K.ACCEPTED, proposal(3).id)
    driver.now = at(9)
    after, events = restarted(driver)
    assert names(events) == ["SegmentOpened", "WindowSuspended"]
    assert [record.time for record in after.records] == [at(9), at(9)]
    assert after.order(proposal(2).id).state is S.ACCEPTED
    (fill,) = after.fill(protective_id(proposal().id, Role.STOP), "stopped", 10, 95)
    assert isinstance(fill, Filled)
    assert after.engine.state.book.positions() == {}


def test_a_person_resumes_the_window_after_the_books_were_compared() -> None:
    after, _ = restarted(trading())
    resume = StatementGiven(signed(Act.RESUME_WINDOW, epoch=2))
    assert "has not been compared" in after.hear(resume).refusal
    after.give(*READY[:4])
    assert after.hear(resume).refusal == ""
    after.give(SwitchSeen(switch(ACTIVE)), *(MarketSeen(bar(1, 100, symbol)) for symbol in (ALFA, BRAVO)))
    assert denied_by(after.propose(proposal())) is None


def test_an_engine_takes_over_what_no_journal_holds() -> None:
    before = trading()
    engine = Engine(rules(), before.engine.state, before.engine.chain)
    after = Driver(engine, before.now)
    assert after.engine.standing().state is HALTED
    engine.take_over(before.engine)
    assert after.engine.standing().state is ACTIVE
    assert denied_by(after.propose(proposal())) is None


def test_stopping_seals_the_segment() -> None:
    assert at_rest().give(Stopping("asked to")) == [SegmentSealed(reason="asked to")]


def test_an_unknown_symbol_is_denied_and_not_a_crash() -> None:
    driver = trading()
    assert denied_by(driver.propose(proposal(legs=(Leg(Symbol("ZULU")),)))) == "ownership"


def test_an_exit_beyond_the_position_is_denied() -> None:
    driver = trading()
    exit_of_nothing = proposal(side=Side.SELL, effect=Effect.REDUCE, exit_plan=None)
    assert denied_by(driver.propose(exit_of_nothing)) == "reduces"
    assert driver.order(exit_of_nothing.id).agent == AGENT
