"""A second port of a role: on loopback alone, announced while it is served, and gone with its work."""

import asyncio
import contextlib
from pathlib import Path

import aiohttp
import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.api.probes import nothing_else
from agenttrader.model.errors import ConfigurationError
from agenttrader.roles.process import serve_beside


async def test_it_answers_until_its_work_is_canceled(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path)
    serving = asyncio.create_task(serve_beside("beside", nothing_else, "127.0.0.1:0", announcements))
    url = (await announcements.find("beside", 5)).url
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 404
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    assert announcements.get("beside") is None
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


@pytest.mark.parametrize("listen", ("0.0.0.0:0", "nowhere"))
async def test_another_machine_may_not_reach_it(tmp_path: Path, listen: str) -> None:
    with pytest.raises(ConfigurationError, match="expected"):
        await serve_beside("beside", nothing_else, listen, Announcements(tmp_path))
