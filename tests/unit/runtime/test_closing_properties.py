"""Whatever fills, ends or is lost around a close: what is held is protected, closed, or told of."""

from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.model.breaks import BreakKind
from agenttrader.model.orders import Effect, OrderState, Role
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import SECOND, Instant
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.inputs import CancelAsked, LastLookStopped, TimeReached
from agenttrader.runtime.rules import Rules
from agenttrader.testing.builders import (
    ALFA,
    MULTIPLIERS,
    at,
    closing_proposal,
    execution,
    proposal,
    rules,
)
from agenttrader.testing.driver import trading

S, K = OrderState, ReportKind
ENDS = (K.REJECTED, K.EXPIRED, K.CANCELED, K.ANSWER_LOST, K.FILLED, K.FILLED)


PERMITTED_SECONDS = 120


def rules_of_the_day() -> Rules:
    """Rules by which a position may be bare for two minutes."""
    made = rules()
    account = replace(made.limits.account, unprotected_seconds_max=PERMITTED_SECONDS)
    return replace(made, limits=replace(made.limits, account=account))


class Closing:
    """A position that is closed while entries work, and a broker that does as chance has it."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.driver = trading(limits=rules_of_the_day().limits)
        self.entries = [self.driver.enter(1)]
        self.minute = 1
        self.bare_since: Instant | None = None
        self.book, self.seen = Book(MULTIPLIERS), 0
        for number in range(2, self.chance.choice((2, 3, 4))):
            self.driver.propose(proposal(number))
            self.entries.append(self.driver.order(proposal(number).id))
        self.go_on()
        self.wanted = self.held or Decimal(1)
        self.is_part = self.wanted > 1 and self.chance.randrange(2) == 0
        if self.is_part:
            self.wanted = Decimal(self.chance.randrange(1, int(self.wanted)))
        self.driver.propose(closing_proposal(quantity=self.wanted))
        self.close = self.driver.order(closing_proposal().id)

    @property
    def held(self) -> Decimal:
        """The position."""
        return self.driver.engine.state.book.position(ALFA)

    def go_on(self) -> None:
        """One thing more happens to one order that has not ended."""
        order = self.chance.choice(list(self.driver.engine.state.book.orders.open_orders()) or [None])
        if order is None or self.chance.randrange(8) == 0:
            self.minute += 1
            self.driver.give(TimeReached(at(self.minute)))
        elif order.parent is not None:
            self._leg(order, order.parent)
        elif order.effect is Effect.CLOSE:
            self._exit(order)
        else:
            self._entry(order)

    def _entry(self, entry: Order) -> None:
        if entry.state in (S.SENDING, S.UNKNOWN) and self.chance.randrange(3):
            self.driver.accept(entry.id)
        elif entry.state is S.SENDING:
            self.driver.report(self.chance.choice((K.ANSWER_LOST, K.REJECTED)), entry.id)
        elif entry.state is S.CANCEL_REQUESTED and self.chance.randrange(2):
            self.driver.report(K.CANCELED, entry.id)
            for leg in entry.protection:
                self.driver.report(K.CANCELED, leg.id)
        elif entry.state is not S.UNKNOWN:
            self._fill(entry)

    def _exit(self, close: Order) -> None:
        if close.state is S.APPROVED:
            # A person who takes it back while entries are being canceled looks after what they still fill.
            ending = any(entry.state is S.CANCEL_REQUESTED for entry in self.entries)
            if not ending and self.chance.randrange(10) == 0:
                self.driver.give(CancelAsked(close.id, "ada", "enough", None))
        elif close.state is S.SENDING and self.chance.randrange(6) == 0:
            self.driver.give(LastLookStopped(close.id, "the switch"))
        elif close.state in (S.SENDING, S.UNKNOWN) and self.chance.randrange(2):
            self.driver.accept(close.id)
        else:
            kind = self.chance.choice(ENDS)
            if kind is K.FILLED:
                self._fill(close)
            elif kind is not K.REJECTED or not close.filled:
                self.driver.report(kind, close.id)

    def _leg(self, leg: Order, entry: Order) -> None:
        if leg.state is S.CANCEL_REQUESTED and self.chance.randrange(2):
            self.driver.report(self.chance.choice((K.CANCELED, K.CANCELED, K.CANCEL_REFUSED)), leg.id)
        elif any(each.state is S.FILLED for each in entry.protection):
            self.driver.report(K.CANCELED, leg.id)
        elif leg.is_armed and leg.role is Role.STOP and self.chance.randrange(3) == 0:
            self._fill(leg)

    def _fill(self, order: Order) -> None:
        quantity = self.chance.choice((order.remaining, Decimal(1)))
        name = f"e-{self.chance.randrange(10**9)}"
        made = execution(name, side=order.side, quantity=quantity, price=Decimal(100))
        self.driver.report(K.FILLED, order.id, execution=made)

    def is_told_of(self) -> bool:
        """Whether a break says that the position is unprotected."""
        breaks = self.driver.engine.state.breaks
        return any(each.kind is BreakKind.UNPROTECTED and each.symbol == ALFA for each in breaks)

    def overstayed(self) -> bool:
        """Whether something has been bare for longer than is permitted, by our own reckoning."""
        return self.bare_since is not None and at(self.minute) - self.bare_since > PERMITTED_SECONDS * SECOND

    def look(self) -> None:
        """Keep a clock of our own, record by record, of what no stop faces that rests."""
        records = self.driver.records
        for sealed in records[self.seen :]:
            self.book.apply(sealed)
            self._reckon(sealed.time)
        self.seen = len(records)

    def _reckon(self, time: Instant) -> None:
        entries = [order for order in self.book.orders.by_id.values() if order.adds_risk]
        armed = [leg for entry in entries if entry.state is S.FILLED for leg in entry.protection]
        resting = [leg for leg in armed if leg.state in (S.ACCEPTED, S.PARTIALLY_FILLED)]
        covered = sum((leg.remaining for leg in resting if leg.role is Role.STOP), Decimal(0))
        if covered >= self.book.position(ALFA):
            self.bare_since = None
        elif self.bare_since is None:
            self.bare_since = time


@settings(max_examples=400)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 60))
def test_around_a_close_nothing_stays_bare_without_a_word(seed: int, length: int) -> None:
    day = Closing(seed)
    for _ in range(length):
        before = day.minute
        day.look()
        day.go_on()
        assert day.held >= 0, "a close turns no position round"
        assert not day.is_part or day.close.filled <= day.wanted, "of a part no more is taken"
        if day.minute != before and day.overstayed() and day.close.state.is_terminal:
            assert day.is_told_of()
