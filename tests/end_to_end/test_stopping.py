"""A gateway that is told to stop, and one that falls silent while the sentinel watches: real processes."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.model.events import SegmentOpened
from agenttrader.model.outside import ActedOutside
from agenttrader.testing.killed_day import KilledDay
from agenttrader.testing.played_day import ROLES, playing

pytestmark = pytest.mark.timeout(120)


def stopping(entries: str) -> Any:
    def change(tables: dict[str, Any]) -> None:
        tables["gateway"] |= {"inbox": "arrival", "entries_at_shutdown": entries}

    return change


@pytest.mark.parametrize("entries", ("cancel", pytest.param("leave", marks=pytest.mark.slow)))
async def test_entries_end_with_the_gateway_or_are_left_as_configured(tmp_path: Path, entries: str) -> None:
    async with playing(KilledDay(tmp_path, stopping(entries))) as day:
        await day.bar()
        await day.open_window()
        assert (await day.propose())["state"] == "accepted"
        gateway = day.processes.pop("gateway")
        gateway.terminate()
        assert gateway.stdin is not None
        gateway.stdin.close()
        assert await asyncio.to_thread(gateway.wait, 20) == ExitCode.DONE, day.logs()
        left = await day.at_venue("/v2/orders?status=open")
        assert len(left) == (0 if entries == "cancel" else 3)  # The entry, its stop, its target.


def watched(tables: dict[str, Any]) -> None:
    tables["sentinel"] = {"listen": "127.0.0.1:0", "silence_seconds_max": 10}


@pytest.mark.slow
async def test_a_silent_gateway_is_fenced_off_and_loses_its_entries_and_no_protection(tmp_path: Path) -> None:
    async with playing(KilledDay(tmp_path, watched, (*ROLES, "sentinel"))) as day:
        await day.bar()
        await day.open_window()
        await day.hold()
        gateway = day.processes["gateway"]
        gateway.send_signal(signal.SIGSTOP)
        await day.until(day.fence.exists)
        async with asyncio.timeout(20):
            while len(await day.at_venue("/v2/orders?status=open")) != 2:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        gateway.send_signal(signal.SIGCONT)
        answer = await day.propose(reason="awake again")
        assert answer["state"] in {"denied", "withheld"}, answer
        await day.restarted()
        await day.settled()
        events = day.journal()
        assert [each.epoch for each in events if isinstance(each, SegmentOpened)] == [1, 4]
        acted = [each for each in events if isinstance(each, ActedOutside)]
        assert {each.journal for each in acted} == {"sentinel"}
        assert {each.act for each in acted} == {"fence", "cancel"}
        raised = day.fence.read_bytes()
        await day.restarted()  # Within the silence that is allowed.
        await day.settled()
        assert day.fence.read_bytes() == raised
