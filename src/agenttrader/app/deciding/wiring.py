"""The decision-only process, assembled. Nothing of it can reach a broker, or open a broker's secret."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from agenttrader.adapters.calendars import read_calendar
from agenttrader.adapters.clocks import WallClock
from agenttrader.adapters.decision_log import DecisionLog
from agenttrader.adapters.environment_halt import EnvironmentHalt
from agenttrader.adapters.fence import SWITCH as FENCE
from agenttrader.adapters.fence import FenceSwitch, fence_path
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.adapters.journal_file import journal_path
from agenttrader.adapters.journal_reader import read_records
from agenttrader.adapters.persons import verifier
from agenttrader.adapters.waiting_files import WaitingFiles
from agenttrader.app.config import Configuration
from agenttrader.app.deciding.answers import Answers, Tell, World
from agenttrader.app.deciding.decider import Decider
from agenttrader.app.deciding.facts import FILE_BYTES_MAX, NONE, Facts, read_facts
from agenttrader.app.deciding.setup import Wish
from agenttrader.app.gateway.rules import rules_of
from agenttrader.model.decisions import SwitchReading
from agenttrader.model.errors import BadValue
from agenttrader.model.events import Event
from agenttrader.model.records import Sealed
from agenttrader.model.times import Instant, to_datetime
from agenttrader.ports.halt_switch import HaltSwitch
from agenttrader.runtime.rules import Rules

CALENDAR_DAYS = 30
"""How far before and after today the sessions are read."""
ENVIRONMENT = "environment"


def wire_answers(
    configuration: Configuration, wish: Wish, environment: Mapping[str, str], tell: Tell
) -> tuple[Answers, DecisionLog]:
    """What answers, and the log that it writes. Raises StoreError where that cannot be had."""
    switches = _switches(configuration, environment)
    log = DecisionLog(wish.decisions)
    decider = Decider(
        _rules(configuration, (FENCE, *switches.wired)),
        configuration.multipliers(),
        wish.agent,
        configuration.marketdata.max_age_seconds,
        verifier(configuration.people),
        configuration.agents[wish.agent].exit_plan,
    )
    world = World(
        wall=WallClock().now,
        records=_records(configuration),
        switches=switches,
        facts=_facts(wish.marks, tell),
        by_data=configuration.gateway.inbox == "watermark",
        mode=wish.mode,
        data_told=wish.data_told,
        data_age_seconds_max=wish.data_age_seconds_max or configuration.marketdata.max_age_seconds,
    )
    return Answers(decider, world, log, WaitingFiles(wish.decisions), tell), log


class _Switches:
    """The wired switches, read by calling it; the variable counts where it is set, wired or not."""

    def __init__(
        self, made: Iterable[HaltSwitch], wired: tuple[str, ...], fence: Callable[[int], HaltSwitch]
    ) -> None:
        self.wired = wired
        self._made = tuple(made)
        self._fence = fence

    def __call__(self, epoch: int) -> dict[str, SwitchReading]:
        readings = [each.read() for each in (self._fence(epoch), *self._made)]
        return {reading.name: reading for reading in readings}


def _switches(configuration: Configuration, environment: Mapping[str, str]) -> _Switches:
    wired, said = configuration.switches.wired, configuration.halt_variable(environment)
    made: list[HaltSwitch] = []
    if "file" in wired:
        made.append(FileHalt(configuration.path(configuration.switches.file)))
    if ENVIRONMENT in wired or said is not None:
        made.append(EnvironmentHalt(said))
    heads, account = configuration.path(configuration.store.heads_directory), configuration.account.name
    return _Switches(
        made,
        tuple(dict.fromkeys((*wired, *(switch.name for switch in made)))),
        lambda epoch: FenceSwitch(fence_path(heads, account), epoch),
    )


def _rules(configuration: Configuration, wired: tuple[str, ...]) -> Callable[[Instant], Rules]:
    """The rules of the day, read anew when it turns: a calendar knows only so many days."""
    known: dict[str, Rules] = {}

    def of(now: Instant) -> Rules:
        today = to_datetime(now).date()
        if today.isoformat() not in known:
            known.clear()
            margin = timedelta(days=CALENDAR_DAYS)
            calendar = read_calendar(
                configuration.environment.calendar,
                (today - margin).isoformat(),
                (today + margin).isoformat(),
            )
            known[today.isoformat()] = rules_of(configuration, calendar, wired)
        return known[today.isoformat()]

    return of


def _records(configuration: Configuration) -> Callable[[int], Iterable[Sealed[Event]]]:
    path = journal_path(configuration.path(configuration.store.directory), configuration.account.name)
    return lambda after: read_records(path, after) if path.exists() else ()


def _facts(path: Path | None, tell: Tell) -> Callable[[], Facts]:
    """The marks file, understood again when it says something else; what cannot be read says nothing."""
    content, known, fault = b"", NONE, ""

    def read() -> Facts:
        nonlocal content, known, fault
        if path is None:
            return NONE
        try:
            with path.open("rb") as file:
                found = file.read(FILE_BYTES_MAX + 1)
            if found != content:
                content, known = found, read_facts(found)
            fault = ""
        except (OSError, BadValue) as error:
            if str(error) != fault:
                tell("marks_unreadable", {"fault": str(error)})
            content, known, fault = b"", NONE, str(error)
        return known

    return read
