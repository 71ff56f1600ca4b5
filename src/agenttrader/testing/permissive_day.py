"""A day of real processes whose limits permit anything, for tests and figures that are about many orders.

Two bots own a symbol each. A second account at the venue, which the gateway does not know, lets orders go
there directly, for comparison.
"""

import asyncio
import tomllib
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from msgspec import Struct

from agenttrader.app.config import demo_template
from agenttrader.app.gateway.status import ReconcileBody
from agenttrader.model.identifiers import Symbol
from agenttrader.testing.played_day import PATIENCE_SECONDS, PlayedDay, without

BOT, OTHER_BOT = "first-bot", "second-bot"
DIRECT = "DIRECT-1"
"""The account that is traded without a gateway; the id of its key, too."""
BELOW = Decimal("0.6")
"""Of the market: so far below that an order rests all day."""
_WIDE = "1000000000"
_MANY = 10**6
_PAGE = 500

Tables = dict[str, Any]
Body = dict[str, Any]


class Nothing(Struct, frozen=True):
    """An empty body."""


class PermissiveDay(PlayedDay):
    """The day; `change` alters the tables after they were made permissive."""

    def __init__(self, folder: Path, change: Callable[[Tables], None] = lambda _: None) -> None:
        *_, first, second = tomllib.loads(demo_template())["instruments"]
        self.symbols = {BOT: first, OTHER_BOT: second}

        def both(tables: Tables) -> None:
            permit(tables, self.symbols)
            change(tables)

        super().__init__(folder, both)

    def headers(self, agent: str = BOT) -> dict[str, str]:
        """Who an agent says that it is, towards the gateway."""
        return {"APCA-API-KEY-ID": agent, "APCA-API-SECRET-KEY": self.key_of(agent)}

    def venue_headers(self, key_id: str) -> dict[str, str]:
        """The same towards venue and market data."""
        return {"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": self.secret}

    async def price_below(self, symbol: str) -> Decimal:
        """What nobody will sell at today."""
        url = f"{self.address('marketdata')}/v2/stocks/{symbol}/bars/latest"
        found = await _get(url, {}, self.venue_headers("demo-show"))
        return round(Decimal(str(found["bar"]["c"])) * BELOW, 2)

    async def resting(self, agent: str = BOT) -> Body:
        """A bracket for one share that rests all day, without a client_order_id."""
        symbol = self.symbols[agent]
        price = await self.price_below(symbol)
        return {
            "symbol": symbol,
            "qty": "1",
            "side": "buy",
            "type": "limit",
            "limit_price": str(price),
            "time_in_force": "day",
            "order_class": "bracket",
            "take_profit": {"limit_price": str(2 * price)},
            "stop_loss": {"stop_price": str(round(price / 2, 2))},
        }

    async def held_by_the_venue(self, url: str, key_id: str) -> Counter[str]:
        """How many orders of each symbol the account has had, legs apart, as the venue itself tells."""
        found: dict[str, str] = {}
        legs: set[str] = set()
        last: dict[str, str] = {}
        while True:
            asked = {"status": "all", "limit": str(_PAGE), "direction": "asc", "nested": "true"} | last
            page = await _get(f"{url}/v2/orders", asked, self.venue_headers(key_id))
            # The legs of the page before stand at the beginning of this one, for themselves.
            entries = [order for order in page if order["id"] not in legs]
            if not entries:
                return Counter(found.values())
            found |= {order["id"]: order["symbol"] for order in entries}
            legs |= {leg["id"] for order in entries for leg in order["legs"] or ()}
            last = {"after_order_id": entries[-1]["id"]}

    async def cancel_all(self, url: str, headers: dict[str, str]) -> None:
        """End all that rests of whoever these headers are, at venue or gateway; it has ended on return.

        It is asked for again where some of it could not be ended yet, such as what became of it being asked.
        """
        async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(PATIENCE_SECONDS):
            while await _get(f"{url}/v2/orders", {"limit": "1"}, headers):
                async with session.delete(f"{url}/v2/orders") as answer:
                    assert answer.status == HTTPStatus.MULTI_STATUS, await answer.text()
                await asyncio.sleep(0.1)

    async def agree(self) -> None:
        """Our book and the venue's agree, and nothing is on its way."""
        compared = await self.say("/v1/reconcile", Nothing(), ReconcileBody)
        assert (compared.breaks, compared.failure) == ((), ""), compared


def permit(tables: Tables, symbols: dict[str, str]) -> None:
    """Give each bot its symbol, and everybody limits that are never met."""
    without(tables, *map(Symbol, symbols.values()))
    tables["gateway"]["inbox"] = "arrival"
    (account,) = tables["venue"]["accounts"]
    account["cash"] = _WIDE
    tables["venue"]["accounts"].append(account | {"name": DIRECT, "key_id": DIRECT, "more_keys": []})
    agent = next(iter(tables["limits"]["agent"].values()))
    many = {"gross_exposure_max": _WIDE, "orders_per_minute_max": _MANY, "open_orders_max": _MANY}
    many |= {"net_exposure_max": _WIDE, "daily_orders_max": _MANY, "daily_new_risk_max": _WIDE}
    many |= {"long_exposure_max": _WIDE, "short_exposure_max": _WIDE}
    eager = many | {"repeats_max": _MANY, "messages_per_minute_max": _MANY}
    for name, symbol in symbols.items():
        tables["agents"][name] = {
            "symbols": [symbol],
            "strategies": [],
            "mode_ceiling": "paper",
            "approval": "auto",
            "exit_plan": {"stop": "0.5", "target": "0.95"},
            "dedupe_window_seconds": 3600,
        }
        tables["limits"]["agent"][name] = agent | eager
        tables["limits"]["symbol"][symbol] |= {
            "order_quantity_max": _WIDE,
            "order_notional_max": _WIDE,
            "position_quantity_max": _WIDE,
            "price_collar_fraction_max": "0.99",
            "reducing_price_collar_fraction_max": "0.99",
            "price_move_fraction_max": "0.99",
        }
    tables["limits"]["group"] = {}
    tables["limits"]["account"] |= {
        "dead_machine_loss_max": _WIDE,
        "concentration_fraction_max": _WIDE,
        **many,
    }


async def _get(url: str, asked: dict[str, str], headers: dict[str, str]) -> Any:
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url, params=asked) as answer:
        assert answer.status == HTTPStatus.OK, await answer.text()
        return await answer.json()
