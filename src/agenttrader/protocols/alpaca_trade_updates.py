"""Alpaca's stream of order events, `/stream`, as pure translation: what a client says and what a broker says.

A connection is authenticated, then told what to listen to. Alpaca sends its JSON in binary frames; both kinds
are read. Our one extension is the stream `watermarks`, sent only to who listens to it. An event, a status or
a stream that has no name here is kept as text: whoever receives it decides that it is a break.
Source: docs.alpaca.markets ("Websocket Streaming") and alpaca-py 0.44, which is this module's oracle.
"""

from decimal import Decimal
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trading import UNREADABLE, Answer, Order, Request, decode, encode

TRADE_UPDATES = "trade_updates"
WATERMARKS = "watermarks"
EVENTS = frozenset(
    {
        "accepted",
        "calculated",
        "canceled",
        "done_for_day",
        "expired",
        "fill",
        "new",
        "order_cancel_rejected",
        "order_replace_rejected",
        "partial_fill",
        "pending_cancel",
        "pending_new",
        "pending_replace",
        "rejected",
        "replaced",
        "restated",
        "stopped",
        "suspended",
        "trade_bust",
        "trade_correct",
    }
)
"""Every word that Alpaca documents for `TradeUpdate.event`."""


class TradeUpdate(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """One event of an order.

    Fills carry price, qty, the position after them, and an `execution_id` that is never used again. What the
    exchange took back or corrected later is named by `previous_execution_id`.
    """

    event: str
    order: Order
    timestamp: str | None = None
    execution_id: str | None = None
    previous_execution_id: str | None = None
    price: Decimal | None = None
    qty: Decimal | None = None
    position_qty: Decimal | None = None


class Authorization(Answer, frozen=True, kw_only=True):
    """The answer to `authenticate`: `authorized` or `unauthorized`."""

    status: str
    action: str = "authenticate"


class Listening(Answer, frozen=True, kw_only=True):
    """The answer to `listen`: the streams that are available of those asked for."""

    streams: tuple[str, ...]


class WatermarkReached(Answer, frozen=True, kw_only=True):
    """The broker has said everything with a data time up to `time` on this connection. Our extension."""

    time: str


class Unrecognised(Answer, frozen=True, kw_only=True):
    """A message of a stream that we do not know, kept whole."""

    stream: str
    raw: str


StreamMessage = Authorization | Listening | TradeUpdate | WatermarkReached | Unrecognised


class Authenticate(Request, frozen=True, kw_only=True):
    """Who listens."""

    key_id: str
    secret_key: str


class Listen(Request, frozen=True, kw_only=True):
    """The whole set of streams to be sent from now on; an empty one ends them all."""

    streams: tuple[str, ...]


StreamRequest = Authenticate | Listen


_NOTHING = msgspec.Raw(b"")


class _Envelope(Struct, frozen=True):
    stream: str
    data: msgspec.Raw


class _Action(Struct, frozen=True, forbid_unknown_fields=True):
    action: Literal["authenticate", "auth", "listen"]
    data: msgspec.Raw = _NOTHING
    key: str | None = None
    secret: str | None = None


_STREAMS: dict[str, type[Authorization | Listening | TradeUpdate | WatermarkReached]] = {
    "authorization": Authorization,
    "listening": Listening,
    TRADE_UPDATES: TradeUpdate,
    WATERMARKS: WatermarkReached,
}
_STREAM_NAMES = {kind: name for name, kind in _STREAMS.items()}
_envelope_decoder = msgspec.json.Decoder(_Envelope)
_action_decoder = msgspec.json.Decoder(_Action)
_Body = TypeVar("_Body")


def encode_stream(message: Authorization | Listening | TradeUpdate | WatermarkReached) -> bytes:
    """A message of the stream in its envelope."""
    return encode({"stream": _STREAM_NAMES[type(message)], "data": message})


def decode_stream(message: bytes | str) -> StreamMessage:
    """What the broker says on `/stream`. Raises BadValue where it is no envelope, or none of its stream's."""
    envelope = _decoded(_envelope_decoder, message)
    kind = _STREAMS.get(envelope.stream)
    if kind is None:
        raw = message if isinstance(message, str) else message.decode(errors="replace")
        return Unrecognised(stream=envelope.stream, raw=raw)
    return decode(bytes(envelope.data), kind)


def encode_stream_request(request: StreamRequest) -> bytes:
    """What a client says on `/stream`."""
    action = "authenticate" if isinstance(request, Authenticate) else "listen"
    return encode({"action": action, "data": request})


def decode_stream_request(message: bytes | str) -> StreamRequest:
    """What a client says on `/stream`, strictly; `auth` with `key` and `secret` is `authenticate`, newer."""
    said = _decoded(_action_decoder, message)
    if said.action == "auth" and said.key is not None and said.secret is not None:
        return Authenticate(key_id=said.key, secret_key=said.secret)
    if not bytes(said.data):
        raise BadValue(f"stream: expected data with {said.action}, found none")
    if said.action == "listen":
        return _decoded(msgspec.json.Decoder(Listen), bytes(said.data))
    return _decoded(msgspec.json.Decoder(Authenticate), bytes(said.data))


def _decoded(decoder: msgspec.json.Decoder[_Body], message: bytes | str) -> _Body:
    try:
        return decoder.decode(message)
    except UNREADABLE as error:
        raise BadValue(f"stream: {error}") from error
