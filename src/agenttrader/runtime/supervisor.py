"""The processes of one run: started, watched, started again a few times, and stopped in order.

Each role is a child with a pipe to us as its stdin: when we end, however we end, the kernel closes the pipe
and the role stops. Its own session keeps the terminal's Ctrl-C from it, so that we stop the roles one by one.
Its log is a file in the run's folder. A role that dies is started again after a pause, because start-up is
recovery; one that never was ready is not, because it would fail again.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import aiohttp
import msgspec
from msgspec import Struct

from agenttrader.model.errors import AgentTraderError

READY_SECONDS = 120
"""Longer than a gateway needs that folds a million records anew, as the first of another version does."""
STOP_SECONDS = 8
"""Longer than a role's own drain, so that only a role that hangs is killed."""
RESTARTS_MAX = 3
FIRST_PAUSE_SECONDS = 0.5
POLL_SECONDS = 0.05
PROBE_SECONDS = 2
TAIL_LINES = 8


class RoleFailed(AgentTraderError):
    """A role did not become ready, or died too often. The text ends with the end of its log."""


class Child(Struct, frozen=True, kw_only=True):
    """A role as a process: its words and its whole environment, which holds no secret but the role's own."""

    role: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


class Started(Struct, frozen=True):
    """The process runs; it is not ready yet."""

    role: str
    pid: int


class Ready(Struct, frozen=True):
    """The role answers that it can do its work."""

    role: str
    pid: int


class Died(Struct, frozen=True):
    """The process ended, and nobody had asked it to. `restart` is the number of the attempt that follows."""

    role: str
    how: str
    restart: int
    restarts_max: int
    pause_seconds: float


class Stopped(Struct, frozen=True):
    """The process ended as it was told to; `killed` when it did not listen."""

    role: str
    killed: bool


Notice = Started | Ready | Died | Stopped


class Peer(Protocol):
    """A process that listens."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    @property
    def url(self) -> str:
        """Where it listens."""
        ...


class Directory(Protocol):
    """Who has announced itself."""

    def get(self, role: str) -> Peer | None:
        """The living process that plays `role`."""
        ...


class Supervisor:
    """Keeps `children` running, in the order given, until told to stop."""

    def __init__(
        self,
        children: Sequence[Child],
        directory: Directory,
        logs: Path,
        tell: Callable[[Notice], None],
        *,
        ready_seconds: float = READY_SECONDS,
        stop_seconds: float = STOP_SECONDS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._children = {child.role: child for child in children}
        self._directory = directory
        self._logs = logs
        self._tell = tell
        self._ready_seconds = ready_seconds
        self._stop_seconds = stop_seconds
        self._first_pause_seconds = first_pause_seconds
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Start every role and return when all are ready. Raises RoleFailed, naming the first that is not."""
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        ready = {role: asyncio.Event() for role in self._children}
        for role, child in self._children.items():
            self._keepers[role] = asyncio.create_task(self._keep(child, ready[role]), name=f"keep {role}")
        await self._unless_failed(_all(ready.values()))

    async def watch(self) -> None:
        """Return when told to stop; raise RoleFailed when a role has died too often."""
        await self._unless_failed(asyncio.Event().wait())

    async def stop(self, order: Sequence[str]) -> None:
        """Stop the roles one after the other, each with SIGTERM and, when it does not listen, SIGKILL."""
        assert set(order) == set(self._children), "every role has its place in the order"
        self._stopping.set()
        for role in order:
            await self._stop(role)
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)

    def log(self, role: str) -> Path:
        """Where the role's output goes."""
        return self._logs / f"{role}.log"

    async def _unless_failed(self, wish: Awaitable[object]) -> None:
        """Wait for `wish`, or raise what ended a keeper before it."""
        wished = asyncio.ensure_future(wish)
        try:
            await asyncio.wait([wished, *self._keepers.values()], return_when=asyncio.FIRST_COMPLETED)
            for keeper in self._keepers.values():
                if keeper.done():
                    keeper.result()
        finally:
            wished.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await wished

    async def _keep(self, child: Child, ready: asyncio.Event) -> None:
        """Run the role until it is told to stop, again after each death. Raises RoleFailed."""
        restart = 0
        while True:
            how = await self._live(child, ready)
            if self._stopping.is_set():
                return
            if not ready.is_set():
                raise RoleFailed(
                    f"{child.role}: expected it to become ready, found that it {how}"
                    f"{self._end_of_log(child.role)}"
                )
            if restart == RESTARTS_MAX:
                raise RoleFailed(
                    f"{child.role}: expected it to stay up, found that it ended {RESTARTS_MAX + 1} times; "
                    f"the last time it {how}{self._end_of_log(child.role)}"
                )
            pause = self._first_pause_seconds * 2**restart
            restart += 1
            self._tell(Died(child.role, how, restart, RESTARTS_MAX, pause))
            await asyncio.sleep(pause)
            if self._stopping.is_set():
                return

    async def _live(self, child: Child, ready: asyncio.Event) -> str:
        """One life of the role, from its start to its end; how it ended."""
        with self.log(child.role).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *child.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(child.environment),
                start_new_session=True,
            )
        self._processes[child.role] = process
        if self._stopping.is_set():
            process.kill()
        self._tell(Started(child.role, process.pid))
        ended = asyncio.ensure_future(process.wait())
        try:
            waits_for = await self._become_ready(child.role, process, ended)
            if waits_for is not None:
                process.kill()
                await ended
                return f"was not ready after {self._ready_seconds:g} s and waited for {waits_for}"
            if not ended.done():
                ready.set()
                self._tell(Ready(child.role, process.pid))
            return _how(await asyncio.shield(ended))
        finally:
            ended.cancel()
            assert process.stdin is not None
            process.stdin.close()

    async def _become_ready(
        self, role: str, process: asyncio.subprocess.Process, ended: asyncio.Future[int]
    ) -> str | None:
        """Wait until the role is ready or has ended: None. Or until it is too late: what it waited for."""
        waits_for = "a port to listen on"
        timeout = aiohttp.ClientTimeout(total=PROBE_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with (
                asyncio.timeout(self._ready_seconds),
                aiohttp.ClientSession(timeout=timeout) as session,
            ):
                while not ended.done():
                    peer = self._directory.get(role)
                    if peer is not None and peer.pid == process.pid:
                        answer = await _ask(session, peer)
                        if answer is None:
                            return None
                        waits_for = answer
                    await asyncio.wait([ended], timeout=POLL_SECONDS)
                return None
        return waits_for

    async def _stop(self, role: str) -> None:
        process = self._processes.get(role)
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(self._stop_seconds):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            self._tell(Stopped(role, killed=True))
        else:
            self._tell(Stopped(role, killed=False))

    def _end_of_log(self, role: str) -> str:
        lines = self.log(role).read_text(errors="replace").splitlines()[-TAIL_LINES:]
        text = "".join(f"\n    {readable(line)}" for line in lines)
        return (
            f"; the end of its log, {self.log(role)}:{text}"
            if text
            else f"; its log, {self.log(role)}, is empty"
        )


def readable(line: str) -> str:
    """A JSON line of a log without what is the same on every line. Other lines stay as they are."""
    try:
        told = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.MsgspecError:
        return line
    words = [str(told.pop(name, "")) for name in ("time", "level", "event")]
    for name in ("service", "role", "git_sha", "build_id", "mode"):
        told.pop(name, None)
    return " ".join([*words, *(f"{name}={_last_line(value)}" for name, value in told.items())])


def _last_line(value: object) -> str:
    """Of a trace the line that says what it was; the rest stands in the log."""
    lines = [line.strip() for line in str(value).splitlines() if any(map(str.isalnum, line))]
    return lines[-1] if lines else ""


async def _ask(session: aiohttp.ClientSession, peer: Peer) -> str | None:
    """None when the peer is ready; otherwise what it waits for."""
    try:
        async with session.get(f"{peer.url}/readyz") as answer:
            if answer.status == 200:  # noqa: PLR2004
                return None
            body = await answer.json(content_type=None)
            return str(body.get("waits_for"))
    except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError) as error:
        return f"an answer to /readyz ({error!r})"


async def _all(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


def _how(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
