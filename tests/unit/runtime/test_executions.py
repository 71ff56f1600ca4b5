"""What each report means in each state: news, a repeat, or a break; and money is counted whatever happens."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.model.breaks import BreakKind
from agenttrader.model.events import Accepted, AccountOpened, BreakFound, Busted, Event, Filled
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, ExecutionId, Symbol
from agenttrader.model.orders import ExitPlan, Leg, OrderState, Proposal, Role, Side
from agenttrader.model.records import Chain
from agenttrader.model.reports import ExecutionReport, ReportKind
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order, protective_id
from agenttrader.runtime.executions import break_of_stranger, events_of, find_order
from agenttrader.testing.builders import (
    ALFA,
    BRAVO,
    FEES,
    MULTIPLIERS,
    at,
    decided,
    execution,
    proposal,
    report,
    reported_legs,
    sending,
)

D = Decimal
S, K = OrderState, ReportKind


class World:
    """A book with one order that has left, and what its broker says."""

    def __init__(self, entry: Proposal | None = None) -> None:
        self.book, self.chain = Book(MULTIPLIERS), Chain()
        self.entry = entry or proposal()
        self.add(AccountOpened(cash=D(10_000)), decided(self.entry), sending(self.entry))
        self.order = self.book.orders.by_id[self.entry.id]
        assert self.order.client_id is not None
        self.name = f"broker-{self.order.client_id}"

    def add(self, *events: Event) -> None:
        for event in events:
            self.book.apply(self.chain.seal(event, at(1)))

    def says(self, kind: ReportKind, order: Order | None = None, **changes: Any) -> list[Event]:
        """The events that a report makes, folded as they come."""
        order = order or self.order
        if order.parent is not None:
            changes.setdefault("broker_order_id", order.broker_id)
        said = report(kind, order.client_id or "theirs", **changes)
        found = find_order(self.book, said)
        assert found is order
        events = []
        for event in events_of(self.book, FEES, order, said):
            self.add(event)
            events.append(event)
        return events

    def fills(self, quantity: int = 10, name: str = "e-1", **changes: Any) -> list[Event]:
        made = execution(name, quantity=D(quantity), **changes)
        return self.says(K.FILLED, execution=made)

    def accepts(self) -> list[Event]:
        return self.says(K.ACCEPTED, legs=reported_legs(self.name, D(95), D(110)))

    def leg(self, role: Role) -> Order:
        return self.book.orders.by_id[protective_id(self.entry.id, role)]


def kinds(events: list[Event]) -> list[str]:
    return [
        event.found.kind.value if isinstance(event, BreakFound) else type(event).__name__ for event in events
    ]


def in_state(state: OrderState) -> World:
    """An accepted order, put into a state."""
    world = World()
    world.accepts()
    world.order.state = state
    return world


# One row a kind, one letter a state in the order of OrderState: what was never sent, what is at the broker,
# what has ended. News, quiet, break; money: a break, and the fill counts even so.
TABLE = {
    K.ACCEPTED: "bbbbb nnqqqqnq qqqqq",
    K.REJECTED: "bbbbb nnnbnbbb qbbbb",
    K.CANCELED: "bbbbb nnnnnnnn qbqbb",
    K.CANCEL_REFUSED: "bbbbb bbqqnqqq qqqqq",
    K.EXPIRED: "bbbbb nnnnnnnn bbbqb",
    K.REPLACED: "bbbbb bnnnnnnn bbbbq",
    K.REPLACE_REFUSED: "bbbbb bbqqqnbb bqqqq",
    K.SUSPENDED: "bbbbb bbnnqqqb bbbbb",
    K.DONE_FOR_DAY: "bbbbb bbnnqqnq bbbbb",
    K.RESTATED: "bbbbb nnnnnnnn bnnnn",
    K.NOT_FOUND: "qqqqq nqqqqqqq qqqqq",
    K.ANSWER_LOST: "bbbbb nqqqqqqq qqqqq",
    K.NOT_SENT: "bbnnb nbbbbbbb bbbbb",
    K.UNRECOGNISED: "bbbbb bbbbbbbb bbbbb",
    K.FILLED: "mmmmm nnnnnnnn mnnnm",
    K.BUSTED: "bbbbb bbbbbbbb bbbbb",
}
EVENTS = {K.NOT_FOUND: "AnswerLost", K.NOT_SENT: "Withheld"}


@pytest.mark.parametrize("kind", ReportKind, ids=lambda kind: kind.value)
def test_every_report_has_an_answer_in_every_state(kind: ReportKind) -> None:
    letters = TABLE[kind].replace(" ", "")
    assert len(letters) == len(OrderState)
    for state, letter in zip(OrderState, letters, strict=True):
        world = in_state(state)
        made = kinds(world.fills() if kind is K.FILLED else world.says(kind))
        word = EVENTS.get(kind, kind.value.title().replace("_", ""))
        broken = "unrecognised_report" if kind is K.UNRECOGNISED else "impossible_transition"
        expected = {"n": [word], "q": [], "b": [broken], "m": [broken, "Filled"]}[letter]
        assert made == expected, f"{kind.value} in {state.value}"


@pytest.mark.parametrize(
    ("state", "expected"),
    ((S.CANCELED, ["Filled"]), (S.REPLACED, ["Filled"]), (S.REJECTED, ["impossible_transition", "Filled"])),
)
def test_a_part_may_still_be_told_of_what_was_ended_early(state: OrderState, expected: list[str]) -> None:
    assert kinds(in_state(state).fills(4)) == expected


# The event says what the report said.


@pytest.mark.parametrize(
    "kind",
    (
        *(K.REJECTED, K.CANCELED, K.CANCEL_REFUSED, K.EXPIRED, K.REPLACED, K.SUSPENDED, K.DONE_FOR_DAY),
        *(K.REPLACE_REFUSED, K.RESTATED, K.ANSWER_LOST, K.NOT_SENT),
    ),
)
def test_events_carry_order_time_reason_and_raw(kind: ReportKind) -> None:
    letters = TABLE[kind].replace(" ", "")
    state = next(each for each, letter in zip(OrderState, letters, strict=True) if letter == "n")
    world = in_state(state)
    (event,) = world.says(kind, time=at(7), reason="because", raw="{}")
    fields = msgspec.structs.asdict(event)
    assert fields.pop("order_id") == world.entry.id
    assert fields.items() <= {"time": at(7), "reason": "because", "raw": "{}"}.items()


def test_a_break_names_order_symbol_states_and_reason() -> None:
    world = in_state(S.FILLED)
    (event,) = world.says(K.CANCELED, reason="too late")
    assert isinstance(event, BreakFound)
    found = event.found
    assert (found.ours, found.theirs, found.symbol, found.order_id) == (
        "filled",
        "canceled",
        ALFA,
        world.entry.id,
    )
    assert found.sentence == f"order {world.entry.id}: cancel cannot follow filled: too late"


def test_a_report_is_of_nobody_where_neither_id_is_known() -> None:
    world = World()
    assert find_order(world.book, report(K.CANCELED, "another")) is None
    assert find_order(world.book, report(K.CANCELED, "another", broker_order_id=None)) is None


# Accepts.


def test_an_accept_gives_the_order_and_its_legs_the_brokers_ids() -> None:
    world = World()
    (event,) = world.accepts()
    assert isinstance(event, Accepted)
    assert event.broker_order_id == world.name
    assert world.leg(Role.STOP).broker_id == f"{world.name}-stop"
    assert world.leg(Role.TARGET).broker_id == f"{world.name}-target"
    assert world.accepts() == []


def test_an_accept_without_its_legs_is_a_break_and_still_an_accept() -> None:
    world = World()
    assert kinds(world.says(K.ACCEPTED)) == ["unprotected", "Accepted"]
    assert world.order.state is S.ACCEPTED
    partly = World()
    assert kinds(partly.says(K.ACCEPTED, legs=reported_legs(partly.name, D(95), None))) == [
        "unprotected",
        "Accepted",
    ]
    assert partly.leg(Role.STOP).broker_id is not None


def test_legs_that_are_told_later_are_news() -> None:
    world = World()
    world.says(K.ACCEPTED)
    assert kinds(world.accepts()) == ["Accepted"]
    assert world.leg(Role.STOP).broker_id == f"{world.name}-stop"


def test_legs_that_are_known_need_not_be_told_again() -> None:
    world = in_state(S.SUSPENDED)
    assert kinds(world.says(K.ACCEPTED)) == ["Accepted"]
    assert world.leg(Role.STOP).broker_id == f"{world.name}-stop"


def test_an_order_without_a_plan_needs_no_legs_and_takes_none() -> None:
    world = World(proposal(exit_plan=None))
    (event,) = world.accepts()
    assert isinstance(event, Accepted)
    assert (event.stop, event.target) == (None, None)


def test_an_order_that_ended_unfilled_has_nothing_to_protect() -> None:
    world = World()
    world.says(K.REJECTED)
    assert kinds(world.says(K.ACCEPTED)) == ["Accepted"]


def test_an_accept_without_an_id_is_not_one() -> None:
    world = World()
    assert kinds(world.says(K.ACCEPTED, broker_order_id=None)) == ["unrecognised_report"]
    assert world.order.state is S.SENDING


def test_a_leg_is_found_by_the_brokers_id_and_its_accept_is_quiet() -> None:
    world = World()
    world.accepts()
    assert world.says(K.ACCEPTED, world.leg(Role.STOP)) == []
    assert kinds(world.says(K.CANCELED, world.leg(Role.STOP))) == ["Canceled"]


# Fills.


def test_a_fill_carries_its_fee_only_when_it_sells() -> None:
    world = World()
    world.accepts()
    (bought,) = world.fills()
    assert isinstance(bought, Filled)
    assert (bought.quantity, bought.price, bought.fee, bought.time) == (D(10), D(100), D(0), at(1))
    stop = world.leg(Role.STOP)
    (sold,) = world.says(
        K.FILLED, stop, execution=execution("e-2", side=Side.SELL, quantity=D(10), price=D(95))
    )
    assert isinstance(sold, Filled)
    assert (sold.order_id, sold.fee) == (stop.id, D("0.04"))
    assert (stop.state, world.book.position(ALFA)) == (S.FILLED, D(0))


def test_a_fill_that_is_told_again_is_quiet() -> None:
    world = World()
    world.accepts()
    world.fills(4)
    assert world.fills(4) == []
    assert world.book.position(ALFA) == 4


@pytest.mark.parametrize(
    ("changes", "theirs"),
    (
        ({"price": D("100.01")}, "buy 10 ALFA at 100.01"),
        ({"quantity": 9}, "buy 9 ALFA at 100"),
        ({"side": Side.SELL}, "sell 10 ALFA at 100"),
        ({"symbol": BRAVO}, "buy 10 BRAVO at 100"),
    ),
)
def test_a_fill_that_is_told_again_with_other_terms_is_a_break_and_counts_as_it_did(
    changes: dict[str, Any], theirs: str
) -> None:
    world = World()
    world.accepts()
    world.fills()
    (told,) = world.fills(**changes)
    assert isinstance(told, BreakFound)
    assert told.found.kind is BreakKind.EXECUTION_TERMS
    assert told.found.ours == f"buy 10 ALFA at 100 for order {world.entry.id}"
    assert told.found.theirs == f"{theirs} for order {world.entry.id}"
    assert (told.found.symbol, told.found.order_id) == (ALFA, world.entry.id)
    assert world.book.position(ALFA) == 10


def test_a_fill_that_is_told_again_of_another_order_is_a_break() -> None:
    world = World()
    world.accepts()
    world.fills()
    stop = world.leg(Role.STOP)
    (told,) = world.says(K.FILLED, stop, execution=execution("e-1"))
    assert kinds([told]) == ["execution_terms"]


def test_a_fill_before_the_accept_brings_the_brokers_id_and_the_legs() -> None:
    world = World()
    legs = reported_legs(world.name, D(95), D(110))
    events = world.says(K.FILLED, execution=execution(), legs=legs)
    assert kinds(events) == ["Accepted", "Filled"]
    assert world.order.state is S.FILLED
    assert world.leg(Role.STOP).broker_id == f"{world.name}-stop"
    assert world.leg(Role.STOP).is_armed
    assert world.accepts() == []


def test_a_fill_that_says_nothing_of_the_legs_leaves_them_to_the_accept() -> None:
    world = World()
    assert kinds(world.fills()) == ["Filled"]
    assert world.leg(Role.STOP).state is S.SENDING
    assert kinds(world.accepts()) == ["Accepted"]
    assert (world.order.state, world.leg(Role.STOP).state) == (S.FILLED, S.ACCEPTED)


def test_more_than_was_ordered_is_a_break_and_counts() -> None:
    world = World()
    world.accepts()
    world.fills(8)
    events = world.fills(4, "e-2")
    assert kinds(events) == ["impossible_transition", "Filled"]
    assert isinstance(events[0], BreakFound)
    assert events[0].found.sentence.endswith(
        "a fill that buys 4 ALFA cannot follow partially_filled with 8 of 10 filled"
    )
    assert world.book.position(ALFA) == 12


def test_a_fill_on_the_other_side_is_a_break_and_counts() -> None:
    world = World()
    world.accepts()
    assert kinds(world.fills(4, side=Side.SELL)) == ["impossible_transition", "Filled"]
    assert world.book.position(ALFA) == -4


def test_each_leg_of_a_spread_fills_on_its_own_side() -> None:
    world = World(proposal(legs=(Leg(ALFA, 1), Leg(BRAVO, -2)), exit_plan=None))
    world.says(K.ACCEPTED)
    assert kinds(world.fills(10)) == ["Filled"]
    assert kinds(world.fills(5, "e-2", symbol=BRAVO, side=Side.SELL)) == ["Filled"]
    assert kinds(world.fills(5, "e-3", symbol=BRAVO)) == ["impossible_transition", "Filled"]


def test_a_fill_in_another_symbol_of_ours_is_a_break_and_counts() -> None:
    world = World()
    world.accepts()
    assert kinds(world.fills(4, symbol=BRAVO)) == ["impossible_transition", "Filled"]
    assert (world.book.position(BRAVO), world.order.filled) == (D(4), D(0))


def test_a_fill_in_a_symbol_that_no_book_can_hold_is_a_break_alone() -> None:
    world = World()
    world.accepts()
    events = world.fills(4, symbol=Symbol("ZULU"))
    assert kinds(events) == ["impossible_transition"]
    assert world.book.cash == 10_000


def test_a_fill_without_price_and_quantity_is_a_break() -> None:
    assert kinds(World().says(K.FILLED)) == ["unrecognised_report"]


# Fills that are taken back.


def busted(world: World, name: str = "e-1", order: Order | None = None) -> list[Event]:
    return world.says(K.BUSTED, order, execution=execution(name, quantity=D(0), price=D(0)))


def test_a_bust_takes_the_fill_back_once() -> None:
    world = World()
    world.accepts()
    world.fills(4)
    (event,) = busted(world)
    assert isinstance(event, Busted)
    assert (event.order_id, event.execution_id) == (world.entry.id, "e-1")
    assert (world.book.position(ALFA), world.book.cash) == (D(0), D(10_000))
    assert busted(world) == []
    assert world.fills(4) == []


def test_a_corrected_fill_counts_once_with_its_new_price() -> None:
    world = World()
    world.accepts()
    world.fills(price=D(100))
    cash = world.book.cash
    busted(world)
    assert kinds(world.fills(name="e-2", price=D(99))) == ["Filled"]
    assert (world.order.state, world.order.filled) == (S.FILLED, D(10))
    assert (world.book.position(ALFA), world.book.cash - cash) == (D(10), D(10))
    assert kinds(world.fills(1, name="e-3")) == ["impossible_transition", "Filled"]


def test_a_corrected_fill_was_made_when_the_one_was_whose_place_it_takes() -> None:
    """By the time of its correction it would be missed for ever among the broker's executions since then."""
    world = World()
    world.accepts()
    world.fills(price=D(100))
    made = world.book.executions[ExecutionId("e-1")].time
    busted(world)
    corrected = execution("e-2", quantity=D(10), price=D(99), corrects=ExecutionId("e-1"))
    (filled,) = world.says(K.FILLED, execution=corrected, time=at(30))
    assert isinstance(filled, Filled)
    assert filled.time == made < at(30)


def test_what_protects_a_position_and_is_rejected_is_a_break() -> None:
    world = World()
    world.accepts()
    world.fills()
    assert kinds(world.says(K.REJECTED, world.leg(Role.STOP))) == ["Rejected", "unprotected"]


def test_an_entry_that_is_rejected_takes_its_legs_with_it_quietly() -> None:
    world = World()
    world.accepts()
    assert kinds(world.says(K.REJECTED)) == ["Rejected"]
    assert world.says(K.CANCELED, world.leg(Role.STOP)) == []
    assert world.says(K.CANCELED, world.leg(Role.TARGET)) == []


def test_a_bust_of_what_the_order_does_not_have_is_a_break() -> None:
    world = World()
    world.accepts()
    assert kinds(busted(world)) == ["impossible_transition"]
    world.fills()
    assert kinds(busted(world, order=world.leg(Role.STOP))) == ["impossible_transition"]
    assert world.book.position(ALFA) == 10


# Strangers.


def test_a_report_on_a_strangers_order_is_a_break_of_its_symbol() -> None:
    said = report(K.FILLED, "theirs", execution=execution(symbol=BRAVO), reason="why")
    found = break_of_stranger(said, "theirs")
    assert (found.kind, found.symbol, found.theirs) == (
        BreakKind.ORDER_MISSING_HERE,
        BRAVO,
        "filled theirs",
    )
    assert found.sentence == (
        "the broker reports filled on an order that this book does not have: theirs: why"
    )


def test_a_word_that_nobody_knows_is_a_break_of_everything() -> None:
    said = ExecutionReport(
        kind=K.UNRECOGNISED,
        client_order_id=ClientOrderId(""),
        broker_order_id=BrokerOrderId("b"),
        time=at(1),
    )
    found = break_of_stranger(said, "b")
    assert (found.kind, found.symbol) == (BreakKind.UNRECOGNISED_REPORT, None)


def test_a_plan_with_a_stop_alone_is_protected_by_a_stop_alone() -> None:
    world = World(proposal(exit_plan=ExitPlan(stop=D(95))))
    assert kinds(world.says(K.ACCEPTED, legs=reported_legs(world.name, D(95), None))) == ["Accepted"]
