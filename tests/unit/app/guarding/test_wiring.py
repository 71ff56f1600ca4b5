"""Whoever keeps a played day up is told when it has been played, and not before."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from litestar import Litestar, Response, get

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.guarding import wiring
from agenttrader.app.guarding.perform import make
from agenttrader.app.guarding.setup import GuardWish
from agenttrader.app.marketdata.health import judge_health
from agenttrader.model.times import SECOND, Instant, from_rfc3339
from agenttrader.testing.serving import serving

CLOSE = from_rfc3339("2026-11-20T21:00:00Z")


async def test_a_day_is_over_with_its_last_price_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "LOOK_SECONDS", 0.01)
    wish = GuardWish(bot="bot", person="me", port=8765, seed=7, speed=1)
    found = make(tmp_path / "desk", wish, "a passphrase").configuration
    told: list[Instant | None] = [None]
    asked: asyncio.Queue[None] = asyncio.Queue()

    @get("/healthz")
    async def healthz() -> Response[bytes]:
        asked.put_nowait(None)
        health = judge_health(CLOSE, told[-1], max_age_seconds=60, forced_stale=False)
        return Response(msgspec.json.encode(health), status_code=200 if health.ok else 503)

    over = asyncio.create_task(wiring.played_out(found))
    async with serving(Litestar([healthz], openapi_config=None)) as address:
        Announcements(found.path(found.peers.announcements)).announce("marketdata", address)
        for last in (None, Instant(CLOSE - 60 * SECOND)):
            told.append(last)
            for _ in range(asked.qsize() + 2):
                await asked.get()
            assert not over.done()
        told.append(CLOSE)
        await asyncio.wait_for(over, 10)
