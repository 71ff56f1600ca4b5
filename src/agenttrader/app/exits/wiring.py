"""The exits unit of a configuration, put together: market data, the way to the gateway, what it remembers."""

from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge

from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.exit_checkpoints import ExitCheckpoints
from agenttrader.adapters.gateway_client import GatewayClient
from agenttrader.app.config import Configuration
from agenttrader.app.sections import EXITS
from agenttrader.exits.acts import Patience
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.instruments import CryptoPair, Option
from agenttrader.model.times import Instant
from agenttrader.runtime.exits_host import Coverage, ExitsHost
from agenttrader.runtime.exits_shell import ExitsShell

PARTICIPANT = "exits"
"""What the unit is called among those whom a paced replay waits for."""
FIND_SECONDS = 2.0
"""How long market data that do not announce themselves are waited for before the link is said to be down."""
ANSWER_MARGIN_SECONDS = 5.0
"""How much longer than the gateway waits for the broker we wait for the gateway."""
AT_ONCE = 2
"""Acts under way: as many questions as the gateway answers an agent at once."""

Work = Callable[[], Coroutine[Any, Any, None]]


class ExitsParts(Struct, frozen=True):
    """An exits unit, assembled: where it listens, what it does, what it waits for, what it counts."""

    listen: str
    work: tuple[Work, ...]
    ready: Callable[[], str | None]
    metrics: CollectorRegistry


def wire_exits(configuration: Configuration, announcements: Announcements) -> ExitsParts:
    """The unit of [exits]. Raises ConfigurationError where there is no such section."""
    section, credentials = configuration.exits, configuration.credentials.exits
    if section is None or credentials is None:
        raise ConfigurationError(
            "[exits]: expected this section and [credentials.exits], found none; they say where the exits "
            "unit listens, where it remembers and which keys it shows"
        )
    session = read_session(configuration.environment.calendar, configuration.marketdata.date)
    memory = ExitCheckpoints(configuration.path(section.checkpoints), configuration.account.name)
    by_watermark = configuration.gateway.inbox == "watermark"
    host = ExitsHost(
        agent=EXITS,
        session=session,
        patience=Patience(
            partial_fill_seconds=section.partial_fill_seconds, retry_seconds_max=section.retry_seconds_max
        ),
        at_once=[
            symbol
            for symbol, instrument in configuration.instruments.items()
            if isinstance(instrument, CryptoPair | Option)
        ],
        bests=memory.read(),
        by_watermark=by_watermark,
    )
    gateway = GatewayClient(
        lambda: _address(announcements),
        configuration.secret(credentials.gateway),
        answer_seconds=configuration.gateway.answer_wait_ms / 1000 + ANSWER_MARGIN_SECONDS,
    )
    feed = AlpacaFeed(
        address=lambda: _market(announcements),
        feed=configuration.marketdata.source,
        credential=configuration.credential(credentials.marketdata),
        symbols=tuple(configuration.limits.symbol),
        extended=True,
        since=Instant(session.open - 1),
        participant=PARTICIPANT,
    )
    meters = _Meters()
    shell = ExitsShell(
        host,
        feed,
        gateway,
        memory,
        at_once=1 if by_watermark else AT_ONCE,
        count=lambda act, state: meters.acts.labels(act, state).inc(),
        show=meters.show,
    )
    return ExitsParts(
        listen=section.listen,
        work=(shell.hearing.follow_market, lambda: _follow(shell, gateway), shell.act),
        ready=lambda: None if host.waits_for is None else f"it waits for {host.waits_for}",
        metrics=meters.registry,
    )


class _Meters:
    """What the unit shows of itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.acts = Counter(
            "agenttrader_exits_acts",
            "What was done, by kind and by what came of it",
            ["act", "state"],
            registry=self.registry,
        )
        self._positions = Gauge(
            "agenttrader_exits_positions",
            "Positions that stops face whole, and those that none does",
            ["protection"],
            registry=self.registry,
        )
        self._unprotected = Gauge(
            "agenttrader_exits_unprotected_seconds",
            "For how long not all of a position has been protected",
            ["symbol"],
            registry=self.registry,
        )

    def show(self, coverage: Coverage) -> None:
        """Set the gauges."""
        self._positions.labels("covered").set(coverage.covered)
        self._positions.labels("uncovered").set(coverage.uncovered)
        self._unprotected.clear()
        for symbol, seconds in coverage.unprotected_seconds.items():
            self._unprotected.labels(symbol).set(seconds)


async def _follow(shell: ExitsShell, gateway: GatewayClient) -> None:
    try:
        await shell.hearing.follow_gateway()
    finally:
        await gateway.close()


async def _market(announcements: Announcements) -> str:
    return (await announcements.find("marketdata", FIND_SECONDS)).url


def _address(announcements: Announcements) -> str | None:
    found = announcements.get("gateway")
    return None if found is None else found.url
