"""What would have been denied, and what it earned: round trips, told whole."""

from decimal import Decimal

from msgspec import structs

from agenttrader.app.policy.earnings import Earned, Earnings
from agenttrader.model.events import Busted, Event, Filled
from agenttrader.model.identifiers import ExecutionId
from agenttrader.model.orders import Effect, Leg, Proposal, Side
from agenttrader.model.records import Chain
from agenttrader.portfolio.book import Book
from agenttrader.testing.builders import ALFA, BRAVO, MULTIPLIERS, at, decided, proposal, sending

D = Decimal


class Told:
    """A book, and the earnings that are told the same records before it."""

    def __init__(self) -> None:
        self.book, self.chain, self.earnings = Book(MULTIPLIERS), Chain(), Earnings()
        self.fills = 0

    def add(self, *events: Event) -> None:
        for event in events:
            sealed = self.chain.seal(event, at(1))
            self.earnings.see(sealed, self.book)
            self.book.apply(sealed)

    def fill(self, asked: Proposal, price: int, quantity: int | None = None, fee: str = "0") -> Filled:
        """Let the order leave, the first time, and fill."""
        if asked.id not in self.book.orders.by_id:
            self.add(decided(asked), sending(asked))
        self.fills += 1
        fill = Filled(
            order_id=asked.id,
            execution_id=ExecutionId(f"e-{self.fills}"),
            symbol=asked.symbol,
            side=asked.side,
            quantity=D(quantity or int(asked.quantity)),
            price=D(price),
            fee=D(fee),
            time=at(1),
        )
        self.add(fill)
        return fill


def entry(number: int, **changes: object) -> Proposal:
    return proposal(number, exit_plan=None, **changes)


def leave(number: int, quantity: int = 10, **changes: object) -> Proposal:
    return entry(number, side=Side.SELL, effect=Effect.REDUCE, quantity=D(quantity), **changes)


NOTHING = Earned(whole_trips=0, whole_net=D(0), part_trips=0, part_net=D(0), open_orders=0, unfilled_orders=0)


def earned(**changes: object) -> Earned:
    return structs.replace(NOTHING, **changes)


def test_a_round_trip_of_denied_entries_alone_is_told_whole_after_its_fees() -> None:
    told = Told()
    for number in (1, 2):
        told.earnings.deny(entry(number).id)
        told.fill(entry(number), 100, fee="0.5")
    assert told.earnings.earned() == earned(open_orders=2)
    told.fill(leave(3, 20), 103, fee="1")
    (trip,) = told.earnings.trips
    assert (trip.net, trip.agent, trip.time) == (D(58), entry(1).agent, at(1))
    assert (trip.denied, trip.kept, trip.others) == ((entry(1).id, entry(2).id), (), (leave(3).id,))
    assert told.earnings.earned() == earned(whole_trips=1, whole_net=D(58))


def test_one_of_which_only_a_part_would_have_been_denied_is_told_apart() -> None:
    told = Told()
    told.earnings.deny(entry(2).id)
    told.fill(entry(1), 100)
    told.fill(entry(2), 110)
    told.fill(leave(3, 20), 100)
    (trip,) = told.earnings.trips
    assert (trip.denied, trip.kept) == ((entry(2).id,), (entry(1).id,))
    assert told.earnings.earned() == earned(part_trips=1, part_net=D(-100))


def test_others_are_not_told_and_what_never_filled_has_earned_nothing() -> None:
    told = Told()
    told.earnings.deny(entry(9).id)
    told.fill(entry(1), 100)
    told.fill(leave(2), 150)
    assert told.earnings.trips == []
    assert told.earnings.earned() == earned(unfilled_orders=1)


def test_a_fill_that_is_taken_back_opens_the_round_trip_again() -> None:
    told = Told()
    told.earnings.deny(entry(1).id)
    told.fill(entry(1), 100, 5)
    more = told.fill(entry(1), 100, 5)
    told.add(Busted(order_id=entry(1).id, execution_id=more.execution_id, time=at(1)))
    told.fill(leave(2, 5), 102)
    assert told.earnings.earned() == earned(whole_trips=1, whole_net=D(10))


def test_symbols_do_not_touch_each_other() -> None:
    told = Told()
    told.earnings.deny(entry(1).id)
    told.fill(entry(1), 100)
    told.fill(entry(2, legs=(Leg(BRAVO),)), 50)
    told.fill(leave(3, legs=(Leg(BRAVO),)), 60)
    assert told.earnings.trips == []
    told.fill(leave(4, legs=(Leg(ALFA),)), 99)
    assert told.earnings.earned() == earned(whole_trips=1, whole_net=D(-10))
