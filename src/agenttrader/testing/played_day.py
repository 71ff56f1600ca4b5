"""A day of real processes in a folder of its own, played bar by bar: venue, market data and gateway.

Whoever plays it is the one that the market waits for, so each bar is let go by them and the day stands still
while a client is asked. Every secret is thrown away with the folder.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agenttrader.adapters.agent_keys import write_keys
from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.operator_client import OperatorClient
from agenttrader.adapters.persons import make_key, public_key_text, sign
from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.gateway.status import StatusBody
from agenttrader.app.operators.acts import Lease, Operator, Pen
from agenttrader.model.agent_keys import AgentKey
from agenttrader.model.authority import EVERYTHING, Mode
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.errors import Unreachable
from agenttrader.model.identifiers import AgentName, PersonName, Symbol
from agenttrader.model.market import MarketEvent, Watermark
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339

PROGRAM = Path(sys.executable).with_name("agenttrader")
ROLES = ("venue", "marketdata", "gateway")
PATIENCE_SECONDS = 30
PERSON = PersonName("demo")
PASSED_ON = ("PATH", "HOME", "PYTHONPATH")
"""What of our environment the processes know."""

T = TypeVar("T")
Day = TypeVar("Day", bound="PlayedDay")
Change = Callable[[dict[str, Any]], None]


class PlayedDay:
    """One day; `playing` starts its processes and ends them."""

    def __init__(self, folder: Path, change: Change = lambda _: None, roles: Sequence[str] = ROLES) -> None:
        """`change` may alter the demo's tables before they are written to `folder`/run.toml."""
        tables = tomllib.loads(demo_template())
        self.token, self.secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        """The person's token; what every key of this day is made of."""
        self.key: Ed25519PrivateKey = make_key()
        self.folder, self.path, self.roles = folder, folder / "run.toml", tuple(roles)
        tables["marketdata"] |= {"barrier": ["demo"], "speed": "max"}
        del tables["venue"]["rules"]
        if "exits" not in self.roles:
            _forgo_exits(tables)
        change(tables)
        self._hide(tables)
        self.path.write_text("\n".join(f"{name} = {toml(value)}" for name, value in tables.items()))
        self.configuration: Configuration = load(self.path, environment={})
        self.announcements = Announcements(self.configuration.path(self.configuration.peers.announcements))
        self.session = read_session(
            self.configuration.environment.calendar, self.configuration.marketdata.date
        )
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.market: Instant | None = None
        self.feed = AlpacaFeed(
            address=self._market_address,
            feed=self.configuration.marketdata.source,
            credential=Credential(key_id="demo-show", secret=Secret(self.secret)),
            symbols=None,
            extended=True,
            since=Instant(self.session.open - MINUTE),
            participant="demo",
        )

    def _hide(self, tables: dict[str, Any]) -> None:
        """Throw-away secrets, in files."""
        accounts = tables["venue"]["accounts"]
        more = [key for account in accounts for key in account["more_keys"]]
        for entry in (*accounts, *more, *tables["marketdata"]["keys"]):
            entry["secret_sha256"] = sha256(self.secret)
        made = rfc3339(Instant(0))
        keys = [
            AgentKey(agent=name, sha256=sha256(self.key_of(name)), made=made) for name in _callers(tables)
        ]
        write_keys(self.folder / tables["gateway"]["agent_keys"], tuple(keys))
        tables["people"][PERSON] |= {
            "public_key": public_key_text(self.key.public_key()),
            "token_sha256": sha256(self.token),
        }
        (self.folder / "secrets").mkdir()
        for credentials in tables["credentials"].values():
            for found in credentials.values():
                (self.folder / found.get("secret", found)["file"]).write_text(self.secret)
        (self.folder / tables["credentials"]["kill"]["gateway"]["file"]).write_text(self.token)
        if "exits" in tables:
            (self.folder / tables["credentials"]["exits"]["gateway"]["file"]).write_text(self.key_of("exits"))
        (self.folder / tables["switches"]["file"]).write_text("1\n")

    def key_of(self, agent: str) -> str:
        """The agent's key: its name and the day's secret."""
        return f"{agent}-{self.secret}"

    # Processes.

    def command(self, role: str) -> list[str | Path]:
        """What starts a role."""
        return [PROGRAM, "run", role, "--config", self.path, "--lifeline"]

    def start(self, role: str) -> None:
        """Start a role; its log is ROLE.log in the folder."""
        with (self.folder / f"{role}.log").open("ab") as log:
            self.processes[role] = subprocess.Popen(
                self.command(role),
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
                stdin=subprocess.PIPE,
                stderr=log,
            )

    def kill(self, role: str) -> None:
        """End a role as a power cut would."""
        process = self.processes[role]
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdin is not None
        process.stdin.close()

    def stop(self) -> None:
        """End every role in order."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes.values():
            process.wait(timeout=PATIENCE_SECONDS)
            if process.stdin is not None:
                process.stdin.close()

    def logs(self) -> str:
        """The end of every role's log."""
        return "\n".join(file.read_text()[-2_000:] for file in self.folder.glob("*.log"))

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait until it holds; where it does not for long, or a role ends, fail with the logs."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.logs()
            for process in self.processes.values():
                assert process.poll() is None, self.logs()
            await asyncio.sleep(0.01)

    def address(self, role: str) -> str | None:
        """Where a living role listens."""
        found = self.announcements.get(role)
        return None if found is None else found.url

    async def _market_address(self) -> str:
        return (await self.announcements.find("marketdata", PATIENCE_SECONDS)).url

    # The market.

    def hear(self, event: MarketEvent) -> None:
        """Take what the market tells."""
        if isinstance(event, Watermark):
            self.market = max(event.time, self.market or event.time)

    async def settled(self) -> None:
        """The gateway has compared its book, and has dealt with all that the market has told."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await self._has_settled():
            assert time.monotonic() < deadline, self.logs()
            await asyncio.sleep(0.01)

    async def _has_settled(self) -> bool:
        try:
            await self.ask("/readyz", dict[str, Any])
        except Unreachable:
            return False
        told = (await self.ask("/v1/status", StatusBody)).watermark
        return told is not None and self.market is not None and from_rfc3339(told) >= self.market

    async def bar(self) -> None:
        """Let one bar go, and wait until all have dealt with it."""
        before = self.market
        assert before is not None
        await self.feed.settled(before)
        await self.until(lambda: self.market != before)
        await self.settled()

    # The person.

    async def ask(self, path: str, answer: type[T]) -> T:
        """What the person is told at `path`."""
        async with OperatorClient(lambda: self.address("gateway"), Secret(self.token)) as person:
            return await person.get(path, answer)

    async def say(self, path: str, body: Any, answer: type[T]) -> T:
        """What the person is answered."""
        async with OperatorClient(lambda: self.address("gateway"), Secret(self.token)) as person:
            return await person.post(path, body, answer)

    async def open_window(self) -> None:
        """Lease trading for the whole session."""
        lease = Lease(
            mode=Mode.PAPER,
            scope=EVERYTHING,
            start=self.session.open,
            end=Instant(self.session.close + MINUTE),
            reason="a day of its own",
        )
        async with self.operator() as operator:
            opened = await operator.open_window(self.pen, lease)
        assert opened.state == "active", opened.reasons

    @contextlib.asynccontextmanager
    async def operator(self) -> AsyncIterator[Operator]:
        """The person's acts."""
        async with OperatorClient(lambda: self.address("gateway"), Secret(self.token)) as client:
            yield Operator(client, lambda: Instant(time.time_ns()), lambda: secrets.token_hex(16))

    @property
    def pen(self) -> Pen:
        """What the person signs with."""
        return Pen(PERSON, lambda statement: sign(statement, self.key))


@contextlib.asynccontextmanager
async def playing(day: Day) -> AsyncIterator[Day]:
    """The day with its roles started and its gateway ready, at the open; they are ended with the block."""
    following: asyncio.Task[None] | None = None
    try:
        for role in day.roles:
            day.start(role)
        await day.until(lambda: all(day.address(role) for role in day.roles))
        following = asyncio.create_task(day.feed.follow(day.hear, lambda _up, _reason: None))
        await day.until(lambda: day.market is not None)
        await day.settled()
        yield day
    finally:
        if following is not None:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        await asyncio.to_thread(day.stop)


def toml(value: Any) -> str:
    """The value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def sha256(text: str) -> str:
    """As configuration has the hash of a secret."""
    return hashlib.sha256(text.encode()).hexdigest()


def without(tables: dict[str, Any], *taken: Symbol) -> None:
    """Take these symbols from whoever owns them in the demo's tables."""
    for owner in (*tables["agents"].values(), *tables["strategy"]["run"]):
        owner["symbols"] = [symbol for symbol in owner["symbols"] if symbol not in taken]


def _forgo_exits(tables: dict[str, Any]) -> None:
    """Take the exits unit from the demo's tables: what is bare then is no break for an hour."""
    del tables["exits"], tables["credentials"]["exits"]
    tables["limits"]["account"]["unprotected_seconds_max"] = 3600


def _callers(tables: dict[str, Any]) -> list[AgentName]:
    """Everybody who may have a key."""
    return [AgentName(name) for name in (*tables["agents"], *(["exits"] if "exits" in tables else []))]
