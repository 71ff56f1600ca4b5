"""A bot in Alpaca's words, and a person who approves its entries as typed, at a gateway of real processes."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus, TimeInForce
from alpaca.trading.models import Order
from alpaca.trading.requests import MarketOrderRequest

from agenttrader.app.operators.perform import make_person
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.model.identifiers import AgentName
from agenttrader.protocols.native import Snapshot
from agenttrader.testing.played_day import PASSED_ON, PERSON, PROGRAM, PlayedDay, playing

BOT = "visitor"
PASSPHRASE = "correct horse"
ROLES = ("venue", "marketdata", "gateway")
WIDTH_MAX = 90

pytestmark = pytest.mark.timeout(120)


class Approving(PlayedDay):
    """A day with a bot whose entries ann approves, and an operator who stands behind it."""

    def __init__(self, folder: Path) -> None:
        self.ann = folder / "people" / "ann"
        super().__init__(folder, self._with_ann, ROLES)
        self.symbol = self.configuration.agents[AgentName(BOT)].symbols[0]

    def _with_ann(self, tables: dict[str, Any]) -> None:
        made = make_person(self.ann, PASSPHRASE)
        tables["people"]["ann"] = {**msgspec.structs.asdict(made), "role": "approver"}
        tables["agents"][BOT] |= {
            "approval": "manual",
            "requester": PERSON,
            "exit_plan": {"stop": "0.05", "target": "0.08"},
        }
        tables["limits"]["agent"][BOT] = tables["limits"]["agent"]["momentum"]
        tables["approvals"] = {
            "expiry_seconds": 120,
            "adverse_move_fraction": "0.5",
            "persons_needed": 1,
        }

    async def told(self, *words: str) -> str:
        done = await asyncio.to_thread(
            lambda: subprocess.run(
                [PROGRAM, *words, "--config", self.folder, "--person", self.ann],
                input=f"{PASSPHRASE}\n",
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        )
        assert done.returncode == ExitCode.DONE, done.stdout + done.stderr
        return done.stdout

    async def buy(self, client: TradingClient, name: str) -> Order:
        asked = MarketOrderRequest(
            symbol=self.symbol,
            qty=10,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.DAY,
            client_order_id=name,
        )
        return await found(client.submit_order, asked)


async def found(ask: Any, *arguments: Any) -> Order:
    """What alpaca-py makes of the answer."""
    order = await asyncio.to_thread(ask, *arguments)
    assert isinstance(order, Order)
    return order


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Approving]:
    async with playing(Approving(tmp_path)) as made:
        yield made


async def test_an_entry_waits_for_a_persons_word_and_ends_or_fills_by_it(day: Approving) -> None:
    client = TradingClient(BOT, day.key_of(BOT), url_override=day.address("gateway"))
    await day.bar()
    await day.open_window()

    # Approved, it fills at the venue.
    first = await day.buy(client, "first")
    assert first.status is OrderStatus.PENDING_REVIEW
    status = await day.told("status")
    assert "waiting   1 for a person's approval, the first until" in status
    assert "Z: agenttrader approvals list" in status
    assert f"waits     {first.id} {BOT} buy 10 {day.symbol} market, day" in await day.told(
        "approvals", "list"
    )
    shown = await day.told("approvals", "show", str(first.id)[:6])
    assert f"position  {day.symbol} 0 now, 10 when it has filled" in shown
    assert f"requester {PERSON}" in shown
    assert max(map(len, shown.splitlines())) <= WIDTH_MAX
    signed = await day.told("approvals", "approve", str(first.id)[:6], "--reason", "as the plan says")
    assert signed.startswith(f"signed    approve_order {first.id}")
    for _ in range(2):
        await day.bar()
    filled = await found(client.get_order_by_id, first.id)
    assert (filled.status, filled.filled_qty) == (OrderStatus.FILLED, "10")

    # Denied by the person, it ends, and the broker never saw it.
    second = await day.buy(client, "second")
    denied = await day.told("approvals", "deny", str(second.id), "--reason", "too much of it")
    assert "order     withheld" in denied
    assert (await found(client.get_order_by_id, second.id)).status is OrderStatus.REJECTED

    # Nobody answers: its time is over.
    third = await day.buy(client, "third")
    for _ in range(2):
        await day.bar()
    assert (await found(client.get_order_by_id, third.id)).status is OrderStatus.REJECTED

    # Its agent ends a fourth. What it holds it leaves without asking anybody.
    fourth = await day.buy(client, "fourth")
    await asyncio.to_thread(client.cancel_order_by_id, fourth.id)
    assert (await found(client.get_order_by_id, fourth.id)).status is OrderStatus.REJECTED
    await asyncio.to_thread(client.close_position, day.symbol)
    for _ in range(3):
        await day.bar()
    assert (await day.ask("/v1/snapshot", Snapshot)).positions == ()
