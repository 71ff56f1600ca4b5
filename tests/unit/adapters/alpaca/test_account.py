"""An account is read as one, whole, and nothing is believed that was not said."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from agenttrader.adapters.alpaca import account as account_module
from agenttrader.adapters.alpaca.account import AccountReader
from agenttrader.adapters.alpaca.connection import Connection
from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.errors import Unreachable
from agenttrader.model.identifiers import AccountName, ActivityId, BrokerOrderId, ClientOrderId
from agenttrader.model.orders import Side
from agenttrader.model.permits import Permits
from agenttrader.model.reports import BrokerOrder, BrokerPosition, BrokerStatement, ExecutionReport
from agenttrader.model.times import Instant, from_rfc3339

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
POSITION = {
    "asset_id": "904837e3-3b76-47ec-b432-046db621571b",
    "symbol": "AAPL",
    "exchange": "NASDAQ",
    "asset_class": "us_equity",
    "avg_entry_price": "100.0",
    "qty": "5",
    "qty_available": "4",
    "side": "long",
    "market_value": "600.0",
    "cost_basis": "500.0",
    "unrealized_pl": "100.0",
    "unrealized_plpc": "0.20",
    "unrealized_intraday_pl": "10.0",
    "unrealized_intraday_plpc": "0.0084",
    "current_price": "120.0",
    "lastday_price": "119.0",
    "change_today": "0.0084",
}
FEE = {
    "activity_type": "FEE",
    "id": "20261120000000000::1ab1ea84-e3b1-4bd6-b0f4-1d4be8d1c0f7",
    "date": "2026-11-20",
    "net_amount": "-0.02",
    "description": "TAF fee for proceed of 10 shares",
    "status": "executed",
}
Body = Callable[..., dict[str, Any]]
Connect = Callable[..., Connection]


@pytest.fixture
def reader(connect: Connect) -> AccountReader:
    return AccountReader(connect(), lambda: Instant(77))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "READ_AGAIN_SECONDS", (0.0, 0.0, 0.0))


@pytest.fixture
def quiet(server: Any) -> Any:
    """An account without orders, positions or activities."""
    server.answer("GET", "/v2/positions", [])
    server.answer("GET", "/v2/orders", [])
    server.answer("GET", "/v2/account/activities", [])
    return server


def only_others(others: list[dict[str, Any]], fills: Sequence[dict[str, Any]] = ()) -> Any:
    """Activities, told by what is asked for."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(others if "category" in request.query else list(fills))

    return answer


def fee(name: str, date: str, until: str) -> AccountActivity:
    return AccountActivity(
        id=ActivityId(name),
        kind=ActivityKind.FEE,
        word="FEE",
        date=date,
        time=Instant(from_rfc3339(until) - 1),
        amount=Decimal("-0.02"),
    )


async def test_a_statement_has_everything(
    quiet: Any, reader: AccountReader, bracket_body: Body, fill_body: Body
) -> None:
    short = POSITION | {"symbol": "TSLA", "qty": "-3", "side": "short"}
    unsigned = POSITION | {"symbol": "NVDA", "qty": "2", "side": "short"}
    quiet.answer("GET", "/v2/positions", [POSITION, short, unsigned])
    quiet.answer("GET", "/v2/orders", [bracket_body(filled_qty="4", status="partially_filled")])
    earlier = FEE | {"id": "x::1", "date": "2026-11-19"}
    before_open = fill_body(id="x::before", transaction_time="2026-11-20T14:00:00Z")
    others, fills = [earlier, FEE, FEE | {"id": "x::2"}], [before_open, fill_body()]
    quiet.handle("GET", "/v2/account/activities", only_others(others, fills))
    statement = await reader.statement(OPEN)
    assert statement == BrokerStatement(
        account="SIM-1",
        time=from_rfc3339("2026-11-20T15:30:00Z"),
        cash=Decimal("-23140.2"),
        equity=Decimal("103820.56"),
        buying_power=Decimal("262113.632"),
        positions=(
            BrokerPosition(symbol="AAPL", quantity=Decimal(5), average_price=Decimal(100)),  # type: ignore[arg-type]
            BrokerPosition(symbol="NVDA", quantity=Decimal(-2), average_price=Decimal(100)),  # type: ignore[arg-type]
            BrokerPosition(symbol="TSLA", quantity=Decimal(-3), average_price=Decimal(100)),  # type: ignore[arg-type]
        ),
        open_orders=(
            broker_order("61e69015-8549-4bfd-b9c3-01e75843f47d", filled="4", status="partially_filled"),
            broker_order("stop-id", client="stop-cid", side=Side.SELL, status="held"),
            broker_order("target-id", client="target-cid", side=Side.SELL, status="held"),
        ),
        activities=(
            fee("x::1", "2026-11-19", "2026-11-20T05:00:00Z"),
            fee(FEE["id"], "2026-11-20", "2026-11-21T05:00:00Z"),
            fee("x::2", "2026-11-20", "2026-11-21T05:00:00Z"),
        ),
        executions=("8efc7b9a-8b2b-4000-9955-d36e7db0df74",),  # type: ignore[arg-type]
        permits=Permits(
            status="ACTIVE",
            trading_blocked=False,
            account_blocked=False,
            trade_suspended_by_user=False,
            coin_status="ACTIVE",
            shorting=True,
            options_level=None,
        ),
    )


def broker_order(
    broker_id: str,
    *,
    client: str = "at-7-0123456789abcdef",
    side: Side = Side.BUY,
    filled: str = "0",
    status: str = "new",
) -> BrokerOrder:
    return BrokerOrder(
        broker_order_id=BrokerOrderId(broker_id),
        client_order_id=ClientOrderId(client),
        symbol="AAPL",  # type: ignore[arg-type]
        side=side,
        quantity=Decimal(10),
        filled_quantity=Decimal(filled),
        status=status,
    )


async def test_an_entry_that_is_over_is_not_open_and_its_legs_are(
    quiet: Any, reader: AccountReader, bracket_body: Body
) -> None:
    quiet.answer("GET", "/v2/orders", [bracket_body(status="filled", filled_qty="10")])
    statement = await reader.statement(OPEN)
    assert [order.broker_order_id for order in statement.open_orders] == ["stop-id", "target-id"]


async def test_a_status_that_nobody_knows_is_open(
    quiet: Any, reader: AccountReader, order_body: Body
) -> None:
    quiet.answer("GET", "/v2/orders", [order_body(status="levitating")])
    assert [order.status for order in (await reader.statement(OPEN)).open_orders] == ["levitating"]


async def test_an_account_that_moves_is_read_again(
    quiet: Any, reader: AccountReader, order_body: Body
) -> None:
    two = [order_body(id="a"), order_body(id="b")]
    # Each reading asks once for the page and, where it holds something, once for the next.
    quiet.answer("GET", "/v2/orders", two, two, [order_body(id="b")])
    statement = await reader.statement(OPEN)
    assert [order.broker_order_id for order in statement.open_orders] == ["b"]


async def test_marks_move_a_statement_nowhere(quiet: Any, reader: AccountReader, server: Any) -> None:
    def marked(equity: int) -> dict[str, Any]:
        return account(equity=str(equity), buying_power=str(2 * equity))

    server.answer("GET", "/v2/account", marked(1), marked(2), marked(3))
    assert (await reader.statement(OPEN)).equity == Decimal(2)
    assert len(quiet.asked("GET", "/v2/account")) == 2


def account(**changes: Any) -> dict[str, Any]:
    flags = dict.fromkeys(("trading_blocked", "account_blocked", "trade_suspended_by_user"), False)
    plain = {"id": "1", "account_number": "SIM-1", "status": "ACTIVE", "cash": "1", "equity": "1"}
    return plain | {"buying_power": "1"} | flags | changes


async def test_an_account_that_never_rests_gives_no_statement(quiet: Any, reader: AccountReader) -> None:
    quiet.answer("GET", "/v2/account", *(account(cash=str(cash)) for cash in range(20)))
    with pytest.raises(Unreachable, match="found it changed in each of 4"):
        await reader.statement(OPEN)


@pytest.mark.parametrize(
    ("changes", "blocks"),
    (
        ({}, ()),
        ({"trading_blocked": True}, ("trading_blocked",)),
        ({"account_blocked": True}, ("account_blocked",)),
        ({"trade_suspended_by_user": True}, ("trade_suspended_by_user",)),
        ({"trading_blocked": None}, ("trading_blocked",)),
    ),
)
async def test_an_account_is_blocked_unless_it_says_that_it_is_not(
    changes: dict[str, Any], blocks: tuple[str, ...], quiet: Any, reader: AccountReader
) -> None:
    quiet.answer("GET", "/v2/account", account(**changes))
    permits = (await reader.statement(OPEN)).permits
    assert permits.blocks == blocks
    assert permits.is_blocked is bool(blocks)


async def test_what_a_statement_does_not_say_the_account_may_is_not_made_up(
    quiet: Any, reader: AccountReader
) -> None:
    said = {
        "status": "INACTIVE",
        "crypto_status": None,
        "shorting_enabled": False,
        "options_trading_level": 2,
    }
    quiet.answer("GET", "/v2/account", account(**said))
    permits = (await reader.statement(OPEN)).permits
    assert permits == Permits(
        status="INACTIVE",
        trading_blocked=False,
        account_blocked=False,
        trade_suspended_by_user=False,
        coin_status=None,
        shorting=False,
        options_level=2,
    )
    assert permits.is_blocked
    quiet.answer("GET", "/v2/account", account(shorting_enabled=None, options_trading_level=None))
    permits = (await reader.statement(OPEN)).permits
    assert (permits.shorting, permits.options_level) == (None, None)


async def test_a_statement_of_another_account_is_given_as_such(quiet: Any, reader: AccountReader) -> None:
    quiet.answer("GET", "/v2/account", account(account_number="SIM-9"))
    assert (await reader.statement(OPEN)).account == "SIM-9"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    (
        ("/v2/positions", {"code": 50010000, "message": "oops"}, 500),
        ("/v2/positions", "not json", 200),
        ("/v2/positions", [POSITION | {"qty": "NaN"}], 200),
        ("/v2/account", account(cash=None), 200),
        ("/v2/account", "", 401),
        ("/v2/clock", {"timestamp": "noon", "is_open": True, "next_open": "", "next_close": ""}, 200),
    ),
)
async def test_what_cannot_be_read_is_no_statement(
    path: str, body: object, status: int, quiet: Any, reader: AccountReader
) -> None:
    quiet.answer("GET", path, body, status=status)
    with pytest.raises(Unreachable):
        await reader.statement(OPEN)


async def test_an_order_that_cannot_be_compared_gives_no_statement(
    quiet: Any, reader: AccountReader, order_body: Body
) -> None:
    quiet.answer("GET", "/v2/orders", [order_body(qty=None, notional="500")])
    with pytest.raises(Unreachable, match="which cannot compare it"):
        await reader.statement(OPEN)


async def test_pages_are_joined_across_orders_of_one_instant(
    quiet: Any, reader: AccountReader, order_body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_module, "ORDERS_PER_PAGE", 2)
    a, b, c = (order_body(id=name, submitted_at="2026-11-20T15:00:00Z") for name in "abc")
    d = order_body(id="d", submitted_at="2026-11-20T15:30:00Z")
    quiet.answer("GET", "/v2/orders", [a, b], [a, b, c], [c, d], [d], [])
    told = await reader.history(OPEN)
    assert [report.broker_order_id for report in told] == ["a", "b", "c", "d"]
    first, second, *_ = quiet.asked("GET", "/v2/orders")
    assert (first["status"], first["nested"], first["direction"]) == ("all", "true", "asc")
    assert first["after"] == "2026-11-20T14:29:59.999Z"
    assert second["after"] == "2026-11-20T14:59:59.999Z"


async def test_a_page_that_cannot_be_turned_is_no_history(
    quiet: Any, reader: AccountReader, order_body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_module, "ORDERS_PER_PAGE", 2)
    quiet.answer("GET", "/v2/orders", [order_body(id="a"), order_body(id="b")])
    with pytest.raises(Unreachable, match="fewer than 2 of one millisecond"):
        await reader.history(OPEN)


async def test_activities_are_paged_by_their_last_id(
    quiet: Any, reader: AccountReader, fill_body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_module, "ACTIVITIES_PER_PAGE", 2)
    pages = [[fill_body(id="t::e1"), fill_body(id="t::e2")], [fill_body(id="t::e3")]]
    quiet.answer("GET", "/v2/account/activities", *pages, [], *pages, [])
    assert (await reader.statement(OPEN)).executions == ("e1", "e2", "e3")
    first, second, *_ = quiet.asked("GET", "/v2/account/activities")
    assert (first["activity_types"], first["after"]) == ("FILL", "2026-11-20T04:59:59Z")
    assert second["page_token"] == "t::e2"


async def test_other_activities_are_read_some_days_back_whatever_their_type(
    quiet: Any, reader: AccountReader
) -> None:
    """From midnight in New York, a week earlier: a broker posts late."""
    quiet.handle("GET", "/v2/account/activities", only_others([FEE | {"activity_type": "XYZ"}]))
    (activity,) = (await reader.statement(OPEN)).activities
    assert (activity.kind, activity.word) == (ActivityKind.UNTREATED, "XYZ")
    _, others, *_ = quiet.asked("GET", "/v2/account/activities")
    assert (others["category"], others["after"]) == ("non_trade_activity", "2026-11-13T04:59:59Z")


async def test_a_position_in_coins_has_the_name_that_its_orders_have(
    quiet: Any, reader: AccountReader
) -> None:
    coins = POSITION | {"symbol": "BTCUSD", "asset_class": "crypto", "qty": "0.5"}
    quiet.answer("GET", "/v2/positions", [POSITION, coins])
    held = (await reader.statement(OPEN)).positions
    assert [position.symbol for position in held] == ["AAPL", "BTC/USD"]


def kinds(told: tuple[ExecutionReport, ...]) -> list[str]:
    return [report.kind.value for report in told]


async def test_history_tells_orders_with_their_fills_oldest_first(
    quiet: Any, reader: AccountReader, order_body: Body, fill_body: Body
) -> None:
    late = order_body(
        id="late", submitted_at="2026-11-20T15:10:00Z", status="canceled", canceled_at="2026-11-20T15:20:00Z"
    )
    early = order_body(status="filled", filled_qty="10")
    quiet.answer("GET", "/v2/orders", [early, late])
    quiet.answer("GET", "/v2/account/activities", [fill_body(transaction_time="2026-11-20T15:15:00Z")])
    told = await reader.history(OPEN)
    assert kinds(told) == ["accepted", "accepted", "filled", "canceled"]
    assert await reader.history(OPEN) == told


async def test_a_leg_that_outlives_its_entry_is_told_once(
    quiet: Any, reader: AccountReader, bracket_body: Body
) -> None:
    entry = bracket_body(status="canceled", canceled_at="2026-11-20T15:20:00Z")
    leg = entry["legs"][1] | {"status": "new"}
    entry["legs"][1] = leg
    quiet.answer("GET", "/v2/orders", [entry], [entry], [leg])
    told = await reader.history(OPEN)
    assert [(report.kind.value, report.broker_order_id) for report in told] == [
        ("accepted", entry["id"]),
        ("canceled", entry["id"]),
    ]


async def test_an_order_of_yesterday_that_filled_today_is_told_too(
    quiet: Any, reader: AccountReader, order_body: Body, fill_body: Body
) -> None:
    old = order_body(id="old", submitted_at="2026-11-19T15:00:00Z", status="filled", filled_qty="12")
    yesterday = fill_body(id="t::y", order_id="old", qty="2", transaction_time="2026-11-19T15:01:00Z")
    today = fill_body(id="t::x", order_id="old")

    async def since(request: web.Request) -> web.StreamResponse:
        is_today = request.query["after"] == "2026-11-19T23:59:59Z"
        return web.json_response([today] if is_today else [yesterday, today])

    quiet.handle("GET", "/v2/account/activities", since)
    quiet.answer("GET", "/v2/orders/old", old)
    told = await reader.history(OPEN)
    assert [report.execution.id for report in told if report.execution] == ["y", "x"]
    assert kinds(told) == ["accepted", "filled", "filled"]


async def test_a_broker_whose_fills_lag_is_asked_again(
    quiet: Any, reader: AccountReader, order_body: Body, fill_body: Body
) -> None:
    quiet.answer("GET", "/v2/orders", [order_body(status="filled", filled_qty="10")])
    quiet.answer("GET", "/v2/account/activities", [], [], [fill_body()])
    assert kinds(await reader.history(OPEN)) == ["accepted", "filled"]


async def test_fills_that_never_come_are_said_to_be_missing(
    quiet: Any, reader: AccountReader, order_body: Body
) -> None:
    quiet.answer("GET", "/v2/orders", [order_body(status="filled", filled_qty="10")])
    assert "unrecognised" in kinds(await reader.history(OPEN))


async def test_history_of_another_account_is_none_of_ours(quiet: Any, connect: Connect) -> None:
    reader = AccountReader(connect(account=AccountName("SIM-2")), lambda: Instant(77))
    for question in (reader.history(OPEN), reader.find(ClientOrderId("x"), OPEN)):
        with pytest.raises(Unreachable, match="expected account SIM-2"):
            await question
    assert quiet.asked("GET", "/v2/orders") == []


FOUND = "/v2/orders:by_client_order_id"


async def test_an_order_is_found_with_fills_and_end(
    quiet: Any, reader: AccountReader, order_body: Body, fill_body: Body
) -> None:
    order = order_body(status="canceled", filled_qty="4", canceled_at="2026-11-20T15:20:00Z")
    quiet.answer("GET", FOUND, order)
    quiet.answer(
        "GET", "/v2/account/activities", [fill_body(qty="4"), fill_body(id="t::o", order_id="other")]
    )
    told = await reader.find(ClientOrderId("at-7-0123456789abcdef"), OPEN)
    assert kinds(told) == ["accepted", "filled", "canceled"]
    assert quiet.asked("GET", FOUND) == [{"client_order_id": "at-7-0123456789abcdef"}]


async def test_legs_are_asked_for_where_they_are_left_out(
    quiet: Any, reader: AccountReader, bracket_body: Body
) -> None:
    whole = bracket_body()
    quiet.answer("GET", FOUND, whole | {"legs": None})
    quiet.answer("GET", f"/v2/orders/{whole['id']}", whole)
    (report,) = await reader.find(ClientOrderId("x"), OPEN)
    assert len(report.legs) == 2


async def test_an_order_that_the_broker_does_not_know_is_not_found(quiet: Any, reader: AccountReader) -> None:
    quiet.answer("GET", FOUND, {"code": 40410000, "message": "order not found for x"}, status=404)
    (report,) = await reader.find(ClientOrderId("x"), OPEN)
    assert (report.kind.value, report.client_order_id, report.time) == ("not_found", "x", OPEN)


@pytest.mark.parametrize("body", ("<html>nginx</html>", {"code": 1, "message": "no such route"}))
async def test_somebody_elses_404_says_nothing_of_the_order(
    body: object, quiet: Any, reader: AccountReader
) -> None:
    quiet.answer("GET", FOUND, body, status=404)
    with pytest.raises(Unreachable):
        await reader.find(ClientOrderId("x"), OPEN)
