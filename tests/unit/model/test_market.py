from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
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


@pytest.mark.parametrize(
    "event",
    (
        BAR,
        StatusChange(symbol=Symbol("ALFA"), time=Instant(1), status=TradingStatus.HALTED, reason="news"),
        Watermark(time=Instant(5)),
    ),
)
def test_every_event_goes_through_json_unchanged(event: MarketEvent) -> None:
    decoded = msgspec.json.decode(msgspec.json.encode(event), type=MarketEvent)
    assert decoded == event
    assert type(decoded) is type(event)
