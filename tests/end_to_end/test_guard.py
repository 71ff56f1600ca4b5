"""Guarding one's own bot as README has it: a folder, its processes, a window, and the bot's own client."""

import datetime as dt
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.models import Clock, Order, Position
from alpaca.trading.requests import MarketOrderRequest

from agenttrader.app.policy.perform import replay
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.roles.process import listening
from agenttrader.testing.played_day import PASSED_ON, PROGRAM

PATIENCE_SECONDS = 60
NEW_YORK = ZoneInfo("America/New_York")
FIRST_PRICED = dt.time(9, 32)
"""Two minutes after the open: by then every symbol has had a bar."""

pytestmark = pytest.mark.timeout(150)


class Guarded(NamedTuple):
    """A guard that is up, and what the bot was told."""

    folder: Path
    address: str
    secret: str
    process: subprocess.Popen[str]

    def client(self) -> TradingClient:
        return TradingClient("my-bot", self.secret, url_override=self.address)

    def type(self, *words: str) -> str:
        done = typed(*words, "--config", str(self.folder), "--person", str(self.folder / "people" / "me"))
        assert done.returncode == ExitCode.DONE, done.stderr
        return done.stdout


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


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    with listening("nobody", "127.0.0.1:0") as free:
        port = free.getsockname()[1]
    folder = tmp_path / "desk"
    made = typed("new", str(folder), "--bot", "my-bot", "--port", str(port))
    assert made.returncode == ExitCode.DONE, made.stderr
    told = made.stdout.split("address ")[1].split()
    with (tmp_path / "up.log").open("w+") as log:
        process = subprocess.Popen(
            [PROGRAM, "up", str(folder)],
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            until(lambda: "ready" in (tmp_path / "up.log").read_text(), process)
            yield Guarded(folder, told[0].rstrip(","), told[5], process)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_SECONDS) == ExitCode.DONE, (tmp_path / "up.log").read_text()


def until(holds: "object", process: subprocess.Popen[str]) -> None:
    assert callable(holds)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        assert process.poll() is None, "the guard ended"
        time.sleep(0.05)


def buy(name: str) -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol="BRVO", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id=name
    )


def test_a_bot_is_guarded_in_four_commands(guarded: Guarded) -> None:
    client = guarded.client()
    with pytest.raises(APIError, match="denied by trading_state: Trading is halted: no window is open"):
        client.submit_order(buy("too early"))
    assert "trading   active" in guarded.type("window", "open", "--reason", "trying it")
    until(lambda: is_priced(client), guarded.process)
    first, again = client.submit_order(buy("my first")), client.submit_order(buy("my first"))
    assert isinstance(first, Order)
    assert isinstance(again, Order)
    assert first.id == again.id
    until(lambda: filled(client, "my first") == "10", guarded.process)
    position = client.get_open_position("BRVO")
    assert isinstance(position, Position)
    assert position.qty == "10"
    assert "trading   halted" in guarded.type("halt", "--reason", "enough")
    with pytest.raises(APIError, match="everything was halted by me: enough"):
        client.submit_order(buy("too late"))
    assert "the books agree" in guarded.type("reconcile")
    tighter = guarded.folder / "tighter.limits"
    tighter.write_text('[limits.symbol.BRVO]\norder_quantity_max = "9"\n')
    asked = replay(guarded.folder / "run.toml", tighter, lambda _done, _of: None)
    assert [(each.was, each.now) for each in asked.findings.denied] == [("approved", "order_quantity")]
    assert (asked.findings.decisions, asked.findings.same, asked.earned.open_orders) == (3, 2, 1)


def is_priced(client: TradingClient) -> bool:
    """Whether the gateway has heard prices: its clock moves on when it has those of the minute before."""
    clock = client.get_clock()
    assert isinstance(clock, Clock)
    return clock.is_open and clock.timestamp.astimezone(NEW_YORK).time() >= FIRST_PRICED


def filled(client: TradingClient, name: str) -> str:
    order = client.get_order_by_client_id(name)
    assert isinstance(order, Order)
    return str(order.filled_qty)
