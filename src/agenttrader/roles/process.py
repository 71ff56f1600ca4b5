"""What every role's process does alike: read its words, listen, announce itself, work, and end when it must.

It ends in order at SIGTERM or SIGINT: it takes its announcement back, lets open requests finish, then stops
its work. It ends loudly when any part of its work fails: there is no dead task in a living process. With a
lifeline it ends with its parent, however that ends: the kernel closes the pipe that the parent held, even
after a kill -9.
"""

import argparse
import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop
from msgspec import Struct
from prometheus_client import REGISTRY, CollectorRegistry

from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.build import Build, read_build
from agenttrader.adapters.logs import configure_logs
from agenttrader.api.probes import Application, Readiness, Turns, with_probes
from agenttrader.cli.exit_codes import ExitCode, exit_code_of
from agenttrader.cli.runs import configuration_of
from agenttrader.model.errors import AgentTraderError, ConfigurationError
from agenttrader.roles.connections import BoundedHttp, raise_file_limit
from agenttrader.roles.sockets import MESSAGE_BYTES_MAX, BoundedSocket

DRAIN_SECONDS = 5
"""How long open requests and the role's own tasks may take to end."""
LIFELINE_SECONDS = 5
"""How long a role without a parent may take to end in order, before it ends at once."""

logger = structlog.get_logger()

Work = Callable[[], Coroutine[Any, Any, None]]
"""What a role does until it is cancelled. It may return when done; if it raises, the process ends."""
WindDown = Callable[[], Awaitable[str]]
"""What a role does first when it is told to stop, while it still serves; what was left undone, or nothing."""


class Arguments(Struct, frozen=True):
    """The words of `agenttrader run ROLE`."""

    config: Path
    lifeline: bool


def run(role: str, words: Sequence[str], assemble: Callable[[Arguments], Awaitable[int]]) -> int:
    """Be `role` until told to stop; the exit code. Every error of ours is logged and becomes its code.

    `assemble` loads the configuration, calls `set_mode` and ends in `serve`.
    """
    arguments = parse(role, words)
    set_mode(role, "off")
    raise_file_limit()
    if arguments.lifeline:
        hold_lifeline(sys.stdin.fileno())
    try:
        refuse_without_assertions(sys.flags.optimize)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = Arguments(configuration_of(arguments.config), arguments.lifeline)
            return runner.run(_coroutine(assemble(found)))
    except AgentTraderError as error:
        logger.error(  # noqa: TRY400  its text says what to do; a trace says nothing more
            "role_failed", reason=str(error), kind=type(error).__name__
        )
        return exit_code_of(error)
    except Exception:  # a boundary: what nobody expected ends the process too, with its trace in the log
        logger.exception("role_crashed")
        return ExitCode.FINDING


def parse(role: str, words: Sequence[str]) -> Arguments:
    """The role's words. Ends the process with 2, and says what was expected, when they are wrong."""
    parser = argparse.ArgumentParser(
        prog=f"agenttrader run {role}", description=f"Be the {role} process of one run."
    )
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="the run's TOML file, or its folder"
    )
    parser.add_argument(
        "--lifeline", action="store_true", help="stop when stdin is closed: the parent is gone"
    )
    found = parser.parse_args(words)
    return Arguments(config=found.config, lifeline=found.lifeline)


def refuse_without_assertions(optimize: int) -> None:
    """Raise ConfigurationError where Python leaves assertions out: a broken promise halts us only by one."""
    if optimize:
        raise ConfigurationError(
            f"PYTHONOPTIMIZE: expected Python with its assertions, found optimization level {optimize}, "
            "which leaves them out; start without that variable, and without -O"
        )


def set_mode(role: str, mode: str) -> None:
    """Write the logs from now on with `mode`, to stderr."""
    configure_logs(role, mode, build(), sys.stderr)


def build() -> Build:
    """Which build this process is."""
    return read_build(os.environ)


def hold_lifeline(descriptor: int) -> None:
    """Watch the pipe that the parent holds: when it closes, stop in order, and soon after, at once."""

    def watch() -> None:
        while os.read(descriptor, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LIFELINE_SECONDS)
        os._exit(ExitCode.FINDING)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


async def serve(  # noqa: PLR0913 - a keyword for each thing in which roles differ
    role: str,
    app: Application,
    listen: str,
    announcements: Announcements,
    *,
    background: Sequence[Work] = (),
    ready: Readiness = lambda: None,
    metrics: CollectorRegistry = REGISTRY,
    own_probes: tuple[str, ...] = (),
    turns: Turns = lambda: 0,
    wind_down: WindDown | None = None,
) -> int:
    """Serve `app` on `listen` (port 0: any free one), do `background`, until told to stop; the exit code.

    The work begins when the process listens and has announced itself. Raises ConfigurationError for an
    address that is in use, not ours, or open to other machines, and whatever a part of the work raised.
    """
    with listening(role, listen) as listener:
        config = _configured(with_probes(app, role, ready, metrics, own_probes, turns))
        server = _Server(config, role, announcements, background, wind_down)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        await server.serve(sockets=[listener])
    if server.failure is not None:
        raise server.failure
    if server.left:
        logger.error("left", what=server.left)
        return ExitCode.FINDING
    return ExitCode.DONE


async def serve_beside(name: str, app: Application, listen: str, announcements: Announcements) -> None:
    """Serve `app` too, as work of a role, on a port of its own that is announced as `name`; until canceled.

    Raises ConfigurationError as `serve` does.
    """
    with listening(name, listen) as listener:
        server = _Server(_configured(app), name, announcements, (), None)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        finally:
            server.stop()
            await serving
    if server.failure is not None:
        raise server.failure


def listening(role: str, listen: str) -> socket.socket:
    """A TCP socket that listens on `listen`. Raises ConfigurationError, saying what is wrong with it."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        number = int(port)
    except ValueError:
        raise ConfigurationError(
            f"{role}: expected an address such as 127.0.0.1:0 to listen on, found {listen!r}"
        ) from None
    if not address.is_loopback:
        raise ConfigurationError(
            f"{role}: expected a loopback address, found {listen}: without TLS no other machine may reach "
            "this port; listen on 127.0.0.1 and put a proxy that speaks TLS in front"
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004
    # Named, because asyncio sets TCP_NODELAY only on sockets whose protocol says TCP: without it an answer
    # waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), number))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigurationError(
            f"{role}: expected {listen} to be free to listen on, found: {error}; "
            "stop the process that holds it, or write port 0 for any free one"
        ) from error
    return listener


def _configured(app: Application) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedHttp,
        ws=BoundedSocket,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, told when to announce, what else to do, and to leave signals and exits to us."""

    def __init__(
        self,
        config: uvicorn.Config,
        role: str,
        announcements: Announcements,
        background: Sequence[Work],
        wind_down: WindDown | None,
    ) -> None:
        super().__init__(config)
        self.role = role
        self.announcements = announcements
        self.background = background
        self.wind_down = wind_down
        self.left = ""
        self.tasks: list[asyncio.Task[None]] = []
        self.failure: Exception | None = None

    def stop(self) -> None:
        """Drain and end."""
        self.should_exit = True

    def fail(self, failure: Exception) -> None:
        """End because of `failure`; the first one names the end."""
        self.failure = self.failure or failure
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Leave signals alone: uvicorn would raise them again at the end, and they would be the exit code."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, announce the address, begin the work."""
        try:
            await super().startup(sockets)
        except SystemExit:
            # uvicorn's way to say that the application's start-up failed; it has logged the exception.
            self.fail(
                RuntimeError(
                    f"{self.role}: its application did not start; the reason stands in the log above"
                )
            )
            return
        assert sockets is not None
        host, port = sockets[0].getsockname()[:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.announcements.announce(self.role, address)
        logger.info("listening", address=address, pid=os.getpid())
        self.tasks = [asyncio.create_task(self._watched(work)) for work in self.background]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take the announcement back, let open requests finish, which may need the work, then end that."""
        self.announcements.withdraw(self.role)
        if self.wind_down is not None and self.failure is None:
            self.left = await self.wind_down()
        await super().shutdown(sockets)
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            _, stuck = await asyncio.wait(self.tasks, timeout=DRAIN_SECONDS)
            if stuck:
                self.fail(
                    RuntimeError(
                        f"{self.role}: expected its work to end within {DRAIN_SECONDS} s, found {stuck}"
                    )
                )
        logger.info("stopped", pid=os.getpid())

    async def _watched(self, work: Work) -> None:
        try:
            await work()
        except Exception as error:  # a boundary: the failure of any part is the end of the process
            logger.exception("work_failed", work=getattr(work, "__qualname__", repr(work)))
            self.fail(error)


async def _coroutine(awaitable: Awaitable[int]) -> int:
    return await awaitable
