"""The exits unit as a process: what it says of itself while its peers are not there, and how it ends."""

import itertools
import re
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.config import demo_template
from agenttrader.app.template import recast

PROGRAM = "import sys; from agenttrader.roles.exits import main; sys.exit(main(['--config', sys.argv[1]]))"
TABLES = ("exits", "credentials.exits.gateway", "credentials.exits.marketdata")


def ask(address: str, path: str) -> tuple[int, str]:
    connection = HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def start(folder: Path, template: str) -> subprocess.Popen[str]:
    numbers = itertools.count(1)
    (folder / "run.toml").write_text(re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', template))
    (folder / "secrets").mkdir()
    for name in ("exits-gateway", "exits-marketdata"):
        (folder / "secrets" / name).write_text("secret")
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder / "run.toml")], stderr=subprocess.PIPE, text=True
    )


def test_it_lives_alone_says_whom_it_waits_for_and_ends_in_order(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path / "announcements")
    process = start(tmp_path, demo_template())
    try:
        deadline = time.monotonic() + 30
        while (found := announcements.get("exits")) is None:
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        assert ask(found.address, "/livez")[0] == 200
        status, body = ask(found.address, "/readyz")
        assert status == 503
        assert "it waits for the gateway" in body
        assert "agenttrader_exits_acts_total" in ask(found.address, "/metrics")[1]
        process.terminate()
        log = process.communicate(timeout=20)[1]
        assert process.returncode == 0, log
        assert "nothing_remembered" in log
        assert announcements.get("exits") is None
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_without_its_section_it_does_not_start(tmp_path: Path) -> None:
    process = start(tmp_path, recast(demo_template(), names={}, tables=dict.fromkeys(TABLES, "")))
    log = process.communicate(timeout=20)[1]
    assert process.returncode == 2
    assert "expected this section and [credentials.exits]" in log
