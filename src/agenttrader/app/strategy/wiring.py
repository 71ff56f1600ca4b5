"""The strategy host of a configuration, put together: strategies, market data, the way to the gateway."""

import importlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import structlog
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter

from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.gateway_client import GatewayClient
from agenttrader.adapters.strategy_checkpoints import StrategyCheckpoints
from agenttrader.app.config import Configuration
from agenttrader.app.sections import StrategyRun
from agenttrader.indicators import known_answers
from agenttrader.indicators.compiled import Compiled, compile_kernels
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Spread
from agenttrader.model.sessions import Session
from agenttrader.model.times import Instant, rfc3339
from agenttrader.runtime.strategy_host import InboxPolicy, StrategyHost
from agenttrader.runtime.strategy_shell import StrategyShell
from agenttrader.strategies.contract import Strategy
from agenttrader.strategies.hosted import Hosted

PARTICIPANT = "strategy"
"""What the host is called among those whom a paced replay waits for."""
FIND_SECONDS = 2.0
"""How long market data that do not announce themselves are waited for before the link is said to be down."""
ANSWER_MARGIN_SECONDS = 5.0
"""How much longer than the gateway waits for the broker we wait for the gateway."""

logger = structlog.get_logger()

Work = Callable[[], Coroutine[Any, Any, None]]


class StrategyParts(Struct, frozen=True):
    """A strategy host, assembled: what it does until it is stopped, what it waits for, what it counts."""

    work: tuple[Work, ...]
    ready: Callable[[], str | None]
    metrics: CollectorRegistry


def wire_strategy(configuration: Configuration, announcements: Announcements, kernels: Path) -> StrategyParts:
    """The host of [strategy], with its compiled kernels cached in the folder `kernels`.

    Raises ConfigurationError for a strategy that cannot be loaded, parameters that it does not take, and a
    checkpoint that cannot be gone on from.
    """
    compiled = compile_kernels(str(kernels))
    known_answers.check(compiled)
    session = read_session(configuration.environment.calendar, configuration.marketdata.date)
    section = configuration.strategy
    host = StrategyHost(
        _hosted(configuration, session, compiled),
        agent=section.agent,
        session=session,
        policy=InboxPolicy(section.inbox),
    )
    checkpoints = StrategyCheckpoints(
        configuration.path(section.checkpoints),
        configuration.account.name,
        section.agent,
        msgspec.json.encode(configuration.marketdata.prices).decode(),
    )
    reached = _go_on(host, checkpoints, session)
    credentials = configuration.credentials.strategy
    gateway = GatewayClient(
        lambda: _address(announcements),
        configuration.secret(credentials.gateway),
        answer_seconds=configuration.gateway.answer_wait_ms / 1000 + ANSWER_MARGIN_SECONDS,
    )
    feed = AlpacaFeed(
        address=lambda: _market(announcements),
        feed=configuration.marketdata.source,
        credential=configuration.credential(credentials.marketdata),
        symbols=host.symbols,
        extended=True,
        since=Instant(session.open - 1) if reached is None else reached,
        participant=PARTICIPANT,
    )
    metrics = CollectorRegistry()
    proposed = Counter(
        "agenttrader_proposals", "Proposals by the state they were answered with", ["state"], registry=metrics
    )
    shell = StrategyShell(host, feed, gateway, checkpoints, count=lambda state: proposed.labels(state).inc())
    return StrategyParts(
        work=(shell.hearing.follow_market, lambda: _follow(shell, gateway), shell.act),
        ready=lambda: None if host.waits_for is None else f"it waits for {host.waits_for}",
        metrics=metrics,
    )


def _go_on(host: StrategyHost, checkpoints: StrategyCheckpoints, session: Session) -> Instant | None:
    """Let the host go on where the one before it stood in this session; up to when that was, if it did.

    Raises ConfigurationError for a checkpoint that is not of these strategies.
    """
    memory = checkpoints.read(session.date)
    if memory is None:
        return None
    try:
        host.restore(memory)
    except BadValue as error:
        raise checkpoints.refusal(str(error)) from error
    stepped, pending = rfc3339(memory.stepped), len(memory.pending)
    logger.info("gone_on", file=str(checkpoints.path), after=stepped, pending=pending)
    return memory.stepped


async def _follow(shell: StrategyShell, gateway: GatewayClient) -> None:
    try:
        await shell.hearing.follow_gateway()
    finally:
        await gateway.close()


def _hosted(configuration: Configuration, session: Session, compiled: Compiled) -> dict[Symbol, Hosted]:
    """One strategy for each symbol that is to be traded."""
    hosted: dict[Symbol, Hosted] = {}
    for run in configuration.strategy.run:
        kind, place = _load(run), f"[[strategy.run]] {run.name}"
        for symbol in run.symbols:
            instrument = configuration.instruments[symbol]
            if isinstance(instrument, Spread):
                raise ConfigurationError(f"{place} symbols: expected single instruments, found {symbol}")
            if symbol in hosted:
                other = hosted[symbol].author.strategy
                raise ConfigurationError(
                    f"{place} symbols: expected one strategy for {symbol}, found it in {other} too: neither "
                    "could tell which position is its own"
                )
            try:
                hosted[symbol] = Hosted(
                    kind,
                    run.parameters,
                    agent=configuration.strategy.agent,
                    name=run.name,
                    instrument=instrument,
                    session=session,
                    compiled=compiled,
                )
            except BadValue as error:
                raise ConfigurationError(f"{place} parameters: {error}") from error
    return hosted


def _load(run: StrategyRun) -> type[Strategy]:
    """The class that `module:Class` names."""
    place = f"[[strategy.run]] {run.name} class: expected a Strategy as module:Class, found {run.class_name}"
    module, _, name = run.class_name.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{place}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise ConfigurationError(f"{place}, which is none")
    return found


async def _market(announcements: Announcements) -> str:
    return (await announcements.find("marketdata", FIND_SECONDS)).url


def _address(announcements: Announcements) -> str | None:
    found = announcements.get("gateway")
    return None if found is None else found.url
