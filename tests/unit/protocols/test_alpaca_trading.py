"""Message bodies are written by hand after Alpaca's published examples; alpaca-py reads what we write."""

import json
from decimal import Decimal

import pytest
from alpaca.trading import models
from alpaca.trading.enums import OrderClass, OrderSide, TimeInForce
from alpaca.trading.requests import (
    LimitOrderRequest,
    StopLossRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)

from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trading import (
    Account,
    Activity,
    ApiError,
    CanceledOrder,
    Clock,
    NewOrder,
    Order,
    Position,
    StopLoss,
    TakeProfit,
    decode,
    decode_new_order,
    encode,
)

ORDER = b"""{
  "id": "61e69015-8549-4bfd-b9c3-01e75843f47d", "client_order_id": "eb9e2aaa-f71a-4f51-b5b4-52a6c565dad4",
  "created_at": "2021-03-16T18:38:01.942282Z", "updated_at": "2021-03-16T18:38:01.942282Z",
  "submitted_at": "2021-03-16T18:38:01.937734Z", "filled_at": null, "expired_at": null, "canceled_at": null,
  "failed_at": null, "replaced_at": null, "replaced_by": null, "replaces": null,
  "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415", "symbol": "AAPL", "asset_class": "us_equity",
  "notional": null, "qty": "15", "filled_qty": "0", "filled_avg_price": null, "order_class": "bracket",
  "order_type": "limit", "type": "limit", "side": "buy", "time_in_force": "day", "limit_price": "102.10",
  "stop_price": null, "status": "%s", "extended_hours": false, "legs": [%s], "trail_percent": null,
  "trail_price": null, "hwm": null, "subtag": null, "source": null }"""
LEG = b"""{
  "id": "904837e3-3b76-47ec-b432-046db621571b", "client_order_id": "a5e46c0a-3bdf-4b5c-b5a5-7c9cd8e0f2d0",
  "created_at": "2021-03-16T18:38:01.942282Z", "updated_at": "2021-03-16T18:38:01.942282Z",
  "submitted_at": "2021-03-16T18:38:01.937734Z", "symbol": "AAPL", "qty": "15", "filled_qty": "0",
  "order_class": "bracket", "order_type": "stop", "type": "stop", "side": "sell", "time_in_force": "day",
  "limit_price": null, "stop_price": "99.5", "status": "held", "extended_hours": false, "legs": null }"""
POSITION = b"""{
  "asset_id": "904837e3-3b76-47ec-b432-046db621571b", "symbol": "AAPL", "exchange": "NASDAQ",
  "asset_class": "us_equity", "avg_entry_price": "100.0", "qty": "%s", "qty_available": "4", "side": "%s",
  "market_value": "600.0", "cost_basis": "500.0", "unrealized_pl": "100.0", "unrealized_plpc": "0.20",
  "unrealized_intraday_pl": "10.0", "unrealized_intraday_plpc": "0.0084", "current_price": "120.0",
  "lastday_price": "119.0", "change_today": "0.0084" }"""
ACCOUNT = b"""{
  "account_blocked": false, "account_number": "010203ABCD", "buying_power": "262113.632", "cash": "-23140.2",
  "created_at": "2019-06-12T22:47:07.99658Z", "currency": "USD", "daytrade_count": 0,
  "daytrading_buying_power": "262113.632", "equity": "103820.56",
  "id": "e6fe16f3-64a4-4921-8928-cadf02f92f98", "initial_margin": "63480.38", "last_equity": "103529.24",
  "last_maintenance_margin": "38000.832",
  "long_market_value": "126960.76", "maintenance_margin": "38088.228", "multiplier": "4",
  "pattern_day_trader": false, "portfolio_value": "103820.56", "regt_buying_power": "80680.36",
  "short_market_value": "0", "shorting_enabled": true, "sma": "0", "status": "ACTIVE",
  "trade_suspended_by_user": false, "trading_blocked": false, "transfers_blocked": false }"""
FILL = b"""{
  "activity_type": "FILL", "cum_qty": "1", "id": "20190524113406977::8efc7b9a-8b2b-4000-9955-d36e7db0df74",
  "leaves_qty": "0", "price": "1.63", "qty": "1", "side": "buy", "symbol": "LPCN",
  "transaction_time": "2019-05-24T15:34:06.977Z", "order_id": "904837e3-3b76-47ec-b432-046db621571b",
  "type": "fill", "order_status": "filled" }"""
FEE = b"""{
  "activity_type": "FEE", "id": "20210301000000000::4a2f1f9a-1e0f-4a8b-9a29-55c3d1d8e6f1",
  "date": "2021-03-01", "net_amount": "-0.02", "description": "REG fee for proceed of 26 shares",
  "status": "executed" }"""
MARKET = {"symbol": "AAPL", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}


def body(**changes: object) -> bytes:
    return json.dumps(MARKET | changes).encode()


def test_an_order_with_its_legs_is_read() -> None:
    order = decode(ORDER % (b"new", LEG), Order)
    assert order.legs is not None
    assert (order.qty, order.filled_avg_price, order.limit_price) == (Decimal(15), None, Decimal("102.10"))
    assert (order.legs[0].status, order.legs[0].stop_price) == ("held", Decimal("99.5"))


def test_a_status_that_nobody_knows_stays_text() -> None:
    assert decode(ORDER % (b"levitating", b""), Order).status == "levitating"


@pytest.mark.parametrize("bad", ("NaN", "Infinity", "ten"))
def test_a_number_that_is_none_is_refused_from_a_broker_too(bad: str) -> None:
    with pytest.raises(BadValue, match="broker's answer"):
        decode((ORDER % (b"new", b"")).replace(b'"15"', f'"{bad}"'.encode()), Order)


def test_an_answer_that_misses_a_required_field_is_refused_by_name() -> None:
    with pytest.raises(BadValue, match="client_order_id"):
        decode(b'{"id": "61e69015-8549-4bfd-b9c3-01e75843f47d"}', Order)


@pytest.mark.parametrize(
    ("qty", "side", "signed"), ((b"5", b"long", 5), (b"-5", b"short", -5), (b"5", b"short", -5))
)
def test_a_position_is_signed_whether_or_not_the_broker_wrote_it(
    qty: bytes, side: bytes, signed: int
) -> None:
    assert decode(POSITION % (qty, side), Position).signed_qty == signed


def test_account_and_activities_are_read_with_fields_that_we_do_not_have() -> None:
    account = decode(ACCOUNT, Account)
    fill, fee = decode(b"[%s, %s]" % (FILL, FEE), tuple[Activity, ...])
    assert (account.cash, account.equity) == (Decimal("-23140.2"), Decimal("103820.56"))
    assert (fill.activity_type, fill.price, fill.date) == ("FILL", Decimal("1.63"), None)
    assert (fee.activity_type, fee.net_amount, fee.order_id) == ("FEE", Decimal("-0.02"), None)


def test_an_error_keeps_its_quantities() -> None:
    found = decode(
        b'{"available":"0","code":40310000,"existing_qty":"10","held_for_orders":"10",'
        b'"message":"insufficient qty available for order (requested: 10, available: 0)","symbol":"AAPL"}',
        ApiError,
    )
    assert (found.code, found.available, found.held_for_orders) == (40310000, Decimal(0), Decimal(10))
    assert decode(b'{"message": "forbidden."}', ApiError).code == 0


@pytest.mark.parametrize(
    ("kind", "text", "theirs"),
    (
        (Order, ORDER % (b"new", LEG), models.Order),
        (Position, POSITION % (b"5", b"long"), models.Position),
        (Account, ACCOUNT, models.TradeAccount),
        (Activity, FILL, models.TradeActivity),
        (Activity, FEE, models.NonTradeActivity),
    ),
    ids=["order", "position", "account", "fill", "fee"],
)
def test_alpaca_py_reads_what_we_write_as_it_reads_the_example(kind: type, text: bytes, theirs: type) -> None:
    named = {"account_id": "e6fe16f3-64a4-4921-8928-cadf02f92f98"} if kind is Activity else {}
    ours = json.loads(encode(decode(text, kind))) | named
    original = json.loads(text) | named
    read, expected = theirs(**ours).model_dump(), theirs(**original).model_dump()
    assert {name: value for name, value in expected.items() if value is not None and name in ours} == {
        name: value for name, value in read.items() if value is not None
    }


def test_alpaca_py_reads_our_clock() -> None:
    clock = Clock(
        timestamp="2026-11-20T14:31:00Z",
        is_open=True,
        next_open="2026-11-23T14:30:00Z",
        next_close="2026-11-20T21:00:00Z",
    )
    assert models.Clock(**json.loads(encode(clock))).next_close.hour == 21


def test_a_list_is_written_for_the_207s() -> None:
    line = CanceledOrder(id="61e69015-8549-4bfd-b9c3-01e75843f47d", status=200)
    assert json.loads(encode([line])) == [{"id": "61e69015-8549-4bfd-b9c3-01e75843f47d", "status": 200}]


def test_what_alpaca_py_sends_is_read() -> None:
    request = LimitOrderRequest(
        symbol="AAPL",
        qty=10,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.GTC,
        limit_price=100.1,
        order_class=OrderClass.BRACKET,
        take_profit=TakeProfitRequest(limit_price=110),
        stop_loss=StopLossRequest(stop_price=95.5),
        client_order_id="mine",
    )
    assert decode_new_order(json.dumps(request.to_request_fields()).encode()) == NewOrder(
        symbol="AAPL",
        qty=Decimal(10),
        side="buy",
        type="limit",
        time_in_force="gtc",
        limit_price=Decimal("100.1"),
        order_class="bracket",
        take_profit=TakeProfit(limit_price=Decimal(110)),
        stop_loss=StopLoss(stop_price=Decimal("95.5")),
        client_order_id="mine",
    )


def test_what_no_venue_of_ours_supports_is_still_read() -> None:
    request = TrailingStopOrderRequest(
        symbol="AAPL", qty=1, side=OrderSide.SELL, time_in_force=TimeInForce.IOC, trail_percent=2.5
    )
    order = decode_new_order(json.dumps(request.to_request_fields()).encode())
    assert (order.type, order.time_in_force, order.trail_percent) == ("trailing_stop", "ioc", Decimal("2.5"))


def test_a_number_keeps_its_own_digits_and_a_floats_noise() -> None:
    text = body(qty=10).replace(b"10", b"1.10")
    assert str(decode_new_order(text).qty) == "1.10"
    assert str(decode_new_order(body(qty=0.1 + 0.2)).qty) == "0.30000000000000004"


def test_null_counts_as_not_given() -> None:
    assert decode_new_order(
        body(order_class=None, limit_price=None, extended_hours=None)
    ) == decode_new_order(body())


@pytest.mark.parametrize(
    ("text", "found"),
    (
        (body(stoploss=1), "unknown field `stoploss`"),
        (body(stop_loss={"stop": 1}), "unknown field `stop`"),
        (body(type="iceberg"), "type: expected one of limit, market"),
        (body(type=None), "missing required field `type`"),
        (body(side="hold"), "side: expected one of buy, sell, found 'hold'"),
        (body(time_in_force="forever"), "time_in_force: expected one of"),
        (body(order_class="triangle"), "order_class: expected one of"),
        (body(position_intent="buy_to_keep"), "position_intent: expected one of"),
        (body(client_order_id="x" * 129), "client_order_id: expected at most 128"),
        (body(qty="NaN"), "qty: expected a finite number"),
        (body(qty="1_0"), "qty: expected a decimal number"),
        (body(qty=" 1"), "qty: expected a decimal number"),
        (body(qty=True), "qty: expected a decimal number"),
        (body(qty=10**400), "qty: expected at most 15 digits"),
        (body().replace(b'"10"', b"1e3000"), "qty: expected at most 15 digits"),
        (body().replace(b'"10"', b"NaN"), "malformed"),
        (body(stop_loss={"stop_price": "x"}), "stop_price: expected a decimal number"),
        (b"[]", "Expected `object`, got `array`"),
        (b"", "truncated"),
        (b'{"symbol": "\xff"}', "utf-8"),
        (b"[" * 100_000, "recursion"),
    ),
)
def test_a_request_that_cannot_be_is_refused_with_what_was_found(text: bytes, found: str) -> None:
    with pytest.raises(BadValue, match=found):
        decode_new_order(text)
