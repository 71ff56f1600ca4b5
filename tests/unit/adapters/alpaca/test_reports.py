"""Alpaca's own bodies, written by hand after its reference, become reports, and nothing else."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.adapters.alpaca.reports import (
    lacks_fills,
    reports_of_order,
    reports_of_update,
    side_of,
    unrecognised,
)
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.reports import Execution, ExecutionReport, ReportedLeg, ReportKind, StatedOrder
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.protocols.alpaca_trade_updates import EVENTS, TradeUpdate, decode_stream
from agenttrader.protocols.alpaca_trading import Activity, Order, decode

NOW = Instant(77)
K = ReportKind
Body = Callable[..., dict[str, Any]]

FILL = """
{"stream":"trade_updates","data":{"event":"fill","event_id":"01HZ","execution_id":"2f63ea93-423d-4169-b3f6-3fdafc10c418",
"order":{"asset_class":"us_equity","asset_id":"1cf35270-99ee-44e2-a77f-6fab902c7f80","cancel_requested_at":null,
"canceled_at":null,"client_order_id":"at-12-00112233445566aa","created_at":"2026-11-20T14:59:01.1Z","expired_at":null,
"extended_hours":false,"failed_at":null,"filled_at":"2026-11-20T14:59:02.2Z","filled_avg_price":"107.83",
"filled_qty":"2.5","hwm":null,"id":"4642fd68-d59a-47f9-a9ac-e22f536828d1","legs":null,"limit_price":"107.9",
"notional":null,"order_class":"","order_type":"limit","position_intent":"sell_to_close","qty":"2.5","replaced_at":null,
"replaced_by":null,"replaces":null,"side":"sell","status":"filled","stop_price":null,"submitted_at":"2026-11-20T14:59:01Z",
"symbol":"TSLA","time_in_force":"gtc","trail_percent":null,"trail_price":null,"type":"limit",
"updated_at":"2026-11-20T14:59:02.3Z"},
"position_qty":"0","price":"107.83","qty":"2.5","timestamp":"2026-11-20T14:59:02.204656Z"}}
"""


def update(event: str, order: dict[str, Any], **fields: Any) -> tuple[TradeUpdate, str]:
    data = {"event": event, "timestamp": "2026-11-20T15:01:00Z", "order": order} | fields
    raw = json.dumps({"stream": "trade_updates", "data": data})
    read = decode_stream(raw)
    assert isinstance(read, TradeUpdate)
    return read, raw


def told(event: str, order: dict[str, Any], **fields: Any) -> tuple[ExecutionReport, ...]:
    return reports_of_update(*update(event, order, **fields), NOW)


def test_a_fill_as_alpaca_documents_it() -> None:
    read = decode_stream(FILL.encode())
    assert isinstance(read, TradeUpdate)
    assert reports_of_update(read, FILL, NOW) == (
        ExecutionReport(
            kind=ReportKind.FILLED,
            client_order_id="at-12-00112233445566aa",  # type: ignore[arg-type]
            broker_order_id="4642fd68-d59a-47f9-a9ac-e22f536828d1",  # type: ignore[arg-type]
            time=from_rfc3339("2026-11-20T14:59:02.204656Z"),
            execution=Execution(
                id="2f63ea93-423d-4169-b3f6-3fdafc10c418",  # type: ignore[arg-type]
                symbol="TSLA",  # type: ignore[arg-type]
                side=Side.SELL,
                quantity=Decimal("2.5"),
                price=Decimal("107.83"),
            ),
        ),
    )


EXPECTED = {
    "accepted": ReportKind.ACCEPTED,
    "calculated": None,
    "canceled": ReportKind.CANCELED,
    "done_for_day": ReportKind.DONE_FOR_DAY,
    "expired": ReportKind.EXPIRED,
    "fill": ReportKind.FILLED,
    "new": ReportKind.ACCEPTED,
    "order_cancel_rejected": ReportKind.CANCEL_REFUSED,
    "order_replace_rejected": ReportKind.REPLACE_REFUSED,
    "partial_fill": ReportKind.FILLED,
    "pending_cancel": None,
    "pending_new": None,
    "pending_replace": None,
    "rejected": ReportKind.REJECTED,
    "replaced": ReportKind.REPLACED,
    "restated": ReportKind.RESTATED,
    "stopped": None,
    "suspended": ReportKind.SUSPENDED,
    "trade_bust": ReportKind.BUSTED,
    "trade_correct": (ReportKind.BUSTED, ReportKind.FILLED),
    "weird": ReportKind.UNRECOGNISED,
}


def test_the_table_names_every_event_that_alpaca_documents() -> None:
    assert set(EXPECTED) - {"weird"} == EVENTS


@pytest.mark.parametrize(("event", "kind"), tuple(EXPECTED.items()))
def test_an_event_has_its_report(
    event: str, kind: ReportKind | tuple[ReportKind, ...] | None, order_body: Body
) -> None:
    found = told(event, order_body(), execution_id="e-1", previous_execution_id="e-0", price="100", qty="3")
    kinds = kind if isinstance(kind, tuple) else () if kind is None else (kind,)
    assert tuple(report.kind for report in found) == kinds
    for report in found:
        assert report.client_order_id == "at-7-0123456789abcdef"
        assert report.time == from_rfc3339("2026-11-20T15:01:00Z")


def test_what_was_said_is_kept_where_it_matters(order_body: Body) -> None:
    for event in ("restated", "weird"):
        read, raw = update(event, order_body())
        (report,) = reports_of_update(read, raw, NOW)
        assert report.raw == raw


def test_an_entry_is_accepted_with_its_legs(bracket_body: Body) -> None:
    (report,) = told("new", bracket_body())
    assert report.legs == (
        ReportedLeg(
            broker_order_id="target-id",  # type: ignore[arg-type]
            client_order_id="target-cid",  # type: ignore[arg-type]
            limit_price=Decimal(110),
            stop_price=None,
        ),
        ReportedLeg(
            broker_order_id="stop-id",  # type: ignore[arg-type]
            client_order_id="stop-cid",  # type: ignore[arg-type]
            limit_price=None,
            stop_price=Decimal("95.5"),
        ),
    )


def test_an_entry_that_is_told_without_its_legs_is_left_to_the_answer(bracket_body: Body) -> None:
    assert told("new", bracket_body(legs=None)) == ()


def test_a_fill_brings_the_legs_along(bracket_body: Body) -> None:
    (report,) = told("fill", bracket_body(), execution_id="e", price="100", qty="10")
    assert [leg.broker_order_id for leg in report.legs] == ["target-id", "stop-id"]


def test_a_correction_of_nobody_knows_what_is_no_report_that_we_know(order_body: Body) -> None:
    (report,) = told("trade_correct", order_body(), execution_id="e-2", price="99.5", qty="3")
    assert report.kind is ReportKind.UNRECOGNISED


def test_a_correction_takes_one_execution_back_and_tells_another(order_body: Body) -> None:
    taken_back, told_anew = told(
        "trade_correct", order_body(), execution_id="e-2", previous_execution_id="e-1", price="99.5", qty="3"
    )
    assert (taken_back.kind, told_anew.kind) == (ReportKind.BUSTED, ReportKind.FILLED)
    assert taken_back.execution is not None
    assert told_anew.execution is not None
    assert taken_back.execution.id == "e-1"
    assert told_anew.execution.corrects == "e-1"
    assert (told_anew.execution.id, told_anew.execution.price) == ("e-2", Decimal("99.5"))


def test_a_bust_names_the_execution_that_it_takes_back(order_body: Body) -> None:
    (report,) = told("trade_bust", order_body(), execution_id="bust", previous_execution_id="e-1")
    assert report.execution is not None
    assert report.execution.id == "e-1"


@pytest.mark.parametrize(
    "fields",
    (
        {"price": "100", "qty": "3"},
        {"execution_id": "e", "qty": "3"},
        {"execution_id": "e", "price": "100"},
        {"execution_id": "e", "price": "0", "qty": "3"},
        {"execution_id": "e", "price": "100", "qty": "-3"},
        {"execution_id": "e", "price": "100", "qty": "3", "timestamp": "yesterday"},
    ),
)
def test_a_fill_that_is_none_is_unrecognised(fields: dict[str, Any], order_body: Body) -> None:
    (report,) = told("fill", order_body(), **fields)
    assert report.kind is ReportKind.UNRECOGNISED
    assert report.time == NOW
    assert report.broker_order_id == "61e69015-8549-4bfd-b9c3-01e75843f47d"
    assert report.reason
    assert report.raw


def order(body: dict[str, Any]) -> Order:
    return decode(json.dumps(body), Order)


def fills(*given: dict[str, Any]) -> dict[str, list[Activity]]:
    read: dict[str, list[Activity]] = {}
    for body in given:
        read.setdefault(body["order_id"], []).append(decode(json.dumps(body), Activity))
    return read


def kinds(reports: tuple[ExecutionReport, ...]) -> list[str]:
    return [report.kind.value for report in reports]


def test_a_whole_life_is_told_in_order(bracket_body: Body, order_body: Body, fill_body: Body) -> None:
    leg = {"order_class": "bracket", "side": "sell"}
    target = order_body(id="target-id", status="filled", filled_qty="10", limit_price="110", **leg)
    stop = order_body(
        id="stop-id", status="canceled", stop_price="95", canceled_at="2026-11-20T15:20:00Z", **leg
    )
    entry = order(bracket_body(status="filled", filled_qty="10", legs=[target, stop]))
    first = fill_body(qty="4", id="a::e1", type="partial_fill")
    rest = fill_body(qty="6", id="b::e2", transaction_time="2026-11-20T15:05:00Z")
    out = fill_body(
        id="c::e3", order_id="target-id", side="sell", transaction_time="2026-11-20T15:20:00Z", price="110"
    )
    found = reports_of_order(entry, fills(out, first, rest), NOW)
    assert kinds(found) == ["accepted", "filled", "filled", "filled", "canceled"]
    assert [report.execution.id for report in found if report.execution] == ["e1", "e2", "e3"]
    assert [report.broker_order_id for report in found][3:] == ["target-id", "stop-id"]


@pytest.mark.parametrize(
    ("status", "field", "kind"),
    (
        ("canceled", "canceled_at", "canceled"),
        ("expired", "expired_at", "expired"),
        ("replaced", "replaced_at", "replaced"),
        ("done_for_day", "updated_at", "done_for_day"),
        ("suspended", "updated_at", "suspended"),
    ),
)
def test_an_end_has_its_own_time(status: str, field: str, kind: str, order_body: Body) -> None:
    found = reports_of_order(order(order_body(status=status, **{field: "2026-11-20T16:00:00Z"})), {}, NOW)
    assert kinds(found) == ["accepted", kind]
    assert found[-1].time == from_rfc3339("2026-11-20T16:00:00Z")


def test_a_rejected_order_was_never_accepted_and_has_no_legs(bracket_body: Body) -> None:
    found = reports_of_order(
        order(bracket_body(status="rejected", failed_at="2026-11-20T15:00:01Z")), {}, NOW
    )
    assert kinds(found) == ["rejected"]


@pytest.mark.parametrize(
    "status", ("new", "accepted", "pending_new", "held", "partially_filled", "pending_cancel")
)
def test_an_order_that_works_is_accepted_and_no_more(status: str, order_body: Body) -> None:
    assert kinds(reports_of_order(order(order_body(status=status)), {}, NOW)) == ["accepted"]


def test_a_status_that_nobody_knows_is_unrecognised(order_body: Body) -> None:
    found = reports_of_order(order(order_body(status="levitating")), {}, NOW)
    assert kinds(found) == ["unrecognised", "accepted"]
    assert "levitating" in found[0].reason


def test_fills_that_do_not_add_up_are_seen_and_said(order_body: Body, fill_body: Body) -> None:
    filled = order(order_body(status="filled", filled_qty="10"))
    part = fills(fill_body(qty="4"))
    assert lacks_fills(filled, part)
    assert "unrecognised" in kinds(reports_of_order(filled, part, NOW))
    assert not lacks_fills(filled, fills(fill_body(qty="4"), fill_body(qty="6")))


def test_fills_of_other_orders_are_theirs(order_body: Body, fill_body: Body) -> None:
    found = reports_of_order(order(order_body()), fills(fill_body(order_id="another")), NOW)
    assert kinds(found) == ["accepted"]


def test_a_short_sale_is_a_sale() -> None:
    assert side_of("sell_short") is Side.SELL
    with pytest.raises(BadValue, match="side: expected one of buy, sell"):
        side_of("hold")


def test_a_broker_that_rambles_is_cut() -> None:
    assert len(unrecognised("x" * 100_000, NOW, "long").raw) == 4_000


def test_an_order_in_the_place_of_another_begins_with_what_that_had_filled(
    order_body: Body, fill_body: Body
) -> None:
    new = order(order_body(id="new", replaces="old", status="partially_filled", qty="10", filled_qty="7"))
    own = fills(fill_body(order_id="new", qty="3"))
    assert lacks_fills(new, own)
    assert not lacks_fills(new, own, {"new": Decimal(4)})
    assert kinds(reports_of_order(new, own, NOW, {"new": Decimal(4)})) == ["accepted", "filled"]
    assert "unrecognised" in kinds(reports_of_order(new, own, NOW))


def test_a_leg_in_the_place_of_another_is_told_as_an_order_of_its_own(bracket_body: Body) -> None:
    body = bracket_body()
    body["legs"][0] |= {"replaces": "old", "client_order_id": "ours"}
    told = reports_of_order(order(body), {}, NOW)
    assert [report.client_order_id for report in told if report.kind is ReportKind.ACCEPTED][1:] == ["ours"]


def package_body(order_body: Body, status: str = "new", filled: str = "0") -> dict[str, Any]:
    """An order of two options, as Alpaca's reference writes one: the whole has no symbol."""
    plain = {"order_class": "mleg", "status": status, "limit_price": None}
    long = {
        "symbol": "AAPL261218C00100000",
        "side": "buy",
        "qty": "2",
        "filled_qty": filled,
        "ratio_qty": "1",
    }
    short = {"symbol": "AAPL261218C00110000", "side": "sell", "qty": "4", "filled_qty": "0", "ratio_qty": "2"}
    legs = [
        order_body(id="long-id", client_order_id="long-cid", **plain | long),
        order_body(id="short-id", client_order_id="short-cid", **plain | short),
    ]
    whole = {"symbol": "", "side": "", "asset_id": "", "qty": "2", "type": "limit", "limit_price": "1.5"}
    return order_body(**plain | whole | {"legs": legs})


def test_an_order_of_several_legs_is_accepted_with_the_id_of_each(order_body: Body) -> None:
    (accept,) = reports_of_order(order(package_body(order_body)), {}, NOW)
    assert (accept.kind, accept.stated) == (ReportKind.ACCEPTED, None)
    assert [(leg.symbol, leg.broker_order_id) for leg in accept.legs] == [
        ("AAPL261218C00100000", "long-id"),
        ("AAPL261218C00110000", "short-id"),
    ]
    (streamed,) = told("new", package_body(order_body))
    assert streamed.legs == accept.legs
    assert told("new", package_body(order_body) | {"legs": None}) == (), "its answer tells it with its legs"


def test_its_fills_are_those_of_its_legs_and_its_end_is_its_own(order_body: Body) -> None:
    body = package_body(order_body)
    numbers = {"execution_id": "e-1", "price": "2.01", "qty": "2"}
    assert told("fill", body, **numbers) == ()
    (fill,) = told("partial_fill", body["legs"][1], **numbers)
    assert fill.execution is not None
    assert (fill.kind, fill.broker_order_id, fill.execution.side) == (K.FILLED, "short-id", Side.SELL)
    assert [report.kind for report in told("canceled", body)] == [K.CANCELED]
    for event in ("new", "canceled", "expired"):
        assert told(event, body["legs"][0]) == ()


def test_its_past_is_told_once(order_body: Body, fill_body: Body) -> None:
    whole = order(package_body(order_body, status="canceled", filled="2"))
    made = fills(fill_body(qty="2", symbol="AAPL261218C00100000", order_id="long-id"))
    assert lacks_fills(whole, {})
    assert not lacks_fills(whole, made)
    kinds = {report.kind for report in reports_of_order(whole, made, NOW)}
    assert kinds == {K.ACCEPTED, K.FILLED, K.CANCELED}
    assert whole.legs is not None
    alone = reports_of_order(whole.legs[0], made, NOW)
    assert [report.kind for report in alone] == [K.FILLED], "a leg by itself tells its fills"


def test_a_plain_order_is_stated_with_its_accept_and_no_other_is(
    order_body: Body, bracket_body: Body
) -> None:
    made = order(order_body(side="sell_short", qty="1.5", type="market"))
    (accept,) = reports_of_order(made, {}, NOW)
    assert accept.stated == StatedOrder(
        broker_order_id=BrokerOrderId(made.id),
        client_order_id=ClientOrderId(made.client_order_id),
        symbol=Symbol("AAPL"),
        side=Side.SELL,
        type="market",
        quantity=Decimal("1.5"),
        time=accept.time,
    )
    for fields in ({"qty": None}, {"symbol": None}, {"side": "sideways"}, {"order_class": "oto"}):
        assert reports_of_order(order(order_body(**fields)), {}, NOW)[0].stated is None, fields
    assert reports_of_order(order(bracket_body()), {}, NOW)[0].stated is None
