"""A fuzzer reads the gateway's descriptions of itself, and tries what they say and what they do not.

schemathesis is a process of its own, over a real socket, against real processes.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from agenttrader.app.gateway.status import StatusBody
from agenttrader.testing.permissive_day import PermissiveDay
from agenttrader.testing.played_day import playing

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
)

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def day(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PermissiveDay]:
    made = PermissiveDay(tmp_path_factory.mktemp("day"))
    async with playing(made):
        await made.bar()
        yield made


async def fuzz(folder: Path, url: str, headers: dict[str, str], examples: int) -> str:
    """What the fuzzer said, where it found anything; else nothing."""
    words = ["run", url, "--checks", ",".join(CHECKS), "--max-examples", str(examples), "--seed", "7"]
    words += ["--no-color", "--suppress-health-check", "all", "--request-timeout", "10"]
    words += ["--phases", "coverage,fuzzing", "--warnings", "off"]
    words += [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    process = await asyncio.create_subprocess_exec(
        SCHEMATHESIS,
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.DEVNULL,
        cwd=folder,
    )
    said, _ = await process.communicate()
    return "" if process.returncode == 0 else said.decode()


async def fuzz_all(day: PermissiveDay, examples: int) -> None:
    """Both faces as an agent, and ours as a person too, who may halt: so that comes last."""
    url = day.address("gateway")
    agent = {"Authorization": f"Bearer {day.key_of('first-bot')}"}
    person = {"Authorization": f"Bearer {day.token}"}
    for address, headers in (("/v2", day.headers()), ("/v1", agent), ("/v1", person)):
        found = await fuzz(day.folder, f"{url}{address}/openapi.json", headers, examples)
        assert not found, f"{address}: {found}"
    assert "request_failed" not in (day.folder / "gateway.log").read_text()
    await day.ask("/v1/status", StatusBody)


async def test_nobody_without_a_key_is_answered_anything_but_401(day: PermissiveDay) -> None:
    """Every operation of both descriptions, without a key and with a wrong one; nothing is recorded."""
    before = (await day.ask("/v1/status", StatusBody)).records
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer guessed"},
        {"APCA-API-KEY-ID": "first-bot", "APCA-API-SECRET-KEY": "guessed"},
    )
    async with aiohttp.ClientSession(day.address("gateway")) as session:
        for face in ("/v1", "/v2"):
            async with session.get(f"{face}/openapi.json") as answer:
                paths = json.loads(await answer.read())["paths"]
            for path, operations in paths.items():
                for method in operations:
                    for headers in wrong:
                        body = b"{}" if "requestBody" in operations[method] else None
                        target = path.replace("{", "").replace("}", "")
                        async with session.request(method, target, data=body, headers=headers) as told:
                            assert told.status == 401, (method, path, await told.text())
    assert (await day.ask("/v1/status", StatusBody)).records == before


async def test_what_is_described_is_so(day: PermissiveDay) -> None:
    await day.open_window()
    await fuzz_all(day, 3)


@pytest.mark.slow
@pytest.mark.timeout(1_200)
async def test_what_is_described_is_so_whatever_is_tried(tmp_path: Path) -> None:
    day = PermissiveDay(tmp_path)
    async with playing(day):
        await day.bar()
        await day.open_window()
        await fuzz_all(day, 100)
