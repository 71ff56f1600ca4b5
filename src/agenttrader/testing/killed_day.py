"""A played day with an agent that orders, the kill switch as typed, and the venue asked by its own key."""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

from agenttrader.adapters.fence import fence_path
from agenttrader.adapters.journal_file import journal_path
from agenttrader.adapters.journal_reader import read_records
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.events import Event
from agenttrader.model.times import rfc3339
from agenttrader.testing.played_day import PASSED_ON, PROGRAM, PlayedDay


class KilledDay(PlayedDay):
    """A day with an agent that orders, and a hand on the kill switch."""

    def proposal(self, **changes: Any) -> dict[str, Any]:
        """The momentum agent's wish for ten of ALFA, at a price at which they rest."""
        assert self.market is not None
        return {
            "legs": [{"symbol": "ALFA", "ratio": 1}],
            "side": "buy",
            "quantity": "10",
            "type": "limit",
            "limit_price": "46.20",
            "time_in_force": "day",
            "effect": "open",
            "exit_plan": {"stop": "44.00", "target": "60.00"},
            "reason": "a test",
            "strategy": "momentum",
            "decision_price": "48.20",
            "decision_time": rfc3339(self.market),
            "correlation_id": "test",
        } | changes

    async def propose(self, **changes: Any) -> dict[str, Any]:
        """What the proposal came to."""
        headers = {"Authorization": f"Bearer {self.key_of('momentum')}"}
        body = self.proposal(**changes)
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{self.address('gateway')}/v1/proposals", json=body) as answer,
        ):
            found: dict[str, Any] = await answer.json()
            return found

    async def type(self, *words: str) -> tuple[int, dict[str, Any]]:
        """The exit code of a verb, and what it told as JSON."""
        known = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        done = await asyncio.to_thread(
            lambda: subprocess.run(
                [PROGRAM, *words, "--config", self.folder, "--json"],
                env=known,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    async def at_venue(self, path: str) -> Any:
        """What the venue says of the account, to the kill switch's own key."""
        key = self.configuration.credential(self.configuration.credentials.kill.broker)
        headers = {"APCA-API-KEY-ID": key.key_id, "APCA-API-SECRET-KEY": key.secret.reveal()}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{self.address('venue')}{path}") as answer,
        ):
            return await answer.json()

    def journal(self) -> list[Event]:
        """Everything on record."""
        configuration = self.configuration
        store = configuration.path(configuration.store.directory)
        return [each.event for each in read_records(journal_path(store, configuration.account.name))]

    async def hold(self) -> None:
        """Ten of ALFA with the stop and the target that came with them, and an entry that rests far away."""
        bought = await self.propose(type="market", limit_price=None)
        assert bought.get("state") not in {None, "denied"}, bought["decision"]["sentence"]
        await self.bar()
        await self.bar()
        (position,) = await self.at_venue("/v2/positions")
        assert position["qty"] == "10"
        assert (await self.propose())["state"] == "accepted"

    async def restarted(self) -> None:
        """The gateway, ended as by a power cut and started again."""
        self.kill("gateway")
        self.start("gateway")
        await self.until(lambda: self.address("gateway"))

    async def liquidated(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Kill as typed, that closes everything; the market goes on once its close works at the venue."""
        killing = asyncio.create_task(self.type(*words, "--cancel-orders", "--liquidate"))
        while all(each["type"] != "market" for each in await self.at_venue("/v2/orders?status=open")):
            assert not killing.done(), killing.result()
            await asyncio.sleep(0.05)
        assert self.market is not None
        await self.feed.settled(self.market)
        return await killing

    async def resumed(self) -> None:
        """A person lifts the latch that the next start took, and lets the window go on."""
        async with self.operator() as operator:
            await operator.resume(self.pen, EVERYTHING, "looked at")
            trading = await operator.resume_window(self.pen, "the account is flat")
        assert trading.state == "active", trading.reasons

    @property
    def fence(self) -> Path:
        """Where the account's fence stands, once it was raised."""
        configuration = self.configuration
        heads = configuration.path(configuration.store.heads_directory)
        return fence_path(heads, configuration.account.name)
