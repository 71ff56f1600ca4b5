"""The strategy host as a process: what it says of itself while its peers are not there, and how it ends."""

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.config import demo_template

HOME = Path(__file__).parents[3] / "var" / "test"
"""Where kernels lie that were compiled before."""
PROGRAM = "import sys; from agenttrader.roles.strategy import main; sys.exit(main(['--config', sys.argv[1]]))"


@contextmanager
def role(folder: Path) -> Iterator[subprocess.Popen[str]]:
    numbers = itertools.count(1)
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
    (folder / "run.toml").write_text(text)
    (folder / "secrets").mkdir()
    for name in ("strategy-gateway", "strategy-marketdata"):
        (folder / "secrets" / name).write_text("secret")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder / "run.toml")],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "AGENTTRADER_HOME": str(HOME)},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=20)


def ask(address: str, path: str) -> tuple[int, str]:
    connection = HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_it_lives_alone_says_whom_it_waits_for_and_ends_in_order(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path / "announcements")
    with role(tmp_path) as process:
        deadline = time.monotonic() + 30
        while (found := announcements.get("strategy")) is None:
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        assert ask(found.address, "/livez")[0] == 200
        status, body = ask(found.address, "/readyz")
        assert status == 503
        assert "it waits for the gateway" in body
        assert "agenttrader_proposals_total" in ask(found.address, "/metrics")[1]
        process.terminate()
        _, log = process.communicate(timeout=20)
    assert process.returncode == 0, log
    assert "Unclosed" not in log
    assert announcements.get("strategy") is None
