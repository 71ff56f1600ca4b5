"""How Alpaca writes one bar, quote, trade, status or price band: the fields that stream and REST share.

Numbers in JSON are read and written as Decimals with their own digits; msgpack has floats, as Alpaca's own
clients expect, and its times are read to the microsecond.

What no source of ours knows is written so that it says nothing: a bar's number of trades and average price
are null, every exchange is `E` (Alpaca's *market independent*), and every symbol is on tape C, whose status
and band letters are used. These are rules of our own.

Sources: docs.alpaca.markets (Real-time Stock Data; Historical bars, quotes, trades) and alpaca-py 0.44,
which is this module's oracle.
"""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, assert_never

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import BandKind, Bar, Luld, Quote, StatusChange, Trade, TradingStatus
from agenttrader.model.times import MINUTE, SECOND, Instant, from_datetime, from_rfc3339, rfc3339
from agenttrader.model.values import exact

NO_EXCHANGE = "E"
TAPE = "C"
REGULAR_QUOTE = "R"
"""The condition of a quote that is just that."""

Fields = dict[str, Any]
"""A message's fields under Alpaca's names, without its kind and its symbol."""


class Codec(Enum):
    """How a connection's messages are written, as its header `Content-Type` asks."""

    JSON = "application/json"
    MSGPACK = "application/msgpack"


def bar_fields(bar: Bar, codec: Codec) -> Fields:
    """A bar of any length; its time is its start."""
    return {
        "o": bar.open,
        "h": bar.high,
        "l": bar.low,
        "c": bar.close,
        "v": _size(bar.volume),
        # alpaca-py insists on the fields, we know no values.
        "n": None,
        "vw": None,
        "t": time_field(bar.start, codec),
    }


def quote_fields(quote: Quote, codec: Codec) -> Fields:
    """A quote; prices and sizes of a side that nobody offers are 0."""
    return {
        "bx": NO_EXCHANGE,
        "bp": quote.bid_price,
        "bs": _size(quote.bid_size),
        "ax": NO_EXCHANGE,
        "ap": quote.ask_price,
        "as": _size(quote.ask_size),
        "c": [REGULAR_QUOTE],
        "t": time_field(quote.time, codec),
        "z": TAPE,
    }


def trade_fields(trade: Trade, codec: Codec) -> Fields:
    """A trade with its number and conditions."""
    return {
        "i": trade.trade_id,
        "x": NO_EXCHANGE,
        "p": trade.price,
        "s": _size(trade.size),
        "c": list(trade.conditions),
        "t": time_field(trade.time, codec),
        "z": TAPE,
    }


def luld_fields(band: Luld, codec: Codec) -> Fields:
    """A price band with tape C's letter for why it is told."""
    return {
        "u": band.limit_up,
        "d": band.limit_down,
        "i": _indicator(band.kind),
        "t": time_field(band.time, codec),
        "z": TAPE,
    }


def status_fields(change: StatusChange, codec: Codec) -> Fields:
    """A halt or its end."""
    trading = change.status is TradingStatus.TRADING
    return {
        "sc": "T" if trading else "H",
        "sm": "Trading Resumption" if trading else "Trading Halt",
        "rc": "",
        "rm": change.reason,
        "t": time_field(change.time, codec),
        "z": TAPE,
    }


def time_field(instant: Instant, codec: Codec) -> str | msgspec.msgpack.Ext:
    """RFC 3339 in JSON; in msgpack the timestamp type with nanoseconds (extension -1 of 12 bytes)."""
    if codec is Codec.JSON:
        return rfc3339(instant)
    seconds, nanoseconds = divmod(instant, SECOND)
    return msgspec.msgpack.Ext(-1, nanoseconds.to_bytes(4, "big") + seconds.to_bytes(8, "big", signed=True))


def to_bar(fields: Fields) -> Bar:
    """The minute bar of these fields with its symbol in `S`. Raises BadValue or msgspec's errors."""
    found = msgspec.convert(fields, _WireBar)
    return Bar(
        symbol=Symbol(found.S),
        start=to_instant(found.t),
        interval=MINUTE,
        open=exact(found.o, f"bar of {found.S}, open"),
        high=exact(found.h, f"bar of {found.S}, high"),
        low=exact(found.l, f"bar of {found.S}, low"),
        close=exact(found.c, f"bar of {found.S}, close"),
        volume=exact(found.v, f"bar of {found.S}, volume"),
    )


def to_status(fields: Fields) -> StatusChange | None:
    """The status of these fields; None for a code that does not say whether the symbol trades.

    What is not known to be trading is halted: an unknown code too, with the code in the reason.
    """
    found = msgspec.convert(fields, _WireStatus)
    if found.sc in _NEITHER_CODES:
        return None
    known = found.sc in _HALT_CODES or found.sc in _TRADING_CODES
    words = ": ".join(word for word in (found.rc, found.rm or found.sm) if word)
    return StatusChange(
        symbol=Symbol(found.S),
        time=to_instant(found.t),
        status=TradingStatus.TRADING if found.sc in _TRADING_CODES else TradingStatus.HALTED,
        reason=words if known else f"unknown status code {found.sc!r}: {words}",
    )


def to_instant(time: object) -> Instant:
    """The instant of RFC 3339 text, as JSON has it, or of msgpack's timestamp, as the decoder reads it."""
    if isinstance(time, datetime):
        return from_datetime(time)
    if isinstance(time, str):
        return from_rfc3339(time)
    raise BadValue(f"time: expected RFC 3339 or a timestamp, found {time!r:.100}")


class _WireBar(Struct, frozen=True, kw_only=True):
    S: str
    t: Any
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - Alpaca's name
    c: Decimal
    v: Decimal


class _WireStatus(Struct, frozen=True, kw_only=True):
    S: str
    t: Any
    sc: str
    sm: str = ""
    rc: str = ""
    rm: str = ""


_HALT_CODES = frozenset({"2", "H", "P", "Q"})
"""Halted by CTA and by UTP, paused for volatility, and quoted but not yet traded again."""
_TRADING_CODES = frozenset({"3", "T"})
_NEITHER_CODES = frozenset("56789ACDEF")
"""Indications, imbalances, short-sale restriction, price bands: they do not say whether the symbol trades."""


def _size(volume: Decimal) -> int | Decimal:
    """A whole number as one, as Alpaca has it; parts of a share as they are."""
    return int(volume) if volume == volume.to_integral_value() else volume


def _indicator(kind: BandKind) -> str:
    match kind:
        case BandKind.OPENING:
            return "A"
        case BandKind.INTRADAY:
            return "B"
        case BandKind.REOPENING:
            return "E"
        case _:
            assert_never(kind)
