"""What an account is besides its orders, through alpaca-py: settings, worth, watchlists, assets, limits."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading import models, requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import ActivityType, AssetClass, OrderSide, TimeInForce
from msgspec.structs import replace

from agenttrader.api.venue import create_venue_app
from agenttrader.app.venue.rate_limit import RateLimit
from agenttrader.model.times import MINUTE, Instant
from agenttrader.testing.small_venue import (
    CASH,
    CLOSE,
    COIN,
    KEYS,
    NEXT_OPEN,
    OPEN,
    SECRET,
    SmallVenue,
    small_settings,
)

T = TypeVar("T")


async def call(function: Callable[..., T], *arguments: Any, **named: Any) -> Any:
    return await asyncio.to_thread(function, *arguments, **named)


def bought(qty: int = 10, **more: Any) -> requests.MarketOrderRequest:
    return requests.MarketOrderRequest(
        symbol="ALFA", qty=qty, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, **more
    )


async def test_settings_bind_and_come_back(venue: SmallVenue, client: TradingClient) -> None:
    settings = await call(client.get_account_configurations)
    assert isinstance(settings, models.AccountConfiguration)
    assert (settings.suspend_trade, settings.no_shorting, settings.max_margin_multiplier) == (
        False,
        False,
        "1",
    )
    settings.suspend_trade = True
    assert (await call(client.set_account_configurations, settings)).suspend_trade is True
    with pytest.raises(APIError) as refused:
        await call(client.submit_order, bought())
    assert (refused.value.status_code, refused.value.code) == (403, 40310000)
    assert refused.value.message == "new orders are rejected by user request"
    assert (await call(client.get_account)).trade_suspended_by_user is True
    settings.suspend_trade = False
    await call(client.set_account_configurations, settings)
    await call(client.submit_order, bought())
    venue.bar(100)
    assert len(await call(client.get_all_positions)) == 1


async def test_a_short_seller_may_be_kept_from_it(venue: SmallVenue) -> None:
    client = TradingClient("KEY-2", SECRET, url_override=venue.url)
    short = requests.MarketOrderRequest(
        symbol="ALFA", qty=1, side=OrderSide.SELL, time_in_force=TimeInForce.DAY
    )
    settings = await call(client.get_account_configurations)
    settings.no_shorting = True
    await call(client.set_account_configurations, settings)
    assert (await call(client.get_account)).shorting_enabled is False
    with pytest.raises(APIError, match="account is not allowed to short"):
        await call(client.submit_order, short)
    settings.no_shorting = False
    await call(client.set_account_configurations, settings)
    await call(client.submit_order, short)
    venue.bar(100)
    position = await call(client.get_open_position, "ALFA")
    assert (position.qty, position.side.value, position.market_value) == ("-1", "short", "-100.00")


async def test_the_worth_of_an_account_is_told_by_minutes_and_days(
    venue: SmallVenue, client: TradingClient
) -> None:
    await call(client.submit_order, bought())
    for price in (100, 103, 101):
        venue.bar(price)
    minutes = await call(client.get_portfolio_history, requests.GetPortfolioHistoryRequest(period="1D"))
    assert isinstance(minutes, models.PortfolioHistory)
    assert minutes.timeframe == "1Min"
    assert minutes.timestamp[0] == datetime(2026, 11, 20, 14, 30, tzinfo=UTC).timestamp()
    assert minutes.equity == [100_000, 100_000, 100_030, 100_010, 100_010]
    assert minutes.profit_loss[2:4] == [30, 10]
    venue.pass_to(CLOSE)
    venue.bar_at(NEXT_OPEN, 110)
    days = await call(
        client.get_portfolio_history,
        requests.GetPortfolioHistoryRequest(date_end=date(2026, 11, 23), cashflow_types="ALL"),
    )
    assert (days.timeframe, days.equity) == ("1D", [100_010, 100_100])
    assert days.profit_loss_pct == [0, 0.0009]
    assert days.cashflow == {}


async def test_fees_are_told_as_a_flow_of_cash(venue: SmallVenue, client: TradingClient) -> None:
    await call(client.submit_order, bought())
    venue.bar(100)
    await call(client.close_position, "ALFA")
    venue.bar(100)
    asked = requests.GetPortfolioHistoryRequest(period="1D", timeframe="1H", cashflow_types="FEE")
    found = await call(client.get_portfolio_history, asked)
    assert list(found.cashflow) == [ActivityType.FEE]
    assert sum(found.cashflow[ActivityType.FEE]) == pytest.approx(-0.04)
    assert (await call(client.get_account)).cash == "99999.96"


async def test_a_holding_over_night_is_told_against_the_last_close(
    venue: SmallVenue, client: TradingClient
) -> None:
    await call(client.submit_order, bought())
    venue.bar(100)
    today = await call(client.get_open_position, "ALFA")
    assert (today.lastday_price, today.unrealized_intraday_pl) == (None, "0.00")
    venue.pass_to(CLOSE)
    venue.bar_at(NEXT_OPEN, 90)
    later = await call(client.get_open_position, "ALFA")
    assert (later.lastday_price, later.change_today) == ("100.00", "-0.100000")
    assert (later.unrealized_intraday_pl, later.unrealized_intraday_plpc) == ("-100.00", "-0.100000")
    assert (await call(client.get_account)).last_equity == f"{CASH}.00"


async def test_watchlists_hold_assets(venue: SmallVenue, client: TradingClient) -> None:
    made = await call(
        client.create_watchlist, requests.CreateWatchlistRequest(name="mine", symbols=["BRVO", COIN])
    )
    assert [asset.symbol for asset in made.assets] == ["BRVO", COIN]
    added = await call(client.add_asset_to_watchlist_by_id, made.id, "ALFA")
    assert [asset.symbol for asset in added.assets] == ["BRVO", COIN, "ALFA"]
    left = await call(client.remove_asset_from_watchlist_by_id, made.id, "BTCUSD")
    assert [asset.symbol for asset in left.assets] == ["BRVO", "ALFA"]
    renamed = await call(
        client.update_watchlist_by_id, made.id, requests.UpdateWatchlistRequest(name="ours", symbols=["ALFA"])
    )
    assert (renamed.name, len(renamed.assets)) == ("ours", 1)
    (listed,) = await call(client.get_watchlists)
    assert (listed.id, listed.assets) == (made.id, None)
    await call(client.delete_watchlist_by_id, made.id)
    with pytest.raises(APIError) as gone:
        await call(client.get_watchlist_by_id, made.id)
    assert gone.value.status_code == 404
    assert venue.desk.owner.watchlists("DEMO-1") == []


async def test_assets_and_trading_days_are_listed(client: TradingClient) -> None:
    assert [asset.symbol for asset in await call(client.get_all_assets)] == ["ALFA", "BRVO"]
    coins = await call(client.get_all_assets, requests.GetAssetsRequest(asset_class=AssetClass.CRYPTO))
    assert [(asset.symbol, asset.min_trade_increment, asset.shortable) for asset in coins] == [
        (COIN, 1e-9, False)
    ]
    by_id = await call(client.get_asset, coins[0].id)
    assert by_id == coins[0] == await call(client.get_asset, "BTCUSD")
    with pytest.raises(APIError) as missing:
        await call(client.get_asset, "ZZZZ")
    assert (missing.value.status_code, missing.value.code) == (404, 40410000)
    days = await call(client.get_calendar, requests.GetCalendarRequest(start=date(2026, 11, 21)))
    assert [(day.date, day.open, day.close) for day in days] == [
        (date(2026, 11, 23), datetime(2026, 11, 23, 9, 30), datetime(2026, 11, 23, 16, 0))  # noqa: DTZ001
    ]


async def test_activities_are_paged(venue: SmallVenue, client: TradingClient) -> None:
    for _ in range(3):
        await call(client.submit_order, bought(1))
        venue.bar(100)
    first = await call(client.get, "/account/activities", {"page_size": 2, "direction": "asc"})
    second = await call(
        client.get, "/account/activities", {"page_size": 2, "direction": "asc", "page_token": first[-1]["id"]}
    )
    times = [models.TradeActivity(**each).transaction_time for each in (*first, *second)]
    assert len(second) == 1
    assert times == sorted(times)


async def test_leverage_is_told_and_lent(opened: Any) -> None:
    first, second = small_settings().accounts
    async with opened(accounts=(replace(first, multiplier=2), second)) as venue:
        client = TradingClient("KEY-1", SECRET, url_override=venue.url)
        account = await call(client.get_account)
        assert (account.multiplier, account.buying_power, account.regt_buying_power) == (
            "2",
            "200000.00",
            "200000.00",
        )
        assert account.non_marginable_buying_power == "100000.00"
        await call(client.submit_order, bought(1_500))
        venue.bar(100)
        account = await call(client.get_account)
        assert (account.cash, account.equity, account.long_market_value) == (
            "-50000.00",
            "100000.00",
            "150000.00",
        )
        assert (account.initial_margin, account.maintenance_margin) == ("75000.00", "45000.00")
        assert account.buying_power == "50000.00"


async def test_too_many_requests_are_refused_and_counted_in_every_answer() -> None:
    venue = SmallVenue()
    time = Instant(OPEN)
    limit = RateLimit(2, lambda: time)
    async with venue.served(create_venue_app(venue.desk, KEYS, limit)):
        client = TradingClient("KEY-1", SECRET, url_override=venue.url)
        client._retry = 0
        headers = []
        client._session.hooks["response"].append(lambda answer, **_: headers.append(answer.headers))
        await call(client.get_account)
        with pytest.raises(APIError):
            await call(client.get_asset, "ZZZZ")
        with pytest.raises(APIError) as refused:
            await call(client.get_account)
        assert (refused.value.status_code, refused.value.code) == (429, 42910000)
        assert [each["X-RateLimit-Remaining"] for each in headers] == ["1", "0", "0"]
        assert {each["X-RateLimit-Reset"] for each in headers} == {str((OPEN + MINUTE) // 10**9)}
        await call(TradingClient("KEY-2", SECRET, url_override=venue.url).get_account)
        time = Instant(OPEN + MINUTE)
        await call(client.get_account)
        with pytest.raises(APIError) as stranger:
            await call(TradingClient("KEY-1", "guessed", url_override=venue.url).get_account)
        assert stranger.value.status_code == 401


async def test_a_limit_slows_a_client_that_waits_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """alpaca-py itself tries again after 429."""
    venue = SmallVenue()
    times = iter((Instant(OPEN), Instant(OPEN), Instant(OPEN + MINUTE)))
    limit = RateLimit(1, lambda: next(times))
    monkeypatch.setattr("alpaca.common.rest.time.sleep", lambda _: None)
    async with venue.served(create_venue_app(venue.desk, KEYS, limit)):
        client = TradingClient("KEY-1", SECRET, url_override=venue.url)
        await call(client.get_account)
        account = await call(client.get_account)
    assert Decimal(account.cash) == CASH
