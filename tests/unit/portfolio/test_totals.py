"""Totals are what a walk over all orders and positions finds, whatever happens; reading them takes none."""

from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any, NoReturn

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agenttrader.model.activities import ActivityKind
from agenttrader.model.events import Accepted, AccountOpened, Busted, Event, Filled, PositionAdjusted
from agenttrader.model.identifiers import BrokerOrderId, ExecutionId, OrderId, Symbol
from agenttrader.model.instructions import ProtectiveLeg
from agenttrader.model.orders import (
    Changes,
    Effect,
    ExitPlan,
    Leg,
    OrderState,
    OrderType,
    Proposal,
    Role,
    Side,
)
from agenttrader.model.records import Chain
from agenttrader.model.transitions import Trigger, next_state
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.ledger import OrderLedger
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.portfolio.orders import Order
from agenttrader.portfolio.scopes import Scopes, agent_table
from agenttrader.portfolio.working import NOTHING, Stops
from agenttrader.runtime.inputs import ReplaceAsked
from agenttrader.runtime.instructions import instruction_of
from agenttrader.runtime.replacing import replacement_of, requested
from agenttrader.testing.builders import AGENT, ALFA, BRAVO, STRATEGY, at, decided, posted, proposal, sending
from agenttrader.testing.walked_totals import differences

D = Decimal
SYMBOLS = (ALFA, BRAVO)
OURS = agent_table(AGENT)
SCOPES = Scopes({ALFA: (OURS, ("group", "all")), BRAVO: (("group", "all"),)}, (STRATEGY,))
LEGS = ((Leg(ALFA),), (Leg(ALFA),), (Leg(BRAVO),), (Leg(ALFA, 1), Leg(BRAVO, -2)))
BY_BROKER = tuple(trigger for trigger in Trigger if trigger not in (Trigger.FILL, Trigger.PARTIAL_FILL))
REASONABLE = (Trigger.ACCEPT, Trigger.ACCEPT, Trigger.REQUEST_CANCEL, Trigger.REFUSE_CANCEL, Trigger.CANCEL)


class Account:
    """Whatever may happen to an account, from a seed: a contract of BRAVO is for a hundred of it."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.book = Book({ALFA: D(1), BRAVO: D(100)})
        self.prices: dict[Symbol, Decimal] = {}
        self.valued = MarkedBook(self.book, self.prices, SCOPES)
        self.chain = Chain()
        self.number = 0
        self.done: Counter[str] = Counter()
        self.add(AccountOpened(cash=D(100_000)))

    def add(self, *events: Event) -> None:
        for event in events:
            self.book.apply(self.chain.seal(event, at(1)))

    def go_on(self) -> None:
        """One thing more happens."""
        acts = (self.enter, self.leave, self.fill, self.fill, self.move, self.move, self.replace, self.mark)
        act = self.chance.choice((*acts, self.mark, self.chance.choice((self.bust, self.split, self.unmark))))
        if act():
            self.done[act.__name__] += 1

    def enter(self) -> bool:
        side, legs = self.chance.choice(tuple(Side)), self.chance.choice(LEGS)
        stop, target = (self._price(90, 99), self._price(101, 110))
        if side is Side.SELL:
            stop, target = target, stop
        plans = (None, ExitPlan(stop=stop), ExitPlan(stop=stop, target=target), ExitPlan(target=target))
        limit = self.chance.choice((None, self._price(95, 105)))
        asked = self._asked(
            legs=legs,
            side=side,
            exit_plan=self.chance.choice(plans[1:] if len(legs) == 1 else plans[:2]),
            type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            limit_price=limit,
        )
        self.add(decided(asked, price=self._price(95, 105)), sending(asked))
        self._accept(asked.id)
        return True

    def leave(self) -> bool:
        """Something that reduces, now or at a price, perhaps more than is held."""
        symbol = self.chance.choice(SYMBOLS)
        held = self.book.position(symbol)
        if not held:
            return False
        side = Side.SELL if held > 0 else Side.BUY
        worse, better = (self._price(85, 99), self._price(101, 115))[:: 1 if held > 0 else -1]
        way: dict[str, Any] = self.chance.choice(
            (
                {"type": OrderType.MARKET},
                {"type": OrderType.MARKET, "effect": Effect.CLOSE, "quantity": abs(held)},
                {"type": OrderType.STOP, "stop_price": worse},
                {"type": OrderType.STOP_LIMIT, "stop_price": worse, "limit_price": worse},
                {"type": OrderType.TRAILING_STOP, "trail_price": self._price(1, 9)},
                {"type": OrderType.TRAILING_STOP, "trail_percent": self._price(1, 9)},
                {"type": OrderType.LIMIT, "limit_price": better, "exit_plan": ExitPlan(stop=worse)},
            )
        )
        fields = {"legs": (Leg(symbol),), "side": side, "effect": Effect.REDUCE, "exit_plan": None}
        asked = self._asked(**(fields | way))
        told = instruction_of(asked, asked.quantity)
        self.add(msgspec.structs.replace(decided(asked), instruction=told))
        self._accept(asked.id)
        return True

    def fill(self) -> bool:
        order = self._order(lambda each: each.state.is_working and each.is_armed and each.remaining > 0)
        if order is None:
            return False
        for leg in order.legs:
            units = order.remaining * abs(leg.ratio)
            part = min(units, D(self.chance.randint(1, 6)))
            quantity = units if self.chance.random() < 0.6 else part
            if order.fill_trigger(leg.symbol, quantity) is None:
                continue
            self.number += 1
            self.add(
                Filled(
                    order_id=order.id,
                    execution_id=ExecutionId(f"e-{self.number}"),
                    symbol=leg.symbol,
                    side=order.side if leg.ratio > 0 else order.side.opposite,
                    quantity=quantity,
                    price=self._price(90, 110),
                    fee=D("0.01"),
                    time=at(1),
                )
            )
        return True

    def bust(self) -> bool:
        fills = list(self.book.executions.values())
        if not fills:
            return False
        fill = self.chance.choice(fills)
        self.add(Busted(order_id=fill.order_id, execution_id=fill.execution_id, time=at(1)))
        return True

    def move(self) -> bool:
        """Anything else that may legally happen to an order; mostly what usually does."""
        order = self._order(lambda each: not each.state.is_terminal)
        triggers = REASONABLE if self.chance.random() < 0.8 else BY_BROKER
        trigger = self.chance.choice(triggers)
        requests = (Trigger.REQUEST_REPLACE, Trigger.HOLD, Trigger.APPROVE, Trigger.DENY)
        if order is None or trigger in requests or next_state(order.state, trigger) is None:
            return False
        self.book.orders.advance(order.id, trigger, at(1))
        return True

    def replace(self) -> bool:
        """Another is asked for in the place of one, or what became of that is told."""
        asked_for = self._order(lambda each: each.state is OrderState.REPLACE_REQUESTED)
        if asked_for is not None and self.chance.random() < 0.6:
            new = asked_for.replaced_by
            if self.chance.random() < 0.5:
                self.book.orders.advance(asked_for.id, Trigger.REPLACE, at(1))
            elif new is not None and next_state(new.state, Trigger.REJECT) is not None:
                self.book.orders.advance(new.id, Trigger.REJECT, at(1))
                self.book.orders.advance(asked_for.id, Trigger.REFUSE_REPLACE, at(1))
            return True
        order = self._order(lambda each: each.broker_id is not None and each.rests and each.is_armed)
        if order is None:
            return False
        self.number += 1
        changes = self.chance.choice(
            (
                Changes(stop_price=self._price(85, 115)),
                Changes(limit_price=self._price(85, 115)),
                Changes(trail=self._price(1, 9)),
                Changes(quantity=D(self.chance.randint(1, 30))),
            )
        )
        asked = ReplaceAsked(order.id, OrderId(f"new-{self.number}"), changes, order.agent, "why")
        made = replacement_of(self.book, asked, {}, at(1))
        if isinstance(made, str):
            return False
        told = instruction_of(made, made.quantity, alone=True)
        found = decided(made, price=self._price(95, 105))
        self.add(requested(made), msgspec.structs.replace(found, instruction=told))
        return True

    def split(self) -> bool:
        symbol = self.chance.choice(SYMBOLS)
        held = self.book.position(symbol)
        parts = [part for (_, of), part in self.book.by_strategy.items() if of == symbol and part.quantity]
        if not held or not parts:
            return False
        activity = posted(
            f"a-{self.chain.sequence}",
            ActivityKind.SPLIT,
            symbol=symbol,
            quantity=held * self.chance.choice((1, 2, D("-0.5"))),
            amount=D(self.chance.choice((0, 0, 7))),
        )
        self.add(PositionAdjusted(symbol=symbol, activities=(activity,)))
        return True

    def mark(self) -> bool:
        symbol = self.chance.choice(SYMBOLS)
        self.prices[symbol] = self._price(85, 115)
        self.valued.see(symbol)
        return True

    def unmark(self) -> bool:
        symbol = self.chance.choice(SYMBOLS)
        self.valued.see(symbol)
        return self.prices.pop(symbol, None) is not None

    def _asked(self, **changes: Any) -> Proposal:
        self.number += 1
        return proposal(self.number, **({"quantity": D(self.chance.randint(1, 20))} | changes))

    def _accept(self, order_id: OrderId) -> None:
        if self.chance.random() < 0.8:
            order = self.book.orders.by_id[order_id]
            legs = {leg.role: ProtectiveLeg(leg.id, BrokerOrderId(f"b-{leg.id}")) for leg in order.protection}
            name = BrokerOrderId(f"b-{order_id}")
            stop, target = legs.get(Role.STOP), legs.get(Role.TARGET)
            self.add(Accepted(order_id, name, at(1), stop, target))

    def _order(self, wanted: Any) -> Order | None:
        found = [order for order in self.book.orders.by_id.values() if wanted(order)]
        return self.chance.choice(found) if found else None

    def _price(self, low: int, high: int) -> Decimal:
        return D(self.chance.randint(low * 100, high * 100)) / 100

    def differences(self) -> dict[str, tuple[object, object]]:
        return differences(self.book, self.valued, self.prices, SYMBOLS)


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 90))
@example(seed=247, length=29)  # more stops than are held, of which one came to rest anew
def test_totals_are_what_a_walk_finds(seed: int, length: int) -> None:
    account = Account(seed)
    for _ in range(length):
        account.go_on()
        assert account.differences() == {}
        exposure = account.valued.gross_of(OURS)
        alone = MarkedBook(account.book, account.prices, Scopes({ALFA: (OURS,)}))
        assert exposure == alone.gross_of(OURS)


def test_such_accounts_are_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the property above proves little: each thing happens, and each way to a loss is taken."""
    done: Counter[str] = Counter()
    loss = Stops.loss

    def counted(stops: Stops, held: Decimal, mark: Decimal) -> Decimal | None:
        found = loss(stops, held, mark)
        how = "by sums" if found is not None else "over-covered" if stops.units > held else "passed"
        done[how] += 1
        return found

    monkeypatch.setattr(Stops, "loss", counted)
    for seed in range(40):
        account = Account(seed)
        for _ in range(60):
            account.go_on()
            account.valued.value()
        done += account.done
        done.update(role.value for role in {order.role for order in account.book.orders.by_id.values()})
    for what in ("enter", "leave", "fill", "move", "replace", "bust", "split", "mark", "unmark"):
        assert done[what] >= 20, done
    for what in ("by sums", "over-covered", "passed", "stop", "target", "exit"):
        assert done[what] >= 10, done


def test_nothing_is_left_when_all_has_ended() -> None:
    account = Account(1)
    for _ in range(60):
        account.go_on()
    for order in list(account.book.orders.open_orders()):
        for trigger in (Trigger.WITHHOLD, Trigger.CANCEL):
            if next_state(order.state, trigger) is not None:
                account.book.orders.advance(order.id, trigger, at(1))
    totals = account.book.orders.totals
    assert list(account.book.orders.open_orders()) == []
    assert [totals.working(symbol) for symbol in SYMBOLS] == [NOTHING, NOTHING]
    assert [totals.stops(symbol, is_long=long) for symbol in SYMBOLS for long in (True, False)] == [None] * 4
    assert str(totals.loss()) == "0"


def test_reading_walks_over_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(1)
    for number in range(1_000, 1_010):
        asked = proposal(number)
        account.add(decided(asked), sending(asked))

    def walked(*_: object) -> NoReturn:
        raise AssertionError("a reading walked over the open orders")

    monkeypatch.setattr(OrderLedger, "open_in", walked)
    monkeypatch.setattr(OrderLedger, "open_orders", walked)
    account.fill()
    book = account.book
    assert (book.working(ALFA).awaiting, book.covered(ALFA)) == (10, D(0))
    assert book.orders.totals.loss() > 0
    assert book.reducible(ALFA, cancels_protection=False) == 0
    assert book.is_opposed(ALFA, D(-1))
    assert account.valued.value().equity is None
