"""The fields are held against the schemas of docs.alpaca.markets (Real-time Stock Data) and alpaca-py."""

from decimal import Decimal
from typing import Any

import pytest
from alpaca.data.models import Bar as AlpacaBar
from alpaca.data.models import Quote as AlpacaQuote
from alpaca.data.models import Trade as AlpacaTrade

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import BandKind, Bar, DailyBar, Luld, Quote, Told, Trade, UpdatedBar
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, to_datetime
from agenttrader.protocols.alpaca_data import channel_of, decode, encode
from agenttrader.protocols.alpaca_data_fields import (
    Codec,
    bar_fields,
    luld_fields,
    quote_fields,
    to_instant,
    trade_fields,
)

ORCA = Symbol("ORCA")
TIME = from_rfc3339("2026-11-20T14:30:07.123456789Z")
BAR = Bar(
    symbol=ORCA,
    start=from_rfc3339("2026-11-20T14:30:00Z"),
    interval=MINUTE,
    open=Decimal("182.40"),
    high=Decimal("182.55"),
    low=Decimal("182.3001"),
    close=Decimal("182.31"),
    volume=Decimal(72464),
)
QUOTE = Quote(
    symbol=ORCA,
    time=TIME,
    bid_price=Decimal("182.30"),
    bid_size=Decimal(100),
    ask_price=Decimal("182.32"),
    ask_size=Decimal("0.5"),
)
TRADE = Trade(
    symbol=ORCA, time=TIME, price=Decimal("182.31"), size=Decimal(12), trade_id=96921, conditions=("@", "I")
)


def band(kind: BandKind) -> Luld:
    return Luld(symbol=ORCA, time=TIME, limit_up=Decimal("191.52"), limit_down=Decimal("173.28"), kind=kind)


def test_a_quote_and_a_trade_have_the_documented_fields() -> None:
    assert quote_fields(QUOTE, Codec.JSON) == {
        "bx": "E",
        "bp": Decimal("182.30"),
        "bs": 100,
        "ax": "E",
        "ap": Decimal("182.32"),
        "as": Decimal("0.5"),
        "c": ["R"],
        "t": "2026-11-20T14:30:07.123456789Z",
        "z": "C",
    }
    assert trade_fields(TRADE, Codec.JSON) == {
        "i": 96921,
        "x": "E",
        "p": Decimal("182.31"),
        "s": 12,
        "c": ["@", "I"],
        "t": "2026-11-20T14:30:07.123456789Z",
        "z": "C",
    }


@pytest.mark.parametrize(
    ("kind", "letter"), ((BandKind.OPENING, "A"), (BandKind.INTRADAY, "B"), (BandKind.REOPENING, "E"))
)
def test_a_band_has_the_letter_of_its_tape(kind: BandKind, letter: str) -> None:
    assert luld_fields(band(kind), Codec.JSON) == {
        "u": Decimal("191.52"),
        "d": Decimal("173.28"),
        "i": letter,
        "t": "2026-11-20T14:30:07.123456789Z",
        "z": "C",
    }


def test_alpacas_own_models_read_them() -> None:
    quote = AlpacaQuote("ORCA", quote_fields(QUOTE, Codec.JSON))
    assert (quote.bid_price, quote.ask_size, quote.tape) == (182.3, 0.5, "C")
    trade = AlpacaTrade("ORCA", trade_fields(TRADE, Codec.JSON))
    assert (trade.price, trade.size, trade.id, trade.conditions) == (182.31, 12.0, 96921, ["@", "I"])
    bar = AlpacaBar("ORCA", bar_fields(BAR, Codec.JSON))
    assert (bar.timestamp, bar.low, bar.vwap) == (to_datetime(BAR.start), 182.3001, None)


@pytest.mark.parametrize(
    ("told", "kind", "channel"),
    (
        (BAR, b'"T":"b"', "bars"),
        (UpdatedBar(bar=BAR, time=Instant(BAR.end + 1)), b'"T":"u"', "updatedBars"),
        (DailyBar(bar=BAR, time=BAR.end), b'"T":"d"', "dailyBars"),
        (QUOTE, b'"T":"q"', "quotes"),
        (TRADE, b'"T":"t"', "trades"),
        (band(BandKind.OPENING), b'"T":"l"', "lulds"),
    ),
)
def test_each_kind_goes_over_its_channel_under_its_letter(told: Told, kind: bytes, channel: str) -> None:
    frame = encode([told])
    assert frame.startswith(b'[{%b,"S":"ORCA",' % kind)
    assert channel_of(told) == channel
    assert decode(frame) == ((BAR,) if told is BAR else ())


@pytest.mark.parametrize("time", (None, 7, "14:30"))
def test_a_time_that_is_none_is_refused(time: Any) -> None:
    with pytest.raises(BadValue, match="time: expected"):
        to_instant(time)
