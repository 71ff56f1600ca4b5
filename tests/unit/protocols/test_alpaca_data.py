import json
from decimal import Decimal
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from alpaca.data.models import Bar as AlpacaBar
from alpaca.data.models import TradingStatus as AlpacaStatus
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, to_datetime
from agenttrader.protocols.alpaca_data import (
    Authenticate,
    Failure,
    Refusal,
    Request,
    Settled,
    Subscribe,
    Subscription,
    Success,
    Unsubscribe,
    codec_of,
    decode,
    decode_request,
    encode,
    encode_request,
    subscription_of,
)
from agenttrader.protocols.alpaca_data_fields import Codec

BAR = Bar(
    symbol=Symbol("ORCA"),
    start=from_rfc3339("2026-11-20T14:30:00Z"),
    interval=MINUTE,
    open=Decimal("182.40"),
    high=Decimal("182.55"),
    low=Decimal("182.3001"),
    close=Decimal("182.31"),
    volume=Decimal(72464),
)
HALT = StatusChange(
    symbol=Symbol("ORCA"),
    time=from_rfc3339("2026-11-20T17:50:00Z"),
    status=TradingStatus.HALTED,
    reason="volatility",
)
MARK = Watermark(time=from_rfc3339("2026-11-20T14:31:00Z"))


def unpack(frame: bytes) -> Any:
    return msgpack.unpackb(frame)


def test_a_bar_in_json_is_alpacas_with_its_own_digits() -> None:
    assert encode([BAR]) == (
        b'[{"T":"b","S":"ORCA","o":182.40,"h":182.55,"l":182.3001,"c":182.31,"v":72464,'
        b'"n":null,"vw":null,"t":"2026-11-20T14:30:00Z"}]'
    )


def test_a_status_in_json_is_alpacas() -> None:
    assert json.loads(encode([HALT])) == [
        {
            "T": "s",
            "S": "ORCA",
            "sc": "H",
            "sm": "Trading Halt",
            "rc": "",
            "rm": "volatility",
            "t": "2026-11-20T17:50:00Z",
            "z": "C",
        }
    ]


def test_alpacas_own_client_reads_our_msgpack() -> None:
    bar, status = unpack(encode([BAR, HALT], Codec.MSGPACK))
    for message in (bar, status):
        message["t"] = message["t"].to_datetime()
    read = AlpacaBar("ORCA", bar)
    assert (read.timestamp, read.open, read.volume) == (to_datetime(BAR.start), 182.4, 72464)
    halted = AlpacaStatus("ORCA", status)
    assert (halted.status_code, halted.reason_message, halted.tape) == ("H", "volatility", "C")


def test_msgpack_times_keep_nanoseconds() -> None:
    [message] = unpack(encode([Watermark(time=Instant(1_795_185_060_123_456_789))], Codec.MSGPACK))
    assert message["t"].to_unix_nano() == 1_795_185_060_123_456_789


prices = st.decimals("0.0001", "99999", places=4)
symbols = st.sampled_from(["ORCA", "BRK.B", "STOAT"]).map(Symbol)
instants = st.integers(0, 4 * 10**9).map(lambda second: Instant(second * 10**9))


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    low, first, last, high = sorted(draw(st.tuples(prices, prices, prices, prices)))
    volume = Decimal(draw(st.integers(0, 10**9)))
    return Bar(
        symbol=draw(symbols),
        start=draw(instants),
        interval=MINUTE,
        open=first,
        high=high,
        low=low,
        close=last,
        volume=volume,
    )


statuses = st.builds(
    StatusChange,
    symbol=symbols,
    time=instants,
    status=st.sampled_from(TradingStatus),
    reason=st.text(min_size=1, max_size=20),
)
events: st.SearchStrategy[MarketEvent] = bars() | statuses | st.builds(Watermark, time=instants)


@given(told=st.lists(events), codec=st.sampled_from(Codec))
def test_what_is_told_is_read_again(told: list[MarketEvent], codec: Codec) -> None:
    assert decode(encode(told, codec), codec) == tuple(told)


@given(
    request=st.builds(Authenticate, key=st.text(), secret=st.text())
    | st.builds(
        Subscribe,
        bars=st.lists(symbols).map(tuple),
        statuses=st.just(("*",)),
        watermarks=st.booleans(),
        since=st.none() | st.just("2026-11-20T14:31:00Z"),
    )
    | st.builds(Unsubscribe, updated_bars=st.just(("ORCA",)))
    | st.builds(Settled, participant=st.text(), t=st.just("2026-11-20T14:31:00Z")),
    codec=st.sampled_from(Codec),
)
def test_what_is_asked_is_read_again(request: Request, codec: Codec) -> None:
    assert decode_request(encode_request(request, codec), codec) == request


@given(answer=st.sampled_from(Refusal), codec=st.sampled_from(Codec))
def test_answers_are_read_again(answer: Refusal, codec: Codec) -> None:
    told = (Success(msg="connected"), answer.because("why"), Subscription(bars=("*",), statuses=("ORCA",)))
    assert decode(encode(told, codec), codec) == told


def test_requests_as_alpaca_writes_them() -> None:
    assert encode_request(Authenticate(key="k", secret="s")) == b'{"action":"auth","key":"k","secret":"s"}'
    assert decode_request('{"bars":["*"],"updatedBars":["ORCA"],"action":"subscribe"}') == Subscribe(
        bars=("*",), updated_bars=("ORCA",)
    )


def test_a_subscription_names_every_channel_as_alpaca_does() -> None:
    assert json.loads(encode([Subscription(bars=("*",))])) == [
        {
            "T": "subscription",
            "trades": [],
            "quotes": [],
            "bars": ["*"],
            "updatedBars": [],
            "dailyBars": [],
            "statuses": [],
            "lulds": [],
            "corrections": [],
            "cancelErrors": [],
        }
    ]


def test_channels_that_carry_nothing_here_are_named_as_the_client_named_them() -> None:
    request = Subscribe(trades=("A",), cancel_errors=("A",), bars=("A",), statuses=("A",), watermarks=True)
    assert request.beyond({"bars", "statuses"}) == ("trades", "cancelErrors")
    assert Unsubscribe(updated_bars=("A",)).asked() == {"updatedBars": ("A",)}


def test_a_subscription_is_made_of_channels_by_their_names() -> None:
    assert subscription_of({"updatedBars": {"B", "A"}, "lulds": ["*"]}) == Subscription(
        updated_bars=("A", "B"), lulds=("*",)
    )


@pytest.mark.parametrize(
    ("request_text", "message"),
    (
        ("", "request: "),
        ("[]", "request: "),
        ('{"action":"fly"}', "Invalid value 'fly'"),
        ('{"action":"auth","key":"k"}', "missing required field `secret`"),
        ('{"action":"subscribe","bar":["*"]}', "unknown field `bar`"),
        ('{"action":"subscribe","bars":"*"}', r"at `\$\.bars`"),
        ('{"action":"subscribe","bars":["\\ud800"]}', "request: "),
        ("[" * 100_000, "request: "),
    ),
)
def test_a_request_that_is_none_is_refused(request_text: str, message: str) -> None:
    with pytest.raises(BadValue, match=message):
        decode_request(request_text)


def test_a_msgpack_request_that_is_none_is_refused() -> None:
    for frame in (b"", b"\xc1", '{"action":"auth"}'):
        with pytest.raises(BadValue, match="request: "):
            decode_request(frame, Codec.MSGPACK)


@pytest.mark.parametrize("kind", ("t", "q", "o", "u", "d", "l", "n", "c", "x", "i", "brand_new"))
def test_kinds_without_a_use_are_passed_over(kind: str) -> None:
    frame = json.dumps([{"T": kind, "S": "ORCA", "p": 1}, {"T": "w", "t": "2026-11-20T14:31:00Z"}])
    assert decode(frame) == (MARK,)


@pytest.mark.parametrize(
    "fields",
    (
        {"o": "NaN"},
        {"h": "Infinity"},
        {"l": 0},
        {"c": 200},
        {"v": -1},
        {"v": "1e3000000"},
        {"o": None},
        {"t": "yesterday"},
        {"t": None},
        {"S": 7},
    ),
)
def test_a_bar_that_cannot_be_is_refused(fields: dict[str, object]) -> None:
    bar = {"T": "b", "S": "ORCA", "o": 182, "h": 183, "l": 181, "c": 182, "v": 9, "t": "2026-11-20T14:30:00Z"}
    assert decode(json.dumps([bar]))
    with pytest.raises(BadValue):
        decode(json.dumps([bar | fields]))


@pytest.mark.parametrize(
    "frame",
    ("", "{}", "[1]", "[{}]", '[{"T":1}]', b"\xff\xfe", "[" * 100_000, "[1.0e99999999999999999999]"),
)
def test_what_is_no_array_of_messages_is_refused(frame: bytes | str) -> None:
    with pytest.raises(BadValue, match="market data: expected"):
        decode(frame)


@pytest.mark.parametrize(
    ("code", "status"),
    (
        *((code, TradingStatus.HALTED) for code in ("2", "H", "P", "Q")),
        *((code, TradingStatus.TRADING) for code in ("3", "T")),
        *((code, None) for code in "56789ACDEF"),
        *((code, TradingStatus.HALTED) for code in ("", "Z", "4", "h", "trading")),
    ),
)
def test_status_codes_of_both_tapes(code: str, status: TradingStatus | None) -> None:
    frame = json.dumps([{"T": "s", "S": "ORCA", "sc": code, "t": "2026-11-20T17:50:00Z"}])
    assert [message.status for message in decode(frame) if isinstance(message, StatusChange)] == (
        [] if status is None else [status]
    )


def test_the_reason_of_a_halt_keeps_its_code() -> None:
    fields = {"T": "s", "S": "A", "sc": "H", "sm": "Trading Halt", "rc": "T12", "rm": "information requested"}
    [change] = decode(json.dumps([fields | {"t": "2026-11-20T17:50:00Z"}]))
    assert isinstance(change, StatusChange)
    assert change.reason == "T12: information requested"
    [unknown] = decode(json.dumps([fields | {"sc": "?", "t": "2026-11-20T17:50:00Z"}]))
    assert isinstance(unknown, StatusChange)
    assert unknown.reason == "unknown status code '?': T12: information requested"


def test_a_subscription_of_a_newer_server_is_read() -> None:
    assert decode('[{"T":"subscription","bars":["*"],"imbalances":[]}]') == (Subscription(bars=("*",)),)


def test_only_minutes_go_over_the_wire() -> None:
    five = Bar(**{field: getattr(BAR, field) for field in BAR.__struct_fields__} | {"interval": 5 * MINUTE})
    with pytest.raises(BadValue, match="expected one minute"):
        encode([five])


@pytest.mark.parametrize(
    ("content_type", "codec"),
    ((None, Codec.JSON), ("application/json", Codec.JSON), ("application/msgpack", Codec.MSGPACK)),
)
def test_the_codec_is_what_the_header_asks(content_type: str | None, codec: Codec) -> None:
    assert codec_of(content_type) is codec


def test_refusals_have_alpacas_codes_and_words_first() -> None:
    assert Refusal.AUTH_FAILED.because() == Failure(code=402, msg="auth failed")
    assert Refusal.INSUFFICIENT_SUBSCRIPTION.because("ask for generated") == Failure(
        code=409, msg="insufficient subscription: ask for generated"
    )
