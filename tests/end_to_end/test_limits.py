"""Limits as typed, at a gateway of real processes: shown, tightened, widened in the file, and signed for."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agenttrader.app.operators.perform import make_person
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.testing.played_day import PASSED_ON, PROGRAM, PlayedDay, playing

PASSPHRASE = "correct horse"
NAME = "account.open_orders_max"
WIDTH_MAX = 90

pytestmark = pytest.mark.timeout(120)


class Desk(PlayedDay):
    """A day of two persons: the demo's, whose pen is at hand, and ann, whose key and token lie in files."""

    def __init__(self, folder: Path) -> None:
        self.ann = folder / "people" / "ann"
        super().__init__(folder, self._with_ann)

    def _with_ann(self, tables: dict[str, Any]) -> None:
        made = make_person(self.ann, PASSPHRASE)
        tables["people"]["ann"] = {**msgspec.structs.asdict(made), "role": "approver"}
        tables["people"]["demo"]["role"] = "admin"
        tables["environment"]["people"] = 2

    async def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            lambda: subprocess.run(
                [PROGRAM, "limits", *words, "--config", self.folder, "--person", self.ann],
                input=f"{PASSPHRASE}\n",
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        )

    async def told(self, *words: str) -> str:
        done = await self.type(*words)
        assert done.returncode == ExitCode.DONE, done.stdout + done.stderr
        return done.stdout

    async def start_again(self, open_orders_max: int) -> None:
        """The gateway dies, the account's limit is another in the file, and the gateway starts again."""
        self.kill("gateway")
        text = self.path.read_text()
        changed = re.sub(r'"open_orders_max" = \d+', f'"open_orders_max" = {open_orders_max}', text, count=1)
        assert changed != text
        self.path.write_text(changed)
        self.start("gateway")
        await self.settled()

    async def rules(self) -> str:
        async with self.operator() as operator:
            return next(each.value for each in (await operator.limits()).limits if each.name == NAME)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with playing(Desk(tmp_path)) as made:
        yield made


async def test_what_is_tightened_stays_so_until_two_persons_sign_for_a_wider_file(desk: Desk) -> None:
    await desk.bar()
    shown = await desk.told("show")
    assert max(map(len, shown.splitlines())) <= WIDTH_MAX
    assert "  gross_exposure_max" in shown
    assert "waiting" not in shown
    assert f"tightened {NAME} is 3 now" in await desk.told("tighten", NAME, "3", "--reason", "a rough day")

    await desk.start_again(open_orders_max=77)
    assert await desk.rules() == "3"
    shown = await desk.told("show", "account")
    assert "    tightened by ann from " in shown
    assert f"waiting   {NAME}: 3 rules, the configuration says 77" in shown
    assert "signed by nobody; missing: 2 more, of 2 different persons" in shown

    await desk.bar()
    (shown_as,) = re.findall(r"^loosening (\w+), ", shown, re.MULTILINE)
    other = await desk.type("loosen", "0" * 16, "--reason", "it was one bad day")
    assert other.returncode == ExitCode.USAGE
    assert "loosening: expected the id of one" in other.stderr
    signed = await desk.told("loosen", shown_as, "--reason", "it was one bad day")
    assert f"signed    {NAME}: 3 to 77" in signed
    assert "missing   1 more, of 2 different persons" in signed
    again = await desk.type("loosen", shown_as[:6], "--reason", "it was one bad day")
    assert again.returncode == ExitCode.FINDING
    assert "ann has signed for this already" in again.stderr
    assert await desk.rules() == "3"
    async with desk.operator() as operator:
        await operator.loosen(desk.pen, await operator.limits(), "it was one bad day", "")
        assert (await operator.limits()).waiting == ()
    assert await desk.rules() == "77"

    desk.kill("gateway")
    down = await desk.type("show")
    assert down.returncode == ExitCode.UNREACHABLE
    assert "is it running?" in down.stderr
