"""Whatever comes in which order: an entry leaves once, and only after enough persons approved just that."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.model.approvals import ApprovalAsked, ApprovalGiven, ApprovalRefused
from agenttrader.model.authority import EVERYTHING, Act, Scope, ScopeKind
from agenttrader.model.decisions import TradingState, Verdict
from agenttrader.model.events import Decided, Event, Withheld
from agenttrader.model.identifiers import OrderId, PersonName
from agenttrader.model.orders import Effect, Leg, OrderState
from agenttrader.model.records import Chain
from agenttrader.model.times import Instant
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import (
    AccountStated,
    CancelAsked,
    Compared,
    HaltAsked,
    Input,
    LastLookStopped,
    LinkSeen,
    MarketSeen,
    Proposed,
    StatementGiven,
    SwitchSeen,
    TimeReached,
)
from agenttrader.runtime.state import State
from agenttrader.testing.approving import ANN, BEN, EVE, PEOPLE, TERMS, asking, manual_rules, word
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    BRAVO,
    EXITS,
    MULTIPLIERS,
    at,
    bar,
    proposal,
    signed,
)
from agenttrader.testing.driver import READY, Driver
from agenttrader.testing.hostile_day import folded
from agenttrader.testing.manual_day import ManualDay
from agenttrader.testing.state_dump import dump_state
from agenttrader.testing.walked_totals import differences

ENTRIES = tuple(proposal(number, legs=(Leg((ALFA, BRAVO)[number % 2]),)) for number in range(1, 4))
Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *("propose",) * 4,
                *("approve",) * 8,
                *("deny", "price", "time", "halt", "lift", "restart", "cancel", "withhold", "elsewhere"),
            )
        ),
        st.integers(0, 2),
        st.integers(0, 5),
    ),
    min_size=4,
    max_size=30,
)


class Day:
    """One engine and its restarts, each step checked against the fold of all that was recorded."""

    def __init__(self, needed: int) -> None:
        self.terms = replace(TERMS, persons_needed=needed)
        self.driver = asking(self.terms)
        self.folded = State(MULTIPLIERS)
        self.seen = 0
        self.minute, self.epoch, self.number = 1, 1, 0
        self.catch_up()

    @property
    def events(self) -> list[Event]:
        return [record.event for record in self.driver.records]

    def catch_up(self) -> None:
        for record in self.driver.records[self.seen :]:
            self.folded.apply(record)
        self.seen = len(self.driver.records)
        assert dump_state(self.folded) == dump_state(self.driver.engine.state)

    def take(self, step: Step) -> None:
        what, which, how = step
        if what == "restart":
            self.restart()
        else:
            for received in self.inputs(what, ENTRIES[which].id, which, how):
                self.driver.hear(received)
        self.catch_up()

    def inputs(self, what: str, order_id: OrderId, which: int, how: int) -> Sequence[Input]:
        self.number += 1
        match what:
            case "propose":
                return (Proposed(ENTRIES[which]),)
            case "approve" | "deny" | "elsewhere":
                return (self.statement(what, order_id, how),)
            case "price":
                return (MarketSeen(bar(self.minute, Decimal(97 + how), (ALFA, BRAVO)[which % 2])),)
            case "time":
                self.minute += how
                prices = [MarketSeen(bar(self.minute, 100, symbol)) for symbol in (ALFA, BRAVO)]
                return (*prices, TimeReached(at(self.minute)))
            case "halt":
                scope = (EVERYTHING, Scope(ScopeKind.AGENT, AGENT), Scope(ScopeKind.SYMBOL, ALFA))[which]
                return (HaltAsked(scope, TradingState.HALTED, "ada", "chance"),)
            case "lift":
                names = {"epoch": self.epoch, "nonce": f"lift-{self.number}"}
                start = Instant(at(self.minute) + 1)
                return (StatementGiven(signed(Act.RESUME, start=start, **names)),)
            case "cancel":
                return (CancelAsked(order_id, AGENT, "chance", (AGENT, None, EXITS)[which]),)
            case _:
                order = self.driver.engine.state.book.orders.by_id.get(order_id)
                is_leaving = order is not None and order.state is OrderState.SENDING
                return (LastLookStopped(order_id, "chance"),) if is_leaving else ()

    def statement(self, what: str, order_id: OrderId, how: int) -> Input:
        """A word of one of the people on the entry as it was shown, or on what it was not."""
        asked = [
            each for each in self.events if isinstance(each, ApprovalAsked) and each.order_id == order_id
        ]
        digest = asked[-1].digest if asked and what != "elsewhere" else "ab" * 32
        person = (ANN, BEN, ANN, BEN, EVE, PersonName("ada"))[how]
        act = Act.DENY_ORDER if what == "deny" else Act.APPROVE_ORDER
        return word(digest, person, act, epoch=self.epoch, nonce=f"n-{self.number}")

    def restart(self) -> None:
        records = self.driver.records
        chain = Chain(self.driver.engine.chain.sequence, self.driver.engine.chain.head)
        engine = Engine(manual_rules(self.terms), self.folded, chain)
        self.driver = Driver(engine, at(self.minute))
        self.driver.records = records
        self.epoch += 1
        self.driver.start(epoch=self.epoch)
        self.folded = State(MULTIPLIERS)
        self.seen = 0
        self.catch_up()
        again = signed(Act.RESUME_WINDOW, epoch=self.epoch, nonce=f"window-{self.epoch}")
        ready = [each for each in READY if isinstance(each, LinkSeen | AccountStated | Compared)]
        switches = [each for each in READY if isinstance(each, SwitchSeen)]
        prices = [MarketSeen(bar(self.minute, 100, symbol)) for symbol in (ALFA, BRAVO)]
        self.driver.give(*ready, StatementGiven(again), *switches, *prices)
        self.catch_up()


def needs_a_person(decided: Decided) -> bool:
    return decided.proposal.agent == AGENT and decided.proposal.effect is Effect.OPEN


def leavings(events: Sequence[Event]) -> Counter[OrderId]:
    """How often each entry left; each time only after what has to come before."""
    found: Counter[OrderId] = Counter()
    asked: dict[OrderId, ApprovalAsked] = {}
    said: dict[OrderId, set[PersonName]] = {}
    for event in events:
        match event:
            case ApprovalAsked():
                assert event.order_id not in asked, "asked twice"
                assert event.digest == event.shown.digest
                asked[event.order_id], said[event.order_id] = event, set()
            case ApprovalGiven():
                statement = event.signed.statement
                assert statement.about == asked[event.order_id].digest
                assert PEOPLE[statement.person].value in ("approver", "admin")
                assert statement.person not in (EVE, *said[event.order_id])
                said[event.order_id].add(statement.person)
            case ApprovalRefused() | Withheld():
                # Nothing of it leaves after that; what leaves has been said yes to just before.
                said.pop(event.order_id, None)
            case Decided() if needs_a_person(event) and event.decision.verdict is Verdict.APPROVED:
                shown = asked[event.order_id].shown
                assert event.proposal == shown.proposal
                assert len(said.pop(event.order_id)) >= shown.terms.persons_needed
                assert event.instruction is not None
                found[event.order_id] += 1
            case _:
                pass
    return found


@settings(max_examples=150)
@given(needed=st.integers(1, 2), steps=steps)
def test_an_entry_leaves_at_most_once_and_only_as_enough_persons_approved_it(
    needed: int, steps: list[Step]
) -> None:
    day = Day(needed)
    for step in steps:
        day.take(step)
    assert all(count == 1 for count in leavings(day.events).values())
    orders = day.driver.engine.state.book.orders
    waiting = {each.id for each in orders.open_orders() if each.state is OrderState.PENDING_APPROVAL}
    assert waiting == set(day.driver.engine.state.approvals.waiting)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), length=st.integers(50, 400))
def test_so_it_is_while_all_else_goes_wrong(seed: int, length: int) -> None:
    day = ManualDay(seed)
    for _ in range(length):
        day.go_on()
    assert all(count == 1 for count in leavings([each.event for each in day.records]).values())
    engine = folded(day.records, day.rules)
    assert dump_state(engine.state) == dump_state(day.engine.state)
    assert differences(engine.state.book, engine.valued, engine.market.prices, tuple(MULTIPLIERS)) == {}


def test_on_a_day_on_which_all_else_goes_wrong_some_leave_and_some_are_refused() -> None:
    """Or the property would say nothing."""
    found: Counter[str] = Counter()
    for seed in range(8):
        day = ManualDay(seed)
        for _ in range(300):
            day.go_on()
        events = [record.event for record in day.records]
        found["left"] += sum(leavings(events).values())
        found["refused"] += sum(isinstance(event, ApprovalRefused) for event in events)
    assert min(found["left"], found["refused"]) > 2, found


def test_such_days_hold_all_that_can_become_of_one() -> None:
    """Or the property would say nothing."""
    day = Day(2)
    for step in (
        *(("propose", 0, 0), ("approve", 0, 0), ("approve", 0, 2), ("approve", 0, 4), ("approve", 0, 1)),
        *(("propose", 1, 0), ("elsewhere", 1, 0), ("restart", 0, 0), ("approve", 1, 0)),
        *(("propose", 2, 0), ("deny", 2, 1)),
    ):
        day.take(step)
    orders = day.driver.engine.state.book.orders.by_id
    states = [orders[entry.id].state for entry in ENTRIES]
    assert states == [OrderState.UNKNOWN, OrderState.WITHHELD, OrderState.WITHHELD]
    assert leavings(day.events) == {ENTRIES[0].id: 1}
