"""What must hold of options, whatever is asked and however shares and quotes move."""

from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    BarSeen,
    CancelAsked,
    ExerciseAsked,
    FeePosted,
    FillPosted,
    Habits,
    Input,
    InterestPosted,
    OrderChanged,
    OrderSubmitted,
    Outcome,
    PackageSubmitted,
    ReplaceAsked,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.ledger import CASH
from agenttrader.simulation.listings import DOLLAR
from agenttrader.simulation.option_events import OptionPosted
from agenttrader.simulation.option_risk import hundreds_needed
from agenttrader.simulation.orders import (
    Event,
    OptionLeg,
    OrderType,
    PackageSubmission,
    Replacement,
    Side,
    Submission,
    TimeInForce,
)
from agenttrader.simulation.quotes import QuoteSeen
from agenttrader.testing.option_stage import (
    CLOSES,
    CONTRACTS,
    DAY_MINUTES,
    call,
    option_settings,
    put,
    time_of,
)

EXAMPLES = 40
TRADED = (call(95), call(100), call(105), put(95), put(100), call(100, 1), put(95, 1))
"""Few enough that orders meet."""
CASHES = {"a": 3_000, "b": 30_000, "c": 30_000}
MINUTES = (*range(2, 12), CLOSES, *range(DAY_MINUTES + 1, DAY_MINUTES + 8), DAY_MINUTES + CLOSES)


def made(habits: Habits, fees: Decimal) -> Settings:
    """The venue with these habits and every fee at one rate."""
    return option_settings(
        accounts=(
            AccountOpening(name="a", cash=Decimal(CASHES["a"]), shorting=False, options_level=3),
            AccountOpening(name="b", cash=Decimal(CASHES["b"]), shorting=False, options_level=2),
            AccountOpening(name="c", cash=Decimal(CASHES["c"]), shorting=True, options_level=3, multiplier=4),
        ),
        fees=FeeSchedule(
            sec_rate=fees,
            taf_rate=fees,
            taf_cap=Decimal(1),
            cat_rate=fees,
            option_orf_rate=fees,
            option_occ_rate=fees,
            option_occ_cap=Decimal(1),
            option_taf_rate=fees,
        ),
        habits=habits,
    )


WORLDS = st.tuples(
    st.builds(
        Habits,
        pending_seconds=st.sampled_from([0, 0, 90]),
        late_fees=st.booleans(),
        done_for_day=st.booleans(),
    ),
    st.sampled_from([Decimal(0), Decimal("0.01")]),
)
_ACCOUNTS = st.sampled_from(sorted(CASHES))
_SYMBOLS = st.sampled_from(TRADED)
_PRICES = st.integers(1, 59).map(lambda steps: Decimal(steps) / 20)
_SIDES = st.sampled_from(Side)
_TIMES = st.sampled_from((TimeInForce.DAY, TimeInForce.DAY, TimeInForce.GTC))


@st.composite
def _singles(draw: st.DrawFn, *, limits: bool) -> OrderSubmitted:
    is_share = draw(st.integers(0, 4)) == 0
    price = draw(_PRICES if not is_share else st.integers(90, 110).map(Decimal))
    has_limit = limits or draw(st.booleans())
    return OrderSubmitted(
        account=draw(_ACCOUNTS),
        submission=Submission(
            client_order_id=None,
            symbol="ABC" if is_share else draw(_SYMBOLS),
            side=draw(_SIDES),
            type=OrderType.LIMIT if has_limit else OrderType.MARKET,
            time_in_force=draw(_TIMES),
            quantity=Decimal(draw(st.integers(1, 3)) * (100 if is_share else 1)),
            limit_price=price if has_limit else None,
        ),
    )


@st.composite
def _packages(draw: st.DrawFn, *, limits: bool) -> PackageSubmitted:
    symbols = draw(st.lists(_SYMBOLS, min_size=2, max_size=4, unique=True))
    has_limit = limits or draw(st.booleans())
    legs = [
        OptionLeg(
            symbol=symbol, side=draw(_SIDES), ratio=Decimal(1 if place == 0 else draw(st.integers(1, 2)))
        )
        for place, symbol in enumerate(symbols)
    ]
    return PackageSubmitted(
        account=draw(_ACCOUNTS),
        submission=PackageSubmission(
            client_order_id=None,
            type=OrderType.LIMIT if has_limit else OrderType.MARKET,
            time_in_force=draw(_TIMES),
            quantity=Decimal(draw(st.integers(1, 3))),
            limit_price=draw(st.integers(-60, 60).map(lambda steps: Decimal(steps) / 20))
            if has_limit
            else None,
            legs=tuple(legs),
        ),
    )


@st.composite
def _replacements(draw: st.DrawFn) -> ReplaceAsked:
    return ReplaceAsked(
        account=draw(_ACCOUNTS),
        order_id=f"#{draw(st.integers(0, 9))}",
        replacement=Replacement(
            quantity=draw(st.none() | st.integers(1, 4).map(Decimal)),
            limit_price=draw(st.none() | _PRICES),
            time_in_force=draw(st.none() | _TIMES),
        ),
    )


@st.composite
def _quotes(draw: st.DrawFn, time: Instant) -> QuoteSeen:
    low, high = sorted((draw(_PRICES), draw(_PRICES)))
    sizes = st.integers(0, 4).map(Decimal)
    return QuoteSeen(
        symbol=draw(_SYMBOLS), time=time, bid=low, bid_size=draw(sizes), ask=high, ask_size=draw(sizes)
    )


@st.composite
def inputs(draw: st.DrawFn, *, limits: bool = False) -> list[Input]:
    """Minutes of shares that move, quotes, and requests; `#n` is the n-th open order: see `play`."""
    told: list[Input] = []
    for minute in MINUTES[: draw(st.integers(2, len(MINUTES)))]:
        start, end = time_of(minute - 1), time_of(minute)
        price = Decimal(draw(st.integers(85, 115)))
        told.append(
            BarSeen(
                symbol="ABC",
                start=start,
                end=end,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=Decimal(1_000),
            )
        )
        count = draw(st.integers(0, 4))
        told.extend(draw(_quotes(Instant(start + (n + 1) * (MINUTE // 10)))) for n in range(count))
        told.append(WatermarkSeen(time=end))
        for _ in range(draw(st.integers(0, 3))):
            match draw(st.integers(0, 9)):
                case 0:
                    number = draw(st.integers(0, 9))
                    told.append(CancelAsked(account=draw(_ACCOUNTS), order_id=f"#{number}"))
                case 7 | 8:
                    told.append(draw(_replacements()))
                case 9:
                    told.append(ExerciseAsked(account=draw(_ACCOUNTS), symbol=draw(_SYMBOLS)))
                case 1 | 2 | 3:
                    told.append(draw(_singles(limits=limits)))
                case _:
                    told.append(draw(_packages(limits=limits)))
    return told


def play(exchange: Exchange, told: list[Input]) -> list[tuple[Input, Outcome]]:
    done = []
    for each in told:
        resolved = each
        if isinstance(each, CancelAsked | ReplaceAsked):
            orders = exchange.books.open_of(each.account)
            if orders:
                resolved = replace(each, order_id=orders[int(each.order_id[1:]) % len(orders)].id)
        done.append((resolved, exchange.handle(resolved)))
    return done


@settings(max_examples=EXAMPLES, deadline=None)
@given(WORLDS, inputs())
def test_the_books_balance_and_activities_explain_them(
    world: tuple[Habits, Decimal], told: list[Input]
) -> None:
    exchange = Exchange(made(*world))
    books = exchange.books
    for each in told:
        play(exchange, [each])
        for asset in (CASH, "ABC", *CONTRACTS):
            assert sum(assets[asset] for assets in books.ledger.balances.values()) == 0
    for account, began in CASHES.items():
        cash, held = began * DOLLAR, Counter[str]()
        for activity in exchange.activities[account]:
            match activity:
                case FillPosted():
                    signed = activity.execution.lots * activity.order.side.sign
                    held[activity.order.symbol] += signed
                    listing = books.listings[activity.order.symbol]
                    cash -= listing.notional(activity.execution.price, signed)
                case FeePosted() | InterestPosted():
                    cash -= activity.femtos
                case OptionPosted():
                    held[activity.symbol] += activity.lots
                    cash += activity.femtos
                case _:
                    raise AssertionError(activity)
        assert books.ledger.cash(account) == cash
        assert all(books.ledger.lots(account, symbol) == held[symbol] for symbol in ("ABC", *CONTRACTS))


@settings(max_examples=EXAMPLES, deadline=None)
@given(WORLDS, inputs())
def test_no_call_is_ever_uncovered_and_no_shares_behind_it_are_sold(
    world: tuple[Habits, Decimal], told: list[Input]
) -> None:
    exchange = Exchange(made(*world))
    books = exchange.books
    for each in told:
        play(exchange, [each])
        for account in CASHES:
            needed = hundreds_needed(books.options.held(account, "ABC"), ())
            assert needed * 100 <= max(books.ledger.lots(account, "ABC"), 0)
            if books.ledger.lots(account, "ABC"):
                assert books.available(account, "ABC") >= 0


@settings(max_examples=EXAMPLES, deadline=None)
@given(inputs(limits=True))
def test_with_limits_own_cash_always_stands_behind_what_may_be_lost(
    told: list[Input],
) -> None:
    exchange = Exchange(made(Habits(), Decimal(0)))
    for each in told:
        play(exchange, [each])
        for account in ("a", "b"):
            assert exchange.books.ledger.cash(account) >= exchange.books.options.requirement(account)


@settings(max_examples=EXAMPLES, deadline=None)
@given(WORLDS, inputs())
def test_fills_are_at_their_quote_within_their_limit_and_packages_fill_whole(
    world: tuple[Habits, Decimal], told: list[Input]
) -> None:
    exchange = Exchange(made(*world))
    books = exchange.books
    for each in told:
        ((_, outcome),) = play(exchange, [each])
        taken: Counter[tuple[str, str, Side]] = Counter()
        for update in outcome.updates:
            if not isinstance(update, OrderChanged) or update.event not in {Event.FILL, Event.PARTIAL_FILL}:
                continue
            order, execution = update.order, update.execution
            assert execution is not None
            if order.is_package:
                paid = sum(leg.filled_value * leg.side.sign for leg in update.legs)
                assert paid == order.filled_value
                assert all(leg.filled_lots == order.filled_lots * (leg.ratio or 0) for leg in update.legs)
            elif order.is_option:
                assert isinstance(each, QuoteSeen)
                offer = books.options.quotes[order.symbol].offer(order.side) if order.symbol else None
                assert offer is not None
                assert execution.price == offer.price
                taken[order.account, order.symbol, order.side] += execution.lots
                assert taken[order.account, order.symbol, order.side] <= offer.lots
            if order.limit is not None:
                sign = 1 if order.is_package else order.side.sign
                assert execution.price * sign <= order.limit * sign
            assert execution.time > order.accepted_at
    for account in CASHES:
        for order in books.all_of(account):
            assert 0 <= order.filled_lots <= order.lots
            legs = books.legs_of(order)
            assert all(leg.status is order.status for leg in legs)


@settings(max_examples=EXAMPLES, deadline=None)
@given(WORLDS, inputs())
def test_nothing_outlives_its_last_day(world: tuple[Habits, Decimal], told: list[Input]) -> None:
    exchange = Exchange(made(*world))
    play(exchange, told)
    exchange.handle(WatermarkSeen(time=time_of(DAY_MINUTES + CLOSES + 1)))
    for account in CASHES:
        assert exchange.books.options.held(account, "ABC") == []
        assert exchange.books.options.needs(account) == 0
        assert not any(order.is_option for order in exchange.books.open_of(account))


@settings(max_examples=EXAMPLES, deadline=None)
@given(WORLDS, inputs(), _ACCOUNTS)
def test_what_was_applied_replayed_is_the_same_and_accounts_are_alone(
    world: tuple[Habits, Decimal], told: list[Input], name: str
) -> None:
    original, again, alone = Exchange(made(*world)), Exchange(made(*world)), Exchange(made(*world))
    history = [(each, outcome) for each, outcome in play(original, told) if outcome.applied]
    assert [again.handle(each) for each, _ in history] == [outcome for _, outcome in history]
    assert state(again) == state(original)
    play(alone, [each for each in told if getattr(each, "account", name) == name])
    assert list(alone.books.all_of(name)) == list(original.books.all_of(name))
    assert alone.activities[name] == original.activities[name]


def state(exchange: Exchange) -> Any:
    return (
        exchange.books.orders,
        exchange.books.ledger.balances,
        exchange.books.marks,
        exchange.books.options.quotes,
        exchange.activities,
        exchange.clock,
    )
