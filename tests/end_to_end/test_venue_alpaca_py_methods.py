"""Every public method of alpaca-py's TradingClient, over real sockets, does what the page says it does.

The methods are found by looking at the class, so one that a new version brings fails here until it is called
below and stands in the table of docs/brokers.md.
"""

import asyncio
import inspect
import re
import warnings
from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.common.rest import RESTClient
from alpaca.trading import models, requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, CorporateActionType, OrderSide, TimeInForce
from msgspec.structs import replace

from agenttrader.api.venue import create_venue_app
from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen
from agenttrader.simulation.listings import option_listing
from agenttrader.simulation.quotes import QuoteRule
from agenttrader.testing.small_venue import KEYS, OPEN, SECRET, SmallVenue, small_settings

PAGE = Path(__file__).parents[2] / "docs" / "brokers.md"
METHODS = sorted(
    name
    for name, found in inspect.getmembers(TradingClient, inspect.isfunction)
    if not name.startswith("_") and name not in vars(RESTClient)
)
CONTRACT = OptionContract(underlying="ALFA", expiration="2026-11-23", strike=Decimal(50), right=Right.CALL)
SPLIT = CorporateActionSeen(
    symbol="BRVO", time=OPEN, kind=CorporateActionKind.SPLIT, new_rate=Decimal(7), old_rate=Decimal(1)
)


class Called:
    """A client with something to call for: an order that rests, a holding, a watchlist."""

    def __init__(self, client: TradingClient) -> None:
        self.client = client
        self.resting = self._submit(limit_price=50, client_order_id="resting")
        self.watchlist = client.create_watchlist(
            requests.CreateWatchlistRequest(name="mine", symbols=["ALFA"])
        )

    def _submit(self, **changes: Any) -> models.Order:
        order = self.client.submit_order(_limit(**changes))
        assert isinstance(order, models.Order)
        return order

    @property
    def watchlist_id(self) -> Any:
        """The id of the one watchlist."""
        assert isinstance(self.watchlist, models.Watchlist)
        return self.watchlist.id

    @property
    def announcement_id(self) -> Any:
        """The id of the one corporate action."""
        (found,) = self.client.get_corporate_announcements(_announcements())
        assert isinstance(found, models.CorporateActionAnnouncement)
        return found.id

    @property
    def configurations(self) -> models.AccountConfiguration:
        """As they stand."""
        found = self.client.get_account_configurations()
        assert isinstance(found, models.AccountConfiguration)
        return found


def _limit(**changes: Any) -> requests.LimitOrderRequest:
    fields = {"symbol": "ALFA", "qty": 1, "side": OrderSide.BUY, "time_in_force": TimeInForce.GTC}
    return requests.LimitOrderRequest(**(fields | changes))


def _announcements(**changes: Any) -> requests.GetCorporateAnnouncementsRequest:
    fields: dict[str, Any] = {
        "ca_types": [CorporateActionType.SPLIT, CorporateActionType.DIVIDEND],
        "since": date(2026, 11, 1),
        "until": date(2026, 11, 30),
    }
    return requests.GetCorporateAnnouncementsRequest(**(fields | changes))


CALLS: dict[str, Callable[[Called], Any]] = {
    "add_asset_to_watchlist_by_id": lambda at: at.client.add_asset_to_watchlist_by_id(
        at.watchlist_id, "BRVO"
    ),
    "cancel_order_by_id": lambda at: at.client.cancel_order_by_id(at.resting.id),
    "cancel_orders": lambda at: at.client.cancel_orders(),
    "close_all_positions": lambda at: at.client.close_all_positions(cancel_orders=True),
    "close_position": lambda at: at.client.close_position(
        "ALFA", requests.ClosePositionRequest(percentage="50")
    ),
    "create_watchlist": lambda at: at.client.create_watchlist(
        requests.CreateWatchlistRequest(name="other", symbols=[])
    ),
    "delete_watchlist_by_id": lambda at: at.client.delete_watchlist_by_id(at.watchlist_id),
    "exercise_options_position": lambda at: at.client.exercise_options_position(CONTRACT.symbol),
    "get_account": lambda at: at.client.get_account(),
    "get_account_configurations": lambda at: at.configurations,
    "get_all_assets": lambda at: at.client.get_all_assets(
        requests.GetAssetsRequest(asset_class=AssetClass.CRYPTO)
    ),
    "get_all_positions": lambda at: at.client.get_all_positions(),
    "get_asset": lambda at: at.client.get_asset("ALFA"),
    "get_calendar": lambda at: at.client.get_calendar(requests.GetCalendarRequest(start=date(2026, 11, 20))),
    "get_clock": lambda at: at.client.get_clock(),
    "get_corporate_announcement_by_id": lambda at: at.client.get_corporate_announcement_by_id(
        at.announcement_id
    ),
    "get_corporate_announcements": lambda at: at.client.get_corporate_announcements(_announcements()),
    "get_open_position": lambda at: at.client.get_open_position("ALFA"),
    "get_option_contract": lambda at: at.client.get_option_contract(CONTRACT.symbol),
    "get_option_contracts": lambda at: at.client.get_option_contracts(
        requests.GetOptionContractsRequest(underlying_symbols=["ALFA"])
    ),
    "get_order_by_client_id": lambda at: at.client.get_order_by_client_id("resting"),
    "get_order_by_id": lambda at: at.client.get_order_by_id(
        at.resting.id, requests.GetOrderByIdRequest(nested=True)
    ),
    "get_orders": lambda at: at.client.get_orders(requests.GetOrdersRequest(symbols=["ALFA"])),
    "get_portfolio_history": lambda at: at.client.get_portfolio_history(
        requests.GetPortfolioHistoryRequest(period="1D")
    ),
    "get_watchlist_by_id": lambda at: at.client.get_watchlist_by_id(at.watchlist_id),
    "get_watchlists": lambda at: at.client.get_watchlists(),
    "remove_asset_from_watchlist_by_id": lambda at: at.client.remove_asset_from_watchlist_by_id(
        at.watchlist_id, "ALFA"
    ),
    "replace_order_by_id": lambda at: at.client.replace_order_by_id(
        at.resting.id, requests.ReplaceOrderRequest(limit_price=51)
    ),
    "set_account_configurations": lambda at: at.client.set_account_configurations(at.configurations),
    "submit_order": lambda at: at.client.submit_order(_limit(limit_price=40)),
    "update_watchlist_by_id": lambda at: at.client.update_watchlist_by_id(
        at.watchlist_id, requests.UpdateWatchlistRequest(name="renamed")
    ),
}


@pytest.fixture
async def venue() -> AsyncIterator[SmallVenue]:
    """Its market open, one of its shares split, and an option on another listed and quoted."""
    settings = small_settings()
    first, second = settings.accounts
    changed = small_settings(
        listings=(*settings.listings, option_listing(CONTRACT)),
        accounts=(replace(first, options_level=2), second),
        quoting=(QuoteRule(underlying="ALFA", volatility=Decimal("0.3"), spread=Decimal("0.04"), size=10),),
    )
    venue = SmallVenue(changed)
    async with venue.served(create_venue_app(venue.desk, KEYS)):
        assert venue.desk.apply(SPLIT).applied
        venue.bar(100)
        yield venue


def promised() -> dict[str, str]:
    """What the page says of each method: `works`, or `denied` with status and code."""
    rows = re.findall(r"^\| `(\w+)` \| (works|denied: \d+, \d+) \|", PAGE.read_text(), re.MULTILINE)
    return dict(rows)


def test_the_page_and_the_calls_name_every_method() -> None:
    assert sorted(promised()) == METHODS
    assert sorted(CALLS) == METHODS


@pytest.mark.parametrize("method", METHODS)
async def test_a_method_does_what_the_page_says(venue: SmallVenue, method: str) -> None:
    client = TradingClient("KEY-1", SECRET, url_override=venue.url)
    bought = requests.MarketOrderRequest(
        symbol="ALFA", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY
    )
    await asyncio.to_thread(client.submit_order, bought)
    option = requests.LimitOrderRequest(
        symbol=CONTRACT.symbol, qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=60
    )
    await asyncio.to_thread(client.submit_order, option)
    venue.bar(100)
    at = await asyncio.to_thread(Called, client)
    try:
        await asyncio.to_thread(_call_quietly, method, at)
        found = "works"
    except APIError as error:
        found = f"denied: {error.status_code}, {error.code}"
    assert found == promised()[method]


def _call_quietly(method: str, at: Called) -> Any:
    with warnings.catch_warnings():
        # One method calls itself deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return CALLS[method](at)
