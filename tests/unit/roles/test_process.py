import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from agenttrader.adapters.announcements import Announcement, Announcements
from agenttrader.model.errors import ConfigurationError
from agenttrader.roles.process import listening, parse

ROLE = '''
"""A role as small as one can be: what it does is told by the words of its configuration."""
import asyncio, sys
from pathlib import Path
from agenttrader.adapters.announcements import Announcements
from agenttrader.api.probes import nothing_else
from agenttrader.model.errors import Unreachable
from agenttrader.roles import process

async def fail():
    await asyncio.sleep(0.05)
    raise Unreachable("the venue did not answer")

async def crash():
    raise KeyError("seven")

async def wait():
    try:
        await asyncio.Event().wait()
    finally:
        print("work ended", flush=True)

async def slow(scope, receive, send):
    if scope["type"] == "http":
        await asyncio.sleep(0.5)
    await nothing_else(scope, receive, send)

async def assemble(arguments):
    process.set_mode("tiny", "paper")
    words = arguments.config.read_text().split()
    return await process.serve(
        "tiny", slow if "slow" in words else nothing_else, words[0], Announcements(arguments.config.parent),
        background=[{"fail": fail, "crash": crash}.get(words[-1], wait)],
    )

sys.exit(process.run("tiny", sys.argv[1:], assemble))
'''


class Tiny:
    """One process of the small role, with what it wrote."""

    def __init__(self, folder: Path, words: str, *arguments: str) -> None:
        self.announcements = Announcements(folder)
        (folder / "run.toml").write_text(words)
        self.log = folder / "log"
        with self.log.open("wb") as log:
            command = [sys.executable, "-c", ROLE, "--config", str(folder), *arguments]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def announced(self) -> Announcement:
        """Where it listens, waited for."""
        deadline = time.monotonic() + 20
        while (found := self.announcements.get("tiny")) is None:
            assert time.monotonic() < deadline, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        return found

    def events(self) -> list[dict[str, Any]]:
        """Its log, every line of which must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


Start = Callable[..., Tiny]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Tiny] = []

    def begin(words: str = "127.0.0.1:0", *arguments: str) -> Tiny:
        started.append(Tiny(tmp_path, words, *arguments))
        return started[-1]

    yield begin
    for tiny in started:
        if tiny.process.poll() is None:
            tiny.process.kill()
        tiny.process.communicate()


def status_of(address: str, path: str) -> int:
    connection = HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_a_role_announces_itself_answers_and_ends_in_order(start: Start, number: signal.Signals) -> None:
    tiny = start()
    found = tiny.announced()
    assert found.pid == tiny.process.pid
    assert status_of(found.address, "/readyz") == 200
    assert status_of(found.address, "/else") == 404
    os.kill(found.pid, number)
    said, _ = tiny.process.communicate(timeout=10)
    assert tiny.process.returncode == 0
    assert said == "work ended\n"
    assert tiny.announcements.get("tiny") is None
    assert not (tiny.announcements.directory / "tiny.json").exists()
    assert [line["event"] for line in tiny.events()] == ["listening", "stopped"]
    assert {(line["role"], line["mode"]) for line in tiny.events()} == {("tiny", "paper")}


def test_an_open_request_is_answered_before_the_end(start: Start) -> None:
    tiny = start("127.0.0.1:0 slow")
    found = tiny.announced()
    host, port = found.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        os.kill(found.pid, signal.SIGTERM)
        assert connection.recv(4096).startswith(b"HTTP/1.1 404")
    tiny.process.communicate(timeout=10)
    assert tiny.process.returncode == 0


def test_work_that_fails_ends_the_process_with_its_errors_code(start: Start) -> None:
    tiny = start("127.0.0.1:0 fail")
    tiny.process.communicate(timeout=20)
    assert tiny.process.returncode == 5
    failed = next(line for line in tiny.events() if line["event"] == "role_failed")
    assert failed["reason"] == "the venue did not answer"
    assert failed["kind"] == "Unreachable"


def test_work_that_nobody_expected_to_fail_ends_the_process_with_its_trace_in_the_log(start: Start) -> None:
    tiny = start("127.0.0.1:0 crash")
    tiny.process.communicate(timeout=20)
    assert tiny.process.returncode == 1
    crashed = next(line for line in tiny.events() if line["event"] == "role_crashed")
    assert "KeyError: 'seven'" in crashed["exception"]


def test_a_role_ends_when_its_lifeline_does(start: Start) -> None:
    tiny = start("127.0.0.1:0", "--lifeline")
    tiny.announced()
    # communicate closes the pipe, as the kernel does for a parent that was killed.
    tiny.process.communicate(timeout=10)
    assert tiny.process.returncode == 0


def test_a_port_in_use_is_refused_with_what_to_do(start: Start) -> None:
    with listening("other", "127.0.0.1:0") as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        tiny = start(address)
        tiny.process.communicate(timeout=20)
    assert tiny.process.returncode == 2
    (line,) = tiny.events()
    assert line["reason"].startswith(f"tiny: expected {address} to be free to listen on, found: ")
    assert "stop the process that holds it, or write port 0" in line["reason"]


@pytest.mark.parametrize(
    ("listen", "says"),
    (
        ("0.0.0.0:8080", "expected a loopback address, found 0.0.0.0:8080: without TLS"),
        ("[::]:8080", "expected a loopback address"),
        ("8080", "expected an address such as 127.0.0.1:0"),
        ("127.0.0.1:http", "expected an address such as 127.0.0.1:0"),
        ("example.org:80", "expected an address such as 127.0.0.1:0"),
        ("127.0.0.1:70000", "to be free to listen on"),
    ),
)
def test_an_address_that_cannot_be_listened_on_is_refused(listen: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        listening("tiny", listen)
    assert says in str(refused.value)


def test_a_socket_says_that_it_is_tcp_so_that_small_answers_leave_at_once() -> None:
    with listening("tiny", "localhost:0") as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_the_words_of_a_role(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = parse("tiny", ["--config", "run.toml", "--lifeline"])
    assert (arguments.config, arguments.lifeline) == (Path("run.toml"), True)
    with pytest.raises(SystemExit) as ended:
        parse("tiny", ["--confg", "run.toml"])
    assert ended.value.code == 2
    assert "agenttrader run tiny" in capsys.readouterr().err
