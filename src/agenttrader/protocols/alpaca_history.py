"""Alpaca's market-data REST as pure translation: what is asked in a query, and the bodies that answer it.

A query is read whole before anything is looked up: a parameter that is not known, or that asks for what this
server does not have, is BadValue with its name. Pages are sorted by symbol, then by time; a page token says
after which item the next page begins, so it holds however much is told in between.

Sources: docs.alpaca.markets (Historical bars, quotes, trades; Latest; Snapshots) and alpaca-py 0.44, which is
this module's oracle. That a bare date means midnight in New York is a rule of our own.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, assert_never

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Quote, Trade
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.model.words import Word
from agenttrader.protocols.alpaca_data_fields import Codec, Fields, bar_fields, quote_fields, trade_fields
from agenttrader.protocols.alpaca_timeframes import Timeframe, midnight, read_timeframe

LIMIT_DEFAULT, LIMIT_MAX = 1_000, 10_000
"""Items in one page, over all symbols: documented."""
SYMBOLS_MAX = 2_000
"""Symbols in one query."""

Item = Bar | Quote | Trade
Parameters = Mapping[str, str]

_LATEST = frozenset({"symbols", "feed", "currency"})
_TICKS = _LATEST | {"start", "end", "limit", "page_token", "sort", "asof"}
_BARS = _TICKS | {"timeframe", "adjustment"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)
_encoder = msgspec.json.Encoder(decimal_format="number")


class Adjustment(Word):
    """What prices of the past are adjusted for."""

    RAW = "raw"
    SPLIT = "split"
    DIVIDEND = "dividend"
    ALL = "all"


class PageToken(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last item of a page: its symbol, its time, and its number among those of the same time."""

    symbol: Symbol
    time: Instant
    ordinal: int


class HistoryQuery(Struct, frozen=True, kw_only=True):
    """What is asked of the past. Both ends are included; None is the day's begin, and now."""

    symbols: tuple[Symbol, ...]
    start: Instant | None
    end: Instant | None
    limit: int
    descending: bool
    after: PageToken | None


class BarsQuery(HistoryQuery, frozen=True, kw_only=True):
    """What is asked of past bars."""

    timeframe: Timeframe
    adjustment: Adjustment


class Snapshot(Struct, frozen=True, kw_only=True):
    """All that is latest of a symbol; None is what is not known."""

    latest_trade: Trade | None
    latest_quote: Quote | None
    minute_bar: Bar | None
    daily_bar: Bar | None
    previous_daily_bar: Bar | None


def read_latest_query(parameters: Parameters, feed: str, symbol: str | None = None) -> tuple[Symbol, ...]:
    """The symbols, sorted: `symbol` where the path names it. Raises BadValue, as all that read here."""
    return _symbols(_known(parameters, _LATEST, feed), symbol)


def read_ticks_query(parameters: Parameters, feed: str, symbol: str | None = None) -> HistoryQuery:
    """What is asked of past quotes or trades."""
    return HistoryQuery(**_history(_known(parameters, _TICKS, feed), symbol))


def read_bars_query(parameters: Parameters, feed: str, symbol: str | None = None) -> BarsQuery:
    """What is asked of past bars."""
    known = _known(parameters, _BARS, feed)
    if "timeframe" not in known:
        raise BadValue("timeframe: expected one, such as 1Min, found none")
    return BarsQuery(
        timeframe=read_timeframe(known["timeframe"]),
        adjustment=_adjustment(known.get("adjustment", Adjustment.RAW.value)),
        **_history(known, symbol),
    )


def encode_page(kind: str, items: Mapping[Symbol, Sequence[Item]], following: PageToken | None) -> bytes:
    """The body of `GET /v2/stocks/{kind}`, where `kind` is bars, quotes or trades."""
    found = {symbol: [_fields(item) for item in those] for symbol, those in items.items()}
    return _encoder.encode({kind: found, "next_page_token": _token(following)})


def encode_page_of(
    kind: str, symbol: Symbol, items: Mapping[Symbol, Sequence[Item]], following: PageToken | None
) -> bytes:
    """The body of `GET /v2/stocks/{symbol}/{kind}`."""
    found = [_fields(item) for item in items.get(symbol, ())]
    return _encoder.encode({"symbol": symbol, kind: found, "next_page_token": _token(following)})


def encode_latest(kind: str, items: Mapping[Symbol, Item]) -> bytes:
    """The body of `GET /v2/stocks/{kind}/latest`."""
    return _encoder.encode({kind: {symbol: _fields(item) for symbol, item in items.items()}})


def encode_latest_of(kind: str, symbol: Symbol, item: Item) -> bytes:
    """The body of `GET /v2/stocks/{symbol}/{kind}/latest`."""
    return _encoder.encode({"symbol": symbol, kind.removesuffix("s"): _fields(item)})


def encode_snapshots(snapshots: Mapping[Symbol, Snapshot]) -> bytes:
    """The body of `GET /v2/stocks/snapshots`."""
    return _encoder.encode({symbol: _snapshot(found) for symbol, found in snapshots.items()})


def encode_snapshot_of(symbol: Symbol, snapshot: Snapshot) -> bytes:
    """The body of `GET /v2/stocks/{symbol}/snapshot`."""
    return _encoder.encode({"symbol": symbol, **_snapshot(snapshot)})


def _known(parameters: Parameters, known: frozenset[str], feed: str) -> Parameters:
    """The parameters, all of them known, of this feed and in its currency."""
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise BadValue(f"query: expected only {', '.join(sorted(known))}, found {', '.join(unknown)[:100]}")
    if parameters.get("feed", feed) != feed:
        raise BadValue(f"feed: expected {feed}, all that is served here, found {parameters['feed'][:20]}")
    if parameters.get("currency", "USD") != "USD":
        raise BadValue(
            f"currency: expected USD, all that is served here, found {parameters['currency'][:20]}"
        )
    if "asof" in parameters:
        raise BadValue("asof: expected none, for no symbol is known here to have changed its name")
    return parameters


def _symbols(parameters: Parameters, symbol: str | None) -> tuple[Symbol, ...]:
    if symbol is not None:
        if "symbols" in parameters:
            raise BadValue("symbols: expected none, for the path names one")
        return (Symbol(symbol),)
    names = sorted({name.strip() for name in parameters.get("symbols", "").split(",")})
    if not all(names):
        raise BadValue("symbols: expected one or more, separated by commas, found none")
    if len(names) > SYMBOLS_MAX:
        raise BadValue(f"symbols: expected at most {SYMBOLS_MAX}, found {len(names)}")
    return tuple(map(Symbol, names))


def _history(parameters: Parameters, symbol: str | None) -> dict[str, Any]:
    symbols = _symbols(parameters, symbol)
    start, end = _time(parameters.get("start"), "start"), _time(parameters.get("end"), "end")
    if start is not None and end is not None and end < start:
        raise BadValue("end: expected no earlier time than start")
    after = _read_token(parameters.get("page_token"))
    if after is not None and after.symbol not in symbols:
        raise BadValue("page_token: expected one of this query's own, found one of other symbols")
    sort = parameters.get("sort", "asc")
    if sort not in {"asc", "desc"}:
        raise BadValue(f"sort: expected asc or desc, found {sort[:20]!r}")
    return {
        "symbols": symbols,
        "start": start,
        "end": end,
        "limit": _limit(parameters.get("limit")),
        "descending": sort == "desc",
        "after": after,
    }


def _time(text: str | None, name: str) -> Instant | None:
    """An instant in RFC 3339, or midnight in New York of a date."""
    if text is None:
        return None
    try:
        return midnight(date.fromisoformat(text)) if _DATE.fullmatch(text) else from_rfc3339(text)
    except ValueError as error:
        raise BadValue(f"{name}: expected RFC 3339 or YYYY-MM-DD, found {text[:40]!r}") from error


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    number = int(text) if _WHOLE.fullmatch(text) else 0
    if not 1 <= number <= LIMIT_MAX:
        raise BadValue(f"limit: expected 1 to {LIMIT_MAX}, found {text[:20]!r}")
    return number


def _adjustment(text: str) -> Adjustment:
    try:
        return Adjustment(text)
    except ValueError as error:
        known = ", ".join(each.value for each in Adjustment)
        raise BadValue(f"adjustment: expected one of {known}, found {text[:20]!r}") from error


def _token(token: PageToken | None) -> str | None:
    return None if token is None else base64.urlsafe_b64encode(msgspec.json.encode(token)).decode()


def _read_token(text: str | None) -> PageToken | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(base64.b64decode(text, altchars=b"-_", validate=True), type=PageToken)
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadValue(f"page_token: expected one that was given here, found {text[:40]!r}") from error


def _fields(item: Item) -> Fields:
    match item:
        case Bar():
            return bar_fields(item, Codec.JSON)
        case Quote():
            return quote_fields(item, Codec.JSON)
        case Trade():
            return trade_fields(item, Codec.JSON)
        case _:
            assert_never(item)


def _snapshot(found: Snapshot) -> dict[str, Fields | None]:
    parts: dict[str, Item | None] = {
        "latestTrade": found.latest_trade,
        "latestQuote": found.latest_quote,
        "minuteBar": found.minute_bar,
        "dailyBar": found.daily_bar,
        "prevDailyBar": found.previous_daily_bar,
    }
    return {name: None if item is None else _fields(item) for name, item in parts.items()}
