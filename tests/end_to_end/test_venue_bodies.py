"""The venue's bodies against what Alpaca documents, written by hand from its pages and not from our code.

Each body is a whole answer of one scripted minute: every field that the page has, under its name and in its
JSON type (amounts and quantities as text, but for the history). `ID`, `TIME` and `DAY` stand for any UUID,
any RFC 3339 time and any date. What a page has and the venue leaves out is listed beside the body, so that
it is left out knowingly; what the venue tells besides is not compared.
"""

import json
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen
from agenttrader.testing.small_venue import COIN, OPEN, SECRET, SmallVenue

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
ACTIVITY_ID = re.compile(rf"\d{{17}}::{ID.pattern}")
HEADERS = {"APCA-API-KEY-ID": "KEY-1", "APCA-API-SECRET-KEY": SECRET}
Body = dict[str, Any]

# docs.alpaca.markets/reference/postorder, "Order"
ORDER: Body = {
    "id": ID,
    "client_order_id": "first",
    "created_at": TIME,
    "updated_at": TIME,
    "submitted_at": TIME,
    "filled_at": None,
    "expired_at": None,
    "canceled_at": None,
    "failed_at": None,
    "replaced_at": None,
    "replaced_by": None,
    "replaces": None,
    "asset_id": ID,
    "symbol": "ALFA",
    "asset_class": "us_equity",
    "notional": None,
    "qty": "2",
    "filled_qty": "0",
    "filled_avg_price": None,
    "order_class": "",
    "order_type": "market",
    "type": "market",
    "side": "buy",
    "time_in_force": "day",
    "limit_price": None,
    "stop_price": None,
    "status": "new",
    "extended_hours": False,
    "legs": None,
    "trail_percent": None,
    "trail_price": None,
    "hwm": None,
}
FILLED = ORDER | {"filled_at": TIME, "filled_qty": "2", "filled_avg_price": "100.00", "status": "filled"}
LEG = ORDER | {
    "client_order_id": ID,
    "order_class": "bracket",
    "order_type": "limit",
    "type": "limit",
    "side": "sell",
    "limit_price": "110.00",
    "status": "held",
}
STOP_LEG = LEG | {"order_type": "stop", "type": "stop", "limit_price": None, "stop_price": "90.00"}
BRACKET = ORDER | {"client_order_id": "bracket", "order_class": "bracket", "legs": [LEG, STOP_LEG]}

# docs.alpaca.markets/reference/getallopenpositions, "Position"
POSITION: Body = {
    "asset_id": ID,
    "symbol": "ALFA",
    "exchange": "",
    "asset_class": "us_equity",
    "avg_entry_price": "100.00",
    "qty": "2",
    "qty_available": "2",
    "side": "long",
    "market_value": "202.00",
    "cost_basis": "200.00",
    "unrealized_pl": "2.00",
    "unrealized_plpc": "0.010000",
    "unrealized_intraday_pl": "2.00",
    "unrealized_intraday_plpc": "0.010000",
    "current_price": "101.00",
    "lastday_price": None,  # the venue's first day has none before it
    "change_today": None,
    "asset_marginable": True,
}

# docs.alpaca.markets/reference/getaccount-1, "Account". Left out: admin_configurations, user_configurations,
# effective_buying_power, bod_dtbp, pending_transfer_in, pending_transfer_out, position_market_value, sma,
# balance_asof, crypto_tier, intraday_adjustments, pending_reg_taf_fees.
ACCOUNT: Body = {
    "id": ID,
    "account_number": "DEMO-1",
    "status": "ACTIVE",
    "crypto_status": "ACTIVE",
    "currency": "USD",
    "cash": "99800.00",  # buying power is less by what the bracket sets aside: 2 at 101 and 3 % more
    "portfolio_value": "100002.00",
    "non_marginable_buying_power": "99591.94",
    "options_buying_power": "99591.94",
    "options_approved_level": 0,
    "options_trading_level": 0,
    "accrued_fees": "0.00",
    "pattern_day_trader": False,
    "trade_suspended_by_user": False,
    "trading_blocked": False,
    "transfers_blocked": False,
    "account_blocked": False,
    "created_at": TIME,
    "shorting_enabled": False,
    "long_market_value": "202.00",
    "short_market_value": "0.00",
    "equity": "100002.00",
    "last_equity": "100000.00",
    "multiplier": "1",
    "buying_power": "99591.94",
    "initial_margin": "0.00",
    "maintenance_margin": "0.00",
    "daytrade_count": 0,
    "last_maintenance_margin": "0.00",
    "daytrading_buying_power": "0.00",
    "regt_buying_power": "99591.94",
}

# docs.alpaca.markets/reference/get-v2-assets, "Assets". Left out: cusip, margin_requirement_long and _short,
# maintenance_margin_requirement.
ASSET: Body = {
    "id": ID,
    "class": "us_equity",
    "exchange": "",
    "symbol": "ALFA",
    "name": "ALFA (simulated)",
    "status": "active",
    "tradable": True,
    "marginable": True,
    "shortable": True,
    "easy_to_borrow": True,
    "fractionable": False,
    "attributes": [],
}
COIN_ASSET = ASSET | {
    "class": "crypto",
    "exchange": "CRYPTO",
    "symbol": COIN,
    "name": f"{COIN} (simulated)",
    "marginable": False,
    "shortable": False,
    "easy_to_borrow": False,
    "fractionable": True,
    "min_order_size": "0.000000001",
    "min_trade_increment": "0.000000001",
    "price_increment": "0.01",
}

SPLIT = CorporateActionSeen(
    symbol="BRVO",
    time=Instant(OPEN + MINUTE + 1),
    kind=CorporateActionKind.SPLIT,
    new_rate=Decimal(7),
    old_rate=Decimal(1),
)
BODIES: dict[str, Any] = {
    "/v2/account": ACCOUNT,
    "/v2/orders/{first}": FILLED,
    "/v2/orders:by_client_order_id?client_order_id=first": FILLED,
    "/v2/orders?nested=true": [BRACKET],
    "/v2/positions": [POSITION],
    "/v2/positions/ALFA": POSITION,
    "/v2/assets/ALFA": ASSET,
    "/v2/assets?asset_class=crypto": [COIN_ASSET],
    # docs.alpaca.markets/reference/getaccountconfig, "AccountConfigurations"
    "/v2/account/configurations": {
        "dtbp_check": "entry",
        "trade_confirm_email": "none",
        "suspend_trade": False,
        "no_shorting": False,
        "fractional_trading": True,
        "max_margin_multiplier": "1",
        "max_options_trading_level": 0,
        "pdt_check": "entry",
        "ptp_no_exception_entry": False,
        "disable_overnight_trading": True,
    },
    # docs.alpaca.markets/reference/getaccountportfoliohistory, "PortfolioHistory"; base_value_asof is left
    # out for an account without a close before.
    "/v2/account/portfolio/history?period=1D&timeframe=1H": {
        "timestamp": [OPEN // 10**9],
        "equity": [100_002],
        "profit_loss": [2],
        "profit_loss_pct": [0.00002],
        "base_value": 100_000,
        "timeframe": "1H",
    },
    # docs.alpaca.markets/reference/getaccountactivitiesbyactivitytype-1, "TradingActivities"
    "/v2/account/activities/FILL": [
        {
            "id": ACTIVITY_ID,
            "activity_type": "FILL",
            "transaction_time": TIME,
            "type": "fill",
            "price": "100.00",
            "qty": "2",
            "side": "buy",
            "symbol": "ALFA",
            "leaves_qty": "0",
            "order_id": ID,
            "cum_qty": "2",
            "order_status": "filled",
        }
    ],
    # docs.alpaca.markets/reference/getclock-1, in New York's time
    "/v2/clock": {
        "timestamp": "2026-11-20T09:33:00.000000000-05:00",
        "is_open": True,
        "next_open": "2026-11-23T09:30:00.000000000-05:00",
        "next_close": "2026-11-20T16:00:00.000000000-05:00",
    },
    # docs.alpaca.markets/reference/getcalendar-1
    "/v2/calendar?end=2026-11-20": [
        {
            "date": "2026-11-20",
            "open": "09:30",
            "close": "16:00",
            "session_open": "0400",
            "session_close": "2000",
            "settlement_date": "2026-11-23",
        }
    ],
    # docs.alpaca.markets/reference/getwatchlists-1: without the assets; getwatchlistbyid-1: with them
    "/v2/watchlists": [{"id": ID, "account_id": ID, "created_at": TIME, "updated_at": TIME, "name": "mine"}],
    "/v2/watchlists/{watchlist}": {
        "id": ID,
        "account_id": ID,
        "created_at": TIME,
        "updated_at": TIME,
        "name": "mine",
        "assets": [ASSET],
    },
    # docs.alpaca.markets/reference/get-v2-corporate_actions-announcements-1
    "/v2/corporate_actions/announcements?ca_types=Split&since=2026-11-20&until=2026-11-20": [
        {
            "id": ID,
            "corporate_action_id": "BRVO_2026-11-20_split",
            "ca_type": "split",
            "ca_sub_type": "stock_split",
            "initiating_symbol": "BRVO",
            "initiating_original_cusip": "",
            "target_symbol": "BRVO",
            "target_original_cusip": "",
            "declaration_date": None,
            "ex_date": DAY,
            "record_date": DAY,
            "payable_date": DAY,
            "cash": "0",
            "old_rate": "1",
            "new_rate": "7",
        }
    ],
}


def differences(expected: Any, found: Any, place: str) -> list[str]:
    """Where what was found is not as expected; what it has besides is no difference."""
    if isinstance(expected, re.Pattern):
        fits = isinstance(found, str) and expected.fullmatch(found) is not None
        return [] if fits else [f"{place}: {found!r} is no {expected.pattern}"]
    if isinstance(expected, dict) and isinstance(found, dict):
        lines = [f"{place}.{name}: missing" for name in expected.keys() - found.keys()]
        for name in expected.keys() & found.keys():
            lines += differences(expected[name], found[name], f"{place}.{name}")
        return lines
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            line
            for number, (left, right) in enumerate(zip(expected, found, strict=True))
            for line in differences(left, right, f"{place}[{number}]")
        ]
    is_same = expected == found and isinstance(expected, bool) is isinstance(found, bool)
    return [] if is_same else [f"{place}: expected {expected!r}, found {found!r}"]


class Told:
    """A session towards the venue, and the ids of what was asked of it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.ids: dict[str, str] = {}

    async def ask(self, method: str, path: str, body: Body | None = None) -> Any:
        async with self.session.request(method, path.format(**self.ids), json=body) as answer:
            assert answer.status < 300, await answer.text()
            text = await answer.read()
            return json.loads(text) if text else None


@pytest.fixture
async def told(venue: SmallVenue) -> AsyncIterator[Told]:
    """Two ALFA bought, a bracket that waits, a watchlist, a split."""
    async with aiohttp.ClientSession(venue.url, headers=HEADERS) as session:
        told = Told(session)
        order = {"symbol": "ALFA", "qty": "2", "side": "buy", "type": "market", "time_in_force": "day"}
        first = await told.ask("POST", "/v2/orders", order | {"client_order_id": "first"})
        assert not differences(ORDER, first, "POST /v2/orders")
        assert venue.desk.apply(SPLIT).applied
        venue.bar(100)
        venue.bar(101)
        legs = {"take_profit": {"limit_price": "110"}, "stop_loss": {"stop_price": "90"}}
        bracket = {"client_order_id": "bracket", "order_class": "bracket", **legs}
        await told.ask("POST", "/v2/orders", order | bracket)
        watchlist = await told.ask("POST", "/v2/watchlists", {"name": "mine", "symbols": ["ALFA"]})
        told.ids = {"first": first["id"], "watchlist": watchlist["id"]}
        yield told


@pytest.mark.parametrize("path", BODIES)
async def test_an_answer_is_as_documented(told: Told, path: str) -> None:
    found = await told.ask("GET", path)
    assert not differences(BODIES[path], found, path)


async def test_what_acts_answers_as_documented(told: Told) -> None:
    # docs.alpaca.markets/reference/patchorderbyorderid-1, deleteallorders, deleteallopenpositions
    limit = {"symbol": "ALFA", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "gtc"}
    old = await told.ask("POST", "/v2/orders", limit | {"limit_price": "50"})
    new = await told.ask("PATCH", f"/v2/orders/{old['id']}", {"limit_price": "51", "client_order_id": "new"})
    resting = ORDER | {"qty": "1", "order_type": "limit", "type": "limit", "time_in_force": "gtc"}
    expected = resting | {"client_order_id": "new", "limit_price": "51.00", "replaces": old["id"]}
    assert not differences(expected, new, "PATCH")
    replaced = await told.ask("GET", f"/v2/orders/{old['id']}")
    gone = {"status": "replaced", "replaced_at": TIME, "replaced_by": new["id"], "limit_price": "50.00"}
    assert not differences(resting | {"client_order_id": ID} | gone, replaced, "replaced")
    lines = await told.ask("DELETE", "/v2/orders")
    assert not differences([{"id": ID, "status": 200}] * 4, lines, "DELETE /v2/orders")
    (closed,) = await told.ask("DELETE", "/v2/positions")
    closing = ORDER | {"client_order_id": ID, "side": "sell"}
    assert not differences({"symbol": "ALFA", "status": 200, "body": closing}, closed, "DELETE /v2/positions")


async def test_updates_are_as_documented(told: Told, venue: SmallVenue) -> None:
    # docs.alpaca.markets/docs/websocket-streaming: fills tell timestamp, price, qty, position_qty
    async with told.session.ws_connect("/stream") as stream:
        keys = {"key_id": "KEY-1", "secret_key": SECRET}
        await stream.send_json({"action": "authenticate", "data": keys})
        assert json.loads((await stream.receive(5)).data) == {
            "stream": "authorization",
            "data": {"status": "authorized", "action": "authenticate"},
        }
        await stream.send_json({"action": "listen", "data": {"streams": ["trade_updates"]}})
        assert json.loads((await stream.receive(5)).data) == {
            "stream": "listening",
            "data": {"streams": ["trade_updates"]},
        }
        venue.bar(100)
        filled = json.loads((await stream.receive(5)).data)
        entry = FILLED | {"client_order_id": "bracket", "order_class": "bracket", "legs": [dict, dict]}
        entry["legs"] = [LEG, STOP_LEG]
        data = {
            "event": "fill",
            "timestamp": TIME,
            "price": "100.00",
            "qty": "2",
            "position_qty": "4",
            "execution_id": ID,
            "order": entry,
        }
        assert not differences({"stream": "trade_updates", "data": data}, filled, "fill")
        armed = json.loads((await stream.receive(5)).data)
        expected = {"event": "new", "order": LEG | {"status": "new"}}
        assert not differences({"stream": "trade_updates", "data": expected}, armed, "new")


async def test_the_smallest_amounts_are_told_in_digits(told: Told, venue: SmallVenue) -> None:
    venue.bar(100, symbol=COIN)
    order = {"symbol": COIN, "qty": "0.000000003", "side": "buy", "type": "market", "time_in_force": "gtc"}
    bought = await told.ask("POST", "/v2/orders", order)
    assert bought["qty"] == "0.000000003"
    venue.bar(100, symbol=COIN)
    assert (await told.ask("GET", "/v2/positions/BTCUSD"))["qty"] == "0.000000003"
    (fill,) = (
        each for each in await told.ask("GET", "/v2/account/activities/FILL") if each["symbol"] == COIN
    )
    assert (fill["qty"], fill["leaves_qty"]) == ("0.000000003", "0.000000000")
    sold = await told.ask("DELETE", "/v2/positions?cancel_orders=true")
    (closing,) = (line["body"] for line in sold if line["symbol"] == "BTCUSD")
    assert (closing["qty"], closing["filled_qty"]) == ("0.000000003", "0.000000000")
