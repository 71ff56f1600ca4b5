import base64
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from alpaca.data.models import BarSet
from alpaca.data.models import Snapshot as AlpacaSnapshot
from alpaca.data.requests import StockBarsRequest, StockQuotesRequest
from alpaca.data.timeframe import TimeFrame
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Quote
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, to_datetime
from agenttrader.protocols.alpaca_history import (
    Adjustment,
    BarsQuery,
    HistoryQuery,
    PageToken,
    Snapshot,
    encode_latest,
    encode_latest_of,
    encode_page,
    encode_page_of,
    encode_snapshot_of,
    encode_snapshots,
    read_bars_query,
    read_latest_query,
    read_ticks_query,
)
from agenttrader.protocols.alpaca_timeframes import ONE_MINUTE

FEED = "generated"
ALFA, BRVO = Symbol("ALFA"), Symbol("BRVO")
START = from_rfc3339("2026-11-20T14:30:00Z")
BAR = Bar(
    symbol=ALFA,
    start=START,
    interval=MINUTE,
    open=Decimal("50.10"),
    high=Decimal("50.30"),
    low=Decimal("50.0001"),
    close=Decimal("50.20"),
    volume=Decimal(300),
)
BAR_BODY = (
    b'{"o":50.10,"h":50.30,"l":50.0001,"c":50.20,"v":300,"n":null,"vw":null,"t":"2026-11-20T14:30:00Z"}'
)
QUOTE = Quote(
    symbol=ALFA,
    time=START,
    bid_price=Decimal(50),
    bid_size=Decimal(1),
    ask_price=Decimal(51),
    ask_size=Decimal(2),
)
BARS = {"symbols": "ALFA", "timeframe": "1Min"}


def test_a_query_of_bars_by_hand() -> None:
    asked = {
        "symbols": "BRVO, ALFA,BRVO",
        "timeframe": "1Min",
        "start": "2026-11-20",
        "end": "2026-11-20T16:00:00-05:00",
        "limit": "50",
        "sort": "desc",
        "adjustment": "split",
        "feed": FEED,
        "currency": "USD",
    }
    assert read_bars_query(asked, FEED) == BarsQuery(
        symbols=(ALFA, BRVO),
        timeframe=ONE_MINUTE,
        start=from_rfc3339("2026-11-20T05:00:00Z"),
        end=from_rfc3339("2026-11-20T21:00:00Z"),
        limit=50,
        descending=True,
        adjustment=Adjustment.SPLIT,
        after=None,
    )


def test_what_is_not_said_has_alpacas_defaults() -> None:
    assert read_ticks_query({"symbols": "ALFA"}, FEED) == HistoryQuery(
        symbols=(ALFA,), start=None, end=None, limit=1_000, descending=False, after=None
    )
    assert read_bars_query({"timeframe": "1Min"}, FEED, "ALFA").adjustment is Adjustment.RAW
    assert read_latest_query({}, FEED, "ALFA") == (ALFA,)


def test_what_alpacas_client_asks_is_read() -> None:
    asked = StockBarsRequest(
        symbol_or_symbols=["BRVO", "ALFA"],
        timeframe=TimeFrame.Minute,
        start=to_datetime(START),
        end=to_datetime(Instant(START + MINUTE)),
        limit=5,
    ).to_request_fields()
    query = read_bars_query({name: str(value) for name, value in asked.items()}, FEED)
    assert (query.symbols, query.start, query.end, query.limit) == (
        (ALFA, BRVO),
        START,
        START + MINUTE,
        5,
    )
    ticks = StockQuotesRequest(symbol_or_symbols="ALFA", start=to_datetime(START)).to_request_fields()
    assert read_ticks_query({name: str(value) for name, value in ticks.items()}, FEED).start == START


@pytest.mark.parametrize(
    ("change", "words"),
    (
        ({"symbols": ""}, "symbols: expected one or more"),
        ({"symbols": "ALFA,,BRVO"}, "symbols: expected one or more"),
        ({"symbols": ",".join(f"S{n}" for n in range(2_001))}, "symbols: expected at most 2000, found 2001"),
        ({"timeframe": "1Sec"}, "invalid timeframe"),
        ({"start": "noon"}, "start: expected RFC 3339 or YYYY-MM-DD, found 'noon'"),
        ({"start": "2026-02-30"}, "start: expected RFC 3339 or YYYY-MM-DD"),
        ({"end": "2026-11-20T14:30:00"}, "end: expected RFC 3339"),
        ({"start": "2026-11-20", "end": "2026-11-19"}, "end: expected no earlier time than start"),
        ({"limit": "0"}, "limit: expected 1 to 10000, found '0'"),
        ({"limit": "10001"}, "limit: expected 1 to 10000"),
        ({"limit": "-1"}, "limit: expected 1 to 10000"),
        ({"limit": "many"}, "limit: expected 1 to 10000"),
        ({"limit": "9" * 5_000}, "limit: expected 1 to 10000"),
        ({"sort": "up"}, "sort: expected asc or desc, found 'up'"),
        ({"adjustment": "spin-off"}, "adjustment: expected one of raw, split, dividend, all"),
        ({"feed": "iex"}, "feed: expected generated, all that is served here, found iex"),
        ({"currency": "EUR"}, "currency: expected USD"),
        ({"asof": "2026-11-20"}, "asof: expected none"),
        ({"depth": "3"}, "query: expected only .*, found depth"),
        ({"page_token": "nonsense"}, "page_token: expected one that was given here"),
        ({"page_token": "é"}, "page_token: expected one that was given here"),
        ({"page_token": base64.b64encode(b"[1,2]").decode()}, "page_token: expected one that was given here"),
        ({"page_token": base64.b64encode(b'["BRVO",1,2]').decode()}, "page_token: .* of other symbols"),
    ),
)
def test_what_cannot_be_asked_is_refused_by_name(change: dict[str, str], words: str) -> None:
    with pytest.raises(BadValue, match=words):
        read_bars_query(BARS | change, FEED)


def test_each_route_has_its_own_parameters() -> None:
    with pytest.raises(BadValue, match="timeframe: expected one, such as 1Min"):
        read_bars_query({"symbols": "ALFA"}, FEED)
    with pytest.raises(BadValue, match="found timeframe"):
        read_ticks_query(BARS, FEED)
    with pytest.raises(BadValue, match="found start"):
        read_latest_query({"symbols": "ALFA", "start": "2026-11-20"}, FEED)
    with pytest.raises(BadValue, match="symbols: expected none, for the path names one"):
        read_bars_query(BARS, FEED, "ALFA")


@given(
    symbol=st.text(min_size=1),
    time=st.integers(-(2**63), 2**63 - 1).map(Instant),
    ordinal=st.integers(0, 10**6),
)
def test_a_page_token_comes_back_as_it_was_given(symbol: str, time: Instant, ordinal: int) -> None:
    token = PageToken(Symbol(symbol), time, ordinal)
    body: dict[str, Any] = msgspec.json.decode(encode_page("bars", {}, token))
    asked = {"page_token": body["next_page_token"]}
    assert read_ticks_query(asked, FEED, symbol).after == token


def test_pages_in_bytes() -> None:
    assert encode_page("bars", {ALFA: [BAR]}, None) == (
        b'{"bars":{"ALFA":[%b]},"next_page_token":null}' % BAR_BODY
    )
    assert encode_page_of("bars", ALFA, {ALFA: [BAR]}, None) == (
        b'{"symbol":"ALFA","bars":[%b],"next_page_token":null}' % BAR_BODY
    )
    assert encode_page_of("trades", ALFA, {}, None) == (
        b'{"symbol":"ALFA","trades":[],"next_page_token":null}'
    )
    assert encode_latest("bars", {ALFA: BAR}) == b'{"bars":{"ALFA":%b}}' % BAR_BODY
    assert encode_latest_of("bars", ALFA, BAR) == b'{"symbol":"ALFA","bar":%b}' % BAR_BODY


def test_alpacas_own_models_read_bodies() -> None:
    page = msgspec.json.decode(encode_page("bars", {ALFA: [BAR]}, None))
    assert BarSet(page["bars"])["ALFA"][0].close == 50.2
    snapshot = Snapshot(
        latest_trade=None, latest_quote=QUOTE, minute_bar=BAR, daily_bar=BAR, previous_daily_bar=None
    )
    body = msgspec.json.decode(encode_snapshots({ALFA: snapshot}))
    read = AlpacaSnapshot("ALFA", body["ALFA"])
    assert read.latest_trade is None
    assert read.previous_daily_bar is None
    assert read.latest_quote is not None
    assert (read.latest_quote.ask_price, read.latest_quote.bid_size) == (51, 1)
    assert msgspec.json.decode(encode_snapshot_of(ALFA, snapshot)) == {"symbol": "ALFA", **body["ALFA"]}
