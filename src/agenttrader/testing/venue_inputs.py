"""Whatever clients may ask of a simulated exchange and a market may do to it, drawn by chance.

Two sessions, the first with hours before and after it; two shares, one of them in fractions, and a coin; an
account that may sell short and one that may not.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import assert_never

from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    BarSeen,
    BustAsked,
    CancelAsked,
    CorrectionAsked,
    FillPosted,
    Habits,
    HaltSeen,
    Input,
    Mishap,
    OrderSubmitted,
    Outcome,
    RejectAsked,
    ReplaceAsked,
    Session,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.listings import AssetClass, Listing
from agenttrader.simulation.orders import (
    OrderClass,
    OrderType,
    Replacement,
    Side,
    StopLoss,
    Submission,
    TimeInForce,
)

CASH = 5_000
SYMBOLS = ("ABC", "XYZ", "COIN/USD")
NIGHT = 18
"""After so many minutes of the first day the second begins, three minutes before its session."""
MINUTES = 34
_DAY = 24 * 60
TRIES_MAX = 1_000
"""How often a list of inputs that fails is tried with fewer: some seconds."""
OPENS, CLOSES = (2, _DAY + 3), (16, _DAY + 16)
"""The minutes of the sessions, long enough for closing orders to be taken."""

_PRICE = st.integers(90, 110).map(Decimal)
_NEAR = st.integers(97, 103).map(Decimal)
_TENTH = Decimal("0.1")
_TWICE_MIDDLE = Decimal(200)
_RESTING = [TimeInForce.DAY, TimeInForce.GTC]
_CLASSES = [each for each in OrderClass if each is not OrderClass.MLEG]
"""Several options at once are not asked for as an order is: see `PackageSubmission`."""


def _time(minute: int) -> Instant:
    return Instant((minute if minute <= NIGHT else minute - NIGHT - 1 + _DAY) * MINUTE)


def venue_settings(habits: Habits, volume_percent: int = 0) -> Settings:
    """The venue, with these habits."""
    return Settings(
        start=_time(0),
        listings=(
            Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1)),
            Listing(symbol="XYZ", tick=Decimal("0.01"), lot=Decimal(1), fractionable=True),
            Listing(
                symbol="COIN/USD",
                tick=Decimal("0.01"),
                lot=Decimal("0.0001"),
                asset_class=AssetClass.CRYPTO,
                fractionable=True,
                shortable=False,
                marginable=False,
            ),
        ),
        accounts=(
            AccountOpening(name="long", cash=Decimal(CASH), shorting=False),
            AccountOpening(name="short", cash=Decimal(CASH), shorting=True),
        ),
        sessions=(
            Session(
                date="2026-11-20",
                open=Instant(OPENS[0] * MINUTE),
                close=Instant(CLOSES[0] * MINUTE),
                early_open=Instant(MINUTE),
                late_close=Instant((CLOSES[0] + 2) * MINUTE),
            ),
            Session(date="2026-11-23", open=Instant(OPENS[1] * MINUTE), close=Instant(CLOSES[1] * MINUTE)),
        ),
        fees=FeeSchedule(
            sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal("8.30")
        ),
        market_reserve_percent=3,
        volume_percent=volume_percent,
        habits=habits,
    )


HABITS = st.builds(
    Habits,
    pending_seconds=st.sampled_from([0, 0, 30]),
    late_fees=st.booleans(),
    done_for_day=st.booleans(),
)
SETTINGS = st.builds(venue_settings, HABITS, st.sampled_from([0, 10]))


@st.composite
def submissions(draw: st.DrawFn) -> Submission:
    """An order of any kind; most of them could be, on one side or the other: see `play`."""
    order_class = draw(st.sampled_from([*[OrderClass.SIMPLE] * 4, *_CLASSES]))
    is_simple = order_class is OrderClass.SIMPLE
    symbol = draw(st.sampled_from(SYMBOLS if is_simple else SYMBOLS[:2]))
    order_type = draw(st.sampled_from(_types(order_class, symbol)))
    time_in_force = draw(st.sampled_from(_times(order_class, order_type, symbol)))
    quantity: Decimal | None = Decimal(draw(st.integers(1, 20)))
    notional = trail_price = trail_percent = None
    is_fraction = is_simple and symbol != "ABC" and time_in_force in {TimeInForce.DAY, TimeInForce.IOC}
    if is_fraction and order_type is not OrderType.TRAILING_STOP:
        by = draw(st.sampled_from(["whole", "fraction", "notional"]))
        quantity = {"whole": quantity, "fraction": Decimal(draw(st.integers(1, 99))) * _TENTH}.get(by)
        notional = Decimal(draw(st.integers(1, 2_000))) if by == "notional" else None
    if order_type is OrderType.TRAILING_STOP:
        trail = Decimal(draw(st.integers(1, 5)))
        trail_price, trail_percent = draw(st.sampled_from([(trail, None), (None, trail)]))
    rests = order_type is OrderType.LIMIT and is_simple and time_in_force in _RESTING
    has_limit = order_type in {OrderType.LIMIT, OrderType.STOP_LIMIT} and order_class is not OrderClass.OCO
    target, stop_loss = draw(_exits(order_class))
    return Submission(
        client_order_id=draw(st.sampled_from([None, None, None, "a", "b"])),
        symbol=symbol,
        side=draw(st.sampled_from(Side)),
        type=order_type,
        time_in_force=time_in_force,
        quantity=quantity,
        notional=notional,
        limit_price=draw(_PRICE if is_simple else _NEAR) if has_limit else None,
        stop_price=draw(_PRICE if is_simple else _NEAR)
        if order_type in {OrderType.STOP, OrderType.STOP_LIMIT}
        else None,
        trail_price=trail_price,
        trail_percent=trail_percent,
        extended_hours=rests and symbol != "COIN/USD" and draw(st.booleans()),
        order_class=order_class,
        target=target,
        stop_loss=stop_loss,
    )


def _types(order_class: OrderClass, symbol: str) -> list[OrderType]:
    if order_class is OrderClass.OCO:
        return [OrderType.LIMIT]
    if symbol == "COIN/USD":
        return [OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_LIMIT]
    if order_class is OrderClass.SIMPLE:
        return list(OrderType)
    return [OrderType.MARKET, OrderType.LIMIT, OrderType.STOP]


def _times(order_class: OrderClass, order_type: OrderType, symbol: str) -> list[TimeInForce]:
    if symbol == "COIN/USD":
        return [TimeInForce.GTC, TimeInForce.IOC] if order_type is OrderType.MARKET else [TimeInForce.GTC]
    if order_class is OrderClass.SIMPLE and order_type in {OrderType.MARKET, OrderType.LIMIT}:
        return [TimeInForce.DAY, *TimeInForce]
    return _RESTING


@st.composite
def _exits(draw: st.DrawFn, order_class: OrderClass) -> tuple[Decimal | None, StopLoss | None]:
    """The exits of somebody who is long; where they are of a short, `play` mirrors them."""
    target = Decimal(draw(st.integers(104, 112)))
    stop = draw(st.integers(88, 96))
    loss = StopLoss(stop=Decimal(stop), limit=draw(st.none() | st.just(Decimal(stop - 1))))
    match order_class:
        case OrderClass.SIMPLE | OrderClass.MLEG:
            return None, None
        case OrderClass.OTO:
            return draw(st.sampled_from([(target, None), (None, loss)]))
        case OrderClass.BRACKET | OrderClass.OCO:
            return target, loss
        case _:
            assert_never(order_class)


_REPLACEMENTS = st.builds(
    Replacement,
    quantity=st.none() | st.integers(1, 30).map(Decimal),
    limit_price=st.none() | _PRICE,
    stop_price=st.none() | _PRICE,
)


@st.composite
def inputs(draw: st.DrawFn, *, with_mishaps: bool = False) -> list[Input]:
    """Minutes of bars, some missing and some told twice, a halt perhaps, the watermark, then requests.

    An order that is to be canceled, replaced or rejected is named by its number, and so is an execution that
    is busted or corrected: see `play`.
    """
    told: list[Input] = []
    for minute in range(draw(st.integers(1, MINUTES))):
        start, end = _time(minute), _time(minute + 1)
        told_of = draw(st.sampled_from([SYMBOLS, SYMBOLS, SYMBOLS[:1], SYMBOLS[::-1], ()]))
        for symbol in told_of if minute != NIGHT else ():
            low, *inside, high = sorted(draw(st.lists(_PRICE, min_size=4, max_size=4)))
            bar = BarSeen(
                symbol=symbol,
                start=start,
                end=end,
                open=inside[0],
                high=high,
                low=low,
                close=inside[1],
                volume=Decimal(draw(st.sampled_from([0, 50, 1_000]))),
            )
            told += [bar] * draw(st.sampled_from([1, 1, 1, 2]))
        if draw(st.integers(0, 5)) == 0:
            halted = draw(st.booleans())
            told.append(HaltSeen(symbol=draw(st.sampled_from(SYMBOLS)), time=end, halted=halted))
        told.append(WatermarkSeen(time=end))
        told += [draw(_requests()) for _ in range(draw(st.integers(0, 3)))]
        if with_mishaps and draw(st.integers(0, 2)) == 0:
            told.append(draw(_mishaps()))
    return told


@st.composite
def _requests(draw: st.DrawFn) -> Input:
    account, number = draw(st.sampled_from(["long", "short"])), f"#{draw(st.integers(0, 9))}"
    match draw(st.integers(0, 6)):
        case 0:
            return CancelAsked(account=account, order_id=number)
        case 1:
            return ReplaceAsked(account=account, order_id=number, replacement=draw(_REPLACEMENTS))
        case _:
            return OrderSubmitted(account=account, submission=draw(submissions()))


@st.composite
def _mishaps(draw: st.DrawFn) -> Mishap:
    number = f"#{draw(st.integers(0, 9))}"
    match draw(st.integers(0, 2)):
        case 0:
            return BustAsked(execution_id=number)
        case 1:
            return CorrectionAsked(execution_id=number, price=draw(_PRICE))
        case _:
            return RejectAsked(order_id=number, message="drawn")


def fewest(told: list[Input], fails: Callable[[list[Input]], bool]) -> list[Input]:
    """What is left of the inputs when those are left out without which it fails too; never many tries."""
    tries, size = 0, len(told) // 2
    while size:
        place = 0
        while place < len(told) and tries < TRIES_MAX:
            fewer = told[:place] + told[place + size :]
            tries += 1
            if fails(fewer):
                told = fewer
            else:
                place += size
        size //= 2
    return told


def play(exchange: Exchange, told: list[Input]) -> list[tuple[Input, Outcome]]:
    """Tell the exchange. `#n` is the n-th open order, or execution; exits and entries go where they could."""
    done = []
    for each in told:
        resolved = each
        if isinstance(each, CancelAsked | ReplaceAsked):
            resolved = replace(each, order_id=_named(exchange, each.account, each.order_id))
        elif isinstance(each, OrderSubmitted):
            resolved = replace(each, submission=_aimed(exchange, each.account, each.submission))
        elif isinstance(each, RejectAsked):
            resolved = replace(each, order_id=_named(exchange, "long", each.order_id))
        elif isinstance(each, BustAsked | CorrectionAsked):
            resolved = replace(each, execution_id=_executed(exchange, each.execution_id))
        done.append((resolved, exchange.handle(resolved)))
    return done


def _named(exchange: Exchange, account: str, word: str) -> str:
    orders = exchange.books.open_of(account) or list(exchange.books.all_of(account))
    return orders[int(word[1:]) % len(orders)].id if orders and word.startswith("#") else word


def _executed(exchange: Exchange, word: str) -> str:
    fills = [
        activity.execution.id
        for account in exchange.accounts
        for activity in exchange.activities[account]
        if isinstance(activity, FillPosted)
    ]
    return fills[int(word[1:]) % len(fills)] if fills and word.startswith("#") else word


def _aimed(exchange: Exchange, account: str, asked: Submission) -> Submission:
    """An entry adds to what is held and exits close it, with prices on the sides that this means."""
    lots = exchange.books.ledger.lots(account, asked.symbol)
    if asked.order_class is OrderClass.OCO and lots == 0:
        return replace(
            asked, order_class=OrderClass.SIMPLE, type=OrderType.MARKET, target=None, stop_loss=None
        )
    if asked.order_class is OrderClass.SIMPLE:
        side = asked.side if lots or exchange.accounts[account].shorting else Side.BUY
        return replace(asked, side=side)
    is_long = lots >= 0
    side = Side.BUY if is_long is not (asked.order_class is OrderClass.OCO) else Side.SELL
    if is_long:
        return replace(asked, side=side)
    loss, target = asked.stop_loss, asked.target
    return replace(
        asked,
        side=side,
        target=None if target is None else _TWICE_MIDDLE - target,
        stop_loss=None
        if loss is None
        else StopLoss(
            stop=_TWICE_MIDDLE - loss.stop, limit=None if loss.limit is None else _TWICE_MIDDLE - loss.limit
        ),
    )
