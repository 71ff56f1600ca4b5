"""The load under which a gateway is killed: clients of two bots that want orders, and send until answered."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from random import Random
from typing import Any
from uuid import UUID

import aiohttp

from agenttrader.model.errors import AgentTraderError
from agenttrader.model.times import rfc3339
from agenttrader.testing.permissive_day import BELOW, BOT, OTHER_BOT, Body, PermissiveDay
from agenttrader.testing.rounds.judge import Intent

CLIENTS = {BOT: 4, OTHER_BOT: 4}
"""Of each bot."""
ANSWER_SECONDS = 15
RETRY_SECONDS = 0.03
THINKING_SECONDS = 0.02
_WAITS = {
    HTTPStatus.TOO_MANY_REQUESTS,
    *(each for each in HTTPStatus if each >= HTTPStatus.INTERNAL_SERVER_ERROR),
}
_CENT = Decimal("0.01")


class Load:
    """`CLIENTS`, who want orders. They begin nothing new once `stopped`, and go on with what they began.

    After a lost answer half of them send again at once and blindly, the others when `resumed` is set.
    """

    def __init__(self, day: PermissiveDay, chance: Random, prices: Mapping[str, Decimal]) -> None:
        self.intents: list[Intent] = []
        self.stopped, self.resumed = asyncio.Event(), asyncio.Event()
        self._day, self._chance, self._prices = day, chance, prices
        self._tasks = [
            asyncio.create_task(self._trade(agent)) for agent, count in CLIENTS.items() for _ in range(count)
        ]

    async def finish(self) -> None:
        """Every client has been answered. Raises what failed in one of them."""
        self.stopped.set()
        await asyncio.gather(*self._tasks)

    def cancel(self) -> None:
        """End it as it is."""
        for task in self._tasks:
            task.cancel()

    async def _trade(self, agent: str) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(headers=self._headers(agent), timeout=timeout) as session:
            while not self.stopped.is_set():
                intent = Intent(str(UUID(int=self._chance.getrandbits(128))), agent)
                body = self._wish(intent)
                self.intents.append(intent)
                patient = self._chance.random() < 0.5  # noqa: PLR2004 - half of them
                while not intent.status:
                    await self._send(session, intent, body, patient=patient)
                await asyncio.sleep(THINKING_SECONDS)

    async def _send(
        self, session: aiohttp.ClientSession, intent: Intent, body: Body, *, patient: bool
    ) -> None:
        """Once; the answer, if one comes, stands in the intent."""
        path = "/v2/orders" if intent.agent == BOT else "/v1/proposals"
        try:
            url = self._day.address("gateway")
            if url is None:
                raise aiohttp.ClientConnectionError
            async with session.post(f"{url}{path}", json=body) as answer:
                told = await answer.json()
            if answer.status not in _WAITS:
                state = told.get("status") or told.get("state") or f"refused: {told.get('message')}"
                intent.status, intent.said = answer.status, state
                return
        except (aiohttp.ClientError, TimeoutError, AgentTraderError):
            if patient:
                await self.resumed.wait()
        await asyncio.sleep(RETRY_SECONDS)

    def _headers(self, agent: str) -> dict[str, str]:
        if agent == BOT:
            return self._day.headers(agent)
        return {"Authorization": f"Bearer {self._day.key_of(agent)}"}

    def _wish(self, intent: Intent) -> Body:
        """A market order that fills with the next bar, one that rests, or the sale of a part."""
        draw = self._chance.random()
        symbol, quantity = self._day.symbols[intent.agent], str(self._chance.randint(1, 4))
        price = self._prices[symbol]
        buys, rests = draw < 0.75, draw < 0.35  # noqa: PLR2004 - of all
        limit = (price * BELOW).quantize(_CENT) if rests else price
        if intent.agent == BOT:
            return _alpaca(intent.name, symbol, quantity, limit, buys=buys, rests=rests)
        return self._native(intent.name, symbol, quantity, limit, buys=buys, rests=rests)

    def _native(
        self, name: str, symbol: str, quantity: str, price: Decimal, *, buys: bool, rests: bool
    ) -> dict[str, Any]:
        market = self._day.market
        assert market is not None
        return {
            "proposal_id": name,
            "legs": [{"symbol": symbol, "ratio": 1}],
            "side": "buy" if buys else "sell",
            "quantity": quantity,
            "type": "limit" if rests else "market",
            "limit_price": str(price) if rests else None,
            "time_in_force": "day",
            "effect": "open" if buys else "close",
            "exit_plan": _plan(price) if buys else None,
            "reason": "a round",
            "decision_price": str(self._prices[symbol]),
            "decision_time": rfc3339(market),
            "correlation_id": name,
        }


def _alpaca(name: str, symbol: str, quantity: str, price: Decimal, *, buys: bool, rests: bool) -> Body:
    body: Body = {
        "client_order_id": name,
        "symbol": symbol,
        "qty": quantity,
        "side": "buy" if buys else "sell",
        "type": "limit" if rests else "market",
        "time_in_force": "day",
    }
    if rests:
        body["limit_price"] = str(price)
    if buys:
        plan = _plan(price)
        body |= {
            "order_class": "bracket",
            "take_profit": {"limit_price": plan["target"]},
            "stop_loss": {"stop_price": plan["stop"]},
        }
    return body


def _plan(price: Decimal) -> dict[str, str]:
    return {"stop": str((price / 2).quantize(_CENT)), "target": str((price * 2).quantize(_CENT))}
