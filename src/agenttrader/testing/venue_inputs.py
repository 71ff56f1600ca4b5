"""Whatever clients may ask of a simulated exchange and a market may do to it, drawn by chance.

Two sessions, the first with hours before and after it; two shares, one of them in fractions, and a coin; an
account that may sell short and one that may not.
"""

from decimal import Decimal

from hypothesis import strategies as st

from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    BarSeen,
    CancelAsked,
    Habits,
    HaltSeen,
    Input,
    OrderSubmitted,
    Outcome,
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
MINUTES = 27
OPENS, CLOSES = (4, 22), (18, 27)
"""The minutes of the sessions; an opening order must come before the second, a closing order soon enough."""

_PRICE = st.integers(90, 110).map(Decimal)
_TENTH = Decimal("0.1")


def _time(minute: int) -> Instant:
    return Instant(minute * MINUTE)


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
                open=_time(OPENS[0]),
                close=_time(CLOSES[0]),
                early_open=_time(OPENS[0] - 2),
                late_close=_time(CLOSES[0] + 2),
            ),
            Session(date="2026-11-23", open=_time(OPENS[1]), close=_time(CLOSES[1])),
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
    """An order of any kind; most of them could be."""
    order_type = draw(st.sampled_from(OrderType))
    order_class = draw(st.sampled_from([*[OrderClass.SIMPLE] * 3, *OrderClass]))
    symbol = draw(st.sampled_from([*SYMBOLS, "XYZ"]))
    if order_class is OrderClass.OCO:
        order_type = OrderType.LIMIT
    has_limit = order_type in {OrderType.LIMIT, OrderType.STOP_LIMIT} and order_class is not OrderClass.OCO
    has_exits = order_class in {OrderClass.BRACKET, OrderClass.OCO}
    by_percent, has_target = draw(st.booleans()), draw(st.booleans())
    trails = order_type is OrderType.TRAILING_STOP
    by_notional = order_class is OrderClass.SIMPLE and draw(st.integers(0, 7)) == 0
    tenths = draw(st.integers(1, 300)) if symbol != "ABC" else draw(st.integers(1, 30)) * 10
    is_plain = order_class is OrderClass.SIMPLE
    times = list(TimeInForce) if is_plain else [TimeInForce.DAY, TimeInForce.GTC]
    if symbol == "COIN/USD":
        times = [TimeInForce.GTC, TimeInForce.IOC]
    return Submission(
        client_order_id=draw(st.sampled_from([None, None, "a", "b", "c"])),
        symbol=symbol,
        side=draw(st.sampled_from(Side)),
        type=order_type,
        time_in_force=draw(st.sampled_from(times)),
        quantity=None if by_notional else tenths * _TENTH if is_plain else Decimal(-(-tenths // 10)),
        notional=Decimal(draw(st.integers(1, 3_000))) if by_notional else None,
        limit_price=draw(_PRICE) if has_limit else None,
        stop_price=draw(_PRICE) if order_type in {OrderType.STOP, OrderType.STOP_LIMIT} else None,
        trail_price=Decimal(draw(st.integers(1, 5))) if trails and not by_percent else None,
        trail_percent=Decimal(draw(st.integers(1, 5))) if trails and by_percent else None,
        extended_hours=order_type is OrderType.LIMIT and draw(st.integers(0, 4)) == 0,
        order_class=order_class,
        target=draw(_PRICE) if has_exits or (order_class is OrderClass.OTO and has_target) else None,
        stop_loss=StopLoss(stop=draw(_PRICE), limit=draw(st.none() | _PRICE))
        if has_exits or (order_class is OrderClass.OTO and not has_target)
        else None,
    )


_REPLACEMENTS = st.builds(
    Replacement,
    quantity=st.none() | st.integers(1, 30).map(Decimal),
    limit_price=st.none() | _PRICE,
    stop_price=st.none() | _PRICE,
)


@st.composite
def inputs(draw: st.DrawFn) -> list[Input]:
    """Minutes of bars, some missing and some told twice, a halt perhaps, the watermark, then requests.

    An order that is to be canceled or replaced is named by its number: see `play`.
    """
    told: list[Input] = []
    for minute in range(draw(st.integers(1, MINUTES))):
        start, end = _time(minute), _time(minute + 1)
        for symbol in draw(st.sampled_from([SYMBOLS, SYMBOLS, SYMBOLS[:1], SYMBOLS[::-1], ()])):
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


def play(exchange: Exchange, told: list[Input]) -> list[tuple[Input, Outcome]]:
    """Tell the exchange; `#n` means the account's n-th order, where it has one."""
    done = []
    for each in told:
        resolved = each
        if isinstance(each, CancelAsked | ReplaceAsked):
            orders = list(exchange.books.all_of(each.account))
            number = int(each.order_id[1:])
            order_id = orders[number].id if number < len(orders) else each.order_id
            if isinstance(each, CancelAsked):
                resolved = CancelAsked(account=each.account, order_id=order_id)
            else:
                resolved = ReplaceAsked(account=each.account, order_id=order_id, replacement=each.replacement)
        done.append((resolved, exchange.handle(resolved)))
    return done
