"""Every body and message of market data, as Alpaca's documentation lays it out, against what we write.

The bodies were written by hand from the pages that are named, with numbers of our own; none was made by our
code. Where we know no value (`n`, `vw`) or have none but a stand-in (exchanges), the shape is compared.
"""

import json
from decimal import Decimal
from typing import Any

import pytest

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
)
from agenttrader.model.times import MINUTE, Duration, Instant, from_rfc3339
from agenttrader.protocols.alpaca_data import Failure, Message, Success, encode, subscription_of
from agenttrader.protocols.alpaca_history import (
    PageToken,
    Snapshot,
    encode_latest,
    encode_latest_of,
    encode_page,
    encode_page_of,
    encode_snapshot_of,
    encode_snapshots,
)

STREAM = "docs.alpaca.markets/docs/real-time-stock-pricing-data"
CONTROL = "alpaca.markets/docs/api-references/market-data-api/stock-pricing-data/realtime"
PAGES = "alpaca.markets/docs/api-documentation/api-v2/market-data/alpaca-data-api-v2/historical"
LATEST = (
    "docs.alpaca.markets/reference, Latest and Snapshots; the names are those of alpaca-py's mappings too"
)

ORCA = Symbol("ORCA")
TIME = from_rfc3339("2026-11-20T14:30:07.5Z")
NONE_KNOWN = {"n", "vw"}
STAND_INS = {"x", "ax", "bx"}


def bar(start: str, interval: Duration = MINUTE) -> Bar:
    return Bar(
        symbol=ORCA,
        start=from_rfc3339(start),
        interval=interval,
        open=Decimal("182.4"),
        high=Decimal("182.55"),
        low=Decimal("182.3"),
        close=Decimal("182.31"),
        volume=Decimal(72464),
    )


MINUTE_BAR = bar("2026-11-20T14:30:00Z")
DAY_BAR = bar("2026-11-20T05:00:00Z", Duration(24 * 60 * MINUTE))
TRADE = Trade(
    symbol=ORCA, time=TIME, price=Decimal("182.31"), size=Decimal(1), trade_id=96921, conditions=("@", "I")
)
QUOTE = Quote(
    symbol=ORCA,
    time=TIME,
    bid_price=Decimal("182.3"),
    bid_size=Decimal(100),
    ask_price=Decimal("182.32"),
    ask_size=Decimal(400),
)
HALT = StatusChange(symbol=ORCA, time=TIME, status=TradingStatus.HALTED, reason="Volatility pause")
BAND = Luld(
    symbol=ORCA, time=TIME, limit_up=Decimal("191.52"), limit_down=Decimal("173.28"), kind=BandKind.INTRADAY
)

A_TIME = "2026-11-20T14:30:07.5Z"
A_BAR = {
    "t": "2026-11-20T14:30:00Z",
    "o": 182.4,
    "h": 182.55,
    "l": 182.3,
    "c": 182.31,
    "v": 72464,
    "n": 914,
    "vw": 182.39,
}
A_TRADE = {"t": A_TIME, "x": "V", "p": 182.31, "s": 1, "c": ["@", "I"], "i": 96921, "z": "C"}
A_QUOTE = {
    "t": A_TIME,
    "ax": "Q",
    "ap": 182.32,
    "as": 400,
    "bx": "U",
    "bp": 182.3,
    "bs": 100,
    "c": ["R"],
    "z": "C",
}
A_DAY = {**A_BAR, "t": "2026-11-20T05:00:00Z"}


def comparable(body: Any) -> Any:
    """The body without the values that we do not know, and with stand-ins for those that we stand in for."""
    match body:
        case dict():
            return {
                key: "?" if key in NONE_KNOWN | STAND_INS else comparable(value)
                for key, value in body.items()
            }
        case list():
            return [comparable(each) for each in body]
        case _:
            return body


@pytest.mark.parametrize(
    ("page", "golden", "message"),
    (
        (STREAM, {"T": "t", "S": "ORCA", **A_TRADE}, TRADE),
        (STREAM, {"T": "q", "S": "ORCA", **A_QUOTE}, QUOTE),
        (STREAM, {"T": "b", "S": "ORCA", **A_BAR}, MINUTE_BAR),
        (STREAM, {"T": "u", "S": "ORCA", **A_BAR}, UpdatedBar(bar=MINUTE_BAR, time=Instant(TIME + MINUTE))),
        (STREAM, {"T": "d", "S": "ORCA", **A_DAY}, DailyBar(bar=DAY_BAR, time=TIME)),
        (
            STREAM,
            {
                "T": "s",
                "S": "ORCA",
                "sc": "H",
                "sm": "Trading Halt",
                "rc": "",
                "rm": "Volatility pause",
                "t": A_TIME,
                "z": "C",
            },
            HALT,
        ),
        (STREAM, {"T": "l", "S": "ORCA", "u": 191.52, "d": 173.28, "i": "B", "t": A_TIME, "z": "C"}, BAND),
        (CONTROL, {"T": "success", "msg": "connected"}, Success(msg="connected")),
        (CONTROL, {"T": "success", "msg": "authenticated"}, Success(msg="authenticated")),
        (CONTROL, {"T": "error", "code": 402, "msg": "auth failed"}, Failure(code=402, msg="auth failed")),
        (
            CONTROL,
            {
                "T": "subscription",
                "trades": ["ORCA"],
                "quotes": [],
                "bars": ["*"],
                "updatedBars": [],
                "dailyBars": [],
                "statuses": [],
                "lulds": [],
                "corrections": [],
                "cancelErrors": [],
            },
            subscription_of({"trades": ["ORCA"], "bars": ["*"]}),
        ),
    ),
)
def test_messages_of_the_stream(page: str, golden: dict[str, Any], message: Message | Told) -> None:
    assert comparable(json.loads(encode([message]))) == [comparable(golden)], page


TOKEN = PageToken(ORCA, TIME, 0)
SNAPSHOT = Snapshot(
    latest_trade=TRADE,
    latest_quote=QUOTE,
    minute_bar=MINUTE_BAR,
    daily_bar=DAY_BAR,
    previous_daily_bar=DAY_BAR,
)
A_SNAPSHOT = {
    "latestTrade": A_TRADE,
    "latestQuote": A_QUOTE,
    "minuteBar": A_BAR,
    "dailyBar": A_DAY,
    "prevDailyBar": A_DAY,
}


@pytest.mark.parametrize(
    ("page", "golden", "body"),
    (
        (
            PAGES,
            {"bars": {"ORCA": [A_BAR]}, "next_page_token": None},
            encode_page("bars", {ORCA: [MINUTE_BAR]}, None),
        ),
        (
            PAGES,
            {"quotes": {"ORCA": [A_QUOTE]}, "next_page_token": None},
            encode_page("quotes", {ORCA: [QUOTE]}, None),
        ),
        (
            PAGES,
            {"trades": {"ORCA": [A_TRADE]}, "next_page_token": None},
            encode_page("trades", {ORCA: [TRADE]}, None),
        ),
        (
            PAGES,
            {"bars": [A_BAR], "symbol": "ORCA", "next_page_token": None},
            encode_page_of("bars", ORCA, {ORCA: [MINUTE_BAR]}, None),
        ),
        (LATEST, {"bars": {"ORCA": A_BAR}}, encode_latest("bars", {ORCA: MINUTE_BAR})),
        (LATEST, {"quotes": {"ORCA": A_QUOTE}}, encode_latest("quotes", {ORCA: QUOTE})),
        (LATEST, {"trades": {"ORCA": A_TRADE}}, encode_latest("trades", {ORCA: TRADE})),
        (LATEST, {"symbol": "ORCA", "bar": A_BAR}, encode_latest_of("bars", ORCA, MINUTE_BAR)),
        (LATEST, {"symbol": "ORCA", "quote": A_QUOTE}, encode_latest_of("quotes", ORCA, QUOTE)),
        (LATEST, {"symbol": "ORCA", "trade": A_TRADE}, encode_latest_of("trades", ORCA, TRADE)),
        (LATEST, {"ORCA": A_SNAPSHOT}, encode_snapshots({ORCA: SNAPSHOT})),
        (LATEST, {"symbol": "ORCA", **A_SNAPSHOT}, encode_snapshot_of(ORCA, SNAPSHOT)),
    ),
)
def test_bodies_of_the_past_and_the_latest(page: str, golden: dict[str, Any], body: bytes) -> None:
    assert comparable(json.loads(body)) == comparable(golden), page


def test_a_page_that_is_not_the_last_has_a_token_in_text() -> None:
    token = json.loads(encode_page("bars", {}, TOKEN))["next_page_token"]
    assert isinstance(token, str)
    assert token
