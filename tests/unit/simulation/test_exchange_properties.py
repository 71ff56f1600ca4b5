"""What must hold whatever is asked and however the market moves."""

from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    BarSeen,
    CancelAsked,
    FeePosted,
    FillPosted,
    HaltSeen,
    Input,
    OrderChanged,
    OrderSubmitted,
    Outcome,
    Session,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.ledger import CASH
from agenttrader.simulation.listings import DOLLAR, Listing
from agenttrader.simulation.orders import (
    OrderClass,
    OrderType,
    Side,
    Status,
    StopLoss,
    Submission,
    TimeInForce,
)

SYMBOLS = ("ABC", "XYZ")
SETTINGS = Settings(
    start=Instant(0),
    listings=tuple(Listing(symbol=symbol, tick=Decimal("0.01"), lot=Decimal(1)) for symbol in SYMBOLS),
    accounts=(
        AccountOpening(name="long", cash=Decimal(5_000), shorting=False),
        AccountOpening(name="short", cash=Decimal(5_000), shorting=True),
    ),
    sessions=(
        Session(date="2026-11-20", open=Instant(2 * MINUTE), close=Instant(8 * MINUTE)),
        Session(date="2026-11-21", open=Instant(10 * MINUTE), close=Instant(18 * MINUTE)),
    ),
    fees=FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal("8.30")),
    market_reserve_percent=3,
)
PRICE = st.integers(90, 110).map(Decimal)


@st.composite
def submissions(draw: st.DrawFn) -> Submission:
    order_type = draw(st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP]))
    exits = draw(st.none() | st.tuples(PRICE, PRICE))
    return Submission(
        client_order_id=draw(st.sampled_from([None, None, "a", "b", "c"])),
        symbol=draw(st.sampled_from(SYMBOLS)),
        side=draw(st.sampled_from(Side)),
        type=order_type,
        time_in_force=draw(st.sampled_from([TimeInForce.DAY, TimeInForce.GTC])),
        quantity=Decimal(draw(st.integers(1, 30))),
        limit_price=draw(PRICE) if order_type is OrderType.LIMIT else None,
        stop_price=draw(PRICE) if order_type is OrderType.STOP else None,
        order_class=OrderClass.SIMPLE if exits is None else OrderClass.BRACKET,
        target=None if exits is None else exits[0],
        stop_loss=None if exits is None else StopLoss(stop=exits[1]),
    )


@st.composite
def inputs(draw: st.DrawFn) -> list[Input]:
    """Minutes of bars, some missing and some told twice, a halt perhaps, the watermark, then requests."""
    told: list[Input] = []
    for minute in range(draw(st.integers(1, 18))):
        start, end = Instant(minute * MINUTE), Instant((minute + 1) * MINUTE)
        for symbol in draw(st.sampled_from([SYMBOLS, SYMBOLS[:1], SYMBOLS[::-1], ()])):
            low, *inside, high = sorted(draw(st.lists(PRICE, min_size=4, max_size=4)))
            bar = BarSeen(
                symbol=symbol,
                start=start,
                end=end,
                open=inside[0],
                high=high,
                low=low,
                close=inside[1],
                volume=Decimal(1_000),
            )
            told += [bar] * draw(st.sampled_from([1, 1, 1, 2]))
        if draw(st.integers(0, 5)) == 0:
            halted = draw(st.booleans())
            told.append(HaltSeen(symbol=draw(st.sampled_from(SYMBOLS)), time=end, halted=halted))
        told.append(WatermarkSeen(time=end))
        for _ in range(draw(st.integers(0, 3))):
            account = draw(st.sampled_from(["long", "short"]))
            if draw(st.integers(0, 4)):
                told.append(OrderSubmitted(account=account, submission=draw(submissions())))
            else:
                told.append(CancelAsked(account=account, order_id=f"#{draw(st.integers(0, 9))}"))
    return told


def play(exchange: Exchange, told: list[Input]) -> list[tuple[Input, Outcome]]:
    """Tell the exchange; a cancel of `#n` means the account's n-th order, where it has one."""
    done = []
    for each in told:
        resolved = each
        if isinstance(each, CancelAsked):
            orders = list(exchange.books.all_of(each.account))
            number = int(each.order_id[1:])
            if number < len(orders):
                resolved = CancelAsked(account=each.account, order_id=orders[number].id)
        done.append((resolved, exchange.handle(resolved)))
    return done


@settings(max_examples=75, deadline=None)
@given(inputs())
def test_the_books_balance_after_every_input(told: list[Input]) -> None:
    exchange = Exchange(SETTINGS)
    books = exchange.books
    for each in told:
        play(exchange, [each])
        for asset in (CASH, *SYMBOLS):
            assert sum(assets[asset] for assets in books.ledger.balances.values()) == 0
        for symbol in SYMBOLS:
            assert books.ledger.lots("long", symbol) >= 0
            if books.ledger.lots("long", symbol):
                assert books.shortage("long", symbol).available >= 0
    for account in exchange.accounts:
        fills = [each.order for each in exchange.activities[account] if isinstance(each, FillPosted)]
        fees = sum(each.femtos for each in exchange.activities[account] if isinstance(each, FeePosted))
        spent = 0
        held: Counter[str] = Counter()
        for order in fills:
            assert order.execution is not None
            held[order.symbol] += order.lots * order.side.sign
            spent += (
                books.listings[order.symbol].notional(order.execution.price, order.lots) * order.side.sign
            )
        assert books.ledger.cash(account) == 5_000 * DOLLAR - spent - fees
        assert all(books.ledger.lots(account, symbol) == held[symbol] for symbol in SYMBOLS)


@settings(max_examples=75, deadline=None)
@given(inputs())
def test_what_is_looked_up_is_what_a_search_of_every_order_finds(told: list[Input]) -> None:
    exchange = Exchange(SETTINGS)
    books = exchange.books
    for each in told:
        play(exchange, [each])
    for account in exchange.accounts:
        open_orders = [order for order in books.all_of(account) if order.status.is_open]
        assert books.open_of(account) == open_orders
        assert books.reserved(account) == sum(
            books.needed(order)
            for order in open_orders
            if order.entry is None and books.opens(account, order.symbol, order.side)
        )
        assert books.short_value(account) == sum(min(books.value(account, symbol), 0) for symbol in SYMBOLS)
        for symbol in SYMBOLS:
            assert books.open_of(account, symbol) == [each for each in open_orders if each.symbol == symbol]
            assert books.available(account, symbol) == books.shortage(account, symbol).available
        assert all(
            books.by_client_order_id(account, order.client_order_id) == order
            for order in books.all_of(account)
        )


@settings(max_examples=75, deadline=None)
@given(inputs())
def test_fills_lie_inside_their_bar_after_acceptance_and_once_for_each_order(told: list[Input]) -> None:
    exchange = Exchange(SETTINGS)
    filled: set[str] = set()
    for each, outcome in play(exchange, told):
        for update in outcome.updates:
            if not isinstance(update, OrderChanged) or update.order.status is not Status.FILLED:
                continue
            order = update.order
            assert isinstance(each, BarSeen)
            assert order.execution is not None
            listing = exchange.books.listings[order.symbol]
            assert each.low <= listing.price(order.execution.price) <= each.high
            assert order.accepted_at <= order.eligible_from <= each.start
            assert order.execution.time == each.end
            if order.limit is not None:
                assert order.execution.price * order.side.sign <= order.limit * order.side.sign
            assert order.id not in filled
            filled.add(order.id)


@settings(max_examples=50, deadline=None)
@given(inputs())
def test_of_a_brackets_legs_at_most_one_fills_and_never_without_its_entry(told: list[Input]) -> None:
    exchange = Exchange(SETTINGS)
    play(exchange, told)
    for account in exchange.accounts:
        for order in exchange.books.all_of(account):
            legs = [leg.status for leg in exchange.books.legs_of(order)]
            assert legs.count(Status.FILLED) <= 1
            if legs and order.status is not Status.FILLED:
                assert Status.NEW not in legs
                assert Status.FILLED not in legs
            if order.status in {Status.CANCELED, Status.EXPIRED}:
                assert not any(leg.is_open for leg in legs)


@settings(max_examples=50, deadline=None)
@given(inputs())
def test_what_was_applied_replayed_is_the_same_exchange(told: list[Input]) -> None:
    original = Exchange(SETTINGS)
    history = [(each, outcome) for each, outcome in play(original, told) if outcome.applied]
    again = Exchange(SETTINGS)
    assert [again.handle(each) for each, _ in history] == [outcome for _, outcome in history]
    assert state(again) == state(original)


@settings(max_examples=50, deadline=None)
@given(inputs())
def test_an_account_is_filled_as_if_it_were_alone(told: list[Input]) -> None:
    together, alone = Exchange(SETTINGS), Exchange(SETTINGS)
    play(together, told)
    play(alone, [each for each in told if getattr(each, "account", "long") == "long"])
    assert list(together.books.all_of("long")) == list(alone.books.all_of("long"))
    assert together.activities["long"] == alone.activities["long"]
    assert together.books.ledger.cash("long") == alone.books.ledger.cash("long")


def state(exchange: Exchange) -> Any:
    return (
        exchange.books.orders,
        exchange.books.ledger.balances,
        exchange.books.marks,
        exchange.activities,
        exchange.clock,
        exchange.watermark,
        exchange.equity_at_close,
    )
