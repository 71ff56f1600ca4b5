"""Who gets what: the one module that knows every concrete class. Every role is assembled here."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from msgspec import Struct
from prometheus_client import CollectorRegistry

from agenttrader.adapters.agent_keys import AgentKeys
from agenttrader.adapters.alpaca.allowance import REQUESTS_PER_MINUTE_MAX
from agenttrader.adapters.alpaca.broker import AlpacaBroker, Patience
from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.alpaca.trade_updates import Emit, Link
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.calendars import read_calendar
from agenttrader.adapters.clocks import MonotonicClock, WallClock, WatermarkClock
from agenttrader.adapters.comparison_reports import append_report
from agenttrader.adapters.environment_halt import EnvironmentHalt
from agenttrader.adapters.fence import SWITCH as FENCE
from agenttrader.adapters.fence import FenceSwitch, fence_path, read_fence
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.adapters.journal_file import journal_path
from agenttrader.adapters.journal_snapshots import maker_of
from agenttrader.adapters.persons import verifier
from agenttrader.adapters.side_journal import read_side_journals
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.app.config import Configuration
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.gateway.attention import WaitingMetrics, tell_of_approvals
from agenttrader.app.gateway.breaker_metrics import registry_of
from agenttrader.app.gateway.breaker_views import breakers_of
from agenttrader.app.gateway.comparing import Comparing
from agenttrader.app.gateway.comparison_metrics import ComparisonMetrics
from agenttrader.app.gateway.comparison_views import comparisons_of
from agenttrader.app.gateway.desk import Desk
from agenttrader.app.gateway.exporting import Exporting
from agenttrader.app.gateway.rules import rules_of
from agenttrader.app.gateway.runtime_state import StateKeeping, strategy_states_of
from agenttrader.app.gateway.shutdown import Shutdown
from agenttrader.app.gateway.starting import refuse_to_start
from agenttrader.app.gateway.stream import Stream
from agenttrader.app.gateway.telling import HaltsHeard, Links
from agenttrader.app.journals.wiring import export_of, reader_of, state_writer_of
from agenttrader.app.sections import EXITS, ConfigMapSwitch
from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.errors import ConfigurationError, InboxFull, StoreError, Unreachable, Unsent
from agenttrader.model.events import Event, SegmentOpened
from agenttrader.model.identifiers import AgentName, PersonName, digest_of
from agenttrader.model.market import Watermark
from agenttrader.model.sessions import Calendar
from agenttrader.model.times import Instant
from agenttrader.ports.clock import MarketClock
from agenttrader.ports.fence import Fence, epoch_above
from agenttrader.ports.halt_switch import FollowedSwitch, HaltSwitch
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inbox import ArrivalInbox, Inbox, WatermarkInbox
from agenttrader.runtime.inputs import Input
from agenttrader.runtime.meanwhile import meanwhile
from agenttrader.runtime.recovery import Reconciler
from agenttrader.runtime.rule_values import said_by
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.session import Session
from agenttrader.runtime.starting import Folding
from agenttrader.runtime.state import State

CALENDAR_DAYS = 30
"""How far before and after the day at hand the calendar is read: enough for the next session and the last."""
FIND_SECONDS = 2.0
"""How long a peer that has not announced itself is waited for before the link is said to be down."""
TICK_SECONDS = 0.5
"""How often the time is told where it is this machine's."""
SWITCH_SECONDS = 0.25
"""How often the wired switches are read: within the second that a halt may take."""

logger = structlog.get_logger()

Work = Callable[[], Coroutine[Any, Any, None]]


class GatewayParts(Struct, frozen=True):
    """A gateway, assembled: what its face serves, what it does until it is stopped, and what it waits for."""

    desk: Desk
    alpaca: AlpacaDesk
    agents: Mapping[str, AgentName]
    people: dict[str, PersonName]
    work: tuple[Work, ...]
    ready: Callable[[], str | None]
    metrics: CollectorRegistry
    turns: Callable[[], int]
    """How often its session has turned; a wedged one does not."""
    wind_down: Callable[[], Awaitable[str]]
    """Stops in order; what was left, or an empty text."""


def wire_gateway(configuration: Configuration, announcements: Announcements, code: str) -> GatewayParts:
    """The gateway of one account, built from the commit `code`. Opens and verifies the journal.

    Raises StoreError and its kin, and ConfigurationError for an account that this version cannot trade.
    """
    examined = refuse_to_start(configuration, code, WallClock().now())
    journal, rules = _journal(configuration), _rules(configuration, examined)
    multipliers = configuration.multipliers()
    folding = Folding(journal, multipliers, maker_of(multipliers), MonotonicClock())

    clock, resync = _clock(configuration), asyncio.Event()
    engine, fence = Engine(rules, *folding.start()), _fence(configuration)
    gc.freeze()  # What was folded stays: to look it through for garbage would hold up orders for a second.
    epoch = epoch_above(engine.state.segment.epoch if engine.state.segment else 0, fence)
    switches = switches_of(configuration, epoch)
    broker = _broker(
        configuration,
        announcements,
        clock,
        lambda said: session.broker(said),  # noqa: PLW0108 - the session is made below, of the broker
        lambda up, reason: links.broker(up=up, reason=reason),
    )
    shutdown = _shutdown(configuration)
    looked_at = [shutdown, *switches]
    dispatcher = Dispatcher(broker, looked_at, lambda said: halts.hear(said))  # noqa: PLW0108 - as above
    session = Session(
        engine=engine,
        segment=lambda state: _segment(configuration, rules, state, code, epoch),
        refold=lambda: Engine(rules, *folding.start()),
        journal=journal,
        dispatcher=dispatcher,
        clock=clock,
        inbox=_inbox(configuration),
        capacity=configuration.gateway.inbox_capacity,
        batch_max=configuration.gateway.batch_max,
        resync=resync.set,
        meanwhile=_meanwhile(configuration, fence),
    )
    session.listeners.append(tell_of_approvals)
    links, halts = Links(session, resync), HaltsHeard(session)
    feed = _feed(configuration, announcements)
    comparing = _comparing(configuration, session, broker, resync)
    metrics = _metrics(session, dispatcher)
    desk = Desk(
        session=session,
        stream=Stream(session, first=_first(configuration)),
        comparing=comparing,
        switches=switches,
        verify=verifier(configuration.people),
        answer_wait_seconds=configuration.gateway.answer_wait_ms / 1000,
    )
    return GatewayParts(
        desk=desk,
        alpaca=AlpacaDesk(desk, AlpacaUpdates(session), configuration.agents),
        agents=_agent_keys(configuration),
        people={person.token_sha256: name for name, person in configuration.people.items()},
        work=(
            *_recording(configuration, session, metrics, lambda: _decide(session, journal, folding)),
            broker.run,
            lambda: feed.follow(session.market, lambda up, reason: links.marketdata(up=up, reason=reason)),
            comparing.follow,
            lambda: _watch_switches(session, desk, halts),
            *(() if isinstance(clock, WatermarkClock) else (lambda: _tell_time(session, clock),)),
            *(switch.follow for switch in switches if isinstance(switch, FollowedSwitch)),
        ),
        ready=lambda: _waits_for(session),
        metrics=metrics,
        turns=lambda: session.turns,
        wind_down=lambda: shutdown.run(session),
    )


def _comparing(
    configuration: Configuration, session: Session, broker: AlpacaBroker, resync: asyncio.Event
) -> Comparing:
    settings = configuration.reconciliation
    reconciler = Reconciler(session, broker, configuration.account.name)
    keep = partial(append_report, configuration.path(settings.reports))
    return Comparing(session, reconciler, resync, settings.every_seconds, keep)


def _recording(
    configuration: Configuration, session: Session, metrics: CollectorRegistry, decide: Work
) -> tuple[Work, ...]:
    """To decide, and beside it to keep up what others read of it: the daily export, the runtime state."""
    exporting = Exporting(export_of(configuration), reader_of(configuration))
    exporting.register(metrics)
    keeping = StateKeeping(session, state_writer_of(configuration), strategy_states_of(configuration))
    return lambda: exporting.during(lambda: keeping.during(decide)), exporting.follow, keeping.follow


def _metrics(session: Session, dispatcher: Dispatcher) -> CollectorRegistry:
    registry = registry_of(lambda: breakers_of(session.engine, session.now), dispatcher.balance)
    registry.register(ComparisonMetrics(lambda: comparisons_of(session.engine, session.now)))
    registry.register(WaitingMetrics(lambda: session.engine, lambda: session.now))
    return registry


def _agent_keys(configuration: Configuration) -> AgentKeys:
    path = configuration.path(configuration.gateway.agent_keys)
    return AgentKeys(path, configuration.agent_names(), WallClock().now)


def _clock(configuration: Configuration) -> WatermarkClock | WallClock:
    """The data's time rules at the venue alone; a real account goes by this machine's, whatever comes."""
    return WatermarkClock() if configuration.broker.is_simulated else WallClock()


async def _tell_time(session: Session, clock: WallClock) -> None:
    """Let time go on by itself: windows end and days turn though no data come."""
    while True:
        with suppress(InboxFull):
            session.market(Watermark(time=clock.now()))
        await asyncio.sleep(TICK_SECONDS)


async def _decide(session: Session, journal: SqliteJournal, folding: Folding) -> None:
    try:
        await session.run()
    finally:
        await session.stop("the process stopped")
        if not session.failure:
            folding.keep(session.engine.state, session.engine.chain)
        journal.close()


async def _watch_switches(session: Session, desk: Desk, halts: HaltsHeard) -> None:
    await session.started.wait()
    while True:
        halts.tell()
        try:
            await desk.read_switches()
        except StoreError as error:
            # No window is open then, so trading is halted as it is; whoever opens one is told the same.
            logger.error("switch_stuck", reason=str(error))  # noqa: TRY400 - a trace says nothing more
        await asyncio.sleep(SWITCH_SECONDS)


def _broker(
    configuration: Configuration, announcements: Announcements, clock: MarketClock, emit: Emit, link: Link
) -> AlpacaBroker:
    return AlpacaBroker(
        address=configuration.broker.where(lambda: _address(announcements, "venue")),
        credential=configuration.credential(configuration.credentials.gateway.broker),
        account=configuration.account.name,
        surroundings=configuration.broker.kind,
        clock=clock,
        emit=emit,
        link=link,
        patience=Patience(
            answer_seconds=configuration.gateway.submit_timeout_ms / 1000,
            requests_per_minute_max=None if configuration.broker.is_simulated else REQUESTS_PER_MINUTE_MAX,
        ),
    )


def _first(configuration: Configuration) -> AgentName | None:
    """Who comes first at each watermark: what is held is left before anything is added to it."""
    return EXITS if configuration.exits is not None and configuration.gateway.inbox == "watermark" else None


def _inbox(configuration: Configuration) -> Inbox[Input]:
    by_watermark = configuration.gateway.inbox == "watermark"
    return WatermarkInbox[Input]() if by_watermark else ArrivalInbox[Input]()


def _shutdown(configuration: Configuration) -> Shutdown:
    stops = configuration.gateway
    return Shutdown(stops.shutdown_seconds, cancels=stops.entries_at_shutdown == "cancel")


def _fence(configuration: Configuration) -> Fence | None:
    """The fence as it stands at the start; one that cannot be read freezes the process that starts."""
    try:
        return read_fence(_fence_path(configuration))
    except StoreError as error:
        logger.error("fence_unreadable", reason=str(error))  # noqa: TRY400 - a trace says nothing more
        return None


def _meanwhile(configuration: Configuration, fence: Fence | None) -> Callable[[State], Sequence[Event]]:
    """What this start takes in of what was done while no gateway could be asked."""
    heads = configuration.path(configuration.store.heads_directory)
    acted = read_side_journals(heads, configuration.account.name)
    return lambda state: meanwhile(state, fence, acted)


def _fence_path(configuration: Configuration) -> Path:
    return fence_path(configuration.path(configuration.store.heads_directory), configuration.account.name)


def switches_of(configuration: Configuration, epoch: int) -> list[HaltSwitch]:
    """The wired switches outside the store, and the fence, which is always one of them."""
    made: dict[str, Callable[[], HaltSwitch]] = {
        "file": lambda: FileHalt(configuration.path(configuration.switches.file)),
        "environment": lambda: EnvironmentHalt(configuration.halt_variable()),
    }
    if (found := configuration.switches.configmap) is not None:
        made["configmap"] = lambda: _configmap(configuration, found)
    wired = [made[name]() for name in configuration.switches.wired if name in made]
    return [FenceSwitch(_fence_path(configuration), epoch), *wired]


def _configmap(configuration: Configuration, found: ConfigMapSwitch) -> HaltSwitch:
    """The cluster's switch. A gateway without a cluster is installed without the library for one."""
    try:
        from agenttrader.adapters.configmap_halt import ConfigMapHalt, read_cluster  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            f"[switches.configmap]: expected the extra `cluster` to be installed, found: {error}; "
            "install agenttrader[cluster]"
        ) from error
    file = None if found.kubeconfig is None else str(configuration.path(found.kubeconfig))
    return ConfigMapHalt(
        read_cluster(file),
        namespace=found.namespace,
        config_map=found.name,
        key=found.key,
        silence_seconds_max=found.silence_seconds_max,
        clock=MonotonicClock(),
    )


def _journal(configuration: Configuration) -> SqliteJournal:
    store, account = configuration.store, configuration.account.name
    return SqliteJournal(
        journal_path(configuration.path(store.directory), account),
        account=account,
        heads_folder=configuration.path(store.heads_directory),
        key_folder=configuration.path(store.keys_directory),
        head_every=configuration.gateway.heads_every_records,
    )


def _feed(configuration: Configuration, announcements: Announcements) -> AlpacaFeed:
    """The gateway's own subscription, for every symbol that its agents may trade."""
    return AlpacaFeed(
        address=lambda: _waited_for(announcements, "marketdata"),
        feed=configuration.marketdata.source,
        credential=configuration.credential(configuration.credentials.gateway.marketdata),
        symbols=tuple(configuration.limits.symbol),
        extended=True,
    )


def _waits_for(session: Session) -> str | None:
    if not session.started.is_set():
        return "the market's time: market data and the broker have not both been heard"
    is_compared = session.engine.state.reconciled is not None or session.is_behind
    return None if is_compared else "the first comparison with the broker"


def _rules(configuration: Configuration, examined_until: Instant | None) -> Rules:
    wired = (FENCE, *configuration.switches.wired)
    return rules_of(configuration, calendar_around(configuration), wired, examined_until)


def calendar_around(configuration: Configuration) -> Calendar:
    """The exchange's sessions around the day that the market data plays."""
    day = date.fromisoformat(configuration.marketdata.date)
    margin = timedelta(days=CALENDAR_DAYS)
    return read_calendar(
        configuration.environment.calendar, (day - margin).isoformat(), (day + margin).isoformat()
    )


def _segment(
    configuration: Configuration, rules: Rules, state: State, code: str, epoch: int
) -> SegmentOpened:
    parameters = "|".join(
        f"{run.name} {run.class_name} {sorted(run.parameters.items())}" for run in configuration.strategy.run
    )
    return SegmentOpened(
        session=configuration.marketdata.date,
        account=configuration.account.name,
        epoch=epoch,
        configuration=configuration.digest,
        code=code,
        parameters=digest_of(parameters.encode()),
        calendar=rules.calendar.digest,
        rules=said_by(rules, state.ruling),
    )


async def _waited_for(announcements: Announcements, role: str) -> str:
    """Where the role listens now. Raises Unreachable where it does not."""
    return (await announcements.find(role, FIND_SECONDS)).url


def _address(announcements: Announcements, role: str) -> str | None:
    """Where the role listens now; None where it has not said so. Raises Unsent where that cannot be read."""
    try:
        found = announcements.get(role)
    except Unreachable as error:
        raise Unsent(str(error)) from error
    return None if found is None else found.url
