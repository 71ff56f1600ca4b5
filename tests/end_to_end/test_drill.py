"""The drill of kill, small: it writes what it found, and the promise is kept."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from agenttrader.testing.played_day import PASSED_ON, PROGRAM


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_small_drill_keeps_the_promise_and_reports(tmp_path: Path) -> None:
    words = ("--clients", "4", "--seconds", "0.5", "--channel", "api", "--channel", "fence")
    done = await asyncio.to_thread(
        lambda: subprocess.run(
            [PROGRAM, "drill", "kill", *words, "--reports", tmp_path],
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            capture_output=True,
            text=True,
            check=False,
        )
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [each["channel"] for each in told["channels"]] == ["api", "fence"]
    assert all(each["orders_before"] > 0 for each in told["channels"])
    assert told["worst_ms"] <= 1000
    (saved,) = tmp_path.glob("kill-*.json")  # noqa: ASYNC240 - nothing else runs here
    assert json.loads(saved.read_text()) == told
    assert "| fence |" in saved.with_suffix(".md").read_text()
