"""An agent with a user of its own on the gateway's machine, which tries to loosen and to read keys.

It runs as `nobody`, so this needs root. It has what an agent has: its key, the gateway's address and the
run's configuration, which is no secret.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.roles.process import listening
from agenttrader.testing.played_day import PASSED_ON, PROGRAM

AGENT = "nobody"
PATIENCE_SECONDS = 60

pytestmark = [
    pytest.mark.timeout(150),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the agent runs as another user"),
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc"),
]

SCRIPT = r'''
import http.client, json, os, signal, sys

desk, secret, port, *pids = sys.argv[1:]
got = []

def get(name, act):
    """What must not be had: tells what was got, or by which refusal it was not."""
    try:
        got.append([name, True, repr(act())[:200]])
    except OSError as error:
        got.append([name, False, type(error).__name__])

def names():
    wanted = ["run.toml", "agent-keys.json", "EXECUTION_HALTED", "people/me.key", "people/me.token"]
    wanted += ["keys/journal.key", "store/DEMO-1.journal", "heads/DEMO-1.journal.heads", "fence/DEMO-1.json"]
    wanted += ["secrets/gateway-broker", "secrets/kill-broker", "secrets/kill-gateway"]
    wanted += ["announcements/gateway.json", "venue/venue.log", "logs/gateway.log"]
    return [os.path.join(desk, name) for name in wanted]

for name in names():
    get("read " + name, lambda: open(name).read())
    get("write " + name, lambda: open(name, "w").write("0\n"))
    get("replace " + name, lambda: os.replace("/proc/self/cmdline", name))
    get("remove " + name, lambda: os.remove(name))
    get("link " + name, lambda: os.link(name, "/tmp/agents-link-%d" % os.getpid()))
    get("open to all " + name, lambda: os.chmod(name, 0o777))
for folder in (desk, os.path.join(desk, "fence"), os.path.join(desk, "store")):
    get("list " + folder, lambda: os.listdir(folder))
    get("make in " + folder, lambda: open(os.path.join(folder, "new"), "w"))
    get("move " + folder, lambda: os.rename(folder, folder + "-moved"))
    get("open to all " + folder, lambda: os.chmod(folder, 0o777))
for pid in map(int, pids):
    get("environment of %d" % pid, lambda: open("/proc/%d/environ" % pid, "rb").read())
    get("memory of %d" % pid, lambda: open("/proc/%d/mem" % pid, "rb").read(1))
    get("files of %d" % pid, lambda: os.listdir("/proc/%d/fd" % pid))
    get("stopping %d" % pid, lambda: os.kill(pid, signal.SIGSTOP))
    get("killing %d" % pid, lambda: os.kill(pid, signal.SIGKILL))
get("becoming root", lambda: os.setuid(0))

def ask(where, key, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", where, timeout=5)
    headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json",
               "APCA-API-KEY-ID": "my-bot", "APCA-API-SECRET-KEY": key}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")[:300]
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)
    finally:
        connection.close()

everything = {"kind": "everything", "value": ""}
forged = {"envelope": json.dumps({"payload": "e30=", "payloadType":
    "application/vnd.agenttrader.statement.v1+json", "signatures": [{"keyid": "00" * 32, "sig": "AA=="}]})}
loosening = [("POST", "/v1/" + path, forged) for path in
    ("windows", "windows/extend", "windows/resume", "resume", "breaks/accept")]
words = [("POST", f"/v1/approvals/{word}", forged | {"order_id": "x"}) for word in ("approve", "deny")]
posts = loosening + words + [
    ("GET", "/v1/approvals", None),
    ("POST", "/v1/windows/close", {"reason": "me"}), ("POST", "/v1/reconcile", {}),
    ("POST", "/v1/halt", {"scope": everything, "state": "active", "reason": "me"}),
    ("POST", "/v1/orders/cancel", {"order_id": "x", "reason": "me"}),
    ("POST", "/v1/positions/close", {"symbol": "ALFA", "reason": "me"}),
    ("GET", "/v1/breaks", None), ("PUT", "/v1/doubts", {}),
]
heard = [[key_name, method, path, *ask(int(port), key, method, path, body)]
    for key_name, key in (("own", secret), ("none", ""), ("guessed", "0" * 43))
    for method, path, body in posts]
order = {"symbol": "ALFA", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
own = ask(int(port), secret, "POST", "/v2/orders", order)

# Every other door of this machine, the venue's among them: its key opens none.
doors = []
for line in list(open("/proc/net/tcp"))[1:]:
    address, state, uid = line.split()[1], line.split()[3], line.split()[7]
    found = int(address.split(":")[1], 16)
    if state == "0A" and found in {int(each) for each in os.environ["DOORS"].split()}:
        for path in ("/v2/account", "/v2/orders", "/v1/status"):
            doors.append([found, path, *ask(found, secret, "GET", path)])
        doors.append([found, "order", *ask(found, secret, "POST", "/v2/orders", order)])
print(json.dumps({"got": got, "heard": heard, "own": own, "doors": doors}))
'''


class Desk(NamedTuple):
    """A guarded bot's run that is up, in a folder whose own mode alone keeps the agent out."""

    folder: Path
    secret: str
    port: int

    def announced(self) -> dict[str, dict[str, Any]]:
        files = (self.folder / "announcements").glob("*.json")
        return {file.stem: json.loads(file.read_text()) for file in files}

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        return typed(*words, "--config", str(self.folder))


def typed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *words],
        input="a passphrase\n",
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with listening("nobody", "127.0.0.1:0") as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as made:
        public = Path(made)
        public.chmod(0o755)  # pytest's own folders are closed; here the run's must do it alone.
        folder, log = public / "desk", public / "up.log"
        new = typed("new", str(folder), "--bot", "my-bot", "--port", str(port))
        assert new.returncode == ExitCode.DONE, new.stderr
        secret = new.stdout.split("secret ")[1].split()[0]
        with log.open("w") as output:
            up = subprocess.Popen([PROGRAM, "up", str(folder)], stdout=output, stderr=subprocess.STDOUT)
            try:
                until(lambda: "ready" in log.read_text() or up.poll() is not None)
                yield Desk(folder, secret, port)
            finally:
                up.send_signal(signal.SIGINT)
                assert up.wait(PATIENCE_SECONDS) == ExitCode.DONE, log.read_text()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def tries_everything(desk: Desk) -> dict[str, Any]:
    """What the agent says that it got."""
    announced = desk.announced()
    assert {"gateway", "venue", "marketdata", "exits"} <= set(announced)
    done = subprocess.run(
        [
            *("/usr/bin/python3", "-I", "-c", SCRIPT, str(desk.folder), desk.secret, str(desk.port)),
            *(str(each["pid"]) for each in announced.values()),
        ],
        user=AGENT,
        group="nogroup",
        extra_groups=[],
        cwd="/",
        env={"DOORS": " ".join(each["address"].rpartition(":")[2] for each in announced.values())},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_an_agent_of_another_user_gets_nothing(desk: Desk) -> None:
    before = {path: path.read_bytes() for path in (desk.folder / "run.toml", desk.folder / "agent-keys.json")}
    tried = tries_everything(desk)
    assert [each for each in tried["got"] if each[1]] == []
    assert {each[2] for each in tried["got"]} == {"PermissionError"}
    assert len(tried["got"]) > 100
    assert [each for each in tried["heard"] if each[3] not in {401, 403}] == []
    assert len(tried["heard"]) == 45
    status, said = tried["own"]
    assert (status, "trading_state" in said) == (403, True), said
    others = [each for each in tried["doors"] if each[0] != desk.port]
    assert len({each[0] for each in others}) >= 3
    assert [each for each in others if each[2] in {200, 201}] == []
    assert before == {path: path.read_bytes() for path in before}
    told = desk.type("status", "--person", str(desk.folder / "people" / "me"), "--json")
    assert json.loads(told.stdout)["window"] is None, told


def test_the_doctor_says_so_and_finds_what_is_opened(desk: Desk) -> None:
    def findings() -> list[dict[str, str]]:
        done = desk.type("doctor", "--agent-user", AGENT, "--json")
        assert done.returncode == ExitCode.FINDING, done.stderr  # The gateway is root's here: that is told.
        answer: list[dict[str, str]] = json.loads(done.stdout)["findings"]
        return answer

    well = findings()
    assert [each for each in well if each["standing"] == "FAIL"] == []
    assert sum(each["found"] == "none (tried)" for each in well) > 15
    desk.folder.chmod(0o755)
    (desk.folder / "secrets" / "gateway-broker").chmod(0o644)
    (desk.folder / "secrets").chmod(0o755)
    bad = [each["subject"] for each in findings() if each["standing"] == "FAIL"]
    assert any(each.startswith("secret gateway.broker") for each in bad), bad
    assert any(each.startswith(f"{AGENT} at secret gateway.broker") for each in bad), bad
    assert any(each.startswith(f"{AGENT} at store") for each in bad), bad
