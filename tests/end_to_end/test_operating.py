"""A person's verbs, as typed, at a gateway of real processes: made, halted, resumed, leased and closed."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from agenttrader.app.gateway.status import StatusBody
from agenttrader.app.operators.perform import make_person
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.protocols.native import TradingBody
from agenttrader.testing.played_day import PASSED_ON, PROGRAM, PlayedDay, playing
from agenttrader.testing.small_cluster import CONFIG_MAP, KEY, NAMESPACE, SmallCluster

PASSPHRASE = "correct horse"
PROMISED_SECONDS = 1.0

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


class Desk(PlayedDay):
    """A day with a person, ann, whose key and token lie in files."""

    def __init__(self, folder: Path) -> None:
        self.ann = folder / "people" / "ann"
        super().__init__(folder, self._with_ann)

    def _with_ann(self, tables: dict[str, Any]) -> None:
        made = make_person(self.ann, PASSPHRASE)
        tables["people"]["ann"] = {**msgspec.structs.asdict(made), "role": "operator"}

    async def type(self, *words: str, passphrase: str = PASSPHRASE) -> subprocess.CompletedProcess[str]:
        known = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return await asyncio.to_thread(
            lambda: subprocess.run(
                [PROGRAM, *words, "--config", self.folder, "--person", self.ann],
                input=f"{passphrase}\n",
                env=known,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        )

    async def told(self, *words: str) -> str:
        done = await self.type(*words)
        assert done.returncode == ExitCode.DONE, done.stderr
        return done.stdout


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """One for all tests that leave it at rest, as they found it."""
    async with playing(Desk(tmp_path_factory.mktemp("desk"))) as made:
        await made.bar()
        yield made


async def test_a_persons_day_at_the_desk(desk: Desk) -> None:
    status = await desk.told("status")
    assert "reason    no window is open" in status
    assert "breaker   armed     rejections, agent momentum: 0 rejections within 5 minutes, of 3\n" in status
    state = 'agenttrader_breaker_state{breaker="drawdown",scope="account:DEMO-1"} 0.0'
    async with aiohttp.ClientSession() as client:
        answer = await client.get(f"{desk.address('gateway')}/metrics")
        assert state in await answer.text()
    assert "window    none is open" in await desk.told("window", "show")

    opened = await desk.told("window", "open", "--until", "90m", "--reason", "a quiet morning")
    assert "window    paper on everything" in opened
    assert "by ann: a quiet morning" in opened
    assert opened.endswith("trading   active\n")
    longer = await desk.told("window", "extend", "--until", "close", "--reason", "a busy one", "--json")
    assert json.loads(longer)["window"]["end"] == "2026-11-20T21:00:00Z"

    halted = await desk.told("halt", "--frozen", "--scope", "symbol:ALFA", "--reason", "news")
    assert "reason    only symbol ALFA is frozen, by ann: news" in halted
    assert "latch     symbol ALFA is frozen since" in await desk.told("switches")
    resumed = await desk.told("resume", "--scope", "symbol:ALFA", "--reason", "it was nothing")
    assert resumed == "trading   active\n"

    assert "verdict   the books agree" in await desk.told("reconcile")
    closed = await desk.told("window", "close", "--reason", "enough")
    assert "window    none is open" in closed
    assert "trading   halted" in closed


async def test_an_agents_key_is_given_rotated_and_taken_away_at_once(desk: Desk) -> None:
    async def agents(*words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            lambda: subprocess.run(
                [PROGRAM, "agents", *words, "--config", desk.folder],
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        )

    async def status_of(key: str) -> int:
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"{desk.address('gateway')}/v1/status", headers=headers) as answer,
        ):
            return answer.status

    first = desk.key_of("visitor")
    assert await status_of(first) == 200
    second = (await agents("rotate", "visitor", "--grace", "1h")).stdout.strip()
    assert (await status_of(first), await status_of(second)) == (200, 200)
    third = (await agents("rotate", "visitor")).stdout.strip()
    assert [await status_of(key) for key in (first, second, third)] == [401, 401, 200]
    (line,) = [line for line in (await agents("list")).stdout.splitlines() if line.startswith("visitor")]
    assert "up to paper, approval auto" in line
    assert (await agents("revoke", "visitor")).returncode == ExitCode.DONE
    assert await status_of(third) == 401
    assert "visitor              no key: it is nobody to the gateway" in (await agents("list")).stdout
    made = await agents("add", "visitor", "--to", str(desk.folder / "visitor.key"))
    assert made.stdout == f"made      {desk.folder / 'visitor.key'}, the key of visitor\n"
    assert await status_of((desk.folder / "visitor.key").read_text().strip()) == 200
    unknown = await agents("add", "stranger")
    assert unknown.returncode == ExitCode.USAGE
    assert "stranger: expected one of the configuration's agents, momentum, visitor" in unknown.stderr


async def test_what_is_refused_is_said_and_changes_nothing(desk: Desk) -> None:
    wrong = await desk.type("window", "open", "--reason", "a day", passphrase="wrong")
    assert wrong.returncode == ExitCode.USAGE
    assert "expected a key in PEM and its passphrase" in wrong.stderr
    silent = await desk.type("halt", "--reason", " ")
    assert silent.returncode == ExitCode.USAGE
    assert "--reason: expected a text that says why" in silent.stderr
    nothing = await desk.type("resume", "--reason", "why not")
    assert nothing.returncode == ExitCode.FINDING
    assert "nothing is latched on everything" in nothing.stderr
    for words, found in (
        (("halt", "--scope", "symbol", "--reason", "x"), "--scope: expected everything or one of"),
        (("window", "open", "--until", "noon", "--reason", "x"), "--until: expected close, a span"),
        (("window", "open", "--mode", "reckless", "--reason", "x"), "--mode: expected one of off"),
    ):
        refused = await desk.type(*words)
        assert refused.returncode == ExitCode.USAGE, refused.stderr
        assert found in refused.stderr
    assert "latch     none" in await desk.told("switches")


async def test_a_clusters_switch_opens_with_the_window_and_halts_within_the_second(tmp_path: Path) -> None:
    async with SmallCluster("1").served() as cluster:

        def wire(tables: dict[str, Any]) -> None:
            found = {"namespace": NAMESPACE, "name": CONFIG_MAP, "key": KEY}
            tables["switches"]["wired"].append("configmap")
            tables["switches"]["configmap"] = {
                **found,
                "silence_seconds_max": 20,
                "kubeconfig": "kubeconfig",
            }

        (tmp_path / "kubeconfig").write_text(cluster.kubeconfig)
        async with playing(PlayedDay(tmp_path, wire)) as day:
            await day.open_window()
            assert cluster.value == "0"
            await cluster.set("1")
            began = time.monotonic()
            while (status := await day.ask("/v1/status", StatusBody)).trading.state != "halted":
                assert time.monotonic() - began < 10
            took = time.monotonic() - began
            assert [(latch.by, latch.state.value) for latch in status.latches] == [
                ("switch configmap", "halted")
            ]
            await day.say("/v1/windows/close", {"reason": "halted"}, TradingBody)
            assert cluster.value == "1"
            assert took < PROMISED_SECONDS


async def test_a_gateway_that_is_gone_is_halted_by_the_file(tmp_path: Path) -> None:
    async with playing(Desk(tmp_path)) as desk:
        await desk.bar()
        await desk.told("window", "open", "--reason", "a day")
        switch = desk.folder / "EXECUTION_HALTED"
        assert switch.read_text() == "0\n"
        desk.kill("gateway")
        halted = await desk.type("halt", "--reason", "it is gone")
        assert halted.returncode == ExitCode.DONE
        assert f"switch    {switch} is 1" in halted.stdout
        assert switch.read_text() == "1\n"
        narrow = await desk.type("halt", "--scope", "symbol:ALFA", "--reason", "it is gone")
        assert narrow.returncode == ExitCode.UNREACHABLE
