"""Alpaca's own MCP server, unmodified but for its address, trades through the gateway.

It brings more packages than all else that is installed for tests, so it is found on the PATH, in an
environment of its own (`pip install alpaca-mcp-server==2.4.0`), or this is skipped and says so.
"""

import asyncio
import json
import os
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agenttrader.api.alpaca import create_alpaca_app
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.sections import ExitFractions
from agenttrader.testing.builders import CHARLY, OTHER_AGENT
from agenttrader.testing.played_day import sha256
from agenttrader.testing.serving import serving
from agenttrader.testing.small_gateway import SmallGateway, bot

SERVER = shutil.which("alpaca-mcp-server")
CALLS = """
import asyncio, json, sys
import alpaca_mcp_server.server as alpaca
from fastmcp import Client
from fastmcp.exceptions import ToolError

alpaca.TRADING_API_BASE_URLS["paper"] = sys.argv[1]

async def main():
    async with Client(alpaca.build_server()) as client:
        for tool, arguments in json.loads(sys.argv[2]):
            try:
                found = await client.call_tool(tool, arguments)
                print(json.dumps([tool, json.loads(found.content[0].text)["data"]]))
            except ToolError as error:
                print(json.dumps([tool, str(error)]))

asyncio.run(main())
"""
STOCK = {"symbol": CHARLY, "side": "buy", "qty": "10", "time_in_force": "day"}
LIMIT = STOCK | {"type": "limit", "limit_price": "99", "client_order_id": "mine"}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("get_account_info", {}),
    ("get_clock", {}),
    ("get_calendar", {}),
    ("get_all_assets", {"asset_class": "us_equity"}),
    ("get_account_config", {}),
    ("get_account_activities_by_type", {"activity_type": "FILL"}),
    ("place_stock_order", LIMIT),
    ("place_stock_order", LIMIT),
    ("get_order_by_client_id", {"client_order_id": "mine"}),
    ("place_stock_order", STOCK | {"type": "market", "qty": "5000", "client_order_id": "big"}),
    ("cancel_all_orders", {}),
    ("get_all_positions", {}),
    ("get_portfolio_history", {}),
]

pytestmark = [
    pytest.mark.skipif(SERVER is None, reason="alpaca-mcp-server is not on the PATH: it is not tried"),
    pytest.mark.timeout(120),
]


async def told(address: str) -> list[Any]:
    """What each tool said."""
    assert SERVER is not None
    process = await asyncio.create_subprocess_exec(
        Path(SERVER).with_name("python"),
        *("-c", CALLS, f"http://{address}", json.dumps(ASKED)),
        env={"PATH": os.environ["PATH"], "ALPACA_API_KEY": OTHER_AGENT, "ALPACA_SECRET_KEY": "bots-key"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [tool for tool, _ in lines] == [tool for tool, _ in ASKED]
    return [said for _, said in lines]


async def test_an_agents_tools_work_and_are_refused_in_words() -> None:
    gateway = SmallGateway(answer_wait_seconds=0.5)
    plan = ExitFractions(stop=Decimal("0.03"), target=Decimal("0.05"))
    agent = bot(CHARLY, exit_plan=plan)
    desk = AlpacaDesk(gateway.desk, AlpacaUpdates(gateway.session), {OTHER_AGENT: agent})
    await gateway.trade()
    gateway.broker.on_submit = gateway.accept
    async with serving(create_alpaca_app(desk, {sha256("bots-key"): OTHER_AGENT})) as address:
        (
            account,
            clock,
            days,
            assets,
            _,
            fills,
            first,
            again,
            known,
            big,
            canceled,
            held,
            history,
        ) = await told(address)
    await gateway.stop()
    assert (account["cash"], clock["is_open"], fills["result"], held["result"]) == ("100000", True, [], [])
    assert "2026-11-20" in [day["date"] for day in days["result"]]
    assert [asset["symbol"] for asset in assets["result"]] == [CHARLY]
    assert first == again
    assert (first["id"], first["order_class"], known["id"]) == (known["id"], "bracket", first["id"])
    assert big["error"]["detail"]["message"].startswith("denied by order_quantity: ")
    assert canceled["result"] == [{"id": first["id"], "status": 200}]
    assert "not supported by this gateway yet: GET /v2/account/portfolio/history" in history
    assert len(gateway.broker.sent) == len(gateway.broker.canceled) == 1
