"""Every public method of alpaca-py's TradingClient, and every field of its requests, as docs/clients.md says.

Methods and fields are found by looking at the library, so what a new version brings fails here until it is
called below and stands on the page.
"""

import asyncio
import inspect
import re
import warnings
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.common.requests import NonEmptyRequest
from alpaca.common.rest import RESTClient
from alpaca.trading import models, requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, OrderSide, TimeInForce

from agenttrader.api.alpaca import create_alpaca_app
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk
from agenttrader.app.gateway.alpaca_questions import (
    AssetsAsked,
    CalendarAsked,
    CloseAsked,
    OrderAsked,
    OrdersAsked,
)
from agenttrader.app.gateway.alpaca_replacing import REFUSED_CHANGES
from agenttrader.app.gateway.alpaca_requests import REFUSED
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.sections import ExitFractions
from agenttrader.protocols.alpaca_trading import NewOrder, OptionLeg, OrderReplacement
from agenttrader.testing.builders import CHARLY, OTHER_AGENT
from agenttrader.testing.played_day import sha256
from agenttrader.testing.serving import serving
from agenttrader.testing.small_gateway import SmallGateway, bot

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
METHODS = sorted(
    name
    for name, found in inspect.getmembers(TradingClient, inspect.isfunction)
    if not name.startswith("_") and name not in vars(RESTClient)
)
REQUESTS = {
    name: found
    for name, found in inspect.getmembers(requests, inspect.isclass)
    if issubclass(found, NonEmptyRequest) and found is not NonEmptyRequest
}
DENIED = (422, 42210000)


class Called:
    """A client with something to call for: an order that rests, and a holding."""

    def __init__(self, client: TradingClient) -> None:
        self.client = client
        self.resting = self.submit("resting", limit_price=99)

    def submit(self, name: str, **changes: Any) -> models.Order:
        limit = requests.LimitOrderRequest(
            symbol=CHARLY,
            qty=10,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.DAY,
            client_order_id=name,
            **changes,
        )
        order = self.client.submit_order(limit)
        assert isinstance(order, models.Order)
        return order


CALLS: dict[str, Callable[[Called], Any]] = {
    "add_asset_to_watchlist_by_id": lambda to: to.client.add_asset_to_watchlist_by_id(to.resting.id, CHARLY),
    "cancel_order_by_id": lambda to: to.client.cancel_order_by_id(to.resting.id),
    "cancel_orders": lambda to: to.client.cancel_orders(),
    "close_all_positions": lambda to: to.client.close_all_positions(cancel_orders=True),
    "close_position": lambda to: to.client.close_position(CHARLY),
    "create_watchlist": lambda to: to.client.create_watchlist(
        requests.CreateWatchlistRequest(name="mine", symbols=[CHARLY])
    ),
    "delete_watchlist_by_id": lambda to: to.client.delete_watchlist_by_id(to.resting.id),
    "exercise_options_position": lambda to: to.client.exercise_options_position("ALFA261218C00050000"),
    "get_account": lambda to: to.client.get_account(),
    "get_account_configurations": lambda to: to.client.get_account_configurations(),
    "get_all_assets": lambda to: to.client.get_all_assets(
        requests.GetAssetsRequest(asset_class=AssetClass.US_EQUITY)
    ),
    "get_all_positions": lambda to: to.client.get_all_positions(),
    "get_asset": lambda to: to.client.get_asset(CHARLY),
    "get_calendar": lambda to: to.client.get_calendar(),
    "get_clock": lambda to: to.client.get_clock(),
    "get_corporate_announcement_by_id": lambda to: to.client.get_corporate_announcement_by_id(to.resting.id),
    "get_corporate_announcements": lambda to: to.client.get("/corporate_actions/announcements"),
    "get_open_position": lambda to: to.client.get_open_position(CHARLY),
    "get_option_contract": lambda to: to.client.get_option_contract("ALFA261218C00050000"),
    "get_option_contracts": lambda to: to.client.get_option_contracts(requests.GetOptionContractsRequest()),
    "get_order_by_client_id": lambda to: to.client.get_order_by_client_id("resting"),
    "get_order_by_id": lambda to: to.client.get_order_by_id(
        to.resting.id, requests.GetOrderByIdRequest(nested=True)
    ),
    "get_orders": lambda to: to.client.get_orders(requests.GetOrdersRequest(symbols=[CHARLY])),
    "get_portfolio_history": lambda to: to.client.get_portfolio_history(),
    "get_watchlist_by_id": lambda to: to.client.get_watchlist_by_id(to.resting.id),
    "get_watchlists": lambda to: to.client.get_watchlists(),
    "remove_asset_from_watchlist_by_id": lambda to: to.client.remove_asset_from_watchlist_by_id(
        to.resting.id, CHARLY
    ),
    "replace_order_by_id": lambda to: to.client.replace_order_by_id(
        to.resting.id, requests.ReplaceOrderRequest(limit_price=98)
    ),
    "set_account_configurations": lambda to: to.client.set_account_configurations(_configurations(to.client)),
    "submit_order": lambda to: to.submit("another", limit_price=98),
    "update_watchlist_by_id": lambda to: to.client.update_watchlist_by_id(
        to.resting.id, requests.UpdateWatchlistRequest(name="other")
    ),
}

_ORDER = frozenset(NewOrder.__struct_fields__) - REFUSED
TAKEN: dict[str, frozenset[str]] = {
    **{name: _ORDER for name in REQUESTS if name.endswith("OrderRequest")},
    "ClosePositionRequest": frozenset(CloseAsked.__struct_fields__),
    "OptionLegRequest": frozenset(OptionLeg.__struct_fields__),
    "TakeProfitRequest": frozenset({"limit_price"}),
    "StopLossRequest": frozenset({"stop_price"}),
    "ReplaceOrderRequest": frozenset(OrderReplacement.__struct_fields__) - REFUSED_CHANGES,
    "GetAssetsRequest": frozenset(AssetsAsked.__struct_fields__),
    "GetCalendarRequest": frozenset(CalendarAsked.__struct_fields__),
    "GetOrderByIdRequest": frozenset(OrderAsked.__struct_fields__),
    "GetOrdersRequest": frozenset(OrdersAsked.__struct_fields__),
}
"""The fields that are read of each request; of a request that is not here, none."""


def _configurations(client: TradingClient) -> models.AccountConfiguration:
    found = client.get_account_configurations()
    assert isinstance(found, models.AccountConfiguration)
    return found


@pytest.fixture
async def client() -> AsyncIterator[Called]:
    gateway = SmallGateway(answer_wait_seconds=0.5)
    plan = ExitFractions(stop=Decimal("0.03"), target=Decimal("0.05"))
    agent = bot(CHARLY, exit_plan=plan)
    desk = AlpacaDesk(gateway.desk, AlpacaUpdates(gateway.session), {OTHER_AGENT: agent})
    await gateway.trade()
    gateway.broker.on_submit = gateway.accept
    async with serving(create_alpaca_app(desk, {sha256("bots-key"): OTHER_AGENT})) as address:
        made = TradingClient(OTHER_AGENT, "bots-key", url_override=f"http://{address}")
        called = await asyncio.to_thread(Called, made)
        await asyncio.to_thread(called.submit, "bought", limit_price=100)
        gateway.fill(gateway.broker.sent[-1])
        await gateway.settle()
        yield called
    await gateway.stop()


def rows(heading: str) -> list[list[str]]:
    text = PAGE.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    cells = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `"))
    return [list(each) for each in cells]


def names(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def test_every_method_is_called_here_and_stands_on_the_page() -> None:
    assert sorted(CALLS) == METHODS
    assert [row[0].strip("`") for row in rows("Every method of alpaca-py")] == METHODS


@pytest.mark.parametrize("method", METHODS)
async def test_a_method_does_what_the_page_says(client: Called, method: str) -> None:
    (said,) = [row[1] for row in rows("Every method of alpaca-py") if row[0] == f"`{method}`"]
    assert said in ("works", "denied: 422, 42210000")
    if said == "works":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            await asyncio.to_thread(CALLS[method], client)
        return
    with pytest.raises(APIError) as found:
        await asyncio.to_thread(CALLS[method], client)
    assert (found.value.status_code, found.value.code) == DENIED
    assert "not supported by this gateway yet: " in found.value.message


def test_every_field_of_every_request_is_taken_or_refused_as_the_page_says() -> None:
    page = {
        row[0].strip("`"): (names(row[1]), names(row[2]))
        for row in rows("Every field of alpaca-py's requests")
    }
    real = {
        name: (
            set(found.model_fields) & TAKEN.get(name, frozenset()),
            set(found.model_fields) - TAKEN.get(name, frozenset()),
        )
        for name, found in REQUESTS.items()
    }
    assert page == real
