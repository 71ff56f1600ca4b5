"""The book folds records into money: cash, positions, profit, exposure, and a dead machine's loss."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agenttrader.model.activities import ActivityKind
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.events import (
    Accepted,
    AccountOpened,
    Busted,
    Canceled,
    CancelRequested,
    CashPosted,
    Event,
    FeesPosted,
    Filled,
    Halted,
    PastIncluded,
    PositionAdjusted,
    Rejected,
)
from agenttrader.model.identifiers import BrokerOrderId, ExecutionId, OrderId, StrategyName, Symbol
from agenttrader.model.instructions import ProtectiveLeg
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Role, Side
from agenttrader.model.records import Chain
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.marked_book import MarkedBook, Valuation
from agenttrader.portfolio.orders import Order, protective_id
from agenttrader.runtime.instructions import instruction_of
from agenttrader.testing.builders import (
    ALFA,
    BRAVO,
    MULTIPLIERS,
    STRATEGY,
    at,
    decided,
    posted,
    proposal,
    sending,
)

D = Decimal
cents = st.integers(-900, 900).map(lambda cents: D(cents) / 100)


class Fold:
    """A book, and the chain that its records come from."""

    def __init__(self, cash: int = 100_000) -> None:
        self.book = Book(MULTIPLIERS)
        self.chain = Chain()
        self.add(AccountOpened(cash=D(cash)))

    def add(self, *events: Event) -> None:
        for event in events:
            self.book.apply(self.chain.seal(event, at(1)))

    def fill(self, order_id: OrderId, quantity: int | str, price: int | str, **changes: Any) -> None:
        order = self.book.orders.by_id[order_id]
        fields: dict[str, Any] = {
            "order_id": order_id,
            "execution_id": ExecutionId(f"e-{len(self.book.executions) + 1}"),
            "symbol": order.legs[0].symbol,
            "side": order.side,
            "quantity": D(quantity),
            "price": D(price),
            "fee": D(0),
            "time": at(1),
        }
        self.add(Filled(**(fields | changes)))

    def send(self, entry: Proposal) -> OrderId:
        self.add(decided(entry), sending(entry))
        return entry.id

    def bracket(self, number: int = 1, **changes: Any) -> OrderId:
        """An accepted entry with its stop at 95 and its target at 110."""
        entry = self.send(proposal(number, **changes))
        legs = {
            leg.role: ProtectiveLeg(leg.id, BrokerOrderId(f"b-{leg.id}"))
            for leg in self.book.orders.by_id[entry].protection
        }
        self.add(
            Accepted(
                order_id=entry,
                broker_order_id=BrokerOrderId(f"b-{entry}"),
                time=at(1),
                stop=legs.get(Role.STOP),
                target=legs.get(Role.TARGET),
            )
        )
        return entry

    def value(self, **marks: int) -> Valuation:
        return MarkedBook(self.book, self._marks(marks)).value()

    def dead(self, **marks: int) -> Decimal:
        return MarkedBook(self.book, self._marks(marks)).dead_machine_loss()

    def reducible(self, symbol: Symbol, *, cancels_protection: bool = False) -> Decimal:
        return self.book.reducible(symbol, cancels_protection=cancels_protection)

    @staticmethod
    def _marks(marks: dict[str, int]) -> dict[Symbol, Decimal]:
        return {Symbol(symbol): D(mark) for symbol, mark in marks.items()}


SHORT: dict[str, Any] = {"side": Side.SELL, "exit_plan": ExitPlan(stop=D(105), target=D(90))}


def exit_of(quantity: int, number: int = 50, **changes: Any) -> Proposal:
    fields: dict[str, Any] = {"side": Side.SELL, "effect": Effect.REDUCE, "exit_plan": None}
    return proposal(number, quantity=D(quantity), **(fields | changes))


# Money.


def test_the_account_opens_with_the_brokers_cash() -> None:
    book = Book(MULTIPLIERS)
    assert (book.is_open, book.cash) == (False, D(0))
    fold = Fold(cash=5_000)
    assert (fold.book.is_open, fold.book.cash) == (True, D(5_000))


def test_a_round_trip_moves_cash_by_profit_less_fees() -> None:
    fold = Fold()
    entry = fold.bracket()
    fold.fill(entry, 10, 100, fee=D("0.01"))
    assert fold.book.cash == D("98999.99")
    assert fold.book.position(ALFA) == 10
    fold.fill(fold.send(exit_of(10)), 10, 104, fee=D("0.03"))
    assert fold.book.cash == D("100039.96")
    assert (fold.book.realised, fold.book.fees) == (D(40), D("0.04"))
    assert fold.book.positions() == {}


def test_profit_is_kept_by_strategy_and_symbol_and_a_leg_counts_to_its_entrys() -> None:
    fold = Fold()
    first = fold.bracket(1)
    fold.fill(first, 10, 100)
    other = StrategyName("other")
    fold.fill(fold.bracket(2, strategy=other, quantity=D(4)), 4, 102)
    fold.fill(protective_id(first, Role.STOP), 10, 95)
    momentum, others = fold.book.by_strategy[STRATEGY, ALFA], fold.book.by_strategy[other, ALFA]
    assert (momentum.quantity, momentum.realised) == (D(0), D(-50))
    assert (others.quantity, others.cost) == (D(4), D(408))
    assert fold.book.holdings[ALFA].quantity == 4


def test_value_adds_up_exposure_and_profit_over_symbols() -> None:
    fold = Fold()
    fold.fill(fold.bracket(1), 10, 100)
    fold.fill(fold.bracket(2, legs=(Leg(BRAVO),), **SHORT), 10, 100)
    value = fold.value(ALFA=103, BRAVO=104)
    assert value == Valuation(
        equity=D(99_990), gross_exposure=D(2_070), net_exposure=D(-10), unrealised=D(-10)
    )


def test_without_a_mark_a_position_shows_at_cost_and_nobody_knows_the_equity() -> None:
    fold = Fold()
    fold.fill(fold.bracket(1), 10, 100)
    fold.fill(fold.bracket(2, legs=(Leg(BRAVO),)), 10, 50)
    value = fold.value(ALFA=103)
    assert value == Valuation(equity=None, gross_exposure=D(1_530), net_exposure=D(1_530), unrealised=D(30))
    assert fold.dead(ALFA=103) == fold.dead(ALFA=103, BRAVO=50)


def test_what_is_flat_needs_no_mark() -> None:
    fold = Fold()
    entry = fold.bracket()
    fold.fill(entry, 10, 100)
    fold.fill(protective_id(entry, Role.TARGET), 10, 110)
    assert fold.value().equity == D(100_100)


def test_a_spread_trades_each_of_its_symbols() -> None:
    fold = Fold()
    order = fold.send(proposal(legs=(Leg(ALFA, 1), Leg(BRAVO, -2)), exit_plan=None))
    fold.fill(order, 10, 100)
    fold.fill(order, 20, 30, symbol=BRAVO, side=Side.SELL)
    assert (fold.book.position(ALFA), fold.book.position(BRAVO)) == (D(10), D(-20))
    assert fold.book.cash == D(99_600)


def test_a_busted_fill_is_as_if_it_had_never_been() -> None:
    fold = Fold()
    entry = fold.bracket()
    fold.fill(entry, 4, 100, fee=D("0.02"))
    made = fold.book.executions[ExecutionId("e-1")].time
    fold.add(Busted(order_id=entry, execution_id=ExecutionId("e-1"), time=at(1)))
    assert (fold.book.cash, fold.book.fees, fold.book.position(ALFA)) == (D(100_000), D(0), D(0))
    assert (fold.book.executions, fold.book.busted) == ({}, {"e-1": made})
    assert fold.book.orders.by_id[entry].remaining == 10


def test_posted_fees_take_the_place_of_the_estimates_of_fills_up_to_then() -> None:
    fold = Fold()
    fold.fill(fold.bracket(), 10, 100, fee=D("0.01"))
    fold.fill(fold.send(exit_of(4)), 4, 100, fee=D("0.03"), time=at(2))
    assert (fold.book.cash, fold.book.posted_cash) == (D("99399.96"), D(99_400))
    fold.add(FeesPosted(activities=(posted("a-1", amount=D("-0.005"), time=at(1)),)))
    assert (fold.book.cash, fold.book.posted_cash, fold.book.fees) == (
        D("99399.965"),
        D("99399.995"),
        D("0.035"),
    )
    fold.add(FeesPosted(activities=(posted("a-2", time=at(2)), posted("a-3", amount=D("0.01"), time=at(1)))))
    assert fold.book.cash == fold.book.posted_cash == D("99399.985")
    assert (fold.book.fees, fold.book.activities) == (D("0.015"), {"a-1", "a-2", "a-3"})


def test_a_fee_that_was_posted_stays_where_its_fill_is_taken_back() -> None:
    fold = Fold()
    fold.fill(fold.bracket(), 10, 100, fee=D("0.01"))
    (name,) = fold.book.executions
    fold.add(FeesPosted(activities=(posted("a-1", time=at(1)),)))
    fold.add(Busted(order_id=fold.book.executions[name].order_id, execution_id=name, time=at(2)))
    assert (fold.book.cash, fold.book.fees) == (D("99999.98"), D("0.02"))


def test_a_transfer_is_a_flow_and_dividends_and_interest_are_income() -> None:
    fold = Fold()
    fold.add(
        CashPosted(activity=posted("a-1", ActivityKind.DIVIDEND, amount=D(5), symbol=ALFA)),
        CashPosted(activity=posted("a-2", ActivityKind.INTEREST, amount=D(-2))),
        CashPosted(activity=posted("a-3", ActivityKind.TRANSFER, amount=D(1_000))),
    )
    assert (fold.book.cash, fold.book.income, fold.book.flows) == (D(101_003), D(3), D(1_000))


def test_what_was_posted_before_the_account_opened_is_known_and_counts_no_more() -> None:
    book, chain = Book(MULTIPLIERS), Chain()
    transfer = posted("a-1", ActivityKind.TRANSFER, amount=D(5))
    for event in (PastIncluded(activities=(transfer,)), AccountOpened(cash=D(5))):
        book.apply(chain.seal(event, at(1)))
    assert (book.cash, book.flows, book.activities) == (D(5), D(0), {"a-1"})


def split(quantity: str, cash: str = "0") -> PositionAdjusted:
    activity = posted("a-9", ActivityKind.SPLIT, symbol=ALFA, quantity=D(quantity), amount=D(cash))
    return PositionAdjusted(symbol=ALFA, activities=(activity,))


def test_a_split_changes_each_strategys_part_as_the_whole() -> None:
    fold = Fold()
    other = StrategyName("other")
    for number, (strategy, quantity) in enumerate(((STRATEGY, 10), (other, 20)), start=1):
        entry = proposal(number, strategy=strategy, quantity=D(quantity))
        fold.fill(fold.send(entry), quantity, 70)
    fold.add(split("180"))
    assert fold.book.holdings[ALFA].average_price() == 10
    assert fold.book.position(ALFA) == 210
    parts = [fold.book.by_strategy[strategy, ALFA].quantity for strategy in (STRATEGY, other)]
    assert parts == [70, 140]
    assert fold.value(ALFA=10).equity == 100_000


@given(st.lists(st.integers(-50, 50).filter(bool), min_size=1, max_size=4), st.integers(-20, 200), cents)
def test_however_a_split_divides_the_parts_stay_the_whole_and_nothing_is_lost(
    quantities: list[int], change: int, cash: Decimal
) -> None:
    fold = Fold()
    for number, quantity in enumerate(quantities, start=1):
        side = Side.BUY if quantity > 0 else Side.SELL
        entry = proposal(number, strategy=StrategyName(f"s-{number}"), side=side, quantity=D(abs(quantity)))
        fold.fill(fold.send(entry), abs(quantity), 30)
    before = fold.book.position(ALFA)
    assume(before and (before + change) * before >= 0)
    fold.add(split(str(change), str(cash)))
    whole, parts = fold.book.holdings[ALFA], list(fold.book.by_strategy.values())
    assert sum(part.quantity for part in parts) == whole.quantity == before + change
    assert sum(part.cost + part.realised * -1 for part in parts) == whole.cost - whole.realised
    assert fold.book.cash + whole.cost - whole.realised == 100_000


def test_a_fill_in_an_instrument_that_is_not_configured_says_what_to_do() -> None:
    fold = Fold()
    entry = fold.bracket()
    assert fold.book.can_hold(ALFA)
    assert not fold.book.can_hold(Symbol("ZULU"))
    with pytest.raises(ConfigurationError, match="expected ZULU, in which the journal holds fills"):
        fold.fill(entry, 1, 1, symbol=Symbol("ZULU"))


def test_events_about_something_else_change_nothing() -> None:
    fold = Fold()
    fold.add(Halted(scope=EVERYTHING, state=TradingState.HALTED, by="ada", reason="lunch"))
    assert (fold.book.cash, fold.book.orders.by_id) == (D(100_000), {})


# What may be reduced.


def test_a_stop_and_a_target_of_one_entry_take_its_quantity_once() -> None:
    fold = Fold()
    fold.fill(fold.bracket(), 10, 100)
    assert fold.reducible(ALFA) == 0
    assert fold.reducible(ALFA, cancels_protection=True) == 10


def test_pairs_of_several_entries_add_up() -> None:
    fold = Fold()
    fold.fill(fold.bracket(1), 10, 100)
    fold.fill(fold.bracket(2, exit_plan=None, quantity=D(6)), 6, 100)
    assert fold.reducible(ALFA) == 6
    fold.fill(fold.bracket(3, quantity=D(3)), 3, 100)
    assert fold.reducible(ALFA) == 6
    assert fold.book.working(ALFA).protecting == 13


def test_held_protection_takes_nothing_yet() -> None:
    fold = Fold()
    entry = fold.bracket()
    fold.fill(entry, 4, 100)
    assert fold.book.working(ALFA).protecting == 0
    # The legs will be armed for the whole entry, so nothing may be taken off until it has filled or ended.
    assert fold.reducible(ALFA) == 0
    assert fold.reducible(ALFA, cancels_protection=True) == 4


@pytest.mark.parametrize(("effect", "closable"), ((Effect.REDUCE, 10), (Effect.CLOSE, 3)))
def test_an_exit_under_way_takes_its_remainder_from_exits_and_only_a_close_from_a_close(
    effect: Effect, closable: int
) -> None:
    fold = Fold()
    fold.fill(fold.bracket(exit_plan=None), 10, 100)
    leaving = fold.send(exit_of(7, effect=effect))
    assert fold.reducible(ALFA) == 3
    assert fold.reducible(ALFA, cancels_protection=True) == closable
    fold.fill(leaving, 5, 100)
    assert fold.reducible(ALFA) == 3
    fold.add(Rejected(order_id=fold.send(exit_of(3, 51)), time=at(1), reason="no"))
    assert fold.reducible(ALFA) == 3


def test_an_exit_of_several_units_a_leg_takes_them_all() -> None:
    fold = Fold()
    fold.fill(fold.bracket(1, exit_plan=None), 10, 100)
    fold.fill(fold.bracket(2, legs=(Leg(BRAVO),), quantity=D(30), exit_plan=None), 30, 20)
    fold.send(exit_of(4, legs=(Leg(ALFA, 1), Leg(BRAVO, 3))))
    assert (fold.reducible(ALFA), fold.reducible(BRAVO)) == (D(6), D(18))


def test_entries_take_nothing_off_and_are_counted_on_their_side() -> None:
    fold = Fold()
    fold.fill(fold.bracket(1, exit_plan=None), 10, 100)
    fold.bracket(2, quantity=D(5))
    working = fold.book.working(ALFA)
    assert (working.buys, working.sells, working.closing, working.protecting) == (D(5), D(5), D(0), D(0))
    assert fold.reducible(ALFA, cancels_protection=True) == 10


def test_an_entry_is_opposed_while_one_the_other_way_or_its_protection_works() -> None:
    fold = Fold()
    assert not fold.book.is_opposed(ALFA, D(-1))
    entry = fold.bracket()
    assert fold.book.is_opposed(ALFA, D(-1))
    assert not fold.book.is_opposed(ALFA, D(1))
    assert not fold.book.is_opposed(BRAVO, D(-1))
    fold.fill(entry, 10, 100)
    assert fold.book.is_opposed(ALFA, D(-1))
    for role in (Role.STOP, Role.TARGET):
        assert fold.book.is_opposed(ALFA, D(-1))
        fold.add(Canceled(order_id=protective_id(entry, role), time=at(1), reason="why"))
    assert not fold.book.is_opposed(ALFA, D(-1))
    fold.send(exit_of(10))
    assert not fold.book.is_opposed(ALFA, D(1))


def test_a_spread_opposes_by_each_leg() -> None:
    fold = Fold()
    fold.bracket(legs=(Leg(ALFA, 1), Leg(BRAVO, -2)), exit_plan=ExitPlan(stop=D(-95)))
    assert fold.book.is_opposed(ALFA, D(-1))
    assert fold.book.is_opposed(BRAVO, D(1))
    assert not fold.book.is_opposed(BRAVO, D(-1))


def test_a_spread_works_on_the_other_side_of_its_negative_leg() -> None:
    fold = Fold()
    fold.send(proposal(legs=(Leg(ALFA, 1), Leg(BRAVO, -2)), exit_plan=None))
    assert fold.book.working(ALFA).buys == 10
    assert (fold.book.working(BRAVO).buys, fold.book.working(BRAVO).sells) == (D(0), D(20))


def test_more_working_than_held_leaves_nothing_rather_than_less() -> None:
    fold = Fold()
    fold.fill(fold.bracket(exit_plan=None), 4, 100)
    fold.send(exit_of(7))
    assert fold.reducible(ALFA) == 0


# What a dead machine would lose.


def test_protected_long_loses_down_to_its_stop() -> None:
    fold = Fold()
    fold.fill(fold.bracket(), 10, 100)
    assert fold.dead(ALFA=103) == 80
    assert fold.dead(ALFA=94) == 0


def test_protected_short_loses_up_to_its_stop() -> None:
    fold = Fold()
    fold.fill(fold.bracket(**SHORT), 10, 100)
    assert fold.dead(ALFA=98) == 70
    assert fold.dead(ALFA=106) == 0


def test_what_is_unprotected_counts_whole() -> None:
    fold = Fold()
    fold.fill(fold.bracket(1), 10, 100)
    fold.fill(fold.bracket(2, exit_plan=None, quantity=D(4)), 4, 100)
    assert fold.dead(ALFA=103) == 80 + 4 * 103


def test_held_legs_and_targets_protect_nothing() -> None:
    fold = Fold()
    fold.fill(fold.bracket(1), 6, 100)
    assert fold.dead(ALFA=100) == 600
    fold.fill(fold.bracket(2, legs=(Leg(BRAVO),), exit_plan=ExitPlan(target=D(110))), 10, 100)
    assert fold.dead(ALFA=100, BRAVO=100) == 1_600


def test_a_stop_that_was_asked_to_end_protects_nothing() -> None:
    fold = Fold()
    entry = fold.bracket()
    fold.fill(entry, 10, 100)
    stop = fold.book.orders.by_id[protective_id(entry, Role.STOP)]
    assert stop.broker_id is not None
    fold.add(CancelRequested(order_id=stop.id, broker_order_id=stop.broker_id, by="ada", reason="why"))
    assert fold.dead(ALFA=100) == 1_000


def test_more_stops_than_position_cover_no_more_than_the_position() -> None:
    fold = Fold()
    fold.fill(fold.bracket(1), 10, 100)
    fold.fill(fold.bracket(2), 10, 100)
    fold.fill(fold.send(exit_of(15)), 15, 100)
    assert fold.dead(ALFA=100) == 25


def test_what_does_not_face_the_position_protects_nothing() -> None:
    fold = Fold()
    fold.fill(fold.bracket(1), 10, 100)
    plan = ExitPlan(stop=D(105), target=D(90))
    fold.fill(fold.bracket(2, side=Side.SELL, quantity=D(4), exit_plan=plan), 4, 100)
    of_the_long = (protective_id(proposal(1).id, Role.STOP), protective_id(proposal(1).id, Role.TARGET))
    assert tuple(leg.id for leg in fold.book.protection(ALFA)) == of_the_long
    assert fold.dead(ALFA=103) == 6 * 8
    fold.fill(fold.send(exit_of(6)), 6, 100)
    assert fold.book.protection(ALFA) == ()


def test_a_stop_at_a_net_price_protects_no_single_leg() -> None:
    fold = Fold()
    order = fold.bracket(legs=(Leg(ALFA, 1), Leg(BRAVO, -1)), exit_plan=ExitPlan(stop=D(95)))
    fold.fill(order, 10, 100)
    fold.fill(order, 10, 2, symbol=BRAVO, side=Side.SELL)
    assert fold.dead(ALFA=100, BRAVO=2) == 1_020


# Whatever is traded.


trades = st.lists(
    st.tuples(
        st.sampled_from([ALFA, BRAVO]),
        st.sampled_from(Side),
        st.decimals("0.0001", 500, places=4),
        st.decimals("0.01", 900, places=4),
        st.decimals(0, 5, places=2),
    ),
    max_size=10,
)


@settings(max_examples=100)
@given(trades=trades, data=st.data())
def test_equity_is_what_it_began_with_and_all_that_was_made_less_fees(
    trades: list[tuple[Symbol, Side, Decimal, Decimal, Decimal]], data: st.DataObject
) -> None:
    fold = Fold()
    for number, (symbol, side, quantity, price, fee) in enumerate(trades):
        order = fold.send(proposal(number, legs=(Leg(symbol),), side=side, quantity=quantity, exit_plan=None))
        fold.fill(order, str(quantity), str(price), fee=fee)
    mark = st.decimals("0.01", 900, places=4)
    value = MarkedBook(fold.book, {ALFA: data.draw(mark), BRAVO: data.draw(mark)}).value()
    book = fold.book
    assert value.equity is not None
    assert value.equity - 100_000 == book.realised + value.unrealised - book.fees
    by_strategy = book.by_strategy.values()
    assert sum(each.realised for each in by_strategy) == book.realised
    assert sum(each.fees for each in by_strategy) == book.fees == sum(trade[4] for trade in trades)


@settings(max_examples=60)
@given(trades=trades, data=st.data())
def test_busting_everything_gives_the_cash_back(
    trades: list[tuple[Symbol, Side, Decimal, Decimal, Decimal]], data: st.DataObject
) -> None:
    fold = Fold()
    for number, (symbol, side, quantity, price, fee) in enumerate(trades):
        order = fold.send(proposal(number, legs=(Leg(symbol),), side=side, quantity=quantity, exit_plan=None))
        fold.fill(order, str(quantity), str(price), fee=fee)
    for fill in data.draw(st.permutations(list(fold.book.executions.values()))):
        fold.add(Busted(order_id=fill.order_id, execution_id=fill.execution_id, time=at(1)))
    assert (fold.book.cash, fold.book.fees, fold.book.positions()) == (D(100_000), D(0), {})


# Exits that rest.


def held_bare(fold: Fold) -> None:
    """A long position of 10 without any protection: its bracket's legs have expired."""
    entry = fold.bracket()
    fold.fill(entry, 10, 100)
    for leg in fold.book.orders.by_id[entry].protection:
        fold.add(Canceled(order_id=leg.id, time=at(1)))


def rest(fold: Fold, asked: Proposal) -> Order:
    """The exit leaves, and the broker has it."""
    told = instruction_of(asked, asked.quantity)
    fold.add(msgspec.structs.replace(decided(asked), instruction=told))
    order = fold.book.orders.by_id[asked.id]
    legs = {leg.role: ProtectiveLeg(leg.id, BrokerOrderId(f"b-{leg.id}")) for leg in order.protection}
    fold.add(
        Accepted(
            order_id=order.id,
            broker_order_id=BrokerOrderId(f"b-{order.id}"),
            time=at(1),
            stop=legs.get(Role.STOP),
        )
    )
    return order


def pair_of(quantity: int, number: int = 60) -> Proposal:
    plan = ExitPlan(stop=D(95))
    return exit_of(quantity, number, type=OrderType.LIMIT, limit_price=D(110), exit_plan=plan)


def stop_of(quantity: int, number: int = 61) -> Proposal:
    return exit_of(quantity, number, type=OrderType.STOP, stop_price=D(96))


def test_a_pair_counts_once_in_what_may_still_be_reduced_and_not_at_all_for_a_close() -> None:
    fold = Fold()
    held_bare(fold)
    assert (fold.reducible(ALFA), fold.book.covered(ALFA)) == (D(10), D(0))
    target = rest(fold, pair_of(6))
    working = fold.book.working(ALFA)
    assert (working.sells, working.protecting, working.closing) == (D(6), D(6), D(0))
    assert (fold.reducible(ALFA), fold.reducible(ALFA, cancels_protection=True)) == (D(4), D(10))
    fold.fill(target.id, 2, 110)
    assert (fold.book.position(ALFA), fold.book.covered(ALFA), fold.reducible(ALFA)) == (D(8), D(4), D(4))
    rest(fold, stop_of(4))
    assert (fold.book.covered(ALFA), fold.reducible(ALFA)) == (D(8), D(0))


def test_what_covers_rests_at_the_broker_and_was_not_asked_to_end() -> None:
    fold = Fold()
    held_bare(fold)
    asked = stop_of(10)
    fold.add(msgspec.structs.replace(decided(asked), instruction=instruction_of(asked, D(10))))
    assert (fold.book.covered(ALFA), fold.reducible(ALFA)) == (D(0), D(0))
    name = BrokerOrderId("b-stop")
    fold.add(Accepted(order_id=asked.id, broker_order_id=name, time=at(1)))
    assert fold.book.covered(ALFA) == 10
    assert fold.book.covered(ALFA, without=fold.book.orders.by_id[asked.id].pair) == 0
    fold.add(CancelRequested(order_id=asked.id, broker_order_id=name, by="who", reason="why"))
    assert (fold.book.covered(ALFA), fold.reducible(ALFA)) == (D(0), D(0))


def test_a_dead_machine_loses_what_lies_above_a_stop_that_rests_alone() -> None:
    fold = Fold()
    held_bare(fold)
    assert fold.dead(ALFA=100) == 1_000
    rest(fold, stop_of(6))
    assert fold.dead(ALFA=100) == 6 * 4 + 4 * 100


@pytest.mark.parametrize(
    ("changes", "mark", "loss"),
    (
        ({"type": OrderType.STOP_LIMIT, "stop_price": D(96), "limit_price": D(94)}, 100, 60),
        ({"type": OrderType.TRAILING_STOP, "trail_price": D(3)}, 100, 30),
        ({"type": OrderType.TRAILING_STOP, "trail_price": D(3)}, 120, 30),
        ({"type": OrderType.TRAILING_STOP, "trail_percent": D(5)}, 120, 60),
        ({"type": OrderType.STOP, "stop_price": D(96)}, 95, 0),
    ),
)
def test_a_dead_machine_loses_down_to_where_a_stop_of_its_kind_leaves(
    changes: dict[str, Any], mark: int, loss: int
) -> None:
    fold = Fold()
    held_bare(fold)
    rest(fold, exit_of(10, **changes))
    assert fold.dead(ALFA=mark) == loss


def test_an_entry_the_other_way_is_opposed_by_an_exit_that_rests() -> None:
    """The stop may still be there when nothing is held any more: told late, or canceled late."""
    fold = Fold()
    held_bare(fold)
    target = rest(fold, pair_of(10))
    fold.fill(target.id, 10, 110)
    assert fold.book.position(ALFA) == 0
    assert fold.book.is_opposed(ALFA, D(-1))
    assert not fold.book.is_opposed(ALFA, D(1))
