"""Whatever is heard: the same inputs give the same bytes, and the records folded are the state."""

from collections import Counter
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import (
    BreakFound,
    CancelRequested,
    Decided,
    Event,
    Replaced,
    ReplaceRefused,
    ReplaceRequested,
    Sending,
)
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.orders import Effect, Role
from agenttrader.model.records import Chain, Sealed
from agenttrader.portfolio.book import Book
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    CASH,
    MULTIPLIERS,
    OPEN,
    at,
    decided,
    proposal,
    rules,
    segment,
)
from agenttrader.testing.hostile_day import HostileDay, folded
from agenttrader.testing.state_dump import dump_state
from agenttrader.testing.walked_totals import differences

seeds = st.integers(0, 2**32)
lengths = st.integers(1, 200)


@settings(max_examples=60)
@given(seed=seeds, length=lengths)
def test_the_records_folded_are_the_live_state(seed: int, length: int) -> None:
    day = HostileDay(seed)
    for _ in range(length):
        day.go_on()
    engine = folded(day.records)
    assert dump_state(engine.state) == dump_state(day.engine.state)
    assert differences(engine.state.book, engine.valued, engine.market.prices, tuple(MULTIPLIERS)) == {}


@settings(max_examples=60)
@given(seed=seeds, length=lengths)
def test_the_same_inputs_give_the_same_bytes(seed: int, length: int) -> None:
    day = HostileDay(seed)
    for _ in range(length):
        day.go_on()
    engine = Engine(rules(), State(MULTIPLIERS), Chain())
    records = list(engine.start(segment(), OPEN).records)
    for received, now in day.heard:
        if isinstance(received, int):
            engine = folded(records)
            records += engine.start(segment(received), now).records
        else:
            records += engine.handle(received, now).records
    assert [record.body for record in records] == [record.body for record in day.records]
    assert [record.hash for record in records] == [record.hash for record in day.records]


@settings(max_examples=80)
@given(seed=seeds, length=lengths)
def test_promises_hold_after_every_input(seed: int, length: int) -> None:
    day = HostileDay(seed)
    left: set[OrderId] = set()
    approved: set[OrderId] = set()
    for _ in range(length):
        window, standing = day.engine.state.standing.window, day.engine.standing()
        covered = {symbol: day.engine.state.book.covered(symbol) for symbol in MULTIPLIERS}
        taken = {symbol: taken_off(day.engine.state.book, symbol) for symbol in MULTIPLIERS}
        step = day.go_on()
        assert_no_replacement_bares(day.engine.state.book, covered, step.records)
        for record in step.records:
            event = record.event
            if isinstance(event, Decided) and event.decision.denied_by is None:
                approved.add(event.proposal.id)
                if event.proposal.effect is Effect.REDUCE:
                    # What comes in the place of an exit takes no more than that did.
                    symbol = event.proposal.symbol
                    before = taken[symbol] if event.proposal.replaces is not None else Decimal(0)
                    assert_no_more_is_taken_than_held(day.engine.state.book, symbol, before)
            if not isinstance(event, Decided | Sending) or event.instruction is None:
                continue
            assert event.order_id in approved, "only what was approved leaves"
            assert event.order_id not in left, "an order leaves once"
            left.add(event.order_id)
            order = day.engine.state.book.orders.by_id[event.order_id]
            for leg in event.instruction.legs if order.effect is Effect.CLOSE else ():
                sold = event.instruction.quantity * leg.ratio * order.side.sign
                held = day.engine.state.book.position(leg.symbol)
                assert held * (held + sold) >= 0, "a close turns no position round"
            if order.adds_risk:
                assert window is not None, "no new risk without a window"
                assert not window.suspended
                assert standing.state is TradingState.ACTIVE
        assert step.sends == [record for record in step.records if is_for_the_broker(record.event)]
        assert_book_adds_up(day.engine.state.book)
        book, valued, prices = day.engine.state.book, day.engine.valued, day.engine.market.prices
        assert differences(book, valued, prices, tuple(MULTIPLIERS)) == {}


def taken_off(book: Book, symbol: Symbol) -> Decimal:
    """All that works to reduce, a pair, and an order and the one in its place, counted once."""
    working = book.working(symbol)
    return working.closing + working.protecting


def assert_no_more_is_taken_than_held(book: Book, symbol: Symbol, before: Decimal) -> None:
    """With an exit approved, all that works to reduce is no more than is held, or than worked `before`."""
    assert taken_off(book, symbol) <= max(abs(book.position(symbol)), before)


def is_for_the_broker(event: Event) -> bool:
    match event:
        case Decided(instruction=instruction):
            return instruction is not None
        case _:
            return isinstance(event, Sending | CancelRequested)


def assert_book_adds_up(book: Book) -> None:
    fills = book.executions.values()
    spent = sum((fill.quantity * fill.price * fill.side.sign + fill.fee for fill in fills), Decimal(0))
    assert book.cash == CASH - spent
    assert book.fees == sum(fill.fee for fill in fills)
    for symbol, holding in book.holdings.items():
        of_symbol = [fill for fill in fills if fill.symbol == symbol]
        assert holding.quantity == sum(fill.quantity * fill.side.sign for fill in of_symbol)
    cost = sum(holding.cost for holding in book.holdings.values())
    assert book.cash + cost == CASH + book.realised - book.fees
    ledger = book.orders
    assert ledger.open_notional_total == sum(order.reserved for order in ledger.by_id.values())
    assert all(order.reserved >= 0 for order in ledger.by_id.values())
    counted = [order for order in ledger.open_orders() if not order.protects and not order.is_replacing]
    assert ledger.open_count_total == len(counted)
    assert_of_two_the_larger_counts(book)
    assert all(count >= 0 for count in ledger.open_count.values())
    assert set(ledger.open_orders()) == {
        order for order in ledger.by_id.values() if not order.state.is_terminal
    }


def assert_of_two_the_larger_counts(book: Book) -> None:
    """An order and the one that is to come in its place reserve what the dearer may cost."""
    for new in book.orders.open_orders():
        old = new.replaces
        if old is None or not new.is_replacing:
            continue
        costs = [each.remaining * each.reserve_price for each in (old, new) if each.adds_risk]
        assert old.reserved + new.reserved == max(costs, default=0)
        assert old.replaced_by is new
        assert new.filled == old.filled


def assert_no_replacement_bares(
    book: Book, before: dict[Symbol, Decimal], records: list[Sealed[Event]]
) -> None:
    """Neither asking for a replacement, nor its coming, takes a stop from what is held."""
    of_replacing = (Decided, ReplaceRequested, Replaced, ReplaceRefused)
    if all(isinstance(record.event, of_replacing) for record in records):
        for symbol, covered in before.items():
            assert book.covered(symbol) >= min(covered, abs(book.position(symbol)))


def test_hostile_days_are_not_idle() -> None:
    """Otherwise the properties above prove little."""
    seen: Counter[str] = Counter()
    for seed in range(110):
        day = HostileDay(seed)
        for _ in range(150):
            day.go_on()
        seen.update(record.kind for record in day.records)
        seen.update(
            f"{made.decision.verdict.value} {made.proposal.effect.value}"
            for made in (record.event for record in day.records)
            if isinstance(made, Decided)
        )
        seen.update(
            f"{made.decision.verdict.value} {'pair' if made.proposal.is_pair else 'resting'}"
            for made in (record.event for record in day.records)
            if isinstance(made, Decided) and made.proposal.role in (Role.STOP, Role.TARGET)
        )
    for kind in (
        *("approved resting", "approved pair"),
        *("approved open", "approved close", "filled.1", "accepted.1", "canceled.1", "answer_lost.1"),
        *("withheld.1", "cancel_requested.1", "window_resumed.1", "break_found.1", "busted.1"),
        *("replace_requested.1", "replaced.1", "replace_refused.1", "break_settled.1"),
    ):
        assert seen[kind] >= 3, f"{kind} in {seen}"


def test_a_dump_tells_states_apart() -> None:
    one, other = State(MULTIPLIERS), State(MULTIPLIERS)
    chain = Chain()
    record = chain.seal(decided(proposal(), denied_by="session"), at(1))
    one.apply(record)
    assert dump_state(one) != dump_state(other)
    other.apply(record)
    assert dump_state(one) == dump_state(other)
    other.book.orders.by_id[proposal().id].filled += 1
    assert dump_state(one) != dump_state(other)
    other.book.orders.by_id[proposal().id].filled -= 1
    broken = Break(kind=BreakKind.CASH, ours="1", theirs="2", sentence="cash differs")
    other.apply(chain.seal(BreakFound(found=broken), at(1)))
    assert dump_state(one) != dump_state(other)
