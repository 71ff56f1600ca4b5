"""After something broke: the books agree again, clients are answered, all is flat, and all is judged."""

import asyncio
from decimal import Decimal
from http import HTTPStatus

import aiohttp

from agenttrader.app.gateway.status import ReconcileBody
from agenttrader.testing.permissive_day import Nothing
from agenttrader.testing.rounds.day import RoundsDay
from agenttrader.testing.rounds.judge import wrong
from agenttrader.testing.rounds.load import CLIENTS, Load

AGREED_SECONDS_MAX = 40.0


async def settled(day: RoundsDay, load: Load) -> tuple[int, list[str]]:
    """What is wrong once all is settled, and before it how many orders a person had to accept as lost.

    The window is open again when this returns, and the bots hold nothing.
    """
    accepted = await _agree(day)
    await day.resume()
    load.resumed.set()
    await load.finish()
    await day.bar()
    accepted += await _agree(day)
    await _flatten(day)
    accepted += await _agree(day)
    findings = await _judge(day, load)
    day.settle()
    await day.resume()
    return accepted, findings


async def _agree(day: RoundsDay) -> int:
    """The books agree, once a person has accepted what never arrived; how much that was."""
    accepted = 0
    found: ReconcileBody | None = None

    async def agrees() -> bool:
        nonlocal accepted, found
        found = await day.say("/v1/reconcile", Nothing(), ReconcileBody)
        if found.breaks:
            accepted += await day.accept_what_never_arrived()
        return not found.breaks and not found.failure

    assert await day.eventually(agrees, AGREED_SECONDS_MAX), f"the books do not agree: {found}"
    return accepted


async def _flatten(day: RoundsDay) -> None:
    """Each bot cancels what works and closes what it holds."""
    for agent in CLIENTS:
        async with aiohttp.ClientSession(headers=day.headers(agent)) as session:
            for what in ("orders", "positions"):
                async with session.delete(f"{day.address('gateway')}/v2/{what}") as answer:
                    assert answer.status == HTTPStatus.MULTI_STATUS, await answer.text()

    async def nothing_waits() -> bool:
        working = await day.at_venue("/v2/orders?status=open")
        ours = [order for order in working if order["symbol"] in day.symbols.values()]
        return all(order["type"] == "market" for order in ours)

    await day.eventually(nothing_waits)
    await day.bar()


async def _judge(day: RoundsDay, load: Load) -> list[str]:
    """Everything that is wrong now."""
    orders = await day.orders_at_venue()
    day.look()
    findings = list(wrong(day.books, load.intents, orders))
    verified = await asyncio.to_thread(day.archive.verify)
    if not verified.verified:
        findings.append(f"journal: {verified.finding}")
    ours, account = await day.snapshot(), await day.at_venue("/v2/account")
    if ours.account.cash != Decimal(account["cash"]):
        findings.append(f"cash: the book says {ours.account.cash}, the venue {account['cash']}")
    theirs = {each["symbol"]: Decimal(each["qty"]) for each in await day.at_venue("/v2/positions")}
    held = {each.symbol: each.quantity for each in ours.positions}
    if held != theirs:
        findings.append(f"positions: the book says {held}, the venue {theirs}")
    return findings
