from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import (
    BandKind,
    Bar,
    DailyBar,
    Luld,
    Quote,
    StatusChange,
    Told,
    Trade,
    TradingStatus,
    UpdatedBar,
    Watermark,
    known_at,
    symbol_of,
)
from agenttrader.model.times import MINUTE, Duration, Instant

BAR = Bar(
    symbol=Symbol("ALFA"),
    start=Instant(60),
    interval=MINUTE,
    open=Decimal("10.1"),
    high=Decimal("10.123456789"),
    low=Decimal("9.99"),
    close=Decimal("10.05"),
    volume=Decimal(0),
)


def test_a_bar_is_known_at_its_end() -> None:
    assert BAR.end == 60 + 60 * 10**9


def test_sub_penny_prints_and_bars_without_a_range_are_bars() -> None:
    price = Decimal("0.000000001")
    flat = msgspec.structs.replace(BAR, open=price, high=price, low=price, close=price)
    assert flat.high == flat.low


@pytest.mark.parametrize(
    "change",
    (
        {"open": Decimal("10.2")},
        {"open": Decimal("9.98")},
        {"close": Decimal("10.2")},
        {"close": Decimal("9.98")},
        {"high": Decimal("9.9")},
        {"low": Decimal("10.06")},
        {"low": Decimal(0)},
        {"low": Decimal(-1)},
        {"volume": Decimal(-1)},
        {"interval": Duration(0)},
        {"interval": Duration(-1)},
        {"high": Decimal("Infinity")},
        {"high": Decimal("10.1234567891")},
        {"high": Decimal("1e15")},
        {"volume": Decimal("Infinity")},
        {"volume": Decimal("NaN")},
        {"open": Decimal("NaN")},
        {"high": Decimal("NaN")},
        {"low": Decimal("sNaN")},
        {"close": 10.05},
        {"volume": 1.5},
    ),
)
def test_what_cannot_be_a_bar_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match=r"^bar of ALFA"):
        msgspec.structs.replace(BAR, **change)


def test_a_bar_from_outside_is_checked_as_well() -> None:
    """As a fault of the message, whatever is wrong with its numbers."""
    for change in ({"low": "NaN"}, {"high": "1e400"}, {"volume": "-1"}, {"interval": 0}, {"more": 1}):
        body = msgspec.json.encode(msgspec.to_builtins(BAR) | change)
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(body, type=Bar)


ALFA = Symbol("ALFA")
STATUS = StatusChange(symbol=ALFA, time=Instant(1), status=TradingStatus.HALTED, reason="news")
QUOTE = Quote(
    symbol=ALFA,
    time=Instant(2),
    bid_price=Decimal("9.99"),
    bid_size=Decimal(100),
    ask_price=Decimal("10.0001"),
    ask_size=Decimal(200),
)
TRADE = Trade(
    symbol=ALFA, time=Instant(3), price=Decimal("10.0001"), size=Decimal(1), trade_id=4, conditions=("@",)
)
BAND = Luld(symbol=ALFA, time=Instant(5), limit_up=Decimal(11), limit_down=Decimal(9), kind=BandKind.OPENING)
UPDATED = UpdatedBar(bar=BAR, time=Instant(BAR.end + 30))
DAILY = DailyBar(bar=BAR, time=Instant(BAR.start + 1))


@pytest.mark.parametrize(
    ("told", "time"),
    (
        (BAR, BAR.end),
        (STATUS, 1),
        (QUOTE, 2),
        (TRADE, 3),
        (BAND, 5),
        (UPDATED, BAR.end + 30),
        (DAILY, BAR.start + 1),
        (Watermark(time=Instant(5)), 5),
    ),
)
def test_all_that_is_told_goes_through_json_unchanged_and_has_a_time_and_a_symbol(
    told: Told, time: int
) -> None:
    decoded = msgspec.json.decode(msgspec.json.encode(told), type=Told)
    assert decoded == told
    assert type(decoded) is type(told)
    assert known_at(told) == time
    assert symbol_of(told) == (None if isinstance(told, Watermark) else ALFA)


@pytest.mark.parametrize(
    ("told", "change"),
    (
        *((QUOTE, {name: Decimal(-1)}) for name in ("bid_price", "bid_size", "ask_price", "ask_size")),
        (QUOTE, {"bid_price": 9.99}),
        (QUOTE, {"ask_size": Decimal("NaN")}),
        *((TRADE, {name: Decimal(number)}) for name in ("price", "size") for number in (-1, 0)),
        (BAND, {"limit_up": Decimal(9)}),
        (BAND, {"limit_down": Decimal(-1)}),
        (UPDATED, {"time": BAR.end}),
        (DAILY, {"time": BAR.start}),
        (DAILY, {"time": BAR.end + 1}),
    ),
)
def test_what_cannot_have_been_told_is_refused(told: Told, change: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match="of ALFA"):
        msgspec.structs.replace(told, **change)


def test_a_side_that_nobody_offers_and_a_bid_above_the_ask_are_told_as_they_are() -> None:
    msgspec.structs.replace(QUOTE, bid_price=Decimal(0), bid_size=Decimal(0))
    msgspec.structs.replace(QUOTE, bid_price=Decimal(11))
