"""The strategy host of a configuration, put together: its strategies, its market data, its way to the gateway."""

import importlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter

from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.gateway_client import GatewayClient
from agenttrader.app.config import Configuration
from agenttrader.app.sections import StrategyRun
from agenttrader.indicators.compiled import compile_kernels
from agenttrader.indicators import known_answers
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Spread
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

Work = Callable[[], Coroutine[Any, Any, None]]


class StrategyParts(Struct, frozen=True):
    """A strategy host, assembled: what it does until it is stopped, what it waits for, what it counts."""

    work: tuple[Work, ...]
    ready: Callable[[], str | None]
    metrics: CollectorRegistry


def wire_strategy(configuration: Configuration, announcements: Announcements, kernels: Path) -> StrategyParts:
    """The host of [strategy], with its compiled kernels cached in the folder `kernels`.

    Raises ConfigurationError for a strategy that cannot be loaded or parameters that it does not take.
    """
    compiled = compile_kernels(str(kernels))
    known_answers.check(compiled)
    session = read_session(configuration.environment.calendar, configuration.marketdata.date)
    section = configuration.strategy
    hosted: dict[Symbol, Hosted] = {}
    for run in section.run:
        kind = _load(run)
        for symbol in run.symbols:
            instrument = configuration.instruments[symbol]
            if isinstance(instrument, Spread):
                raise ConfigurationError(
                    f"[[strategy.run]] {run.name}: expected single instruments, found {symbol}"
                )
            try:
                hosted[symbol] = Hosted(
                    kind,
                    run.parameters,
                    agent=section.agent,
                    name=run.name,
                    instrument=instrument,
                    session=session,
                    compiled=compiled,
                )
            except BadValue as error:
                raise ConfigurationError(f"[[strategy.run]] {run.name}: {error}") from error
    host = StrategyHost(hosted, agent=section.agent, session=session, policy=InboxPolicy(section.inbox))
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
        symbols=tuple(hosted),
        extended=True,
        participant=PARTICIPANT,
    )
    metrics = CollectorRegistry()
    proposed = Counter(
        "agenttrader_proposals", "Proposals by the state they were answered with", ["state"], registry=metrics
    )
    shell = StrategyShell(host, feed, gateway, count=lambda state: proposed.labels(state).inc())
    return StrategyParts(
        work=(shell.follow_market, shell.follow_gateway, shell.act), ready=lambda: None, metrics=metrics
    )


def _load(run: StrategyRun) -> type[Strategy]:
    """The class that `module:Class` names."""
    module, _, name = run.class_name.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"[[strategy.run]] {run.name} class: expected a class as module:Class, found {run.class_name}: {error}"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise ConfigurationError(
            f"[[strategy.run]] {run.name} class: expected a Strategy, found {run.class_name}"
        )
    return found


async def _market(announcements: Announcements) -> str:
    return (await announcements.find("marketdata", FIND_SECONDS)).url


def _address(announcements: Announcements) -> str | None:
    found = announcements.get("gateway")
    return None if found is None else found.url
