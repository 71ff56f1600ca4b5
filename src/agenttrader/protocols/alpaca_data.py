"""Alpaca's market-data protocol as pure translation: the stream in JSON and msgpack, and latest bars.

The stream is arrays of messages with their kind in `T`. What we have no use for (trades, quotes, corrected
and daily bars, a kind that is new) is recognised and passed over; a message of a kind that we use and that
cannot be read is BadValue. Numbers in JSON are read and written as Decimals with their own digits; msgpack
has floats, as Alpaca's own clients expect, and its times are read to the microsecond.

Extensions, only for a client that asks for them in `subscribe`: `watermarks` (a message `w` says that
everything up to its time has been told), `since` (first all that was told after that time, then what is
new), and the action `settled` (a paced source may go on).

Sources: docs.alpaca.markets (WebSocket Stream; Real-time Stock Data, Status Codes) and alpaca-py 0.44,
which is this module's oracle.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, assert_never

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.model.times import MINUTE, SECOND, Instant, from_datetime, from_rfc3339, rfc3339
from agenttrader.model.values import exact

EVERY = "*"
"""In a list of symbols: all of them."""


class Codec(Enum):
    """How a connection's messages are written, as its header `Content-Type` asks."""

    JSON = "application/json"
    MSGPACK = "application/msgpack"


class Success(Struct, frozen=True, kw_only=True, tag_field="T", tag="success"):
    """`connected` greets, `authenticated` answers `auth`."""

    msg: str


class Failure(Struct, frozen=True, kw_only=True, tag_field="T", tag="error"):
    """What the server refuses; see `Refusal` for Alpaca's codes."""

    code: int
    msg: str


class Refusal(Enum):
    """Alpaca's errors on a stream, each with its code and text."""

    INVALID_SYNTAX = (400, "invalid syntax")
    NOT_AUTHENTICATED = (401, "not authenticated")
    AUTH_FAILED = (402, "auth failed")
    ALREADY_AUTHENTICATED = (403, "already authenticated")
    AUTH_TIMEOUT = (404, "auth timeout")
    SYMBOL_LIMIT_EXCEEDED = (405, "symbol limit exceeded")
    CONNECTION_LIMIT_EXCEEDED = (406, "connection limit exceeded")
    SLOW_CLIENT = (407, "slow client")
    INSUFFICIENT_SUBSCRIPTION = (409, "insufficient subscription")
    INVALID_SUBSCRIPTION = (410, "invalid subscribe action for this feed")

    def because(self, reason: str = "") -> Failure:
        """The message that says so; Alpaca's own words come first, for clients that look for them."""
        code, text = self.value
        return Failure(code=code, msg=f"{text}: {reason}" if reason else text)


class _Channels(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Every channel of Alpaca's stock stream, each with the symbols it is asked for."""

    trades: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    bars: tuple[str, ...] = ()
    updated_bars: tuple[str, ...] = ()
    daily_bars: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    lulds: tuple[str, ...] = ()
    corrections: tuple[str, ...] = ()
    cancel_errors: tuple[str, ...] = ()

    @property
    def absent(self) -> tuple[str, ...]:
        """The channels among those asked for that carry nothing here, under their own names."""
        fields = zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True)
        return tuple(
            name
            for field, name in fields
            if field not in _OURS and isinstance(getattr(self, field), tuple) and getattr(self, field)
        )


_OURS = ("bars", "statuses")


class Subscription(_Channels, frozen=True, kw_only=True, tag_field="T", tag="subscription"):
    """What the connection is subscribed to now, whole."""


class Authenticate(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action", tag="auth"
):
    """Who asks."""

    key: str
    secret: str


class Subscribe(
    _Channels, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="subscribe"
):
    """Add these symbols. `watermarks` and `since` (RFC 3339) are our extensions."""

    watermarks: bool = False
    since: str | None = None


class Unsubscribe(
    _Channels, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="unsubscribe"
):
    """Take these symbols off."""


class Settled(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action", tag="settled"
):
    """`participant` has acted on everything up to `t` (RFC 3339): our extension."""

    participant: str
    t: str


Message = Success | Failure | Subscription | MarketEvent
"""What a server says."""
Request = Authenticate | Subscribe | Unsubscribe | Settled
"""What a client says."""

_json_encoder = msgspec.json.Encoder(decimal_format="number")
_msgpack_encoder = msgspec.msgpack.Encoder(decimal_format="number")
_json_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_msgpack_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()
_json_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_msgpack_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def codec_of(content_type: str | None) -> Codec:
    """The codec that a connection's `Content-Type` asks for; JSON without one."""
    return Codec.MSGPACK if content_type is not None and "msgpack" in content_type else Codec.JSON


def encode(messages: Iterable[Message], codec: Codec = Codec.JSON) -> bytes:
    """The messages as one frame, in their order."""
    return _encoder(codec).encode([_wire(message, codec) for message in messages])


def decode(frame: bytes | str, codec: Codec = Codec.JSON) -> tuple[Message, ...]:
    """The messages of a frame that mean something to us, in order. Raises BadValue for the unreadable."""
    try:
        found = _json_decoder.decode(frame) if codec is Codec.JSON else _msgpack_decoder.decode(_bytes(frame))
        if not isinstance(found, list):
            raise BadValue(f"market data: expected an array of messages, found {frame[:200]!r}")
        messages = [_message(fields) for fields in found]
    except _UNREADABLE as error:
        raise BadValue(f"market data: expected Alpaca's messages, found {frame[:200]!r}: {error}") from error
    return tuple(message for message in messages if message is not None)


def encode_request(request: Request, codec: Codec = Codec.JSON) -> bytes:
    """What a client says, as one frame."""
    return _encoder(codec).encode(request)


def decode_request(frame: bytes | str, codec: Codec = Codec.JSON) -> Request:
    """What a client says. Raises BadValue, naming the field, for anything that is not exactly a request."""
    try:
        return (
            _json_requests.decode(frame) if codec is Codec.JSON else _msgpack_requests.decode(_bytes(frame))
        )
    except _UNREADABLE as error:
        raise BadValue(f"request: {error}") from error


def encode_latest_bars(bars: Mapping[Symbol, Bar]) -> bytes:
    """The body of `GET /v2/stocks/bars/latest`."""
    return _json_encoder.encode({"bars": {symbol: _bar(bar, Codec.JSON) for symbol, bar in bars.items()}})


def encode_latest_bar(bar: Bar) -> bytes:
    """The body of `GET /v2/stocks/{symbol}/bars/latest`."""
    return _json_encoder.encode({"symbol": bar.symbol, "bar": _bar(bar, Codec.JSON)})


def decode_latest_bars(body: bytes) -> dict[Symbol, Bar]:
    """The bars of `GET /v2/stocks/bars/latest`. Raises BadValue for what cannot be read."""
    try:
        found = msgspec.convert(_json_decoder.decode(body), _LatestBars)
        return {Symbol(name): _to_bar({**fields, "S": name}) for name, fields in found.bars.items()}
    except _UNREADABLE as error:
        raise BadValue(f"latest bars: expected Alpaca's answer, found {body[:200]!r}: {error}") from error


class _LatestBars(Struct, frozen=True):
    bars: dict[str, dict[str, Any]]


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


class _WireWatermark(Struct, frozen=True, kw_only=True):
    t: Any


_HALT_CODES = frozenset({"2", "H", "P", "Q"})
"""Halted by CTA and by UTP, paused for volatility, and quoted but not yet traded again."""
_TRADING_CODES = frozenset({"3", "T"})
_NEITHER_CODES = frozenset("56789ACDEF")
"""Indications, imbalances, short-sale restriction, price bands: they do not say whether the symbol trades."""


def _encoder(codec: Codec) -> msgspec.json.Encoder | msgspec.msgpack.Encoder:
    return _json_encoder if codec is Codec.JSON else _msgpack_encoder


def _bytes(frame: bytes | str) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame


def _wire(message: Message, codec: Codec) -> Any:
    match message:
        case Bar():
            return {"T": "b", "S": message.symbol, **_bar(message, codec)}
        case StatusChange():
            return _status(message, codec)
        case Watermark():
            return {"T": "w", "t": _time(message.time, codec)}
        case Success() | Failure() | Subscription():
            return message
        case _:
            assert_never(message)


def _bar(bar: Bar, codec: Codec) -> dict[str, Any]:
    if bar.interval != MINUTE:
        raise BadValue(
            f"bar of {bar.symbol}: expected one minute, all that the protocol has, found {bar.interval} ns"
        )
    volume = bar.volume
    return {
        "o": bar.open,
        "h": bar.high,
        "l": bar.low,
        "c": bar.close,
        "v": int(volume) if volume == volume.to_integral_value() else volume,
        # Number of trades and their average price: alpaca-py insists on the fields, we know no values.
        "n": None,
        "vw": None,
        "t": _time(bar.start, codec),
    }


def _status(change: StatusChange, codec: Codec) -> dict[str, Any]:
    trading = change.status is TradingStatus.TRADING
    return {
        "T": "s",
        "S": change.symbol,
        "sc": "T" if trading else "H",
        "sm": "Trading Resumption" if trading else "Trading Halt",
        "rc": "",
        "rm": change.reason,
        "t": _time(change.time, codec),
        "z": "C",
    }


def _time(instant: Instant, codec: Codec) -> str | msgspec.msgpack.Ext:
    """RFC 3339 in JSON; in msgpack the timestamp type with nanoseconds (extension -1 of 12 bytes)."""
    if codec is Codec.JSON:
        return rfc3339(instant)
    seconds, nanoseconds = divmod(instant, SECOND)
    return msgspec.msgpack.Ext(-1, nanoseconds.to_bytes(4, "big") + seconds.to_bytes(8, "big", signed=True))


def _message(fields: Any) -> Message | None:
    match fields:
        case {"T": "b"}:
            return _to_bar(fields)
        case {"T": "s"}:
            return _to_status(msgspec.convert(fields, _WireStatus))
        case {"T": "w"}:
            return Watermark(time=_instant(msgspec.convert(fields, _WireWatermark).t))
        case {"T": "success"}:
            return msgspec.convert(fields, Success)
        case {"T": "error"}:
            return msgspec.convert(fields, Failure)
        case {"T": "subscription"}:
            return msgspec.convert(
                {key: fields[key] for key in fields if key in _SUBSCRIPTION_FIELDS}, Subscription
            )
        case {"T": str()}:
            return None
        case _:
            raise BadValue(f"market data: expected a message with its kind in T, found {fields!r:.200}")


_SUBSCRIPTION_FIELDS = frozenset({"T", *Subscription.__struct_encode_fields__})


def _to_bar(fields: dict[str, Any]) -> Bar:
    found = msgspec.convert(fields, _WireBar)
    return Bar(
        symbol=Symbol(found.S),
        start=_instant(found.t),
        interval=MINUTE,
        open=exact(found.o, f"bar of {found.S}, open"),
        high=exact(found.h, f"bar of {found.S}, high"),
        low=exact(found.l, f"bar of {found.S}, low"),
        close=exact(found.c, f"bar of {found.S}, close"),
        volume=exact(found.v, f"bar of {found.S}, volume"),
    )


def _to_status(found: _WireStatus) -> StatusChange | None:
    """What is not known to be trading is halted: an unknown code too, with the code in the reason."""
    if found.sc in _NEITHER_CODES:
        return None
    known = found.sc in _HALT_CODES or found.sc in _TRADING_CODES
    words = ": ".join(word for word in (found.rc, found.rm or found.sm) if word)
    return StatusChange(
        symbol=Symbol(found.S),
        time=_instant(found.t),
        status=TradingStatus.TRADING if found.sc in _TRADING_CODES else TradingStatus.HALTED,
        reason=words if known else f"unknown status code {found.sc!r}: {words}",
    )


def _instant(time: object) -> Instant:
    """The instant of RFC 3339 text, as JSON has it, or of msgpack's timestamp, as the decoder reads it."""
    if isinstance(time, datetime):
        return from_datetime(time)
    if isinstance(time, str):
        return from_rfc3339(time)
    raise BadValue(f"time: expected RFC 3339 or a timestamp, found {time!r:.100}")
