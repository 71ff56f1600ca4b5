"""A person's hand, as typed, at a gateway of real processes: orders, positions and breaks."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest

from agenttrader.app.operators.perform import make_person
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.breaks import Break
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import AgentName
from agenttrader.protocols.native import Snapshot
from agenttrader.testing.played_day import PASSED_ON, PROGRAM, PlayedDay, playing

BOT = "visitor"
PASSPHRASE = "correct horse"

pytestmark = pytest.mark.timeout(120)


class ByHand(PlayedDay):
    """A day with a bot that holds a position, and a person, ann, whose key and token lie in files."""

    def __init__(self, folder: Path) -> None:
        self.ann = folder / "people" / "ann"
        super().__init__(folder, self._with_ann)
        self.symbol = self.configuration.agents[AgentName(BOT)].symbols[0]

    def _with_ann(self, tables: dict[str, Any]) -> None:
        made = make_person(self.ann, PASSPHRASE)
        tables["people"]["ann"] = {**msgspec.structs.asdict(made), "role": "operator"}
        tables["agents"][BOT]["exit_plan"] = {"stop": "0.05", "target": "0.08"}
        tables["limits"]["agent"][BOT] = tables["limits"]["agent"]["momentum"]

    async def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
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

    async def told(self, *words: str, code: ExitCode = ExitCode.DONE) -> str:
        done = await self.type(*words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    async def compare(self) -> tuple[Break, ...]:
        """What differs from the broker now, unless a person has accepted it."""
        async with self.operator() as operator:
            return (await operator.reconcile()).breaks

    async def settle(self, reason: str) -> None:
        """Accept each break that stands, in its order."""
        async with self.operator() as operator:
            while standing := await operator.breaks():
                await operator.accept(self.pen, standing[0], reason)

    async def trade(self, client: TradingClient, side: OrderSide, quantity: int) -> None:
        """An order at the market, and the bars in which it fills."""
        asked = MarketOrderRequest(
            symbol=self.symbol,
            qty=quantity,
            side=side,
            time_in_force=TimeInForce.DAY,
            client_order_id=f"{side.value} {quantity}",
        )
        await asyncio.to_thread(client.submit_order, asked)
        for _ in range(2):
            await self.bar()


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[ByHand]:
    async with playing(ByHand(tmp_path)) as made:
        yield made


async def test_what_somebody_did_at_the_broker_is_settled_by_hand_and_the_rest_closed(day: ByHand) -> None:
    at_gateway = TradingClient(BOT, day.key_of(BOT), url_override=day.address("gateway"))
    account = day.configuration.venue.accounts[0]
    at_venue = TradingClient(account.key_id, day.secret, url_override=day.address("venue"))
    await day.bar()
    await day.open_window()
    await day.trade(at_gateway, OrderSide.BUY, 10)
    assert f"position  {day.symbol} 10 at " in await day.told("positions", "list")

    # What protects it is canceled by hand, which no agent may, and three are sold past the gateway.
    working = json.loads(await day.told("orders", "list", "--json"))["orders"]
    stop = next(each["id"] for each in working if each["role"] == "stop")
    canceling = await day.told("orders", "cancel", stop, "--reason", "it is in my way")
    assert canceling == f"canceling {stop} sell 10 {day.symbol}: the broker is asked\n"
    await day.bar()
    await day.trade(at_venue, OrderSide.SELL, 3)
    assert len(await day.compare()) == 3

    # Each break in its order: the books are put right first, then what was said is explained.
    listed = json.loads(await day.told("breaks", "list", "--json", code=ExitCode.FINDING))["breaks"]
    found = {each["found"]["kind"]: each for each in listed}
    assert found["cash"]["refusal"].startswith("a position comes first")
    shown = await day.told("breaks", "show", found["position"]["id"][:6])
    assert f"accepting our position becomes the broker's, 7 {day.symbol}" in shown
    assert f"accepted  {found['position']['id']} position: our position becomes" in await day.told(
        "breaks", "accept", found["position"]["id"], "--reason", "sold by hand"
    )
    await day.settle("sold by hand")
    alone, verdict = (await day.told("breaks", "list")).splitlines()
    assert (alone[:23], verdict) == ("persons   SINGLE PERSON", "verdict   no breaks")
    assert await day.compare() == ()

    # And while everything is halted, the rest is closed.
    async with day.operator() as operator:
        await operator.halt(EVERYTHING, TradingState.HALTED, "enough")
    closed = await day.told("positions", "close", day.symbol, "--reason", "enough for today")
    assert f" sell 7 {day.symbol}: " in closed
    for _ in range(2):
        await day.bar()
    assert (await day.ask("/v1/snapshot", Snapshot)).positions == ()
    again = await day.type("positions", "close", day.symbol, "--reason", "enough")
    assert again.returncode == ExitCode.USAGE
    assert "expected one of which something is held" in again.stderr
    assert await day.compare() == ()

    # What somebody holds of a symbol of which we hold nothing is left to them, and is told from then on.
    other = day.configuration.agents[AgentName(BOT)].symbols[0]
    await day.trade(at_venue, OrderSide.BUY, 2)
    await day.compare()
    await day.settle("mine, by hand")
    compared = await day.told("reconcile")
    assert f"left      position: In {other} we are flat, the broker says long 2" in compared
    assert compared.endswith("verdict   the books agree\n")
    status = await day.told("status")
    assert f"left      In {other} we are flat" in status
    assert "no breaks stand" in status
    (report,) = day.folder.glob("audit_artifacts/reconciliation/*.ndjson")
    last = json.loads(report.read_text().splitlines()[-1])
    assert (last["verdict"], last["comparisons"]["left"][0]["theirs"]) == ("agreed", "2")
