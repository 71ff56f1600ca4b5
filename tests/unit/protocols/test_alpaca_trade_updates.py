"""Message bodies are written by hand after Alpaca's published examples; alpaca-py reads what we write."""

import json
from decimal import Decimal

import pytest
from alpaca.trading.models import TradeUpdate as TheirTradeUpdate

from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trade_updates import (
    Authenticate,
    Authorization,
    Listen,
    Listening,
    TradeUpdate,
    Unrecognised,
    WatermarkReached,
    decode_stream,
    decode_stream_request,
    encode_stream,
    encode_stream_request,
)

FILL = b"""{ "stream": "trade_updates", "data": {
  "event": "%s", "execution_id": "7922ab44-5b33-4049-ab78-0fdd5dc41a9a", "price": "182.4", "qty": "4",
  "position_qty": "-6", "timestamp": "2022-04-19T17:45:38.942282Z", "event_id": "01G1A",
  "order": { "id": "61e69015-8549-4bfd-b9c3-01e75843f47d", "client_order_id": "eb9e2aaa-f71a",
    "created_at": "2022-04-19T17:45:38.9Z", "updated_at": "2022-04-19T17:45:38.9Z",
    "submitted_at": "2022-04-19T17:45:38.9Z", "filled_at": "2022-04-19T17:45:38.9Z", "symbol": "AAPL",
    "qty": "4", "filled_qty": "4", "filled_avg_price": "182.4", "order_class": "", "order_type": "market",
    "type": "market", "side": "sell", "time_in_force": "day", "status": "filled", "extended_hours": false,
    "legs": null } } }"""


def test_a_fill_is_read_from_both_kinds_of_frame() -> None:
    update = decode_stream(FILL % b"fill")
    assert isinstance(update, TradeUpdate)
    assert (update.event, update.price, update.position_qty) == ("fill", Decimal("182.4"), Decimal(-6))
    assert decode_stream((FILL % b"fill").decode()) == update


def test_an_event_and_a_stream_that_nobody_knows_are_kept() -> None:
    update = decode_stream(FILL % b"teleported")
    assert isinstance(update, TradeUpdate)
    assert update.event == "teleported"
    text = '{"stream": "weather", "data": {"sun": true}}'
    assert decode_stream(text) == Unrecognised(stream="weather", raw=text)


@pytest.mark.parametrize(
    ("text", "message"),
    (
        (
            b'{"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}}',
            Authorization(status="authorized"),
        ),
        (
            b'{"stream": "listening", "data": {"streams": ["trade_updates"]}}',
            Listening(streams=("trade_updates",)),
        ),
        (
            b'{"stream": "watermarks", "data": {"time": "2026-11-20T14:31:00Z"}}',
            WatermarkReached(time="2026-11-20T14:31:00Z"),
        ),
    ),
)
def test_the_other_messages_are_read_and_written(
    text: bytes, message: Authorization | Listening | WatermarkReached
) -> None:
    assert decode_stream(text) == message
    assert json.loads(encode_stream(message)) == json.loads(text)


def test_alpaca_py_reads_the_updates_that_we_write() -> None:
    update = decode_stream(FILL % b"fill")
    assert isinstance(update, TradeUpdate)
    envelope = json.loads(encode_stream(update))
    assert envelope["stream"] == "trade_updates"
    theirs = TheirTradeUpdate(**envelope["data"])
    assert theirs == TheirTradeUpdate(**json.loads(FILL % b"fill")["data"])


@pytest.mark.parametrize(
    "text", (b"", b"null", b'{"stream": 1}', b'{"stream": "trade_updates", "data": {}}', b"[" * 100_000)
)
def test_what_is_no_message_is_refused(text: bytes) -> None:
    with pytest.raises(BadValue):
        decode_stream(text)


@pytest.mark.parametrize(
    ("text", "request_"),
    (
        (
            '{"action": "authenticate", "data": {"key_id": "K", "secret_key": "S"}}',
            Authenticate(key_id="K", secret_key="S"),
        ),
        ('{"action": "auth", "key": "K", "secret": "S"}', Authenticate(key_id="K", secret_key="S")),
        ('{"action": "listen", "data": {"streams": ["trade_updates"]}}', Listen(streams=("trade_updates",))),
    ),
)
def test_what_clients_say_is_read(text: str, request_: Authenticate | Listen) -> None:
    assert decode_stream_request(text) == request_
    assert decode_stream_request(encode_stream_request(request_)) == request_


@pytest.mark.parametrize(
    ("text", "found"),
    (
        ('{"action": "dance"}', "dance"),
        ('{"action": "listen"}', "expected data with listen"),
        ('{"action": "auth", "key": "K"}', "expected data with auth"),
        ('{"action": "listen", "data": {"streams": [], "more": 1}}', "unknown field `more`"),
        ('{"action": "authenticate", "data": {"key_id": "K"}}', "secret_key"),
    ),
)
def test_what_clients_must_not_say_is_refused(text: str, found: str) -> None:
    with pytest.raises(BadValue, match=found):
        decode_stream_request(text)
