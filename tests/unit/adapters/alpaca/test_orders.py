"""What is posted, and what each answer means."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.adapters.alpaca.connection import Answer
from agenttrader.adapters.alpaca.orders import answer_to_cancel, answer_to_order, body_of, changes_of
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, Symbol
from agenttrader.model.instructions import Instruction, Replacing
from agenttrader.model.orders import Changes, Leg, OrderType, Side, TimeInForce
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.protocols.alpaca_trading import decode_new_order, decode_replacement, encode

CLIENT_ORDER_ID = ClientOrderId("at-7-0123456789abcdef")
TIME = Instant(55)
Body = Callable[..., dict[str, Any]]


def instruction(**changes: Any) -> Instruction:
    values: dict[str, Any] = {
        "legs": (Leg(Symbol("AAPL")),),
        "side": Side.BUY,
        "quantity": Decimal("10.00"),
        "type": OrderType.MARKET,
        "time_in_force": TimeInForce.DAY,
        "limit_price": None,
        "stop_price": None,
        "stop": None,
        "target": None,
    }
    return Instruction(**(values | changes))


def posted(**changes: Any) -> dict[str, Any]:
    body = encode(body_of(instruction(**changes), CLIENT_ORDER_ID))
    decode_new_order(body)
    read: dict[str, Any] = json.loads(body)
    return read


SPREAD = (Leg(Symbol("AAPL261218C00100000"), 1), Leg(Symbol("AAPL261218C00110000"), -2))
PLAIN = {
    "symbol": "AAPL",
    "side": "buy",
    "qty": "10.00",
    "type": "market",
    "time_in_force": "day",
    "client_order_id": CLIENT_ORDER_ID,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    (
        ({}, PLAIN),
        (
            {"type": OrderType.LIMIT, "limit_price": Decimal("99.90"), "time_in_force": TimeInForce.GTC},
            PLAIN | {"type": "limit", "limit_price": "99.90", "time_in_force": "gtc"},
        ),
        (
            {"type": OrderType.STOP, "stop_price": Decimal(101), "side": Side.SELL},
            PLAIN | {"type": "stop", "stop_price": "101", "side": "sell"},
        ),
        (
            {"stop": Decimal("95.5"), "target": Decimal(110)},
            PLAIN
            | {
                "order_class": "bracket",
                "take_profit": {"limit_price": "110"},
                "stop_loss": {"stop_price": "95.5"},
            },
        ),
        (
            {"stop": Decimal("95.5")},
            PLAIN | {"order_class": "oto", "stop_loss": {"stop_price": "95.5"}},
        ),
        (
            {"target": Decimal(110)},
            PLAIN | {"order_class": "oto", "take_profit": {"limit_price": "110"}},
        ),
        (
            {
                "side": Side.SELL,
                "type": OrderType.LIMIT,
                "time_in_force": TimeInForce.GTC,
                "limit_price": Decimal(110),
                "stop": Decimal("95.5"),
                "pair": True,
            },
            PLAIN
            | {
                "side": "sell",
                "type": "limit",
                "time_in_force": "gtc",
                "order_class": "oco",
                "take_profit": {"limit_price": "110"},
                "stop_loss": {"stop_price": "95.5"},
            },
        ),
        ({"legs": (Leg(Symbol("AAPL"), -1),)}, PLAIN | {"side": "sell"}),
        (
            {
                "type": OrderType.STOP_LIMIT,
                "stop_price": Decimal(101),
                "limit_price": Decimal(102),
                "time_in_force": TimeInForce.GTC,
            },
            PLAIN | {"type": "stop_limit", "stop_price": "101", "limit_price": "102", "time_in_force": "gtc"},
        ),
        (
            {"type": OrderType.TRAILING_STOP, "trail_price": Decimal("1.50"), "side": Side.SELL},
            PLAIN | {"type": "trailing_stop", "trail_price": "1.50", "side": "sell"},
        ),
        (
            {"type": OrderType.TRAILING_STOP, "trail_percent": Decimal(2)},
            PLAIN | {"type": "trailing_stop", "trail_percent": "2"},
        ),
        *(
            ({"time_in_force": time}, PLAIN | {"time_in_force": time.value})
            for time in (TimeInForce.IOC, TimeInForce.FOK, TimeInForce.OPG, TimeInForce.CLS)
        ),
        (
            {"type": OrderType.LIMIT, "limit_price": Decimal(99), "extended_hours": True},
            PLAIN | {"type": "limit", "limit_price": "99", "extended_hours": True},
        ),
    ),
)
def test_an_instruction_is_posted_in_alpacas_words(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    assert posted(**changes) == expected


@pytest.mark.parametrize(
    "changes",
    (
        {"legs": (Leg(Symbol("AAPL"), 2),)},
        {"pair": True, "stop": Decimal(95)},
        {"pair": True, "type": OrderType.LIMIT, "limit_price": Decimal(95)},
        {"legs": SPREAD},
        {"legs": SPREAD, "opens": True, "stop": Decimal(1)},
    ),
)
def test_what_alpaca_has_no_words_for_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match="expected"):
        posted(**changes)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("opens", "does"), ((True, "open"), (False, "close")))
def test_several_options_are_posted_as_mleg_at_their_net_price(side: Side, opens: object, does: str) -> None:
    limit = {"type": OrderType.LIMIT, "limit_price": Decimal("1.50")}
    first, second = (side.value, side.opposite.value)
    legs = [
        {
            "symbol": leg.symbol,
            "ratio_qty": str(abs(leg.ratio)),
            "side": word,
            "position_intent": f"{word}_to_{does}",
        }
        for leg, word in zip(SPREAD, (first, second), strict=True)
    ]
    assert posted(legs=SPREAD, side=side, opens=opens, quantity=Decimal(3), **limit) == {
        "order_class": "mleg",
        "qty": "3",
        "type": "limit",
        "time_in_force": "day",
        "limit_price": "1.50" if side is Side.BUY else "-1.50",
        "client_order_id": CLIENT_ORDER_ID,
        "legs": legs,
    }


def test_only_what_is_to_be_another_is_said_of_an_order_that_is_replaced() -> None:
    changes = Changes(quantity=Decimal(12), trail=Decimal("1.5"), time_in_force=TimeInForce.GTC)
    body = encode(changes_of(Replacing(broker_order_id=BrokerOrderId("b"), changes=changes), CLIENT_ORDER_ID))
    assert decode_replacement(body).limit_price is None
    assert json.loads(body) == {
        "qty": "12",
        "trail": "1.5",
        "time_in_force": "gtc",
        "client_order_id": CLIENT_ORDER_ID,
    }


def answer(status: int, body: object) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_an_order_that_is_taken_is_accepted_with_its_legs(bracket_body: Body) -> None:
    report = answer_to_order(answer(200, bracket_body(status="pending_new")), CLIENT_ORDER_ID, TIME)
    assert report.kind is ReportKind.ACCEPTED
    assert report.broker_order_id == "61e69015-8549-4bfd-b9c3-01e75843f47d"
    assert report.time == from_rfc3339("2026-11-20T15:00:00.058433Z")
    assert [leg.stop_price for leg in report.legs] == [None, Decimal("95.5")]


REFUSED = {"code": 40310000, "message": "insufficient buying power"}
USED = {"code": 40010001, "message": "client_order_id must be unique"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    (
        (403, REFUSED, ReportKind.REJECTED, "insufficient buying power"),
        (422, {"code": 42210000, "message": "invalid side"}, ReportKind.REJECTED, "invalid side"),
        (401, {"code": 40110000, "message": "request is not authorized"}, ReportKind.REJECTED, "authorized"),
        (429, b"", ReportKind.REJECTED, "rate limited"),
        (429, {"code": 42910000, "message": "rate limit exceeded"}, ReportKind.REJECTED, "rate limited"),
        (422, USED, ReportKind.ANSWER_LOST, "must be unique"),
        (404, b"<html>not here</html>", ReportKind.ANSWER_LOST, "404 <html>"),
        (500, {"code": 50010000, "message": "internal server error occurred"}, ReportKind.ANSWER_LOST, "500"),
        (503, REFUSED, ReportKind.ANSWER_LOST, "503"),
        (504, b"", ReportKind.ANSWER_LOST, "504"),
        (200, b"{", ReportKind.ANSWER_LOST, "200"),
        (200, {}, ReportKind.ANSWER_LOST, "200"),
        (302, b"", ReportKind.ANSWER_LOST, "302"),
    ),
)
def test_an_answer_means(status: int, body: object, kind: ReportKind, reason: str) -> None:
    report = answer_to_order(answer(status, body), CLIENT_ORDER_ID, TIME)
    assert (report.kind, report.client_order_id, report.time) == (kind, CLIENT_ORDER_ID, TIME)
    assert reason in report.reason


def test_an_answer_about_another_order_is_no_answer(order_body: Body) -> None:
    other = answer_to_order(answer(200, order_body(client_order_id="x")), CLIENT_ORDER_ID, TIME)
    assert other.kind is ReportKind.ANSWER_LOST


def test_an_order_that_is_taken_and_rejected_is_rejected(order_body: Body) -> None:
    report = answer_to_order(answer(200, order_body(status="rejected")), CLIENT_ORDER_ID, TIME)
    assert (report.kind, report.legs) == (ReportKind.REJECTED, ())


def test_an_order_is_taken_even_where_its_time_is_unreadable(order_body: Body) -> None:
    report = answer_to_order(answer(200, order_body(submitted_at="soon")), CLIENT_ORDER_ID, TIME)
    assert (report.kind, report.time) == (ReportKind.ACCEPTED, TIME)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    (
        (204, b"", ""),
        (200, b"", ""),
        (404, {"code": 40410000, "message": "order not found for 1"}, "order not found for 1"),
        (422, {"code": 42210000, "message": "order is not cancelable"}, "order is not cancelable"),
        (404, b"nginx", None),
        (504, b"", None),
    ),
)
def test_an_answer_to_a_cancel_means(status: int, body: object, expected: str | None) -> None:
    assert answer_to_cancel(answer(status, body)) == expected


def test_a_cancel_that_is_rate_limited_was_refused() -> None:
    assert "rate limited" in (answer_to_cancel(answer(429, b"")) or "")
