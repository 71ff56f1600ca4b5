"""Alpaca's market-data stream as pure translation, in JSON and msgpack.

The stream is arrays of messages with their kind in `T`. All that is told can be written. Of what is read,
only what decisions are made on means something to us; trades, quotes, bands, corrected and daily bars and a
kind that is new are passed over, and a message of a kind that we use and that cannot be read is BadValue.

Extensions, only for a client that asks for them in `subscribe`: `watermarks` (a message `w` says that
everything up to its time has been told), `since` (first all that was told after that time, then what is
new), and the action `settled` (a paced source may go on).

Sources: docs.alpaca.markets (WebSocket Stream; Real-time Stock Data, Status Codes) and alpaca-py 0.44,
which is this module's oracle.
"""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, assert_never

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.market import (
    Bar,
    DailyBar,
    Luld,
    MarketEvent,
    Quote,
    StatusChange,
    Told,
    Trade,
    UpdatedBar,
    Watermark,
)
from agenttrader.model.times import MINUTE
from agenttrader.protocols.alpaca_data_fields import (
    Codec,
    Fields,
    bar_fields,
    luld_fields,
    quote_fields,
    status_fields,
    time_field,
    to_bar,
    to_instant,
    to_status,
    trade_fields,
)

EVERY = "*"
"""In a list of symbols: all of them."""


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

    def asked(self) -> dict[str, tuple[str, ...]]:
        """The channels that name a symbol, under their own names."""
        fields = zip(_Channels.__struct_fields__, _Channels.__struct_encode_fields__, strict=True)
        return {name: getattr(self, field) for field, name in fields if getattr(self, field)}

    def beyond(self, channels: Collection[str]) -> tuple[str, ...]:
        """The channels asked for that are not among `channels`, in their order."""
        return tuple(name for name in self.asked() if name not in channels)


class Subscription(_Channels, frozen=True, kw_only=True, tag_field="T", tag="subscription"):
    """What the connection is subscribed to now, whole."""


def subscription_of(channels: Mapping[str, Iterable[str]]) -> Subscription:
    """The subscription that says this, channels under their own names."""
    names = zip(_Channels.__struct_encode_fields__, _Channels.__struct_fields__, strict=True)
    return Subscription(**{field: tuple(sorted(channels.get(name, ()))) for name, field in names})


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


Message = Success | Failure | Subscription | Told
"""What a server says."""
Understood = Success | Failure | Subscription | MarketEvent
"""What of it means something to us."""
Request = Authenticate | Subscribe | Unsubscribe | Settled
"""What a client says."""

_json_encoder = msgspec.json.Encoder(decimal_format="number")
_msgpack_encoder = msgspec.msgpack.Encoder(decimal_format="number")
_json_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_msgpack_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()
_json_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_msgpack_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)


def channel_of(told: Told) -> str | None:
    """The channel that carries it, under Alpaca's name; None for a watermark, which is in none."""
    match told:
        case Bar():
            return "bars"
        case UpdatedBar():
            return "updatedBars"
        case DailyBar():
            return "dailyBars"
        case Quote():
            return "quotes"
        case Trade():
            return "trades"
        case StatusChange():
            return "statuses"
        case Luld():
            return "lulds"
        case Watermark():
            return None
        case _:
            assert_never(told)


def codec_of(content_type: str | None) -> Codec:
    """The codec that a connection's `Content-Type` asks for; JSON without one."""
    return Codec.MSGPACK if content_type is not None and "msgpack" in content_type else Codec.JSON


def encode(messages: Iterable[Message], codec: Codec = Codec.JSON) -> bytes:
    """The messages as one frame, in their order."""
    return _encoder(codec).encode([_wire(message, codec) for message in messages])


def decode(frame: bytes | str, codec: Codec = Codec.JSON) -> tuple[Understood, ...]:
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


def _encoder(codec: Codec) -> msgspec.json.Encoder | msgspec.msgpack.Encoder:
    return _json_encoder if codec is Codec.JSON else _msgpack_encoder


def _bytes(frame: bytes | str) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame


def _wire(message: Message, codec: Codec) -> Any:
    match message:
        case Bar():
            return _of(message, "b", _minute(message, codec))
        case Quote():
            return _of(message, "q", quote_fields(message, codec))
        case Trade():
            return _of(message, "t", trade_fields(message, codec))
        case UpdatedBar():
            return _of(message.bar, "u", _minute(message.bar, codec))
        case DailyBar():
            return _of(message.bar, "d", bar_fields(message.bar, codec))
        case StatusChange():
            return _of(message, "s", status_fields(message, codec))
        case Luld():
            return _of(message, "l", luld_fields(message, codec))
        case Watermark():
            return {"T": "w", "t": time_field(message.time, codec)}
        case Success() | Failure() | Subscription():
            return message
        case _:
            assert_never(message)


def _of(about: Bar | Quote | Trade | StatusChange | Luld, kind: str, fields: Fields) -> Fields:
    return {"T": kind, "S": about.symbol, **fields}


def _minute(bar: Bar, codec: Codec) -> Fields:
    if bar.interval != MINUTE:
        raise BadValue(
            f"bar of {bar.symbol}: expected one minute, all that the channel has, found {bar.interval} ns"
        )
    return bar_fields(bar, codec)


def _message(fields: Any) -> Understood | None:
    match fields:
        case {"T": "b"}:
            return to_bar(fields)
        case {"T": "s"}:
            return to_status(fields)
        case {"T": "w"}:
            return Watermark(time=to_instant(msgspec.convert(fields, _WireWatermark).t))
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


class _WireWatermark(Struct, frozen=True, kw_only=True):
    t: Any


_SUBSCRIPTION_FIELDS = frozenset({"T", *Subscription.__struct_encode_fields__})
